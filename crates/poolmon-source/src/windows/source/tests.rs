//! A played machine with recorded answers.

use super::*;
use crate::windows::query::QueryAnswer;
use crate::windows::status::{ACCESS_DENIED, INFO_LENGTH_MISMATCH, INVALID_INFO_CLASS};

/// Answers by class; addresses appear once they are asked for.
#[derive(Default)]
struct Played {
    answers: Vec<(u32, Vec<u8>)>,
    refused: Vec<(u32, u32)>,
    after_privilege: Vec<(u32, Vec<u8>)>,
    asked_for_privilege: bool,
}

impl Kernel for Played {
    fn query(&mut self, class: u32, buffer: &mut [u8]) -> QueryAnswer {
        if let Some(&(_, status)) = self.refused.iter().find(|(refused, _)| *refused == class) {
            return QueryAnswer { status, length: 0 };
        }
        let answers = if self.asked_for_privilege && !self.after_privilege.is_empty() {
            &self.after_privilege
        } else {
            &self.answers
        };
        let Some((_, bytes)) = answers.iter().find(|(known, _)| *known == class) else {
            return QueryAnswer { status: INVALID_INFO_CLASS, length: 0 };
        };
        let length = u32::try_from(bytes.len()).unwrap();
        let Some(room) = buffer.get_mut(..bytes.len()) else {
            return QueryAnswer { status: INFO_LENGTH_MISMATCH, length };
        };
        room.copy_from_slice(bytes);
        QueryAnswer { status: 0, length }
    }

    fn query_session(&mut self, session: u32, buffer: &mut [u8]) -> QueryAnswer {
        assert_eq!(session, u32::MAX);
        self.query(67, buffer)
    }
}

impl Machine for Played {
    fn figures(&mut self, header: &mut Header) {
        header.memory_total = Some(8 << 30);
        header.pool_paged = Some(5 << 30);
    }
    fn uptime(&mut self) -> Option<Duration> {
        Some(Duration::from_secs(77))
    }
    fn show_addresses(&mut self) -> bool {
        self.asked_for_privilege = true;
        !self.after_privilege.is_empty()
    }
}

fn tags(tag: [u8; 4], nonpaged_bytes: u64) -> Vec<u8> {
    let mut bytes = [1_u64.to_le_bytes().as_slice(), &tag, &[0; 20], &[7, 0, 0, 0, 2, 0, 0, 0]].concat();
    bytes.extend(nonpaged_bytes.to_le_bytes());
    bytes
}

fn big(entries: &[(u64, u64, [u8; 4])]) -> Vec<u8> {
    let mut bytes = (entries.len() as u64).to_le_bytes().to_vec();
    for (address, size, tag) in entries {
        bytes.extend(address.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes.extend(tag);
        bytes.extend([0; 4]);
    }
    bytes
}

fn source(machine: Played) -> PoolSource<Played> {
    PoolSource::new(machine, Some("HOST".into()), Some("Windows 10.0.19045".into()), Some("boot".into()))
}

#[test]
fn a_sample_has_rows_figures_and_origin() {
    let mut performance = vec![0; decode::performance::LEAST];
    performance[0x3c] = 9; // page faults
    performance[0x70] = 1; // paged pool pages, which the documented call knows better
    performance[0x74] = 3; // nonpaged pool pages
    let machine = Played { answers: vec![(22, tags(*b"Test", 640)), (2, performance)], ..Played::default() };
    let mut source = source(machine);
    let sample = source.sample().unwrap();
    assert_eq!(sample.rows.len(), 1);
    assert_eq!(sample.rows[0].counters.bytes, Some(640));
    assert_eq!(sample.uptime, Some(Duration::from_secs(77)));
    assert_eq!(sample.origin.host.as_deref(), Some("HOST"));
    assert_eq!(sample.header.page_faults, Some(9));
    assert_eq!(sample.header.pool_nonpaged, Some(3 * 4096));
    assert_eq!(sample.header.pool_paged, Some(5 << 30));
    assert!(sample.time.is_some() && sample.remarks.is_empty());

    source.want_sessions(true);
    assert!(source.sample().unwrap().remarks[0].contains("no session pools"));
}

#[test]
fn without_class_2_the_rows_are_told_all_the_same() {
    let machine = Played {
        answers: vec![(22, tags(*b"Test", 640))],
        refused: vec![(2, ACCESS_DENIED)],
        ..Played::default()
    };
    let sample = source(machine).sample().unwrap();
    assert_eq!((sample.rows.len(), sample.header.page_faults), (1, None));
    assert_eq!(sample.header.memory_total, Some(8 << 30));
}

#[test]
fn the_largest_allocations_of_a_tag_in_its_pool() {
    let answers = vec![(
        66,
        big(&[
            (0xffff_8000_0000_1001, 8192, *b"Leak"),
            (0xffff_8000_0001_0000, 1 << 30, *b"Leak"),
            (0xffff_8000_0002_0001, 1 << 20, *b"Leak"),
            (0xffff_8000_0003_0001, 1 << 40, *b"Othr"),
        ]),
    )];
    let facts = source(Played { answers, ..Played::default() })
        .facts(&"Leak".parse::<PoolTag>().unwrap().into(), Pool::Nonpaged);
    assert_eq!(facts.len(), 2);
    assert!(facts[0].value.starts_with("2 of a page or more"), "{facts:?}");
    assert!(
        facts[1].value.find("0xffff800000020000") < facts[1].value.find("0xffff800000001000"),
        "{facts:?}"
    );
}

#[test]
fn withheld_addresses_are_asked_for_once_more_then_said() {
    let zeroed = vec![(66, big(&[(0, 8192, *b"Leak"), (0, 4096, *b"Leak")]))];
    let shown = vec![(66, big(&[(0xffff_8000_0000_1001, 8192, *b"Leak")]))];
    let tag = Tag::Pool(PoolTag(*b"Leak"));
    let facts = source(Played { answers: zeroed.clone(), ..Played::default() }).facts(&tag, Pool::Paged);
    assert!(facts[2].value.contains("SeDebugPrivilege"), "{facts:?}");
    assert!(facts[0].value.starts_with("2 of"), "{facts:?}");
    let allowed = Played { answers: zeroed, after_privilege: shown, ..Played::default() };
    let facts = source(allowed).facts(&tag, Pool::Nonpaged);
    assert_eq!(facts.len(), 2);
    assert!(facts[1].value.contains("0xffff800000001000"), "{facts:?}");
}

#[test]
fn a_refused_class_is_a_fact_too() {
    let refused = vec![(66, ACCESS_DENIED)];
    let facts =
        source(Played { refused, ..Played::default() }).facts(&Tag::Pool(PoolTag(*b"Leak")), Pool::Paged);
    assert_eq!(facts[0].value, "not available: 0xc0000022 STATUS_ACCESS_DENIED");
    assert!(modules(&mut Played::default()).unwrap_err().to_string().contains("class 11"));
}

#[test]
fn loaded_drivers_without_asking_for_addresses() {
    assert_eq!(source(Played::default()).modules(), None);
    let mut entry = vec![0_u8; 0x128];
    entry[0x18..0x1c].copy_from_slice(&0x6000_u32.to_le_bytes());
    let path = b"\\SystemRoot\\System32\\drivers\\null.sys";
    entry[0x26..0x28].copy_from_slice(&29_u16.to_le_bytes());
    entry[0x28..0x28 + path.len()].copy_from_slice(path);
    let bytes = [1_u64.to_le_bytes().to_vec(), entry].concat();
    let mut source = source(Played { answers: vec![(11, bytes)], ..Played::default() });
    let found = source.modules().unwrap();
    assert_eq!((found[0].name.as_str(), found[0].size), ("null.sys", 0x6000));
    assert_eq!(found[0].detail.as_deref(), Some("\\SystemRoot\\System32\\drivers\\null.sys"));
    assert!(!source.machine.asked_for_privilege);
}
