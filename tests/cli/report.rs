//! `poolmon report`: the page and the text of a recorded host with hostile tags, notes and drivers; the page in Chromium.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use poolmon_model::{CounterWidth, Origin, Sample, SourceKind};
use poolmon_store::ClockMoment;
use poolmon_store::{ModuleChange, Recorder, RecorderConfig};
use poolmon_synth::hosts::scenario::Scenario;

use crate::{POOLMON, poolmon, text};

/// What a stranger could write into a note, or call a host.
const HOSTILE: &str = "</script><script>alert(1)</script> [x](javascript:alert(1)) \u{202e}evil | `";

/// What strangers name on the recorded host.
struct Names {
    host: &'static str,
    /// In place of the scenario's tag that is markup.
    tag: &'static str,
    note: &'static str,
}

/// The host of tests/scenarios/report.toml as a recording of hostile names; made once for all tests.
fn recording() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| recorded("report-host", &Names { host: "FS-<i>0815", tag: "<b>&", note: HOSTILE }))
}

/// The host of tests/scenarios/report.toml in a folder of this name.
fn recorded(folder: &str, names: &Names) -> PathBuf {
    // cargo-nextest gives each test a process of its own: they must not share the recording.
    let own = std::env::var("NEXTEST").map_or(String::new(), |_| format!("-{}", std::process::id()));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{folder}{own}"));
    let _ = std::fs::remove_dir_all(&folder);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios/report.toml");
    let scenario = std::fs::read_to_string(path).unwrap().replace("\"<b>&\"", &format!("{:?}", names.tag));
    let mut host = Scenario::parse(&scenario).unwrap().host().unwrap();
    let config = RecorderConfig { interval: Duration::from_mins(1), ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(&folder, config).unwrap();
    let mut sample = Sample::new(Origin::new(SourceKind::Simulated, &[]).into(), CounterWidth::Bits32);
    let mut first = None;
    while host.sample_into(&mut sample) {
        sample.origin = Origin {
            host: Some(names.host.into()),
            system: Some("Windows 10.0.20348".into()),
            boot: Some("a".into()),
            ..Origin::new(SourceKind::Windows, &sample.origin.pools)
        }
        .into();
        let wall = sample.time.unwrap();
        let start = *first.get_or_insert(wall);
        let clock = Duration::try_from(wall.duration_since(start)).unwrap();
        recorder.record_at(&sample, ClockMoment { wall, clock }).unwrap();
        if clock == Duration::from_hours(9) {
            let name = "wcsc.sys".into();
            recorder.modules(&[ModuleChange { loaded: true, name, detail: None, size: 0 }]).unwrap();
        }
    }
    recorder.close().unwrap();
    let at = |hours: i64| first.unwrap() + jiff::SignedDuration::from_hours(hours);
    poolmon_store::note(&folder, names.note, at(4)).unwrap();
    poolmon_store::note(&folder, "backup job moved to 13:00", at(30)).unwrap();
    folder
}

fn in_utc(args: &[&str]) -> Output {
    // What another search left in an index would be reported too.
    let cache = tempfile::tempdir().unwrap();
    let mut command = Command::new(POOLMON);
    command
        .args(args)
        .env("TZ", "UTC")
        .env("XDG_CACHE_HOME", cache.path())
        .current_dir(out(""))
        .output()
        .unwrap()
}

fn report(args: &[&str]) -> Output {
    report_of(recording(), args)
}

fn report_of(recording: &Path, args: &[&str]) -> Output {
    let folder = recording.to_str().unwrap();
    let args: Vec<&str> = ["report", folder].into_iter().chain(args.iter().copied()).collect();
    in_utc(&args)
}

/// Where pictures and pages of this test go.
fn out(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// Writes the report again and reads it.
fn written(name: &str, more: &[&str]) -> String {
    written_of(recording(), name, more)
}

fn written_of(recording: &Path, name: &str, more: &[&str]) -> String {
    let path = out(name);
    let file = path.to_str().unwrap();
    let args: Vec<&str> = ["-o", file, "--force"].into_iter().chain(more.iter().copied()).collect();
    let done = report_of(recording, &args);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains(name) && done.stdout.is_empty());
    std::fs::read_to_string(path).unwrap()
}

/// A driver that makes a tag of the host in its own machine code, as a path within the folder of [`out`].
fn driver() -> &'static str {
    static WRITTEN: OnceLock<()> = OnceLock::new();
    WRITTEN.get_or_init(|| std::fs::write(out("wcsc.sys"), crate::who::small_driver(*b"WCsc")).unwrap());
    "wcsc.sys"
}

/// A saved trace becomes a section of both forms; a file that is none is refused with its name.
#[test]
fn with_a_trace() {
    let (_folder, trace) = crate::trace::saved();
    for name in ["traced.html", "traced.md"] {
        let page = written(name, &["--trace", &trace]);
        let page = page.replace("\\_", "_").replace("\\[", "[").replace("\\]", "]");
        for part in
            ["leaky_item on srv1: 8 s", "take [leakmod]", "keeps growing", "(100 %)", "take+0x4 [leakmod]"]
        {
            assert!(page.contains(part), "{name}: {part:?} is not in:\n{page}");
        }
    }
    let refused = report(&["-o", out("none.md").to_str().unwrap(), "--trace", "/etc/hostname"]);
    let err = text(&refused.stderr);
    assert!(refused.status.code() == Some(1) && err.contains("/etc/hostname"), "{err}");
}

#[test]
fn as_markdown() {
    let page = written("report.md", &["--drivers", driver()]);
    let folder = recording().to_str().unwrap();
    // What differs from run to run.
    let made = page.lines().last().unwrap();
    assert!(made.starts_with("Made by poolmon ") && made.contains("Times are in UTC+00:00"), "{made}");
    let page = page.replace(made, "(made by)").replace(folder, "FOLDER");
    insta::assert_snapshot!("report_md", page);
}

#[test]
fn as_a_page() {
    let page = written("report.html", &["--drivers", driver()]);
    for reported in [
        "<h2>5 tags leak, of 2 causes</h2>",
        "<code>&lt;b&gt;&amp;</code> leaks in paged pool",
        "FS-&lt;i&gt;0815",
        "wcsc.sys",
        "ExAllocatePoolWithTag",
        "ed nt!poolhittag 0x63734357",
        "loaded wcsc.sys",
        "backup job moved to 13:00",
    ] {
        assert!(page.contains(reported), "{reported}");
    }
    for raw in ["<script>alert", "<i>0815", "<b>&", "\u{202e}"] {
        assert!(!page.contains(raw), "{raw}");
    }
    // Only a part of it.
    let part = written("part.html", &["--title", "Ticket 4711", "--include", "<b>&", "--pool", "paged"]);
    assert!(
        part.contains("<h1>Ticket 4711</h1>") && part.contains("One tag leaks") && !part.contains("NtFC")
    );
    let early = written("early.html", &["--to", "+8h"]);
    assert!(early.contains("over 8 h,") && !early.contains("backup job moved"), "marks end where samples do");
}

#[test]
fn what_cannot_be_written_is_told_before_anything_is_judged() {
    let exists = out("exists.html");
    std::fs::write(&exists, "mine").unwrap();
    let refused = |args: &[&str], code: i32, words: &str| {
        let done = report(args);
        let err = text(&done.stderr);
        assert!(done.status.code() == Some(code) && err.contains(words), "{args:?}: {err}");
    };
    refused(&["-o", exists.to_str().unwrap()], 1, "--force");
    assert_eq!(std::fs::read_to_string(&exists).unwrap(), "mine");
    refused(&["-o", out("report.pdf").to_str().unwrap()], 1, "--format");
    refused(&["-o", out("").to_str().unwrap(), "--format", "html"], 1, "this is a folder");
    refused(&["-o", out("no/such/report.html").to_str().unwrap()], 1, "no such folder");
    refused(&["-o", out("new.html").to_str().unwrap(), "--drivers", "/nonexistent"], 1, "/nonexistent");
    refused(&[], 2, "--output");
    let missing = poolmon(&["report", "/nonexistent", "-o", out("new.html").to_str().unwrap()]);
    assert!(missing.status.code() == Some(1) && text(&missing.stderr).contains("/nonexistent"));
    assert!(!out("new.html").exists() && !out("new.html.part").exists());
    let shown = report(&["-o", "-", "--format", "md"]);
    assert!(shown.status.success() && text(&shown.stdout).starts_with("# Kernel memory report"));
}

/// The page in a real browser: its script runs, its policy refuses nothing of its own, it reads without a script too,
/// and pictures of it are there to be looked at (`POOLMON_PICTURES=1` puts them into docs/report).
#[cfg(target_os = "linux")]
mod chromium {
    use poolmon_testkit::{Need, skip};
    use std::path::Path;
    use std::process::Command;

    use super::{Names, driver, out, recorded, written, written_of};
    use crate::text;

    fn browser(args: &[&str]) -> Option<(String, String)> {
        let profile = tempfile::tempdir().unwrap();
        let user = format!("--user-data-dir={}", profile.path().display());
        let always = [
            "--virtual-time-budget=4000",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            &user,
        ];
        let run = Command::new("chromium").args(always).arg("--enable-logging=stderr").args(args).output();
        let Ok(done) = run else {
            skip(Need::Chromium, "there is no chromium here");
            return None;
        };
        assert!(done.status.success(), "{}", text(&done.stderr));
        Some((text(&done.stdout), text(&done.stderr)))
    }

    fn address(path: &Path) -> String {
        format!("file://{}", path.display())
    }

    #[test]
    fn the_page_works_with_and_without_its_script() {
        written("chromium.html", &["--drivers", driver()]);
        let page = address(&out("chromium.html"));
        let Some((dom, log)) = browser(&["--dump-dom", &page]) else { return };
        // What the policy refuses, and errors of the script, come as messages of the console.
        assert!(!log.contains("CONSOLE"), "{log}");
        assert!(dom.contains(r#"<button type="button">Copy</button>"#), "the script ran");
        assert!(dom.contains(r#"<th><button type="button">Tag</button></th>"#));
        // Without its script it is the same page: nothing waits for it.
        let html = std::fs::read_to_string(out("chromium.html")).unwrap();
        let script = html.rfind("<script>").unwrap();
        std::fs::write(out("plain.html"), &html[..script]).unwrap();
        let picture = out("plain.png");
        let shot = format!("--screenshot={}", picture.display());
        if browser(&["--window-size=1200,2400", &shot, &address(&out("plain.html"))]).is_some() {
            assert!(
                std::fs::metadata(&picture).unwrap().len() > 100_000,
                "the page is empty without its script"
            );
        }
    }

    #[test]
    fn a_script_in_a_note_would_be_refused_even_if_it_got_in() {
        let page = written("inject.html", &[]);
        let bad = page.replacen("<main>", "<main><script>document.title='bad'</script>", 1);
        std::fs::write(out("inject.html"), bad).unwrap();
        let Some((dom, log)) = browser(&["--dump-dom", &address(&out("inject.html"))]) else { return };
        assert!(log.contains("CONSOLE") && log.contains("Content Security Policy"), "{log}");
        assert!(!dom.contains("<title>bad</title>"));
    }

    #[test]
    fn pictures() {
        // What the README shows; the hostile names are for the tests of escaping.
        let names = Names { host: "FS-0815", tag: "QosL", note: "virus scanner updated" };
        written_of(&recorded("report-pictures", &names), "pictures.html", &["--drivers", driver()]);
        let wanted = std::env::var_os("POOLMON_PICTURES").is_some();
        let folder = if wanted {
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/report")
        } else {
            out("pictures")
        };
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let page = address(&out("pictures.html"));
        // The window of a browser is never narrower than 500 points; a frame may be, but may also come too late.
        let frame = "<body style='margin:0'><iframe style='border:0;width:390px;height:2400px' src='pictures.html'></iframe>";
        std::fs::write(out("phone.html"), frame).unwrap();
        let (phone, phone_size) = if wanted {
            (address(&out("phone.html")), "--window-size=390,2400")
        } else {
            (page.clone(), "--window-size=500,2400")
        };
        for (name, page, more) in [
            ("desktop", &page, &["--window-size=1200,2700"][..]),
            ("dark", &page, &["--window-size=1200,1300", "--blink-settings=preferredColorScheme=0"]),
            ("phone", &phone, &[phone_size]),
        ] {
            let picture = folder.join(format!("{name}.png"));
            let shot = format!("--screenshot={}", picture.display());
            let args: Vec<&str> = more.iter().copied().chain([shot.as_str(), page]).collect();
            if browser(&args).is_none() {
                return;
            }
            assert!(std::fs::metadata(&picture).unwrap().len() > 20_000, "{name} shows nothing");
        }
        let pdf = out("print.pdf");
        let print = format!("--print-to-pdf={}", pdf.display());
        if browser(&["--no-pdf-header-footer", &print, &page]).is_some() {
            assert!(std::fs::read(&pdf).unwrap().starts_with(b"%PDF"));
            if wanted {
                let name = folder.join("print");
                Command::new("pdftoppm")
                    .args(["-r", "80", "-l", "2", "-png"])
                    .args([&pdf, &name])
                    .status()
                    .unwrap();
            }
        }
    }
}
