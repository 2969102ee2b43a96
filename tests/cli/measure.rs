//! `poolmon measure`: wrong arguments, commands that fail, and a command that leaves 25 files in this kernel's memory.

use std::process::Command;

use serde_json::Value;

use crate::{POOLMON, poolmon, text};

#[test]
fn wrong_arguments_and_commands_that_fail() {
    let none = poolmon(&["measure"]);
    assert_eq!(none.status.code(), Some(2), "a command is needed");
    let once = poolmon(&["measure", "--repeat", "1", "--", "x"]);
    assert_eq!(once.status.code(), Some(2), "one run tells nothing");
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use std::sync::{Mutex, PoisonError};

    use crate::kernel::kernel_memory_is_readable;

    /// For tests that write into the same cache of this kernel.
    static FILES: Mutex<()> = Mutex::new(());

    const QUICK: [&str; 6] = ["measure", "--noise", "1s", "--settle", "200ms", "--seed=7"];

    fn measure(rest: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(POOLMON).args(QUICK).args(rest).output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// A folder of a file system in memory, where there is one.
    fn in_memory() -> Option<tempfile::TempDir> {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        if !mounts.lines().any(|line| line.split(' ').skip(1).take(2).eq(["/dev/shm", "tmpfs"])) {
            eprintln!("SKIPPED: measure: /dev/shm is no file system in memory here");
            return None;
        }
        tempfile::tempdir_in("/dev/shm").ok()
    }

    #[test]
    fn files_that_stay_in_memory_are_counted() {
        if !kernel_memory_is_readable("files_that_stay_in_memory") {
            return;
        }
        let _alone = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(folder) = in_memory() else { return };
        let script = r#"n=0; while [ $n -lt 25 ]; do : > "$0/$$.$n"; n=$((n+1)); done"#;
        let command = ["--", "sh", "-c", script, folder.path().to_str().unwrap()];
        let (code, out, err) = measure(&[&["--format", "json", "--fail-on-loss"][..], &command].concat());
        assert_eq!(code, Some(3), "{err}{out}");
        let json: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((json["schema"].as_str(), json["runs"].as_u64()), (Some("poolmon.measure/1"), Some(20)));
        let tags = json["tags"].as_array().unwrap();
        let cache =
            tags.iter().find(|loss| loss["tag"] == "shmem_inode_cache").expect("the files' cache moved");
        assert_eq!(cache["kind"], "lost", "{cache}");
        // The kernel counts in whole slabs; over all runs that evens out.
        let mean = cache["mean"].as_f64().unwrap();
        assert!((23.0..27.0).contains(&mean), "{cache}");
        let (low, high) = (&cache["objects"]["low"], &cache["objects"]["high"]);
        assert!(low.as_f64().unwrap() <= 25.0 && high.as_f64().unwrap() >= 25.0, "{cache}");
        assert!(cache["q"].as_f64().unwrap() < 0.001, "{cache}");
    }

    /// Three inodes a run are less than a slab: whole slabs do not show them in so few runs.
    #[test]
    fn each_object_is_counted_where_that_is_asked_for() {
        if !kernel_memory_is_readable("each_object_is_counted") {
            return;
        }
        if std::fs::OpenOptions::new().write(true).open("/sys/kernel/slab/dentry/shrink").is_err() {
            eprintln!("SKIPPED: each_object_is_counted: /sys/kernel/slab cannot be written here");
            return;
        }
        let _alone = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(folder) = in_memory() else { return };
        let script = r#": > "$0/$$.1"; : > "$0/$$.2"; : > "$0/$$.3""#;
        let command = ["--", "sh", "-c", script, folder.path().to_str().unwrap()];
        let asked = ["--exact", "--repeat", "18", "--pool", "slab", "--format", "json"];
        let (code, out, err) = measure(&[&asked[..], &command].concat());
        assert_eq!(code, Some(0), "{err}");
        let json: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(json["exact"], true);
        let tags = json["tags"].as_array().unwrap();
        let cache =
            tags.iter().find(|loss| loss["tag"] == "shmem_inode_cache").expect("the files' cache stands out");
        assert_eq!(cache["kind"], "lost", "{cache}");
        let estimate = cache["objects"]["estimate"].as_f64().unwrap();
        assert!((2.9..3.1).contains(&estimate), "{cache}");
    }

    #[test]
    fn a_command_that_fails_stops_it() {
        if !kernel_memory_is_readable("a_command_that_fails") {
            return;
        }
        let (code, _, err) = measure(&["--", "/nonexistent/program"]);
        assert!(code == Some(1) && err.contains("/nonexistent/program") && err.contains("sh -c"), "{err}");
        let (code, _, err) = measure(&["--", "sh", "-c", "echo why >&2; exit 7"]);
        assert!(code == Some(1) && err.contains("why") && err.contains("--ignore-failure"), "{err}");
        let (code, out, err) = measure(&["--ignore-failure", "--repeat", "2", "--", "sh", "-c", "exit 7"]);
        assert_eq!(code, Some(0), "{err}");
        assert!(out.contains("4 runs ended with an exit code other than 0"), "{out}");
        assert!(out.contains("Too few runs"), "two runs prove nothing: {out}");
    }
}
