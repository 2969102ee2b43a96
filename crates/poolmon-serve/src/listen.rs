//! Connections. There is a limit to them; one more takes the place of the oldest that has nothing to do, so that a flood of idle ones
//! locks no one out. A header has to be complete within seconds, and what is written has to be read.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::slow::Patient;
use crate::web::Web;

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most of them.
    pub connections: usize,
    /// Time to the next complete header.
    pub header: Duration,
    /// Time that a write waits for its reader.
    pub write: Duration,
}

/// Most bytes of a header.
const HEADER_BYTES: usize = 16 << 10;
/// How long open answers are waited for at the end.
const END: Duration = Duration::from_secs(3);

/// Open connections, the oldest first.
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<VecDeque<Connection>>>);

struct Connection {
    id: u64,
    /// Requests that are being answered.
    busy: Arc<AtomicUsize>,
    task: Option<AbortHandle>,
}

impl Connections {
    fn all(&self) -> MutexGuard<'_, VecDeque<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for one more; false if all are busy.
    fn make_room(&self, most: usize) -> bool {
        let mut all = self.all();
        if all.len() < most {
            return true;
        }
        let idle = all.iter().position(|one| one.busy.load(Ordering::Relaxed) == 0);
        let Some(one) = idle.and_then(|at| all.remove(at)) else { return false };
        if let Some(task) = one.task {
            task.abort();
        }
        true
    }

    fn remove(&self, id: u64) {
        self.all().retain(|one| one.id != id);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all().len()
    }
}

/// Accepts until `stop` turns true, then lets open answers end.
pub async fn accept(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    web: Option<Arc<Web>>,
    mut stop: watch::Receiver<bool>,
) {
    let connections = Connections::default();
    let mut next = 0_u64;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of descriptors: the next attempt would fail at once, too.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if !connections.make_room(limits.connections) {
            continue;
        }
        let _ = stream.set_nodelay(true);
        next += 1;
        let busy = Arc::new(AtomicUsize::new(0));
        connections.all().push_back(Connection { id: next, busy: Arc::clone(&busy), task: None });
        let (id, all) = (next, connections.clone());
        let (router, stop, peer) = (router.clone(), stop.clone(), Peer(peer.ip()));
        let tls = web.as_ref().and_then(|web| web.now().tls.clone());
        let task = tokio::spawn(async move {
            match tls {
                None => serve(Patient::new(stream, limits.write), peer, router, busy, limits, stop).await,
                Some(tls) => {
                    if let Some(stream) = tls.accept(stream, limits.header, limits.write).await {
                        serve(stream, peer, router, busy, limits, stop).await;
                    }
                }
            }
            all.remove(id);
        });
        if let Some(one) = connections.all().iter_mut().find(|one| one.id == id) {
            one.task = Some(task.abort_handle());
        }
    }
    drop(listener);
    let until = tokio::time::Instant::now() + END;
    while connections.len() > 0 && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Who asks, as every request carries it.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    router: Router,
    busy: Arc<AtomicUsize>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let busy = Busy::new(&busy);
        let answer = hyper::service::Service::call(&router, request);
        async move {
            let answer: Result<_, Infallible> = answer.await;
            answer.map(|answer| answer.map(|body| Counted { body, _busy: busy }))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// The body of an answer: the connection is busy until it is sent.
struct Counted {
    body: Body,
    _busy: Busy,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Counts a request while it is answered.
struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
