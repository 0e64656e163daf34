//! A small reader of .npz files: every array widened to f64, by its key.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// An array in C order.
#[derive(Clone, Debug)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// What a file says of one variable: all its values, or those at some places.
#[derive(Debug)]
pub struct Sample<'a> {
    places: Option<Vec<usize>>,
    pub values: &'a [f64],
}

impl Sample<'_> {
    /// The values of `all` at the sampled places.
    pub fn pick(&self, all: &[f64]) -> Vec<f64> {
        match &self.places {
            Some(places) => places.iter().map(|place| all[*place]).collect(),
            None => all.to_vec(),
        }
    }
}

/// Every array of a file.
#[derive(Debug)]
pub struct Npz {
    path: PathBuf,
    arrays: HashMap<String, Array>,
}

impl Npz {
    pub fn read(path: &Path) -> Npz {
        let fail = |what: String| -> ! { panic!("{}: {what}", path.display()) };
        let file = File::open(path).unwrap_or_else(|e| fail(e.to_string()));
        let mut archive = zip::ZipArchive::new(file).unwrap_or_else(|e| fail(e.to_string()));
        let mut arrays = HashMap::new();
        for i in 0..archive.len() {
            let mut member = archive.by_index(i).unwrap_or_else(|e| fail(e.to_string()));
            let key = member
                .name()
                .expect("a name in UTF-8")
                .trim_end_matches(".npy")
                .to_string();
            let mut bytes = Vec::new();
            member
                .read_to_end(&mut bytes)
                .unwrap_or_else(|e| fail(format!("{key}: {e}")));
            let array = decode(&bytes).unwrap_or_else(|e| fail(format!("{key}: {e}")));
            arrays.insert(key, array);
        }
        Npz {
            path: path.to_path_buf(),
            arrays,
        }
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    pub fn find(&self, key: &str) -> Option<&Array> {
        self.arrays.get(key)
    }

    /// The array `key`, which must be there.
    pub fn get(&self, key: &str) -> &Array {
        let missing = || panic!("{}: there is no {key}", self.path.display());
        self.find(key).unwrap_or_else(missing)
    }

    /// What the file says of a variable: `<key>:<suffix>` or `<key>`, at the
    /// places `<key>:idx` where it is sampled.
    pub fn sample(&self, key: &str, suffix: &str) -> Sample<'_> {
        let values = self.find(&format!("{key}:{suffix}"));
        let values = &values.unwrap_or_else(|| self.get(key)).values;
        let places = self.find(&format!("{key}:idx"));
        let places = places.map(|p| p.values.iter().map(|i| *i as usize).collect());
        Sample { places, values }
    }
}

fn decode(bytes: &[u8]) -> std::io::Result<Array> {
    let npy = npyz::NpyFile::new(bytes)?;
    assert_eq!(npy.order(), npyz::Order::C, "only C order is expected here");
    let shape = npy.shape().iter().map(|n| *n as usize).collect();
    let widened = |values: Vec<f32>| values.into_iter().map(f64::from).collect();
    let values = match npy.dtype().descr().trim_matches('\'') {
        "<f8" => npy.into_vec::<f64>()?,
        "<f4" => widened(npy.into_vec::<f32>()?),
        "<i4" => npy.into_vec::<i32>()?.into_iter().map(f64::from).collect(),
        other => panic!("a type that is not read here: {other}"),
    };
    Ok(Array { shape, values })
}
