//! As `leakers.rs` and `kept.rs`, one leak at a time beside a holder of the same kind that does not grow: the first verdict
//! that names who leaks is that on the cache, by the name that fits, and it does so in its first line. Each takes a minute:
//! `POOLMON_REQUIRE=root,long,alone cargo test -p poolmon --test kernel alone::`. Together, and for every commit, they are in those files.

use std::time::Duration;

use poolmon_testkit::{Need, asked_for};

use crate::answer::{SECONDS, Said, Wanted, holders};
use crate::{kept, leakers};

/// How many a holder holds that does not grow: more than the other leaks.
const HELD: u32 = 4_000;

/// What has to be said first of the leak, live and of a recording; `holder`: the type of its holder, `row`: the row that takes most of it.
fn first_is(wanted: &Wanted<'_>, holder: &str, row: &str, still: u32) {
    for (said, of) in Said::live_and_recorded().iter().zip(["live", "recorded"]) {
        let [title, line] = said.first(&wanted.holder);
        println!("{of}:\n{title}\n{line}");
        wanted.check(said, &[]);
        assert!(title.starts_with(&format!("  {row}")), "{of}: {title}\n{}", said.text);
        let named = said.row_of(title);
        let first = holders(named).first().unwrap_or_else(|| panic!("no holder: {named:#}\n{}", said.text));
        let of_row = Wanted { cache: row, holder: wanted.holder.clone(), ..*wanted };
        assert!(of_row.is_it(named, first), "{of}: {named:#}\n{}", said.text);
        assert_eq!(first["type"], holder, "{of}");
        // Who only holds is accused of nothing.
        let pid = format!("pid {still}");
        for (row, holder) in said.named() {
            let is_still =
                holder["pid"] == still || holder["name"].as_str().is_some_and(|it| it.ends_with(&pid));
            assert!(!is_still, "{of}: {row:#}");
        }
    }
}

fn of_process(leak: &leakers::Leak) {
    if !leakers::can_run() || !asked_for(Need::Alone) {
        return;
    }
    let _alone = crate::trace::alone();
    let (mut still, mut leaker) = (leakers::start(), leakers::start());
    still.say(&format!("{} {} 0", leak.what, if leak.what == "threads" { HELD / 10 } else { HELD }));
    leaker.say(&leak.order(SECONDS + 15));
    std::thread::sleep(Duration::from_secs(3));
    let wanted = leak.wanted(leaker.id());
    // A thread's stack takes more than what the kernel knows of it.
    let row = if leak.what == "threads" { "kernel_clone" } else { wanted.cache };
    first_is(&wanted, "process", row, still.id());
}

fn of_python(leak: &kept::Leak, held: u32) {
    if !kept::can_run() || !asked_for(Need::Alone) {
        return;
    }
    let _alone = crate::trace::alone();
    let still = kept::holds(leak.what, held);
    let leaker = kept::start(leak.what, leak.rate, 0);
    std::thread::sleep(Duration::from_secs(3));
    let wanted = leak.wanted(leaker.id());
    first_is(&wanted, leak.holder, wanted.cache, still.id());
}

fn leaker(what: &str) -> &'static leakers::Leak {
    leakers::LEAKS.iter().find(|leak| leak.what == what).expect("one of them")
}

fn keeper(what: &str) -> &'static kept::Leak {
    kept::LEAKS.iter().find(|leak| leak.what == what).expect("one of them")
}

#[test]
fn unix_sockets() {
    of_process(leaker("unix"));
}

#[test]
fn tcp_sockets() {
    of_process(leaker("tcp"));
}

#[test]
fn epoll_registrations() {
    of_process(&leakers::Leak { what: "duplicates", ..*leaker("registrations") });
}

#[test]
fn inotify_watches() {
    of_process(leaker("watches"));
}

#[test]
fn pipes() {
    of_process(leaker("pipes"));
}

#[test]
fn threads() {
    of_process(leaker("threads"));
}

#[test]
fn files_in_memory() {
    of_process(leaker("memfds"));
}

#[test]
fn posix_locks() {
    of_python(&kept::Leak { what: "locks", rate: 90, ..*keeper("ofd") }, HELD);
}

#[test]
fn locks_of_open_files() {
    of_python(&kept::Leak { rate: 90, ..*keeper("ofd") }, HELD);
}

#[test]
fn mounts_in_a_namespace() {
    of_python(keeper("mounts"), HELD / 4);
}

#[test]
fn files_of_a_tmpfs() {
    of_python(keeper("files"), HELD);
}

#[test]
fn message_queues() {
    of_python(keeper("queues"), HELD);
}

#[test]
fn messages_in_a_queue() {
    of_python(keeper("messages"), HELD);
}

/// Users have a quota of 200.
#[test]
fn keys() {
    of_python(keeper("keys"), 150);
}

#[test]
fn bpf_maps() {
    of_python(keeper("maps"), HELD / 8);
}
