//! The server over TCP, as browsers, Prometheus and attackers see it.
//!
//! * here: a server to ask, and a client that sends any bytes;
//! * `metrics.rs`: what is scraped; `documents.rs`: the API against its schemas; `hostile.rs`: who must be refused; `secure.rs`: TLS and passwords; `page.rs`, `accessible.rs`: the page in a browser; `rules.rs`, `prometheus.rs`, `operators.rs`: rules for Prometheus, real engines, files for operators.
#![allow(missing_docs, clippy::missing_panics_doc, reason = "tests")]
#![allow(clippy::float_cmp, reason = "figures are whole numbers")]

mod accessible;
mod browser;
mod documents;
mod hostile;
mod metrics;
mod operators;
mod page;
mod prometheus;
mod rules;
mod secure;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use poolmon_leak::Analysis;
use poolmon_model::{Filter, Origin, Sample, Table};
use poolmon_owner::Owners;
use poolmon_print::{PrintOptions, TableFormat};
use poolmon_read::{ReadOptions, SampleSeries};
use poolmon_record::Stop;
use poolmon_report::AnalysedSeries;
use poolmon_serve::{Feed, Live, Saved, ServeConfig, ServeEvent, Server};
use poolmon_source::{Source, SourceError};
use poolmon_synth::{SimulatedKernel, SimulatedSource, SimulationConfig};

/// A simulated kernel, a minute each tenth of a second.
pub fn demo() -> Feed {
    let kernel = SimulatedKernel::new(SimulationConfig::default());
    let source = SimulatedSource::fixed_step(kernel, Duration::from_mins(1));
    Feed::Live(Live { source: Box::new(source), interval: Duration::from_millis(100), recording: None })
}

/// A server in a thread; it is stopped at the end.
pub struct Running {
    pub address: SocketAddr,
    warnings: Arc<Mutex<Vec<String>>>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub fn new(source: impl Source + 'static, interval: Duration, config: ServeConfig) -> Self {
        Self::of(Feed::Live(Live { source: Box::new(source), interval, recording: None }), config)
    }

    pub fn of(feed: Feed, config: ServeConfig) -> Self {
        Self::with_owners(feed, Owners::new(), config)
    }

    pub fn with_owners(feed: Feed, owners: Owners, config: ServeConfig) -> Self {
        let config = ServeConfig { listen: vec![([127, 0, 0, 1], 0).into()], ..config };
        let server = Server::new(feed, Arc::new(owners), config).unwrap();
        let stop = Stop::default();
        let (sender, receiver) = mpsc::channel();
        let asked = stop.clone();
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let warned = Arc::clone(&warnings);
        let thread = std::thread::spawn(move || {
            let mut tell = |event: &ServeEvent| match event {
                ServeEvent::Listens { address, .. } => sender.send(*address).unwrap(),
                ServeEvent::Warning(text) => warned.lock().unwrap().push(text.clone()),
                _ => {}
            };
            server.run(&asked, &mut tell).unwrap();
        });
        let address = receiver.recv_timeout(Duration::from_mins(1)).expect("it listens");
        Self { address, warnings, stop, thread: Some(thread) }
    }

    /// What an operator was warned of.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap().clone()
    }

    /// An hour of a simulated kernel in a few samples, then slowly.
    pub fn demo() -> Self {
        Self::of(demo(), ServeConfig::default())
    }

    /// The answer to `GET path` with these headers more.
    pub fn get(&self, path: &str, headers: &[&str]) -> Answer {
        let more: String = headers.iter().flat_map(|line| [line, "\r\n"]).collect();
        let host = if headers.iter().any(|line| line.starts_with("Host:")) {
            String::new()
        } else {
            format!("Host: {}\r\n", self.address)
        };
        self.send(format!("GET {path} HTTP/1.1\r\n{host}{more}Connection: close\r\n\r\n").as_bytes())
    }

    pub fn text(&self, path: &str) -> String {
        let answer = self.get(path, &[]);
        assert_eq!(answer.code, 200, "{path}: {}", answer.text());
        answer.text()
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(path)).unwrap()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    pub fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        // A server that refuses early closes while it is written to.
        let _ = stream.write_all(bytes);
        Answer::read(&mut stream)
    }

    /// Waits until a document shows something.
    pub fn wait<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        for _ in 0..600 {
            if let Some(found) = look(self) {
                return found;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("never: {what}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.ask();
        let result = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            result.unwrap().unwrap();
        }
    }
}

#[derive(Debug)]
pub struct Answer {
    /// 0 = closed without an answer.
    pub code: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let mut body = bytes[end..].to_vec();
        if head.contains("transfer-encoding: chunked") {
            body = unchunked(&body);
        }
        Self { code, head, body }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap().trim(), 16).unwrap();
        if size == 0 || bytes.len() < end + 2 + size {
            break;
        }
        all.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[(end + 4 + size).min(bytes.len())..];
    }
    all
}

/// An hour of a simulated kernel in a log: a sample each minute. The second value is the folder that holds it.
pub fn recorded() -> (Running, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool.log");
    let kernel = SimulatedKernel::new(SimulationConfig::default());
    let mut source = SimulatedSource::fixed_step(kernel, Duration::from_mins(1));
    let mut log = Vec::new();
    let options = PrintOptions { header: true, stamp: true, ..PrintOptions::default() };
    for minute in 0..60 {
        let mut sample = source.sample().unwrap();
        sample.time = jiff::Timestamp::from_second(1_796_000_000 + minute * 60).ok();
        let table = Table::new(None, &sample, &Filter::default(), None);
        poolmon_print::write(&mut log, TableFormat::Poolmon, &sample, &table, options).unwrap();
    }
    std::fs::write(&path, log).unwrap();
    (served(&path), folder)
}

/// Ten minutes of a simulated kernel in a recording. The second value is the folder that holds it.
#[cfg(unix)]
pub fn recording() -> (Running, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let kernel = SimulatedKernel::new(SimulationConfig::default());
    let mut source = SimulatedSource::fixed_step(kernel, Duration::from_mins(1));
    let config = poolmon_store::RecorderConfig { holders: false, ..poolmon_store::RecorderConfig::default() };
    let (mut recorder, _) = poolmon_store::Recorder::open(folder.path(), config).unwrap();
    for minute in 0..10 {
        let mut sample = source.sample().unwrap();
        sample.time = jiff::Timestamp::from_second(1_796_000_000 + minute * 60).ok();
        recorder.record_past(&sample).unwrap();
    }
    recorder.close().unwrap();
    (served(folder.path()), folder)
}

pub fn served(path: &std::path::Path) -> Running {
    let open = || SampleSeries::open(&[path.to_owned()], ReadOptions::default()).unwrap();
    let (mut series, mut sample) = (open(), Sample::empty());
    let mut analysis = Analysis::new(AnalysedSeries::config());
    let mut span = None;
    while series.next_into(&mut sample).unwrap() {
        analysis.push(&sample);
        let time = sample.time.unwrap();
        span = Some((span.map_or(time, |span: (jiff::Timestamp, jiff::Timestamp)| span.0), time));
    }
    let judged = AnalysedSeries {
        source: "pool.log".to_owned(),
        host: None,
        system: None,
        span,
        report: analysis.report(),
        needs: analysis.needs(),
        perfmon: None,
        analysis,
        last: sample,
        holders: std::iter::empty().collect(),
    };
    let feed = Feed::Saved(Box::new(Saved { judged, series: open(), marks: Vec::new() }));
    let config = ServeConfig { argument: "pool.log".to_owned(), ..ServeConfig::default() };
    Running::of(feed, config)
}

/// The same sample again and again, or none while it is broken.
pub struct Fixed {
    pub sample: Sample,
    pub broken: Arc<AtomicBool>,
}

impl Fixed {
    pub fn new(sample: Sample) -> Self {
        Self { sample, broken: Arc::default() }
    }
}

impl Source for Fixed {
    fn origin(&self) -> &Arc<Origin> {
        &self.sample.origin
    }

    fn sample_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<()> {
        if self.broken.load(Ordering::Relaxed) {
            let path = std::path::PathBuf::from("/proc/slabinfo");
            return Err(SourceError::Io { action: "read", path, source: std::io::Error::other("gone") });
        }
        sample.clone_from(&self.sample);
        Ok(())
    }
}
