//! The numbers of Ayyar et al. 2022, as the paper's tables and text have them.

/// A row of Table 1.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// "1".
    pub name: &'static str,
    /// Number of parameters.
    pub parameters: &'static str,
    /// Area under the ROC.
    pub auc: &'static str,
    /// Training time per epoch on a GPU.
    pub seconds: &'static str,
}

/// Table 1.
pub const TABLE_1: [Network; 4] = [
    network("1", "266k", "0.994", "60"),
    network("2", "415k", "0.994", "127"),
    network("3", "853k", "0.993", "190"),
    network("4", "954k", "0.994", "47"),
];

const fn network(
    name: &'static str,
    parameters: &'static str,
    auc: &'static str,
    seconds: &'static str,
) -> Network {
    Network {
        name,
        parameters,
        auc,
        seconds,
    }
}

/// What the categories of Table 2 are.
pub const CATEGORIES: [&str; 6] = [
    "strongly misclassified artifact",
    "weakly misclassified artifact",
    "correctly classified artifact",
    "correctly classified non-artifact",
    "weakly misclassified non-artifact",
    "strongly misclassified non-artifact",
];

/// Table 2: per cent of candidates in categories 1 to 6 by model 1, model 3, the forest.
pub const TABLE_2: [[&str; 3]; 6] = [
    ["0.35", "0.76", "0.15"],
    ["0.9", "1.2", "1.0"],
    ["48.2", "47.7", "48.4"],
    ["48.4", "49", "48.4"],
    ["1.2", "0.8", "1.6"],
    ["0.8", "0.7", "0.4"],
];

/// Table 3: of category 1 of model 1, per cent that networks 2, 3, 4 and the forest put into
/// categories 1, 2, 3.
pub const TABLE_3_ARTIFACTS: [[&str; 3]; 4] = [
    ["65.8", "20.1", "14.1"],
    ["72.5", "18.8", "8.7"],
    ["72.5", "17.4", "10.1"],
    ["26.8", "45.0", "28.2"],
];

/// Table 3: of category 6, into 4, 5, 6.
pub const TABLE_3_NON_ARTIFACTS: [[&str; 3]; 4] = [
    ["7.9", "18.4", "73.7"],
    ["12.4", "11.9", "75.7"],
    ["9.9", "29.3", "60.7"],
    ["15.8", "44.6", "39.5"],
];

/// Table 5: per cent in categories 1 to 6 by model 1: trained and tested with old labels; trained
/// with old, tested with new; trained and tested with new.
pub const TABLE_5: [[&str; 3]; 6] = [
    ["0.35", "0.2", "0.36"],
    ["0.75", "0.82", "0.83"],
    ["48.4", "49", "49.1"],
    ["48.4", "48.8", "48.5"],
    ["1.2", "1.02", "0.77"],
    ["0.84", "0.23", "0.33"],
];

/// (MDR, FPR) of the forest of Goldstein et al. 2015, Fig. 7, as Figs. 4, 7 and 8 draw them.
pub const GOLDSTEIN: [(f64, f64); 3] = [(0.03, 0.038), (0.04, 0.024), (0.05, 0.016)];

/// Fig. 8: FPR at MDR 0.05 of model 1 and of the forest, on repaired labels.
pub const FPR_AT_MDR: [&str; 2] = ["0.008", "0.011"];

/// Fig. 11: per cent of artifacts called so and not, of non-artifacts called artifacts and not:
/// by (label, called), 1 non-artifact.
pub const CONFUSION: [[&str; 2]; 2] = [["97.6", "2.4"], ["2.2", "97.8"]];

/// Sect. 4.6: from this P(real) on an alert is sent.
pub const LIVE_THRESHOLD: f64 = 0.3;
