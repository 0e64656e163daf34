//! The page: one file, which loads nothing from anywhere and asks nobody but this server.

use axum::http::{HeaderName, header};
use axum::response::{Html, IntoResponse};

use super::remembered::random;

const PAGE: &str = include_str!("../page/page.html");
const STYLE: &str = include_str!("../page/style.css");
/// In this order, in one scope.
const SCRIPTS: [&str; 5] = [
    include_str!("../page/server.js"),
    include_str!("../page/cards.js"),
    include_str!("../page/decide.js"),
    include_str!("../page/blocks.js"),
    include_str!("../page/main.js"),
];

/// The page, with a policy that lets a browser run what stands in it and nothing else.
pub(super) fn answer() -> impl IntoResponse {
    let nonce = random();
    let page = PAGE
        .replace("{{nonce}}", &nonce)
        .replace("{{style}}", STYLE)
        .replace("{{script}}", &SCRIPTS.concat());
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let headers: [(HeaderName, String); 1] = [(header::CONTENT_SECURITY_POLICY, policy)];
    (headers, Html(page))
}
