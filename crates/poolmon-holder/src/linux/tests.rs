//! A system played in a folder.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::*;

thread_local! {
    /// What the kernel says of the number of descriptors.
    static REPORTED: Cell<Option<u64>> = const { Cell::new(None) };
}

fn calls() -> Calls {
    Calls {
        descriptors: |_| REPORTED.get(),
        protocol: |link| {
            let target = fs::read_link(link).ok()?;
            target.to_str()?.contains("[1").then(|| b"UNIX-STREAM\0".to_vec())
        },
        fill: |_| Some(Fill { inodes: Some(12), bytes: 8192 }),
    }
}

struct Played {
    root: tempfile::TempDir,
}

impl Played {
    fn new() -> Self {
        let played = Self { root: tempfile::tempdir().unwrap() };
        played.file("locks", "");
        played
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("proc").join(name)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, name: &str, target: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        symlink(target, path).unwrap();
    }

    /// A process that may be given descriptors.
    fn process(&self, pid: u32, parent: u32, state: char, start: u64) {
        let rest = "1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0";
        let line = format!("{pid} (worker) {state} {parent} {rest} {start} 4096 1");
        self.file(&format!("{pid}/stat"), &line);
        fs::create_dir_all(self.path(&format!("{pid}/fd"))).unwrap();
    }

    fn census(reader: &mut Reader) -> Census {
        let mut census = Census::default();
        reader.census_into(&mut census).unwrap();
        census
    }

    fn reader(&self) -> Reader {
        REPORTED.set(None);
        Reader::with_calls(self.root.path(), calls())
    }
}

fn held(census: &Census, pid: u32) -> Vec<(Kind, u64)> {
    census.process(pid).unwrap().counts.held().collect()
}

/// The kernel lists locks in a time that grows with their square: of very many, those of the processes with most are counted by their
/// own descriptors.
#[test]
fn very_many_locks_are_counted_by_descriptors() {
    use std::fmt::Write as _;
    let played = Played::new();
    let line = |n: usize, pid: u32| format!("{n}: POSIX  ADVISORY  WRITE {pid} fd:00:1234 {n} {n}\n");
    let mut all = String::new();
    for n in 0..30_000 {
        all.push_str(&line(n, if n == 0 { 8 } else { 7 }));
    }
    assert!(all.len() as u64 > machine::MOST_LOCKS);
    played.file("locks", &all);
    let mut own = String::from("pos:\t0\nflags:\t0100002\n");
    for n in 0..25_000 {
        let _ = write!(own, "lock:\t{}", line(n, if n < 24_000 { 7 } else { 9 }));
    }
    for pid in [7, 8, 9] {
        played.process(pid, 1, 'S', 50);
    }
    for number in [3, 4] {
        played.link(&format!("7/fd/{number}"), "/var/lib/db");
        played.file(&format!("7/fdinfo/{number}"), &own);
    }
    played.link("7/fd/5", "/var/lock/x");
    played.file("7/fdinfo/5", "pos:\t0\nlock:\t1: FLOCK  ADVISORY  WRITE 7 00:17:9 0 EOF\n");
    // Its locks are beyond what is read of the list.
    played.link("9/fd/3", "/var/lib/other");
    played.file("9/fdinfo/3", &format!("pos:\t0\nlock:\t{}", line(1, 9)));
    let mut reader = played.reader();
    let census = Played::census(&mut reader);
    let of = |pid, kind| census.process(pid).unwrap().counts.get(kind);
    assert_eq!(of(7, Kind::PosixLock), Some(24_000), "once, though two descriptors have them");
    assert_eq!(
        (of(7, Kind::Flock), of(8, Kind::PosixLock), of(9, Kind::PosixLock)),
        (Some(1), Some(0), Some(1))
    );
    assert!(
        !census.is_complete() && census.remarks.iter().any(|remark| remark.contains("very many file locks"))
    );
}

/// `/proc/locks` has no process for a lock of an open file (`F_OFD_SETLK`): descriptors say who has it.
#[test]
fn locks_of_open_files_are_those_of_who_has_them_open() {
    let played = Played::new();
    let line = |n: usize, how: &str, from: usize| {
        format!("{n}: OFDLCK ADVISORY  {how} -1 fd:00:1234 {from} {from}\n")
    };
    let own = |n, how, from| format!("lock:\t{}", line(n, how, from));
    let all = |rest: &str| -> String {
        (0..3).map(|n| line(n, "WRITE", n)).collect::<String>()
            + &line(4, "READ ", 9)
            + &line(5, "READ ", 9)
            + "6: POSIX  ADVISORY  WRITE 7 fd:00:1234 50 50\n"
            + rest
    };
    played.file("locks", &all(""));
    for pid in [7, 8] {
        played.process(pid, 1, 'S', 50);
    }
    // 4 is 3, duplicated; 5 was opened once more.
    let twice = format!("pos:\t0\n{}{}{}", own(1, "WRITE", 0), own(2, "WRITE", 1), own(3, "WRITE", 2));
    for (number, text) in [(3, &twice), (4, &twice), (5, &own(1, "READ ", 9)), (6, &own(1, "READ ", 9))] {
        played.link(&format!("7/fd/{number}"), "/var/lib/db");
        played.file(&format!("7/fdinfo/{number}"), text);
    }
    let mut reader = played.reader();
    let of = |census: &Census, pid| census.process(pid).unwrap().counts.get(Kind::PosixLock);
    let machine = |census: &Census| {
        let machine = census.entries.iter().find(|entry| entry.holder.id == HolderId::Machine).unwrap();
        machine.counts.get(Kind::PosixLock)
    };
    let census = Played::census(&mut reader);
    assert_eq!((of(&census, 7), of(&census, 8), machine(&census)), (Some(3 + 2 + 1), Some(0), None));
    assert!(census.is_complete(), "{:?}", census.remarks);
    // One that no descriptor is known of stays the machine's, and the sum that of the list.
    played.file("locks", &all(&line(7, "WRITE", 77)));
    let census = Played::census(&mut reader);
    assert_eq!(
        (of(&census, 7), machine(&census), census.total(Kind::PosixLock)),
        (Some(6), Some(1), Some(7))
    );
    // Without any, no descriptor is asked.
    played.file("locks", "6: POSIX  ADVISORY  WRITE 7 fd:00:1234 50 50\n");
    assert_eq!(of(&Played::census(&mut reader), 7), Some(1));
}

/// With very many descriptors, a few are asked at each count, and who is known to have such locks each time.
#[test]
fn locks_of_open_files_are_found_in_turn() {
    let played = Played::new();
    let line = "1: OFDLCK ADVISORY  WRITE -1 fd:00:1234 0 0\n";
    played.file("locks", line);
    for pid in 2..=6 {
        played.process(pid, 1, 'S', 50);
        for number in 0..ASKED / 2 {
            played.link(&format!("{pid}/fd/{number}"), "/var/lib/db");
        }
    }
    played.file("6/fdinfo/7", &format!("lock:\t{line}"));
    let mut reader = played.reader();
    let mut found = || Played::census(&mut reader).process(6).unwrap().counts.get(Kind::PosixLock);
    assert_eq!(
        [found(), found(), found(), found(), found()],
        [0, 0, 1, 1, 1].map(Some),
        "two processes at each"
    );
}

/// What was counted once stays until it is counted again: nothing is lost because others have many locks.
#[test]
fn locks_that_a_cut_list_does_not_have_are_those_of_before() {
    let mut process =
        Process::new(&text::stat(b"7 (a) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 4096 1").unwrap());
    let of = |process: &Process| LOCKS.map(|kind| process.counts.get(kind));
    process.listed_locks([500, 0, 1], false);
    process.listed_locks([20, 2, 0], true);
    assert_eq!(of(&process), [Some(500), Some(2), Some(1)]);
    process.listed_locks([20, 0, 0], false);
    assert_eq!(of(&process), [Some(20), Some(0), Some(0)]);
}

/// A process that fills one queue after the other: none of them grows all the time, all of them together do.
#[test]
fn queues_of_one_sender_are_one_holder() {
    let played = Played::new();
    played.process(7, 1, 'S', 50);
    let queue = |id: u32, messages: u32, sender: u32| {
        format!(" 0 {id} 600 100 {messages} {sender} 0 0 0 0 0 1 0 1\n")
    };
    let all: String = (0..26).map(|id| queue(id, if id == 25 { 58 } else { 200 }, 7)).collect();
    played.file("sysvipc/msg", &format!("key msqid\n{all}{}", queue(50, 5, 8)));
    let census = Played::census(&mut played.reader());
    let of = |entry: &Entry| format!("{}: {}", entry.holder, entry.counts.get(Kind::Message).unwrap_or(0));
    let messages: Vec<String> =
        census.entries.iter().filter(|entry| entry.counts.get(Kind::Message).is_some()).map(of).collect();
    assert_eq!(
        messages,
        ["message queues (last sender worker, pid 7): 5058", "message queue 50 (last sender pid 8): 5"]
    );
}

/// Its threads are the kernel's own, whatever their number: nobody has to look for a leaking program there.
#[test]
fn threads_of_the_kernel_are_nobodys_children() {
    let played = Played::new();
    for (pid, parent, flags) in
        [(1, 0, 0x0040_0100), (2, 0, 0x0020_8040), (30, 2, 0x0420_8060), (31, 1, 0x0040_0000)]
    {
        let line = format!("{pid} (x) S {parent} 0 0 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 9 0 0");
        played.file(&format!("{pid}/stat"), &line);
    }
    let census = Played::census(&mut played.reader());
    let children = |pid| census.process(pid).unwrap().counts.get(Kind::Child);
    assert_eq!((children(1), children(2)), (Some(1), Some(0)));
}

#[test]
fn everything_that_a_process_holds() {
    let played = Played::new();
    played.process(7, 1, 'S', 50);
    for (number, target) in [
        (0, "/dev/null"),
        (1, "socket:[10]"),
        (2, "socket:[20]"),
        (5, "anon_inode:[eventpoll]"),
        (9, "pipe:[3]"),
    ] {
        played.link(&format!("7/fd/{number}"), target);
    }
    played.file("7/fdinfo/5", "pos:\t0\ntfd: 1\ntfd: 2\n");
    played.file("7/maps", "00-01 r\n01-02 r\n");
    played.file("7/status", "VmPTE:\t8 kB\n");
    played.file("7/timers", "ID: 0\nsignal: 1/0\nID: 1\n");
    played.file("7/cgroup", "0::/system.slice/a.service\n");
    played.file("locks", "1: POSIX ADVISORY WRITE 7 0:1:2 0 0\n2: POSIX ADVISORY WRITE 7 0:1:2 5 5\n");
    played.process(8, 7, 'Z', 60);
    let census = Played::census(&mut played.reader());
    assert_eq!(
        held(&census, 7),
        [
            (Kind::Descriptor, 5),
            (Kind::Socket, 2),
            (Kind::File, 1),
            (Kind::UnixStream, 1),
            (Kind::OtherSocket, 1),
            (Kind::Pipe, 1),
            (Kind::Epoll, 1),
            (Kind::EpollWatch, 2),
            (Kind::Thread, 3),
            (Kind::Zombie, 1),
            (Kind::Mapping, 2),
            (Kind::PageTable, 8192),
            (Kind::PosixLock, 2),
            (Kind::PosixTimer, 2),
        ]
    );
    let entry = census.process(7).unwrap();
    assert_eq!(
        (entry.group.as_deref(), entry.holder.to_string()),
        (Some("a.service"), "worker (pid 7)".to_owned())
    );
    assert!(census.process(8).is_none(), "a zombie holds nothing itself");
    assert_eq!((census.processes, census.closed, census.remarks.len()), (1, 0, 0));
}

#[test]
fn a_process_is_looked_into_again_only_if_its_number_of_descriptors_changed() {
    let played = Played::new();
    played.process(7, 1, 'S', 50);
    played.link("7/fd/0", "pipe:[3]");
    let mut reader = played.reader();
    REPORTED.set(Some(1));
    assert_eq!(Played::census(&mut reader).process(7).unwrap().counts.get(Kind::Pipe), Some(1));
    // The number is the same: what is there now is seen at the next full reading, at most 64 censuses later.
    played.link("7/fd/0", "/dev/null");
    played.link("7/fd/1", "/dev/zero");
    assert_eq!(Played::census(&mut reader).process(7).unwrap().counts.get(Kind::File), Some(0), "not yet");
    let mut censuses = 1;
    while Played::census(&mut reader).process(7).unwrap().counts.get(Kind::File) != Some(2) {
        censuses += 1;
        assert!(censuses <= 64);
    }
    assert!(censuses > 1, "not at once");
    // The number has changed: new descriptors are seen at once, and the old ones keep their kind.
    played.link("7/fd/2", "socket:[10]");
    fs::remove_file(played.path("7/fd/1")).unwrap();
    REPORTED.set(Some(3));
    let counts = Played::census(&mut reader).process(7).unwrap().counts.clone();
    assert_eq!((counts.get(Kind::UnixStream), counts.get(Kind::File)), (Some(1), Some(1)));
}

#[test]
fn an_id_that_is_used_again_is_another_process() {
    let played = Played::new();
    played.process(7, 1, 'S', 50);
    played.link("7/fd/0", "pipe:[3]");
    let mut reader = played.reader();
    REPORTED.set(Some(1));
    let first = Played::census(&mut reader).process(7).unwrap().holder.id.clone();
    played.process(7, 1, 'S', 90);
    played.link("7/fd/0", "/dev/null");
    let census = Played::census(&mut reader);
    assert_ne!(census.process(7).unwrap().holder.id, first);
    assert_eq!(census.process(7).unwrap().counts.get(Kind::File), Some(1), "nothing of the old one is kept");
    played.process(8, 1, 'S', 50);
    fs::remove_dir_all(played.path("7")).unwrap();
    assert!(Played::census(&mut reader).process(7).is_none());
}

#[test]
fn what_belongs_to_no_process() {
    let played = Played::new();
    played.process(7, 1, 'S', 50);
    played.link("7/ns/mnt", "mnt:[99]");
    played.link("7/ns/net", "net:[1]");
    played.link("7/fd/0", "net:[2]");
    played.file(
        "7/mountinfo",
        "1 0 8:1 / / rw - ext4 x rw\n2 1 0:5 / /run/a\\040b rw - tmpfs t rw\n3 1 0:5 / /other rw - tmpfs t rw\n\
         5 1 0:6 / /hidden rw - tmpfs t rw\n6 1 8:1 /x /hidden rw - ext4 x rw\n\
         4 1 0:4 net:[3] /run/netns/x rw - nsfs nsfs rw\n",
    );
    played.file(
        "sysvipc/msg",
        "key msqid\n 0 3 600 100 4 7 0 0 0 0 0 1 0 1\n 0 4 600 0 0 0 0 0 0 33 0 0 0 1\n",
    );
    played.file("sysvipc/sem", "key semid\n 0 5 600 1 0 0 33 0 0 1\n");
    played.file("sysvipc/shm", "key shmid\n 0 7 600 4096 7 7 1 0 0 44 0 1 0 1 4096 0\n");
    played.file("key-users", "    0:   5 4/4 3/10 5/50\n");
    played.file("locks", "1: OFDLCK ADVISORY WRITE -1 0:1:2 0 0\n");
    played.link("self/ns/pid", "pid:[4026532000]");
    let device = played.root.path().join("sys/block/loop0/loop");
    fs::create_dir_all(&device).unwrap();
    fs::write(device.join("backing_file"), "/x").unwrap();
    let census = Played::census(&mut played.reader());
    let mut all: Vec<_> = census
        .entries
        .iter()
        .filter(|entry| entry.holder.id.pid().is_none())
        .map(|entry| {
            let held: Vec<_> =
                entry.counts.held().map(|(kind, count)| format!("{count} {}", kind.id())).collect();
            format!("{}: {}", entry.holder, held.join(", "))
        })
        .collect();
    all.sort();
    assert_eq!(
        all,
        [
            "message queue 3 (last sender worker, pid 7): 4 messages",
            "mount namespace 99 (worker, pid 7): 6 mounts",
            "this machine: 1 posix-locks, 3 net-namespaces, 1 loop-devices",
            "tmpfs /run/a b: 12 tmpfs-inodes, 8192 tmpfs-bytes",
            "uid 0: 1 message-queues, 4 keys",
            "uid 33: 1 message-queues, 1 semaphore-sets",
            "uid 44: 1 shared-memory",
        ]
    );
    let hidden =
        "processes of other users are hidden (/proc is mounted with hidepid): run with sudo to count them";
    assert_eq!(census.remarks, ["this is a container: processes outside of it are not seen", hidden]);
    assert!(!census.is_complete());
    played.link("self/ns/pid", "pid:[4026531836]");
    let census = Played::census(&mut played.reader());
    assert_eq!(census.remarks, [hidden], "there always is a process 1");
    assert!(!census.is_complete());
    played.process(1, 0, 'S', 1);
    let census = Played::census(&mut played.reader());
    assert!(census.is_complete() && census.remarks.is_empty(), "the first namespace sees all");
}

/// Without rights, the number of descriptors is known on newer kernels, and their kinds are not.
#[test]
fn less_rights_show_less_and_say_so() {
    if rustix_is_root() {
        // Root may read everything: the rules are played by a file in place of the folder.
        let played = Played::new();
        played.process(7, 1, 'S', 50);
        fs::remove_dir_all(played.path("7/fd")).unwrap();
        let census = Played::census(&mut played.reader());
        assert_eq!(census.process(7).unwrap().counts.get(Kind::Descriptor), None, "unknown, not zero");
        return;
    }
    let played = Played::new();
    played.process(7, 1, 'S', 50);
    fs::set_permissions(played.path("7/fd"), std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let mut reader = played.reader();
    REPORTED.set(Some(44));
    let census = Played::census(&mut reader);
    let counts = &census.process(7).unwrap().counts;
    assert_eq!((counts.get(Kind::Descriptor), counts.get(Kind::Socket)), (Some(44), None));
    assert_eq!(
        census.remarks,
        ["the descriptors of 1 of 1 processes may not be read: run as root to count them"]
    );
    fs::set_permissions(played.path("7/fd"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

fn rustix_is_root() -> bool {
    fs::read_dir("/proc/1/fd").is_ok()
}

#[test]
fn a_process_without_a_name_and_a_place_without_processes() {
    let played = Played::new();
    let mut reader = played.reader();
    let problem = reader.census_into(&mut Census::default()).unwrap_err();
    assert!(problem.message.ends_with("/proc: it lists no process"), "{problem:?}");
    played.process(7, 1, 'S', 50);
    let line = fs::read_to_string(played.path("7/stat")).unwrap();
    played.file("7/stat", &line.replace("(worker)", "()"));
    assert_eq!(&*Played::census(&mut reader).process(7).unwrap().holder.name, "(no name)");
}

#[test]
fn a_system_without_proc_is_an_error_with_a_remedy() {
    let mut reader = Reader::with_calls(Path::new("/nowhere-at-all"), calls());
    let problem = reader.census_into(&mut Census::default()).unwrap_err();
    assert!(problem.message.starts_with("cannot list /nowhere-at-all/proc: "), "{problem:?}");
    assert!(problem.remedy.is_some());
}

/// This very process, on the real system.
#[test]
fn this_process_on_this_system() {
    let sockets: Vec<_> = (0..5).map(|_| std::os::unix::net::UnixStream::pair().unwrap()).collect();
    let files: Vec<_> = (0..7).map(|_| fs::File::open("/dev/null").unwrap()).collect();
    let mut reader = Reader::new(Path::new("/"));
    let census = Played::census(&mut reader);
    let counts = &census.process(std::process::id()).unwrap().counts;
    assert!(counts.get(Kind::Socket).unwrap() >= 10, "{counts:?}");
    assert!(counts.get(Kind::File).unwrap() >= 7, "{counts:?}");
    let unix = counts.get(Kind::UnixStream).unwrap() + counts.get(Kind::Unix).unwrap();
    assert!(unix >= 10, "the protocol is known: {counts:?}");
    drop((sockets, files));
}
