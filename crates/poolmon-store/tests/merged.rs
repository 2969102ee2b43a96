//! Names of slab caches that share one cache, in a recording.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::time::Duration;

use common::{moment, sample};
use poolmon_model::CacheMaker;
use poolmon_store::{Recorder, RecorderConfig, Recording};

fn config() -> RecorderConfig {
    RecorderConfig { interval: Duration::from_secs(1), ..RecorderConfig::default() }
}

#[test]
fn names_that_share_a_cache_are_in_each_segment() {
    let folder = tempfile::tempdir().unwrap();
    let config = RecorderConfig { segment_length: Duration::from_secs(50), ..config() };
    let (mut recorder, _) = Recorder::open(folder.path(), config).unwrap();
    let groups = |names: &[&str]| vec![names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()];
    recorder.merged(groups(&["UNIX", "signal_cache"]));
    let made = CacheMaker { cache: "mine".into(), module: "leakmod".into(), loaded: 9 };
    recorder.makers(vec![made.clone()]);
    let merged = || Recording::open(folder.path()).unwrap().merged().unwrap();
    for n in 0..20 {
        recorder.record_at(&sample(n), moment(n)).unwrap();
    }
    assert_eq!(merged(), groups(&["UNIX", "signal_cache"]), "while it is written");
    recorder.merged(groups(&["UNIX", "mine", "signal_cache"]));
    for n in 20..120 {
        recorder.record_at(&sample(n), moment(n)).unwrap();
    }
    recorder.close().unwrap();
    assert_eq!(merged(), groups(&["UNIX", "mine", "signal_cache"]), "as the newest segment has it");
    let recording = Recording::open(folder.path()).unwrap();
    assert_eq!(recording.segments().len(), 3);
    for segment in recording.segments() {
        let alone = Recording::open(&segment.path).unwrap();
        assert_eq!(alone.merged().unwrap().len(), 1, "{}", segment.path.display());
        assert_eq!(alone.makers().unwrap(), std::slice::from_ref(&made), "{}", segment.path.display());
    }
    assert_eq!(recording.info().unwrap().samples, 120);
    assert!(recording.marks(None, None).unwrap().is_empty(), "it is nothing that happened");
}
