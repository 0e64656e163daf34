//! What has been recorded and not yet submitted, and what has been submitted
//! and not yet finished.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::kernel::{Bind, Pipeline};
use super::pool::{Raw, lock};
use super::workgroups::Workgroups;
use crate::{Error, Result};

/// After so many dispatches the work is handed to the device, so that it does
/// not idle while more is recorded.
const DISPATCHES_PER_SUBMISSION: usize = 96;

/// How far the host may run ahead: uploads that wait occupy memory.
const SUBMISSIONS_IN_FLIGHT: usize = 8;

/// The first thing that went wrong on a device, kept until someone can be told.
pub(super) type Failure = Arc<Mutex<Option<String>>>;

#[derive(Debug)]
pub(super) struct Recorder {
    device: wgpu::Device,
    queue: wgpu::Queue,
    name: String,
    failure: Failure,
    // Declared before the encoder: an open pass must end first.
    pass: Option<wgpu::ComputePass<'static>>,
    encoder: Option<wgpu::CommandEncoder>,
    dispatches: usize,
    /// Counts submissions; buffers remember in which recording they were used.
    recording: u64,
    in_flight: VecDeque<wgpu::SubmissionIndex>,
    /// Where the next pass writes when it began and ended.
    timestamps: Option<wgpu::QuerySet>,
}

impl Recorder {
    pub fn new(
        device: wgpu::Device,
        queue: wgpu::Queue,
        name: String,
        failure: Failure,
    ) -> Recorder {
        Recorder {
            device,
            queue,
            name,
            failure,
            pass: None,
            encoder: None,
            dispatches: 0,
            recording: 1,
            in_flight: VecDeque::new(),
            timestamps: None,
        }
    }

    /// Records one dispatch. All dispatches up to a copy share one pass: a pass
    /// of its own would cost three times as much.
    pub fn dispatch(
        &mut self,
        label: &str,
        pipeline: &Pipeline,
        binds: &[Bind],
        words: &[u32],
        workgroups: Workgroups,
    ) -> Result<()> {
        let entries: Vec<_> = (0..)
            .zip(binds)
            .map(|(binding, bind)| {
                let raw = bind.buffer().raw();
                raw.recorded_in.store(self.recording, Ordering::Relaxed);
                wgpu::BindGroupEntry {
                    binding,
                    resource: raw.buffer.as_entire_binding(),
                }
            })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(label),
            layout: &pipeline.layout,
            entries: &entries,
        });
        if self.pass.is_none() {
            let timestamps = self.timestamps.take();
            let writes = timestamps
                .as_ref()
                .map(|query_set| wgpu::ComputePassTimestampWrites {
                    query_set,
                    beginning_of_pass_write_index: Some(0),
                    end_of_pass_write_index: Some(1),
                });
            let descriptor = wgpu::ComputePassDescriptor {
                label: Some("ops"),
                timestamp_writes: writes,
            };
            self.pass = Some(
                self.encoder()
                    .begin_compute_pass(&descriptor)
                    .forget_lifetime(),
            );
        }
        if let Some(pass) = &mut self.pass {
            let [x, y, z] = workgroups.0;
            pass.insert_debug_marker(label);
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, &group, &[]);
            if !words.is_empty() {
                pass.set_immediates(0, bytemuck::cast_slice(words));
            }
            pass.dispatch_workgroups(x, y, z);
        }
        self.dispatches += 1;
        if self.dispatches >= DISPATCHES_PER_SUBMISSION {
            self.submit()
        } else {
            Ok(())
        }
    }

    fn encoder(&mut self) -> &mut wgpu::CommandEncoder {
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some("ops") };
        self.encoder
            .get_or_insert_with(|| self.device.create_command_encoder(&descriptor))
    }

    /// Hands everything recorded to the device, and returns before it has run.
    pub fn submit(&mut self) -> Result<()> {
        self.pass = None;
        if let Some(encoder) = self.encoder.take() {
            self.in_flight
                .push_back(self.queue.submit([encoder.finish()]));
            self.recording += 1;
            self.dispatches = 0;
            while self.in_flight.len() > SUBMISSIONS_IN_FLIGHT {
                let oldest = self.in_flight.pop_front();
                self.wait(oldest)?;
            }
        }
        self.check("running ops")
    }

    /// Writes to `raw` behind all work recorded so far.
    pub fn upload(&mut self, raw: &Raw, bytes: &[u8]) -> Result<()> {
        // The queue writes in front of whatever is submitted next. That is the
        // right place unless work that waits for it already uses the memory.
        if raw.recorded_in.load(Ordering::Relaxed) == self.recording {
            self.submit()?;
        }
        self.queue.write_buffer(&raw.buffer, 0, bytes);
        self.check("uploading")
    }

    /// Copies to `target` and submits.
    pub fn copy(&mut self, raw: &Raw, target: &wgpu::Buffer, bytes: u64) -> Result<()> {
        self.pass = None;
        self.encoder()
            .copy_buffer_to_buffer(&raw.buffer, 0, target, 0, bytes);
        self.submit()
    }

    /// The next pass writes its two timestamps to `set`.
    pub fn time_next_pass(&mut self, set: Option<wgpu::QuerySet>) {
        self.timestamps = set;
    }

    /// Copies two timestamps to where the host can read them, and submits.
    pub fn resolve(
        &mut self,
        set: &wgpu::QuerySet,
        resolved: &wgpu::Buffer,
        readable: &wgpu::Buffer,
    ) -> Result<()> {
        self.pass = None;
        let encoder = self.encoder();
        encoder.resolve_query_set(set, 0..2, resolved, 0);
        encoder.copy_buffer_to_buffer(resolved, 0, readable, 0, 16);
        self.submit()
    }

    /// Blocks until a submission, or all of them, has run.
    pub fn wait(&mut self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        loop {
            let submission_index = submission.clone();
            let wait = wgpu::PollType::Wait {
                submission_index,
                timeout: None,
            };
            match self.device.poll(wait) {
                Ok(_) => return self.check("waiting for it"),
                // A kernel may be slow, and drivers have given up waiting for one before.
                Err(wgpu::PollError::Timeout) => self.check("waiting for it")?,
                Err(error) => return Err(self.error("waiting for it", error.to_string())),
            }
        }
    }

    /// The first failure since the device was opened. It stays: nothing that a
    /// device computed after one can be trusted.
    pub fn check(&self, doing: &str) -> Result<()> {
        match lock(&self.failure).as_ref() {
            None => Ok(()),
            Some(problem) => Err(self.error(doing, problem.clone())),
        }
    }

    pub fn error(&self, doing: &str, problem: String) -> Error {
        Error::Device {
            device: self.name.clone(),
            doing: doing.to_owned(),
            problem,
        }
    }
}
