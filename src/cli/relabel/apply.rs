//! `rbgpu relabel --apply`: labels of what was decided.

use super::super::Done;
use super::super::outputs::{Force, Outputs, check_csv};
use super::super::terminal::Terminal;
use super::{Arguments, Sorted, labels};
use crate::data::labels::write_labels;
use crate::error::escape::one_line;
use crate::relabel::{Applied, Decisions, Mode, apply};
use crate::{Error, Result};

/// Ids that are named before the rest is counted.
const NAMED: usize = 5;

/// Reads the journal, makes labels and writes them.
pub fn run(arguments: &Arguments, sorted: &Sorted, terminal: &Terminal) -> Result<Done> {
    let out = arguments.out.as_deref().expect("clap requires it");
    let mut inputs = sorted.data.clone();
    inputs.extend(sorted.suspects.clone());
    inputs.extend(arguments.reading.labels.clone());
    inputs.push(sorted.journal.clone());
    let force = Force {
        force: arguments.force,
    };
    let mut outputs = Outputs::new(force, &inputs, terminal);
    outputs.keep(&[out])?;
    check_csv(out)?;
    let decisions = Decisions::read(&sorted.journal, Mode::Repair)?;
    if decisions.is_empty() {
        let found = match decisions.others {
            0 => "no decision".into(),
            n => format!("no decision of a repair, and {n} of a vote"),
        };
        let expected = "decisions; `rbgpu votes` counts votes";
        return Err(Error::input(&sorted.journal, "lines", found, expected));
    }
    let data = arguments.reading.open(&sorted.data, false, terminal)?;
    let labels = labels(arguments, sorted, &data, terminal)?;
    let applied = apply(&decisions, &data, &labels, arguments.unsure.into())?;
    write_labels(out, &applied.rows)?;
    say(&applied, &decisions, arguments, terminal);
    if !arguments.quiet {
        let (flipped, kept, unsure) = (applied.flipped, applied.kept, applied.unsure);
        let mut text = format!(
            "{flipped} flipped ({} to real, {} to bogus), {kept} kept, {unsure} unsure",
            applied.to_real,
            flipped - applied.to_real
        );
        if applied.new > 0 {
            text += &format!(", {} that had no label", applied.new);
        }
        let looked = flipped + kept + unsure + applied.new + applied.tied.len();
        text += &format!(
            "; {} untouched\n\nlabels  {}",
            applied.rows.len() - looked,
            out.display()
        );
        terminal.result(&text)?;
    }
    Ok(Done::reading(&data))
}

/// What a user should know of how people differ.
fn say(applied: &Applied, decisions: &Decisions, arguments: &Arguments, terminal: &Terminal) {
    if applied.conflicts > 0 {
        let more = "the majority of those who are sure counts";
        terminal.notice(&format!(
            "about {} candidates people differ: {more}",
            applied.conflicts
        ));
    }
    let tied = &applied.tied;
    if !tied.is_empty() {
        let mut named: Vec<String> = tied
            .iter()
            .take(NAMED)
            .map(|id| one_line(id).into())
            .collect();
        if tied.len() > NAMED {
            named.push(format!("and {} more", tied.len() - NAMED));
        }
        let unsure = match crate::relabel::Unsure::from(arguments.unsure) {
            crate::relabel::Unsure::Keep => "they keep the label that they have",
            crate::relabel::Unsure::Drop => "they have none now",
        };
        terminal.notice(&format!(
            "about {} candidates as many say real as say bogus: {unsure} (--unsure), and stand as \
             unsure: {}",
            tied.len(),
            named.join(", ")
        ));
    }
    if applied.strangers > 0 {
        terminal.notice(&format!(
            "{} candidates of the journal are not in the data",
            applied.strangers
        ));
    }
    if decisions.others > 0 {
        let others = decisions.others;
        terminal.notice(&format!(
            "{others} votes in the journal do not count here (`rbgpu votes`)"
        ));
    }
}
