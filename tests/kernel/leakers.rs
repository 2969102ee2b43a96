//! `poolmon leaks --for 40s` beside processes that leak one kind of object each: every row names its own process. Runs as root on
//! any machine; takes a minute.
//!
//! All leak at the same time, at rates of their own, beside one that only holds and processes that come and go: rows that several
//! leak into (`filp`) are another test of the same watch.

use std::fs::File;
use std::io::{BufRead as _, Read as _};
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use poolmon_testkit::{Need, asked_for, skip};
use rustix::event::epoll;
use serde_json::Value;

use crate::second::Second;

/// What leaks, how many a second, the kind that is counted, and names of caches of which one has to show it.
const LEAKS: &[(&str, u32, &str, &[&str])] = &[
    ("unix", 70, "unix-stream", &["UNIX-STREAM", "UNIX", "signal_cache"]),
    ("tcp", 50, "tcp", &["TCP"]),
    ("watches", 60, "inotify-watches", &["inotify_inode_mark", "sigqueue"]),
    ("registrations", 90, "epoll-watches", &["eventpoll_epi"]),
    ("locks", 55, "posix-locks", &["file_lock_cache"]),
    ("pipes", 45, "pipes", &["kmalloc-cg-1k", "kmalloc-1k"]),
    ("threads", 20, "threads", &["task_struct"]),
    ("memfds", 40, "memfd", &["shmem_inode_cache"]),
];

const SECONDS: u64 = 40;

fn program() -> std::ffi::OsString {
    let here = std::ffi::OsString::from(env!("CARGO_BIN_EXE_poolmon"));
    if poolmon_testkit::wanted(Need::Vm) { crate::program() } else { here }
}

/// A watch of 40 s, begun.
pub fn watch(format: &str) -> Child {
    let length = format!("{SECONDS}s");
    Command::new(program())
        .args(["leaks", "--for", &length, "--interval", "1s", "--all", "--limit", "1000", "--format", format])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

#[test]
fn each_leak_names_its_process_and_its_cache() {
    if !asked_for(Need::Long) {
        return;
    }
    if File::open("/proc/slabinfo").and_then(|mut file| file.read(&mut [0; 16])).is_err() {
        skip(Need::Root, "/proc/slabinfo is not readable here (root needed)");
        return;
    }
    let _alone = crate::trace::alone();
    let mut still = start();
    still.say("unix 4000 0");
    let mut leakers: Vec<Second> = LEAKS.iter().map(|_| start()).collect();
    let length = Duration::from_secs(SECONDS + 15);
    for (leaker, (what, rate, ..)) in leakers.iter_mut().zip(LEAKS) {
        let count = u64::from(*rate) * length.as_secs();
        leaker.say(&format!("{what} {count} {}", length.as_millis()));
    }
    let group = Group::new(leakers[1].id());
    let mut storm = start();
    storm.say(&format!("forks 0 {}", length.as_millis()));
    std::thread::sleep(Duration::from_secs(2));
    let recording = tempfile::tempdir().expect("a folder");
    let recorder = record(recording.path());
    let [text, json] = ["text", "json"].map(watch).map(|child| child.wait_with_output().expect("it ends"));
    let ended = recorder.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    println!("{text}{}", String::from_utf8_lossy(&json.stderr));
    let again = |format: &str| judged(recording.path(), format);
    let others = [still.id(), storm.id()];
    check(&text, &json.stdout, &leakers, &others, group.as_ref());
    // What a recording of the same time says.
    let text = String::from_utf8_lossy(&again("text")).into_owned();
    println!("{text}");
    check(&text, &again("json"), &leakers, &others, group.as_ref());
}

/// `poolmon record` beside the watch.
pub fn record(folder: &std::path::Path) -> Child {
    Command::new(program())
        .args(["record", "--interval", "1s", "--quiet", "--for", &format!("{SECONDS}s")])
        .arg(folder)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// `poolmon leaks` of a recording.
pub fn judged(folder: &std::path::Path, format: &str) -> Vec<u8> {
    let leaks = ["leaks", "--all", "--limit", "1000", "--format", format];
    let output = Command::new(program()).args(leaks).arg(folder).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Every leak has its process and cache, and who does not leak is not named.
fn check(text: &str, json: &[u8], leakers: &[Second], others: &[u32], group: Option<&Group>) {
    let json: Value = serde_json::from_slice(json).expect("valid JSON");
    let rows = json["verdicts"].as_array().expect("verdicts");
    for (leaker, (what, rate, kind, caches)) in leakers.iter().zip(LEAKS) {
        let row = rows
            .iter()
            .find(|row| caches.iter().any(|cache| row["tag"] == *cache) && !row["held_by"].is_null());
        let row = row.unwrap_or_else(|| panic!("{what}: no row of {caches:?} has a holder\n{text}"));
        let holders = row["held_by"]["holders"].as_array().expect("holders");
        let own = holders.iter().find(|holder| holder["pid"] == leaker.id());
        let own = own.unwrap_or_else(|| panic!("{what}: its process is not named: {row:#}\n{text}"));
        assert_eq!(own["kind"], *kind, "{what}: {own}");
        if let ("tcp", Some(group)) = (*what, group) {
            assert_eq!(own["group"], group.path, "{what}: {own}");
        }
        let per_second = own["per_second"].as_f64().expect("a rate");
        // Both ends of a pipe count.
        let expected = f64::from(*rate) * if *what == "pipes" { 2.0 } else { 1.0 };
        assert!((per_second / expected - 1.0).abs() < 0.1, "{what}: {per_second} of {expected} a second");
        // The kernel may merge its cache with another one that grows as well: ports and registrations.
        assert!(own["explains"].as_f64().is_some_and(|share| share > 0.4), "{what}: {row:#}");
    }
    // Both processes leak sockets: both are named, the faster one first.
    let sockets = rows.iter().find(|row| row["tag"] == "sock_inode_cache").expect("a row of sockets");
    let pids: Vec<_> =
        sockets["held_by"]["holders"].as_array().into_iter().flatten().map(|it| &it["pid"]).collect();
    assert_eq!(pids[..2], [leakers[0].id(), leakers[1].id()], "{sockets:#}");
    let share = sockets["held_by"]["explains"].as_f64().expect("a share");
    assert!((0.9..1.1).contains(&share), "{sockets:#}");
    // What only holds, and what comes and goes, is accused nowhere.
    for row in rows {
        for holder in row["held_by"]["holders"].as_array().into_iter().flatten() {
            assert!(others.iter().all(|other| holder["pid"] != *other), "{row:#}");
        }
    }
    let sentence = "UNIX stream sockets, +70/s, in step with";
    assert!(text.contains(sentence) || text.contains("+69/s") || text.contains("+71/s"), "{text}");
}

/// Control groups of version 2: a leak inside a group that is made here names that group, in the verdict and among the groups.
#[test]
fn a_leak_in_a_control_group_names_the_group() {
    if !poolmon_testkit::asked_for(Need::Vm) {
        return;
    }
    std::fs::write("/sys/fs/cgroup/cgroup.subtree_control", "+memory").expect("version 2 has the controller");
    let (mut still, mut leaker) = (start(), start());
    let (_other, group) =
        (Group::new(still.id()).expect("a group"), Group::new(leaker.id()).expect("a group"));
    still.say("registrations 1000 0");
    let length = Duration::from_secs(SECONDS + 40);
    // Few, as the guest is slow: with thousands of descriptors, censuses were too seldom to see a course.
    leaker.say(&format!("registrations {} {}", 25 * length.as_secs(), length.as_millis()));
    std::thread::sleep(Duration::from_secs(2));
    let verdict = watch("json");
    let holders = Command::new(program())
        .args(["holders", "--for", "20s", "--sort", "change", "--top", "1", "--format", "json"])
        .output()
        .expect("the program starts");
    let verdict: Value =
        serde_json::from_slice(&verdict.wait_with_output().expect("it ends").stdout).expect("valid JSON");
    let holders: Value = serde_json::from_slice(&holders.stdout).expect("valid JSON");
    // The first of the processes and the first of the groups.
    let first = |kind: &str| {
        let all = holders["holders"].as_array().expect("holders");
        all.iter().find(|one| one["type"] == kind).unwrap_or_else(|| panic!("no {kind}: {holders:#}"))
    };
    let (process, of_group) = (first("process"), first("control-group"));
    assert_eq!((&process["pid"], &process["group"]), (&leaker.id().into(), &group.path.as_str().into()));
    assert_eq!(of_group["id"], group.path.as_str(), "{holders:#}");
    let slab =
        of_group["kinds"].as_array().expect("kinds").iter().find(|one| one["kind"] == "slab-unreclaimable");
    let grown = slab.and_then(|one| one["change"].as_i64()).unwrap_or_else(|| panic!("{of_group:#}"));
    // 500 registrations, each with an eventfd's file: some 400 bytes of slabs at least.
    assert!(grown > 500 * 400, "{of_group:#}");
    let rows = verdict["verdicts"].as_array().expect("verdicts");
    let named = rows.iter().find(|row| row["held_by"]["holders"][0]["kind"] == "epoll-watches");
    let named = named.unwrap_or_else(|| panic!("no row of registrations has a holder: {verdict:#}"));
    let holder = &named["held_by"]["holders"][0];
    assert_eq!((&holder["pid"], &holder["group"]), (&leaker.id().into(), &group.path.as_str().into()));
    let sentence = named["reasons"][0].as_str().expect("a reason");
    assert!(sentence.contains(&format!(") in {} holds ", group.path)), "{sentence}");
}

/// A control group of the test's own, with one process in it. It goes with this value.
struct Group {
    folder: std::path::PathBuf,
    path: String,
    pid: u32,
}

impl Group {
    /// `None` where groups cannot be made.
    fn new(pid: u32) -> Option<Self> {
        let path = format!("/poolmon-test-{pid}");
        let one = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].into_iter().find_map(|root| {
            let folder = std::path::PathBuf::from(format!("{root}{path}"));
            std::fs::create_dir(&folder).ok()?;
            Some(Self { folder, path: path.clone(), pid })
        })?;
        std::fs::write(one.folder.join("cgroup.procs"), pid.to_string()).ok()?;
        Some(one)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A group with a process in it cannot be removed.
        let parent = self.folder.parent().map(|parent| parent.join("cgroup.procs"));
        let _ = parent.map(|procs| std::fs::write(procs, self.pid.to_string()));
        let _ = std::fs::remove_dir(&self.folder);
    }
}

fn start() -> Second {
    Second::start("leakers::act", 20_000, 0).expect("a process that may open files")
}

/// What a leaking process keeps.
#[derive(Default)]
struct Kept {
    sockets: Vec<UnixStream>,
    listeners: Vec<TcpListener>,
    descriptors: Vec<OwnedFd>,
    files: Vec<File>,
    pipes: Vec<(OwnedFd, OwnedFd)>,
    folder: Option<tempfile::TempDir>,
    first: Option<OwnedFd>,
    taken: u32,
}

impl Kept {
    fn take(&mut self, what: &str) {
        self.taken += 1;
        match what {
            "unix" if self.taken.is_multiple_of(2) => {}
            // Two sockets at once.
            "unix" => {
                let (one, other) = UnixStream::pair().expect("sockets");
                self.sockets.extend([one, other]);
            }
            "tcp" => self.listeners.push(TcpListener::bind("127.0.0.1:0").expect("a socket")),
            "watches" => {
                use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
                let path = self.file();
                let inotify = self.first.get_or_insert_with(|| init(CreateFlags::empty()).expect("inotify"));
                add_watch(inotify.as_fd(), path, WatchFlags::MODIFY).expect("a watch");
            }
            "registrations" => {
                let event =
                    rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).expect("an eventfd");
                let create = || epoll::create(epoll::CreateFlags::empty()).expect("epoll");
                let epoll = self.first.get_or_insert_with(create);
                let data = epoll::EventData::new_u64(0);
                epoll::add(epoll, &event, data, epoll::EventFlags::IN).expect("registered");
                self.descriptors.push(event);
            }
            "locks" => {
                let file = File::create(self.file()).expect("a file");
                rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::LockExclusive).expect("a lock");
                self.files.push(file);
            }
            "pipes" => self.pipes.push(rustix::pipe::pipe().expect("a pipe")),
            "threads" => {
                let builder = std::thread::Builder::new().stack_size(64 * 1024);
                builder.spawn(|| std::thread::sleep(Duration::from_hours(1))).expect("a thread");
            }
            "memfds" => {
                let file = rustix::fs::memfd_create("leak", rustix::fs::MemfdFlags::empty());
                self.descriptors.push(file.expect("a file in memory"));
            }
            _ => panic!("{what}"),
        }
    }

    /// A new file.
    fn file(&mut self) -> std::path::PathBuf {
        let folder = self.folder.get_or_insert_with(|| tempfile::tempdir().expect("a folder"));
        let path = folder.path().join(self.taken.to_string());
        File::create(&path).expect("a file");
        path
    }
}

/// Takes N of them, evenly over this time, on a thread of its own; at once if there is none.
fn act_for(what: String, count: u32, length: Duration) {
    let mut kept = Kept::default();
    if length.is_zero() {
        (0..count).for_each(|_| kept.take(&what));
        std::mem::forget(kept);
        return;
    }
    std::thread::spawn(move || {
        let start = Instant::now();
        if what == "forks" {
            while start.elapsed() < length {
                let status = Command::new("sh").args(["-c", "true | true"]).status();
                assert!(status.expect("a process").success());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        while kept.taken < count {
            let due = f64::from(count) * start.elapsed().as_secs_f64() / length.as_secs_f64();
            while f64::from(kept.taken) < due && kept.taken < count {
                kept.take(&what);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // It keeps everything until it is ended.
        std::thread::sleep(Duration::from_hours(1));
        drop(kept);
    });
}

#[test]
#[ignore = "a process of its own, started by the tests"]
fn act() {
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let words: Vec<&str> = line.split(' ').collect();
        let [what, count, millis] = words[..] else { panic!("{line}") };
        let length = Duration::from_millis(millis.parse().expect("a number"));
        act_for(what.to_owned(), count.parse().expect("a number"), length);
        println!("done");
    }
}
