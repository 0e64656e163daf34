//! The program as it serves the page, and plain requests to it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_rbgpu");

/// What the simulation calls a row.
pub fn id(row: usize) -> String {
    format!("sim1-{row:06}")
}

/// A folder with `set.npz` (simulated triplets) and `suspects.csv` of all of them.
pub struct Desk {
    pub folder: tempfile::TempDir,
}

impl Desk {
    pub fn new(count: usize) -> Desk {
        let desk = Desk {
            folder: tempfile::tempdir().unwrap(),
        };
        let count_text = count.to_string();
        let made = desk.run(&[
            "simulate",
            "--count",
            &count_text,
            "--size",
            "16",
            "--channels",
            "triplet",
            "--out",
            "set.npz",
        ]);
        assert!(made.status.success(), "{made:?}");
        let mut table = String::from("rank,id,label,score,category,rule,suspicion,pixels\n");
        // Backwards, so that a rank is no row.
        for rank in 1..=count {
            let row = count - rank;
            table += &format!("{rank},{},,0.{row:03},1,confident,0.5,\n", id(row));
        }
        std::fs::write(desk.path("suspects.csv"), table).unwrap();
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.folder.path());
        // Where port and token are kept.
        command.env("XDG_CACHE_HOME", self.path("cache"));
        command
            .env_remove("SSH_CONNECTION")
            .env_remove("SLURM_JOB_ID");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Serves `rbgpu relabel` with these arguments.
    pub fn serve(&self, arguments: &[&str]) -> Served {
        self.serve_with(arguments, &[])
    }

    /// The same with these variables in its environment.
    pub fn serve_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Served {
        let said = self.path(&format!("said-{}.txt", arguments.len()));
        let mut command = self.command();
        command
            .arg("relabel")
            .args(arguments)
            .args(["--who", "ana"]);
        command.envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::create(&said).unwrap());
        let mut child = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        let url = url.trim().to_string();
        let told = || std::fs::read_to_string(&said).unwrap();
        let (place, token) = url
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once("/?token="))
            .unwrap_or_else(|| panic!("no address in {url:?}; {}", told()));
        Served {
            place: place.to_string(),
            token: token.to_string(),
            child,
            said,
            url: url.clone(),
        }
    }

    /// The decisions in a journal, each line whole.
    pub fn lines(&self, journal: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path(journal)).unwrap();
        assert!(text.ends_with('\n'));
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let lines: Vec<Value> = lines.collect();
        assert_eq!(lines[0]["rbgpu"], "journal");
        lines[1..].to_vec()
    }
}

/// A server that runs.
pub struct Served {
    pub url: String,
    /// Address and port.
    pub place: String,
    pub token: String,
    child: Child,
    said: PathBuf,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

impl Served {
    /// Sends bytes as they are and reads what comes back.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let place = self.place.replace("0.0.0.0", "127.0.0.1");
        let mut stream = TcpStream::connect(place).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(bytes).unwrap();
        let mut all = Vec::new();
        // A body that is not wanted may end in a reset, behind the answer.
        let _ = stream.read_to_end(&mut all);
        let end = all.windows(4).position(|w| w == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&all)));
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: all[end + 4..].to_vec(),
        }
    }

    /// As the page asks, but for what `headers` say otherwise (an empty one is left out).
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let origin = format!("http://{}", self.place);
        let length = body.len().to_string();
        let usual = [
            ("host", self.place.as_str()),
            ("x-rbgpu-token", &self.token),
            ("origin", if method == "POST" { &origin } else { "" }),
            ("sec-fetch-site", "same-origin"),
            (
                "content-type",
                if body.is_empty() {
                    ""
                } else {
                    "application/json"
                },
            ),
            (
                "content-length",
                if method == "POST" { &length } else { "" },
            ),
            ("connection", "close"),
        ];
        let mut request = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in usual {
            let other = headers.iter().find(|header| header.0 == name);
            let value = other.map_or(value, |header| header.1);
            if !value.is_empty() {
                request += &format!("{name}: {value}\r\n");
            }
        }
        self.raw(format!("{request}\r\n{body}").as_bytes())
    }

    pub fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &[], "");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Keys of the block that `who` is shown.
    pub fn keys(&self, who: &str) -> Vec<String> {
        let block = self.get(&format!("/api/block?who={who}&tab={who}"));
        let cards = block["cards"].as_array().unwrap();
        let key = |card: &Value| card["key"].as_str().unwrap().to_string();
        cards.iter().map(key).collect()
    }

    /// Says `answer` of one candidate.
    pub fn decide(&self, who: &str, key: &str, answer: &str, seen: u64, token: &str) -> Answer {
        let body = format!(
            r#"{{"who":"{who}","tab":"{who}","decisions":[{{"key":"{key}","answer":"{answer}","seen":{seen},"token":"{token}"}}]}}"#
        );
        self.ask("POST", "/api/decide", &[], &body)
    }

    /// What it printed beside the address.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap()
    }

    /// Its number.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Kills it, with no time to do anything.
    pub fn kill(mut self) {
        self.signal("-KILL");
        self.child.wait().unwrap();
    }

    /// Ends it as Ctrl-C does; whether it ended well, and what it said.
    pub fn interrupt(self) -> (bool, String) {
        self.end("-INT")
    }

    /// Ends it by a signal; whether it ended well, and what it said.
    pub fn end(mut self, signal: &str) -> (bool, String) {
        self.signal(signal);
        let ended = self.child.wait().unwrap().success();
        (ended, self.said())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where pictures are left.
pub fn pictures() -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("relabel");
    std::fs::create_dir_all(&path).unwrap();
    path
}
