//! Many trainings compared: by the size of the training set (O'TRAIN Fig. 11), of the cutouts
//! (Fig. 12), by the images of a cutout (Sect. 8.1), by the network itself (DES Sect. 4.1).
//!
//! A study is a list of [`Run`]s, each a [`train::Session`](crate::train::Session) with its own
//! checkpoint, and a [`Folder`] whose journal says which are over. [`Study::conduct`] does the
//! others. Each run is a function of its settings, so that a study that was killed and begun
//! again ends with the numbers of one that was not.
//!
//! | file | what it does |
//! |---|---|
//! | `run`, `record` | one training, and what it gave |
//! | `settings`, `folder`, `conduct` | what the numbers depend on; the journal; doing what is not done |
//! | [`size`], [`cutout`], [`channels`] | which runs a study is made of |
//! | [`space`], [`draw`] | what networks are drawn from, and drawing them |
//! | [`halving`], [`architecture`] | which of them are trained for how long; the search |
//! | [`table`] | records as rows |

pub mod architecture;
pub mod channels;
pub mod conduct;
pub mod cutout;
pub mod draw;
pub mod folder;
pub mod halving;
pub mod record;
pub mod run;
pub mod settings;
pub mod size;
pub mod space;
pub mod table;

pub use conduct::{Standing, Study, Watcher};
pub use folder::Folder;
pub use halving::{Rung, Search};
pub use record::{AT_MDR, Measures, Record};
pub use run::{Run, View};
pub use settings::settings;
pub use space::Space;
pub use table::Table;
