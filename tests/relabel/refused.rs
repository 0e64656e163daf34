//! Who may not ask, and what may not be asked: each is refused, and nothing is written.

use crate::served::{Desk, Served};

/// A body that would be a decision about the first candidate.
fn decision(served: &Served) -> String {
    let key = served.keys("ana").remove(0);
    format!(
        r#"{{"who":"ana","tab":"t","decisions":[{{"key":"{key}","answer":"real","seen":0,"token":"t1"}}]}}"#
    )
}

/// A header beside the usual ones, or another value of one.
type Header<'a> = (&'a str, &'a str);

#[track_caller]
fn refused(served: &Served, method: &str, path: &str, headers: &[Header], status: u16) {
    let body = if method == "POST" {
        decision(served)
    } else {
        String::new()
    };
    let answer = served.ask(method, path, headers, &body);
    assert_eq!(
        answer.status, status,
        "{method} {path} {headers:?}: {answer:?}"
    );
}

/// A server, and after `test` the proof that nothing was written.
fn with_server(test: impl FnOnce(&Served)) {
    let desk = Desk::new(6);
    let served = desk.serve(&["set.npz"]);
    test(&served);
    assert!(desk.lines("set.journal.jsonl").is_empty());
    // It would have been, but for what was refused.
    let body = decision(&served);
    assert_eq!(served.ask("POST", "/api/decide", &[], &body).status, 200);
    assert_eq!(desk.lines("set.journal.jsonl").len(), 1);
}

#[test]
fn other_origins_are_refused() {
    with_server(|served| {
        let other_port = "http://127.0.0.1:1";
        for origin in ["http://evil.example", "null", other_port, ""] {
            refused(served, "POST", "/api/decide", &[("origin", origin)], 403);
        }
        for site in ["cross-site", "same-site"] {
            refused(
                served,
                "POST",
                "/api/decide",
                &[("sec-fetch-site", site)],
                403,
            );
            let picture = format!("/api/picture/{}?stretch=zscale", served.keys("ana")[0]);
            refused(served, "GET", &picture, &[("sec-fetch-site", site)], 403);
            refused(
                served,
                "GET",
                "/api/block?who=ana",
                &[("sec-fetch-site", site)],
                403,
            );
        }
        refused(
            served,
            "GET",
            "/api/state",
            &[("origin", "http://evil.example")],
            403,
        );
    });
}

#[test]
fn other_hosts_are_refused() {
    with_server(|served| {
        for host in [
            "evil.example",
            "evil.example:80",
            "10.1.2.3",
            "127.0.0.1.evil.example",
        ] {
            let origin = format!("http://{host}");
            let headers = [("host", host), ("origin", origin.as_str())];
            refused(served, "POST", "/api/decide", &headers, 421);
            refused(served, "GET", "/api/state", &[("host", host)], 421);
        }
        refused(served, "GET", "/api/state", &[("host", "")], 421);
        // A tunnel has another port.
        let tunnel = [
            ("host", "localhost:9000"),
            ("origin", "http://localhost:9000"),
        ];
        assert_eq!(served.ask("GET", "/api/state", &tunnel, "").status, 200);
    });
}

#[test]
fn without_the_token_nothing_is_answered() {
    with_server(|served| {
        let other = "0".repeat(32);
        for token in ["", "x", other.as_str(), &served.token[1..]] {
            refused(
                served,
                "POST",
                "/api/decide",
                &[("x-rbgpu-token", token)],
                403,
            );
            for path in [
                "/api/state",
                "/api/block?who=ana",
                "/api/changes?who=ana",
                "/api/none",
            ] {
                refused(served, "GET", path, &[("x-rbgpu-token", token)], 403);
            }
            refused(served, "GET", &format!("/?token={token}"), &[], 403);
        }
        refused(served, "GET", "/", &[], 403);
        // In the address it opens the page and nothing else.
        let path = format!("/api/state?token={}", served.token);
        refused(served, "GET", &path, &[("x-rbgpu-token", "")], 403);
        assert!(served.token.len() >= 32);
    });
}

#[test]
fn paths_that_climb_out_are_refused() {
    with_server(|served| {
        let token = format!("?token={}", served.token);
        for path in [
            "/../set.npz",
            "/api/../../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/api/picture/..%2f..%2fset.npz",
            "/api/picture/%2Fetc%2Fpasswd",
            "/api/picture/..\\..\\set.npz",
            "//etc/passwd",
            "/./../etc/passwd",
            "/api/picture/%00",
        ] {
            refused(served, "GET", path, &[], 400);
            refused(served, "GET", &format!("{path}{token}"), &[], 400);
        }
        for path in [
            "/set.npz",
            "/etc/passwd",
            "/api",
            "/api/picture",
            "/index.html",
        ] {
            refused(served, "GET", path, &[], 404);
        }
        refused(served, "GET", "/api/picture/0?stretch=zscale", &[], 404);
    });
}

#[test]
fn other_methods_are_refused() {
    with_server(|served| {
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            refused(served, method, "/api/decide", &[], 405);
            refused(served, method, "/api/block", &[], 405);
        }
        refused(served, "GET", "/api/decide", &[], 405);
        refused(served, "POST", "/api/state", &[], 405);
        refused(served, "POST", "/", &[], 405);
    });
}

#[test]
fn other_bodies_are_refused() {
    with_server(|served| {
        let body = decision(served);
        let ask = |headers: &[Header], body: &str| {
            served.ask("POST", "/api/decide", headers, body).status
        };
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "",
        ] {
            assert_eq!(ask(&[("content-type", kind)], &body), 415, "{kind}");
        }
        assert_eq!(ask(&[], "{\"who\":"), 400);
        assert_eq!(ask(&[], "[]"), 422);
        assert_eq!(ask(&[], &body.replace("real", "perhaps")), 422);
        assert_eq!(
            ask(&[], &body.replace("\"tab\"", "\"more\":1,\"tab\"")),
            422
        );
        assert_eq!(ask(&[], &body.replace("\"seen\":0", "\"seen\":-1")), 422);
        let long = format!("{body}{}", " ".repeat(300_000));
        assert_eq!(ask(&[], &long), 413);
        let many = format!("[{}0]", "{},".repeat(60_000));
        assert_eq!(ask(&[], &body.replace("\"real\"", &many)), 400);
        for bytes in ["GET\r\n\r\n", "\u{0}\u{1}\r\n\r\n", "GET / HTTP/9\r\n\r\n"] {
            assert_eq!(served.raw(bytes.as_bytes()).status, 400, "{bytes:?}");
        }
    });
}

#[test]
fn the_page_may_load_nothing_and_be_in_no_frame() {
    let desk = Desk::new(6);
    let served = desk.serve(&["set.npz"]);
    let page = served.ask("GET", &format!("/?token={}", served.token), &[], "");
    assert_eq!(page.status, 200);
    let head = page.head.to_ascii_lowercase();
    for part in [
        "content-security-policy: default-src 'none'; script-src 'nonce-",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
        "cross-origin-resource-policy: same-origin",
    ] {
        assert!(head.contains(part), "{part}: {head}");
    }
    assert!(
        !head.contains("set-cookie") && !head.contains("access-control"),
        "{head}"
    );
    let text = String::from_utf8(page.body).unwrap();
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!text.contains(outside), "the page has {outside}");
    }
    // It is the same page for everybody, and says nothing of the data.
    assert!(!text.contains("set.npz") && !text.contains(&served.token));
    let answer = served.ask("GET", "/api/state", &[], "");
    assert!(
        answer.head.contains("default-src 'none'"),
        "{}",
        answer.head
    );
}

#[test]
fn other_machines_reach_it_only_when_asked_and_with_the_token() {
    let desk = Desk::new(6);
    let own = desk.serve(&["set.npz"]);
    assert!(own.place.starts_with("127.0.0.1:"), "{}", own.place);
    drop(own);
    let open = desk.serve(&["set.npz", "--listen", "0.0.0.0", "--host", "node7.example"]);
    assert!(open.place.starts_with("0.0.0.0:"), "{}", open.place);
    assert!(
        open.said().contains("nothing is encrypted"),
        "{}",
        open.said()
    );
    for host in ["10.1.2.3:80", "node7.example:80"] {
        assert_eq!(
            open.ask("GET", "/api/state", &[("host", host)], "").status,
            200
        );
        let headers = [("host", host), ("x-rbgpu-token", "")];
        assert_eq!(open.ask("GET", "/api/state", &headers, "").status, 403);
        assert_eq!(open.ask("GET", "/", &headers, "").status, 403);
    }
    assert_eq!(
        open.ask("GET", "/api/state", &[("host", "evil.example")], "")
            .status,
        421
    );
}
