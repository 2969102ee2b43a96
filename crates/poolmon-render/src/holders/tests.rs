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
    let counted = Counted { now: census(20_000), before: before.map(|sockets| (census(sockets), 40.0)) };
    let holders = Holders { counted: &counted, order, top };
    let mut out = Vec::new();
    form(&mut out, &holders).unwrap();
    String::from_utf8(out).unwrap()
}

type Form = fn(&mut dyn std::io::Write, &Holders<'_>) -> std::io::Result<()>;

#[test]
fn as_text() {
    insta::assert_snapshot!("text", written(Order::Objects, None, 9, text));
    insta::assert_snapshot!("text_change", written(Order::Change, Some(18_000), 9, text));
    insta::assert_snapshot!("text_top", written(Order::Objects, None, 1, text));
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
fn orders_by_name() {
    for order in [Order::Objects, Order::Change, Order::Kind(Kind::Tcp)] {
        assert_eq!(order.to_string().parse(), Ok(order));
    }
    assert!("sock".parse::<Order>().unwrap_err().contains("sockets"), "names them all");
}

#[test]
fn a_holder_that_is_new_has_changed_by_all_it_has() {
    let counted = Counted { now: census(5), before: Some((Census::default(), 1.0)) };
    let holders = Holders { counted: &counted, order: Order::Change, top: 9 };
    let listed = holders.listed();
    assert_eq!((listed[0].objects, listed[0].change), (901, Some(901)));
}
