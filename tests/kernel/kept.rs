//! As `leakers.rs`, of what is kept by no descriptor: System V queues and their messages, keys, BPF maps, zombies, files in memory,
//! mounts. Needs root and python3, whose `ctypes` reaches system calls without `unsafe` here; takes a minute.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use poolmon_testkit::{Need, skip};

use crate::answer::{Said, Wanted, here};
use crate::leakers;

/// Holds objects of a kind from its start on, and leaks `rate` more a second until its input ends, then removes what would outlive it.
/// What has no user of its own to be known by, another user holds.
const LEAK: &str = r"
import ctypes, fcntl, os, select, shutil, socket, struct, sys, tempfile, time
libc = ctypes.CDLL(None, use_errno=True)
what, rate, held, user = sys.argv[1], *map(int, sys.argv[2:5])
add_key, bpf = map(int, sys.argv[5:])
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
if what == 'files': folder = tempfile.mkdtemp(dir=None if user else '/dev/shm'); undo.append(lambda: shutil.rmtree(folder))
if what == 'files' and user:
    check(libc.mount(b'none', folder.encode(), b'tmpfs', 0, None))
    undo.insert(0, lambda: libc.umount2(folder.encode(), 2))
if what == 'mounts': check(libc.unshare(0x20000)); check(libc.mount(b'none', b'/', None, 0x44000, None))
if what == 'mounts': folder = tempfile.mkdtemp().encode(); undo.append(lambda: os.rmdir(folder))
if what in ('locks', 'ofd'):
    folder = tempfile.mkdtemp()
    undo.append(lambda: shutil.rmtree(folder))
    locked = [open(folder + '/%d' % n, 'w') for n in range(200)]
    # Of open files: F_OFD_SETLK with a struct flock, F_WRLCK.
    def lock(n):
        if what == 'locks': fcntl.lockf(locked[n % 200], fcntl.LOCK_EX, 1, n // 200 * 2)
        else: fcntl.fcntl(locked[n % 200], fcntl.F_OFD_SETLK, struct.pack('hhqqi4x', 1, 0, n // 200 * 2, 1, 0))
if user and what in ('queues', 'keys'): os.setuid(user)
sockets, queues = [], []
def leak(n):
    if what == 'queues': queue()
    elif what == 'late': sockets.append(socket.socket())
    elif what == 'spread':
        if n % 15 == 0: queues.append(queue())
        check(libc.msgsnd(queues[-1], long, 1000, 0o4000))
    elif what in ('locks', 'ofd'): lock(n)
    elif what == 'messages': check(libc.msgsnd(one, message, 40, 0o4000))
    elif what == 'keys': check(libc.syscall(add_key, b'user', b'poolmon %d' % n, b'x' * 16, ctypes.c_size_t(16), -2))
    elif what == 'maps': check(libc.syscall(bpf, 0, (ctypes.c_uint32 * 32)(2, 4, 8, 1), 72))
    elif what == 'zombies': os.fork() or os._exit(0)
    elif what == 'files': open(folder + '/%d' % n, 'w').close()
    elif what == 'mounts': check(libc.mount(folder, folder, None, 4096, None))
if what == 'spread':
    long = ctypes.create_string_buffer(b'\1' + bytes(7) + b'x' * 1000, 1008)
for n in range(held): leak(n)
# It begins within the watch.
start, n = time.monotonic() + (20 if what == 'late' else 0), 0
print('ready', flush=True)
try:
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        while n < (time.monotonic() - start) * rate: leak(held + n); n += 1
finally:
    if what == 'mounts':
        while libc.umount2(folder, 2) == 0: pass
    for one in undo: one()
";

/// A leak of the test.
pub struct Leak {
    /// What a process takes.
    pub what: &'static str,
    /// How many a second.
    pub rate: u32,
    /// The type of its holder, as answers name it.
    pub holder: &'static str,
    /// The kind that is counted.
    pub kind: &'static str,
    /// Names of its cache, by version of Linux.
    pub caches: &'static [&'static str],
}

const fn leak(
    what: &'static str,
    rate: u32,
    holder: &'static str,
    kind: &'static str,
    caches: &'static [&'static str],
) -> Leak {
    Leak { what, rate, holder, kind, caches }
}

/// All of them.
pub const LEAKS: &[Leak] = &[
    leak("queues", 50, "user", "message-queues", &["kmalloc-cg-256", "kmalloc-256"]),
    leak("messages", 120, "queue", "messages", &["msg_msg-96", "kmalloc-cg-96", "kmalloc-96"]),
    leak("spread", 60, "sender", "messages", &["msg_msg-2k", "kmalloc-cg-2k", "kmalloc-2k"]),
    leak("late", 60, "process", "tcp", &["TCP"]),
    leak("keys", 60, "user", "keys", &["key_jar"]),
    leak("maps", 40, "process", "bpf-maps", &["kmalloc-cg-512", "kmalloc-512"]),
    leak("zombies", 30, "process", "zombies", &["task_struct"]),
    leak("files", 70, "tmpfs", "tmpfs-inodes", &["shmem_inode_cache"]),
    leak("mounts", 35, "mount-namespace", "mounts", &["mnt_cache"]),
    leak("ofd", 45, "process", "posix-locks", &["file_lock_cache"]),
];

impl Leak {
    /// What has to be said of it, if this process leaks.
    pub fn wanted(&self, pid: u32) -> Wanted<'_> {
        let holder = match self.holder {
            "process" => format!("(pid {pid})"),
            "user" => "uid 0".to_owned(),
            "tmpfs" => "/dev/shm".to_owned(),
            _ => format!(", pid {pid}"),
        };
        let (cache, rate) = (here(self.caches), f64::from(self.rate));
        Wanted { what: self.what, cache, kind: self.kind, rate, explains: 0.85, holder }
    }
}

/// A leaking process; its end undoes what it did.
pub struct Leaker(Child);

impl Drop for Leaker {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Leaker {
    /// Its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

/// A leaker, ready.
pub fn start(what: &str, rate: u32, held: u32) -> Leaker {
    begin(what, rate, held, 0)
}

/// One that only holds; what is known by its user alone, as this other one.
pub fn holds(what: &str, held: u32) -> Leaker {
    begin(what, 0, held, 4_711)
}

fn begin(what: &str, rate: u32, held: u32, user: u32) -> Leaker {
    let calls = [libc::SYS_add_key, libc::SYS_bpf].map(|number| number.to_string());
    let mut child = Command::new("python3")
        .args(["-c", LEAK, what])
        .args([rate, held, user].map(|number| number.to_string()))
        .args(calls)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut ready = [0; 5];
    child.stdout.as_mut().expect("its output").read_exact(&mut ready).expect("it is ready");
    Leaker(child)
}

/// Whether these tests can run here, and are wanted.
pub fn can_run() -> bool {
    if !leakers::can_run() {
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
    let leaker = start("locks", 120, 50_000);
    for said in Said::live_and_recorded() {
        assert!(said.json["samples"].as_u64() >= Some(36), "one a second: {}", said.json["samples"]);
        let locks = leak("locks", 120, "process", "posix-locks", &["file_lock_cache"]);
        locks.wanted(leaker.id()).check(&said, &[]);
    }
}

#[test]
fn what_no_descriptor_keeps_names_its_holder() {
    if !can_run() {
        return;
    }
    let _alone = crate::trace::alone();
    let leakers: Vec<Leaker> = LEAKS.iter().map(|leak| start(leak.what, leak.rate, 0)).collect();
    std::thread::sleep(Duration::from_secs(2));
    for said in Said::live_and_recorded() {
        println!("{}", said.text);
        for (leaker, leak) in leakers.iter().zip(LEAKS) {
            leak.wanted(leaker.id()).check(&said, &[]);
        }
    }
}
