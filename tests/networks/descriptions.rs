//! Networks as TOML: the published ones have their published size, a description
//! survives writing and reading, and a mistake is found and its line named.

use std::path::Path;

use rbgpu::nn::{Architecture, Plan};

const GOOD: &str = r#"name = "mine"

[[layers]]
kind = "conv2d"
filters = 4
kernel = [3, 5]
stride = [1, 2]
padding = "valid"
activation = "relu"

[[layers]]
kind = "batch_norm"

[[layers]]
kind = "avg_pool"
window = 2
stride = 1

[[layers]]
kind = "flatten"

[[layers]]
kind = "dropout"
rate = 0.25

[[layers]]
kind = "dense"
units = 2
activation = "softmax"
"#;

fn parse(text: &str) -> rbgpu::Result<Architecture> {
    Architecture::parse(text, Path::new("mine.toml"))
}

#[test]
fn published_networks_have_their_published_size() {
    for (name, input, trainable, still) in [
        ("des1", [51, 51, 3], 265_165, 582),
        ("des2", [51, 51, 3], 414_205, 742),
        ("des3", [51, 51, 3], 851_605, 1_062),
        ("des4", [51, 51, 3], 953_785, 462),
        ("otrain", [32, 32, 1], 2_621_826, 0),
        ("otrain", [12, 12, 1], 655_746, 0),
    ] {
        let plan = Plan::new(&Architecture::named(name).unwrap(), input).unwrap();
        assert_eq!(
            (plan.trainable(), plan.not_trainable()),
            (trainable, still),
            "{name}"
        );
    }
}

#[test]
fn a_description_survives_writing_and_reading() {
    let mine = parse(GOOD).unwrap();
    let published = Architecture::published().map(|name| Architecture::named(name).unwrap());
    for architecture in published.chain([mine]) {
        let text = toml::to_string(&architecture).unwrap();
        assert_eq!(parse(&text).unwrap(), architecture, "{text}");
    }
}

/// `GOOD` with one line replaced; its number, from 1, is returned too.
fn with(line: &str, other: &str) -> (String, usize) {
    let number = GOOD
        .lines()
        .position(|l| l == line)
        .expect("the line is there")
        + 1;
    (GOOD.replacen(line, other, 1), number)
}

#[test]
fn a_mistake_is_found_and_its_line_named() {
    for (line, mistake, words) in [
        ("name = \"mine\"", "nome = \"mine\"", "nome"),
        ("name = \"mine\"", "name = 3", "string"),
        ("filters = 4", "filters = -4", "-4"),
        ("filters = 4", "filtres = 4", "filtres"),
        ("kernel = [3, 5]", "kernel = [3, 5, 7]", "[down, across]"),
        ("padding = \"valid\"", "padding = \"mirror\"", "mirror"),
        ("rate = 0.25", "rate = \"a quarter\"", "a quarter"),
        ("kind = \"flatten\"", "kind = \"flat\"", "flat"),
        (
            "kind = \"flatten\"",
            "kind = \"flatten\"\nrate = 0.5",
            "rate",
        ),
        (
            "kind = \"batch_norm\"",
            "kind = \"batch_norm\"\nepsilom = 1e-5",
            "epsilom",
        ),
        ("units = 2", "units = 2 2", "expected"),
    ] {
        let (text, number) = with(line, mistake);
        let error = parse(&text).expect_err(mistake).to_string();
        assert!(error.contains("mine.toml"), "{mistake}: {error}");
        assert!(error.contains(words), "{mistake}: {error}");
        assert!(error.contains("expected"), "{mistake}: {error}");
        // For a layer's settings, the line that opens it.
        let layers = GOOD.lines().take(number).enumerate();
        let opens = layers.filter(|(_, line)| *line == "[[layers]]").last();
        let itself = mistake.contains("2 2") || mistake == "kind = \"flat\"";
        let place = match opens {
            Some((i, _)) if !itself => format!("line {}, layer ", i + 1),
            _ => format!("line {number}"),
        };
        assert!(
            error.contains(&place),
            "{mistake}: no '{place}' in: {error}"
        );
    }
}

#[test]
fn what_can_be_read_but_not_built_is_found() {
    for (line, mistake, words) in [
        ("filters = 4", "filters = 0", "layer 1"),
        ("rate = 0.25", "rate = 1.0", "layer 5"),
        (
            "activation = \"relu\"",
            "activation = \"softmax\"",
            "layer 1",
        ),
        ("units = 2", "units = 3", "layer 6"),
        (
            "kind = \"batch_norm\"",
            "kind = \"batch_norm\"\nepsilon = 0.0",
            "layer 2",
        ),
    ] {
        let error = parse(&with(line, mistake).0)
            .expect_err(mistake)
            .to_string();
        assert!(error.contains(words), "{mistake}: {error}");
    }
    let mine = parse(GOOD).unwrap();
    let error = Plan::new(&mine, [2, 9, 1]).unwrap_err().to_string();
    assert!(error.contains("layer 1 (conv2d)"), "{error}");
    let error = Architecture::named("des5").unwrap_err().to_string();
    assert!(error.contains("des1, des2, des3, des4, otrain"), "{error}");
}
