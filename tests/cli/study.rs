//! `rbgpu study`: the same table whatever happened meanwhile.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::Desk;

const SIZE: &str = "study size set.npz --network tiny.toml --sizes 8,16,36 --repeats 2 --epochs 4 \
                    --batch-size 4 --device cpu --checkpoint-every 0";

/// A .csv without its last column, which is measured.
fn compared(text: &str) -> String {
    let row = |line: &str| line.rsplit_once(',').map(|(rest, _)| rest.to_string());
    let rows: Option<Vec<String>> = text.lines().map(row).collect();
    rows.expect("several columns").join("\n")
}

/// Starts the study and kills it some time after its first run is over; whether it was killed
/// before it ended.
fn kill(desk: &Desk, line: &str, folder: &str, after: Duration) -> bool {
    let journal = desk.path(folder).join("study.jsonl");
    let length = || std::fs::metadata(&journal).map_or(0, |m| m.len());
    let before = length();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("rbgpu"))
        .current_dir(desk.folder.path())
        .args(line.split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while length() == before && child.try_wait().unwrap().is_none() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "no run is over"
        );
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(after);
    // SIGKILL: nothing in the program can notice.
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn killed_and_begun_again_is_as_never_killed() {
    let desk = Desk::with_set();
    desk.run(&format!("{SIZE} --out whole")).done();
    let line = format!("{SIZE} --out killed");
    let mut kills = 0;
    // From right after a run to some steps into the next.
    for millis in [0, 3, 8, 15] {
        kills += u32::from(kill(&desk, &line, "killed", Duration::from_millis(millis)));
    }
    assert!(kills >= 2, "killed {kills} times before it was over");
    desk.run(&line).done().says(&["(done before)"]);
    for name in ["whole", "killed"] {
        for end in ["html", "csv", "json", "svg", "png"] {
            assert!(desk.path(name).join(format!("study.{end}")).exists());
        }
    }
    let table = |name: &str| compared(&desk.text(&format!("{name}/study.csv")));
    assert_eq!(table("whole"), table("killed"));
    assert_eq!(table("whole").lines().count(), 7);
    assert!(desk.read("whole/study.svg") == desk.read("killed/study.svg"));
    assert!(desk.read("whole/study.png") == desk.read("killed/study.png"));
    let page = desk.text("whole/study.html");
    for part in [
        "<svg",
        "candidates in the training set",
        "<td>16</td>",
        "./study.csv",
        "Fig. 11",
    ] {
        assert!(page.contains(part), "no {part} in the page");
    }
    let names = page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(page.matches("://").count(), names, "it asks for nothing");
    let model = "runs/n16-r2/model.safetensors";
    assert!(desk.read(&format!("whole/{model}")) == desk.read(&format!("killed/{model}")));
    let left = std::fs::read_dir(desk.path("killed")).unwrap();
    let hidden = left.filter(|f| f.as_ref().unwrap().file_name().as_encoded_bytes()[0] == b'.');
    assert_eq!(hidden.count(), 0);
}

#[test]
fn other_arguments_are_refused_unless_fresh() {
    let desk = Desk::with_set();
    let line = "study cutout set.npz --network tiny.toml --sizes 3,8,16 --epochs 1 --device cpu";
    let ran = desk.run(line).done();
    ran.prints(&[
        "pixels",
        "3 pixels are too small for tiny",
        "measured on the test part",
    ]);
    let table = desk.text("study-cutout/study.csv");
    assert_eq!(table.lines().count(), 4);
    let other = line.replace("--epochs 1", "--epochs 2 --seed 7");
    let ran = desk.run(&other);
    assert_eq!(ran.code, 1, "{}", ran.err);
    ran.says(&[
        "study-cutout/settings.json: settings",
        "training.epochs 1",
        "training.epochs 2",
        "training.seed 7",
        "--fresh",
    ]);
    assert_eq!(desk.text("study-cutout/study.csv"), table);
    let size = SIZE.replace("--checkpoint-every 0", "--out study-cutout");
    desk.refuses(&size, 1, &["study cutout", "study size"]);
    desk.run(&format!("{other} --fresh")).done();
    assert_ne!(desk.text("study-cutout/study.csv"), table);
    // The first again: what stands there now is the second.
    assert_eq!(desk.run(line).code, 1);
}

#[test]
fn arguments_that_cannot_be_leave_nothing() {
    let desk = Desk::with_set();
    for (arguments, code, parts) in [
        (
            "size set.npz --network tiny.toml --sizes 37",
            2,
            "from 2 to 36",
        ),
        ("size set.npz --network tiny.toml --sizes 8,8", 2, "8 twice"),
        (
            "size set.npz --network tiny.toml --repeats 0",
            2,
            "from 1 to 1000",
        ),
        ("size set.npz --network nothing", 2, "nothing"),
        ("size none.npz --network tiny.toml", 1, "none.npz"),
        (
            "size set.npz --network tiny.toml --split 100/0",
            2,
            "--split",
        ),
        (
            "cutout set.npz --network tiny.toml --sizes 17",
            2,
            "from 1 to 16",
        ),
        ("cutout set.npz --network tiny.toml --sizes 2,3", 1, "tiny"),
        ("channels set.npz --network tiny.toml", 2, "--sets"),
        ("channels set.npz --network tiny.toml --sets sky", 2, "sky"),
        (
            "channels set.npz --network tiny.toml --sets search",
            1,
            "difference",
        ),
        ("architecture set.npz --trials 0", 2, "--trials"),
        ("architecture set.npz --eta 1", 2, "--eta"),
        ("architecture set.npz --search grid", 2, "grid"),
        ("architecture set.npz --space tiny.toml", 1, "tiny.toml"),
        (
            "architecture set.npz --trials 1 --with otrain,otrain",
            2,
            "each once",
        ),
    ] {
        desk.refuses(&format!("study {arguments} --device cpu"), code, &[parts]);
    }
}

#[test]
fn images_are_compared() {
    let desk = Desk::new();
    let set = super::fixtures::cutouts(60, 3);
    let labels = super::fixtures::alternating(60);
    let members = [("cube", set), ("labels", labels)];
    super::fixtures::npz(&desk.path("three.npz"), &members);
    let line = "study channels three.npz --network tiny.toml --epochs 1 --device cpu --json";
    desk.refuses(line, 1, &["3 images without names", "--planes"]);
    let planes = "--planes template,search,difference";
    let ran = desk.run(&format!("{line} {planes}")).done();
    let all = ran.json();
    let images: Vec<&str> = all["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["images"].as_str().unwrap())
        .collect();
    let expected = [
        "template+search+difference",
        "search+template",
        "difference",
    ];
    assert_eq!(images, expected);
    assert_eq!(all["measured_on"], "test");
    assert!(desk.path("study-channels/study.png").exists());
}

const SPACE: &str = r#"
convolutions = [1, 2]
per_block = [1, 2]
filters = [2, 6]
widening = [1.0]
kernel = [2, 4]
shrink = ["max_pool", "avg_pool"]
by = [2, 2]
batch_norm = [true, false]
dropout = ["flatten"]
dropout_rate = [0.1, 0.3]
dense = [0, 1]
units = [4, 8]
head = ["sigmoid"]
learning_rate = [1e-3, 1e-2]
most_parameters = 20000
most_mflops = 10.0
[training]
batch_size = 12
epochs = 4
split = "60/20/20"
"#;

#[test]
fn networks_are_searched_and_the_best_can_be_used() {
    let desk = Desk::with_set();
    desk.write("space.toml", SPACE);
    let line = "study architecture set.npz --space space.toml --trials 4 --eta 2 --device cpu \
                --with otrain --batch-size 20";
    let ran = desk.run(&format!("{line} --out whole")).done();
    ran.says(&[
        "4 networks drawn",
        "4 for 1 epochs, then 2 for 2 epochs, then 1 for 4 epochs",
    ]);
    ran.prints(&["rank", "parameters", "FPR at MDR 0.05", "s/epoch", "otrain"]);
    let killed = format!("{line} --out killed --checkpoint-every 0");
    for millis in [0, 2] {
        kill(&desk, &killed, "killed", Duration::from_millis(millis));
    }
    desk.run(&killed).done();
    let table = |name: &str| compared(&desk.text(&format!("{name}/study.csv")));
    assert_eq!(table("whole"), table("killed"));
    assert!(desk.read("whole/study.svg") == desk.read("killed/study.svg"));
    assert!(desk.read("whole/best.safetensors") == desk.read("killed/best.safetensors"));
    // The split beside it is the study's, not what its seed would make.
    desk.run("evaluate whole/best.safetensors set.npz --out report --device cpu")
        .done();
    // A trial's network is one that train takes, with the settings that it had.
    desk.run("train set.npz --network whole/runs/t002/network.toml --device cpu -o t.safetensors")
        .done();
}

#[test]
fn the_space_that_is_printed_is_one() {
    let desk = Desk::with_set();
    let ran = desk.run("study architecture --print-space").done();
    desk.write("space.toml", &ran.out);
    let line = "study architecture set.npz --trials 1 --epochs 1 --device cpu --quiet";
    let ran = desk
        .run(&format!("{line} --space space.toml --out same"))
        .done();
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    desk.run(&format!("{line} --out same")).done();
}
