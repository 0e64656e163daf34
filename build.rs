//! Tells the program which commit it was built from, for `rbgpu --version`.

use std::path::Path;
use std::process::Command;

fn main() {
    // Whatever may change the answer: the commit, and edits on top of it.
    for path in [
        "src",
        "shaders",
        "Cargo.toml",
        "Cargo.lock",
        ".git/logs/HEAD",
    ] {
        if Path::new(path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    println!("cargo:rustc-env=RBGPU_COMMIT={}", commit());
}

/// The commit, from git, or for a package from the registry from the file that cargo leaves in
/// it; with a word where files differ from it.
fn commit() -> String {
    let git = |arguments: &[&str]| -> Option<String> {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_string())
    };
    // A package that stands in somebody else's repository is not of that one's commit.
    let own = Path::new(".git").exists();
    if let Some(hash) = git(&["rev-parse", "--short=12", "HEAD"]).filter(|_| own) {
        return match git(&["status", "--porcelain", "--", "src", "shaders"]) {
            Some(edits) if edits.is_empty() => hash,
            _ => format!("{hash} with local changes"),
        };
    }
    let packaged = std::fs::read_to_string(".cargo_vcs_info.json").unwrap_or_default();
    let hash = packaged
        .split("\"sha1\"")
        .nth(1)
        .and_then(|rest| rest.split('"').nth(1));
    hash.map_or("unknown".into(), |hash| hash.chars().take(12).collect())
}
