//! `rbgpu bench`, briefly: what it prints is what was measured.

use super::{Desk, devices};

/// A network that knows its cutouts' size, which `bench` needs.
fn desk() -> Desk {
    let desk = Desk::new();
    let sized = desk
        .text("tiny.toml")
        .replace("name = \"tiny\"", "name = \"tiny\"\ninput = [16, 16, 1]");
    desk.write("sized.toml", sized);
    desk
}

#[test]
fn every_configuration_is_measured_against_the_ceilings() {
    let desk = desk();
    for device in devices() {
        let options = format!("--network sized.toml,otrain --seconds 0.05 --device {device}");
        let ran = desk
            .run(&format!(
                "bench {options} --batch-size 8,16 --out bench.json --force"
            ))
            .done();
        ran.prints(&[
            "GFLOP/s", "training", "scoring", "of GEMM", "peak MB", "otrain",
        ]);
        let json: serde_json::Value = serde_json::from_str(&desk.text("bench.json")).unwrap();
        let [measured] = &json["devices"].as_array().unwrap()[..] else {
            panic!("one device: {json:#}");
        };
        let results = measured["results"].as_array().unwrap();
        assert_eq!(results.len(), 2 * 2 * 2);
        let mut peaks = Vec::new();
        for result in results {
            let number = |key: &str| result[key].as_f64().unwrap_or_else(|| panic!("{result:#}"));
            assert!(number("samples_per_s") > 0.0, "{result:#}");
            assert!(number("samples_per_s_best") >= number("samples_per_s"));
            // Usually 1 to 70. The bounds are wide because other tests run meanwhile, and
            // both numbers are of a twentieth of a second; a wrong unit is beyond them.
            for key in ["percent_of_gemm", "percent_of_copy"] {
                let percent = number(key);
                assert!(percent > 1e-3 && percent < 1000.0, "{key}: {result:#}");
            }
            assert!(number("device_bytes") > 0.0, "{result:#}");
            if cfg!(target_os = "linux") {
                peaks.push((result["network"].clone(), number("peak_bytes")));
            }
        }
        // Each was measured in a process of its own: the peak is not one that only grows.
        let first_of = |name: &str| peaks.iter().find(|p| p.0 == name).map(|p| p.1);
        assert!(first_of("tiny") <= first_of("otrain"), "{peaks:?}");
    }
}

#[test]
fn the_peers_line_has_the_peers_keys() {
    let desk = desk();
    let line = desk
        .run("bench --protocol --network sized.toml --batch-size 4 --mode infer --seconds 0.05 --device cpu")
        .done()
        .json();
    assert_eq!(line["peer"], "rbgpu");
    assert_eq!(line["model"], "tiny");
    assert_eq!(line["mode"], "infer");
    assert_eq!(line["batch"], 4);
    assert!(line["reps"].as_u64().unwrap() >= 1);
    for key in [
        "samples_per_s_best",
        "samples_per_s_median",
        "steps_per_rep",
        "cpu_s_per_step",
        "first_step_s",
    ] {
        assert!(line[key].as_f64().unwrap() >= 0.0, "{key} in {line:#}");
    }
    if cfg!(target_os = "linux") {
        let megabytes = line["peak_rss_mb"].as_f64().unwrap();
        assert!(megabytes > 1.0 && megabytes < 10_000.0, "{line:#}");
    }
}

#[test]
fn a_batch_that_does_not_fit_is_no_failure() {
    let desk = desk();
    // 4 TB of pixels: more than a processor's memory, and than a gpu's buffer.
    let options = "--network sized.toml --batch-size 4000000000,4 --seconds 0.05 --device cpu";
    let ran = desk
        .run(&format!("bench {options} --mode score --json"))
        .done();
    let json = ran.json();
    let results = json["devices"][0]["results"].as_array().unwrap();
    assert!(results[0]["does_not_fit"].is_string(), "{json:#}");
    assert!(
        results[1]["samples_per_s"].as_f64().unwrap() > 0.0,
        "{json:#}"
    );
}

#[test]
fn growth_is_measured_and_drawn() {
    let desk = desk();
    let options = "--network sized.toml --batch-size 2,8 --samples 1000 --seconds 0.1";
    let ran = desk
        .run(&format!(
            "bench --growth {options} --device cpu --json --picture growth.svg"
        ))
        .done();
    let json = ran.json();
    assert_eq!(json["batch"].as_array().unwrap().len(), 4);
    assert_eq!(json["size"].as_array().unwrap().len(), 14);
    let epoch = &json["epoch"][0];
    assert_eq!(epoch["samples"], 1000);
    assert_eq!(epoch["file_bytes"], 1000 * 16 * 16);
    let share = epoch["waited_share"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&share), "{epoch:#}");
    let picture = desk.text("growth.svg");
    assert!(picture.starts_with("<svg") && picture.contains("samples/s"));
}

#[test]
fn wrong_use_is_refused_before_anything_is_measured() {
    let desk = desk();
    desk.refuses("bench --network nonsense", 2, &["nonsense", "des1"]);
    desk.refuses("bench --seconds 0", 2, &["--seconds", "more than 0"]);
    desk.refuses("bench --batch-size 0", 2, &["--batch-size"]);
    let parts = ["--precision", "f16 needs a gpu"];
    desk.refuses("bench --device cpu --precision f16", 2, &parts);
    desk.refuses("bench --protocol", 2, &["--mode"]);
    let parts = ["--network", "exactly one"];
    desk.refuses("bench --protocol --mode train --batch-size 4", 2, &parts);
    let parts = ["no device for 'nonsense'"];
    desk.refuses("bench --network otrain --device nonsense", 1, &parts);
}
