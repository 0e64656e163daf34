//! Every way in which Keras 2 and 3 save a network: the outputs stay the same.

use rbgpu::data::{Channel, Normalisation, Preprocess};
use rbgpu::formats::{ImportOptions, RealOutput};
use rbgpu::nn::Layer;

use super::{check_scores, expected, fixture, imported, refusal};

/// Float32 in another order of summation.
const TOLERANCE: f64 = 1e-6;

fn real(output: RealOutput) -> ImportOptions {
    ImportOptions {
        real_output: Some(output),
        ..ImportOptions::default()
    }
}

/// Imports `files`, which hold the network `name` of expected.npz, with `column` of its
/// output P(real).
fn check(files: &[&str], name: &str, column: usize, options: &ImportOptions) {
    let paths: Vec<_> = files.iter().map(|file| fixture(file)).collect();
    let paths: Vec<_> = paths.iter().map(|path| path.as_path()).collect();
    let (file, _) = imported(&paths, options);
    let all = expected();
    let (x, y) = (all.get(&format!("{name}:x")), all.get(&format!("{name}:y")));
    let real: Vec<f64> = y.values.chunks(y.shape[1]).map(|row| row[column]).collect();
    check_scores(&file, &x.values, &real, TOLERANCE);
}

#[test]
fn sequential_networks_of_keras_2() {
    let options = real(RealOutput::Output(0));
    check(&["keras2.h5"], "keras2", 0, &options);
    check(&["keras2.keras"], "keras2", 0, &options);
    check(&["keras2.json", "keras2_weights.h5"], "keras2", 0, &options);
    check(&["keras2_weights.h5", "keras2.json"], "keras2", 0, &options);
}

#[test]
fn sequential_networks_of_keras_3() {
    let options = real(RealOutput::Output(1));
    check(&["keras3.h5"], "keras3", 1, &options);
    check(&["keras3.keras"], "keras3", 1, &options);
    check(&["keras3.json", "keras3.weights.h5"], "keras3", 1, &options);
}

#[test]
fn functional_networks_with_activations_of_their_own_and_parameters_left_out() {
    for name in ["keras2_functional", "keras3_functional"] {
        let file = match name {
            "keras2_functional" => "keras2_functional.h5",
            _ => "keras3_functional.keras",
        };
        check(&[file], name, 1, &real(RealOutput::Output(1)));
        let (_, notices) = imported(&[&fixture(file)], &real(RealOutput::Output(1)));
        let said = notices
            .iter()
            .any(|n| n.contains("layer 2 (a), Conv2D") && n.contains("no bias"));
        assert!(said, "{notices:?}");
    }
}

#[test]
fn layers_with_other_names_are_taken_in_the_order_of_the_weights() {
    let files = ["keras2_other_names.json", "keras2_weights.h5"];
    check(&files, "keras2", 0, &real(RealOutput::Output(0)));
    let files = files.map(fixture);
    let (_, notices) = imported(&[&files[0], &files[1]], &ImportOptions::default());
    assert!(notices[0].contains("other names"), "{notices:?}");
}

#[test]
fn class_0_of_a_softmax_may_be_real() {
    check(&["keras3.h5"], "keras3", 0, &real(RealOutput::Output(0)));
    check(&["keras3.h5"], "keras3", 0, &real(RealOutput::Inverted));
}

#[test]
fn a_sigmoid_may_be_p_of_artifact() {
    let (file, _) = imported(&[&fixture("keras2.h5")], &real(RealOutput::Inverted));
    let all = expected();
    let artifact = &all.get("keras2:y").values;
    let real: Vec<f64> = artifact.iter().map(|p| 1.0 - p).collect();
    check_scores(&file, &all.get("keras2:x").values, &real, TOLERANCE);
    let settings = &file.provenance.settings;
    assert_eq!(settings["real_output"], "inverted");
    assert_eq!(settings["real_output_guessed"], false);
}

#[test]
fn what_was_guessed_is_said() {
    let (file, notices) = imported(&[&fixture("keras3.h5")], &ImportOptions::default());
    let said = |what: &str| notices.iter().any(|notice| notice.contains(what));
    assert!(
        said("GUESSED class 1") && said("--preprocess"),
        "{notices:?}"
    );
    assert_eq!(file.provenance.settings["real_output_guessed"], true);
    let (_, notices) = imported(&[&fixture("keras2.h5")], &ImportOptions::default());
    assert!(
        notices.iter().any(|n| n.contains("GUESSED P(real)")),
        "{notices:?}"
    );
    let said = ImportOptions {
        preprocess: Some("otrain".into()),
        channels: Some(vec![Channel::Search, Channel::Difference]),
        ..ImportOptions::default()
    };
    let (file, notices) = imported(&[&fixture("keras3.h5")], &said);
    assert!(notices.is_empty(), "{notices:?}");
    assert_eq!(file.preprocess, Preprocess::Plain(Normalisation::None));
}

#[test]
fn the_file_says_where_the_network_comes_from() {
    let options = ImportOptions {
        preprocess: Some("asinh".into()),
        channels: Some(vec![Channel::Difference, Channel::Template]),
        threshold: 0.25,
        network_name: Some("mine".into()),
        ..real(RealOutput::Output(0))
    };
    let (file, _) = imported(&[&fixture("keras2.h5")], &options);
    let file = super::reread(&file, &rbgpu::backend::Device::cpu());
    assert_eq!(file.preprocess, Preprocess::Plain(Normalisation::Asinh));
    assert_eq!(file.channels, options.channels);
    assert_eq!(file.threshold, 0.25);
    let architecture = file.model.architecture();
    assert_eq!(architecture.name, "mine");
    assert!(matches!(
        architecture.layers[1],
        Layer::BatchNorm { epsilon: 1e-5, .. }
    ));
    let settings = &file.provenance.settings;
    assert!(
        settings["imported_from"]
            .as_str()
            .unwrap()
            .starts_with("Keras 2")
    );
    let last = &settings["layers"].as_array().unwrap()[6];
    assert_eq!(
        (last["name"].as_str(), last["was"].as_str()),
        (Some("dense_1"), Some("fc_out"))
    );
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let refuses = |options: ImportOptions, parts: &[&str]| {
        let error = refusal(&[&fixture("keras2.h5")], &options);
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    let default = ImportOptions::default;
    refuses(
        real(RealOutput::Output(1)),
        &["--real-output", "sigmoid", "inverted"],
    );
    let preprocess = Some("braai".to_string());
    refuses(
        ImportOptions {
            preprocess,
            ..default()
        },
        &["'braai'", "9x9x2", "63x63x3"],
    );
    let preprocess = Some("brai".to_string());
    refuses(
        ImportOptions {
            preprocess,
            ..default()
        },
        &["'brai'", "braai-d6m7", "otrain"],
    );
    refuses(
        ImportOptions {
            threshold: f64::NAN,
            ..default()
        },
        &["--threshold"],
    );
    let input = Some([9, 9, 3]);
    refuses(
        ImportOptions { input, ..default() },
        &["--input", "9,9,3", "9x9x2"],
    );
    let channels = Some(vec![Channel::Difference]);
    refuses(
        ImportOptions {
            channels,
            ..default()
        },
        &["--channels", "difference", "2"],
    );
    assert!("2".parse::<RealOutput>().is_err() && "real".parse::<RealOutput>().is_err());
}

#[test]
fn a_size_that_the_file_leaves_open_is_asked_for() {
    let text = std::fs::read_to_string(fixture("keras2.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("open.json");
    let wide = text.replace("[null, 9, 9, 2]", "[null, null, 9, 2]");
    assert_ne!(text, wide);
    std::fs::write(&open, wide).unwrap();
    let files = [open.as_path(), &fixture("keras2_weights.h5")];
    let error = refusal(&files, &ImportOptions::default());
    assert!(
        error.contains("anyx9x2") && error.contains("--input H,W,C"),
        "{error}"
    );
    let sized = ImportOptions {
        input: Some([9, 9, 2]),
        ..ImportOptions::default()
    };
    assert_eq!(imported(&files, &sized).0.model.plan().input, [9, 9, 2]);
}
