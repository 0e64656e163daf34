//! Debian's Chromium without a window, driven by chromedriver: keys go in, and what the page
//! shows comes out.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keys that have no letter, as WebDriver calls them.
pub const ENTER: char = '\u{e007}';
pub const SHIFT: char = '\u{e008}';
pub const ESCAPE: char = '\u{e00c}';
pub const LEFT: char = '\u{e012}';
pub const RIGHT: char = '\u{e014}';

/// A browser that goes away in the end, with its driver and its profile.
pub struct Browser {
    pub client: Client,
    driver: Child,
    _profile: tempfile::TempDir,
}

/// Where the driver is; `None` if the tests that need one are to be skipped, which is said.
pub fn find() -> Option<PathBuf> {
    if std::env::var("RBGPU_SKIP_BROWSER_TESTS").is_ok_and(|v| v == "1") {
        println!("skipped: RBGPU_SKIP_BROWSER_TESTS=1");
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join("chromedriver"));
    Some(places.find(|file| file.is_file()).expect(
        "no chromedriver to drive the page with; install one (apt-get install chromium-driver) \
         or set RBGPU_SKIP_BROWSER_TESTS=1",
    ))
}

/// How the page is looked at.
#[derive(Clone, Copy, Default)]
pub struct Look {
    pub dark: bool,
    /// A phone: 375 pixels wide, with fingers.
    pub phone: bool,
}

/// Runs a test with a browser.
pub fn with_browser(look: Look, test: impl AsyncFnOnce(&Browser)) {
    let Some(program) = find() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let browser = Browser::start(&program, look).await;
        test(&browser).await;
        browser.client.clone().close().await.unwrap();
    });
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its browser goes with it, also where a test failed.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Browser {
    async fn start(program: &PathBuf, look: Look) -> Browser {
        // A port that is free now.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let driver = Command::new(program)
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let profile = tempfile::tempdir().unwrap();
        let scheme = u8::from(!look.dark);
        let mut options = json!({ "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--window-size=1400,1000", "--hide-scrollbars", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            format!("--user-data-dir={}", profile.path().display()),
            format!("--blink-settings=preferredColorScheme={scheme}"),
        ]});
        if look.phone {
            options["mobileEmulation"] = json!({ "deviceMetrics":
                { "width": 375, "height": 740, "pixelRatio": 2, "touch": true } });
        }
        let mut wanted = serde_json::Map::new();
        wanted.insert("goog:chromeOptions".into(), options);
        let begun = Instant::now();
        let client = loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            let builder = builder.capabilities(wanted.clone());
            match builder.connect(&format!("http://127.0.0.1:{port}")).await {
                Ok(client) => break client,
                Err(error) if begun.elapsed() > PATIENCE => panic!("no browser: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        Browser {
            client,
            driver,
            _profile: profile,
        }
    }

    /// Opens the page and waits until its images are drawn.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
        self.drawn().await;
    }

    /// Presses keys one after the other; what stands between two SHIFTs is pressed with it.
    pub async fn press(&self, keys: impl IntoIterator<Item = char>) {
        let mut actions = KeyActions::new("keyboard".into());
        let mut shift = false;
        for value in keys {
            if value == SHIFT {
                shift = !shift;
                actions = actions.then(match shift {
                    true => KeyAction::Down { value },
                    false => KeyAction::Up { value },
                });
                continue;
            }
            actions = actions.then(KeyAction::Down { value });
            actions = actions.then(KeyAction::Up { value });
        }
        self.client.perform_actions(actions).await.unwrap();
    }

    /// What a piece of JavaScript returns; for looking only.
    pub async fn look(&self, script: &str) -> Value {
        let script = format!("return ({script})");
        self.client.execute(&script, Vec::new()).await.unwrap()
    }

    /// The text of an element; empty of one that is hidden.
    pub async fn text(&self, id: &str) -> String {
        let script = format!("document.getElementById('{id}').innerText");
        self.look(&script)
            .await
            .as_str()
            .unwrap_or_default()
            .to_string()
    }

    /// Waits until the script returns true.
    #[track_caller]
    pub fn wait<'a>(&'a self, script: &'a str) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let begun = Instant::now();
            while self.look(script).await != true {
                if begun.elapsed() > PATIENCE {
                    let shown = self.look("document.body.innerText").await;
                    panic!("{place}: it never came that {script}; the page shows {shown}");
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Waits until there are candidates and all their images are to be seen.
    pub async fn drawn(&self) {
        let drawn = "(c => c.length > 0 && c.every(x => x.dataset.drawn === 'true'))\
                     ([...document.querySelectorAll('.card')])";
        self.wait(drawn).await;
    }

    /// Waits until everything that was said is on disk.
    pub async fn saved(&self) {
        self.wait("document.querySelector('.waiting') === null")
            .await;
    }

    /// Leaves a picture to be looked at.
    pub async fn picture(&self, name: &str) {
        let bytes = self.client.screenshot().await.unwrap();
        std::fs::write(crate::served::pictures().join(format!("{name}.png")), bytes).unwrap();
    }
}
