//! The experiments of both papers, from end to end, with their numbers beside ours.
//!
//! | file | what it does |
//! |---|---|
//! | [`des`] | Ayyar et al. 2022 |
//! | [`watch`] | who hears how far it is |

pub mod des;
pub mod watch;

pub use watch::Watcher;
