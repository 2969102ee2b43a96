//! All of it together: the sampler's thread, the routes, the runtime.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::routing::get;
use jiff::Timestamp;
use poolmon_owner::Owners;
use poolmon_record::Stop;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::feed::{self, Shared};
use crate::guard::{self, Guard, HostNames};
use crate::token::Tokens;
use crate::users::Checker;
use crate::web::{Web, WebConfig};
use crate::{Feed, ServeError, api, listen, page, process};

/// The port if none is named: not 9182, which is `windows_exporter`'s, and outside the range that exporters number themselves in.
pub const DEFAULT_PORT: u16 = 17_665;

/// How it is served.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Where to listen. Port 0 = any that is free.
    pub listen: Vec<SocketAddr>,
    /// Names of this server besides `localhost`, this machine's own name and addresses.
    pub hosts: Vec<String>,
    /// Who may ask. Without tokens, only this machine can reach the server.
    pub tokens: Option<Tokens>,
    /// TLS, users, certificates of clients.
    pub web: Option<WebConfig>,
    /// The largest rows that get metrics of their own.
    pub top: usize,
    /// Most series of rows in the metrics.
    pub max_series: usize,
    /// Most connections.
    pub connections: usize,
    /// Most pages that listen for events.
    pub listeners: usize,
    /// How long a connection may take to its next complete header.
    pub header_time: Duration,
    /// How long a write may wait for a reader that does not read.
    pub write_time: Duration,
    /// The source as an argument of a command; empty for this machine.
    pub argument: String,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT))],
            hosts: Vec::new(),
            tokens: None,
            web: None,
            top: 50,
            max_series: 2_000,
            connections: 1_024,
            listeners: 600,
            header_time: Duration::from_secs(10),
            write_time: Duration::from_secs(20),
            argument: String::new(),
        }
    }
}

/// What happens meanwhile.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ServeEvent {
    /// It answers at this address.
    Listens {
        /// Where.
        address: SocketAddr,
        /// By `https://` only.
        tls: bool,
    },
    /// Something that the operator should know: a changed certificate that cannot be used.
    Warning(String),
}

/// A server that was set up.
pub struct Server {
    config: ServeConfig,
    shared: Arc<Shared>,
    sampler: Box<dyn FnOnce(&Stop) + Send>,
}

impl Server {
    /// Takes the first sample.
    ///
    /// # Errors
    ///
    /// The source fails, or others could reach the server and nothing would keep them out.
    pub fn new(feed: Feed, owners: Arc<Owners>, config: ServeConfig) -> Result<Self, ServeError> {
        process::starts();
        let is_guarded = config.tokens.is_some() || config.web.as_ref().is_some_and(WebConfig::protects);
        if let Some(open) = config.listen.iter().find(|address| !address.ip().is_loopback() && !is_guarded) {
            return Err(ServeError::Open(*open));
        }
        let (shared, sampler) = feed::start(feed, owners, config.top)?;
        Ok(Self { config, shared, sampler: Box::new(sampler) })
    }

    /// Serves until `stop` is asked for; then open answers may end.
    ///
    /// # Errors
    ///
    /// An address cannot be listened on.
    pub fn run(self, stop: &Stop, tell: &mut dyn FnMut(&ServeEvent)) -> Result<(), ServeError> {
        let Self { config, shared, sampler } = self;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ServeError::Start)?;
        let listeners = runtime.block_on(bind(&config.listen))?;
        let (ends, stopped) = watch::channel(false);
        let (sender, mut warnings) = mpsc::unbounded_channel();
        let web = config.web.clone().map(|web| {
            let complain = move |text| drop(sender.send(text));
            Arc::new(Web::new(web, complain))
        });
        let tls = web.as_ref().is_some_and(|web| web.now().tls.is_some());
        for (_, address) in &listeners {
            tell(&ServeEvent::Listens { address: *address, tls });
        }
        let thread = {
            let stop = stop.clone();
            let work = move || {
                sampler(&stop);
                ends.send_replace(true);
            };
            std::thread::Builder::new().name("sampler".to_owned()).spawn(work).map_err(ServeError::Start)?
        };
        let machine = shared.now().now.origin.host.clone();
        let router = router(&config, shared, web.clone(), machine.as_deref(), &stopped);
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for (listener, _) in listeners {
                let limits = listen::Limits {
                    connections: config.connections,
                    header: config.header_time,
                    write: config.write_time,
                };
                tasks.spawn(listen::accept(listener, router.clone(), limits, web.clone(), stopped.clone()));
            }
            loop {
                tokio::select! {
                    ended = tasks.join_next() => if ended.is_none() { break },
                    Some(text) = warnings.recv() => tell(&ServeEvent::Warning(text)),
                }
            }
        });
        // A source that hangs must not keep the program.
        runtime.shutdown_background();
        if thread.is_finished() {
            let _ = thread.join();
        }
        Ok(())
    }
}

async fn bind(addresses: &[SocketAddr]) -> Result<Vec<(TcpListener, SocketAddr)>, ServeError> {
    let mut listeners = Vec::new();
    for address in addresses {
        let cannot = |error| ServeError::Listen(*address, error);
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let bound = listener.local_addr().map_err(cannot)?;
        listeners.push((listener, bound));
    }
    Ok(listeners)
}

/// Every route, with what is checked before it.
fn router(
    config: &ServeConfig,
    shared: Arc<Shared>,
    web: Option<Arc<Web>>,
    machine: Option<&str>,
    stopped: &watch::Receiver<bool>,
) -> Router {
    let guard = Arc::new(Guard {
        hosts: HostNames::new(machine, &config.hosts),
        tokens: config.tokens.clone(),
        web,
        checker: Checker::default(),
    });
    let server = Arc::new(api::Server {
        shared,
        max_series: config.max_series,
        listeners: Arc::new(Semaphore::new(config.listeners)),
        stop: stopped.clone(),
        start: format!("{:x}", Timestamp::now().as_millisecond()),
        argument: config.argument.clone(),
    });
    let mut router = Router::new()
        .route("/metrics", get(api::scrape))
        .route("/-/healthy", get(api::healthy))
        .route("/healthz", get(api::healthy))
        .route("/-/ready", get(api::ready))
        .route("/report.html", get(api::report))
        .route("/api/v1/status", get(api::status::get))
        .route("/api/v1/rows", get(api::rows::get))
        .route("/api/v1/row", get(api::detail::get))
        .route("/api/v1/table", get(api::rows::table))
        .route("/api/v1/leaks", get(api::leaks))
        .route("/api/v1/events", get(api::events::get));
    for path in page::paths() {
        router = router.route(path, get(page::get));
    }
    router
        .fallback(guard::nothing)
        .with_state(server)
        .layer(middleware::from_fn_with_state(guard, guard::check))
}
