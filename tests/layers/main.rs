//! The rules of the house, read off the source: imports point down only, no
//! file grows without end, the library never prints, and ops and shaders go in
//! pairs.

mod source;

use std::fmt::Write;
use std::path::Path;

use source::{code_only, ends_in_word, imports, line_of, rust_files};

/// Each layer with what it may import, from the bottom up. A module may always
/// import itself. What is not in this table is an error, so that a new folder
/// is given its place.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("memory", &["error"]),
    ("data", &["error", "memory"]),
    ("backend", &["error", "memory"]),
    ("engine", &["error", "backend"]),
    ("ops", &["error", "backend", "engine"]),
    ("nn", &["error", "data", "backend", "engine", "ops"]),
    ("judge", &["error", "data"]),
    ("simulate", &["error", "data"]),
    (
        "formats",
        &["error", "data", "backend", "engine", "ops", "nn", "judge"],
    ),
    ("report", &["error", "data", "judge"]),
    (
        "train",
        &[
            "error", "memory", "data", "backend", "engine", "ops", "nn", "judge", "simulate",
            "formats",
        ],
    ),
    (
        "explain",
        &[
            "error", "data", "backend", "engine", "ops", "nn", "formats", "train",
        ],
    ),
    (
        "evaluate",
        &[
            "error", "data", "backend", "nn", "judge", "formats", "report", "train", "explain",
        ],
    ),
    (
        "study",
        &[
            "error", "data", "backend", "nn", "judge", "formats", "report", "train",
        ],
    ),
    ("forest", &["error", "data", "judge"]),
    (
        "suspect",
        &[
            "error", "data", "backend", "nn", "judge", "formats", "report", "train", "forest",
            "evaluate",
        ],
    ),
    ("relabel", &["error", "data", "judge", "report"]),
    (
        "reproduce",
        &[
            "error", "data", "backend", "nn", "judge", "simulate", "formats", "report", "train",
            "explain", "forest", "evaluate", "study", "suspect", "relabel",
        ],
    ),
    (
        "bench",
        &[
            "error", "memory", "data", "backend", "engine", "ops", "nn", "train",
        ],
    ),
    (
        "cli",
        &[
            "error",
            "memory",
            "data",
            "backend",
            "engine",
            "ops",
            "nn",
            "judge",
            "simulate",
            "formats",
            "report",
            "train",
            "bench",
            "explain",
            "evaluate",
            "study",
            "forest",
            "suspect",
            "relabel",
            "reproduce",
        ],
    ),
    ("main", &["error", "cli"]),
];

/// What stands at the crate's root, and the layer it comes from.
const AT_ROOT: &[(&str, &str)] = &[
    ("Error", "error"),
    ("Result", "error"),
    ("parameters", "backend"),
];

/// Files that may be longer than `MOST_LINES`, with the reason.
const LONG: &[(&str, &str)] = &[];
const MOST_LINES: usize = 400;

/// Shaders that are part of another op than their name says.
const PARTS: &[(&str, &str)] = &[
    ("conv2d_kernel", "conv2d"),
    ("conv2d_shared", "conv2d"),
    ("conv2d_shared_kernel", "conv2d"),
    ("conv2d_subgroup", "conv2d"),
    ("conv2d_subgroup_kernel", "conv2d"),
    ("conv2d_cooperative", "conv2d"),
    ("conv2d_cooperative_kernel", "conv2d"),
    ("conv_block_moments", "conv_block"),
];

/// Ops without a shader, with the reason.
const WITHOUT_SHADER: &[(&str, &str)] = &[];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The layer of a file in src/, and how many `super` lead from it to the root.
fn place(file: &str) -> (&str, usize) {
    let inside = file.strip_prefix("src/").expect("a file in src/");
    let path = inside.trim_end_matches(".rs").trim_end_matches("/mod");
    (
        path.split('/').next().unwrap_or(path),
        path.split('/').count(),
    )
}

fn is_layer(name: &str) -> bool {
    LAYERS.iter().any(|l| l.0 == name)
}

fn faults_of_imports(file: &str, source: &str) -> String {
    let (layer, depth) = place(file);
    let mut faults = String::new();
    let Some(&(_, allowed)) = LAYERS.iter().find(|l| l.0 == layer) else {
        return format!("{file}: '{layer}' has no place in LAYERS of tests/layers/main.rs\n");
    };
    for (line, name) in imports(&code_only(source), depth, &is_layer) {
        let from = AT_ROOT.iter().find(|r| r.0 == name).map_or(name, |r| r.1);
        if from != layer && !allowed.contains(&from) {
            let may = if allowed.is_empty() {
                "nothing".into()
            } else {
                allowed.join(", ")
            };
            writeln!(
                faults,
                "{file}:{line}: {layer} imports {name}; it may import {may}"
            )
            .unwrap();
        }
    }
    faults
}

#[test]
fn imports_point_down_only() {
    // The table itself has no circle: each layer names only those above it.
    for (i, (layer, allowed)) in LAYERS.iter().enumerate() {
        for name in *allowed {
            let below = LAYERS[..i].iter().any(|l| l.0 == *name);
            assert!(
                below,
                "LAYERS: {layer} may import {name}, which is not below it"
            );
        }
    }
    let files = rust_files("src");
    assert!(files.contains_key("src/lib.rs"), "src/lib.rs was not found");
    let faults: String = files
        .iter()
        .filter(|(file, _)| *file != "src/lib.rs")
        .map(|(file, source)| faults_of_imports(file, source))
        .collect();
    assert!(
        faults.is_empty(),
        "imports that do not point down:\n{faults}"
    );
}

#[test]
fn the_reader_of_imports_sees_what_it_should() {
    let source = "use crate::{Error, data::{Dataset, cli}, nn /* train:: */};\n\
        // use crate::train::X;\nfn f() { \"crate::cli\"; '\"'; crate::report::x() }\n\
        use super::super::simulate::sky;\nuse super::train;\nuse super::super::neighbour;";
    let faults = faults_of_imports("src/judge/a.rs", source);
    let found: Vec<_> = faults
        .lines()
        .map(|l| l.split(';').next().unwrap())
        .collect();
    assert_eq!(
        found,
        [
            "src/judge/a.rs:1: judge imports nn",
            "src/judge/a.rs:3: judge imports report",
            "src/judge/a.rs:4: judge imports simulate",
        ]
    );
    assert!(faults_of_imports("src/new/mod.rs", "").contains("no place in LAYERS"));
    assert_eq!(
        code_only("a r#\"b\"# 'c: '\\'' \"\\\"\" d // e\nf"),
        "a        'c:           d     \nf"
    );
}

#[test]
fn no_file_grows_without_end() {
    let mut faults = String::new();
    for folder in ["src", "tests", "benches"] {
        for (file, source) in rust_files(folder) {
            let lines = source.lines().count();
            if lines > MOST_LINES && !LONG.iter().any(|l| l.0 == file) {
                writeln!(
                    faults,
                    "{file}: {lines} lines; a second room, or a reason in LONG"
                )
                .unwrap();
            }
        }
    }
    for (file, _) in LONG {
        let lines = std::fs::read_to_string(root().join(file)).map_or(0, |s| s.lines().count());
        if lines <= MOST_LINES {
            writeln!(faults, "{file}: {lines} lines; it need not be in LONG").unwrap();
        }
    }
    assert!(
        faults.is_empty(),
        "files of more than {MOST_LINES} lines:\n{faults}"
    );
}

#[test]
fn the_library_never_prints() {
    let mut faults = String::new();
    for (file, source) in rust_files("src") {
        if file == "src/main.rs" || file.starts_with("src/cli/") {
            continue;
        }
        let code = code_only(&source);
        // Unit tests may print. They stand last: clippy's items_after_test_module.
        let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for print in ["print!", "println!", "eprint!", "eprintln!", "dbg!"] {
            for (at, _) in code
                .match_indices(print)
                .filter(|m| !ends_in_word(&code[..m.0]))
            {
                let line = line_of(code, at);
                writeln!(
                    faults,
                    "{file}:{line}: {print}; return it, and let cli print"
                )
                .unwrap();
            }
        }
    }
    assert!(faults.is_empty(), "the library prints:\n{faults}");
}

#[test]
fn every_op_has_its_shader_and_every_shader_its_op() {
    let Ok(entries) = std::fs::read_dir(root().join("shaders")) else {
        eprintln!("skipped: there is no shaders/ yet");
        return;
    };
    let shaders: Vec<String> = entries
        .map(|e| e.expect("a folder that can be read").path())
        .filter(|p| p.extension().is_some_and(|e| e == "wgsl"))
        .map(|p| {
            p.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let mut faults = String::new();
    for shader in &shaders {
        let op = PARTS
            .iter()
            .find(|p| p.0 == shader)
            .map_or(shader.as_str(), |p| p.1);
        if !rbgpu::ops::NAMES.contains(&op) {
            writeln!(
                faults,
                "shaders/{shader}.wgsl: there is no op {op} in src/ops"
            )
            .unwrap();
        }
    }
    for op in rbgpu::ops::NAMES {
        let excused = WITHOUT_SHADER.iter().any(|w| w.0 == *op);
        if !excused && !shaders.iter().any(|s| s == op) {
            writeln!(faults, "src/ops/{op}.rs: there is no shaders/{op}.wgsl").unwrap();
        }
    }
    assert!(
        faults.is_empty(),
        "ops and shaders that do not pair:\n{faults}"
    );
}
