//! A real Prometheus scrapes the server: what it stores is what the table has, and a leak fires the alert.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use poolmon_fleet::{Access, Engine, Hunt, JudgedBy, hunt};
use poolmon_leak::Level;
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_owner::{Owners, PooltagFile, Versions};
use poolmon_serve::ServeConfig;
use poolmon_testkit::{Need, skip};
use serde_json::Value;

use crate::{Answer, Fixed, Running, demo};

pub struct Prometheus {
    child: Child,
    pub port: u16,
    _folder: tempfile::TempDir,
}

/// A port that is free now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Prometheus {
    /// Scrapes each second; the alerts wait for no half hours.
    pub fn start(target: &str) -> Option<Self> {
        Self::with(target, "", "")
    }

    /// With more lines of its scrape configuration, and of the whole one.
    pub fn with(target: &str, scrape: &str, more: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/prometheus/rules.yml");
        let rules = std::fs::read_to_string(rules).unwrap();
        let quick: String = rules
            .lines()
            .map(|line| {
                let is_wait = line.trim_start().starts_with("for: ")
                    || line.trim_start().starts_with("keep_firing_for: ");
                if is_wait {
                    String::new()
                } else {
                    format!("{}\n", line.replace("interval: 5m", "interval: 1s"))
                }
            })
            .collect();
        std::fs::write(folder.path().join("rules.yml"), quick).unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
             scrape_configs:\n  - job_name: poolmon\n    sample_limit: 3000\n    static_configs: [{{targets: ['{target}']}}]\n{scrape}{more}"
        );
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            skip(Need::Prometheus, "there is no prometheus here");
            return None;
        };
        Some(Self { child, port, _folder: folder })
    }

    pub fn get(&self, path: &str) -> Option<Value> {
        use std::io::Write as _;
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        serde_json::from_slice(&Answer::read(&mut stream).body).ok()
    }

    /// Labels and value of each series that a query finds.
    pub fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let encoded = query.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
        let answer = self.get(&format!("/api/v1/query?query={encoded}"));
        let found = answer.as_ref().and_then(|answer| answer["data"]["result"].as_array());
        let one = |one: &Value| (one["metric"].clone(), one["value"][1].as_str().unwrap().parse().unwrap());
        found.map(|found| found.iter().map(one).collect()).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..300 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("never: {what}");
}

#[test]
fn what_is_stored_is_what_the_table_has() {
    let mut sample =
        Sample::new(Origin::new(SourceKind::Simulated, &[Pool::Nonpaged]).into(), CounterWidth::Bits64);
    let hostile = [&b"Irp "[..], b"a\"b\\", b"\xff\n{}", b"Proc"];
    sample.rows = hostile
        .iter()
        .zip(1_u64..)
        .map(|(tag, n)| {
            Row::windows(Tag::pool((*tag).try_into().unwrap()), Pool::Nonpaged, n * 100, n * 40, n * 123_456)
        })
        .collect();
    let server = Running::new(Fixed::new(sample), Duration::from_millis(200), ServeConfig::default());
    let Some(prometheus) = Prometheus::start(&server.address.to_string()) else { return };
    let stored = until("four rows", || {
        let stored = prometheus.query("poolmon_tag_bytes");
        (stored.len() == 4).then_some(stored)
    });
    let table = server.json("/api/v1/table");
    for row in table["rows"].as_array().unwrap() {
        let (_, value) =
            stored.iter().find(|(labels, _)| labels["tag"] == row["tag"]).expect("the same name");
        assert_eq!(row["bytes"].as_f64(), Some(*value));
    }
    assert_eq!(prometheus.query("up{job=\"poolmon\"}")[0].1, 1.0);
    assert_eq!(prometheus.query("sum(poolmon_tag_allocs_total)")[0].1, 1_000.0);
}

#[test]
fn a_leak_fires_the_alert_and_the_fleet_believes_the_host() {
    // Each module of a kernel that none is known of has the kernel's version.
    let versions = Versions::of_linux("none".into(), Some("1.2.3"));
    let pooltag = PooltagFile::parse("pooltag.txt", b"Leak - example.sys - buffers\n");
    let owners = Owners::new().with_pooltag(pooltag).with_versions(versions);
    let server = Running::with_owners(demo(), owners, ServeConfig::default());
    let Some(prometheus) = Prometheus::start(&server.address.to_string()) else { return };
    let alert = until("the alert", || {
        let alerts = prometheus.get("/api/v1/alerts")?;
        let all = alerts["data"]["alerts"].as_array()?.clone();
        all.into_iter().find(|one| {
            one["labels"]["alertname"] == "PoolmonLeakSuspected"
                && one["state"] == "firing"
                && one["labels"]["tag"] == "Leak"
        })
    });
    let text = |name: &str| alert["annotations"][name].as_str().unwrap().to_owned();
    let (summary, description) = (text("summary"), text("description"));
    assert!(
        summary.contains("Leak (nonpaged): ") && summary.contains("leak, ") && summary.contains("B an hour"),
        "{summary}"
    );
    assert!(description.starts_with("Used by example.sys 1.2.3. "), "{description}");

    let engine = Engine::new(&format!("http://127.0.0.1:{}", prometheus.port), &Access::default()).unwrap();
    let hunt = Hunt {
        at: jiff::Timestamp::now(),
        window: Duration::from_hours(1),
        matchers: String::new(),
        host: "instance".to_owned(),
        part: 30_000,
        most: 10,
        least: Level::Possible,
    };
    let fleet = hunt::run(&engine, &hunt).unwrap();
    let finding = fleet.findings.iter().find(|finding| finding.tag == "Leak").expect("the leak");
    let [on] = &finding.on[..] else { panic!("{:?}", finding.on) };
    assert_eq!(on.judged_by, JudgedBy::Host);
    assert_eq!(on.level.id(), alert["labels"]["verdict"]);
    assert_eq!(on.driver.as_deref(), Some("example.sys 1.2.3"));
}
