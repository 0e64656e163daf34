//! The features that autoScan measures: Goldstein et al. 2015, under the names of the
//! columns of `autoscan_features*.csv`.

/// The 38 features in the order of that file's columns.
pub const GOLDSTEIN: [&str; 38] = [
    "AMP",
    "A_IMAGE",
    "A_REF",
    "BAND",
    "B_IMAGE",
    "B_REF",
    "CCDID",
    "COLMEDS",
    "DIFFSUMRN",
    "ELLIPTICITY",
    "FLAGS",
    "FLUX_RATIO",
    "GAUSS",
    "GFLUX",
    "L1",
    "LACOSMIC",
    "MAG",
    "MAGDIFF",
    "MAGLIM",
    "MAG_FROM_LIMIT",
    "MAG_REF",
    "MAG_REF_ERR",
    "MASKFRAC",
    "MIN_DISTANCE_TO_EDGE_IN_NEW",
    "N2SIG3",
    "N2SIG3SHIFT",
    "N2SIG5",
    "N2SIG5SHIFT",
    "N3SIG3",
    "N3SIG3SHIFT",
    "N3SIG5",
    "N3SIG5SHIFT",
    "NN_DIST_RENORM",
    "NUMNEGRN",
    "SCALE",
    "SNR",
    "SPREADERR_MODEL",
    "SPREAD_MODEL",
];

/// Those that are magnitudes: 99 and -99 stand for none in them.
pub const MAGNITUDES: [&str; 3] = ["MAG", "MAG_REF", "MAG_REF_ERR"];

/// The column of the filter band, as a number: g, r, i, z are 0, 1, 2, 3.
pub const BAND: &str = "BAND";

/// autoScan's column of labels: 1 is an artifact.
pub const OBJECT_TYPE: &str = "OBJECT_TYPE";

/// The column of rbgpu's own tables that says train, validation or test, where the input did.
pub const PART: &str = "part";

/// The column of rbgpu's own tables that names the object of a row, where the input did.
pub const OBJECT: &str = "object";

/// The number that stands for a band; `None` of one that Goldstein et al. do not have.
pub fn band(name: &str) -> Option<f32> {
    let bands = ["g", "r", "i", "z"];
    let at = bands
        .iter()
        .position(|band| band.eq_ignore_ascii_case(name));
    at.map(|at| at as f32)
}
