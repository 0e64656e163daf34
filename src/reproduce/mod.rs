//! The experiments of both papers, from end to end, with their numbers beside ours.
//!
//! | file | what it does |
//! |---|---|
//! | `watch` | who hears how far it is |
//! | [`folder`] | the report's folder: the page, figures, tables, every number |
//! | [`words`] | numbers as a report writes them |
//! | [`des`] | Ayyar et al. 2022, PASP 134 094501 |
//! | [`telescopes`] | the four telescopes of O'TRAIN, simulated |
//! | [`otrain`] | Makhlouf et al. 2022, A&A 664 A81 |

pub mod des;
pub mod folder;
pub mod otrain;
pub mod telescopes;
mod watch;
pub mod words;

pub use watch::Watcher;
