//! Loss and accuracy of an epoch, added up on the device so that no step has to
//! be read back.

use crate::Result;
use crate::backend::Device;
use crate::engine::{Tensor, run};
use crate::ops::add::Add;
use crate::ops::scale::Scale;

/// Running sums over the candidates of an epoch.
#[derive(Clone, Debug)]
pub struct Totals {
    loss: Tensor,
    right: Tensor,
    count: usize,
}

impl Totals {
    /// Nothing yet.
    pub fn zero(device: &Device) -> Result<Totals> {
        Totals::resume(device, [0.0, 0.0], 0)
    }

    /// Sums as [`Totals::sums`] gave them.
    pub fn resume(device: &Device, sums: [f64; 2], count: usize) -> Result<Totals> {
        let [loss, right] = sums.map(|sum| Tensor::new(device, [], &[sum]));
        Ok(Totals {
            loss: loss?,
            right: right?,
            count,
        })
    }

    /// Adds a batch of `count` candidates with its mean loss and the number of
    /// right predictions, both scalars on the device.
    pub fn add(&mut self, loss: &Tensor, right: &Tensor, count: usize) -> Result<()> {
        let weighted = run::forward(&Scale::by(count as f64), &[loss])?.remove(0);
        let loss = run::forward(&Add, &[&self.loss, &weighted])?.remove(0);
        let right = run::forward(&Add, &[&self.right, right])?.remove(0);
        // All or nothing: after an error the same batch comes again, in parts.
        (self.loss, self.right) = (loss, right);
        self.count += count;
        Ok(())
    }

    /// Candidates so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The sums themselves, read back: loss, right predictions.
    pub fn sums(&self) -> Result<[f64; 2]> {
        Ok([self.loss.item()?, self.right.item()?])
    }

    /// (mean loss, accuracy), read back. NaN before the first batch.
    pub fn means(&self) -> Result<(f64, f64)> {
        let [loss, right] = self.sums()?;
        Ok((loss / self.count as f64, right / self.count as f64))
    }
}
