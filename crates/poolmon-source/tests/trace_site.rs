//! A line of the kernel's source, traced on this kernel; `/proc/allocinfo`, which most kernels lack, is played by a folder.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::time::Duration;

use poolmon_source::linux::trace::LinuxCapture;
use poolmon_source::trace::{TraceOptions, run};
use poolmon_testkit::{Need, skip};
use poolmon_trace::{Answer, Subject};
use rustix::event::{EventfdFlags, eventfd};

/// Files that are opened and kept.
const KEPT: u64 = 400;

#[test]
fn allocations_of_one_function_and_no_others() {
    let root = tempfile::tempdir().unwrap();
    let proc = root.path().join("proc");
    fs::create_dir_all(&proc).unwrap();
    symlink("/proc/kallsyms", proc.join("kallsyms")).unwrap();
    let write = |objects: u64| {
        let line = "fs/file_table.c:226 func:alloc_empty_file";
        let text = format!("allocinfo - version: 1.0\n{} {objects} {line}\n", objects * 256);
        fs::write(proc.join("allocinfo"), text).unwrap();
    };
    write(1_000);
    let mut capture = match LinuxCapture::open_at(root.path(), &["fs/file_table.c:226"], 32) {
        Ok(capture) => capture,
        Err(error) => return skip(Need::Root, format_args!("no tracing here: {error}")),
    };
    let options = TraceOptions { length: Duration::from_secs(1), max_load: 1.0, ..TraceOptions::default() };
    let mut kept = Vec::new();
    let traced = run(&mut capture, &options, None, &mut |_| {
        if kept.is_empty() {
            kept.extend((0..KEPT).map(|_| File::open("/dev/null").unwrap()));
            // What other functions allocate meanwhile is not counted.
            kept.extend((0..50).map(|_| File::from(eventfd(0, EventfdFlags::empty()).unwrap())));
            write(1_000 + KEPT);
        }
        true
    })
    .unwrap();
    let answer = Answer::new(traced.about, traced.ending, traced.summary);
    let target = answer.about.target.as_str();
    assert_eq!((answer.about.subject, target), (Subject::CallSite, "fs/file_table.c:226 alloc_empty_file"));
    assert_eq!(answer.ending.growth.map(|growth| (growth.objects, growth.exact)), Some((400, true)));
    let mut ours = 0;
    for stack in answer.owners.iter().flat_map(|owner| &owner.stacks) {
        let names: Vec<String> = stack.frames.iter().map(|&frame| answer.symbols.name(frame)).collect();
        assert!(names.iter().any(|name| name == "alloc_empty_file"), "{names:?}");
        if names.iter().any(|name| name == "path_openat") {
            let tasks = stack.figures.tasks.iter();
            ours +=
                tasks.filter(|(task, _)| *task == std::process::id()).map(|(_, count)| count).sum::<u64>();
        }
    }
    assert!((KEPT..KEPT + 20).contains(&ours), "{ours} objects of {KEPT}");
}
