//! As `leakers.rs`, of what is kept by no descriptor: System V queues and their messages, keys, BPF maps, zombies, files in memory,
//! mounts. Needs root and python3, whose `ctypes` reaches system calls without `unsafe` here; takes a minute.

use std::fs::File;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use poolmon_testkit::{Need, asked_for, skip};
use serde_json::Value;

use crate::leakers::{judged, record, watch};

/// Leaks `rate` objects of a kind a second until its input ends, then removes what would outlive it.
const LEAK: &str = r"
import ctypes, fcntl, os, select, shutil, socket, sys, tempfile, time
libc = ctypes.CDLL(None, use_errno=True)
what, rate = sys.argv[1], int(sys.argv[2])
undo = []
def check(value):
    if value < 0: raise OSError(ctypes.get_errno(), what)
    return value
def queue():
    one = check(libc.msgget(0, 0o1600))
    undo.append(lambda: libc.msgctl(one, 0, None))
    return one
if what == 'messages':
    # The limit of bytes in a queue is that of when it is made.
    limit = open('/proc/sys/kernel/msgmnb').read()
    open('/proc/sys/kernel/msgmnb', 'w').write('16777216')
    one = queue()
    open('/proc/sys/kernel/msgmnb', 'w').write(limit)
    message = ctypes.create_string_buffer(b'\1' + bytes(7) + b'x' * 40, 48)
if what == 'files': folder = tempfile.mkdtemp(dir='/dev/shm'); undo.append(lambda: shutil.rmtree(folder))
if what == 'mounts': check(libc.unshare(0x20000)); check(libc.mount(b'none', b'/', None, 0x44000, None))
if what == 'mounts': folder = tempfile.mkdtemp().encode(); undo.append(lambda: os.rmdir(folder))
if what == 'locks':
    folder = tempfile.mkdtemp()
    undo.append(lambda: shutil.rmtree(folder))
    locked = [open(folder + '/%d' % n, 'w') for n in range(200)]
    def lock(n): fcntl.lockf(locked[n % 200], fcntl.LOCK_EX, 1, n // 200 * 2)
    for n in range(50000): lock(n)
sockets, queues = [], []
def leak(n):
    if what == 'queues': queue()
    elif what == 'late': sockets.append(socket.socket())
    elif what == 'spread':
        if n % 15 == 0: queues.append(queue())
        check(libc.msgsnd(queues[-1], long, 1000, 0o4000))
    elif what == 'locks': lock(50000 + n)
    elif what == 'messages': check(libc.msgsnd(one, message, 40, 0o4000))
    elif what == 'keys': check(libc.syscall(248, b'user', b'poolmon %d' % n, b'x' * 16, ctypes.c_size_t(16), -2))
    elif what == 'maps': check(libc.syscall(321, 0, (ctypes.c_uint32 * 32)(2, 4, 8, 1), 72))
    elif what == 'zombies': os.fork() or os._exit(0)
    elif what == 'files': open(folder + '/%d' % n, 'w').close()
    elif what == 'mounts': check(libc.mount(folder, folder, None, 4096, None))
if what == 'spread':
    long = ctypes.create_string_buffer(b'\1' + bytes(7) + b'x' * 1000, 1008)
# It begins within the watch.
start, n = time.monotonic() + (20 if what == 'late' else 0), 0
print('ready', flush=True)
try:
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        while n < (time.monotonic() - start) * rate: leak(n); n += 1
finally:
    if what == 'mounts':
        while libc.umount2(folder, 2) == 0: pass
    for one in undo: one()
";

/// What leaks, how many a second, the type of its holder, the kind, and names of caches of which one has to show it.
const LEAKS: &[(&str, u32, &str, &str, &[&str])] = &[
    ("queues", 50, "user", "message-queues", &["kmalloc-cg-256", "kmalloc-256"]),
    ("messages", 120, "queue", "messages", &["msg_msg-96", "kmalloc-cg-96", "kmalloc-96"]),
    ("spread", 60, "sender", "messages", &["msg_msg-2k", "kmalloc-cg-2k", "kmalloc-2k"]),
    ("late", 60, "process", "tcp", &["TCP"]),
    ("keys", 60, "user", "keys", &["key_jar"]),
    ("maps", 40, "process", "bpf-maps", &["kmalloc-cg-512", "kmalloc-512"]),
    ("zombies", 30, "process", "zombies", &["task_struct"]),
    ("files", 70, "tmpfs", "tmpfs-inodes", &["shmem_inode_cache"]),
    ("mounts", 35, "mount-namespace", "mounts", &["mnt_cache"]),
];

/// A leaking process; its end undoes what it did.
struct Leaker(Child);

impl Drop for Leaker {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A leaker, ready.
fn start(what: &str, rate: u32) -> Leaker {
    let mut child = Command::new("python3")
        .args(["-c", LEAK, what, &rate.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut ready = [0; 5];
    child.stdout.as_mut().expect("its output").read_exact(&mut ready).expect("it is ready");
    Leaker(child)
}

/// Whether these tests can run here, and are wanted.
fn can_run() -> bool {
    if !asked_for(Need::Long) {
        return false;
    }
    if File::open("/proc/slabinfo").and_then(|mut file| file.read(&mut [0; 16])).is_err() {
        skip(Need::Root, "/proc/slabinfo is not readable here (root needed)");
        return false;
    }
    if !Command::new("python3").args(["-c", "import ctypes"]).status().is_ok_and(|status| status.success()) {
        skip(Need::Tools, "there is no python3");
        return false;
    }
    true
}

/// The kernel takes seconds to list 50,000 locks: samples are taken meanwhile, and who has them is counted otherwise.
#[test]
fn very_many_locks_hold_up_no_sample() {
    if !can_run() {
        return;
    }
    let _alone = crate::trace::alone();
    let leaker = start("locks", 120);
    let recording = tempfile::tempdir().expect("a folder");
    let recorder = record(recording.path());
    let live = watch("json").wait_with_output().expect("it ends");
    assert!(recorder.wait_with_output().expect("it ends").status.success());
    for json in [live.stdout, judged(recording.path(), "json")] {
        let json: Value = serde_json::from_slice(&json).expect("valid JSON");
        assert!(json["samples"].as_u64() >= Some(36), "one a second: {}", json["samples"]);
        let rows = json["verdicts"].as_array().expect("verdicts");
        let row = rows.iter().find(|row| row["tag"] == "file_lock_cache").expect("a row of locks");
        let own = &row["held_by"]["holders"][0];
        assert_eq!((&own["pid"], &own["kind"]), (&leaker.0.id().into(), &"posix-locks".into()), "{row:#}");
        assert!(own["per_second"].as_f64().is_some_and(|rate| (rate / 120.0 - 1.0).abs() < 0.1), "{own}");
    }
}

#[test]
fn what_no_descriptor_keeps_names_its_holder() {
    if !can_run() {
        return;
    }
    let _alone = crate::trace::alone();
    let leakers: Vec<Leaker> = LEAKS.iter().map(|(what, rate, ..)| start(what, *rate)).collect();
    std::thread::sleep(Duration::from_secs(2));
    let recording = tempfile::tempdir().expect("a folder");
    let recorder = record(recording.path());
    let [text, json] = ["text", "json"].map(watch).map(|child| child.wait_with_output().expect("it ends"));
    let ended = recorder.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    check(&text, &json.stdout, &leakers);
    // What a recording of the same time says.
    let text = String::from_utf8_lossy(&judged(recording.path(), "text")).into_owned();
    check(&text, &judged(recording.path(), "json"), &leakers);
}

/// Every leak has its holder.
fn check(text: &str, json: &[u8], leakers: &[Leaker]) {
    println!("{text}");
    let json: Value = serde_json::from_slice(json).expect("valid JSON");
    let rows = json["verdicts"].as_array().expect("verdicts");
    for (leaker, (what, rate, holder, kind, caches)) in leakers.iter().zip(LEAKS) {
        let is_it = |one: &Value| one["type"] == *holder && one["kind"] == *kind;
        let of_row =
            |row: &Value| row["held_by"]["holders"].as_array()?.iter().find(|one| is_it(one)).cloned();
        let rows = rows.iter().filter(|row| caches.iter().any(|cache| row["tag"] == *cache));
        let found: Vec<Value> = rows.filter_map(of_row).collect();
        let [own, ..] = &found[..] else { panic!("{what}: no {holder} with {kind} in {caches:?}\n{text}") };
        let per_second = own["per_second"].as_f64().expect("a rate");
        assert!((per_second / f64::from(*rate) - 1.0).abs() < 0.1, "{what}: {per_second} of {rate} a second");
        let name = own["name"].as_str().expect("a name");
        match *holder {
            "process" => assert_eq!(own["pid"], leaker.0.id(), "{own}"),
            "mount-namespace" | "queue" | "sender" => {
                assert!(name.contains(&format!("pid {}", leaker.0.id())), "{own}");
            }
            "tmpfs" => assert_eq!(name, "/dev/shm", "{own}"),
            _ => assert_eq!(name, "uid 0", "{own}"),
        }
    }
}
