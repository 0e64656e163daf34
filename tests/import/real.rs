//! Networks and alerts of real surveys, and Keras' own outputs of the large golden set,
//! where they are: `RBGPU_SHARED` or `../shared` beside the checkout. Absent, these
//! tests say so and pass.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rbgpu::backend::Device;
use rbgpu::data::{
    Augment, Channel, Dataset, Loader, LoaderOptions, Part, ReadOptions, Split, open,
};
use rbgpu::formats::{ImportOptions, RealOutput};
use rbgpu::judge::Scored;
use rbgpu::nn::Model;
use rbgpu::train::scoring::score;
use rbgpu::train::{Session, Settings};

use super::npz::Npz;
use super::{check_scores, devices, imported, refusal, reread, worst};

fn shared(path: &str) -> Option<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("RBGPU_SHARED").map(PathBuf::from);
    // A worktree lies one folder deeper than a checkout.
    let places = named
        .into_iter()
        .chain([manifest.join("../shared"), manifest.join("../../shared")]);
    let found = places.map(|p| p.join(path)).find(|p| p.exists());
    if found.is_none() {
        println!("SKIPPED: no {path} in RBGPU_SHARED or ../shared");
    }
    found
}

fn recipe(name: &str) -> ImportOptions {
    ImportOptions {
        preprocess: Some(name.into()),
        ..ImportOptions::default()
    }
}

/// Scores `set` with the imported `file`, recipe and all, on every device.
fn check_set(model: &Path, options: &ImportOptions, set: Dataset, expected: &[f64]) {
    let (file, notices) = imported(&[model], options);
    assert!(notices.is_empty(), "{notices:?}");
    let own = file.channels.as_ref().unwrap();
    // Stamps without names are those that were published with the network, in its order.
    let set = match set.channels {
        Some(_) => set.with_channels(own),
        None => set.with_planes(own),
    };
    let set = Arc::new(set.unwrap());
    for device in devices() {
        let file = reread(&file, &device);
        let options = LoaderOptions {
            preprocess: file.preprocess,
            ..LoaderOptions::default()
        };
        let loader = Loader::new(set.clone(), (0..set.len()).collect(), options).unwrap();
        let scores = score(&file.model, &loader, |_| Ok(())).unwrap();
        let worst = worst(&scores, expected);
        println!(
            "{}, {}: {} scores within {worst:.1e}",
            model.display(),
            device.name(),
            scores.len()
        );
        assert!(worst < 1e-5, "{}: {worst}", device.name());
    }
}

/// The 200 alerts with one of the survey's numbers as their magnitude.
fn alerts(score: &str) -> Option<(Dataset, Vec<f64>)> {
    let path = shared("real/ztf_braai_parity/alerts_63_float32.npz")?;
    let keys = [("cube", "stamps"), ("candids", "candid"), ("mags", score)];
    let options = ReadOptions {
        keys: keys.map(|(a, b)| (a.to_string(), b.to_string())).into(),
        ..ReadOptions::default()
    };
    let set = open(&[path], &options).unwrap();
    assert_eq!(
        (set.len(), set.shape.to_string().as_str()),
        (200, "63x63x3")
    );
    let scores = set.candidates.iter().map(|c| c.mag).collect();
    Some((set, scores))
}

/// Those whose norms overflow f32 and those with masked pixels among them.
#[test]
fn d6_m7_gives_the_drb_that_ztf_put_in_its_alerts() {
    let Some((set, drb)) = alerts("drb") else {
        return;
    };
    let model = shared("real/ztf_braai_parity/d6_m7.h5").unwrap();
    check_set(&model, &recipe("braai-d6m7"), set, &drb);
}

#[test]
fn d6_m9_gives_what_tensorflow_gives() {
    let Some((set, scores)) = alerts("braai_d6_m9_tf") else {
        return;
    };
    let model = shared("real/ztf_braai_parity/braai_d6_m9.h5").unwrap();
    check_set(&model, &recipe("braai"), set, &scores);
}

#[test]
fn dia_nodia_gives_its_softmax_for_des_stamps() {
    let Some(model) = shared("real/des_autoscan10/model_checkpoint_AAD_3s3DH.h5") else {
        return;
    };
    let expected = Npz::read(&model.with_file_name("dia_nodia_expected.npz"));
    let softmax = &expected.get("softmax_AAD").values;
    let real: Vec<f64> = softmax.chunks(2).map(|pair| pair[0]).collect();
    // From what went into the network.
    let class_0 = ImportOptions {
        real_output: Some(RealOutput::Output(0)),
        ..recipe("none")
    };
    let (file, _) = imported(&[&model], &class_0);
    check_scores(&file, &expected.get("input_AAD").values, &real, 1e-5);
    // From the stamps themselves.
    let stamps = [model.with_file_name("input")];
    let mut set = open(&stamps, &ReadOptions::default()).unwrap();
    set.channels.get_or_insert(Channel::ALL.to_vec().into());
    check_set(&model, &recipe("dia-nodia"), set, &real);
}

#[test]
fn a_network_of_two_inputs_is_refused_by_its_layer() {
    let Some(model) = shared("real/extra_models/acai_h.d1_dnn_20201130.h5") else {
        return;
    };
    let error = refusal(&[&model], &ImportOptions::default());
    assert!(
        error.contains("layer 2 (conv_conv_1), SeparableConv2D"),
        "{error}"
    );
}

/// Every network of the golden set as every file that there is of it.
#[test]
fn golden_files_of_keras() {
    let Some(folder) = shared("golden") else {
        return;
    };
    let mut files = 0;
    for name in [
        "des1",
        "des2",
        "des3",
        "des4",
        "otrain",
        "tiny_des2",
        "tiny_des4",
        "tiny_otrain",
    ] {
        let x = Npz::read(&folder.join(format!("{name}.input.npz")));
        let golden = Npz::read(&folder.join(format!("{name}.golden.npz")));
        let y = golden.get("infer_f64");
        let column = y.shape[1] - 1;
        let real: Vec<f64> = y.values.chunks(y.shape[1]).map(|row| row[column]).collect();
        for ending in ["h5", "keras", "keras2.h5"] {
            let path = folder.join(format!("{name}.{ending}"));
            if path.exists() {
                files += 1;
                let (file, _) = imported(&[&path], &ImportOptions::default());
                check_scores(&file, &x.get("x").values, &real, 1e-5);
            }
        }
    }
    assert_eq!(files, 20);
}

/// ZTF's own network, shown stamps of another kind (51x51, stretched to bytes), learns them: its
/// last layers, or all of it.
#[test]
fn d6_m7_is_fine_tuned_on_other_stamps() {
    let (Some(model), Some(stamps)) = (
        shared("real/ztf_braai_parity/d6_m7.h5"),
        shared("real/ztf_train51/ztf51_uint8.npz"),
    ) else {
        return;
    };
    let (file, _) = imported(&[&model], &recipe("braai-d6m7"));
    let keys = [
        ("cube", "stamps"),
        ("labels", "label"),
        ("candids", "candid"),
    ];
    let options = ReadOptions {
        keys: keys.map(|(a, b)| (a.to_string(), b.to_string())).into(),
        split_key: Some("split".into()),
        labels_required: true,
        ..ReadOptions::default()
    };
    let mut set = open(&[stamps], &options).unwrap();
    set.channels = Some([Channel::Template, Channel::Search, Channel::Difference].into());
    let set = set.with_channels(file.channels.as_ref().unwrap()).unwrap();
    let set = Arc::new(set);
    for frozen in [&["conv2d*".to_string()][..], &[]] {
        let settings = Settings {
            epochs: Some(4),
            learning_rate: Some(3e-4),
            batch_size: Some(32),
            augment: Augment::D4,
            ..Settings::default()
        };
        let config = settings.check_from(&file).unwrap();
        let split = Split::make(&set, config.split, 1).unwrap();
        let session = Session::new(config, &Device::cpu(), set.clone(), split)
            .from(&file, "d6_m7")
            .unwrap()
            .freezing(frozen)
            .unwrap();
        let outcome = session.run(false, &mut ()).unwrap();
        let auc = |model: &Model| {
            let loader = session.loader(Part::Validation, false).unwrap();
            let scores = score(model, &loader, |_| Ok(())).unwrap();
            let labels = set.labels.as_ref().unwrap();
            let rows = session.split().validation.iter();
            let labels: Vec<u8> = rows.map(|&row| labels[row]).collect();
            Scored::new(&labels, &scores).unwrap().auc().unwrap()
        };
        let losses: Vec<f64> = outcome.history.iter().map(|r| r.loss).collect();
        let [before, after] = [
            auc(&reread(&file, &Device::cpu()).model),
            auc(&outcome.model),
        ];
        println!("frozen {frozen:?}: AUC {before:.4} to {after:.4}, losses {losses:.4?}");
        assert!(losses[3] < losses[0], "{losses:?}");
        assert!(after > before, "{before} to {after}");
    }
}
