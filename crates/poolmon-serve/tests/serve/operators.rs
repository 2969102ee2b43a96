//! Files for operators in `packaging/`: each is checked by the program that reads it, as far as it is here.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use poolmon_model::{Origin, Sample};
use poolmon_owner::{Owners, PooltagFile, Versions};
use poolmon_serve::{Feed, Live, ServeConfig, WebFile};
use poolmon_source::Source;
use poolmon_synth::{SimulatedKernel, SimulatedSource, SimulationConfig};
use poolmon_testkit::{Need, skip};
use serde_json::Value;

use crate::Running;
use crate::prometheus::{Prometheus, free_port, until};

fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(packaging(name)).unwrap()
}

/// A leak, whose driver is known.
fn leaking() -> Running {
    let pooltag = PooltagFile::parse("pooltag.txt", b"Leak - example.sys - buffers\n");
    let versions = Versions::of_linux("none".into(), Some("1.2.3"));
    let owners = Owners::new().with_pooltag(pooltag).with_versions(versions);
    let kernel = SimulatedKernel::new(SimulationConfig::default());
    let source = Limited(SimulatedSource::fixed_step(kernel, Duration::from_mins(1)));
    let feed =
        Feed::Live(Live { source: Box::new(source), interval: Duration::from_millis(100), recording: None });
    Running::with_owners(feed, owners, ServeConfig::default())
}

/// A simulated kernel that has limits of its pools, as some versions of Windows do.
struct Limited(SimulatedSource);

impl Source for Limited {
    fn origin(&self) -> &Arc<Origin> {
        self.0.origin()
    }

    fn sample_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<()> {
        self.0.sample_into(sample)?;
        sample.header.limit_nonpaged = Some(8 << 30);
        Ok(())
    }
}

/// A webhook: each body that is sent to it, and the path it was sent to.
fn webhook() -> (u16, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length) = (String::new(), 0);
            lines.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                if lines.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            lines.read_exact(&mut body).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
            if sender.send((path, serde_json::from_slice(&body).unwrap())).is_err() {
                return;
            }
        }
    });
    (port, receiver)
}

struct Alertmanager {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Alertmanager {
    /// With the route of the example, whose receivers are at a port here, and no minutes of waiting.
    fn start(hook: u16) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let config = text("prometheus/alertmanager.yml")
            .replace("127.0.0.1:9095", &format!("127.0.0.1:{hook}"))
            .replace("group_wait: 1m", "group_wait: 1s");
        let path = folder.path().join("alertmanager.yml");
        std::fs::write(&path, config).unwrap();
        let port = free_port();
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            skip(Need::Prometheus, "there is no prometheus-alertmanager here");
            return None;
        };
        Some(Self { child, port, _folder: folder })
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_leak_reaches_the_webhook_of_the_route() {
    let server = leaking();
    let (hook, messages) = webhook();
    let Some(manager) = Alertmanager::start(hook) else { return };
    let alerting = format!(
        "alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{}']}}]}}]}}\n",
        manager.port
    );
    let Some(_prometheus) = Prometheus::with(&server.address.to_string(), "", &alerting) else { return };
    let mut others = Vec::new();
    let (path, message) = loop {
        let got = messages.recv_timeout(Duration::from_mins(2));
        let (path, message) = got.unwrap_or_else(|_| panic!("no message of the leak: {others:?}"));
        let labels = &message["groupLabels"];
        if labels["alertname"] == "PoolmonLeakSuspected" && labels["tag"] == "Leak" {
            break (path, message);
        }
        others.push((path, message));
    };
    assert_eq!(path, "/channel", "a warning goes to the channel");
    assert_eq!((&message["receiver"], &message["status"]), (&"channel".into(), &"firing".into()));
    let alert = &message["alerts"][0];
    assert_eq!(alert["labels"]["driver"], "example.sys");
    assert!(alert["annotations"]["summary"].as_str().unwrap().contains("Leak (nonpaged): "));
    assert!(
        others
            .iter()
            .all(|(path, other)| path != "/channel" || other["commonLabels"]["severity"] != "critical")
    );
}

#[test]
fn every_query_of_the_dashboard_is_answered() {
    let dashboard: Value = serde_json::from_str(&text("grafana/poolmon.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut places: Vec<[u64; 4]> = Vec::new();
    for panel in panels {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap());
        assert!(x + w <= 24, "{}", panel["title"]);
        let overlaps = |&[ox, oy, ow, oh]: &[u64; 4]| x < ox + ow && ox < x + w && y < oy + oh && oy < y + h;
        assert!(!places.iter().any(overlaps), "{} is on top of another panel", panel["title"]);
        places.push([x, y, w, h]);
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
    }
    let names: Vec<&Value> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["datasource", "instance"]);

    let server = leaking();
    let Some(prometheus) = Prometheus::start(&server.address.to_string()) else { return };
    until("a suspect and floors", || {
        let found = prometheus.query("poolmon_tag_floor_bytes and on (tag) poolmon_suspect_bytes_per_hour");
        (!found.is_empty()).then_some(())
    });
    let mut asked = 0;
    for panel in panels {
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap().replace("$instance", ".*");
            assert!(!query.contains('$'), "{query}");
            until(&query, || (!prometheus.query(&query).is_empty()).then_some(()));
            asked += 1;
        }
    }
    assert!(asked >= 12, "{asked}");
    let labels = prometheus.get("/api/v1/label/instance/values?match[]=poolmon_build_info").unwrap();
    assert_eq!(labels["data"][0], server.address.to_string());
}

#[test]
fn configurations_are_clean_to_the_programs_that_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str| {
        let to = folder.path().join(name.strip_prefix("prometheus/").unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, text(name)).unwrap();
    };
    for name in ["prometheus.yml", "rules.yml", "alertmanager.yml", "targets/poolmon-example.yml"] {
        copy(&format!("prometheus/{name}"));
    }
    std::fs::write(folder.path().join("poolmon.token"), "0123456789abcdef").unwrap();
    for words in [
        ["promtool", "check", "config", "prometheus.yml"],
        ["amtool", "check-config", "alertmanager.yml", "--"],
    ] {
        let Ok(output) = Command::new(words[0])
            .args(words[1..].iter().filter(|word| **word != "--"))
            .current_dir(&folder)
            .output()
        else {
            skip(Need::Prometheus, format!("there is no {} here", words[0]));
            return;
        };
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(output.status.success() && !said[0].contains("WARN"), "{words:?}: {said:?}");
    }
    let Ok(web) = WebFile::parse(&text("prometheus/web.yml")) else { panic!("web.yml") };
    assert!(web.tls.is_some() && web.users.len() == 1);
}

/// Without kubectl: that it is what it claims to be, and that the options are ours.
#[test]
fn the_daemon_set_asks_for_no_more_than_it_needs() {
    let documents = "import sys, json, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";
    let output = Command::new("python3")
        .args(["-c", documents])
        .stdin(std::fs::File::open(packaging("kubernetes/poolmon.yml")).unwrap())
        .output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        skip(Need::Tools, "there is no python3 with PyYAML here");
        return;
    };
    let documents: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let [set, policy] = &documents[..] else { panic!("{documents:?}") };
    let pod = &set["spec"]["template"]["spec"];
    for name in ["hostNetwork", "hostPID", "hostIPC", "automountServiceAccountToken"] {
        assert_eq!(pod[name], false, "{name}");
    }
    assert_eq!(set["spec"]["selector"]["matchLabels"], set["spec"]["template"]["metadata"]["labels"]);
    assert_eq!(policy["spec"]["podSelector"]["matchLabels"], set["spec"]["selector"]["matchLabels"]);
    let container = &pod["containers"][0];
    let rights = &container["securityContext"];
    assert_eq!(rights["capabilities"], serde_json::json!({ "drop": ["ALL"] }));
    for (name, value) in
        [("privileged", false), ("allowPrivilegeEscalation", false), ("readOnlyRootFilesystem", true)]
    {
        assert_eq!(rights[name], value, "{name}");
    }
    assert!(pod["volumes"].as_array().unwrap().iter().all(|volume| volume["hostPath"].is_null()));
    let args: Vec<&str> =
        container["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    assert_eq!(args[0], "serve");
    let options =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../poolmon/src/cli/serve.rs"))
            .unwrap();
    for option in args.iter().filter_map(|arg| arg.strip_prefix("--")) {
        let field = format!("pub {}:", option.replace('-', "_"));
        assert!(options.contains(&format!("\"{option}\"")) || options.contains(&field), "{option}");
    }
    let port = container["ports"][0]["containerPort"].as_u64().unwrap();
    assert!(args.contains(&format!("0.0.0.0:{port}").as_str()));
    let server = leaking();
    for probe in ["livenessProbe", "readinessProbe"] {
        let path = container[probe]["httpGet"]["path"].as_str().unwrap();
        assert_eq!(server.get(path, &["Host: 10.244.0.7:17665"]).code, 200, "as a kubelet asks");
    }
    // What the pod needs: root's name, and none of root's powers.
    let bare = Command::new("setpriv")
        .args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "cat", "/proc/slabinfo"])
        .output();
    match bare {
        Ok(output) if output.status.success() => assert!(output.stdout.starts_with(b"slabinfo")),
        _ => skip(Need::Root, "setpriv cannot take root's capabilities away here"),
    }
}
