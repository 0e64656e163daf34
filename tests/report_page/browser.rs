//! Debian's Chromium, without a window.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What came of opening one page.
pub struct Opened {
    /// The page after it was laid out.
    pub dom: String,
    /// Lines that the page or the browser wrote to the console.
    pub console: Vec<String>,
    /// Addresses that were asked for, other than the file itself.
    pub requests: Vec<String>,
}

/// Where a browser is; `None` if the tests that need one are to be skipped, which is said.
pub fn find() -> Option<PathBuf> {
    if std::env::var("RBGPU_SKIP_BROWSER_TESTS").is_ok_and(|v| v == "1") {
        println!("skipped: RBGPU_SKIP_BROWSER_TESTS=1");
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|file| file.is_file());
    Some(found.expect(
        "no browser to open the report in; install one (apt-get install chromium) or set \
         RBGPU_SKIP_BROWSER_TESTS=1",
    ))
}

/// Starts it with a profile of its own and waits for its end.
fn run(browser: &Path, profile: &Path, more: &[String]) -> std::process::Output {
    let output = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
        ])
        .args([
            "--disable-sync",
            "--disable-default-apps",
            "--disable-extensions",
        ])
        .args([
            "--no-first-run",
            "--no-default-browser-check",
            "--hide-scrollbars",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--disable-features=OptimizationHints,Translate",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(more)
        .output()
        .expect("the browser starts");
    assert!(
        output.status.success(),
        "the browser failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Opens a file and says what was seen, heard and asked for.
pub fn open(browser: &Path, file: &Path) -> Opened {
    let profile = tempfile::tempdir().unwrap();
    let log = profile.path().join("net.json");
    let more = [
        "--enable-logging=stderr".into(),
        "--v=0".into(),
        format!("--log-net-log={}", log.display()),
        "--dump-dom".into(),
        format!("file://{}", file.display()),
    ];
    let output = run(browser, profile.path(), &more);
    let heard = String::from_utf8_lossy(&output.stderr).into_owned();
    let console = heard.lines().filter(|line| line.contains("CONSOLE"));
    Opened {
        dom: String::from_utf8_lossy(&output.stdout).into_owned(),
        console: console.map(String::from).collect(),
        requests: requests(&std::fs::read_to_string(&log).unwrap()),
    }
}

/// Pictures of the page: PNG of a window of this size in units, or with `dark`.
pub fn picture(browser: &Path, file: &Path, to: &Path, size: (u32, u32), dark: bool) {
    let profile = tempfile::tempdir().unwrap();
    // 0 is dark and 1 is light.
    let scheme = u8::from(!dark);
    let more = [
        format!("--window-size={},{}", size.0, size.1),
        format!("--blink-settings=preferredColorScheme={scheme}"),
        format!("--screenshot={}", to.display()),
        format!("file://{}", file.display()),
    ];
    run(browser, profile.path(), &more);
    assert!(to.is_file(), "there is no {}", to.display());
}

/// The page as it is printed.
pub fn print(browser: &Path, file: &Path, to: &Path) {
    let profile = tempfile::tempdir().unwrap();
    let more = [
        "--no-pdf-header-footer".into(),
        format!("--print-to-pdf={}", to.display()),
        format!("file://{}", file.display()),
    ];
    run(browser, profile.path(), &more);
    assert!(to.is_file(), "there is no {}", to.display());
}

/// The addresses of the net log that begin with http, ws or ftp and that a page asked for:
/// the browser's own look-ups for itself have no initiator.
fn requests(log: &str) -> Vec<String> {
    let log: serde_json::Value = serde_json::from_str(log).expect("the net log is JSON");
    let events = log["events"].as_array().expect("the net log has events");
    assert!(!events.is_empty(), "the net log is empty");
    let mut asked = Vec::new();
    for params in events.iter().map(|event| &event["params"]) {
        let url = params["url"].as_str().unwrap_or_default();
        let outside = ["http:", "https:", "ws:", "wss:", "ftp:"]
            .iter()
            .any(|s| url.starts_with(s));
        let initiator = params["initiator"].as_str().unwrap_or("not an origin");
        if outside && initiator != "not an origin" {
            asked.push(format!("{url} (asked for by {initiator})"));
        }
    }
    asked
}
