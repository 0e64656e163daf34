//! The work of `rbgpu explain`.

use indicatif::ProgressBar;

use super::files::{ENTRIES, Files, write_json};
use super::pictures::Pictures;
use super::summary::Summary;
use super::{AT_ONCE, Arguments, Done, Terminal};
use crate::cli::args::NAMED;
use crate::data::Failed;
use crate::data::atomic::Temporary;
use crate::data::results::{place_in, put, renamed};
use crate::explain::explained::scores;
use crate::explain::{self, Found, Question, Sample};
use crate::train::Classifier;
use crate::{Error, Result};

/// What is written to, once there is something.
pub struct Output {
    files: Files,
    pictures: Pictures,
    /// Where it is until it is whole.
    place: Temporary,
}

/// Some candidates after the other, explained and written.
pub struct Work<'a> {
    pub classifier: &'a Classifier,
    pub question: &'a Question,
    pub terminal: Terminal,
    pub bar: ProgressBar,
    pub at_once: usize,
    pub failed: usize,
    pub padded: usize,
    /// Nothing before there is something to write.
    pub output: Option<Output>,
    pub summary: Summary,
}

impl Work<'_> {
    /// [`take`](Self::take) of as many at a time as memory should hold.
    pub fn take_all(&mut self, found: &[Found], arguments: &Arguments) -> Result<()> {
        // Occlusion is some hundred passes for each candidate: the bar moves after some of them.
        let most = if self.question.occlusion.is_some() {
            4
        } else {
            AT_ONCE
        };
        for found in found.chunks(most) {
            self.take(found, arguments)?;
            self.bar.inc(found.len() as u64);
        }
        Ok(())
    }

    /// Explains some candidates and writes what can be written.
    pub fn take(&mut self, found: &[Found], arguments: &Arguments) -> Result<()> {
        let mut samples: Vec<Sample> = Vec::new();
        for found in found {
            match found {
                Found::Sample(sample) => samples.push((**sample).clone()),
                Found::Failed(failed) => self.leave_out(failed, arguments)?,
            }
        }
        let scores = scores(self.classifier, &samples, &mut self.at_once)?;
        let mut known = Vec::new();
        let mut kept = Vec::new();
        for (sample, score) in samples.into_iter().zip(scores) {
            if score.is_nan() {
                let failed = Failed {
                    candidate: sample.candidate,
                    why: "pixels beyond what the network's numbers can hold".into(),
                    unreadable: true,
                };
                self.leave_out(&failed, arguments)?;
                continue;
            }
            self.padded += usize::from(sample.padded);
            kept.push(sample);
            known.push(score);
        }
        if kept.is_empty() {
            return Ok(());
        }
        let (question, classifier) = (self.question, self.classifier);
        let found = explain::explain(classifier, &kept, known, question, &mut self.at_once)?;
        let output = match &mut self.output {
            Some(output) => output,
            none => {
                let place = place_in(&arguments.out)?;
                let each = arguments.each;
                none.insert(Output {
                    files: Files::new(place.path(), classifier, question)?,
                    pictures: Pictures::new(place.path(), classifier, question, each)?,
                    place,
                })
            }
        };
        output
            .files
            .write(&kept, &found)
            .and_then(|()| output.pictures.add(&kept, &found))
            .map_err(|error| renamed(error, output.place.path(), &arguments.out))?;
        self.summary.add(&found);
        Ok(())
    }

    fn leave_out(&mut self, failed: &Failed, arguments: &Arguments) -> Result<()> {
        let (what, why) = (failed.candidate.place(), &failed.why);
        if failed.unreadable {
            self.failed += 1;
            if arguments.reading.strict {
                return Err(Error::Candidate {
                    candidate: what.to_string(),
                    why: why.clone(),
                });
            }
        }
        let first = self.summary.left_out.len() < NAMED;
        if first || self.terminal.verbose() {
            let notice = format!("left out {what}: {why}");
            self.bar.suspend(|| self.terminal.notice(&notice));
        }
        self.summary.left_out.push([what.to_string(), why.clone()]);
        Ok(())
    }

    /// Writes what was kept back, and says what was found.
    pub fn finish(self, arguments: &Arguments) -> Result<Done> {
        let terminal = self.terminal;
        let more = self.summary.left_out.len().saturating_sub(NAMED);
        if more > 0 && !terminal.verbose() {
            terminal.notice(&format!("left out {more} more (-v lists them)"));
        }
        let Some(output) = self.output else {
            return Err(Error::input(
                arguments.inputs.first().expect("clap wants one"),
                "its candidates",
                match self.summary.left_out.len() {
                    0 => "none".to_string(),
                    count => format!("{count}, none of which can be explained"),
                },
                "at least one that the model can score",
            ));
        };
        if self.padded > 0 {
            terminal.notice(&format!(
                "{} cutouts were smaller than the model's and were padded",
                self.padded
            ));
        }
        let count = self.summary.count();
        let Output {
            files,
            pictures,
            place,
        } = output;
        let model = arguments.model.display().to_string();
        let json = self.summary.json(&model);
        let written = || {
            let drawn = pictures.finish()?;
            files.finish()?;
            write_json(place.path(), &json)?;
            Ok(drawn)
        };
        let drawn = written().map_err(|error| renamed(error, place.path(), &arguments.out))?;
        put(place.path(), &arguments.out, ENTRIES)?;
        if drawn < count {
            terminal.notice(&format!(
                "the sheets show the first {drawn} of {count} (--each draws all)"
            ));
        }
        terminal.result(&self.summary.table())?;
        if let Some(text) = self.summary.dark() {
            terminal.notice(&text);
        }
        terminal.notice(&format!(
            "{count} candidates explained: {}",
            arguments.out.display()
        ));
        Ok(match self.failed {
            0 => Done::Whole,
            _ => Done::Partly,
        })
    }
}
