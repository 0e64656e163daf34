//! The columns of a binary table, checked against the length of its rows.

use fitsio_pure::bintable::{BinaryColumnType, binary_type_byte_size, parse_tform_binary};

use super::cards::Cards;
use super::hdus::{Checked, Fault, MOST_AXES, Part, needed, once, product};

/// A column of a binary table.
pub struct Column {
    pub name: String,
    /// Its first byte in a row.
    pub at: usize,
    pub repeat: usize,
    pub kind: BinaryColumnType,
}

/// The columns of a binary table, which fill its rows.
pub fn columns(cards: &Cards) -> Checked<Vec<Column>> {
    let row = needed(cards, "NAXIS1", 0, i64::MAX)? as u64;
    let count = needed(cards, "TFIELDS", 0, MOST_AXES)?;
    let mut columns = Vec::new();
    let mut at = 0_u64;
    for n in 1..=count {
        let name = format!("TFORM{n}");
        once(cards, &name)?;
        once(cards, &format!("TTYPE{n}"))?;
        let form = cards.text(&name).unwrap_or_default();
        // It cuts texts by bytes.
        let parsed = form.is_ascii().then(|| parse_tform_binary(&form));
        let fault = || Fault::new(format!("{name} = '{form}'"), "a format of binary tables");
        let (repeat, kind) = parsed.and_then(Result::ok).ok_or_else(fault)?;
        let width = match kind {
            BinaryColumnType::Bit => repeat.div_ceil(8) as u64,
            _ => product([repeat as u64, binary_type_byte_size(&kind) as u64])?,
        };
        columns.push(Column {
            name: cards.text(&format!("TTYPE{n}")).unwrap_or_default(),
            at: at as usize,
            repeat,
            kind,
        });
        at += width;
        if at > row {
            break;
        }
    }
    if at != row {
        return Err(Fault::new(
            format!("NAXIS1 = {row} with columns (TFORMn) of {at} bytes or more"),
            "a row as long as its columns",
        ));
    }
    Ok(columns)
}

/// Refuses a binary table whose columns do not fill its rows.
pub fn check_table(part: &Part) -> Checked<()> {
    columns(&part.cards).map(|_| ())
}
