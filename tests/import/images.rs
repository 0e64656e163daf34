//! Which images a network takes, and a recipe that does not give them.

use rbgpu::backend::Device;
use rbgpu::data::Channel;
use rbgpu::formats::{ImportOptions, RealOutput};

use super::{imported, refusal};

fn real(output: RealOutput) -> ImportOptions {
    ImportOptions {
        real_output: Some(output),
        ..ImportOptions::default()
    }
}

/// ZTF's networks were given template, search, difference, without a word.
#[test]
fn the_order_of_three_images_is_guessed_aloud_and_stored() {
    let text = r#"
        name = "three"
        input = [4, 4, 3]
        layers = [{ kind = "flatten" }, { kind = "dense", units = 1, activation = "sigmoid" }]
    "#;
    let folder = tempfile::tempdir().unwrap();
    let toml = folder.path().join("three.toml");
    std::fs::write(&toml, text).unwrap();
    // A state dict of one dense layer, as safetensors.
    let weight: Vec<u8> = (0..48)
        .flat_map(|i| (i as f32 / 48.0).to_le_bytes())
        .collect();
    let view = |shape: Vec<usize>, data| {
        safetensors::tensor::TensorView::new(safetensors::tensor::Dtype::F32, shape, data).unwrap()
    };
    let tensors = [
        ("fc.weight", view(vec![1, 48], &weight[..])),
        ("fc.bias", view(vec![1], &[0; 4])),
    ];
    let path = folder.path().join("three.safetensors");
    std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let options = |preprocess: &str, channels| ImportOptions {
        network: Some(toml.display().to_string()),
        preprocess: Some(preprocess.into()),
        channels,
        ..real(RealOutput::Output(0))
    };
    let guess = vec![Channel::Search, Channel::Template, Channel::Difference];
    let (file, notices) = imported(&[&path], &options("none", None));
    let file = super::reread(&file, &Device::cpu());
    assert!(notices.iter().any(|n| n.contains("GUESSED search, template, difference") && n.contains("--channels")), "{notices:?}");
    let takes = file.takes();
    assert_eq!(
        (takes.names.as_ref(), takes.count, takes.guessed),
        (Some(&guess), 3, true)
    );
    assert!(
        takes
            .notice()
            .unwrap()
            .contains("GUESSED: search, template, difference")
    );
    // Named images are put into that order; those without names are taken as they are.
    assert_eq!(
        takes.places(Some(&Channel::ALL), 3),
        Ok(Some(vec![1, 0, 2]))
    );
    assert_eq!(takes.places(None, 3), Ok(None));
    assert!(takes.places(None, 2).is_err());

    let twice = vec![Channel::Search, Channel::Template, Channel::Search];
    let error = super::refusal(&[&path], &options("none", Some(twice)));
    assert!(error.contains("search twice"), "{error}");
    let (file, notices) = imported(&[&path], &options("none", Some(guess.clone())));
    assert!(
        !notices.iter().any(|n| n.contains("GUESSED")),
        "{notices:?}"
    );
    assert!(!file.takes().guessed && file.takes().notice().is_none());
    let error = file.takes().places(None, 3).unwrap_err().to_string();
    assert!(
        error.contains("3 images without names") && error.contains("--planes"),
        "{error}"
    );
    assert_eq!(file.takes().places(Some(&guess), 3), Ok(None));
}

/// A network of two images side by side was accepted, and no cutout became what it takes.
#[test]
fn a_recipe_that_cannot_make_the_networks_input_is_refused_at_import() {
    let text = r#"
        name = "two"
        input = [6, 12, 1]
        layers = [{ kind = "flatten" }, { kind = "dense", units = 1, activation = "sigmoid" }]
    "#;
    let folder = tempfile::tempdir().unwrap();
    let toml = folder.path().join("two.toml");
    std::fs::write(&toml, text).unwrap();
    let weight = [0; 4 * 72];
    let view = |shape: Vec<usize>, data| {
        safetensors::tensor::TensorView::new(safetensors::tensor::Dtype::F32, shape, data).unwrap()
    };
    let tensors = [
        ("fc.weight", view(vec![1, 72], &weight[..])),
        ("fc.bias", view(vec![1], &[0; 4])),
    ];
    let path = folder.path().join("two.safetensors");
    std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let options = ImportOptions {
        network: Some(toml.display().to_string()),
        preprocess: Some("dia-nodia".into()),
        ..ImportOptions::default()
    };
    let error = refusal(&[&path], &options);
    for part in [
        "--preprocess",
        "'dia-nodia'",
        "6x12x1",
        "three square images",
    ] {
        assert!(error.contains(part), "{error}");
    }
}
