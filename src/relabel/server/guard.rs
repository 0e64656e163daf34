//! Who may ask for what.
//!
//! | what is refused | why |
//! |---|---|
//! | a `Host` that is no name of ours | a page elsewhere whose name was made to lead here (DNS rebinding) |
//! | another `Origin`, or `Sec-Fetch-Site` that is not this page, but to open the page | another page in the same browser |
//! | a POST without `Origin` | the same, from where browsers do not say it |
//! | no token, or another | another user of this machine, or of the network |
//! | a path with `..`, `%`, `\` or `//` | no path here has any |
//! | a body that is long, or long in coming | it takes memory, or a connection, from others |
//!
//! The token stands in the address that is printed, and the page sends it as a header: there
//! is no cookie that a browser would send by itself, also to other ports.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::connections::{BODY, Standing};
use super::{LONGEST_BODY, Serving};

/// The header that the page sends the token in.
pub const TOKEN: &str = "x-rbgpu-token";

/// What is allowed.
#[derive(Clone, Debug)]
pub struct Rules {
    token: String,
    /// Names of this machine, in lower case, without a port.
    hosts: Vec<String>,
    /// Whether any address will do as a name: it is no name that could be made to lead here.
    any_address: bool,
}

impl Rules {
    /// Those of a server.
    pub fn new(serving: &Serving) -> Rules {
        let own = ["127.0.0.1", "localhost", "[::1]"].map(String::from);
        let listen = match serving.listen {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        let names = serving.names.iter().map(|name| name.to_ascii_lowercase());
        Rules {
            token: serving.token.clone(),
            hosts: own.into_iter().chain([listen]).chain(names).collect(),
            any_address: serving.listen.is_unspecified(),
        }
    }

    /// Whether `host`, with or without a port, is this machine. The port is not looked at: a
    /// tunnel (ssh -L) has another one.
    fn is_ours(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            // What stands behind the last colon of an address in brackets is no port.
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
            || (self.any_address && bare.parse::<IpAddr>().is_ok())
    }

    /// Whether a request may be answered; else why not.
    fn check(&self, request: &Request) -> Result<(), (StatusCode, &'static str)> {
        let (headers, path) = (request.headers(), request.uri().path());
        let host = text(headers, header::HOST.as_str());
        let host = host.or(request.uri().authority().map(|a| a.as_str()));
        let Some(host) = host.filter(|host| self.is_ours(host)) else {
            let why = "this name leads here but is not one that rbgpu answers to; --host NAME";
            return Err((StatusCode::MISDIRECTED_REQUEST, why));
        };
        if path.contains("..") || path.contains(['%', '\\']) || path.contains("//") {
            return Err((StatusCode::BAD_REQUEST, "there is no such path"));
        }
        let opens = path == "/" && request.method() == Method::GET;
        let site = text(headers, "sec-fetch-site").unwrap_or("none");
        let origin = text(headers, header::ORIGIN.as_str());
        let other_origin = match origin {
            Some(origin) => origin != format!("http://{host}"),
            None => request.method() == Method::POST,
        };
        if other_origin || !(opens || ["same-origin", "none"].contains(&site)) {
            let why = "only the page itself may ask for this";
            return Err((StatusCode::FORBIDDEN, why));
        }
        let token = match opens {
            true => query_token(request.uri().query().unwrap_or_default()),
            false => text(headers, TOKEN),
        };
        if !token.is_some_and(|token| same(token, &self.token)) {
            let why = "open the address that rbgpu relabel printed; the token in it is missing \
                       here, or is of another start";
            return Err((StatusCode::FORBIDDEN, why));
        }
        Ok(())
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn query_token(query: &str) -> Option<&str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("token="))
}

/// Takes as long whatever is different.
fn same(a: &str, b: &str) -> bool {
    let differences = a
        .bytes()
        .zip(b.bytes())
        .fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differences) == 0
}

/// Answers a request that may be asked, once its body is here.
async fn answer(request: Request, next: Next) -> Result<Response, (StatusCode, &'static str)> {
    let standing = request.extensions().get::<Standing>().cloned();
    let (parts, body) = request.into_parts();
    let body = tokio::time::timeout(BODY, to_bytes(body, LONGEST_BODY)).await;
    let body = body
        .map_err(|_| (StatusCode::REQUEST_TIMEOUT, "the body did not arrive"))?
        // Broken off, it has nobody who reads this.
        .map_err(|_| (StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"))?;
    let request = Request::from_parts(parts, Body::from(body));
    Ok(standing
        .unwrap_or_default()
        .answering(next.run(request))
        .await)
}

/// Answers what may be asked, and tells browsers to be as careful.
pub(super) async fn guard(
    State(rules): State<Arc<Rules>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match rules.check(&request) {
        Ok(()) => answer(request, next).await,
        Err(refusal) => Err(refusal),
    }
    .unwrap_or_else(|(status, why)| (status, format!("{why}\n")).into_response());
    let headers = response.headers_mut();
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'",
        ));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relabel::server::Port;

    fn rules(listen: &str, names: &[&str]) -> Rules {
        Rules::new(&Serving {
            listen: listen.parse().unwrap(),
            port: Port::Any,
            token: "secret".into(),
            names: names.iter().map(|name| name.to_string()).collect(),
            who: "ana".into(),
            title: String::new(),
            then: Vec::new(),
        })
    }

    #[test]
    fn names_that_lead_here() {
        let own = rules("127.0.0.1", &[]);
        for host in [
            "127.0.0.1:80",
            "localhost",
            "LocalHost:9000",
            "[::1]:80",
            "[::1]",
        ] {
            assert!(own.is_ours(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:80",
            "10.0.0.1:80",
            "",
        ] {
            assert!(!own.is_ours(host), "{host}");
        }
        let open = rules("0.0.0.0", &["node7"]);
        for host in ["10.0.0.1:80", "[fe80::1]:80", "node7:80", "NODE7"] {
            assert!(open.is_ours(host), "{host}");
        }
        assert!(!open.is_ours("evil.example"));
    }

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same("abc", "abc"));
        for other in ["", "ab", "abcd", "abd"] {
            assert!(!same(other, "abc"), "{other}");
        }
        assert_eq!(query_token("a=1&token=x&b=2"), Some("x"));
        assert_eq!(query_token("nottoken=x"), None);
    }
}
