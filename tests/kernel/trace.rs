//! `poolmon trace` on a real kernel, with a process that leaks, and with loads that leak nothing. Runs in the guest and, as root, on
//! any machine: there only stacks of these loads are looked at, as other programs allocate, too.

use std::fs::File;
use std::io::BufRead as _;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use poolmon_testkit::{Need, skip, wanted};
use rustix::event::epoll;
use serde_json::Value;

use crate::second::Second;

/// One trace at a time: a second one's reader would be noise in the first.
static ALONE: Mutex<()> = Mutex::new(());

/// The program: in the guest its release build, elsewhere the one that was built with the tests.
fn program() -> std::ffi::OsString {
    let here = std::ffi::OsString::from(env!("CARGO_BIN_EXE_poolmon"));
    if wanted(Need::Vm) { crate::program() } else { std::env::var_os("POOLMON_PROGRAM").unwrap_or(here) }
}

/// Waits until no other test makes the kernel's caches grow: processes that leak on purpose share them.
pub fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Skips the test where tracing is not allowed.
fn allowed() -> Option<MutexGuard<'static, ()>> {
    let alone = alone();
    let output =
        Command::new(program()).args(["trace", "filp", "--for", "100ms"]).output().expect("it starts");
    if output.status.success() {
        return Some(alone);
    }
    skip(Need::Root, format_args!("no tracing here: {}", String::from_utf8_lossy(&output.stderr).trim()));
    None
}

/// A trace, begun: the load has to last longer than it does.
fn begin(cache: &str, length: &str) -> Child {
    begin_with(&[cache], length)
}

/// The same of anything.
fn begin_with(what: &[&str], length: &str) -> Child {
    let child = Command::new(program())
        .arg("trace")
        .args(what)
        .args(["--for", length, "--max-load", "100", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // Rings are open, and events on, within a fraction of this.
    std::thread::sleep(Duration::from_millis(700));
    child
}

fn answer(child: Child) -> Value {
    let output = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("valid JSON");
    println!("{}", short(&json));
    assert_eq!((&json["events"]["lost"], &json["stopped"]), (&0.into(), &Value::Null), "{}", short(&json));
    json
}

/// The figures without the stacks.
fn short(json: &Value) -> String {
    let owners = json["owners"].as_array().expect("owners").iter().take(6);
    let owners = owners.map(|owner| {
        let figure = |name: &str| owner[name].to_string();
        format!(
            "  {} {} {} objects, {} allocations, {} reused",
            figure("owner"),
            figure("verdict"),
            figure("objects"),
            figure("allocations"),
            figure("reused")
        )
    });
    let (events, growth) = (&json["events"], &json["growth"]);
    format!(
        "{} {events} growth {growth} explained {}\n{}",
        json["target"],
        json["explained"],
        owners.collect::<Vec<_>>().join("\n")
    )
}

fn figure(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("no {name}: {value}"))
}

/// The stacks of which a frame's name contains the text.
fn stacks<'a>(owners: impl IntoIterator<Item = &'a Value>, frame: &str) -> Vec<&'a Value> {
    let is_in = |stack: &&Value| {
        let mut frames = stack["frames"].as_array().expect("frames").iter();
        frames.any(|it| it["place"].as_str().is_some_and(|place| place.contains(frame)))
    };
    owners.into_iter().flat_map(|owner| owner["stacks"].as_array().expect("stacks")).filter(is_in).collect()
}

fn accused(json: &Value) -> Vec<&Value> {
    let owners = json["owners"].as_array().expect("owners");
    owners.iter().filter(|owner| owner["verdict"] == "keeps-growing").collect()
}

#[test]
fn held_files_are_found_under_the_path_that_opens_them() {
    let Some(_alone) = allowed() else { return };
    let mut leaker = Second::start("trace::act", 20_000, 0).expect("a process that may open files");
    let child = begin("filp", "5s");
    leaker.say("files 5000 0");
    let json = answer(child);
    let owners = json["owners"].as_array().unwrap();
    let held: f64 = stacks(owners, "path_openat").iter().map(|stack| figure(stack, "objects")).sum();
    let all = figure(&json["outstanding"], "objects");
    assert!((5_000.0..6_000.0).contains(&held), "{held} of {all}");
    assert!(held / all >= 0.99, "{held} of {all}");
    let explained = figure(&json, "explained");
    assert!((0.95..=1.05).contains(&explained), "{explained}");
    if wanted(Need::Vm) {
        assert!(held < 5_010.0, "nothing else opens files there: {held}");
    }
}

/// Leaks 500 objects a second; the stack with this frame has to be accused, first of all.
fn a_leak_of(what: &str, cache: &str, frame: &str) {
    let Some(_alone) = allowed() else { return };
    let mut leaker = Second::start("trace::act", 20_000, 0).expect("a process that may open files");
    leaker.say(&format!("{what} 4000 8000"));
    std::thread::sleep(Duration::from_millis(300));
    let json = answer(begin(cache, "5s"));
    let accused = accused(&json);
    let found = stacks(accused.first().copied(), frame);
    assert!(!found.is_empty(), "{frame} is not accused first: {}", short(&json));
    let objects: f64 = found.iter().map(|stack| figure(stack, "objects")).sum();
    // A busy machine leaves the leaker behind its pace; how many it were is what the kernel's own count says.
    assert!((500.0..=3_000.0).contains(&objects), "{objects} objects of about 2,500");
    if wanted(Need::Vm) {
        let grown = figure(&json["growth"], "objects");
        // The kernel counts the slab that a processor fills just now as full: two of them, at either end.
        assert!((grown - objects).abs() <= 0.03 * grown + 128.0, "{grown}: {}", short(&json));
        assert_eq!(accused.len(), 1, "{}", short(&json));
    }
}

#[test]
fn leaking_sockets_are_accused() {
    a_leak_of("sockets", "UDP", "inet_create");
}

#[test]
fn leaking_inotify_watches_are_accused() {
    a_leak_of("watches", "inotify_inode_mark", "inotify");
}

#[test]
fn a_leak_of_general_blocks_is_accused() {
    a_leak_of("events", "kmalloc-64", "eventfd");
}

/// A saved trace of a leak gives the same answer again, in every form; exit code 3 says that something leaks.
#[test]
fn a_leak_is_saved_and_read_again() {
    let Some(_alone) = allowed() else { return };
    let place = tempfile::tempdir().expect("a folder");
    let path = |name: &str| place.path().join(name).to_str().expect("UTF-8").to_owned();
    let (save, svg) = (path("leak.ptrace"), path("leak.svg"));
    let mut leaker = Second::start("trace::act", 20_000, 0).expect("a process that may open files");
    leaker.say("events 4000 8000");
    std::thread::sleep(Duration::from_millis(300));
    let run = |arguments: &[&str]| {
        Command::new(program()).arg("trace").args(arguments).output().expect("it starts")
    };
    let live = run(&[
        "kmalloc-64",
        "--for",
        "4s",
        "--max-load",
        "100",
        "--format",
        "json",
        "--fail-on",
        "leak",
        "--save",
        &save,
        "--svg",
        &svg,
    ]);
    assert_eq!(live.status.code(), Some(3), "{}", String::from_utf8_lossy(&live.stderr));
    let again = run(&[&save, "--format", "json", "--fail-on", "leak"]);
    assert_eq!(again.status.code(), Some(3), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(String::from_utf8_lossy(&again.stdout), String::from_utf8_lossy(&live.stdout));
    let json: Value = serde_json::from_slice(&live.stdout).expect("valid JSON");
    let folded = run(&[&save, "--folded"]);
    let folded = String::from_utf8_lossy(&folded.stdout).into_owned();
    let bytes: f64 =
        folded.lines().map(|line| line.rsplit_once(' ').expect("a number").1.parse::<f64>().unwrap()).sum();
    assert!((bytes - figure(&json["outstanding"], "bytes")).abs() < 0.5, "{bytes}: {folded}");
    assert!(folded.contains(";do_eventfd;"), "{folded}");
    let drawing = std::fs::read_to_string(&svg).expect("a drawing");
    assert!(drawing.contains("do_eventfd") && drawing.contains("#f4978e"), "the leak is red");
}

/// Pages that a file in memory keeps, under the path that writes it.
#[test]
fn pages_are_found_under_the_path_that_takes_them() {
    let Some(_alone) = allowed() else { return };
    if !std::fs::read_to_string("/proc/mounts").is_ok_and(|text| text.contains(" /dev/shm tmpfs ")) {
        skip(Need::Tools, "no tmpfs at /dev/shm");
        return;
    }
    // The guest writes more slowly.
    let pages: u16 = if wanted(Need::Vm) { 512 } else { 8_192 };
    let child = begin_with(&["--pages"], "4s");
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    std::fs::write(folder.path().join("kept"), vec![7_u8; usize::from(pages) * 4096]).expect("room");
    let json = answer(child);
    let owners = json["owners"].as_array().unwrap();
    let held: f64 = stacks(owners, "shmem_").iter().map(|stack| figure(stack, "objects")).sum();
    let pages = f64::from(pages);
    assert!((pages..pages + 200.0).contains(&held), "{held} pages of {pages}: {}", short(&json));
    assert_eq!(json["subject"], "pages");
}

/// Sends a signal to a child.
fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).expect("a signal is sent");
}

/// More events than may be traced, and a reader that is held up while they happen: both end the trace with a message, and what
/// was lost is counted.
#[test]
fn a_trace_that_costs_or_loses_too_much_stops() {
    let Some(_alone) = allowed() else { return };
    if wanted(Need::Vm) {
        // The guest's processor is too slow to open so many files.
        return;
    }
    let mut load = Second::start("trace::act", 1_000, 0).expect("a second process");
    load.say("opens 0 14000");
    let start = |max_load: &str| {
        let arguments = ["trace", "filp", "--for", "60s", "--max-load", max_load, "--format", "json"];
        let child =
            Command::new(program()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        child.expect("it starts")
    };
    let stopped = |child: Child| -> Value {
        let output = child.wait_with_output().expect("it ends");
        serde_json::from_slice(&output.stdout).expect("valid JSON")
    };
    let costly = stopped(start("2"));
    let why = costly["stopped"].as_str().expect("it stopped");
    assert!(why.contains("% of the machine, more than 2.0 %"), "{why}");
    assert!((2.9..10.0).contains(&figure(&costly, "seconds")), "{costly:#}");
    let child = start("100");
    std::thread::sleep(Duration::from_secs(1));
    signal(&child, rustix::process::Signal::STOP);
    std::thread::sleep(Duration::from_secs(3));
    signal(&child, rustix::process::Signal::CONT);
    let lossy = stopped(child);
    let why = lossy["stopped"].as_str().expect("it stopped");
    assert!(why.contains("of the events were lost"), "{why}");
    assert!(figure(&lossy["events"], "lost") > 10_000.0, "{}", short(&lossy));
    assert!(accused(&lossy).is_empty(), "objects whose frees were lost are no leak: {}", short(&lossy));
}

/// A load that keeps nothing, though most of its frees pass no tracepoint.
fn no_leak_of(what: &str, cache: &str, frames: &[&str]) {
    let Some(_alone) = allowed() else { return };
    let mut load = Second::start("trace::act", 1_000, 0).expect("a second process");
    load.say(&format!("{what} 0 8000"));
    let json = answer(begin(cache, "5s"));
    let owners = json["owners"].as_array().unwrap();
    let made: f64 =
        frames.iter().flat_map(|frame| stacks(owners, frame)).map(|stack| figure(stack, "allocations")).sum();
    let unseen = json["remarks"].to_string().contains("only in bulk");
    assert!(made > 500.0 || unseen, "the load shows in the trace: {}", short(&json));
    for owner in accused(&json) {
        let found = frames.iter().any(|frame| !stacks([owner], frame).is_empty());
        assert!(!found || is_others(owner), "the load is accused: {}", short(&json));
    }
    if wanted(Need::Vm) {
        assert!(accused(&json).is_empty(), "{}", short(&json));
    }
}

/// Whether what is outstanding belongs to other programs of the machine: those that were still running when the trace looked up
/// their names. Ours are over by then, or have the name of the tests.
fn is_others(owner: &Value) -> bool {
    let own = std::fs::read_to_string("/proc/self/comm").expect("a name");
    let (mut others, mut all) = (0.0, 0.0);
    for task in owner["running"].as_array().expect("processes") {
        let objects = figure(task, "objects");
        all += objects;
        others += if task["name"].as_str().is_some_and(|name| name != own.trim()) { objects } else { 0.0 };
    }
    others >= all * 0.9
}

#[test]
fn an_epoll_loop_is_not_accused() {
    no_leak_of("epoll", "eventpoll_epi", &["epoll_ctl"]);
}

#[test]
fn packets_on_the_loopback_are_not_accused() {
    no_leak_of("packets", "skbuff_head_cache", &["udp_sendmsg"]);
}

#[test]
fn a_storm_of_processes_is_not_accused() {
    no_leak_of("forks", "vm_area_struct", &["dup_mm", "mmap_region", "copy_process"]);
}

/// What the second process keeps.
#[derive(Default)]
struct Held {
    files: Vec<File>,
    sockets: Vec<UdpSocket>,
    descriptors: Vec<OwnedFd>,
    folder: Option<tempfile::TempDir>,
}

impl Held {
    fn take(&mut self, what: &str) {
        match what {
            "files" => self.files.push(File::open("/dev/zero").expect("a file")),
            "sockets" => self.sockets.push(UdpSocket::bind("127.0.0.1:0").expect("a socket")),
            "events" => {
                let event = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty());
                self.descriptors.push(event.expect("an eventfd"));
            }
            "watches" => self.watch(),
            _ => panic!("{what}"),
        }
    }

    /// A watch of an inode that has none yet: its mark is what is kept.
    fn watch(&mut self) {
        use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
        if self.descriptors.is_empty() {
            self.descriptors.push(init(CreateFlags::empty()).expect("inotify"));
        }
        let folder = self.folder.get_or_insert_with(|| tempfile::tempdir().expect("a folder"));
        let path = folder.path().join(self.files.len().to_string());
        self.files.push(File::create(&path).expect("a file"));
        add_watch(&self.descriptors[0], &path, WatchFlags::MODIFY).expect("a watch");
    }
}

/// So long and so evenly is something done, on a thread of its own unless all of it is done at once.
fn act_for(what: &str, count: u32, length: Duration) {
    let mut held = Held::default();
    if length.is_zero() {
        (0..count).for_each(|_| held.take(what));
        std::mem::forget(held);
        return;
    }
    let what = what.to_owned();
    std::thread::spawn(move || {
        let start = Instant::now();
        if count == 0 {
            while start.elapsed() < length {
                load(&what);
            }
        }
        let mut taken = 0;
        while taken < count {
            let due = f64::from(count) * start.elapsed().as_secs_f64() / length.as_secs_f64();
            while f64::from(taken) < due && taken < count {
                held.take(&what);
                taken += 1;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        std::mem::forget(held);
    });
}

/// A tenth of a second of load that keeps nothing.
fn load(what: &str) {
    match what {
        "epoll" => {
            let epoll = epoll::create(epoll::CreateFlags::empty()).expect("epoll");
            let event = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).expect("an eventfd");
            for _ in 0..1_000 {
                epoll::add(&epoll, &event, epoll::EventData::new_u64(0), epoll::EventFlags::IN)
                    .expect("added");
                epoll::delete(&epoll, &event).expect("removed");
            }
        }
        "packets" => {
            let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a socket"));
            let to = sockets[1].local_addr().expect("its address");
            for _ in 0..500 {
                sockets[0].send_to(&[7; 100], to).expect("sent");
                sockets[1].recv(&mut [0; 200]).expect("received");
            }
        }
        "opens" => {
            for _ in 0..100_000 {
                drop(File::open("/dev/zero").expect("a file"));
            }
            return;
        }
        "forks" => {
            let status = Command::new("sh").args(["-c", ":"]).status();
            assert!(status.expect("a process").success());
        }
        _ => panic!("{what}"),
    }
    std::thread::sleep(Duration::from_millis(5));
}

#[test]
#[ignore = "a process of its own, started by the tests"]
fn act() {
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let [what, count, millis] = words[..] else { panic!("{line}") };
        act_for(what, count.parse().unwrap(), Duration::from_millis(millis.parse().unwrap()));
        println!("done");
    }
}
