//! From WGSL to something that can be started: specialising, compiling,
//! caching.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::cache::Cache;
use super::pool::{GpuBuffer, lock};
use crate::{Error, Result};

/// The WGSL of one op.
#[derive(Clone, Copy, Debug)]
pub struct Shader {
    /// The op's name, for labels and errors.
    pub op: &'static str,
    /// Valid WGSL as it stands.
    pub source: &'static str,
}

impl Shader {
    /// One of its entry points, with all constants as they stand in the file.
    pub fn kernel(self, entry: &'static str) -> Kernel {
        Kernel {
            shader: self,
            entry,
            constants: Vec::new(),
            extension: None,
        }
    }
}

/// One entry point of an op's WGSL and the constants it is specialised with.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub(super) shader: Shader,
    pub(super) entry: &'static str,
    constants: Vec<(&'static str, String)>,
    extension: Option<&'static str>,
}

impl Kernel {
    /// Rewrites a `const NAME: T = …;` or `alias NAME = …;` at the head of the file.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Kernel {
        self.constants.push((name, value.to_string()));
        self
    }

    /// Puts `enable extension;` in front of the file, for what the constants ask for.
    pub fn enabling(mut self, extension: &'static str) -> Kernel {
        self.extension = Some(extension);
        self
    }

    /// The WGSL with its constants rewritten.
    pub fn specialised(&self) -> Result<String> {
        let mut lines: Vec<String> = self.shader.source.lines().map(str::to_owned).collect();
        // The head ends at the first line that is neither comment, blank nor declaration.
        let is_head = |line: &String| {
            let starts = ["//", "const ", "alias ", "enable ", "diagnostic"];
            line.trim().is_empty() || starts.iter().any(|start| line.starts_with(start))
        };
        let head = lines
            .iter()
            .position(|line| !is_head(line))
            .unwrap_or(lines.len());
        for (name, value) in &self.constants {
            let declares = |line: &str| {
                let rest = line
                    .strip_prefix("const ")
                    .or_else(|| line.strip_prefix("alias "))?;
                let rest = rest.strip_prefix(name)?;
                let (before, after) = rest.split_once('=')?;
                let (_, after) = after.split_once(';')?;
                let named = before.trim_start().starts_with(':') || before.trim().is_empty();
                let keep = line.len() - rest.len() + before.len();
                named.then(|| format!("{}= {value};{after}", &line[..keep]))
            };
            let found = lines[..head]
                .iter_mut()
                .find_map(|line| Some((declares(line)?, line)));
            match found {
                Some((rewritten, line)) => *line = rewritten,
                None => {
                    return Err(Error::Config {
                        what: format!("constant {name} of kernel {}", self.entry),
                        found: value.clone(),
                        expected: format!(
                            "a declaration of it at the head of {}.wgsl",
                            self.shader.op
                        ),
                    });
                }
            }
        }
        if let Some(extension) = self.extension {
            lines.insert(0, format!("enable {extension};"));
        }
        Ok(lines.join("\n") + "\n")
    }

    fn file_name(&self) -> String {
        let constants: String = self
            .constants
            .iter()
            .map(|(name, value)| format!(".{name}={value}"))
            .collect();
        format!("{}{constants}.wgsl", self.entry).replace(['/', '<', '>', ' '], "_")
    }
}

/// A tensor as a kernel sees it, at the binding of its place in the list.
#[derive(Clone, Copy, Debug)]
pub enum Bind<'a> {
    /// `var<storage, read>`.
    Read(&'a GpuBuffer),
    /// `var<storage, read_write>`. Must not also be among those read.
    Write(&'a GpuBuffer),
}

impl<'a> Bind<'a> {
    pub(super) fn buffer(self) -> &'a GpuBuffer {
        match self {
            Bind::Read(buffer) | Bind::Write(buffer) => buffer,
        }
    }

    fn writes(self) -> bool {
        matches!(self, Bind::Write(_))
    }
}

/// What can be started.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
}

/// The source's address stands for its text: sources are `'static`.
type Key = (
    usize,
    &'static str,
    Vec<(&'static str, String)>,
    Vec<bool>,
    usize,
);

/// Every pipeline that was ever asked for.
#[derive(Debug)]
pub(super) struct Pipelines {
    device: wgpu::Device,
    name: String,
    cache: Option<Cache>,
    made: Mutex<HashMap<Key, Arc<Pipeline>>>,
}

impl Pipelines {
    pub fn new(device: wgpu::Device, name: String, cache: Option<Cache>) -> Pipelines {
        Pipelines {
            device,
            name,
            cache,
            made: Mutex::default(),
        }
    }

    /// The pipeline of `kernel`, compiled if this is the first time.
    pub fn get(&self, kernel: &Kernel, binds: &[Bind], words: usize) -> Result<Arc<Pipeline>> {
        let writes: Vec<bool> = binds.iter().map(|bind| bind.writes()).collect();
        let address = kernel.shader.source.as_ptr() as usize;
        let key = (
            address,
            kernel.entry,
            kernel.constants.clone(),
            writes,
            words,
        );
        let mut made = lock(&self.made);
        if let Some(pipeline) = made.get(&key) {
            return Ok(pipeline.clone());
        }
        let pipeline = Arc::new(self.compile(kernel, &key.3, words)?);
        made.insert(key, pipeline.clone());
        Ok(pipeline)
    }

    fn compile(&self, kernel: &Kernel, writes: &[bool], words: usize) -> Result<Pipeline> {
        let source = kernel.specialised()?;
        if let Some(folder) = std::env::var_os("RBGPU_DUMP_KERNELS") {
            let path = Path::new(&folder).join(kernel.file_name());
            std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
            std::fs::write(&path, &source).map_err(Error::io("write", &path))?;
        }
        let device = &self.device;
        let label = Some(kernel.entry);
        let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);

        let descriptor = wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(source.into()),
        };
        let mut checks = wgpu::ShaderRuntimeChecks::checked();
        // Bounding loops keeps drivers from unrolling them: two to eight times slower.
        checks.force_loop_bounding = false;
        // Nothing here divides by zero: divisors are sizes of tensors that have elements.
        checks.int_div_checks = false;
        // SAFETY: the sources are this crate's own; every loop in them ends, and every
        // divisor is positive.
        let module = unsafe { device.create_shader_module_trusted(descriptor, checks) };

        let entries: Vec<_> = (0..)
            .zip(writes)
            .map(|(binding, writes)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Storage { read_only: !writes },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label,
            entries: &entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: words as u32 * 4,
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(kernel.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &[],
                zero_initialize_workgroup_memory: false,
            },
            cache: self.cache.as_ref().map(|cache| &cache.driver),
        });

        let invalid = pollster::block_on(validation.pop());
        let failed = pollster::block_on(internal.pop());
        match invalid.or(failed) {
            None => Ok(Pipeline { pipeline, layout }),
            Some(error) => Err(Error::Device {
                device: self.name.clone(),
                doing: format!(
                    "compiling kernel {} of op {}",
                    kernel.entry, kernel.shader.op
                ),
                problem: error.to_string(),
            }),
        }
    }
}

impl Drop for Pipelines {
    fn drop(&mut self) {
        if let Some(cache) = &self.cache
            && !lock(&self.made).is_empty()
        {
            cache.save();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHADER: Shader = Shader {
        op: "example",
        source: "// An example.\nconst TILE: u32 = 4u; // why\nconst TILES: u32 = 9u;\nalias real = f32;\n\nfn f() -> u32 { return TILE; }\nconst LATE: u32 = 1u;\n",
    };

    #[test]
    fn specialising_rewrites_only_declarations_at_the_head() {
        let kernel = SHADER
            .kernel("example_forward")
            .with("TILE", "8u")
            .with("real", "f16");
        let source = kernel.specialised().unwrap();
        assert!(
            source.contains("const TILE: u32 = 8u; // why\n"),
            "{source}"
        );
        assert!(source.contains("const TILES: u32 = 9u;\n"), "{source}");
        assert!(source.contains("alias real = f16;\n"), "{source}");
        assert!(source.contains("return TILE;"), "{source}");
    }

    #[test]
    fn specialising_what_is_not_declared_is_an_error() {
        for name in ["TIL", "LATE", "f", "missing"] {
            let error = SHADER
                .kernel("example_forward")
                .with(name, 1)
                .specialised()
                .unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
