//! Whether a run learned anything, and if not, why.

use super::Session;
use super::finished::HeldOut;
use crate::Result;
use crate::judge::{EpochRecord, Scored};

/// Training candidates of a class below which there are too few to learn from.
const FEW: usize = 10;
/// Training cutouts whose pixels are looked at.
const LOOKED_AT: usize = 256;
/// Scores closer together than this are equal: f32 has no more digits near 1.
const EQUAL: f64 = 1e-6;

/// What is doubtful about a run that may have learned nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Doubt {
    /// `Some(false)`: nothing was learned; `None`: nobody can tell.
    pub learned: Option<bool>,
    /// What was seen, and why it may be so.
    pub text: String,
}

/// `None` where the scores of the validation part separate the classes better than chance.
pub(super) fn doubt(
    session: &Session,
    history: &[EpochRecord],
    held_out: &HeldOut,
) -> Result<Option<Doubt>> {
    let Some((certain, seen)) = seen(&held_out.validation) else {
        return Ok(None);
    };
    // Too few candidates for a verdict by their order, and none of them is told from the others.
    let certain = certain || held_out.decision().notice.is_some();
    let (learned, begins) = match certain {
        true => (Some(false), "nothing was learned"),
        false => (None, "it is unclear whether anything was learned"),
    };
    let mut text = format!("{begins}: {seen}");
    let mut reasons = pixels(session)?;
    let [real, bogus] = session.classes();
    if real.min(bogus) < FEW {
        reasons.push(format!(
            "the training part has {real} real and {bogus} bogus cutouts; {FEW} of each are the \
             least to learn from"
        ));
    }
    if reasons.is_empty() && certain {
        reasons.extend(loss(history));
    }
    for reason in reasons {
        text += &format!("; {reason}");
    }
    Ok(Some(Doubt { learned, text }))
}

/// What is wrong with the scores of the validation part, and whether that is certain.
fn seen(validation: &Scored) -> Option<(bool, String)> {
    let [low, high] = validation.range()?;
    if high - low <= EQUAL {
        let count = validation.len();
        return Some((
            true,
            format!("all {count} validation candidates have the score {high:.4}"),
        ));
    }
    let auc = validation.auc()?;
    let (real, bogus) = (validation.positives() as f64, validation.negatives() as f64);
    // Of scores that say nothing: the standard error of Mann and Whitney's U, per pair.
    let error = ((real + bogus + 1.0) / (12.0 * real * bogus)).sqrt();
    if auc > 0.5 + 2.0 * error {
        return None;
    }
    let part = format!("the {real} real and {bogus} bogus validation candidates");
    Some(match auc <= 0.5 + error && 0.5 + 2.0 * error < 1.0 {
        true => (
            true,
            format!("the AUC of {part} is {auc:.3}, and chance gives 0.5 \u{b1} {error:.3}"),
        ),
        false => (
            false,
            format!("{part} are too few to show it (AUC {auc:.3})"),
        ),
    })
}

/// What is wrong with the pixels of the training part.
fn pixels(session: &Session) -> Result<Vec<String>> {
    let (data, rows) = (session.data(), &session.split().train);
    let preprocess = session.config().preprocess;
    let mut raw = vec![0.0_f32; data.shape.len()];
    let made = preprocess.output_shape(data.shape)?;
    let mut ready = vec![0.0_f32; made.len()];
    let mut first: Option<Vec<f32>> = None;
    let (mut looked_at, mut infinite, mut flat, mut alike) = (0, 0, 0, 0);
    for &row in rows.iter().step_by(rows.len().div_ceil(LOOKED_AT).max(1)) {
        data.pixels.read(row, &mut raw)?;
        preprocess.read(data.shape, &mut ready, |out| data.pixels.read(row, out))?;
        looked_at += 1;
        infinite += usize::from(raw.iter().any(|v| v.is_infinite()));
        flat += usize::from(ready.iter().all(|v| *v == ready[0]));
        alike += usize::from(*first.get_or_insert_with(|| ready.clone()) == ready);
    }
    let mut found = Vec::new();
    if 2 * infinite > looked_at {
        found.push(format!(
            "pixels of {infinite} of {looked_at} cutouts are infinite in f32, which ends at 3.4e38: \
             divide them by a constant first"
        ));
    }
    if 2 * flat > looked_at {
        found.push(format!(
            "all pixels of {flat} of {looked_at} cutouts are equal after preprocessing '{preprocess}'"
        ));
    } else if alike == looked_at && looked_at > 1 {
        found.push(format!(
            "all {looked_at} cutouts that were compared are the same after preprocessing '{preprocess}'"
        ));
    }
    Ok(found)
}

/// What the training loss says.
fn loss(history: &[EpochRecord]) -> Option<String> {
    let (first, last) = (history.first()?.loss, history.last()?.loss);
    Some(match last < 0.99 * first {
        true => format!(
            "the training loss fell from {first:.4} to {last:.4} and the validation part did not \
             follow: too few candidates, or labels that do not fit the cutouts"
        ),
        false => format!(
            "the training loss did not fall ({first:.4}, then {last:.4}): try another \
             --learning-rate, --normalise or more --epochs"
        ),
    })
}
