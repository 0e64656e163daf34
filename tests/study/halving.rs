//! Which trials are trained for how long.

use std::sync::Arc;

use rbgpu::study::architecture::{Placed, Trial, count, search};
use rbgpu::study::halving::rungs;
use rbgpu::study::{Rung, Search, Space};
use rbgpu::train::Settings;

use super::{Desk, Stop, csv, said};

fn plan(search: Search, trials: usize, epochs: usize, eta: usize) -> Vec<(usize, usize)> {
    let rungs = rungs(search, trials, epochs, eta);
    rungs
        .iter()
        .map(|rung| (rung.trials, rung.epochs))
        .collect()
}

#[test]
fn rungs_are_as_many_as_trials_and_epochs_allow() {
    use Search::{Halving, Random};
    assert_eq!(plan(Halving, 27, 27, 3), [(27, 1), (9, 3), (3, 9), (1, 27)]);
    assert_eq!(plan(Halving, 9, 20, 3), [(9, 2), (3, 7), (1, 20)]);
    assert_eq!(plan(Halving, 100, 4, 2), [(100, 1), (50, 2), (25, 4)]);
    assert_eq!(plan(Halving, 2, 50, 3), [(2, 50)]);
    assert_eq!(plan(Halving, 5, 1, 2), [(5, 1)]);
    assert_eq!(plan(Random, 27, 27, 3), [(27, 27)]);
    for (trials, epochs, eta) in [(100, 97, 2), (81, 5, 3), (7, 1000, 4), (1, 1, 2)] {
        let rungs = rungs(Halving, trials, epochs, eta);
        assert_eq!(
            (rungs[0].trials, rungs.last().unwrap().epochs),
            (trials, epochs)
        );
        let rising = |two: &[Rung]| two[0].epochs < two[1].epochs && two[0].trials > two[1].trials;
        assert!(rungs.windows(2).all(rising), "{rungs:?}");
        assert!(rungs.iter().all(|rung| rung.trials > 0 && rung.epochs > 0));
    }
}

const SPACE: &str = r#"
convolutions = [1, 2]
per_block = [1, 2]
filters = [2, 6]
widening = [1.0]
kernel = [2, 4]
shrink = ["max_pool", "stride"]
by = [2, 3]
batch_norm = [true, false]
dropout = ["flatten"]
dropout_rate = [0.1, 0.3]
dense = [0, 1]
units = [4, 8]
head = ["sigmoid", "softmax"]
learning_rate = [1e-3, 1e-2]
most_parameters = 20000
most_mflops = 10.0
[training]
batch_size = 12
epochs = 4
split = "60/20/20"
"#;

fn trials() -> Vec<Trial> {
    let space = Space::parse(SPACE, std::path::Path::new("s.toml")).unwrap();
    let draw = |i| {
        let drawn = space.draw(1, i, [16, 16, 1]).unwrap();
        Trial {
            config: Settings::default().check(drawn.architecture).unwrap(),
            published: false,
            redrawn: drawn.redrawn,
        }
    };
    (1..=5).map(draw).collect()
}

/// Searches `trials` in 5, 2, 1 of them for 1, 2, 4 epochs; stops after some steps.
fn halve(desk: &Desk, path: &std::path::Path, steps: usize) -> rbgpu::Result<Vec<Placed>> {
    let trials = trials();
    let rungs = rungs(Search::Halving, 5, 4, 2);
    let folder = desk.folder(path, "")?;
    let mut watcher = Stop::after(steps);
    let mut study = desk.study(folder, count(&trials, &rungs), &mut watcher);
    let split = Arc::new(desk.split.clone());
    search(&mut study, &trials, &rungs, &split, desk.data.shape)
}

fn table(placed: &[Placed]) -> String {
    csv(&placed.iter().map(|p| p.record.clone()).collect::<Vec<_>>())
}

/// The best went on from its checkpoints: it is what it would be without a rung before.
#[test]
fn going_on_is_as_training_at_once() {
    let desk = Desk::new();
    let folder = tempfile::tempdir().unwrap();
    let placed = halve(&desk, &folder.path().join("a"), usize::MAX).unwrap();
    assert_eq!(placed.len(), 5);
    let epochs: Vec<usize> = placed.iter().map(|p| p.record.epochs).collect();
    assert_eq!(epochs, [4, 2, 1, 1, 1]);
    let best = &placed[0];

    let trials = trials();
    let rungs = rungs(Search::Random, 5, 4, 2);
    let open = desk.folder(&folder.path().join("b"), "").unwrap();
    let mut nobody = ();
    let mut study = desk.study(open, 5, &mut nobody);
    let split = Arc::new(desk.split.clone());
    let whole = search(&mut study, &trials, &rungs, &split, desk.data.shape).unwrap();
    let same = whole.iter().find(|p| p.trial == best.trial).unwrap();
    assert_eq!(
        csv(std::slice::from_ref(&same.record)),
        csv(std::slice::from_ref(&best.record))
    );
    // Checkpoints are gone, models are there.
    for name in ["a", "b"] {
        for trial in &trials {
            let runs = folder.path().join(name).join("runs");
            let run = runs.join(&trial.config.architecture.name);
            assert!(run.join("model.safetensors").exists());
            assert!(!run.join("checkpoint.safetensors").exists(), "{run:?}");
        }
    }
}

#[test]
fn a_search_that_was_stopped_ends_as_one_that_was_not() {
    let desk = Desk::new();
    let folder = tempfile::tempdir().unwrap();
    let whole = table(&halve(&desk, &folder.path().join("whole"), usize::MAX).unwrap());
    // 4 steps an epoch: within the first rung, at its end, in the second, in the last.
    let path = folder.path().join("stopped");
    for steps in [3, 6, 10, 4, 2, 3, 1] {
        let error = said(halve(&desk, &path, steps));
        assert!(error.contains("enough steps"), "{error}");
    }
    assert_eq!(table(&halve(&desk, &path, usize::MAX).unwrap()), whole);
}
