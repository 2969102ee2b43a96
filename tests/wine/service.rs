//! The service, in Wine's own service manager: installed, started, recording, stopped, removed.

use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use crate::script::{Script, many};
use crate::wine::{Wine, texts};

/// The variable by which the shim finds its script, for processes that Wine's service manager starts.
const ENVIRONMENT: &str = r"HKLM\System\CurrentControlSet\Control\Session Manager\Environment";

/// A prefix of its own, kept running by a program that waits for its input; all of it ends with the test.
struct Session<'a>(&'a Wine, Child);

impl<'a> Session<'a> {
    fn open(wine: &'a Wine) -> Self {
        let mut cmd = wine.apart(Some("cmd"));
        let cmd = cmd.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(wine, cmd.spawn().expect("wine starts"))
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let _ = self.1.kill();
        let _ = self.1.wait();
        self.0.end_apart();
    }
}

fn service(wine: &Wine, args: &[&str]) -> Output {
    wine.run_apart(None, &[&["service"], args].concat())
}

#[test]
fn records_as_a_service() {
    let Some(wine) = Wine::ready() else { return };
    let script = wine.script_file(&Script::new().table(&many(300)));
    let set = ["add", ENVIRONMENT, "/v", "POOL_SHIM_SCRIPT", "/t", "REG_SZ", "/d", &script, "/f"];
    let set = wine.run_apart(Some("reg"), &set);
    assert!(set.status.success(), "{}", texts(&set).1);

    // The service manager reads the variables when it starts, so Wine is ended here.
    wine.end_apart();
    // Each start of Wine is a start of its Windows, which starts services: one session for all that follows.
    let _session = Session::open(&wine);

    // Nothing is installed yet.
    for what in ["status", "start", "stop", "uninstall"] {
        let output = service(&wine, &[what]);
        assert_eq!(output.status.code(), Some(1), "{what}");
        assert!(texts(&output).1.contains("poolmon service install DIR"), "{what}: {}", texts(&output).1);
    }
    let outside = service(&wine, &["run", "rec"]);
    assert_eq!(outside.status.code(), Some(1));
    assert!(texts(&outside).1.contains("poolmon record DIR"), "{}", texts(&outside).1);

    let installed = service(&wine, &["install", "rec", "--interval", "200ms", "--no-start"]);
    assert!(installed.status.success(), "{:?}", texts(&installed));
    let status = service(&wine, &["status"]);
    assert_eq!(status.status.code(), Some(1), "it does not run");
    let (out, _) = texts(&status);
    assert!(
        out.contains("stopped") && out.contains("service run") && out.contains("--interval=200ms"),
        "{out}"
    );

    let started = service(&wine, &["start"]);
    assert!(started.status.success(), "{:?}", texts(&started));
    let until = Instant::now() + Duration::from_mins(1);
    let samples = || {
        let info = wine.run_apart(None, &["info", "rec", "--format", "json"]);
        let info: serde_json::Value = serde_json::from_slice(&info.stdout).unwrap_or_default();
        info["samples"].as_u64().unwrap_or(0)
    };
    while samples() < 5 {
        assert!(
            Instant::now() < until,
            "the service records nothing: {:?}",
            texts(&service(&wine, &["status"]))
        );
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(service(&wine, &["status"]).status.code(), Some(0), "it runs");
    let second = wine.run_apart(None, &["record", "rec", "--for", "1s"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(texts(&second).1.contains("another recorder is writing here"), "{}", texts(&second).1);

    let stopped = service(&wine, &["stop"]);
    assert!(stopped.status.success(), "{:?}", texts(&stopped));
    let verify = wine.run_apart(None, &["verify", "rec"]);
    let (out, err) = texts(&verify);
    assert!(verify.status.success(), "{out}{err}");
    assert!(out.contains(": intact") && !out.contains("not closed"), "the stop closes the recording: {out}");

    // A kernel that refuses: the start says so, and waits for nothing.
    wine.script_file(&Script::new().line("table").line("status c0000022"));
    let failed = service(&wine, &["start"]);
    assert_eq!(failed.status.code(), Some(1), "{:?}", texts(&failed));
    assert!(texts(&failed).1.contains("ended at once; see the event log"), "{}", texts(&failed).1);

    let removed = service(&wine, &["uninstall"]);
    assert!(removed.status.success(), "{:?}", texts(&removed));
    assert_eq!(service(&wine, &["status"]).status.code(), Some(1));
    assert!(wine.folder.join("rec").is_dir(), "the recording is kept");
}
