//! `poolmon fleet` against an engine that answers what a Prometheus would. Real engines: `crates/poolmon-fleet/tests/engines.rs`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::{poolmon, text};

/// 2026-11-30T12:00:00Z.
const NOW: f64 = 1_796_040_000.0;

/// Hosts `h0` to `h11`; the tag grows on `h0`, `h1` and `h2`, which have version 2 of the driver.
pub struct FakeEngine {
    pub url: String,
    /// Each question with its headers.
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl FakeEngine {
    pub fn start() -> Self {
        Self::answering(|query| (200, answer(query).to_string()))
    }

    pub fn answering(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(connection) = connection else { return };
                serve(connection, &answer, &log);
            }
        });
        Self { url, asked }
    }
}

fn serve(mut connection: TcpStream, answer: &impl Fn(&str) -> (u16, String), log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let query = decode(&String::from_utf8(body).unwrap());
    log.lock().unwrap().push(format!("{head}\n{query}"));
    let (status, text) = answer(&query);
    let _ = write!(
        connection,
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
}

/// The field `query` of a form.
fn decode(form: &str) -> String {
    let field = form.split('&').find_map(|field| field.strip_prefix("query=")).unwrap_or_default();
    let mut bytes = Vec::new();
    let mut rest = field.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&hex, 16).unwrap());
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn answer(query: &str) -> Value {
    let hosts = || (0..12).map(|host| format!("h{host}"));
    let one = |labels: Value, value: f64| json!({ "metric": labels, "value": [NOW, value.to_string()] });
    let row = |host: &str| json!({ "instance": host, "tag": "Te\u{1b}t", "pool": "nonpaged" });
    let result: Vec<Value> = if query.starts_with("count by (__name__)") {
        vec![one(json!({ "__name__": "poolmon_tag_bytes" }), 12.0)]
    } else if query.starts_with("count by (instance)") {
        hosts().map(|host| one(json!({ "instance": host }), 1.0)).collect()
    } else if query.contains("boot_time") {
        hosts()
            .enumerate()
            .map(|(at, host)| one(json!({ "instance": host }), NOW - 864_000.0 - at as f64))
            .collect()
    } else if query.contains("suspect") {
        let mut labels = row("h2");
        labels["verdict"] = "leak".into();
        vec![one(labels, 1e6)]
    } else if query.contains("resets") {
        ["h0", "h1", "h2"].map(|host| one(row(host), 8.0)).into()
    } else if query.contains("tag_info") {
        let info = |(at, host): (usize, String)| {
            let mut labels = row(&host);
            labels["driver"] = "example.sys".into();
            labels["version"] = if at < 3 { "2" } else { "1" }.into();
            one(labels, 1.0)
        };
        hosts().enumerate().map(info).collect()
    } else if query.ends_with("[86400s]") {
        let points = |from: f64| -> Vec<Value> {
            let point = |at: u32| {
                let noise = f64::from(at * 7919 % 13) * 2048.0;
                let bytes = from + f64::from(at) * 1e5 + noise;
                json!([NOW - 86_400.0 + f64::from(at) * 300.0, bytes.to_string()])
            };
            (0..=288).map(point).collect()
        };
        vec![
            json!({ "metric": row("h0"), "values": points(3e6) }),
            json!({ "metric": row("h1"), "values": points(4e6) }),
            // This host judged the row itself.
            json!({ "metric": row("h2"), "values": points(5e6) }),
        ]
    } else {
        hosts().map(|host| one(row(&host), 3e7)).collect()
    };
    json!({ "status": "success", "data": { "resultType": "vector", "result": result }, "warnings": ["a store is away"] })
}

#[test]
fn which_hosts_and_which_version() {
    let engine = FakeEngine::start();
    let output =
        poolmon(&["fleet", "--url", &engine.url, "--at", "2026-11-30T12:00:00Z", "--fail-on", "likely"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    // Seconds differ from run to run.
    let printed: Vec<&str> = printed.split("\nAsked\n").collect();
    insta::assert_snapshot!(printed[0]);
    assert!(
        printed[1].contains("points of candidates") && printed[1].contains("candidates: the floor rises")
    );
}

#[test]
fn secrets_and_headers_go_with_each_question() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    let engine = FakeEngine::start();
    let arguments =
        ["--url", &engine.url, "--bearer-file", token.to_str().unwrap(), "--header", "X-Scope-OrgID: a"];
    assert!(poolmon(&[&["fleet"], &arguments[..]].concat()).status.success());
    let asked = engine.asked.lock().unwrap();
    assert!(asked.len() > 5);
    for question in asked.iter() {
        let question = question.to_ascii_lowercase();
        assert!(question.contains("authorization: bearer s3cret") && question.contains("x-scope-orgid: a"));
    }
}

#[test]
fn what_an_engine_refuses_is_said_with_what_helps() {
    let refuse = |status: u16, answer: &'static str| {
        let engine = FakeEngine::answering(move |_| (status, answer.to_owned()));
        let output = poolmon(&["fleet", "--url", &engine.url]);
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr).replace(&engine.url, "URL")
    };
    let error = refuse(
        422,
        r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples"}"#,
    );
    assert!(error.contains("too many samples") && error.contains("--over 12h"), "{error}");
    let error = refuse(401, "Unauthorized");
    assert!(error.contains("URL refuses: 401: Unauthorized") && error.contains("--bearer-file"), "{error}");
    let error = refuse(404, "<html>no such page\u{1b}[2J</html>");
    assert!(error.contains("answers 404") && error.contains("/select/0/prometheus"), "{error}");
    assert!(!error.contains('\u{1b}'));
    let error = refuse(200, r#"{"status":"success","data":{"result":[{"metric":{},"value":[1"#);
    assert!(error.contains("the answer of URL cannot be read") && error.contains("it was cut"), "{error}");
    let output = poolmon(&["fleet", "--url", "http://127.0.0.1:1"]);
    assert!(
        output.status.code() == Some(1) && text(&output.stderr).contains("see that it runs"),
        "{}",
        text(&output.stderr)
    );
    let output = poolmon(&["fleet", "--url", "prom:9090"]);
    assert!(text(&output.stderr).contains("http://HOST:PORT"), "{}", text(&output.stderr));
}

#[test]
fn a_folder_with_a_recording_for_each_host() {
    let folder = tempfile::tempdir().unwrap();
    for host in ["a", "b"] {
        crate::leaks::record(&folder.path().join(host), host == "b");
    }
    let path = folder.path().to_str().unwrap();
    let output = poolmon(&["fleet", path, "--fail-on", "likely"]);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{printed}{}", text(&output.stderr));
    assert!(printed.contains(" of 2 hosts") && !printed.contains("Asked"), "{printed}");
    // A host that cannot be read is named, and the others are judged.
    std::fs::create_dir(folder.path().join("c")).unwrap();
    let output = poolmon(&["fleet", path]);
    let begins = |output: &std::process::Output, left_out: &str| {
        let (said, all) = (text(&output.stderr), text(&output.stdout));
        assert_eq!(output.status.code(), Some(1), "{all}{said}");
        assert!(said.ends_with("folders were left out: this answer is not complete\n"), "{said}");
        let rest = all.strip_prefix(&printed).unwrap_or_else(|| panic!("{all}"));
        assert!(rest.lines().all(|line| line.starts_with("Left out: ")) && rest.contains(left_out), "{rest}");
    };
    begins(&output, "/c");
    // Samples without times have no rate to rank by.
    let logs = folder.path().join("untimed");
    std::fs::create_dir(&logs).unwrap();
    let table = |n: u32| {
        let bytes = 1_000_000 + n * 500_000;
        format!(
            " Tag  Type     Allocs            Frees            Diff   Bytes      Per Alloc\n Grow Nonp {0:9} (   1) 0 (   0) {0:9} {bytes:9} (   0) 500\n",
            bytes / 500
        )
    };
    std::fs::write(logs.join("log.txt"), (0..12).map(table).collect::<String>()).unwrap();
    let output = poolmon(&["fleet", path]);
    begins(&output, "no times");
    let output = poolmon(&["fleet", logs.join("log.txt").to_str().unwrap()]);
    assert!(text(&output.stderr).contains("for one file use poolmon leaks"), "{}", text(&output.stderr));
    let output = poolmon(&["fleet", folder.path().join("c").to_str().unwrap()]);
    assert!(text(&output.stderr).contains("a folder for each host"), "{}", text(&output.stderr));
}
