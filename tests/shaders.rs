//! The WGSL device: every shader is valid as it stands, and the device reports
//! what goes wrong.

use std::fs;
use std::path::Path;

/// Every file of shaders/ as (name without extension, text).
fn shaders() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let files = fs::read_dir(folder).expect("the folder of shaders is there");
    files
        .map(|file| file.expect("a readable folder").path())
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a readable shader"))
        })
        .collect()
}

#[test]
fn every_shader_is_valid_as_it_stands() {
    for (name, source) in shaders() {
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(&source, &name)));
        let capabilities = naga::valid::Capabilities::IMMEDIATES;
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities)
            .validate(&module)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(&source, &name)));
        assert!(!module.entry_points.is_empty(), "{name}.wgsl has no entry point");
    }
}
