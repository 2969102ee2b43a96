//! Symbols of a dump: from a store, from a server that runs inside the test, or none.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use poolmon_synth::dump::pdb::GUID;
use poolmon_synth::dump::{Arch, Built, Form, Spec, build};
use tempfile::TempDir;

use crate::{POOLMON, text};
use poolmon_testkit::{Need, skip};

const KEY: &str = "95435CEC4AB104C5E86BFBEA4416C4A31";

fn dump() -> (TempDir, PathBuf, Built) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("MEMORY.DMP");
    let built = build(&Spec::new(Arch::Amd64, 19_045).tiny());
    built.write(Form::BitmapKernel, &path).unwrap();
    (folder, path, built)
}

fn ask(dump: &Path, symbol_path: Option<&str>, options: &[&str]) -> Output {
    let mut command = Command::new(POOLMON);
    command.env_remove("_NT_SYMBOL_PATH").env_remove("http_proxy").env("no_proxy", "127.0.0.1");
    if let Some(path) = symbol_path {
        command.env("_NT_SYMBOL_PATH", path);
    }
    command.arg("dump").arg(dump).args(options).output().unwrap()
}

/// Puts a file into a store, where a symbol file of the kernel belongs.
fn keep(store: &Path, bytes: &[u8]) -> PathBuf {
    let folder = store.join("ntkrnlmp.pdb").join(KEY);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("ntkrnlmp.pdb");
    std::fs::write(&path, bytes).unwrap();
    path
}

const POOLUSED: [&str; 3] = ["poolused", "--limit", "1"];

#[test]
fn a_local_store_confirms_what_was_found() {
    let (folder, path, built) = dump();
    let store = folder.path().join("store");
    let file = keep(&store, &built.pdb(GUID));
    let store = store.to_str().unwrap();
    for (symbol_path, options) in [
        (None, vec!["--symbols", store]),
        (Some(store.to_owned()), vec![]),
        (Some(format!("srv*{store}*http://127.0.0.1:1")), vec![]),
        (Some(format!("cache*{store};srv*http://127.0.0.1:1")), vec![]),
    ] {
        let output = ask(&path, symbol_path.as_deref(), &[&POOLUSED[..], &options].concat());
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("the symbols ntkrnlmp.pdb confirm the pool table, its 256 slots"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        let output = ask(&path, symbol_path.as_deref(), &[&["big"][..], &options].concat());
        assert!(text(&output.stderr).contains("confirm the table of large allocations"));
        let output = ask(&path, symbol_path.as_deref(), &options);
        let expected = format!("Symbols         ntkrnlmp.pdb/{KEY}, in use: {}", file.display());
        assert!(text(&output.stdout).contains(&expected), "{}", text(&output.stdout));
    }
}

#[test]
fn symbols_that_are_missing_or_wrong_are_no_obstacle() {
    let (folder, path, built) = dump();
    let plain = ask(&path, None, &POOLUSED);
    assert!(plain.stderr.is_empty(), "who has no symbols hears nothing of them");
    let store = folder.path().join("store");
    let name = store.to_str().unwrap().to_owned();
    let said = |options: &[&str]| {
        let output = ask(&path, None, &[&POOLUSED[..], options].concat());
        assert!(output.status.success());
        assert_eq!(output.stdout, plain.stdout);
        text(&output.stderr)
    };
    assert!(said(&["--symbols", &name]).contains("are not on this machine"));
    keep(&store, b"not symbols");
    assert!(said(&["--symbols", &name]).contains("cannot read the symbols"));
    let mut other = GUID;
    other[0] ^= 1;
    keep(&store, &built.pdb(other));
    assert!(said(&["--symbols", &name]).contains("belong to another build"));
    assert!(said(&["--symbols-download"]).contains("no symbol server is set"));
    let server = "srv*http://127.0.0.1:1";
    assert!(
        said(&["--symbols", server])
            .contains("download them from http://127.0.0.1:1 with --symbols-download")
    );
    assert!(
        said(&["--symbols", server, "--symbols-download"]).contains("the path has no folder for downloads")
    );
    // The environment's path alone is no reason to talk about it.
    assert!(ask(&path, Some("srv*http://127.0.0.1:1"), &POOLUSED).stderr.is_empty());
}

/// A server that answers each request with these bytes; gives its address and the paths that were asked for.
fn server(answer: Option<Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/symbols", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    // Ends with the test's process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            log.lock().unwrap().push(first.split(' ').nth(1).unwrap_or_default().to_owned());
            let (status, body) = match &answer {
                Some(bytes) => ("200 OK", bytes.as_slice()),
                None => ("404 Not Found", &b"no such file"[..]),
            };
            let mut stream = stream;
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read(&mut [0; 1]);
        }
    });
    (address, asked)
}

fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        skip(Need::Tools, "curl is not installed");
    }
    found
}

#[test]
fn they_are_fetched_only_where_that_is_asked_for() {
    if !has_curl() {
        return;
    }
    let (folder, path, built) = dump();
    let store = folder.path().join("store");
    let (url, asked) = server(Some(built.pdb(GUID)));
    let symbol_path = format!("srv*{}*{url}", store.display());
    let output = ask(&path, Some(&symbol_path), &POOLUSED);
    assert!(output.status.success());
    let output = ask(&path, None, &[&POOLUSED[..], &["--symbols", &symbol_path]].concat());
    assert!(output.status.success());
    assert!(asked.lock().unwrap().is_empty(), "nothing is fetched unless it is asked for");

    let fetch = [&POOLUSED[..], &["--symbols-download"]].concat();
    let output = ask(&path, Some(&symbol_path), &fetch);
    assert!(text(&output.stderr).contains("confirm the pool table"), "{}", text(&output.stderr));
    assert_eq!(*asked.lock().unwrap(), [format!("/symbols/ntkrnlmp.pdb/{KEY}/ntkrnlmp.pdb")]);
    let kept = store.join("ntkrnlmp.pdb").join(KEY);
    let names: Vec<_> = std::fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["ntkrnlmp.pdb"]);
    assert_eq!(std::fs::read(kept.join("ntkrnlmp.pdb")).unwrap(), built.pdb(GUID));
    // The second time it is there.
    assert!(ask(&path, Some(&symbol_path), &fetch).status.success());
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[test]
fn what_a_server_gives_is_checked() {
    if !has_curl() {
        return;
    }
    let (folder, path, built) = dump();
    let mut other = GUID;
    other[5] ^= 0x40;
    let cases = [
        (None, "cannot download"),
        (Some(b"<html>log in first</html>".to_vec()), "cannot read the symbols"),
        (Some(built.pdb(other)), "belong to another build"),
    ];
    for (number, (answer, expected)) in cases.into_iter().enumerate() {
        let (url, asked) = server(answer);
        let store = folder.path().join(format!("store{number}"));
        let symbol_path = format!("srv*{}*{url}", store.display());
        let output = ask(&path, Some(&symbol_path), &[&POOLUSED[..], &["--symbols-download"]].concat());
        assert!(output.status.success(), "symbols are never needed");
        assert!(!output.stdout.is_empty());
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        assert_eq!(asked.lock().unwrap().len(), 1);
        let kept = store.join("ntkrnlmp.pdb").join(KEY);
        assert_eq!(std::fs::read_dir(kept).unwrap().count(), 0, "nothing of it is kept");
    }
}
