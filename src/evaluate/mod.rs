//! From models, score files and data to an evaluation and its report on disk.
//!
//! | file | what it does |
//! |---|---|
//! | [`source`] | which inputs are models and score files |
//! | [`score_file`] | reads scores of anything |
//! | [`held_out`] | which candidates a model has not been fitted to |
//! | `split_file`, `shared` | the table of a split; what rows have in common with the training part |
//! | `ancestry` | what the models that it goes on from were fitted to |
//! | [`again`] | how the data of a model that goes on learning are split |
//! | `candidates`, `scoring`, [`gather`](mod@gather) | scores, and joins by candidate |
//! | [`columns`] | what is known of candidates, by column |
//! | [`pick`] | which candidates are worth looking at |
//! | [`rule`] | which threshold to store in a model |
//! | [`attention`] | what a model looked at |
//! | [`folder`], [`gallery`] | the page, figures, galleries |
//! | [`tables`] | every number as CSV |

pub mod again;
mod ancestry;
pub mod attention;
mod candidates;
pub mod columns;
pub mod folder;
pub mod gallery;
pub mod gather;
pub mod held_out;
pub mod pick;
pub mod rule;
pub mod score_file;
mod scoring;
mod shared;
pub mod source;
mod split_file;
pub mod tables;

pub use gather::{Gathered, Request, Watcher, gather};
pub use held_out::Rows;
pub use rule::Rule;
pub use source::{Source, What};
pub use split_file::{check_own_split, split_fingerprint};

use crate::Result;
use crate::judge::{self, Evaluation, Labelled, Options, Subject};

/// Judges what was gathered. `progress` hears what is being done and which part of all is
/// done. The columns are needed no more and are taken out of `gathered`.
pub fn judged(
    gathered: &mut Gathered,
    options: &Options,
    progress: &(dyn Fn(&str, f64) + Sync),
) -> Result<Evaluation> {
    let data = Labelled {
        columns: std::mem::take(&mut gathered.columns),
        labels: &gathered.labels,
    };
    fn subject(c: &gather::Classified) -> Subject<'_> {
        Subject {
            name: c.name.clone(),
            scores: &c.scores,
            threshold: c.threshold,
            threshold_from: c.threshold_from.clone(),
            training: c.training.clone(),
        }
    }
    let subjects: Vec<Subject> = gathered.classifiers.iter().map(subject).collect();
    judge::evaluate(&data, &subjects, options, progress)
}
