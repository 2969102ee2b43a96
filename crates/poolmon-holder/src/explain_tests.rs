//! Planted courses: who is named, and who is not.

use super::*;
use crate::{Census, Counts, Entry, HolderId};

/// A holder that is planted: its id, its name, a kind and its count at each second.
type Planted<'a> = (u32, &'a str, Kind, &'a dyn Fn(usize) -> u64);

const SECONDS: usize = 41;

fn history(holders: &[Planted<'_>]) -> History {
    let mut history = History::default();
    for second in 0..SECONDS {
        let entry = |(pid, name, kind, count): &Planted<'_>| {
            let mut counts = Counts::default();
            counts.set(*kind, count(second));
            if kind.sum() == Some(Kind::Socket) {
                counts.set(Kind::Socket, count(second));
            }
            let holder = Holder { id: HolderId::Process { pid: *pid, start: 1 }, name: (*name).into() };
            Entry { holder, group: None, counts }
        };
        let census = Census { entries: holders.iter().map(entry).collect(), ..Census::default() };
        history.push(second as f64, &census);
    }
    history
}

fn row(objects: impl Fn(usize) -> f64) -> Course {
    let seconds = (0..SECONDS).map(|second| second as f64).collect();
    let noise = |at: usize| [30.0, -25.0, 15.0, -30.0, 10.0][at % 5];
    Course { seconds, objects: (0..SECONDS).map(|at| objects(at) + noise(at)).collect() }
}

fn named(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Held(explanation) => {
            explanation.growers.iter().map(|grower| grower.holder.to_string()).collect()
        }
        _ => Vec::new(),
    }
}

fn names(list: &[&str]) -> Vec<Tag> {
    list.iter().map(|name| Tag::name(name)).collect()
}

#[test]
fn the_process_that_grows_is_named_and_one_that_only_holds_is_not() {
    let history = history(&[
        (1, "leaky", Kind::UnixStream, &|at| 100 + 50 * at as u64),
        (2, "holds", Kind::UnixStream, &|_| 90_000),
        (3, "slow", Kind::UnixStream, &|at| at as u64 / 10),
    ]);
    let answer = explain(&names(&["sock_inode_cache"]), &row(|at| 95_000.0 + 50.0 * at as f64), &history);
    assert_eq!(named(&answer), ["leaky (pid 1)"]);
    let sentence = answer.sentences("sock_inode_cache").remove(0);
    assert!(
        sentence.starts_with(
            "leaky (pid 1) holds 2,100 of 92,104 sockets (growing: UNIX stream sockets), +50/s, in step with \
             sock_inode_cache: explains "
        ),
        "{sentence}"
    );
}

#[test]
fn the_fitting_name_of_a_merged_cache() {
    let history = history(&[(1, "leaky", Kind::UnixStream, &|at| 50 * at as u64)]);
    let names = names(&["signal_cache", "UNIX-STREAM", "UNIX", "other"]);
    let answer = explain(&names, &row(|at| 5_000.0 + 50.0 * at as f64), &history);
    let Answer::Held(explanation) = &answer else { panic!("{answer:?}") };
    assert_eq!(explanation.fitting.as_deref(), Some("UNIX-STREAM"));
    assert!(answer.sentences("signal_cache")[0].contains("in step with UNIX-STREAM"));
}

/// Ports take a bucket in each of two caches, which the kernel may merge with a third one.
#[test]
fn one_object_may_take_two_of_a_merged_cache() {
    let history = history(&[
        (1, "ports", Kind::Tcp, &|at| 25 * at as u64),
        (2, "registers", Kind::EpollWatch, &|at| 50 * at as u64),
    ]);
    let names = names(&["eventpoll_epi", "tcp_bind_bucket", "tcp_bind2_bucket"]);
    let answer = explain(&names, &row(|at| 100.0 * at as f64), &history);
    let Answer::Held(explanation) = &answer else { panic!("{answer:?}") };
    assert_eq!(named(&answer).len(), 2);
    assert!((explanation.together.share - 1.0).abs() < 0.03, "{explanation:?}");
}

/// Of two holders of which one alone explains the growth, the other one has the same course by chance.
#[test]
fn the_holder_that_fits_is_named_rather_than_the_larger_one() {
    let history = history(&[
        (1, "larger", Kind::Flock, &|at| 65 * at as u64),
        (2, "fits", Kind::PosixLock, &|at| 50 * at as u64),
    ]);
    let answer = explain(&names(&["file_lock_cache"]), &row(|at| 50.0 * at as f64), &history);
    assert_eq!(named(&answer), ["fits (pid 2)"]);
}

#[test]
fn two_leakers_with_their_shares() {
    let history = history(&[
        (1, "fast", Kind::Tcp, &|at| 60 * at as u64),
        (2, "slow", Kind::Tcp, &|at| 30 * at as u64),
    ]);
    let answer = explain(&names(&["TCP"]), &row(|at| 90.0 * at as f64), &history);
    assert_eq!(named(&answer), ["fast (pid 1)", "slow (pid 2)"]);
    let lines = answer.sentences("TCP");
    assert!(lines[0].contains("67 %") && lines[1].contains("33 %"), "{lines:?}");
    assert!(lines[2].starts_with("together they explain 100 % ("), "{lines:?}");
}

#[test]
fn a_holder_that_grows_far_more_than_the_row_is_not_accused() {
    let history = history(&[(1, "more", Kind::Tcp, &|at| 150 * at as u64)]);
    let answer = explain(&names(&["TCP"]), &row(|at| 50.0 * at as f64), &history);
    assert_eq!(answer, Answer::Unknown, "nor does the kernel hold them");
}

#[test]
fn a_holder_of_a_twentieth_is_not_named() {
    let history = history(&[
        (1, "leaky", Kind::Tcp, &|at| 950 * at as u64),
        (2, "small", Kind::Tcp, &|at| 50 * at as u64),
    ]);
    let answer = explain(&names(&["TCP"]), &row(|at| 1_000.0 * at as f64), &history);
    assert_eq!(named(&answer), ["leaky (pid 1)"]);
}

/// Twenty programs with a twentieth each: no one is to be accused, and the kernel is not, either.
#[test]
fn many_holders_together_are_not_the_kernel() {
    let programs: Vec<String> = (0..20).map(|n| format!("program-{n}")).collect();
    let count = |at: usize| 50 * at as u64;
    let holders: Vec<Planted<'_>> =
        programs.iter().zip(1..).map(|(name, pid)| (pid, name.as_str(), Kind::Tcp, &count as _)).collect();
    let answer = explain(&names(&["TCP"]), &row(|at| 1_000.0 * at as f64), &history(&holders));
    assert_eq!(answer, Answer::Unknown);
}

#[test]
fn processes_that_share_their_objects_count_once() {
    let history = history(&[
        (1, "parent", Kind::Tcp, &|at| 50 * at as u64),
        (2, "child", Kind::Tcp, &|at| 50 * at as u64),
    ]);
    let answer = explain(&names(&["TCP"]), &row(|at| 50.0 * at as f64), &history);
    assert_eq!(named(&answer).len(), 1);
}

#[test]
fn workers_of_one_program_are_named_together() {
    let counts: Vec<Box<dyn Fn(usize) -> u64>> = (0..20)
        .map(|n| Box::new(move |at: usize| (5 * at + n) as u64) as Box<dyn Fn(usize) -> u64>)
        .collect();
    let holders: Vec<Planted<'_>> =
        counts.iter().zip(1..).map(|(count, pid)| (pid, "worker", Kind::Tcp, &**count)).collect();
    let answer = explain(&names(&["TCP"]), &row(|at| 100.0 * at as f64), &history(&holders));
    assert_eq!(named(&answer), ["all processes worker"]);
    assert!(answer.sentences("TCP")[0].contains("(20 of them)"), "{answer:?}");
}

#[test]
fn what_no_holder_explains_is_kept_by_the_kernel() {
    let history = history(&[(1, "busy", Kind::Tcp, &|at| 3 * at as u64), (2, "idle", Kind::Thread, &|_| 5)]);
    let course = row(|at| 50.0 * at as f64);
    let answer = explain(&names(&["TCP"]), &course, &history);
    let Answer::Nobody(nobody) = &answer else { panic!("{answer:?}") };
    assert!((nobody.explained - 0.06).abs() < 0.01, "{nobody:?}");
    assert_eq!(
        answer.sentences("TCP"),
        [
            "its growth is held by no process: TCP sockets (120 held) explain 6 % of it, so the kernel itself keeps the objects"
        ]
    );
    // A cache of which nobody knows what lives in it: what was seen is said, and not who keeps the objects.
    let answer = explain(&names(&["leakmod_objects"]), &course, &history);
    let Answer::Nobody(nobody) = answer else { panic!("{answer:?}") };
    let only_seen = "no holder's descriptors, threads, mappings or locks grow in step with it";
    assert_eq!(Answer::Nobody(nobody.clone()).sentences("leakmod_objects"), [only_seen]);
    let made_by = Some(("leakmod_objects".to_owned(), "leakmod".to_owned()));
    let said = Answer::Nobody(Nobody { made_by, ..nobody }).sentences("leakmod_objects").remove(0);
    assert!(
        said.starts_with("its growth is held by no process: ") && said.contains("; leakmod allocates it"),
        "{said}"
    );
    // General caches hold what nobody counts, also those that no line of the table of links has.
    for general in ["kmalloc-64", "kmalloc-8", "kmalloc-rnd-07-4k", "kmalloc-cg-16"] {
        assert_eq!(explain(&names(&[general]), &course, &history), Answer::Unknown, "{general}");
    }
    let merged = names(&["mine_item", "kmalloc-128"]);
    assert_eq!(explain(&merged, &course, &history), Answer::Unknown, "under any name of the cache");
}

/// The first samples of a course, every `step`th of them; censuses as for the whole one.
fn part(course: &Course, length: usize, step: usize) -> Course {
    let of = |values: &[f64]| values.iter().copied().take(length).step_by(step).collect();
    Course { seconds: of(&course.seconds), objects: of(&course.objects) }
}

#[test]
fn nobody_is_not_said_of_a_few_samples_or_where_holders_grow() {
    let quiet = history(&[(2, "idle", Kind::Tcp, &|_| 5)]);
    let course = row(|at| 50.0 * at as f64);
    let of = |row: &Course, history: &History| explain(&names(&["TCP"]), row, history);
    assert!(matches!(of(&part(&course, 12, 1), &quiet), Answer::Nobody(_)));
    assert_eq!(of(&part(&course, 11, 1), &quiet), Answer::Unknown, "11 samples");
    let mut rare = History::default();
    for second in [0.0, 10.0, 20.0, 30.0, 40.0] {
        rare.push(second, &Census::default());
    }
    assert_eq!(of(&course, &rare), Answer::Unknown, "5 censuses");
    let busy = history(&[
        (1, "busy", Kind::Tcp, &|at| 5 * (at as u64 / 10) * 10),
        (2, "more", Kind::Tcp, &|at| {
            if at % 9 == 0 { 400 } else { 12 * at as u64 }
        }),
    ]);
    assert_eq!(of(&course, &busy), Answer::Unknown, "holders may explain more than a quarter");
}

/// A shell that starts children beside a process that leaks UNIX sockets: the kernel keeps both in one cache, and the children explain
/// nothing that the sockets do not.
#[test]
fn who_explains_nothing_more_is_not_joined() {
    let history = history(&[
        (1, "leaky", Kind::Unix, &|at| 70 * at as u64),
        (2, "shell", Kind::Child, &|at| 8 * at as u64),
    ]);
    let names = names(&["signal_cache", "UNIX", "UNIX-STREAM"]);
    let answer = explain(&names, &row(|at| 3_000.0 + 70.0 * at as f64), &history);
    assert_eq!(named(&answer), ["leaky (pid 1)"], "{answer:?}");
    // Where both are needed, each is in step with the cache of its own objects.
    let both = explain(&names, &row(|at| 3_000.0 + 78.0 * at as f64), &history);
    assert_eq!(named(&both), ["leaky (pid 1)", "shell (pid 2)"], "{both:?}");
    let said = both.sentences("signal_cache");
    assert!(
        said[0].contains("in step with UNIX:") && said[1].contains("in step with signal_cache:"),
        "{said:?}"
    );
}

#[test]
fn a_rate_is_that_of_the_time_that_a_holder_lived() {
    let mut history = History::default();
    for second in 0..SECONDS {
        let mut counts = Counts::default();
        counts.set(Kind::Tcp, 50 * second.saturating_sub(20) as u64);
        let holder = Holder { id: HolderId::Process { pid: 7, start: 900 }, name: "late".into() };
        let entry = Entry { holder, group: None, counts };
        let entries = if second >= 20 { vec![entry] } else { Vec::new() };
        history.push(second as f64, &Census { entries, ..Census::default() });
    }
    let course = row(|at| 9_000.0 + 50.0 * at.saturating_sub(20) as f64);
    let answer = explain(&names(&["TCP"]), &course, &history);
    let Answer::Held(explanation) = &answer else { panic!("{answer:?}") };
    let late = &explanation.growers[0];
    assert!((late.per_second - 50.0).abs() < 1.5, "not over the twenty seconds before: {late:?}");
}

/// A process that was there before and begins to leak in the middle of a watch.
#[test]
fn a_rate_is_that_of_the_time_since_a_holder_began_to_grow() {
    let history = history(&[(7, "late", Kind::TimerFd, &|at| 20 + 60 * at.saturating_sub(20) as u64)]);
    let course = row(|at| 5_000.0 + 60.0 * at.saturating_sub(20) as f64);
    let answer = explain(&names(&["kmalloc-256"]), &course, &history);
    let said = answer.sentences("kmalloc-256").remove(0);
    assert!(
        said.starts_with(
            "late (pid 7) holds 1,220 timerfds, +60/s for the last 20 s, in step with kmalloc-256: "
        ),
        "{said}"
    );
    assert!(said.ends_with(": explains about 100 % of its growth"), "other things live there, too: {said}");
}

/// A row that goes up and down and ends higher, beside a holder that grows about as fast.
#[test]
fn nobody_is_named_for_a_row_that_may_not_grow() {
    let history = history(&[(1, "keys", Kind::Key, &|at| 10 * at as u64)]);
    let waves = |at: usize| 3_000.0 + 700.0 * (at as f64 / 4.0).sin() + 10.0 * at as f64;
    assert_eq!(explain(&names(&["key_jar"]), &row(waves), &history), Answer::Unknown);
    // Leaked in jumps that the row has, too, it is the one that leaks.
    let jumps = |at: usize| 400 * [0, 1, 1, 2, 2][at / 9] + at as u64;
    let history = self::history(&[(1, "keys", Kind::Key, &jumps)]);
    let answer = explain(&names(&["key_jar"]), &row(|at| 3_000.0 + jumps(at) as f64), &history);
    assert_eq!(named(&answer), ["keys (pid 1)"]);
}

/// Of a general cache that the table of links does not know, what grows as fast is a coincidence, as mappings are everywhere.
#[test]
fn coincidences_are_not_named() {
    let holders: &[Planted<'_>] = &[
        (1, "maps", Kind::Mapping, &|at| 37 * at as u64),
        (2, "opens", Kind::OtherSocket, &|at| 37 * at as u64),
    ];
    let history = history(holders);
    let course = row(|at| 9_000.0 + 37.0 * at as f64);
    assert_eq!(explain(&names(&["kmalloc-rcl-96"]), &course, &history), Answer::Unknown);
    assert_eq!(named(&explain(&names(&["mine"]), &course, &history)), ["opens (pid 2)"]);
}

/// Threads of others that end meanwhile take from the row what the holder brings: it explains all of the growth, and no more than that.
#[test]
fn no_one_explains_more_than_all() {
    let history = history(&[
        (1, "leaky", Kind::Tcp, &|at| 50 * at as u64),
        (2, "ends", Kind::Tcp, &|at| 900 - 5 * at as u64),
    ]);
    let answer = explain(&names(&["TCP"]), &row(|at| 900.0 + 45.0 * at as f64), &history);
    let Answer::Held(explanation) = &answer else { panic!("{answer:?}") };
    let explains = explanation.growers[0].explains;
    assert!(explains.share <= 1.0 && explains.high <= 1.0 && explains.low > 0.9, "{explains:?}");
    assert!(answer.sentences("TCP")[0].contains("explains 100 % ("), "{answer:?}");
}

#[test]
fn a_sum_that_may_be_larger_says_so() {
    let mut history = History::default();
    for second in 0..SECONDS {
        let entry = |pid, locks| {
            let mut counts = Counts::default();
            counts.set(Kind::PosixLock, locks);
            let holder = Holder { id: HolderId::Process { pid, start: 1 }, name: "a".into() };
            Entry { holder, group: None, counts }
        };
        let entries = vec![entry(1, 50 * second as u64), entry(2, 500)];
        history.push(second as f64, &Census { entries, hidden: true, ..Census::default() });
    }
    let said = explain(&names(&["file_lock_cache"]), &row(|at| 50.0 * at as f64), &history).sentences("x");
    assert!(said[0].starts_with("a (pid 1) holds 2,000 of at least 2,500 POSIX locks, "), "{said:?}");
}

/// On a slow machine there are few censuses: between two of them, a holder grew on the line from one to the other.
#[test]
fn five_censuses_in_a_watch_are_enough_to_name_a_holder() {
    let mut history = History::default();
    for second in [2_u32, 11, 20, 29, 38] {
        let mut counts = Counts::default();
        counts.set(Kind::PosixLock, 70_000 + 40 * u64::from(second));
        let holder = Holder { id: HolderId::Process { pid: 7, start: 9 }, name: "locker".into() };
        history.push(
            f64::from(second),
            &Census { entries: vec![Entry { holder, group: None, counts }], ..Census::default() },
        );
    }
    let course = row(|at| 70_100.0 + 40.0 * at as f64);
    let answer = explain(&names(&["file_lock_cache"]), &course, &history);
    let Answer::Held(explanation) = &answer else { panic!("{answer:?}") };
    assert!(
        (explanation.together.share - 1.0).abs() < 0.05 && explanation.together.apart < 0.1,
        "{explanation:?}"
    );
}

/// Of the time before holders were counted, nothing is known of them.
#[test]
fn only_the_time_in_which_holders_were_counted_is_compared() {
    let mut history = History::default();
    for second in 30..SECONDS {
        let mut counts = Counts::default();
        counts.set(Kind::Tcp, 50 * second as u64);
        let holder = Holder { id: HolderId::Process { pid: 7, start: 9 }, name: "leaky".into() };
        let entries = vec![Entry { holder, group: None, counts }];
        history.push(second as f64, &Census { entries, ..Census::default() });
    }
    let answer = explain(&names(&["TCP"]), &row(|at| 50.0 * at as f64), &history);
    let Answer::Held(explanation) = &answer else { panic!("{answer:?}") };
    assert!((explanation.together.share - 1.0).abs() < 0.2, "{explanation:?}");
}

#[test]
fn an_unknown_cache_that_grows_object_by_object_with_a_holder() {
    let history = history(&[(1, "leaky", Kind::OtherSocket, &|at| 50 * at as u64)]);
    let answer = explain(&names(&["SCTP"]), &row(|at| 50.0 * at as f64), &history);
    assert_eq!(named(&answer), ["leaky (pid 1)"]);
    let answer = explain(&names(&["SCTP"]), &row(|at| 80.0 * at as f64), &history);
    assert!(named(&answer).is_empty(), "5 of 8: {answer:?}");
}

#[test]
fn nobody_is_accused_without_rights() {
    let mut history = history(&[(1, "busy", Kind::Tcp, &|_| 3)]);
    let closed = Census { closed: 1, ..Census::default() };
    history.push(SECONDS as f64, &closed);
    let answer = explain(&names(&["TCP"]), &row(|at| 50.0 * at as f64), &history);
    assert_eq!(answer, Answer::Unknown);
}

#[test]
fn a_holder_that_grew_at_another_time_is_not_accused() {
    let history = history(&[(1, "late", Kind::Tcp, &|at| if at < 30 { 0 } else { 2_000 })]);
    let answer = explain(&names(&["TCP"]), &row(|at| 50.0 * at as f64), &history);
    assert!(named(&answer).is_empty(), "{answer:?}");
}

/// Who ends with as much as the row, from this second to that one.
fn between(from: usize, to: usize, all: f64) -> impl Fn(usize) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of objects")]
    move |at| (all * (at.clamp(from, to) - from) as f64 / (to - from) as f64) as u64
}

/// A cache whose holders are all known, and one in which other things live, too: with the kind of the leak, and another one.
const ROWS: [(&str, Kind, Kind); 2] =
    [("file_lock_cache", Kind::PosixLock, Kind::Flock), ("kmalloc-256", Kind::TimerFd, Kind::Epoll)];

proptest::proptest! {
    /// Descriptors that lead to one object are counted each, so that another process may grow beside the leak without an object of its own:
    /// at another rate, or at another time even if by as much.
    #[test]
    fn a_coincidental_holder_is_not_named_beside_the_leak(
        which in 0..2_usize,
        rate in 20_u64..300,
        other in proptest::prop_oneof![0.12..0.8, 1.25..3.0],
        all in 0.5..1.5,
        (from, to) in proptest::prop_oneof![(10..30_usize, 34..=40_usize), (0..6_usize, 10..30_usize)],
    ) {
        let (cache, kind, of_other) = ROWS[which];
        let course = row(|at| 5_000.0 + (rate * at as u64) as f64);
        let leak = |at: usize| 100 + rate * at as u64;
        let at_another_rate = between(0, 40, other * 40.0 * rate as f64);
        let at_another_time = between(from, to, all * 40.0 * rate as f64);
        let others: [&dyn Fn(usize) -> u64; 2] = [&at_another_rate, &at_another_time];
        for other in others {
            let history = history(&[(1, "other", of_other, other), (2, "leaky", kind, &leak)]);
            let answer = explain(&names(&[cache]), &course, &history);
            proptest::prop_assert_eq!(named(&answer), ["leaky (pid 2)"], "{:?}", answer);
        }
    }

    /// Nor is it named if the kernel itself leaks, unless it has most of the growth at the same time.
    #[test]
    fn a_coincidental_holder_is_not_named_alone(
        which in 0..2_usize,
        rate in 20_u64..300,
        other in proptest::prop_oneof![0.0..0.4, 1.5..4.0],
        all in 0.5..1.5,
        (from, to) in proptest::prop_oneof![(16..30_usize, 34..=40_usize), (0..6_usize, 10..24_usize)],
    ) {
        let (cache, kind, _) = ROWS[which];
        let course = row(|at| 5_000.0 + (rate * at as u64) as f64);
        let at_another_rate = between(0, 40, other * 40.0 * rate as f64);
        let at_another_time = between(from, to, all * 40.0 * rate as f64);
        let others: [&dyn Fn(usize) -> u64; 2] = [&at_another_rate, &at_another_time];
        for other in others {
            let answer = explain(&names(&[cache]), &course, &history(&[(1, "other", kind, other)]));
            proptest::prop_assert!(named(&answer).is_empty(), "{:?}", answer);
        }
    }
}

#[test]
fn two_descriptors_of_a_pipe_are_one_inode() {
    let history = history(&[(1, "pipes", Kind::Pipe, &|at| 100 * at as u64)]);
    let answer = explain(&names(&["kmalloc-cg-1k"]), &row(|at| 50.0 * at as f64), &history);
    assert_eq!(named(&answer), ["pipes (pid 1)"]);
}

#[test]
fn rows_that_do_not_grow_get_no_answer() {
    let history = history(&[(1, "a", Kind::Tcp, &|at| at as u64)]);
    assert_eq!(explain(&names(&["TCP"]), &row(|at| 900.0 - at as f64), &history), Answer::Unknown);
    assert_eq!(explain(&names(&["TCP"]), &Course::default(), &history), Answer::Unknown);
}

/// Types of objects over time: objects and handles at each second; and a process with handles.
fn windows(objects: impl Fn(u64) -> u64, handles: impl Fn(u64) -> u64, own: impl Fn(u64) -> u64) -> History {
    let mut history = History::default();
    for second in 0..SECONDS as u64 {
        let one = |id: HolderId, name: &str, list: &[(Kind, u64)]| {
            let mut counts = Counts::default();
            for (kind, count) in list {
                counts.set(*kind, *count);
            }
            Entry { holder: Holder { id, name: name.into() }, group: None, counts }
        };
        let of_type = HolderId::ObjectType { name: "Token".into() };
        let figures = [(Kind::TypeObjects, objects(second)), (Kind::TypeHandles, handles(second))];
        let process = HolderId::Process { pid: 800, start: 1 };
        let entries =
            vec![one(of_type, "Token", &figures), one(process, "a.exe", &[(Kind::TokenHandle, own(second))])];
        history.push(second as f64, &Census { entries, ..Census::default() });
    }
    history
}

#[test]
fn a_process_with_handles_in_step_is_named() {
    let history = windows(|at| 900 + 50 * at, |at| 500 + 50 * at, |at| 10 + 50 * at);
    let answer = explain(&[Tag::pool(*b"Toke")], &row(|at| 900.0 + 50.0 * at as f64), &history);
    assert_eq!(named(&answer), ["a.exe (pid 800)"]);
    let sentence = answer.sentences("Toke").remove(0);
    assert!(
        sentence
            .starts_with("a.exe (pid 800) holds 2,010 Token handles, +50/s, in step with Toke: explains "),
        "{sentence}"
    );
}

#[test]
fn objects_without_handles_are_kept_inside_the_kernel() {
    let history = windows(|at| 3_000_000 + 50 * at, |_| 311_000, |_| 200_000);
    let grows = row(|at| 3_000_000.0 + 50.0 * at as f64);
    let answer = explain(&[Tag::pool(*b"Toke")], &grows, &history);
    assert_eq!(
        answer.sentences("Toke"),
        [
            "3,002,000 Token objects, 311,000 handles: objects grow by +50/s and handles explain 0 % of that, so references are held \
          inside the kernel; look for a driver"
        ]
    );
    assert_eq!(
        explain(&[Tag::pool(*b"Even")], &grows, &history),
        Answer::Unknown,
        "of another type nothing is known"
    );
    // Handles of many processes grow as much, none of them alone.
    let history = windows(|at| 3_000_000 + 50 * at, |at| 311_000 + 40 * at, |_| 7);
    assert_eq!(explain(&[Tag::pool(*b"Toke")], &grows, &history), Answer::Unknown);
    // The tag grows by more than objects: something else is allocated under it.
    let history = windows(|at| 3_000_000 + 10 * at, |_| 311_000, |_| 7);
    assert_eq!(explain(&[Tag::pool(*b"Toke")], &grows, &history), Answer::Unknown);
    assert_eq!(explain(&[Tag::pool(*b"Leak")], &grows, &history), Answer::Unknown, "a driver's tag");
}
