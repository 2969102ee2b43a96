//! Every form of the answer, of a planted census.

use poolmon_holder::{Census, Holder, HolderId};

use super::*;

fn entry(id: HolderId, name: &str, group: Option<&str>, counts: &[(Kind, u64)]) -> Entry {
    let mut all = Counts::default();
    for (kind, count) in counts {
        all.set(*kind, *count);
    }
    Entry { holder: Holder { id, name: name.into() }, group: group.map(Into::into), counts: all }
}

fn census(sockets: u64) -> Census {
    let process = |pid| HolderId::Process { pid, start: 5 };
    let leaky = [
        (Kind::Descriptor, sockets + 3),
        (Kind::Socket, sockets),
        (Kind::UnixStream, sockets),
        (Kind::File, 3),
        (Kind::Thread, 1),
        (Kind::Zombie, 0),
        (Kind::Mapping, 40),
        (Kind::PageTable, 65_536),
        (Kind::PosixLock, 2),
    ];
    let group = HolderId::ControlGroup { path: "/a.slice/b.service".into() };
    Census {
        entries: vec![
            entry(process(7), "holds", Some("b.service"), &[(Kind::Descriptor, 900), (Kind::Thread, 1)]),
            entry(process(4788), "python3", None, &leaky),
            entry(group, "/a.slice/b.service", None, &[(Kind::GroupSlabUnreclaimable, 12 << 20)]),
            entry(HolderId::Machine, "this machine", None, &[(Kind::LoopDevice, 0)]),
        ],
        processes: 2,
        closed: 1,
        hidden: false,
        remarks: vec!["the descriptors of 1 of 2 processes may not be read".into()],
    }
}

fn written(order: Order, before: Option<u64>, top: usize, form: Form) -> String {
    let counted = Counted {
        now: census(20_000),
        before: before.map(|sockets| (census(sockets), 40.0)),
        ..Counted::default()
    };
    let holders = Holders { counted: &counted, at: None, order, top };
    let mut out = Vec::new();
    form(&mut out, &holders).unwrap();
    String::from_utf8(out).unwrap()
}

type Form = fn(&mut dyn std::io::Write, &Holders<'_>) -> std::io::Result<()>;

/// Without colours.
fn plain(out: &mut dyn std::io::Write, holders: &Holders<'_>) -> std::io::Result<()> {
    text(&mut poolmon_print::paint::Unpainted(out), holders)
}

#[test]
fn as_text() {
    insta::assert_snapshot!("text", written(Order::Objects, None, 9, plain));
    insta::assert_snapshot!("text_change", written(Order::Change, Some(18_000), 9, plain));
    insta::assert_snapshot!("text_top", written(Order::Objects, None, 1, plain));
}

#[test]
fn as_data() {
    insta::assert_snapshot!("csv", written(Order::Kind(Kind::Thread), Some(18_000), 9, csv));
    insta::assert_snapshot!(
        "json",
        written(Order::Objects, Some(18_000), 1, |out, holders| json(out, holders))
    );
}

#[test]
fn of_a_recording() {
    let counted = Counted { now: census(5), before: Some((census(3), 60.0)), ..Counted::default() };
    let at = "2026-11-29T10:00:00Z".parse().ok();
    let holders = Holders { counted: &counted, at, order: Order::Change, top: 9 };
    let mut out = Vec::new();
    text(&mut out, &holders).unwrap();
    let said = String::from_utf8(out).unwrap();
    let moment = poolmon_model::units::moment(
        at.unwrap(),
        &jiff::tz::TimeZone::system(),
        poolmon_model::units::Precision::Seconds,
    );
    assert!(said.starts_with(&format!("2 processes at {moment}; change over 1 min")), "{said}");
    let mut out = Vec::new();
    json(&mut out, &holders).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json["time"], "2026-11-29T10:00:00Z");
}

#[test]
fn orders_by_name() {
    for order in [Order::Objects, Order::Change, Order::Kind(Kind::Tcp)] {
        assert_eq!(order.to_string().parse(), Ok(order));
    }
    let error = |text: &str| text.parse::<Order>().unwrap_err();
    assert_eq!(
        error("sock"),
        "`sock` is no kind of object; did you mean sockets, other-sockets, socket-buffers?"
    );
    assert!(
        error("xyz").contains("change, descriptors, sockets") && error("").contains("tcp"),
        "names them all"
    );
}

/// A process that came between the two counts was started, as a rule, rather than has grown: it is called new, and counts for a tenth.
#[test]
fn a_holder_that_is_new_is_called_so() {
    let counted = |by: u64| {
        let mut before = census(2_000 - by);
        before.entries.retain(|entry| entry.holder.id.pid() != Some(7));
        Counted { now: census(2_000), before: Some((before, 1.0)), ..Counted::default() }
    };
    let first = |counted: &Counted| {
        let listed = Holders { counted, at: None, order: Order::Change, top: 9 }.listed(Section::Holders);
        [0, 1].map(|at: usize| (listed[at].change, listed[at].is_new))
    };
    assert_eq!(first(&counted(100)), [(Some(100), false), (Some(901), true)]);
    assert_eq!(first(&counted(80)), [(Some(901), true), (Some(80), false)]);
    let counted = counted(100);
    let holders = Holders { counted: &counted, at: None, order: Order::Change, top: 9 };
    let mut out = Vec::new();
    text(&mut out, &holders).unwrap();
    let said = String::from_utf8(out).unwrap();
    let line = said.lines().find(|line| line.contains("(pid 7)")).unwrap();
    assert!(line.starts_with("        901          new  holds") && !line.contains('+'), "{said}");
}

#[test]
fn an_order_that_no_one_has_says_so() {
    let counted = Counted { now: census(20), before: None, ..Counted::default() };
    let order = Order::Kind(Kind::TmpfsBytes);
    let holders = Holders { counted: &counted, at: None, order, top: 9 };
    let mut out = Vec::new();
    text(&mut out, &holders).unwrap();
    assert!(String::from_utf8(out).unwrap().ends_with("\n\nNo holder keeps any bytes of tmpfs.\n"));
}

/// Control groups and containers have long paths: their middle is left out, and the columns stay below each other.
#[test]
fn long_names_leave_the_columns_in_place() {
    let path = format!("/kubepods.slice/{}/leaf.service", "x".repeat(120));
    let mut census = census(20);
    census.entries[0].group = Some(path.as_str().into());
    census.entries[2].holder.name = path.as_str().into();
    let counted = Counted { now: census, before: None, ..Counted::default() };
    let holders = Holders { counted: &counted, at: None, order: Order::Objects, top: 9 };
    let mut out = Vec::new();
    text(&mut out, &holders).unwrap();
    let said = String::from_utf8(out).unwrap();
    let heading = said.lines().find(|line| line.contains("Holder")).unwrap();
    let column = heading.find("Kinds").unwrap();
    for line in said.lines().filter(|line| line.contains("(pid ")) {
        let cells: Vec<char> = line.chars().collect();
        assert_eq!(cells[column - 2..column], [' ', ' '], "{said}");
        assert!(cells[column] != ' ', "{said}");
    }
    assert!(
        said.contains("holds (pid 7) in …/leaf.service  ") && said.contains("/kubepods.slice/xxx"),
        "{said}"
    );
    let mut out = Vec::new();
    json(&mut out, &holders).unwrap();
    assert!(String::from_utf8(out).unwrap().contains(&path), "data has all of it");
}

/// A census of Windows, and the same with more objects of a type than before.
fn windows(tokens: u64) -> Census {
    let of_type = |name: &str, objects, handles| {
        let counts = [(Kind::TypeObjects, objects), (Kind::TypeHandles, handles)];
        entry(HolderId::ObjectType { name: name.into() }, name, None, &counts)
    };
    let process = [
        (Kind::Handle, 9_000),
        (Kind::EventHandle, 8_000),
        (Kind::FileHandle, 0),
        (Kind::OtherHandle, 990),
        (Kind::Thread, 12),
        (Kind::PagedQuota, 2 << 20),
    ];
    Census {
        entries: vec![
            entry(HolderId::Process { pid: 4788, start: 9 }, "a.exe", Some("session 2"), &process),
            entry(HolderId::Session { id: 2 }, "session 2", None, &[(Kind::Process, 31)]),
            of_type("Key", 12_000, 11_000),
            of_type("Token", tokens, 311_000),
        ],
        processes: 1,
        ..Census::default()
    }
}

#[test]
fn of_windows() {
    let counted =
        Counted { now: windows(3_270_000), before: Some((windows(3_200_000), 40.0)), ..Counted::default() };
    let holders = Holders { counted: &counted, at: None, order: Order::Objects, top: 9 };
    let mut out = Vec::new();
    text(&mut out, &holders).unwrap();
    insta::assert_snapshot!("text_windows", String::from_utf8(out).unwrap());
}

/// Each section has its own first ones, also in data: none of them hides another.
#[test]
fn the_first_of_each_section() {
    let mut now = windows(7);
    now.entries.extend(census(5).entries);
    let counted = Counted { now, before: None, ..Counted::default() };
    let holders = Holders { counted: &counted, at: None, order: Order::Objects, top: 1 };
    let mut out = Vec::new();
    csv(&mut out, &holders).unwrap();
    let text = String::from_utf8(out).unwrap();
    let mut ids: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    ids.dedup();
    assert_eq!(ids, ["4788", "Key", "/a.slice/b.service"], "{text}");
}

#[test]
fn by_change_what_stays_comes_before_what_comes_and_goes() {
    let process =
        |pid, sockets| entry(HolderId::Process { pid, start: 5 }, "python3", None, &[(Kind::Unix, sockets)]);
    let at = |second: u64| Census {
        entries: vec![
            process(1, 50 * second),
            // Full at the last count, empty at the first.
            process(2, 400 * (second % 7)),
            process(3, 9_000),
            process(4, 8_000),
        ],
        ..Census::default()
    };
    let mut counted = Counted { now: at(20), before: Some((at(0), 20.0)), ..Counted::default() };
    let order = |counted: &Counted| {
        let holders = Holders { counted, at: None, order: Order::Change, top: 9 };
        holders.written().map(|one| one.entry.holder.id.pid().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(order(&counted), [2, 1, 3, 4], "of two counts, no more is known");
    for second in 0..=20 {
        if second == 10 {
            counted.floors.begin(2);
        }
        counted.floors.add(&at(second));
    }
    assert_eq!(order(&counted), [1, 3, 4, 2], "equal gains by size");
}
