//! `rbgpu explain`: maps, pictures and averages, and what it refuses.

use super::fixtures::{cutouts, fits, fits_without_data, npz};
use super::scores::rows;
use super::{Desk, devices};

/// The shape that the header of a .npy states, and its values.
fn npy(bytes: &[u8]) -> (Vec<u64>, Vec<f32>) {
    let file = npyz::NpyFile::new(bytes).unwrap();
    (file.shape().to_vec(), file.into_vec().unwrap())
}

#[test]
fn everything_of_a_sample_of_both_classes() {
    let desk = Desk::with_model();
    for device in devices() {
        let line = format!("explain model.safetensors set.npz --device {device} -o why --force");
        let ran = desk.run(&line).done();
        ran.prints(&["P(real)", "largest drop"]);
        ran.says(&[
            "explaining a random sample of 24 of 60 candidates, 12 real and 12 bogus (seed 1)",
            "24 candidates explained: why",
        ]);
        for name in ["grad-cam.png", "saliency.png", "occlusion.png"] {
            let picture = desk.read(&format!("why/{name}"));
            assert!(picture.starts_with(b"\x89PNG"), "{name}");
        }
        let (shape, maps) = npy(&desk.read("why/grad-cam.npy"));
        assert_eq!(shape, [24, 16, 16]);
        let table = rows(&desk.text("why/explain.csv"));
        assert_eq!(table.len(), 24);
        assert_eq!(table.iter().filter(|row| row["label"] == "1").count(), 12);
        for (row, map) in table.iter().zip(maps.chunks(256)) {
            assert_eq!(
                (row["layer"].as_str(), row["of"].as_str()),
                ("conv2d", "probability")
            );
            assert_eq!(row["class"], row["decision"]);
            let top = map.iter().copied().fold(0.0, f32::max);
            let largest: f64 = row["grad_cam_largest"].parse().unwrap();
            assert_eq!(top, if largest > 0.0 { 1.0 } else { 0.0 }, "{row:?}");
            assert!(map.iter().all(|v| (0.0..=1.0).contains(v)));
        }
        let (shape, values) = npy(&desk.read("why/saliency.npy"));
        assert_eq!(shape, [24, 16, 16, 1]);
        assert!(values.iter().all(|v| (-1.0..=1.0).contains(v)));
        // A square of 2, moved by 1.
        let (shape, drops) = npy(&desk.read("why/occlusion.npy"));
        assert_eq!(shape, [24, 15, 15]);
        for (row, map) in table.iter().zip(drops.chunks(225)) {
            let number = |name: &str| row[name].parse::<f32>().unwrap();
            let at = number("occlusion_row") * 15.0 + number("occlusion_column");
            assert_eq!(map[at as usize], number("occlusion_largest_drop"));
        }
        let json: serde_json::Value = serde_json::from_str(&desk.text("why/explain.json")).unwrap();
        assert_eq!(json["averages"]["all"]["candidates"], 24);
        assert!(
            json["chosen"]
                .as_str()
                .unwrap()
                .starts_with("a random sample of 24")
        );
        assert_eq!(json["grad_cam"]["layer"], "conv2d");
    }
}

#[test]
fn the_scores_are_those_of_score() {
    let desk = Desk::with_model();
    desk.run("score model.safetensors set.npz --device cpu -o s.csv")
        .done();
    let ran = desk
        .run(
            "explain model.safetensors set.npz --device cpu -o why --method saliency --limit 60 -q",
        )
        .done();
    assert_eq!(ran.err, "");
    let (all, ours) = (
        rows(&desk.text("s.csv")),
        rows(&desk.text("why/explain.csv")),
    );
    assert_eq!((all.len(), ours.len()), (60, 60));
    for (all, ours) in all.iter().zip(&ours) {
        assert_eq!((&all["id"], &all["label"]), (&ours["id"], &ours["label"]));
        let score = |row: &str| row.parse::<f64>().unwrap();
        assert!((score(&all["rb_score"]) - score(&ours["rb_score"])).abs() < 1e-6);
    }
    assert!(!desk.path("why/grad-cam.npy").exists());
}

#[test]
fn candidates_are_chosen() {
    let desk = Desk::with_model();
    let line = "explain model.safetensors set.npz --device cpu --method grad-cam --force -o why";
    let ids = |arguments: &str, code: i32| -> Vec<String> {
        let ran = desk.run(&format!("{line} {arguments}"));
        assert_eq!(ran.code, code, "{}", ran.err);
        let table = rows(&desk.text("why/explain.csv"));
        table
            .into_iter()
            .map(|mut row| row.remove("id").unwrap())
            .collect()
    };
    let all = ids("--limit 60", 0);
    assert_eq!(ids("--rows 3-40", 0), all[3..=40]);
    assert_eq!(ids("--rows 50-99", 0), all[50..]);
    assert_eq!(ids("--rows 7 --class bogus --of logit", 0), all[7..8]);
    assert_eq!(
        ids(&format!("--id {} --id {}", all[9], all[2]), 0),
        [&*all[2], &*all[9]]
    );
    // One of two is there.
    assert_eq!(ids(&format!("--id {} --id nobody", all[9]), 3), [&*all[9]]);
    // One of each class, not the first two.
    let two = ids("--limit 2 --each --layer max_pooling2d", 0);
    let table = rows(&desk.text("why/explain.csv"));
    assert_ne!(table[0]["label"], table[1]["label"]);
    assert_eq!(two, ids("--limit 2 --layer max_pooling2d --seed 1", 0));
    assert_ne!(two, ids("--limit 2 --layer max_pooling2d --seed 2", 0));
    ids("--limit 2 --each --layer max_pooling2d", 0);
    let each = std::fs::read_dir(desk.path("why/grad-cam")).unwrap();
    assert_eq!(each.count(), 2);
    let (shape, _) = npy(&desk.read("why/grad-cam.npy"));
    assert_eq!(shape, [2, 4, 4]);
}

#[test]
fn what_cannot_be_had_is_refused() {
    let desk = Desk::with_model();
    let line = "explain model.safetensors set.npz --device cpu -o why";
    let refuses = |more: &str, code, parts: &[&str]| {
        desk.refuses(&format!("{line} {more}"), code, parts);
    };
    refuses(
        "--layer conv2d_7",
        2,
        &["'conv2d_7'", "conv2d (16x16x4)", "max_pooling2d (4x4x4)"],
    );
    refuses("--layer dense", 2, &["dense, whose output", "conv2d"]);
    refuses("--id nobody", 2, &["nobody", "ids of the input, such as"]);
    refuses("--rows 60-70", 2, &["60-70", "has 60, from 0"]);
    refuses("--rows 7-3", 2, &["A-B"]);
    refuses("--limit 0", 2, &["--limit"]);
    refuses("--size 17", 2, &["17", "from 1 to 16"]);
    refuses("--hide search", 2, &["search"]);
    refuses("--class star", 2, &["'star'", "real, bogus or predicted"]);
    refuses("--method lime", 2, &["grad-cam", "saliency", "occlusion"]);
    desk.write("file", "");
    desk.refuses(
        "explain model.safetensors set.npz --device cpu -o file",
        2,
        &["file, which is a file", "a folder"],
    );
    npz(&desk.path("two.npz"), &[("cube", cutouts(4, 2))]);
    desk.refuses(
        "explain model.safetensors two.npz --device cpu -o why",
        1,
        &["left out", "4, none of which can be explained"],
    );
}

#[test]
fn a_broken_file_among_good_ones_is_left_out() {
    let desk = Desk::with_model();
    for i in 0..4 {
        desk.write(
            &format!("night/{i}.fits"),
            fits(16, |p| (p * (i + 2) % 91) as f32, &[]),
        );
    }
    desk.write("night/2b.fits", fits_without_data());
    let line = "explain model.safetensors night --device cpu -o why --method occlusion --stride 4";
    let ran = desk.run(line);
    assert_eq!(ran.code, 3, "{}", ran.err);
    ran.says(&["left out", "2b.fits", "4 candidates explained"]);
    assert_eq!(rows(&desk.text("why/explain.csv")).len(), 4);
    let (shape, _) = npy(&desk.read("why/occlusion.npy"));
    assert_eq!(shape, [4, 5, 5]);
    let json: serde_json::Value = serde_json::from_str(&desk.text("why/explain.json")).unwrap();
    assert_eq!(json["left_out"].as_array().unwrap().len(), 1);
    let strict = format!("{line} --strict").replace("why", "strict");
    desk.refuses(&strict, 1, &["2b.fits"]);
}

#[test]
fn a_network_without_a_convolution() {
    let desk = Desk::with_set();
    desk.write(
        "flat.toml",
        "name = \"flat\"\n[[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 1\n\
         activation = \"sigmoid\"\n",
    );
    desk.run("train set.npz --network flat.toml --epochs 1 --device cpu -o flat.safetensors")
        .done();
    let line = "explain flat.safetensors set.npz --device cpu --limit 3 -o why";
    desk.refuses(
        &format!("{line} --method grad-cam"),
        1,
        &["flat", "no", "spatial map"],
    );
    let ran = desk.run(line).done();
    ran.says(&["no Grad-CAM", "3 candidates explained"]);
    assert!(desk.path("why/saliency.png").exists() && !desk.path("why/grad-cam.png").exists());
}
