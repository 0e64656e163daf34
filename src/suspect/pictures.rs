//! What a person sees of suspects before opening them one by one.

use super::{Evidence, Shown, Suspects};
use crate::Result;
use crate::data::{Channel, Dataset};
use crate::judge::category;
use crate::report::{self, Drawing, Tile};

/// Planes in a row of the sheet, about.
const PLANES: usize = 12;
/// Tiles in a row.
const MOST: usize = 6;

/// The first `most` of what [`write_csv`](super::write_csv) writes on one sheet; `None` where
/// there is nothing to show.
pub fn sheet(
    (data, places): (&Dataset, Option<&[usize]>),
    evidence: &Evidence,
    suspects: &Suspects,
    shown: &Shown,
    most: usize,
) -> Result<Option<Drawing>> {
    let rows = shown.rows(suspects)?;
    let scores = shown.scores(evidence, suspects);
    let tile = |(rank, &row): (usize, &usize)| -> Result<Tile> {
        let place = places.map_or(row, |places| places[row]);
        let mut pixels = vec![0.0; data.shape.len()];
        data.pixels.read(place, &mut pixels)?;
        let names = data.channels.as_ref().map_or_else(Vec::new, |channels| {
            channels.iter().map(Channel::to_string).collect()
        });
        let (label, score) = (evidence.labels[row], scores[row]);
        Ok(Tile {
            pixels,
            height: data.shape.height,
            width: data.shape.width,
            channels: data.shape.channels,
            names,
            title: end(&data.candidates[place].id),
            captions: vec![
                format!("P {score:.4}"),
                format!("cat. {}, no. {rank}", category(label, score)),
            ],
            real: label == 1,
            ..Tile::default()
        })
    };
    let first = rows.iter().take(most);
    let tiles = (1..).zip(first).map(tile).collect::<Result<Vec<_>>>()?;
    if tiles.is_empty() {
        return Ok(None);
    }
    let columns = (PLANES / data.shape.channels).clamp(1, MOST);
    report::gallery(&tiles, columns).map(Some)
}

/// The end of an id, which tells it from others better than its beginning does.
fn end(id: &str) -> String {
    match id.char_indices().rev().nth(9) {
        Some((at, _)) if at > 0 => format!("…{}", &id[at..]),
        _ => id.to_string(),
    }
}
