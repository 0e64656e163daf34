//! Weights from a Keras .h5 file, by way of a crate that shares nothing with
//! rbgpu's own reader.

use std::path::Path;

use hdf5_reader::Hdf5File;

use super::fixture::Variable;

/// The values of `variables`, in their order.
pub fn weights(path: &Path, variables: &[Variable]) -> Vec<Vec<f32>> {
    let fail = |what: String| -> ! { panic!("{}: {what}", path.display()) };
    let file = Hdf5File::open(path).unwrap_or_else(|e| fail(e.to_string()));
    let one = |variable: &Variable| {
        let key = variable.key.trim_start_matches("sequential/");
        let layer = key.split('/').next().expect("a layer");
        let place = format!("model_weights/{layer}/{}", variable.key);
        let set = file.dataset(&place);
        let set = set.unwrap_or_else(|e| fail(format!("{place}: {e}")));
        let array = set.read_array::<f32>();
        let array = array.unwrap_or_else(|e| fail(format!("{place}: {e}")));
        assert_eq!(array.shape(), variable.shape, "{place}");
        array.iter().copied().collect()
    };
    variables.iter().map(one).collect()
}
