//! `poolmon measure` on this kernel: commands that leave files in its memory.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{in_guest, program};

/// A folder of a file system in memory.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").expect("the guest mounts one")
}

/// Leaves N files a run, and returns what is reported of the cache of their inodes.
fn files_left(each_run: u32, asked: &[&str], folder: &Path) -> Value {
    let script = format!("n=0; while [ $n -lt {each_run} ]; do : > \"$0/$$.$n\"; n=$((n+1)); done");
    let output = Command::new(program())
        .args(["measure", "--noise", "1s", "--settle", "200ms", "--format", "json", "--fail-on-loss"])
        .args(asked)
        .args(["--", "sh", "-c", &script])
        .arg(folder)
        .output()
        .expect("the program starts");
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{out}{}", String::from_utf8_lossy(&output.stderr));
    let json: Value = serde_json::from_str(&out).expect("valid JSON");
    assert_eq!(json["schema"], "poolmon.measure/1");
    assert_eq!(json["exact"], asked.contains(&"--exact"));
    let tags = json["tags"].as_array().expect("tags");
    let cache =
        tags.iter().find(|loss| loss["tag"] == "shmem_inode_cache").expect("the files' cache stands out");
    assert_eq!(cache["kind"], "lost", "{cache}");
    assert!(cache["q"].as_f64().unwrap() < 0.005, "{cache}");
    cache.clone()
}

#[test]
fn files_that_stay_in_memory_are_lost() {
    if !in_guest() {
        return;
    }
    let folder = in_memory();
    let cache = files_left(60, &["--repeat", "20"], folder.path());
    // Whole slabs, of which a CPU keeps some at hand, are no exact count: that a run takes some is all that is sure.
    assert!(cache["objects"]["estimate"].as_f64().unwrap() > 0.0, "{cache}");
}

/// Three inodes a run are far less than a slab.
#[test]
fn each_object_is_counted_where_that_is_asked_for() {
    if !in_guest() {
        return;
    }
    let folder = in_memory();
    let cache = files_left(3, &["--exact", "--repeat", "20", "--pool", "slab"], folder.path());
    let estimate = cache["objects"]["estimate"].as_f64().unwrap();
    assert!((2.9..3.1).contains(&estimate), "{cache}");
}
