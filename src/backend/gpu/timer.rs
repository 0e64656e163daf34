//! How long one kernel runs: by the device's timestamps, else by the host's clock.

use std::sync::mpsc;
use std::time::Instant;

use super::recorder::Recorder;
use crate::Result;

/// Times what is recorded between [`Timer::begin`] and [`Timer::end`].
#[derive(Debug)]
pub(super) struct Timer {
    stamps: Option<Stamps>,
    started: Instant,
}

/// Two timestamps, and how they reach the host.
#[derive(Clone, Debug)]
pub(super) struct Stamps {
    pub set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readable: wgpu::Buffer,
    nanoseconds: f64,
}

impl Timer {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, timestamps: bool) -> Timer {
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size: 16,
                usage,
                mapped_at_creation: false,
            })
        };
        let stamps = timestamps.then(|| Stamps {
            set: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            }),
            resolved: buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC),
            readable: buffer(wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ),
            nanoseconds: f64::from(queue.get_timestamp_period()),
        });
        Timer {
            stamps,
            started: Instant::now(),
        }
    }

    /// Waits for all that was recorded before; the next pass is timed.
    pub fn begin(&mut self, recorder: &mut Recorder) -> Result<()> {
        recorder.submit()?;
        recorder.wait(None)?;
        recorder.time_next_pass(self.stamps.as_ref().map(|stamps| stamps.set.clone()));
        self.started = Instant::now();
        Ok(())
    }

    /// Waits for what was recorded since, and says how many seconds it took.
    pub fn end(&mut self, recorder: &mut Recorder) -> Result<f64> {
        let Some(stamps) = &self.stamps else {
            recorder.submit()?;
            recorder.wait(None)?;
            return Ok(self.started.elapsed().as_secs_f64());
        };
        recorder.resolve(&stamps.set, &stamps.resolved, &stamps.readable)?;
        let (sender, receiver) = mpsc::channel();
        stamps
            .readable
            .map_async(wgpu::MapMode::Read, .., move |result| {
                // The receiver is only gone if waiting failed, which is reported there.
                let _ = sender.send(result);
            });
        recorder.wait(None)?;
        let failed = |problem: String| recorder.error("reading timestamps", problem);
        receiver
            .recv()
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))?;
        let ticks: Vec<u64> = {
            let view = stamps
                .readable
                .get_mapped_range(..)
                .map_err(|error| failed(error.to_string()))?;
            bytemuck::pod_collect_to_vec(&view)
        };
        stamps.readable.unmap();
        Ok(ticks[1].saturating_sub(ticks[0]) as f64 * stamps.nanoseconds * 1e-9)
    }
}
