//! What the program says of networks, devices and itself.

use super::{Desk, devices};

#[test]
fn otrain_has_the_papers_parameters() {
    let desk = Desk::new();
    let ran = desk.run("summary otrain").done();
    ran.prints(&[
        "(32, 32, 1)",
        "(4096)",
        "2,097,664",
        "parameters 2,621,826:",
    ]);
    assert_eq!(ran.err, "");
    let larger = desk.run("summary otrain --input 63,63,1").done();
    larger.prints(&["(63, 63, 1)", "(31, 31, 32)"]);
    let json = desk.run("summary otrain --json").done().json();
    assert_eq!(json["trainable"], 2_621_826);
    assert_eq!(json["layers"].as_array().unwrap().len(), 15);
}

#[test]
fn des_networks_have_table_4s_parameters() {
    let desk = Desk::new();
    let table = [
        ("des1", "265,165"),
        ("des2", "414,205"),
        ("des3", "851,605"),
        ("des4", "953,785"),
    ];
    for (network, trainable) in table {
        let ran = desk.run(&format!("summary {network}")).done();
        ran.prints(&["(51, 51, 3)", &format!("{trainable} trainable")]);
    }
}

#[test]
fn a_described_network_and_a_model() {
    let desk = Desk::with_model();
    let parts = ["tiny.toml: input", "input = [H, W, C]", "--input H,W,C"];
    desk.refuses("summary tiny.toml", 1, &parts);
    let described = desk.run("summary tiny.toml --input 16,16,1").done();
    described.prints(&["tiny", "(4, 4, 4)", "parameters 170"]);
    let trained = desk.run("summary model.safetensors").done();
    let more = trained.out.strip_prefix(&described.out);
    let more = more.expect("the same network, and what a model has besides");
    assert!(
        more.starts_with("calibration: none\nreal from P(real) = "),
        "{more}"
    );
    std::fs::rename(desk.path("model.safetensors"), desk.path("renamed")).unwrap();
    assert_eq!(desk.run("summary renamed").done().out, trained.out);
    for input in ["16,16", "0,16,1", "a,b,c", "16,16,1,1"] {
        desk.refuses(&format!("summary otrain --input {input}"), 2, &["63,63,1"]);
    }
    desk.refuses("summary otrain --input 4,4,1", 1, &["otrain", "max_pool"]);
}

#[test]
fn the_profile_of_a_training_run() {
    let desk = Desk::with_set();
    for device in devices() {
        let line = format!("train set.npz --network tiny.toml --device {device} --json --force");
        let kernel = match device {
            "cpu" => "conv_block backward",
            _ => "conv_block_backward",
        };
        let ran = desk.run(&format!("{line} --profile")).done();
        ran.says(&["where the time went", "seconds", "GFLOP/s", kernel]);
        let without = desk.run(&line).done();
        assert!(!without.err.contains("where the time went"));
        assert_eq!(ran.json(), without.json());
    }
}

#[test]
fn devices_are_listed() {
    let desk = Desk::new();
    desk.run("devices")
        .done()
        .prints(&["cpu", "native", "threads"]);
    let json = desk.run("devices --json").done().json();
    let all = json.as_array().unwrap();
    assert_eq!(all[0]["name"], "cpu");
    let used = all.iter().filter(|device| device["auto"] == true).count();
    assert_eq!(used, 1, "{json:#}");
    if devices().contains(&"gpu") {
        assert!(all.len() > 1, "an adapter: {json:#}");
    }
}

#[test]
fn a_device_that_is_not_there() {
    let desk = Desk::with_model();
    let parts = [
        "no device for 'nonsense'",
        "found",
        "--device cpu works everywhere",
    ];
    let train = "train set.npz --network tiny.toml -o m.safetensors --device nonsense";
    desk.refuses(train, 1, &parts);
    desk.refuses(
        "score model.safetensors set.npz --device nonsense",
        1,
        &parts,
    );
    if devices().contains(&"gpu") {
        // By part of its name, as `devices` prints it.
        let json = desk.run("devices --json").done().json();
        let name = json[1]["name"].as_str().unwrap().split(' ').next().unwrap();
        desk.refuses(train, 1, &[name]);
        let line = train.replace("nonsense", &name.to_uppercase());
        desk.run(&line).done().says(&[name]);
    }
}

#[test]
fn a_server_has_no_desktop() {
    // libwayland complains where this is not set, which is everywhere but on a desktop.
    let desk = Desk::new();
    let mut command = desk.command();
    let output = command
        .arg("devices")
        .env_remove("XDG_RUNTIME_DIR")
        .output();
    assert_eq!(String::from_utf8(output.unwrap().stderr).unwrap(), "");
}

#[test]
fn help_and_usage() {
    let desk = Desk::new();
    for command in ["train", "score", "simulate", "summary", "devices"] {
        let ran = desk.run(&format!("{command} --help")).done();
        ran.prints(&["Usage: rbgpu", command, "--help"]);
        assert_eq!(ran.err, "");
        let parts = ["unexpected argument '--nonsense'", "Usage: rbgpu"];
        desk.refuses(&format!("{command} --nonsense"), 2, &parts);
    }
    desk.run("--version")
        .done()
        .prints(&[env!("CARGO_PKG_VERSION")]);
    desk.refuses("", 2, &["Usage: rbgpu", "train"]);
    desk.refuses("trian", 2, &["trian", "train"]);
    desk.refuses("score", 2, &["<MODEL>"]);
}

#[test]
fn quiet_verbose_and_json() {
    let desk = Desk::with_set();
    let line = "train set.npz --network tiny.toml --device cpu --force";
    let quiet = desk.run(&format!("{line} --quiet")).done();
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    let verbose = desk.run(&format!("{line} -v")).done();
    verbose.says(&["epoch   1/3  loss", "validation loss"]);
    let json = desk.run(&format!("{line} --json")).done().json();
    assert_eq!(json["model"], "tiny.safetensors");
    assert!(json["threshold"].is_number());
    let names = ["tiny.curve.png", "tiny.history.jsonl", "tiny.split.csv"];
    for name in names {
        assert!(desk.path(name).exists(), "{name}");
    }
    // Names with dots in them do not run into each other.
    desk.run(&format!("{line} -q -o run.1")).done();
    desk.run(&format!("{line} -q -o run.2")).done();
    assert!(desk.path("run.1.split.csv").exists() && desk.path("run.2.split.csv").exists());
}

/// Nothing that was printed moves the cursor, recolours, or turns the direction of writing.
#[track_caller]
fn is_tame(text: &str) {
    let acts = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(acts), "{text:?}");
}

#[cfg(unix)]
#[test]
fn names_of_files_do_not_act_on_the_terminal() {
    let desk = Desk::with_model();
    // What stands behind the line feed would read like a line of ours.
    let name = "night/a\u{1b}[31m\u{9b}2J\u{202e}b\nrbgpu: all is well.fits";
    desk.write(name, "no FITS file");
    desk.write(
        "night/good.fits",
        super::fixtures::fits(16, |p| p as f32, &[]),
    );
    let score = "score model.safetensors night --device cpu";
    for line in [format!("{score} -v"), format!("{score} --strict")] {
        let ran = desk.run(&line);
        is_tame(&ran.err);
        ran.says(&["a\\u001b[31m\\u009b2J\\u202eb\\u000arbgpu: all is well.fits"]);
        let forged = ran.err.lines().any(|line| line.starts_with("rbgpu: all"));
        assert!(!forged, "{}", ran.err);
    }
    let alone = desk.command().args(["summary", name]).output().unwrap();
    assert_eq!(alone.status.code(), Some(1), "{alone:?}");
    is_tame(&String::from_utf8(alone.stderr).unwrap());
}

#[cfg(unix)]
#[test]
fn a_name_of_a_network_is_one_line_of_the_table() {
    let desk = Desk::new();
    let evil = desk
        .text("tiny.toml")
        .replace("\"tiny\"", "\"a\\u001B[31m\\u202Eb\"");
    desk.write("evil.toml", evil);
    let ran = desk.run("summary evil.toml --input 16,16,1");
    is_tame(&ran.out);
    is_tame(&ran.err);
}
