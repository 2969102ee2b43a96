//! The service, in Wine's own service manager: installed, started, recording, stopped, removed.

use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use crate::script::{Script, many};
use crate::wine::{Wine, texts, windows_path};

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

    // A folder in which everyone may write: its program, or a library next to it, could be another's by the next start.
    let open = wine.folder.join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::copy(wine.exe(), open.join("poolmon.exe")).unwrap();
    std::fs::copy(wine.exe().with_file_name("bcryptprimitives.dll"), open.join("bcryptprimitives.dll"))
        .unwrap();
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let theirs = windows_path(&open.join("poolmon.exe"));
    let refused = wine.run_apart(Some(&theirs), &["service", "install", "rec", "--no-start"]);
    let (_, err) = texts(&refused);
    assert_eq!(refused.status.code(), Some(1), "{err}");
    assert!(err.contains("not safe as a service: Everyone may change") && err.contains("open"), "{err}");
    assert!(err.contains("poolmon service install \"Z:") && err.contains("rec\" --copy"), "{err}");
    assert!(!wine.folder.join("rec").exists(), "nothing is made before that");
    assert_eq!(service(&wine, &["status"]).status.code(), Some(1), "nothing is installed");
    // The copy that it offers is installed from there.
    let copied = wine.run_apart(Some(&theirs), &["service", "install", "rec", "--no-start", "--copy"]);
    let (out, err) = texts(&copied);
    assert!(
        copied.status.success() && out.contains(r"copied: C:\Program Files\poolmon\poolmon.exe"),
        "{out}{err}"
    );
    let status = texts(&service(&wine, &["status"])).0;
    assert!(status.contains(r#"calls: "C:\Program Files\poolmon\poolmon.exe" service run"#), "{status}");
    let config =
        texts(&wine.run_apart(Some("reg"), &["query", r"HKLM\System\CurrentControlSet\Services\poolmon"])).0;
    assert!(config.contains(r"NT SERVICE\poolmon"), "{config}");
    let log = r"HKLM\System\CurrentControlSet\Services\EventLog\Application\poolmon";
    let source = texts(&wine.run_apart(Some("reg"), &["query", log])).0;
    assert!(source.contains(r"%SystemRoot%\System32\EventCreate.exe") && source.contains("0x7"), "{source}");
    // It is for the system, administrators, the service and its creator: under Wine, not for other users.
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(wine.folder.join("rec")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o007, 0, "{mode:o}");

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
    assert!(!wine.run_apart(Some("reg"), &["query", log]).status.success(), "the event log knows it no more");
}
