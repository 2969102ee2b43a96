//! `poolmon trace TAG` where nothing is traced: Wine has the calls, and no events of a kernel.

use std::fs;

use crate::wine::{Wine, texts, windows_path};

/// Wine says that it is Windows 7 if nothing else is set: refused before anything is asked.
#[test]
fn a_system_that_is_too_old_is_refused_with_the_way_to_record() {
    let Some(wine) = Wine::ready() else { return };
    let output = wine.run(None, &["trace", "Leak", "--for", "1s"]);
    let (out, err) = texts(&output);
    assert_eq!((output.status.code(), out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("build 7601") && err.contains("xperf -on PROC_THREAD+LOADER+POOL"), "{err}");
    let (out, err) = texts(&wine.run(None, &["doctor"]));
    let line =
        out.lines().find(|line| line.contains("event trace")).unwrap_or_else(|| panic!("{out}\n{err}"));
    assert!(line.contains("build 7601 has no system trace sessions"), "{line}");
}

/// As Windows 10, Wine starts the session and refuses its stacks: the session is ended, and nothing is left.
#[test]
fn what_the_system_refuses_is_named_and_leaves_no_file() {
    let Some(wine) = Wine::ready() else { return };
    let version = wine.run_apart(Some("winecfg"), &["-v", "win10"]);
    assert!(version.status.success(), "{version:?}");
    let save = wine.folder.join("leak.etl");
    let output = wine.run_apart(None, &["trace", "Leak", "--for", "1s", "--save", &windows_path(&save)]);
    let (out, err) = texts(&output);
    assert_eq!((output.status.code(), out.as_str()), (Some(1), ""), "{err}");
    assert!(
        err.contains("TraceSetInformation(TraceStackTracingInfo) failed with status 0x00000078"),
        "{err}"
    );
    assert!(err.contains("wpr -start Pool -filemode") && err.contains("poolmon trace pool.etl"), "{err}");
    assert!(!save.exists(), "nothing was recorded");
    let (out, err) = texts(&wine.run_apart(None, &["doctor"]));
    let line =
        out.lines().find(|line| line.contains("event trace")).unwrap_or_else(|| panic!("{out}\n{err}"));
    assert!(line.contains("Wine does not trace its kernel"), "{line}");
    wine.end_apart();
}

/// The reader of event traces is the same one everywhere.
#[test]
fn a_recorded_trace_is_read_on_windows_too() {
    let Some(wine) = Wine::ready() else { return };
    let file = wine.folder.join("pool.etl");
    let (bytes, _) = poolmon_synth::etl::build(&poolmon_synth::etl::Spec::default());
    fs::write(&file, bytes).unwrap();
    let (out, err) = texts(&wine.run(None, &["trace", &windows_path(&file), "Leak"]));
    assert!(out.contains("leaker.sys (Example Ltd. 1.4.2.0): 406 objects"), "{out}\n{err}");
}
