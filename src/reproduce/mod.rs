//! The experiments of both papers, from end to end, with their numbers beside ours.
//!
//! | file | what it does |
//! |---|---|
//! | `watch` | who hears how far it is |
//! | [`folder`] | the report's folder: the page, figures, tables, every number |
//! | [`des`] | Ayyar et al. 2022, PASP 134 094501 |

pub mod des;
pub mod folder;
mod watch;

pub use watch::Watcher;
