//! From the device to the host, and under guard what lies behind each tensor.

use std::sync::mpsc;

use super::Gpu;
use super::pool::{GpuBuffer, Raw, SENTINEL, lock};
use crate::Result;

impl Gpu {
    /// Submits what is recorded, waits, and reads `buffer` back. On a device under
    /// guard, fails also if anything wrote beyond the end of any tensor that was
    /// dropped since the last download, or of this one.
    pub fn download(&self, buffer: &GpuBuffer) -> Result<Vec<f32>> {
        if self.pool.guards {
            let mut intact = self.check_guards(buffer);
            for (raw, len) in self.pool.take_unchecked() {
                intact = intact.and(self.check_guard_band(&raw, len));
                self.pool.release(raw);
            }
            intact?;
        }
        let words = self.read(buffer.raw(), buffer.len() as u64 * 4)?;
        Ok(words.into_iter().map(f32::from_bits).collect())
    }

    /// Whether the guard band behind `buffer` is as it was, on a device that was
    /// opened with [`Gpu::open_guarded`].
    pub fn check_guards(&self, buffer: &GpuBuffer) -> Result<()> {
        if !self.pool.guards {
            return Ok(());
        }
        self.check_guard_band(buffer.raw(), buffer.len())
    }

    fn check_guard_band(&self, raw: &Raw, len: usize) -> Result<()> {
        let words = self.read(raw, raw.buffer.size())?;
        let band = &words[len..];
        match band.iter().position(|word| *word != SENTINEL) {
            None => Ok(()),
            Some(at) => Err(lock(&self.recorder).error(
                "checking guard bands",
                format!(
                    "element {} of a tensor of {len} was overwritten with {}",
                    len + at,
                    f32::from_bits(band[at])
                ),
            )),
        }
    }

    /// The first `bytes` of `raw`.
    fn read(&self, raw: &Raw, bytes: u64) -> Result<Vec<u32>> {
        if bytes == 0 {
            return Ok(Vec::new());
        }
        let staging = self.readable(raw.buffer.size());
        let mut recorder = lock(&self.recorder);
        recorder.copy(raw, &staging, bytes)?;
        let (sender, receiver) = mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, ..bytes, move |result| {
            // The receiver is only gone if waiting failed, which is reported there.
            let _ = sender.send(result);
        });
        recorder.wait(None)?;
        let failed = |problem: String| recorder.error("reading back", problem);
        receiver
            .recv()
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))?;
        let words = {
            let view = staging
                .get_mapped_range(..bytes)
                .map_err(|e| failed(e.to_string()))?;
            bytemuck::pod_collect_to_vec(&view)
        };
        staging.unmap();
        lock(&self.readable).push(staging);
        Ok(words)
    }

    /// A buffer of at least `size` bytes that the host can read. At most four are kept.
    fn readable(&self, size: u64) -> wgpu::Buffer {
        let mut kept = lock(&self.readable);
        if let Some(at) = kept.iter().position(|buffer| buffer.size() == size) {
            return kept.swap_remove(at);
        }
        kept.truncate(3);
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read-back"),
            size,
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        })
    }
}
