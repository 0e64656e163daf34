//! What a model was fitted to before it went on.

use std::path::{Path, PathBuf};

use rbgpu::Result;
use rbgpu::backend::Device;
use rbgpu::data::Part::{Test, Train, Validation};
use rbgpu::data::Preprocess;
use rbgpu::evaluate::held_out::{Asked, Parts};
use rbgpu::formats::{ModelFile, Provenance};
use rbgpu::nn::{Architecture, Model};
use rbgpu::train::origin::Origin;

const NETWORK: &str = r#"
name = "tiny"
[[layers]]
kind = "flatten"
[[layers]]
kind = "dense"
units = 1
activation = "sigmoid"
"#;

/// A folder of models with their splits.
struct Line {
    folder: tempfile::TempDir,
}

impl Line {
    fn new() -> Line {
        let folder = tempfile::tempdir().unwrap();
        Line { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The model `name` of weights `seed`, which was trained on `name`.npz and began with `from`.
    fn train(&self, name: &str, seed: u64, split: &str, from: Option<Origin>) -> Origin {
        let network = Architecture::parse(NETWORK, "tiny.toml".as_ref()).unwrap();
        let model = Model::new(network, [2, 2, 1], seed, &Device::Reference).unwrap();
        let path = self.path(&format!("{name}.safetensors"));
        let origin = Origin::of(&path.display().to_string(), &model).unwrap();
        let mut provenance = Provenance {
            data: format!("{name}.npz"),
            parts: [1, 1, 1],
            ..Provenance::default()
        };
        if let Some(from) = from {
            provenance.note("from", serde_json::to_value(from).unwrap());
        }
        let file = ModelFile {
            model,
            preprocess: Preprocess::default(),
            channels: None,
            calibration: None,
            threshold: 0.5,
            provenance,
        };
        file.write(&path).unwrap();
        let split = format!("id,part,label\n{split}");
        std::fs::write(self.path(&format!("{name}.split.csv")), split).unwrap();
        origin
    }

    fn parts(&self, name: &str, ids: &[&str]) -> Result<Parts> {
        let path = self.path(&format!("{name}.safetensors"));
        let file = ModelFile::read(&path, &Device::Reference)?;
        let ids: Vec<String> = ids.iter().map(|id| id.to_string()).collect();
        let asked = Asked {
            ids: &ids,
            labels: &vec![1; ids.len()],
            source: Path::new("asked.npz"),
            data: None,
        };
        Parts::of_model(&path, &file.provenance, None, &asked)
    }

    fn cannot_tell(&self, name: &str, ids: &[&str], why: &str) {
        let error = self.parts(name, ids).unwrap_err().to_string();
        for part in [why, "--split FILE, or --all"] {
            assert!(error.contains(part), "{error}");
        }
    }
}

/// c goes on from b, which went on from a.
fn three() -> Line {
    let line = Line::new();
    let a = line.train("a", 1, "s1,train,1\ns2,validation,1\ns3,test,1\n", None);
    let b = line.train("b", 2, "n1,train,1\nn2,test,1\ns3,validation,1\n", Some(a));
    line.train("c", 3, "m1,train,1\ns1,test,1\nn2,test,1\n", Some(b));
    line
}

#[test]
fn the_part_counts_that_is_fitted_to_most() {
    let line = three();
    let found = line
        .parts("c", &["s1", "s2", "s3", "n1", "n2", "m1", "new"])
        .unwrap();
    let want = [
        Some(Train),
        Some(Validation),
        Some(Validation),
        Some(Train),
        Some(Test),
        Some(Train),
        None,
    ];
    assert_eq!(found.of, want);
    let said = found.notices.join("; ");
    assert!(
        said.contains("1 of 7 candidates count as held out"),
        "{said}"
    );
    // Nothing is said to be held out that is not.
    let found = line.parts("c", &["s1", "s2"]).unwrap();
    assert_eq!(found.of, [Some(Train), Some(Validation)]);
    let said = found.notices.join("; ");
    assert!(!said.contains("held out"), "{said}");
    assert!(found.from.contains("a.split.csv"), "{}", found.from);
    // A model that began with fresh weights is asked alone.
    assert_eq!(
        line.parts("a", &["n1", "s3"]).unwrap().of,
        [None, Some(Test)]
    );
}

#[test]
fn without_its_start_it_cannot_be_told() {
    let line = three();
    std::fs::rename(line.path("a.safetensors"), line.path("kept")).unwrap();
    line.cannot_tell("c", &["s2", "m1"], "a.safetensors, which is not there");
    // What its own split says needs no other.
    let found = line.parts("c", &["s1", "m1"]).unwrap();
    assert_eq!(found.of, [Some(Test), Some(Train)]);
    std::fs::write(line.path("a.safetensors"), "no model").unwrap();
    line.cannot_tell("c", &["s2"], "a.safetensors, which cannot be read");
    line.train("a", 4, "s2,test,1\n", None);
    line.cannot_tell("c", &["s2"], "that file has other weights now");
    std::fs::rename(line.path("kept"), line.path("a.safetensors")).unwrap();
    std::fs::remove_file(line.path("a.split.csv")).unwrap();
    line.cannot_tell("c", &["s2"], "a.split.csv that says which candidates");
    assert!(line.parts("c", &["s1", "m1"]).is_ok());
}

#[test]
fn a_start_that_moved_along_is_found_beside_the_model() {
    let line = three();
    let moved = Line::new();
    for name in ["a", "b", "c"] {
        for end in ["safetensors", "split.csv"] {
            let name = format!("{name}.{end}");
            std::fs::rename(line.path(&name), moved.path(&name)).unwrap();
        }
    }
    let found = moved.parts("c", &["s1", "s2"]).unwrap();
    assert_eq!(found.of, [Some(Train), Some(Validation)]);
}

#[test]
fn a_circle_ends() {
    let line = Line::new();
    let a = line.train("a", 1, "s1,train,1\n", None);
    // Runs that kept the weights that they began with.
    let b = line.train("b", 1, "n1,train,1\n", Some(a));
    line.train("a", 1, "n1,train,1\n", Some(b));
    line.cannot_tell("b", &["s1"], "which began with it");
    line.cannot_tell("a", &["s1"], "which began with it");
}
