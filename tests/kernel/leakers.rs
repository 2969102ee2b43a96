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
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use poolmon_testkit::{Need, asked_for, skip};
use rustix::event::epoll;
use serde_json::Value;

use crate::answer::{SECONDS, Said, Wanted, here, holders, program};
use crate::second::Second;

/// A leak of the test.
pub struct Leak {
    /// What a process takes.
    pub what: &'static str,
    /// How often, a second.
    pub rate: u32,
    /// The kind that is counted, and how many of it are taken at once.
    pub kind: (&'static str, u32),
    /// Names of its cache, by version of Linux.
    pub caches: &'static [&'static str],
}

const fn leak(what: &'static str, rate: u32, kind: &'static str, caches: &'static [&'static str]) -> Leak {
    Leak { what, rate, kind: (kind, 1), caches }
}

/// All of them.
pub const LEAKS: &[Leak] = &[
    leak("unix", 70, "unix-stream", &["UNIX-STREAM", "UNIX"]),
    leak("tcp", 50, "tcp", &["TCP"]),
    leak("watches", 60, "inotify-watches", &["inotify_inode_mark"]),
    leak("registrations", 90, "epoll-watches", &["eventpoll_epi"]),
    leak("locks", 55, "posix-locks", &["file_lock_cache"]),
    // Both ends count.
    Leak { what: "pipes", rate: 45, kind: ("pipes", 2), caches: &["kmalloc-cg-1k", "kmalloc-1k"] },
    leak("threads", 20, "threads", &["task_struct"]),
    leak("memfds", 40, "memfd", &["shmem_inode_cache"]),
];

impl Leak {
    /// The line that has a process leak for this long.
    pub fn order(&self, seconds: u64) -> String {
        format!("{} {} {}", self.what, u64::from(self.rate) * seconds, seconds * 1_000)
    }

    /// What has to be said of it, if this process leaks.
    pub fn wanted(&self, pid: u32) -> Wanted<'_> {
        Wanted {
            what: self.what,
            cache: here(self.caches),
            kind: self.kind.0,
            rate: f64::from(self.rate * self.kind.1),
            explains: 0.85,
            holder: format!("(pid {pid})"),
        }
    }
}

#[test]
fn each_leak_names_its_process_and_its_cache() {
    if !can_run() {
        return;
    }
    let _alone = crate::trace::alone();
    let mut still = start();
    still.say("unix 4000 0");
    let mut leakers: Vec<Second> = LEAKS.iter().map(|_| start()).collect();
    for (leaker, leak) in leakers.iter_mut().zip(LEAKS) {
        leaker.say(&leak.order(SECONDS + 15));
    }
    let group = match Group::new(leakers[1].id()) {
        Ok(group) => Some(group),
        Err(error) => {
            skip(Need::Root, format_args!("no control group can be made here: {error}"));
            None
        }
    };
    let mut storm = start();
    storm.say(&format!("forks 0 {}", 1_000 * (SECONDS + 15)));
    std::thread::sleep(Duration::from_secs(2));
    for said in Said::live_and_recorded() {
        println!("{}", said.text);
        check(&said, &leakers, &[still.id(), storm.id()], group.as_ref());
    }
}

/// Every leak has its process and cache, and who does not leak is not named.
fn check(said: &Said, leakers: &[Second], others: &[u32], group: Option<&Group>) {
    let all: Vec<Wanted<'_>> =
        leakers.iter().zip(LEAKS).map(|(leaker, leak)| leak.wanted(leaker.id())).collect();
    // Bound ports may be in the slabs of the registrations: both are right there.
    let ports = Wanted {
        what: "ports",
        cache: here(&["tcp_bind2_bucket", "tcp_bind_bucket"]),
        ..LEAKS[1].wanted(leakers[1].id())
    };
    for one in &all {
        let shares = one.what == "registrations" && slabs_of(one.cache) == slabs_of(ports.cache);
        let others = [&ports];
        one.check(said, if shares { &others } else { &[] });
    }
    if let Some(group) = group {
        for (_, holder) in said.named().filter(|(row, holder)| all[1].is_it(row, holder)) {
            assert_eq!(holder["group"], group.path, "{holder}");
        }
    }
    // Both processes leak sockets: both are named, the faster one first.
    let sockets = said.rows.iter().find(|row| row["tag"] == "sock_inode_cache").expect("a row of sockets");
    let pids: Vec<&Value> = holders(sockets).iter().map(|holder| &holder["pid"]).collect();
    assert_eq!(pids, [leakers[0].id(), leakers[1].id()], "{sockets:#}");
    let share = sockets["held_by"]["explains"].as_f64().expect("a share");
    assert!((0.9..=1.0).contains(&share), "{sockets:#}");
    // What only holds, and what comes and goes, is accused nowhere.
    for (row, holder) in said.named() {
        assert!(others.iter().all(|other| holder["pid"] != *other), "{row:#}");
    }
}

/// A leak beside a process that fills and closes the same kind of descriptor: the row is the sum of both, and shows none.
#[test]
fn a_leak_beside_who_closes_all_is_named() {
    if !can_run() {
        return;
    }
    let _alone = crate::trace::alone();
    let (mut leaker, mut other) = (start(), start());
    let rate = 50;
    leaker.say(&format!("unix {} {}", rate * (SECONDS + 15), 1_000 * (SECONDS + 15)));
    other.say(&format!("teeth 2000 {}", 1_000 * (SECONDS + 15)));
    std::thread::sleep(Duration::from_secs(2));
    for said in Said::live_and_recorded() {
        println!("{}", said.text);
        assert!(!said.text.contains("No leak found"), "{}", said.text);
        let rising = said.json["rising_holders"].as_array().expect("holders");
        let of = |pid: u32| rising.iter().filter(|one| one["pid"] == pid).collect::<Vec<_>>();
        let [leak] = of(leaker.id())[..] else { panic!("{rising:#?}") };
        assert_eq!(leak["kind"], "unix-stream");
        let per_second = leak["per_second"].as_f64().expect("a rate");
        assert!((per_second / rate as f64 - 1.0).abs() < 0.1, "{leak:#}");
        assert!(of(other.id()).is_empty(), "it gives all back: {rising:#?}");
        let is_said = |line: &str| line.contains(&format!("(pid {})", leaker.id()));
        assert!(said.text.lines().any(is_said), "{}", said.text);
        assert!(said.text.contains("Next: see all that holders keep"), "{}", said.text);
    }
}

/// Where the kernel keeps a cache; the same place for caches that it merged.
fn slabs_of(cache: &str) -> std::path::PathBuf {
    std::fs::canonicalize(std::path::Path::new("/sys/kernel/slab").join(cache)).expect("a cache")
}

/// Whether tests of holders can run here, and are wanted.
pub fn can_run() -> bool {
    if !asked_for(Need::Long) {
        return false;
    }
    let is_root = File::open("/proc/slabinfo").and_then(|mut file| file.read(&mut [0; 16])).is_ok();
    if !is_root {
        skip(Need::Root, "/proc/slabinfo is not readable here (root needed)");
    }
    is_root
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
    // Few, as the guest is slow: with thousands of descriptors, censuses were too seldom to see a course.
    let leak = leak("registrations", 25, "epoll-watches", &["eventpoll_epi"]);
    leaker.say(&leak.order(SECONDS + 40));
    std::thread::sleep(Duration::from_secs(2));
    let holders = Command::new(program())
        .args(["holders", "--for", "20s", "--sort", "change", "--top", "1", "--format", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let said = Said::live_and_recorded();
    let holders = holders.wait_with_output().expect("it ends");
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
    for said in &said {
        println!("{}", said.text);
        leak.wanted(leaker.id()).check(said, &[]);
        for (row, holder) in said.named().filter(|(_, holder)| holder["kind"] == "epoll-watches") {
            assert_eq!(
                (&holder["pid"], &holder["group"]),
                (&leaker.id().into(), &group.path.as_str().into())
            );
            let sentence = row["reasons"][0].as_str().expect("a reason");
            assert!(sentence.contains(&format!(") in {} holds ", group.path)), "{sentence}");
        }
    }
}

/// A control group of the test's own, with one process in it. It goes with this value.
struct Group {
    folder: std::path::PathBuf,
    path: String,
    pid: u32,
}

impl Group {
    /// An error where groups cannot be made.
    fn new(pid: u32) -> std::io::Result<Self> {
        let path = format!("/poolmon-test-{pid}");
        let root = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"]
            .into_iter()
            .find(|root| std::path::Path::new(root).exists());
        let folder = std::path::PathBuf::from(format!("{}{path}", root.unwrap_or("/sys/fs/cgroup")));
        std::fs::create_dir(&folder)?;
        let one = Self { folder, path, pid };
        std::fs::write(one.folder.join("cgroup.procs"), pid.to_string())?;
        Ok(one)
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

pub fn start() -> Second {
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
    /// Files that were made beforehand, so that nothing but what watches them is taken meanwhile.
    made: Vec<std::path::PathBuf>,
    taken: u32,
}

impl Kept {
    fn prepare(&mut self, what: &str, count: u32) {
        if what == "watches" {
            let folder = tempfile::tempdir().expect("a folder");
            self.made = (0..count).map(|n| folder.path().join(n.to_string())).collect();
            self.made.iter().for_each(|path| drop(File::create(path).expect("a file")));
            self.folder = Some(folder);
        }
    }

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
                let path = self.made.pop().expect("a file");
                let inotify = self.first.get_or_insert_with(|| init(CreateFlags::empty()).expect("inotify"));
                add_watch(inotify.as_fd(), path, WatchFlags::MODIFY).expect("a watch");
            }
            // Of one file, through descriptors that were duplicated: nothing else is taken.
            "registrations" | "duplicates" => {
                let make =
                    || rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).expect("an eventfd");
                let event = match self.descriptors.first().filter(|_| what == "duplicates") {
                    Some(first) => first.try_clone().expect("a descriptor"),
                    None => make(),
                };
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
    kept.prepare(&what, count);
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
        // Fills in eight seconds, and closes all.
        while what == "teeth" && start.elapsed() < length {
            let full = Duration::from_secs(8);
            let begun = Instant::now();
            let mut sockets = Vec::new();
            while begun.elapsed() < full {
                let due = f64::from(count) * begun.elapsed().as_secs_f64() / full.as_secs_f64();
                while (sockets.len() as f64) < due {
                    let (one, other) = UnixStream::pair().expect("sockets");
                    sockets.extend([one, other]);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        while what != "teeth" && kept.taken < count {
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
