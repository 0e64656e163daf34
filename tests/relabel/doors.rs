//! Whoever reaches the port, and whoever sees the list of processes, gets nowhere and is in
//! nobody's way.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::served::{Desk, Served};

fn connect(served: &Served) -> std::io::Result<TcpStream> {
    TcpStream::connect(&served.place)
}

/// A POST of a decision, as the page sends it, up to its body.
fn head(served: &Served, length: usize) -> String {
    let (place, token) = (&served.place, &served.token);
    format!(
        "POST /api/decide HTTP/1.1\r\nhost: {place}\r\norigin: http://{place}\r\n\
         x-rbgpu-token: {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

#[test]
fn a_thousand_idle_connections_lock_nobody_out() {
    let desk = Desk::new(6);
    let served = desk.serve(&["set.npz"]);
    let page = || served.get("/api/block?who=ana&tab=ana");
    let before = page();
    // As many as this process may have.
    let mut idle = Vec::new();
    while idle.len() < 1100
        && let Ok(mut stream) = connect(&served)
    {
        // Every other one begins a request.
        if idle.len() % 2 == 0 {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: ");
        }
        idle.push(stream);
    }
    // Those that this test itself needs.
    idle.truncate(idle.len() - 10);
    assert!(idle.len() > 200, "{} connections", idle.len());
    let asked = Instant::now();
    assert_eq!(page(), before);
    assert!(asked.elapsed() < Duration::from_secs(10));
    if cfg!(target_os = "linux") {
        let files = std::fs::read_dir(format!("/proc/{}/fd", served.process()));
        let files = files.unwrap().count();
        assert!(files < 200, "the server has {files} files open");
    }
    let (well, said) = served.interrupt();
    assert!(well, "{said}");
}

#[test]
fn a_request_that_is_not_here_whole_does_not_hold_up_the_end() {
    let desk = Desk::new(6);
    for signal in ["-TERM", "-INT"] {
        let served = desk.serve(&["set.npz"]);
        let mut half = connect(&served).unwrap();
        half.write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap();
        let mut body = connect(&served).unwrap();
        body.write_all(head(&served, 100).as_bytes()).unwrap();
        body.write_all(b"{\"who\":").unwrap();
        let _silent = connect(&served).unwrap();
        // Behind what was connected before it.
        served.keys("ana");
        let asked = Instant::now();
        let (well, said) = served.end(signal);
        assert!(well && said.contains("0 decisions written"), "{said}");
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(2), "{signal}: {took:?}");
    }
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let desk = Desk::new(6);
    let served = desk.serve(&["set.npz"]);
    let mut stream = connect(&served).unwrap();
    let most = Some(Duration::from_secs(30));
    stream.set_read_timeout(most).unwrap();
    stream.write_all(head(&served, 100).as_bytes()).unwrap();
    stream.write_all(b"{\"who\":").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[test]
fn a_body_without_a_length_is_not_read_without_end() {
    let desk = Desk::new(6);
    let served = desk.serve(&["set.npz"]);
    let head = head(&served, 0).replace("content-length: 0", "transfer-encoding: chunked");
    let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
    let answer = served.raw(format!("{head}{}", chunk.repeat(9)).as_bytes());
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[test]
fn a_token_belongs_to_one_decision() {
    let desk = Desk::new(6);
    let served = desk.serve(&["set.npz"]);
    let keys = served.keys("ana");
    assert_eq!(served.decide("ana", &keys[0], "real", 0, "one").status, 200);
    // Of another candidate, another person, another answer: it would be lost in silence.
    for (who, key, answer) in [
        ("ana", &keys[1], "real"),
        ("ben", &keys[0], "real"),
        ("ana", &keys[0], "bogus"),
    ] {
        let refused = served.decide(who, key, answer, 0, "one");
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    let both = format!(
        r#"{{"who":"ana","tab":"ana","decisions":[{{"key":"{}","answer":"real","seen":0,"token":"two"}},{{"key":"{}","answer":"bogus","seen":0,"token":"two"}}]}}"#,
        keys[1], keys[2]
    );
    let refused = served.ask("POST", "/api/decide", &[], &both);
    assert_eq!(refused.status, 400, "{refused:?}");
    // The same once more is no other.
    assert_eq!(served.decide("ana", &keys[0], "real", 0, "one").status, 200);
    assert_eq!(desk.lines("set.journal.jsonl").len(), 1);
}

#[test]
fn names_that_act_on_a_terminal_are_refused() {
    let desk = Desk::new(6);
    for name in ["a\u{1b}[2Jb", "a\u{9b}b", "a\u{202e}b", "a\nb"] {
        let ran = desk.run(&["relabel", "set.npz", "--who", name]);
        assert_eq!(ran.status.code(), Some(2), "{ran:?}");
        assert!(!String::from_utf8(ran.stderr).unwrap().contains(name));
    }
}

/// A desk whose browser is a program that writes down what it was started with.
#[cfg(target_os = "linux")]
fn with_browser(desk: &Desk) -> String {
    use std::os::unix::fs::PermissionsExt;
    let browser = desk.path("bin/xdg-open");
    std::fs::create_dir_all(desk.path("bin")).unwrap();
    std::fs::create_dir_all(desk.path("tmp")).unwrap();
    let script = "#!/bin/sh\n\
        printf '%s\\n' \"$@\" > \"$DESK/asked\"\n\
        ls -l \"$1\" > \"$DESK/mode\"\n\
        cat \"$1\" > \"$DESK/door.tmp\"\nmv \"$DESK/door.tmp\" \"$DESK/door\"\n";
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    format!("{}:{path}", desk.path("bin").display())
}

#[cfg(target_os = "linux")]
#[test]
fn the_browser_is_given_the_token_in_a_file_that_nobody_else_can_read() {
    let desk = Desk::new(6);
    let path = with_browser(&desk);
    let there = || std::fs::read_dir(desk.path("tmp")).unwrap().count();
    for opened in [true, false] {
        let folder = desk.folder.path().to_str().unwrap();
        let tmp = format!("{folder}/tmp");
        let more = [("PATH", &*path), ("DESK", folder), ("TMPDIR", &tmp)];
        let served = desk.serve_with(&["set.npz", "--open"], &more);
        let begun = Instant::now();
        while !desk.path("door").exists() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{}",
                served.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let read = |name: &str| std::fs::read_to_string(desk.path(name)).unwrap();
        let asked = read("asked");
        assert!(!asked.contains(&served.token), "{asked}");
        assert!(
            asked.starts_with(&tmp) && asked.ends_with(".html\n"),
            "{asked}"
        );
        assert!(read("mode").starts_with("-rw-------"), "{}", read("mode"));
        let door = read("door");
        assert!(
            door.contains(&format!("content=\"0; url={}\"", served.url)),
            "{door}"
        );
        assert_eq!(there(), 1);
        // It goes when the browser has the page, or when rbgpu ends.
        if opened {
            let page = format!("/?token={}", served.token);
            assert_eq!(served.ask("GET", &page, &[], "").status, 200);
            assert_eq!(there(), 0);
        }
        let (well, said) = served.end("-TERM");
        assert!(well && there() == 0, "{said}");
        std::fs::remove_file(desk.path("door")).unwrap();
    }
}
