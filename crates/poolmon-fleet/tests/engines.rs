//! Real engines, with a fleet of which the truth is known: exactly the hosts that leak are named, and the version of the driver.

mod world;

use std::fs::{self, File};
use std::io::BufWriter;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_fleet::{Access, Engine, Finding, Fleet, Hunt, hunt};
use poolmon_leak::Level;
use poolmon_testkit::{Need, skip};
use world::{Exporter, World};

/// An engine that ends with the test.
struct Running {
    child: Child,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).any(|folder| folder.join(program).is_file());
    if !found {
        skip(Need::Tools, format_args!("{program} is not installed"));
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(program: &str, args: &[String], port: u16) -> Running {
    let child = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let running = Running { child, url: format!("http://127.0.0.1:{port}") };
    let engine = Engine::new(&running.url, &Access::default()).unwrap();
    let begun = Instant::now();
    while engine.query("is it up", "vector(1)", Timestamp::now()).is_err() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{program} does not answer");
        std::thread::sleep(Duration::from_millis(100));
    }
    running
}

fn victoria(world: &World, folder: &Path) -> Running {
    let port = free_port();
    let args = [
        format!("-storageDataPath={}", folder.join("data").display()),
        format!("-httpListenAddr=127.0.0.1:{port}"),
        "-retentionPeriod=100y".to_owned(),
        "-search.latencyOffset=0s".to_owned(),
    ];
    let running = start("victoria-metrics", &args, port);
    let lines = folder.join("lines");
    world.write_json_lines(&mut BufWriter::new(File::create(&lines).unwrap())).unwrap();
    let import = format!("{}/api/v1/import", running.url);
    let sent = Command::new("curl").args(["-sfT"]).arg(&lines).arg(import).status().unwrap();
    assert!(sent.success());
    let flush = format!("{}/internal/force_flush", running.url);
    assert!(Command::new("curl").args(["-sf", &flush]).status().unwrap().success());
    running
}

fn prometheus(world: &World, folder: &Path) -> Running {
    let metrics = folder.join("metrics");
    world.write_open_metrics(&mut BufWriter::new(File::create(&metrics).unwrap())).unwrap();
    let data = folder.join("data");
    let blocks = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=48h"])
        .args([&metrics, &data])
        .output()
        .unwrap();
    assert!(blocks.status.success(), "{}", String::from_utf8_lossy(&blocks.stderr));
    let config = folder.join("prometheus.yml");
    fs::write(&config, "").unwrap();
    let port = free_port();
    let args = [
        format!("--config.file={}", config.display()),
        format!("--storage.tsdb.path={}", data.display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--storage.tsdb.retention.time=100y".to_owned(),
    ];
    start("prometheus", &args, port)
}

/// A day that ended at midnight: no engine has points of it in memory alone, and the parts of it begin at the same points each time.
fn fleet_of(exporter: Exporter) -> World {
    let end = u64::try_from(Timestamp::now().as_second()).unwrap() / 86_400 * 86_400;
    World { hosts: 30, rows: 24, leaking: 5, step: 300, hours: 24, end, exporter }
}

fn hunted(world: &World, engine: &Running, change: impl FnOnce(&mut Hunt)) -> Fleet {
    let at = Timestamp::from_second(i64::try_from(world.end).unwrap()).unwrap();
    let mut hunt = Hunt::new(at);
    change(&mut hunt);
    hunt::run(&Engine::new(&engine.url, &Access::default()).unwrap(), &hunt).unwrap()
}

#[track_caller]
fn only_finding<'a>(world: &World, fleet: &'a Fleet) -> &'a Finding {
    let [finding] = &fleet.findings[..] else { panic!("{:#?}", fleet.findings) };
    let mut named: Vec<&str> = finding.on.iter().map(|on| on.host.as_str()).collect();
    named.sort_unstable();
    let leaking: Vec<String> = (0..world.hosts).filter(|host| world.leaks(*host)).map(World::host).collect();
    assert_eq!((finding.tag.as_str(), named), ("L007", leaking.iter().map(String::as_str).collect()));
    assert_eq!(finding.hosts, world.hosts as usize);
    for on in &finding.on {
        assert!((on.bytes_per_hour / 1e6 - 1.0).abs() < 0.05, "{on:?}");
    }
    assert_eq!((fleet.hosts, fleet.young), (world.hosts as usize, 0));
    assert!(fleet.candidates > finding.on.len(), "some rows were judged and acquitted");
    finding
}

fn exactly_the_leaking_hosts(engine: impl Fn(&World, &Path) -> Running) {
    let world = fleet_of(Exporter::Poolmon);
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(&world, folder.path());
    let whole = hunted(&world, &engine, |_| {});
    let finding = only_finding(&world, &whole);
    let contrast = finding.contrast.as_ref().expect("the version stands out");
    assert_eq!(contrast.versions[0].name, "example.sys 1.2.3");
    assert!(contrast.p < 0.01 && contrast.versions[1].leaking == 0);
    assert!(finding.by_uptime.as_ref().is_some_and(|up| up.classes.len() > 2));
    // Asked in small parts, it is the same.
    let parts = hunted(&world, &engine, |hunt| hunt.part = 100);
    assert_eq!(parts.findings, whole.findings);
    assert!(parts.asked.len() > whole.asked.len());
    // Of one host alone.
    let one = hunted(&world, &engine, |hunt| hunt.matchers = format!("instance=\"{}\"", World::host(29)));
    assert_eq!((one.hosts, one.findings[0].on.len()), (1, 1));
    // Of 720 rows 5 leak; without the rule on falling floors there are 18 or 19 candidates, without that on the later half more than 25.
    assert!(whole.candidates < 14, "{} candidates", whole.candidates);
    // What is not asked for is counted.
    let certain = hunted(&world, &engine, |hunt| hunt.least = Level::Leak);
    let listed: Vec<_> = certain.findings.iter().flat_map(|finding| &finding.on).collect();
    assert_eq!(listed.len() + certain.less_sure, whole.less_sure + 5);
    assert!(listed.iter().all(|on| on.level == Level::Leak), "{listed:?}");
    let few = hunted(&world, &engine, |hunt| hunt.most = 3);
    assert_eq!((few.left_out, few.candidates), (whole.candidates - 3, whole.candidates));
    assert_eq!(few.findings[0].on.len(), 3, "what outgrew itself most comes first");
    // A host without a past is not judged, and that is said.
    let young = hunted(&world, &engine, |hunt| hunt.window = Duration::from_hours(30));
    assert_eq!((young.young, young.findings.len()), (30, 0));
}

#[test]
fn victoria_metrics_names_exactly_the_leaking_hosts() {
    if there("victoria-metrics") && there("curl") {
        exactly_the_leaking_hosts(victoria);
    }
}

#[test]
fn prometheus_names_exactly_the_leaking_hosts() {
    if there("prometheus") && there("promtool") {
        exactly_the_leaking_hosts(prometheus);
    }
}

#[test]
fn hosts_that_only_run_node_exporter() {
    if !there("victoria-metrics") || !there("curl") {
        return;
    }
    let world = fleet_of(Exporter::Node);
    let folder = tempfile::tempdir().unwrap();
    let engine = victoria(&world, folder.path());
    let fleet = hunted(&world, &engine, |_| {});
    let finding = only_finding(&world, &fleet);
    assert_eq!((finding.exporter, &finding.contrast), ("node_exporter", &None));
}

#[test]
fn of_a_long_time_floors_are_fetched() {
    if !there("victoria-metrics") || !there("curl") {
        return;
    }
    let world = World { hosts: 8, leaking: 2, hours: 40, ..fleet_of(Exporter::Poolmon) };
    let folder = tempfile::tempdir().unwrap();
    let engine = victoria(&world, folder.path());
    let fleet = hunted(&world, &engine, |hunt| hunt.window = Duration::from_hours(40));
    only_finding(&world, &fleet);
    let points = fleet.asked.iter().filter(|asked| asked.what == "points of candidates");
    assert!(points.map(|asked| &asked.query).all(|query| query.ends_with("[144000s:100s]")));
}

#[test]
fn an_engine_without_such_series() {
    if !there("victoria-metrics") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let engine = victoria(&World { hosts: 0, leaking: 0, ..fleet_of(Exporter::Node) }, folder.path());
    let fleet =
        hunt::run(&Engine::new(&engine.url, &Access::default()).unwrap(), &Hunt::new(Timestamp::now()));
    assert_eq!(fleet.unwrap().series, 0);
}
