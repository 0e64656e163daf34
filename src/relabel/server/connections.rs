//! Connections: how many there may be, how long they may keep silent, and how they end.
//!
//! Whoever reaches the port can open connections, with the token or without. A connection counts
//! as a stranger's until it has sent a request with the token. When there are too many, the
//! oldest stranger makes room for the newest comer: idle connections lock nobody out.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

/// What connections are held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time. A browser opens six; a process may open 256 files on macOS.
    most: usize,
    /// How long the head of a request may take, from the connection or the last answer on.
    head: Duration,
}

/// Those of the server. A page that is open asks every few seconds.
pub(super) const LIMITS: Limits = Limits {
    most: 128,
    head: Duration::from_secs(30),
};

/// How long the body of a request may take.
pub(super) const BODY: Duration = Duration::from_secs(10);
/// The longest head, in bytes. A browser sends about 1,000.
const LONGEST_HEAD: usize = 32 * 1024;
/// How long requests that are being answered may take when the server ends.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long finished answers may take to leave when the server ends.
const FLUSH: Duration = Duration::from_millis(200);

/// What a connection has done so far; shared with the requests that come by it.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing(Arc<AtomicU8>);

const STRANGER: u8 = 0;
const KNOWN: u8 = 1;
const ANSWERING: u8 = 2;

impl Standing {
    fn is(&self, standing: u8) -> bool {
        self.0.load(Ordering::Relaxed) == standing
    }

    /// Runs `answer` to a request that had the token and is here whole.
    pub async fn answering<T>(&self, answer: impl Future<Output = T>) -> T {
        self.0.store(ANSWERING, Ordering::Relaxed);
        let answered = answer.await;
        self.0.store(KNOWN, Ordering::Relaxed);
        answered
    }
}

/// One that is open.
struct Open {
    standing: Standing,
    task: AbortHandle,
}

/// Serves `router` to whoever connects, until `stop` is there. Returns when the answers under way
/// have left; a request that is not here whole is not waited for.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let (end, ending) = watch::channel(false);
    let mut tasks = JoinSet::new();
    // In the order in which they came.
    let mut open: VecDeque<Open> = VecDeque::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            _ = tasks.join_next(), if !tasks.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        open.retain(|one| !one.task.is_finished());
        match accepted {
            Ok((stream, _)) if open.len() < limits.most || make_room(&mut open) => {
                let standing = Standing::default();
                let service = service(router.clone(), standing.clone());
                let task = tasks.spawn(connection(stream, service, limits, ending.clone()));
                open.push_back(Open { standing, task });
            }
            // It is closed: all others are people's.
            Ok(_) => {}
            // Most likely there are no descriptors left.
            Err(_) => {
                make_room(&mut open);
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    for one in open.iter().filter(|one| one.standing.is(STRANGER)) {
        one.task.abort();
    }
    end.send_replace(true);
    let begun = Instant::now();
    // An answer that nobody waited for leaves its connection standing so.
    let is_at_it = |one: &Open| one.standing.is(ANSWERING) && !one.task.is_finished();
    let answering = || open.iter().any(is_at_it);
    while begun.elapsed() < FLUSH || (answering() && begun.elapsed() < PATIENCE) {
        if let Ok(None) = timeout(Duration::from_millis(20), tasks.join_next()).await {
            break;
        }
    }
    tasks.shutdown().await;
}

/// Closes the oldest connection that may be closed: a stranger's, else one without a request.
/// Whether there was one.
fn make_room(open: &mut VecDeque<Open>) -> bool {
    let oldest = |standing| open.iter().position(|one| one.standing.is(standing));
    let Some(at) = oldest(STRANGER).or_else(|| oldest(KNOWN)) else {
        return false;
    };
    open.remove(at).is_some_and(|one| {
        one.task.abort();
        true
    })
}

/// `router`, to whose requests it is known how their connection stands.
fn service(
    router: Router,
    standing: Standing,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Send {
    let service = TowerToHyperService::new(router);
    service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(standing.clone());
        service.call(request)
    })
}

/// Answers the requests of one connection.
async fn connection(
    stream: TcpStream,
    service: impl Service<Request<Incoming>, Response = Response, Error = Infallible>,
    limits: Limits,
    mut ending: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // What is lent to look at the channel may not be held over an await.
    let end = async { ending.wait_for(|end| *end).await.is_ok() };
    // Whoever breaks the connection off knows it; there is nobody else to tell.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = end => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream as Stream};

    use super::*;

    /// Serves nothing (all is 404) while `client` runs in a thread of its own.
    fn serving<T: Send + 'static>(
        limits: Limits,
        client: impl FnOnce(SocketAddr) -> T + Send + 'static,
    ) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let client = tokio::task::spawn_blocking(move || client(address));
            let (done, stop) = tokio::sync::oneshot::channel();
            let stop = async { stop.await.unwrap() };
            let server = serve(listener, Router::new(), limits, stop);
            let client = async {
                let found = client.await.unwrap();
                done.send(()).unwrap();
                found
            };
            tokio::join!(server, client).1
        })
    }

    fn connect(address: SocketAddr) -> Stream {
        let stream = Stream::connect(address).unwrap();
        let most = Some(Duration::from_secs(20));
        stream.set_read_timeout(most).unwrap();
        stream
    }

    /// What comes until the other side closes.
    fn rest(stream: &mut Stream) -> Vec<u8> {
        let mut all = Vec::new();
        // A reset is an end too; a timeout is none.
        match stream.read_to_end(&mut all) {
            Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("{error}"),
            _ => all,
        }
    }

    #[test]
    fn the_head_of_a_request_may_not_take_for_ever() {
        let limits = Limits {
            head: Duration::from_millis(200),
            ..LIMITS
        };
        serving(limits, |address| {
            let mut silent = connect(address);
            let mut half = connect(address);
            half.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").unwrap();
            rest(&mut silent);
            rest(&mut half);
        });
    }

    #[test]
    fn the_oldest_stranger_makes_room() {
        let limits = Limits { most: 3, ..LIMITS };
        serving(limits, |address| {
            let mut idle: Vec<Stream> = (0..3).map(|_| connect(address)).collect();
            for _ in 0..5 {
                let mut new = connect(address);
                new.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                    .unwrap();
                let answer = rest(&mut new);
                assert!(answer.starts_with(b"HTTP/1.1 404"), "{answer:?}");
                idle.push(connect(address));
            }
            // Those that made room were closed, from the oldest on.
            for stream in &mut idle[..5] {
                assert!(rest(stream).is_empty());
            }
        });
    }
}
