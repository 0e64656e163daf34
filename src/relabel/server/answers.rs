//! What is answered to whom has a right to ask.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Desk, Event, page};
use crate::Error;
use crate::error::escape::one_line;
use crate::relabel::decide::{Refusal, Request};
use crate::relabel::journal::Mode;
use crate::relabel::work::Work;
use crate::report::Stretch;

/// The page. It knows nothing but how to ask.
pub async fn page(State(desk): State<Arc<Desk>>) -> Response {
    desk.watcher.event(Event::Opened);
    page::answer().into_response()
}

/// Who asks, and for what.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    who: String,
    tab: String,
    number: Option<usize>,
    keys: String,
    since: u64,
    stretch: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, why) = match self {
            Refusal::Bad(why) => (StatusCode::BAD_REQUEST, why),
            Refusal::Unknown => {
                let why = "there is no such candidate here; reload the page";
                (StatusCode::NOT_FOUND, why.into())
            }
            Refusal::Early => {
                let why = "the blocks before this one are not finished";
                (StatusCode::CONFLICT, why.into())
            }
            Refusal::Failed(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        };
        (status, why).into_response()
    }
}

/// Does what may wait for the disk where it keeps nobody else from being answered.
async fn with_work<T: Send + 'static>(
    desk: Arc<Desk>,
    what: impl FnOnce(&mut Work) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let watcher = desk.watcher.clone();
    let done = tokio::task::spawn_blocking(move || what(&mut desk.work())).await;
    let result = done.unwrap_or_else(|panicked| {
        let panicked = Error::Candidate {
            candidate: "a request".into(),
            why: panicked.to_string(),
        };
        Err(Refusal::Failed(panicked))
    });
    if let Err(Refusal::Failed(error)) = &result {
        watcher.event(Event::Failed(error.to_string()));
    }
    result
}

/// What the page has to know once.
pub async fn state(State(desk): State<Arc<Desk>>) -> Result<Json<Value>, Refusal> {
    let serving = desk.serving.clone();
    with_work(desk, move |work| {
        let (data, options) = (&work.subjects().data, work.options());
        let names: Vec<String> = match (&data.channels, data.shape.channels) {
            (Some(names), _) => names.iter().map(|c| c.name().to_string()).collect(),
            (None, 1) => vec!["cutout".into()],
            (None, n) => (1..=n).map(|n| format!("image {n}")).collect(),
        };
        Ok(Json(json!({
            "mode": options.mode, "who": serving.who, "title": one_line(&serving.title),
            "then": serving.then, "images": names, "width": data.shape.width,
            "height": data.shape.height, "block": options.block,
            "votes": (options.mode == Mode::Vote).then_some(options.votes),
            "version": env!("CARGO_PKG_VERSION"),
        })))
    })
    .await
}

/// A block of candidates.
pub async fn block(
    State(desk): State<Arc<Desk>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    with_work(desk, move |work| {
        let keys = asked.keys.split(',').filter(|key| !key.is_empty());
        let keys: Vec<String> = keys.map(String::from).collect();
        let block = work.block(&asked.who, &asked.tab, asked.number, &keys)?;
        Ok(Json(block).into_response())
    })
    .await
}

/// What others, and other tabs, decided meanwhile.
pub async fn changes(
    State(desk): State<Arc<Desk>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Refusal> {
    with_work(desk, move |work| {
        Ok(Json(json!({
            "states": work.changes(&asked.who, &asked.tab, asked.since),
            "counts": work.counts(&asked.who),
            "last": work.last(),
        })))
    })
    .await
}

/// A candidate's images.
pub async fn picture(
    State(desk): State<Arc<Desk>>,
    Path(key): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let stretch = Stretch::called(&asked.stretch);
    let stretch = stretch.ok_or_else(|| Refusal::Bad("stretch: zscale or log".into()))?;
    let png = with_work(desk, move |work| work.picture(&key, stretch)).await?;
    Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
}

/// Decisions. When this is answered they are on disk.
pub async fn decide(
    State(desk): State<Arc<Desk>>,
    Json(request): Json<Request>,
) -> Result<Response, Refusal> {
    let watcher = desk.watcher.clone();
    let outcome = with_work(desk, move |work| work.decide(&request)).await?;
    if !outcome.written.is_empty() {
        watcher.event(Event::Decided(outcome.counts.clone()));
    }
    let status = match outcome.conflicts.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::CONFLICT,
    };
    Ok((status, Json(outcome)).into_response())
}
