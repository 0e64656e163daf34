//! The courses of the trainings, and what they say of over- and underfitting.

use super::{Figure, fitting, slug};
use crate::Result;
use crate::judge::evaluation::Evaluation;
use crate::report::learning_curve;

/// One for each classifier whose history is known.
pub(super) fn curves(evaluation: &Evaluation) -> Result<Vec<Figure>> {
    let several = evaluation.classifiers.len() > 1;
    let known = evaluation.classifiers.iter().filter_map(|judged| {
        let training = judged.training.as_ref()?;
        (!training.history.is_empty()).then_some((judged, training))
    });
    known
        .map(|(judged, training)| {
            let delta = training.delta_accuracy;
            let verdict = match delta {
                d if !d.is_finite() => "there was no validation part to compare with",
                d if d > 0.02 => "above 0.02, the network overfits",
                d if d < -0.02 => "below −0.02, the network underfits",
                _ => "within ±0.02, neither over- nor underfitting",
            };
            let of = if several {
                format!(" of {}", judged.name)
            } else {
                String::new()
            };
            let name = match several {
                true => format!("learning-curve-{}", slug(&judged.name)),
                false => "learning-curve".into(),
            };
            let title = if several {
                fitting(&judged.name, (600.0, 0.0))
            } else {
                String::new()
            };
            let accuracy = if delta.is_finite() {
                format!("{delta:+.4}")
            } else {
                "unknown".into()
            };
            Ok(Figure {
                name,
                title: format!("Learning curve{of}"),
                caption: format!(
                    "Loss and accuracy over the epochs. ΔAcc, accuracy in training less that in \
                     validation, is {accuracy}: {verdict} \
                     (O'TRAIN Sect. 6.3 and Fig. 10, bottom left; DES Fig. 10)."
                ),
                drawing: learning_curve(&training.history, training.best_epoch, &title)?,
            })
        })
        .collect()
}
