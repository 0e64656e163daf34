//! The random-forest baseline: what is measured of candidates, and trees on it.
//!
//! | file | what it does |
//! |---|---|
//! | [`names`] | the 38 features of Goldstein et al. 2015 |
//! | [`table`](mod@table), `read` | features of candidates, from a file and to one |
//! | [`features`] | those features that stamps alone give, measured |
//! | `settings` | how a forest is grown |
//! | [`train`](mod@train) | a forest from a table, by the crate datarust |
//! | `tree` | one tree as it is kept: routes a row to a leaf |
//! | [`model`] | a forest that is trained: scores, importances, where it is from |
//! | `file` | the same on disk |
//! | [`parts`] | which candidates it is fitted to, and which are held out |
//! | [`run`] | a file of features to a forest, and to scores, in one call each |
//!
//! Label 1 is real and a score is P(real), here as everywhere; a table with autoScan's
//! OBJECT_TYPE (1 an artifact) is turned when it is read.
//!
//! Source: Goldstein, D. A. et al. 2015, AJ 150, 82 (features, forest); Ayyar et al. 2022,
//! PASP 134, 094501 (the settings that are the default here).

pub mod features;
mod file;
pub mod model;
pub mod names;
pub mod parts;
mod read;
pub mod run;
mod settings;
pub mod table;
pub mod train;
mod tree;

pub use model::{Forest, Measured, Provenance, Scores};
pub use parts::Division;
pub use read::TableOptions;
pub use settings::{Criterion, Settings};
pub use table::FeatureTable;
pub use train::Trained;
