//! PyTorch's weights, with the architecture from a description.

use std::collections::HashMap;
use std::io::{Read, Write};

use rbgpu::formats::{ImportOptions, RealOutput};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{check_scores, expected, fixture, imported, refusal};

fn options() -> ImportOptions {
    ImportOptions {
        network: Some(fixture("torch.toml").display().to_string()),
        input: Some([10, 8, 2]),
        real_output: Some(RealOutput::Output(0)),
        preprocess: Some("none".into()),
        ..ImportOptions::default()
    }
}

#[test]
fn outputs_stay_the_same() {
    let all = expected();
    let (x, y) = (all.get("torch:x"), all.get("torch:y"));
    for name in ["torch.pth", "torch_nested.pth", "torch.safetensors"] {
        let (file, notices) = imported(&[&fixture(name)], &options());
        check_scores(&file, &x.values, &y.values, 1e-6);
        let said = |what: &str| notices.iter().any(|notice| notice.contains(what));
        assert!(said("PyTorch's file does not say"), "{notices:?}");
        assert!(said("features.3 has no bias"), "{notices:?}");
        assert!(said("batch_normalization_1 is features.5"), "{notices:?}");
    }
}

#[test]
fn a_description_and_a_size_are_needed() {
    let file = fixture("torch.pth");
    let nothing = ImportOptions::default();
    let error = refusal(&[&file], &nothing);
    assert!(error.contains("--network FILE.toml"), "{error}");
    let unsized_ = ImportOptions {
        input: None,
        ..options()
    };
    let error = refusal(&[&file], &unsized_);
    assert!(error.contains("--input H,W,C"), "{error}");
}

/// The fixture's tensors with `change` made to them, imported.
fn error_after(change: impl Fn(&mut HashMap<String, (Dtype, Vec<usize>, Vec<u8>)>)) -> String {
    let bytes = std::fs::read(fixture("torch.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let whole = |view: &TensorView| (view.dtype(), view.shape().to_vec(), view.data().to_vec());
    let mut tensors: HashMap<_, _> = file
        .tensors()
        .iter()
        .map(|(name, view)| (name.clone(), whole(view)))
        .collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        (
            name.clone(),
            TensorView::new(*dtype, shape.clone(), data).unwrap(),
        )
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.safetensors");
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    refusal(&[&path], &options())
}

#[test]
fn tensors_that_are_missing_left_over_or_of_another_shape_are_named() {
    let error = error_after(|all| {
        all.remove("features.3.weight");
    });
    assert!(
        error.contains("missing: conv2d_1 of shape [4, 4, 3, 3]"),
        "{error}"
    );
    let error = error_after(|all| {
        let extra = (Dtype::F32, vec![3, 2], vec![0; 24]);
        all.insert("head.weight".into(), extra);
    });
    assert!(
        error.contains("left over: head.weight of shape [3, 2]"),
        "{error}"
    );
    let error = error_after(|all| {
        all.insert("features.0.bias".into(), (Dtype::F32, vec![3], vec![0; 12]));
    });
    assert!(
        error.contains("features.0.bias: found shape [3]"),
        "{error}"
    );
    let error = error_after(|all| {
        all.remove("features.2.running_var");
    });
    assert!(error.contains("features.2.running_var"), "{error}");
    let error = error_after(|all| {
        let other = (Dtype::F32, vec![4], vec![0; 16]);
        all.insert("features.0.weight_g".into(), other);
    });
    assert!(error.contains("features.0.weight_g"), "{error}");
    let error = error_after(|all| {
        let entry = all.get_mut("features.0.weight").unwrap();
        entry.2[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert!(error.contains("features.0.weight: found NaN"), "{error}");
    let error = error_after(|all| all.get_mut("features.0.weight").unwrap().0 = Dtype::I32);
    assert!(
        error.contains("features.0.weight: found another type"),
        "{error}"
    );
}

/// `name` with the two batch normalisations' names exchanged, which changes neither weights nor
/// order.
fn exchanged(name: &str) -> String {
    let out = name.replace("features.2.", "features.#.");
    let out = out.replace("features.5.", "features.2.");
    out.replace("features.#.", "features.5.")
}

/// Layers of one shape were taken by name, whatever the order of the state dict.
#[test]
fn layers_of_one_shape_have_the_order_of_the_file_not_of_the_names() {
    let all = expected();
    let (x, y) = (all.get("torch:x"), all.get("torch:y"));
    let folder = tempfile::tempdir().unwrap();

    let path = folder.path().join("exchanged.pth");
    let pth = std::fs::File::open(fixture("torch.pth")).unwrap();
    let mut archive = zip::ZipArchive::new(pth).unwrap();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for i in 0..archive.len() {
        let mut member = archive.by_index(i).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        let stored = zip::CompressionMethod::Stored;
        let options = zip::write::SimpleFileOptions::default().compression_method(stored);
        let name = member.name().unwrap().into_owned();
        if name.ends_with("data.pkl") {
            // As Latin-1, which keeps every byte.
            let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
            bytes = exchanged(&text).chars().map(|c| c as u8).collect();
        }
        zip.start_file(name, options).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap();
    let (file, notices) = imported(&[&path], &options());
    check_scores(&file, &x.values, &y.values, 1e-6);
    let said = |notices: &[String], what: &str| notices.iter().any(|n| n.contains(what));
    assert!(said(&notices, "the order of the file"), "{notices:?}");
    assert!(
        said(&notices, "batch_normalization_1 is features.2"),
        "{notices:?}"
    );

    // Another program's safetensors, which are not sorted by name.
    let bytes = std::fs::read(fixture("torch.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors = file.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, view) in &tensors {
        let from = data.len();
        data.extend(view.data());
        let dtype = format!("{:?}", view.dtype());
        header.insert(
            exchanged(name),
            serde_json::json!({"dtype": dtype, "shape": view.shape(), "data_offsets": [from, data.len()]}),
        );
    }
    let header = serde_json::Value::Object(header).to_string();
    let path = folder.path().join("exchanged.safetensors");
    let length = (header.len() as u64).to_le_bytes();
    std::fs::write(&path, [&length[..], header.as_bytes(), &data].concat()).unwrap();
    let (file, notices) = imported(&[&path], &options());
    check_scores(&file, &x.values, &y.values, 1e-6);
    assert!(said(&notices, "the order of the file"), "{notices:?}");
    // The usual writer's is sorted: it says nothing, and the notice says that.
    let (_, notices) = imported(&[&fixture("torch.safetensors")], &options());
    assert!(said(&notices, "the file keeps none"), "{notices:?}");
}
