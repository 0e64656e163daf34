//! Who watches a run may end it at every place where it is asked, and nothing changes by it.

use rbgpu::train::finished::HeldOut;
use rbgpu::train::{Observer, Progress, Settings};
use rbgpu::{Error, Result};

use super::{config, devices, session, simulated, weights};
use rbgpu::judge::EpochRecord;

/// Asks to end when it is asked once more than `left` times.
#[derive(Default)]
struct Ends {
    left: usize,
    said: Vec<String>,
}

impl Observer for Ends {
    fn step(&mut self, _: &Progress) -> Result<()> {
        Ok(())
    }
    fn epoch(&mut self, _: &EpochRecord, _: bool) {}
    fn notice(&mut self, text: &str) {
        self.said.push(text.into());
    }
    fn interrupted(&mut self) -> bool {
        let end = self.left == 0;
        self.left = self.left.saturating_sub(1);
        end
    }
}

fn after(left: usize) -> Ends {
    Ends {
        left,
        ..Ends::default()
    }
}

#[test]
fn a_run_ended_between_any_two_batches_goes_on_with_the_same_bits() {
    let data = simulated(120);
    let settings = Settings {
        epochs: Some(4),
        batch_size: Some(8),
        patience: Some(0),
        ..Settings::default()
    };
    for device in devices() {
        let make = || session(config(settings.clone(), true), &device, &data);
        let whole = make().run(false, &mut ()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        let hour = std::time::Duration::from_secs(3600);
        let (mut places, mut last) = (Vec::new(), None);
        // Of an epoch's 9 steps and 3 batches of validation; those of before are asked about, too.
        let outcome = [0, 4, 5, 1, 7, 2, 11, 3, 13]
            .into_iter()
            .cycle()
            .find_map(|left| {
                let mut ends = after(left);
                let tried = make().checkpoint(&path, hour).run(path.exists(), &mut ends);
                if let Some(at) = last.take() {
                    let name = path.display();
                    assert_eq!(ends.said, [format!("resumed from {name}: {at}")]);
                }
                match tried {
                    Ok(outcome) => Some(outcome),
                    Err(Error::Interrupted { at, checkpoint }) => {
                        assert_eq!(checkpoint.as_deref(), Some(&*path));
                        last = at.strip_prefix("in ").map(String::from);
                        places.push(at);
                        None
                    }
                    Err(error) => panic!("{error}"),
                }
            });
        let outcome = outcome.unwrap();
        assert_eq!(outcome.history, whole.history);
        assert_eq!(weights(&outcome), weights(&whole));
        for place in ["step 0 of 9", "step 4 of 9", "step 9 of 9"] {
            let there = places.iter().any(|at| at.contains(place));
            assert!(there, "never at {place}: {places:?}");
        }
    }
}

#[test]
fn without_a_checkpoint_a_run_ends_all_the_same() {
    let data = simulated(120);
    let device = rbgpu::backend::Device::cpu();
    let session = session(config(Settings::default(), false), &device, &data);
    let error = session.run(false, &mut after(2)).unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("stopped in epoch 1, step 2 of "), "{said}");
    assert!(!said.contains("checkpoint"), "{said}");
    let outcome = session.run(false, &mut ()).unwrap();
    let error = HeldOut::of(&session, &outcome, &mut after(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "stopped while scoring the validation part"
    );
}
