//! Networks drawn from a space.

use std::path::Path;

use rbgpu::nn::{Architecture, Layer, Plan};
use rbgpu::study::architecture::{Trial, write_network};
use rbgpu::study::space::{DEFAULT, Space};
use rbgpu::train::Settings;

use super::said;

const INPUT: [usize; 3] = [51, 51, 3];

fn space() -> Space {
    Space::read(None).unwrap()
}

#[test]
fn a_trial_is_a_function_of_seed_and_number() {
    let (space, other) = (space(), space());
    let one: Vec<_> = (1..=20).map(|i| space.draw(1, i, INPUT).unwrap()).collect();
    for (i, drawn) in one.iter().enumerate().rev() {
        let again = other.draw(1, i + 1, INPUT).unwrap();
        assert_eq!(again, *drawn, "trial {}", i + 1);
    }
    for (i, drawn) in one.iter().enumerate() {
        let layers = &drawn.architecture.layers;
        let seen = one[..i].iter().any(|d| d.architecture.layers == *layers);
        assert!(!seen, "trial {} is a new one", i + 1);
    }
    let another = space.draw(2, 1, INPUT).unwrap();
    assert_ne!(another.architecture.layers, one[0].architecture.layers);
}

#[test]
fn what_is_drawn_is_in_the_space_and_fits() {
    let space = space();
    let mut redrawn = 0;
    for i in 1..=100 {
        let drawn = space.draw(9, i, INPUT).unwrap();
        redrawn += drawn.redrawn;
        let architecture = &drawn.architecture;
        architecture.check(Path::new("drawn")).unwrap();
        let plan = Plan::new(architecture, INPUT).unwrap();
        assert!(plan.trainable() <= space.most_parameters);
        assert!(plan.scoring_cost(1).flops as f64 <= 1e6 * space.most_mflops);
        let [low, high] = space.learning_rate;
        let rate = architecture.training.learning_rate;
        assert!(low <= rate && rate <= high, "{rate}");
        let mut convolutions = 0;
        for layer in &architecture.layers {
            match layer {
                Layer::Conv2d {
                    filters, kernel, ..
                } => {
                    convolutions += 1;
                    assert!((10..=400).contains(filters), "{filters}");
                    assert!((2..=8).contains(&kernel.0[0]), "{kernel:?}");
                }
                Layer::Dropout { rate } => assert!((0.1..=0.6).contains(rate), "{rate}"),
                _ => {}
            }
        }
        assert!((2..=5).contains(&convolutions), "{convolutions}");
    }
    assert!(redrawn > 0, "some do not fit, and are counted");
}

#[test]
fn a_space_without_a_network_that_fits_says_so() {
    let text = DEFAULT.replace("most_parameters = 2000000", "most_parameters = 5");
    let space = Space::parse(&text, Path::new("s.toml")).unwrap();
    assert!(said(space.draw(1, 1, INPUT)).contains("none in 2000 draws"));
}

#[test]
fn mistakes_in_a_space_are_named() {
    for (from, to, says) in [
        ("kernel = [2, 8]", "kernel = [8, 2]", "kernel: found [8, 2]"),
        ("kernel = [2, 8]", "kernels = [2, 8]", "line 9"),
        (
            "dropout_rate = [0.1, 0.6]",
            "dropout_rate = [0.1, 1.0]",
            "below 1",
        ),
        (
            "learning_rate = [1e-5, 3e-3]",
            "learning_rate = [0.0, 3e-3]",
            "above 0",
        ),
        ("shrink = [", "shrink = [] # [", "shrink: found nothing"),
        ("head = [\"sigmoid\"]", "head = [\"tanh\"]", "line 17"),
        ("most_mflops = 1000.0", "most_mflops = nan", "most_mflops"),
        ("widening = [1.0, 2.0]", "widening = [nan]", "widening"),
        ("by = [2, 3]", "by = [1, 3]", "from 2 to 16"),
    ] {
        assert!(DEFAULT.contains(from), "{from}");
        let text = DEFAULT.replacen(from, to, 1);
        let said = said(Space::parse(&text, Path::new("s.toml")));
        assert!(
            said.contains("s.toml") && said.contains(says),
            "{to}: {said}"
        );
    }
}

#[test]
fn a_network_is_written_as_train_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.toml");
    let space = space();
    for i in 1..=20 {
        let drawn = space.draw(4, i, INPUT).unwrap();
        let trial = Trial {
            config: Settings::default().check(drawn.architecture).unwrap(),
            published: false,
            redrawn: drawn.redrawn,
        };
        write_network(&trial, &path).unwrap();
        let read = Architecture::named(path.to_str().unwrap()).unwrap();
        assert_eq!(read, trial.config.architecture);
        let config = Settings::default().check(read).unwrap();
        assert_eq!(config, trial.config);
    }
}
