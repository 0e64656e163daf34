//! Ayyar et al. 2022 (PASP 134 094501) from end to end: four networks and a forest on labels of
//! which some are wrong, the finding of these, an expert who looks, everything again on repaired
//! labels; then another survey, whose labels are people's votes.
//!
//! | file | what it is |
//! |---|---|
//! | [`scale`] | how large, how long |
//! | [`sample`] | the candidates: simulated with planted wrong labels, or a user's own |
//! | [`published`] | the paper's numbers |
//! | `networks`, `compare` | one training; classifiers beside each other |
//! | `first`, `repair`, `second` | Sects. 4.2 and 4.3; 4.4; 4.5 |
//! | `live`, `voters` | Sect. 4.6, and who votes there |
//! | `found` | which rule finds wrong labels |
//! | `page`, `words`, `claims` | the report |
//! | `files` | its folder |
//! | [`run`](mod@run) | all of it in order |

mod claims;
mod compare;
mod files;
mod first;
mod found;
mod live;
mod networks;
mod page;
mod progress;
pub mod published;
mod repair;
pub mod run;
pub mod sample;
pub mod scale;
mod second;
mod voters;
mod words;

pub use files::report;
pub use run::{Outcome, Request, run};
pub use sample::Sample;
pub use scale::Scale;
