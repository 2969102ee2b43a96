//! A folder that others may write into: whatever they plant in it is neither read nor written, followed, deleted or waited for.
#![cfg(unix)]
#![allow(clippy::missing_panics_doc, missing_docs, reason = "a test")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use common::{moment, sample, time};
use poolmon_store::export::{ExportFormat, ExportOptions};
use poolmon_store::{RecordedMark, Recorder, RecorderConfig, Recording, StoreError, note};

fn config() -> RecorderConfig {
    RecorderConfig { interval: Duration::from_secs(1), ..RecorderConfig::default() }
}

/// Fails where something waits for a pipe that no one writes.
fn in_time<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || done.send(run()));
    wait.recv_timeout(Duration::from_mins(1)).expect("it hangs, or panicked")
}

fn record(folder: &Path, config: RecorderConfig, samples: std::ops::Range<u64>) {
    let folder = folder.to_owned();
    in_time(move || {
        let (mut recorder, _) = Recorder::open(&folder, config).unwrap();
        for n in samples {
            recorder.record_at(&sample(n), moment(n)).unwrap();
        }
        recorder.close().unwrap();
    });
}

/// Everything that readers do.
fn read(folder: &Path) -> (u64, Vec<String>) {
    let folder = folder.to_owned();
    in_time(move || {
        let recording = Recording::open(&folder).unwrap();
        let marks = recording.marks(None, None).unwrap();
        recording.verify().unwrap();
        recording.timeline().unwrap();
        let mut out = Vec::new();
        poolmon_store::export::write(&recording, ExportFormat::Csv, &ExportOptions::default(), &mut out)
            .unwrap();
        assert!(!String::from_utf8_lossy(&out).contains("SECRET"));
        let notes = marks.into_iter().filter_map(|mark| match mark.mark {
            RecordedMark::Note(text) => Some(text),
            _ => None,
        });
        (recording.info().unwrap().samples, notes.collect())
    })
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A folder, and a file elsewhere that no one must read or change.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.rec()).unwrap();
        fs::write(place.secret(), "SECRET").unwrap();
        place
    }
    fn rec(&self) -> PathBuf {
        self.0.path().join("rec")
    }
    fn secret(&self) -> PathBuf {
        self.0.path().join("secret")
    }
    fn plant(&self, name: &str) -> PathBuf {
        self.rec().join(name)
    }
    fn is_untouched(&self) {
        assert_eq!(fs::read_to_string(self.secret()).unwrap(), "SECRET");
    }
}

#[test]
fn files_of_others_are_not_deleted_cut_or_counted() {
    let place = Place::new();
    let own = "00000000-20260101T000000Z.plog";
    let kept = [
        ("thesis.plog", "my thesis"),
        ("empty.plog", ""),
        (own, "not a segment, whatever its name"),
        ("00000001-20260101T000000Z.plog", ""),
        ("notes-1-2-3.txt", "x"),
    ];
    for (name, text) in kept {
        fs::write(place.plant(name), text).unwrap();
    }
    fs::write(place.plant("note-1795883065000000000-1-0.txt"), "SECRET of someone who likes this name")
        .unwrap();
    let small = RecorderConfig {
        max_size: Some(100_000),
        segment_size: 10_000,
        keep: Some(Duration::from_mins(1)),
        ..config()
    };
    record(&place.rec(), small, 0..2000);
    for (name, text) in kept {
        assert_eq!(fs::read_to_string(place.plant(name)).unwrap(), text, "{name}");
    }
    assert!(place.plant("note-1795883065000000000-1-0.txt").exists());
    assert!(fs::read_dir(place.rec()).unwrap().count() > kept.len() + 3);
    let recording = Recording::open(&place.rec()).unwrap();
    let read = |name| recording.segments().iter().any(|segment| segment.path == place.plant(name));
    assert!(!read("thesis.plog") && !read("empty.plog"), "they are no segments for readers either");
    assert_eq!(recording.info().unwrap().unclosed, 1, "but what has the name of one is missed");
}

#[test]
fn a_large_file_with_the_name_of_a_segment_drives_none_out() {
    let place = Place::new();
    let planted = fs::File::create(place.plant("00000000-20200101T000000Z.plog")).unwrap();
    planted.set_len(1 << 40).unwrap();
    record(&place.rec(), RecorderConfig { max_size: Some(10 << 20), ..config() }, 0..100);
    record(&place.rec(), RecorderConfig { max_size: Some(10 << 20), ..config() }, 100..200);
    let names: Vec<_> = fs::read_dir(place.rec()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.iter().filter(|name| name.to_string_lossy().ends_with(".plog")).count(), 3, "{names:?}");
}

#[test]
fn names_that_are_taken_are_passed_by() {
    let place = Place::new();
    record(&place.rec(), config(), 0..10);
    // Whatever the next segments could be called in the next seconds, as a link, a pipe or a folder.
    let names: Vec<String> = (1..4)
        .flat_map(|number| (0..30).map(move |n| (number, time(10 + n).strftime("%Y%m%dT%H%M%SZ"))))
        .map(|(number, start)| format!("{number:08}-{start}.plog"))
        .collect();
    for (n, name) in names.iter().enumerate() {
        match n % 3 {
            0 => symlink(place.secret(), place.plant(name)).unwrap(),
            1 => fs::create_dir(place.plant(name)).unwrap(),
            _ => fs::write(place.plant(name), "").unwrap(),
        }
    }
    record(&place.rec(), config(), 10..20);
    assert_eq!(read(&place.rec()), (20, vec![]));
    place.is_untouched();
    assert!(names.iter().all(|name| fs::symlink_metadata(place.plant(name)).is_ok()), "and all are there");
    // Files without a byte hide nothing: they are neither damage nor an interrupted recorder.
    let recording = Recording::open(&place.rec()).unwrap();
    let info = recording.info().unwrap();
    assert_eq!((info.unclosed, info.segments, info.samples), (0, 2, 20));
    assert!(recording.verify().unwrap().is_whole());
}

#[test]
fn what_is_no_folder_is_refused_by_name() {
    let place = Place::new();
    symlink(place.0.path().join("made"), place.plant("link")).unwrap();
    for path in [Path::new("/dev/null"), &place.secret()] {
        let refused = Recorder::open(path, config()).err().expect("no folder");
        assert!(matches!(refused, StoreError::NoFolder { .. }), "{refused}");
    }
    assert!(Recorder::open(&place.plant("link"), config()).is_err() && !place.0.path().join("made").exists());
}

#[test]
fn a_number_at_the_end_of_all_numbers_changes_no_order() {
    let place = Place::new();
    record(&place.rec(), config(), 0..10);
    for number in ["18446744073709551615", "999999999999"] {
        fs::write(place.plant(&format!("{number}-20200101T000000Z.plog")), "x").unwrap();
    }
    record(&place.rec(), config(), 10..20);
    record(&place.rec(), config(), 20..30);
    let mut cursor = Recording::open(&place.rec()).unwrap().cursor();
    let (mut last, mut times) = (poolmon_model::Sample::empty(), Vec::new());
    while cursor.next_sample(&mut last).unwrap() {
        times.push(last.time.unwrap());
    }
    assert!(times.into_iter().eq((0..30).map(time)));
}

#[test]
fn links_are_not_followed() {
    let place = Place::new();
    let outside = place.0.path().join("made");
    symlink(place.secret(), place.plant("note-1795883065000000000-1-0.txt")).unwrap();
    symlink(place.secret(), place.plant("00000000-20260101T000000Z.plog")).unwrap();
    record(&place.rec(), config(), 0..50);
    let (samples, notes) = read(&place.rec());
    assert_eq!((samples, notes), (50, vec![]));
    place.is_untouched();
    assert!(place.plant("note-1795883065000000000-1-0.txt").is_symlink());

    let locked = Place::new();
    symlink(&outside, locked.plant("recorder.lock")).unwrap();
    let refused = Recorder::open(&locked.rec(), config()).err().expect("the lock is a link");
    assert!(matches!(refused, StoreError::Io { .. }), "{refused}");
    assert!(!outside.exists(), "nothing is made at the other end");
}

#[test]
fn second_names_of_files_are_neither_read_nor_written() {
    let place = Place::new();
    fs::hard_link(place.secret(), place.plant("note-1795883065000000000-1-0.txt")).unwrap();
    let note = place.0.path().join("a note of root");
    fs::write(&note, "poolmon note\nSECRET").unwrap();
    fs::hard_link(&note, place.plant("note-1795883065000000000-1-1.txt")).unwrap();
    // An open segment elsewhere: its torn end must not be cut through another name.
    let other = Place::new();
    record(&other.rec(), config(), 0..20);
    let segment = Recording::open(&other.rec()).unwrap().segments()[0].path.clone();
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() - 40]).unwrap();
    let before = fs::read(&segment).unwrap();
    fs::hard_link(&segment, place.plant("00000000-20260101T000000Z.plog")).unwrap();
    record(&place.rec(), config(), 100..150);
    assert_eq!(fs::read(&segment).unwrap(), before);
    assert_eq!(read(&place.rec()).1, Vec::<String>::new());
    place.is_untouched();
}

#[test]
fn pipes_devices_and_folders_are_not_waited_for() {
    let names = [
        "note-1795883065000000000-1-0.txt",
        "00000000-20260101T000000Z.plog",
        "x.plog",
        "00000001-20260101T000000Z.parquet",
    ];
    let place = Place::new();
    for name in names {
        fifo(&place.plant(name));
    }
    fs::create_dir(place.plant("00000002-20260101T000000Z.plog")).unwrap();
    symlink("/dev/zero", place.plant("note-1795883065000000001-1-0.txt")).unwrap();
    record(&place.rec(), RecorderConfig { max_size: Some(100_000), ..config() }, 0..50);
    assert_eq!(read(&place.rec()), (50, vec![]));
    for name in names {
        assert!(place.plant(name).exists());
    }
    let locked = Place::new();
    fifo(&locked.plant("recorder.lock"));
    let rec = locked.rec();
    in_time(move || assert!(Recorder::open(&rec, config()).is_err()));
    record(&place.rec(), config(), 50..60);
}

#[test]
fn notes_have_a_size() {
    let place = Place::new();
    let huge = fs::File::create(place.plant("note-1795883065000000000-1-0.txt")).unwrap();
    huge.set_len(1 << 40).unwrap();
    fs::write(
        place.plant("note-1795883065000000001-1-0.txt"),
        format!("poolmon note\n{}", "x".repeat(70_000)),
    )
    .unwrap();
    let long = "y".repeat(0xfffe);
    note(&place.rec(), &long, time(3)).unwrap();
    let refused = note(&place.rec(), &format!("{long}y"), time(3)).unwrap_err();
    assert!(refused.to_string().contains("65535 bytes, at most 65534"), "{refused}");
    record(&place.rec(), config(), 0..50);
    assert_eq!(read(&place.rec()).1, [long], "whole, and the others are not there");
}

#[test]
fn only_the_user_reads_what_is_recorded_unless_a_mode_says_otherwise() {
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    for (chosen, files, folder) in [(0o600, 0o600, 0o700), (0o640, 0o640, 0o750), (0o660, 0o660, 0o770)] {
        let place = Place::new();
        let rec = place.rec().join("new");
        // The mask of the test is not that of a service.
        let masked = chosen & !0o022 == chosen;
        record(&rec, RecorderConfig { mode: chosen, seal: cfg!(feature = "parquet"), ..config() }, 0..20);
        note(&rec, "seen", time(30)).unwrap();
        if !masked {
            continue;
        }
        assert_eq!(mode(&rec), folder);
        for entry in fs::read_dir(&rec).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), files, "{}", path.display());
        }
    }
}

#[test]
fn a_folder_that_is_swapped_redirects_nothing() {
    let place = Place::new();
    let victim = place.0.path().join("victim");
    fs::create_dir(&victim).unwrap();
    let (mut recorder, _) = Recorder::open(&place.rec(), config()).unwrap();
    recorder.record_at(&sample(0), moment(0)).unwrap();
    fs::rename(place.rec(), place.0.path().join("moved")).unwrap();
    symlink(&victim, place.rec()).unwrap();
    let mut failed = None;
    for n in 1..8000 {
        if let Err(error) = recorder.record_at(&sample(n), moment(n)) {
            failed = Some((n, error));
            break;
        }
    }
    let (n, error) = failed.expect("the folder is another one");
    assert!(n == 1 && matches!(error, StoreError::Gone { .. }), "{n} {error}");
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
}

#[test]
fn a_folder_that_vanished_is_no_success() {
    for case in ["folder", "segment", "replaced"] {
        let place = Place::new();
        let begin = || {
            let (mut recorder, _) = Recorder::open(&place.rec(), config()).unwrap();
            recorder.record_at(&sample(0), moment(0)).unwrap();
            let segments = Recording::open(&place.rec()).unwrap().segments().to_vec();
            for file in segments.iter().filter(|_| case != "folder") {
                fs::remove_file(&file.path).unwrap();
                if case == "replaced" {
                    fs::write(&file.path, "").unwrap();
                }
            }
            if case == "folder" {
                fs::remove_dir_all(place.rec()).unwrap();
            }
            recorder
        };
        let closed = begin().close();
        assert!(matches!(closed, Err(StoreError::Gone { .. })), "{case} {closed:?}");
        // Nor is it noticed at the next sync only.
        let next = begin().record_at(&sample(1), moment(1));
        assert!(matches!(next, Err(StoreError::Gone { .. })), "{case} {next:?}");
    }
}

#[test]
fn sealing_does_not_write_through_what_was_planted() {
    if !cfg!(feature = "parquet") {
        return;
    }
    let place = Place::new();
    let name = "00000000-20261123T000000Z";
    for planted in [format!("{name}.parquet.part"), format!("{name}.parquet")] {
        symlink(place.secret(), place.plant(&planted)).unwrap();
    }
    record(&place.rec(), RecorderConfig { seal: true, ..config() }, 0..50);
    place.is_untouched();
    let sealed = Recording::open(&place.rec()).unwrap().segments()[0].sealed();
    assert!(!sealed.is_symlink() || fs::read(place.secret()).unwrap() == b"SECRET");
}

#[test]
fn readers_do_not_take_each_other_for_a_recorder() {
    let place = Place::new();
    record(&place.rec(), config(), 0..5);
    let rec = place.rec();
    let looking: Vec<_> = (0..4)
        .map(|_| {
            let rec = rec.clone();
            std::thread::spawn(move || {
                (0..200).any(|_| Recording::open(&rec).unwrap().info().unwrap().recording)
            })
        })
        .collect();
    for _ in 0..20 {
        drop(Recorder::open(&place.0.path().join("other"), config()).unwrap());
    }
    assert!(looking.into_iter().all(|thread| !thread.join().unwrap()));
    // Nor does a reader that looks keep a recorder from starting.
    let lock = fs::File::open(place.plant("recorder.lock")).unwrap();
    lock.lock_shared().unwrap();
    let rec = place.rec();
    let opening = std::thread::spawn(move || Recorder::open(&rec, config()).map(drop));
    std::thread::sleep(Duration::from_millis(60));
    drop(lock);
    opening.join().unwrap().unwrap();
}

/// The whole suite with real users: one that has no rights plants, root records. Needs root.
#[test]
fn a_user_without_rights_gains_nothing_from_root() {
    if fs::metadata("/proc/self").unwrap().uid() != 0
        || Command::new("setpriv").arg("--version").output().is_err()
    {
        eprintln!("skipped: needs root and setpriv");
        return;
    }
    let place = Place::new();
    fs::set_permissions(place.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(place.secret(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(place.rec(), fs::Permissions::from_mode(0o777)).unwrap();
    let script = format!(
        "cd {}; S={}; ln -s $S note-1795883065000000000-1-0.txt; ln $S note-1795883065000000000-1-1.txt 2>/dev/null; \
         mkfifo note-1795883065000000000-1-2.txt; ln -s $S 00000000-20261123T000000Z.parquet; \
         ln -s $S 00000000-20261123T000000Z.parquet.part; ln -s $S .poolmon-0.part; mkfifo a.plog; \
         truncate -s 1T 00000005-20261123T000000Z.plog; printf x > note-1795883065000000000-1-3.txt",
        place.rec().display(),
        place.secret().display()
    );
    let mut planting = Command::new("setpriv");
    planting.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", &script]);
    assert!(planting.status().unwrap().success());
    let before = fs::read_dir(place.rec()).unwrap().count();
    record(
        &place.rec(),
        RecorderConfig { seal: cfg!(feature = "parquet"), max_size: Some(1 << 20), ..config() },
        0..50,
    );
    let (samples, notes) = read(&place.rec());
    assert_eq!((samples, notes), (50, vec![]));
    place.is_untouched();
    assert!(fs::read_dir(place.rec()).unwrap().count() > before);
    // A link in the place of the folder, made by that user.
    let linked = place.rec().join("link");
    let made = format!("ln -s /etc {}", linked.display());
    let status = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", &made])
        .status();
    assert!(status.unwrap().success());
    let refused = Recorder::open(&linked, config()).err().expect("another user's link");
    assert!(refused.to_string().contains("another user"), "{refused}");
    // What it left can be read by no one else.
    let read = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c"])
        .arg(format!("cat {}/00000006-* >/dev/null 2>&1", place.rec().display()))
        .status();
    assert!(!read.unwrap().success());
}

/// What is named is judged by its content, too: a length alone is no segment, a damaged head with frames behind it is one.
#[test]
fn a_file_that_is_named_is_judged_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = folder.path().join("zeros.plog");
    fs::File::create(&zeros).unwrap().set_len(1 << 40).unwrap();
    let opened = in_time({
        let zeros = zeros.clone();
        move || Recording::open(&zeros)
    });
    assert!(matches!(opened, Err(StoreError::NoRecording { .. })), "{opened:?}");
    let rec = folder.path().join("rec");
    record(&rec, config(), 0..20);
    let segment = Recording::open(&rec).unwrap().segments()[0].path.clone();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[..8].fill(0);
    // Its end is lost, too: the frames alone are left.
    bytes.truncate(bytes.len() - 50);
    fs::write(&segment, &bytes).unwrap();
    assert!(Recording::open(&segment).unwrap().verify().unwrap().samples() > 0);
    // Behind a whole segment, a length without data.
    let longer = folder.path().join("longer.plog");
    record(&folder.path().join("other"), config(), 0..20);
    fs::copy(&Recording::open(&folder.path().join("other")).unwrap().segments()[0].path, &longer).unwrap();
    fs::File::options().write(true).open(&longer).unwrap().set_len(1 << 40).unwrap();
    let samples = in_time(move || Recording::open(&longer).unwrap().verify().unwrap().samples());
    assert_eq!(samples, 20);
}
