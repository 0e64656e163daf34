//! Which labels are likely to be wrong (Ayyar et al. 2022, Sect. 4.3), and how many.
//!
//! | file | what it does |
//! |---|---|
//! | `evidence` | from labels and the scores of several networks to every rule's ranking |
//! | `table` | suspects.csv, and the same as JSON |
//! | [`models`] | scores of given models and score files |
//! | [`folds`] | scores of networks that were not fitted to the candidate, by cross-validation |
//! | [`pictures`] | the first suspects as a sheet, scores by label |
//! | [`voting`] | votes as a label file; what networks say of disputed candidates |
//!
//! The rules themselves are plain functions of labels and scores:
//! [`judge::suspicion`](crate::judge::suspicion), [`judge::confident`](crate::judge::confident);
//! what they find of labels known to be wrong is
//! [`judge::planted`](crate::judge::planted).

mod evidence;
pub mod folds;
pub mod models;
pub mod pictures;
mod table;
pub mod voting;

pub use evidence::{Evidence, Named, Network, Options, Suspects, check_rule, suspects};
pub use table::{Shown, summary, write_csv, write_json};
