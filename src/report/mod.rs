//! Pictures: the course of a training, cutouts side by side, and how cost grows.
//!
//! Each function returns a [`Drawing`]; [`Drawing::save`] writes it as SVG or
//! PNG, as the file's name says. No fonts are needed on the machine for PNG; an
//! SVG names fonts and leaves them to the viewer.

mod curves;
mod drawing;
mod evaluation;
mod gallery;
mod growth;
mod importances;
mod injected;
mod legend;
pub mod overlay;
mod page;
mod stretch;
mod study;
mod study_search;
mod zscale;

pub use curves::learning_curve;
pub use drawing::Drawing;
pub use evaluation::{
    Figure, Fitted, delta_accuracy, disputed, figures, fpr_against_mdr, planted, recovered,
    suspected,
};
pub use gallery::{Tile, gallery};
pub use growth::{Line, Panel, growth};
pub use importances::importances;
pub use injected::{Compared, injected};
pub use page::{
    Cell, Claim, Holds, Page, PaperPage, PaperPart, PaperSection, PaperTable, StudyPage, page,
    paper_page, study_page,
};
pub use stretch::Stretch;
pub use study::{Trained, study_cutout, study_metrics, study_size};
pub use study_search::{Found, Group, study_architecture, study_channels};
pub use zscale::zscale;

/// Colours that the colour-blind can tell apart, and that differ in
/// brightness too (Okabe & Ito 2008). Written `#RRGGBB`: kuva's PNG silently
/// draws nothing for other notations with transparency.
pub(crate) mod palette {
    /// Real candidates; training.
    pub const BLUE: &str = "#0072B2";
    /// Bogus candidates; validation.
    pub const VERMILLION: &str = "#D55E00";
    /// What is marked: the kept epoch.
    pub const GREEN: &str = "#009E73";
    /// After these three, in this order.
    pub const MAUVE: &str = "#CC79A7";
    /// See `MAUVE`.
    pub const ORANGE: &str = "#E69F00";
    /// See `MAUVE`.
    pub const SKY: &str = "#56B4E9";
    /// Of things that have an order, from dark to bright (viridis without its yellow end).
    pub const ORDERED: [&str; 6] = [
        "#440154", "#443983", "#31688E", "#21918C", "#35B779", "#8FB51A",
    ];
    /// Pixels without a value.
    pub const PURPLE: [u8; 3] = [0xCC, 0x79, 0xA7];
    /// Secondary text.
    pub const GREY: &str = "#555555";
}
