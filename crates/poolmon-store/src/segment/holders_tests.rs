//! Lists of holders, complete and as changes.

use proptest::prelude::*;

use super::*;

fn kept(id: HolderId, name: &str, group: Option<&str>, figures: &[(Kind, u64)], processes: u64) -> Kept {
    let mut counts = Counts::default();
    for (kind, count) in figures {
        counts.set(*kind, *count);
    }
    let holder = Holder { id, name: name.into() };
    Kept { entry: Entry { holder, group: group.map(Into::into), counts }, processes, is_late: false }
}

fn process(pid: u32, figures: &[(Kind, u64)]) -> Kept {
    kept(
        HolderId::Process { pid, start: 77 },
        "python3",
        pid.is_multiple_of(2).then_some("web.service"),
        figures,
        1,
    )
}

fn digest(kept: Vec<Kept>) -> Digest {
    Digest { processes: kept.len() as u64, closed: 1, hidden: true, kept }
}

fn read(list: &Holders) -> Digest {
    let mut found = Digest::default();
    list.digest_into(&mut found);
    found.kept.sort_by(|a, b| a.entry.holder.id.cmp(&b.entry.holder.id));
    found
}

fn sorted(mut digest: Digest) -> Digest {
    digest.kept.sort_by(|a, b| a.entry.holder.id.cmp(&b.entry.holder.id));
    digest
}

#[test]
fn a_list_and_its_changes_come_back() {
    let others =
        |processes| kept(HolderId::Others { name: "w".into() }, "w", None, &[(Kind::Unix, 9)], processes);
    let first = digest(vec![process(1, &[(Kind::Tcp, 5), (Kind::Thread, 0)]), process(2, &[]), others(40)]);
    let late = Kept { is_late: true, ..process(9, &[(Kind::Tcp, u64::MAX)]) };
    let steps = [
        digest(vec![process(1, &[(Kind::Tcp, 4), (Kind::Thread, 0)]), process(2, &[]), others(38)]),
        digest(vec![process(1, &[(Kind::Tcp, 4)]), late, others(38)]),
        digest(vec![]),
        digest(vec![process(3, &[(Kind::PageTable, 1 << 40)])]),
    ];
    let (mut writer, payload) = Holders::begin(&first);
    let mut reader = Holders::parse(&payload).unwrap();
    assert_eq!(read(&reader), sorted(first));
    for (n, step) in steps.into_iter().enumerate() {
        let payload = writer.change(&step);
        reader.apply(&payload).unwrap();
        assert_eq!(read(&reader), sorted(step), "step {n}");
        let again = Holders::parse(&writer.complete()).unwrap();
        let known = |mut digest: Digest| {
            digest.kept.iter_mut().for_each(|kept| kept.is_late = false);
            digest
        };
        assert_eq!(
            read(&again),
            known(read(&reader)),
            "a complete list says who is there, not who came late"
        );
    }
}

#[test]
fn what_does_not_change_takes_a_dozen_bytes() {
    let all = digest((0..250).map(|pid| process(pid, &[(Kind::Tcp, 5), (Kind::Mapping, 100)])).collect());
    let (mut writer, payload) = Holders::begin(&all);
    assert!(payload.len() < 11_000, "{}", payload.len());
    assert!(writer.change(&all).len() <= 12);
    let mut moved = all;
    moved.kept[200] = process(200, &[(Kind::Tcp, 55), (Kind::Mapping, 100)]);
    assert!(writer.change(&moved).len() <= 17);
}

#[test]
fn a_name_that_changes_is_another_holder() {
    let (mut writer, payload) = Holders::begin(&digest(vec![process(1, &[(Kind::Tcp, 5)])]));
    let mut reader = Holders::parse(&payload).unwrap();
    let mut renamed = digest(vec![process(1, &[(Kind::Tcp, 5)])]);
    renamed.kept[0].entry.holder.name = "renamed".into();
    reader.apply(&writer.change(&renamed)).unwrap();
    assert_eq!(read(&reader), renamed);
}

#[test]
fn types_and_kinds_of_a_later_program_are_left_out() {
    let (_, payload) =
        Holders::begin(&digest(vec![process(1, &[(Kind::Tcp, 5), (Kind::Unix, 6)]), process(2, &[])]));
    let replace = |payload: &[u8], from: &[u8], to: &[u8]| {
        let at = payload.windows(from.len()).position(|part| part == from).unwrap();
        let mut changed = payload.to_vec();
        changed[at..at + from.len()].copy_from_slice(to);
        changed
    };
    // A kind that is not known here.
    let kinds = Holders::parse(&replace(&payload, b"\x03\0tcp", b"\x03\0xyz")).unwrap();
    assert_eq!(read(&kinds).kept[0], process(1, &[(Kind::Unix, 6)]));
    // A type that is not: its places stay empty, and changes of others still fit.
    let types = Holders::parse(&replace(&payload, b"process", b"planets")).unwrap();
    assert!(read(&types).kept.is_empty());
}

#[test]
fn changes_of_another_list_are_refused() {
    let all = digest(vec![process(1, &[(Kind::Tcp, 5)])]);
    let (mut writer, payload) = Holders::begin(&all);
    let mut reader = Holders::parse(&payload).unwrap();
    let _lost = writer.change(&all);
    assert_eq!(reader.apply(&writer.change(&all)), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..400, to: u8) {
        let _ = Holders::parse(&bytes);
        let all = digest((0..3).map(|pid| process(pid, &[(Kind::Tcp, 5), (Kind::Mapping, 100)])).collect());
        let (mut writer, mut payload) = Holders::begin(&all);
        let mut reader = Holders::parse(&payload).unwrap();
        let _ = reader.apply(&bytes);
        let at = payload.len() - 1 - at % payload.len();
        payload[at] = to;
        if let Some(mut reader) = Holders::parse(&payload) {
            let mut change = writer.change(&digest(vec![process(9, &[])]));
            let place = at % change.len();
            change[place] = to;
            let _ = reader.apply(&change);
        }
    }
}
