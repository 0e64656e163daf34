//! The page and what it asks for, over HTTP.
//!
//! It is bound to 127.0.0.1 unless asked otherwise, and everybody who asks needs the token of
//! the address that was printed: this machine may have other users. See [`guard`].

mod answers;
mod connections;
pub mod guard;
mod page;
pub mod remembered;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::view::Counts;
use super::work::Work;
use crate::{Error, Result};
use guard::Rules;

/// A request's body is no longer than this, in bytes.
pub const LONGEST_BODY: usize = 256 * 1024;

/// Which port to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// This one, or none.
    Exactly(u16),
    /// This one if nobody else has it, else any.
    Rather(u16),
    /// Any that is free.
    Any,
}

/// Where the page is served, and what stands on it.
#[derive(Clone, Debug)]
pub struct Serving {
    /// The address to listen on.
    pub listen: IpAddr,
    /// The port.
    pub port: Port,
    /// What everybody who asks has to know.
    pub token: String,
    /// Names of this machine besides localhost, for who asks from outside.
    pub names: Vec<String>,
    /// Whose decisions they are, unless a tab says otherwise.
    pub who: String,
    /// What is looked at, for the page's head.
    pub title: String,
    /// What to do when everything is decided: commands, a line each.
    pub then: Vec<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The page can be opened.
    Ready {
        /// With the token.
        url: String,
        /// Where it listens.
        address: SocketAddr,
    },
    /// The port that it would rather have had is taken.
    OtherPort(u16),
    /// A browser was given the page.
    Opened,
    /// Decisions are on disk.
    Decided(Counts),
    /// Something could not be done; whoever asked was told.
    Failed(String),
}

/// Hears what happens, from any thread.
pub trait Watcher: Send + Sync {
    /// Something happened.
    fn event(&self, event: Event);
}

/// What every answer is made with.
pub(super) struct Desk {
    work: Mutex<Work>,
    serving: Serving,
    watcher: Arc<dyn Watcher>,
}

impl Desk {
    /// The work, for one request at a time. Nothing that panics leaves it half done: a line is
    /// taken up when it is on disk.
    fn work(&self) -> std::sync::MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves the page until it is interrupted (Ctrl-C, SIGTERM); then the work as it stands.
pub fn serve(work: Work, serving: Serving, watcher: Arc<dyn Watcher>) -> Result<Work> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("start a server at", serving.listen.to_string()))?;
    runtime.block_on(serve_until(work, serving, watcher, interrupted()))
}

/// As [`serve`], until `stop` is there.
pub async fn serve_until(
    work: Work,
    serving: Serving,
    watcher: Arc<dyn Watcher>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<Work> {
    let place = serving.listen.to_string();
    let (listener, taken) = bind(serving.listen, serving.port)?;
    let address = listener
        .local_addr()
        .map_err(Error::io("listen on", &place))?;
    let listener = tokio::net::TcpListener::from_std(listener);
    let listener = listener.map_err(Error::io("listen on", &place))?;
    if let Some(port) = taken {
        watcher.event(Event::OtherPort(port));
    }
    let url = format!("http://{address}/?token={}", serving.token);
    let rules = Arc::new(Rules::new(&serving));
    let desk = Arc::new(Desk {
        work: Mutex::new(work),
        serving,
        watcher: watcher.clone(),
    });
    let router = Router::new()
        .route("/", get(answers::page))
        .route("/api/state", get(answers::state))
        .route("/api/block", get(answers::block))
        .route("/api/changes", get(answers::changes))
        .route("/api/picture/{key}", get(answers::picture))
        .route("/api/decide", post(answers::decide))
        .layer(from_fn_with_state(rules, guard::guard))
        .with_state(desk.clone());
    watcher.event(Event::Ready { url, address });
    connections::serve(listener, router, connections::LIMITS, stop).await;
    // A request that is still at it has its line on disk or not at all; the work is needed
    // for what is said at the end.
    let mut desk = desk;
    for _ in 0..100 {
        match Arc::try_unwrap(desk) {
            Ok(desk) => {
                return Ok(desk
                    .work
                    .into_inner()
                    .unwrap_or_else(PoisonError::into_inner));
            }
            Err(shared) => desk = shared,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let busy = io::Error::new(io::ErrorKind::TimedOut, "a request does not end");
    Err(Error::io("close the page on", &place)(busy))
}

/// A socket, and the port that somebody else has.
fn bind(listen: IpAddr, port: Port) -> Result<(TcpListener, Option<u16>)> {
    let at = |port: u16| -> Result<TcpListener> {
        let address = SocketAddr::new(listen, port);
        let listener = TcpListener::bind(address)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
        listener.map_err(Error::io("listen on", address.to_string()))
    };
    match port {
        Port::Any => Ok((at(0)?, None)),
        Port::Exactly(port) => Ok((at(port)?, None)),
        Port::Rather(port) => match at(port) {
            Ok(listener) => Ok((listener, None)),
            Err(_) => Ok((at(0)?, Some(port))),
        },
    }
}

/// Returns when the user wants it to end.
async fn interrupted() {
    let ctrl_c = async {
        // Without a handler the process ends the hard way, and nothing is lost either.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = ctrl_c => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    ctrl_c.await;
}
