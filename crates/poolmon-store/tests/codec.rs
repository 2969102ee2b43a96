//! Every sample comes back exactly, whatever is in it.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]

use std::sync::Arc;
use std::time::Duration;

use poolmon_model::figure;
use poolmon_model::header::FIGURES;
use poolmon_model::sample::Session;
use poolmon_model::{CounterWidth, Counters, Delta, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_store::internal::{CodecState, KnownLayout};
use proptest::prelude::*;

fn figure() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![
        Just(None),
        (0_u64..2000).prop_map(Some),
        (0_u64..400).prop_map(|pages| Some(pages * 4096)),
        any::<u64>().prop_map(Some),
    ]
}

fn change() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![Just(None), (-50_i64..50).prop_map(Some), any::<i64>().prop_map(Some)]
}

fn counters() -> impl Strategy<Value = Counters> {
    let values = prop::collection::vec((figure(), change()), figure::COUNT);
    (values, figure()).prop_map(|(values, reported_per_alloc)| {
        let mut counters = Counters { reported_per_alloc, ..Counters::default() };
        for (figure, (count, signed)) in figure::FIGURES.into_iter().zip(values) {
            let value = if figure.signed { signed.map(i128::from) } else { count.map(i128::from) };
            assert!((figure.set)(&mut counters, value));
        }
        counters
    })
}

fn row() -> impl Strategy<Value = Row> {
    let tag = prop_oneof![
        3 => prop::sample::select(vec![*b"Irp ", *b"File", *b"NtfF", *b"\0\xff\x01z"]).prop_map(Tag::pool),
        1 => any::<[u8; 4]>().prop_map(Tag::pool),
        1 => "[a-zé_\\[\\]]{0,12}".prop_map(|name| Tag::name(&name)),
    ];
    let owner = prop::option::of(prop::sample::select(vec!["ntfs.sys", "", "[nt!io - I/O]"]));
    (tag, prop::sample::select(Pool::ALL.to_vec()), counters(), owner).prop_map(
        |(tag, pool, counters, owner)| Row { tag, pool, counters, reported_owner: owner.map(Into::into) },
    )
}

fn delta() -> impl Strategy<Value = Delta> {
    // Changes that a copied screen reports; it has no others.
    (change(), change(), change(), change(), change(), change()).prop_map(
        |(allocs, frees, diff, bytes, used, per_alloc)| {
            let mut delta = Delta { allocs, frees, diff, bytes, ..Delta::default() };
            (delta.used, delta.per_alloc) = (used, per_alloc);
            delta
        },
    )
}

fn sample(width: CounterWidth) -> impl Strategy<Value = Sample> {
    let rows = prop::collection::vec(row(), 0..12);
    let sessions = prop::collection::vec((any::<u32>(), prop::collection::vec(row(), 0..4)), 0..3);
    let header = prop::collection::vec(figure(), FIGURES.len());
    let uptime = prop::option::of(any::<u64>().prop_map(Duration::from_nanos));
    let extras = (
        0_usize..3,
        prop::collection::vec("[a-zé ]{0,9}", 0..2),
        prop_oneof![Just(0_usize), Just(9)],
        delta(),
    );
    (rows, sessions, header, uptime, extras).prop_map(move |(rows, sessions, header, uptime, extras)| {
        let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]);
        origin.host = Some("HOST".into());
        let mut sample = Sample::new(Arc::new(origin), width);
        for (figure, value) in FIGURES.iter().zip(header) {
            (figure.set)(&mut sample.header, value);
        }
        sample.reported_deltas = vec![extras.3; if extras.2 > 0 { rows.len() } else { 0 }];
        sample.rows = rows;
        sample.sessions = sessions.into_iter().map(|(id, rows)| Session { id, rows }).collect();
        sample.uptime = uptime;
        sample.disagreeing = extras.0;
        sample.remarks = extras.1;
        sample
    })
}

proptest! {
    #[test]
    fn samples_come_back_exactly(
        samples in prop_oneof![
            prop::collection::vec(sample(CounterWidth::Bits32), 1..8),
            prop::collection::vec(sample(CounterWidth::Bits64), 1..8),
        ],
        keys in prop::collection::vec(any::<bool>(), 8),
    ) {
        let mut pair: Option<(CodecState, CodecState)> = None;
        for (n, sample) in samples.iter().enumerate() {
            // Every second sample only moves a little, as real ones do.
            match &mut pair {
                Some((writer, reader)) if !keys[n] => {
                    let payload = writer.delta(sample, n as u64 * 1_000_003).unwrap();
                    reader.read_delta(&payload).unwrap();
                }
                _ => {
                    let (writer, payload) = CodecState::key(sample, n as u64 * 1_000_003).unwrap();
                    pair = Some((writer, CodecState::read_key(&payload).unwrap()));
                }
            }
            let (writer, reader) = pair.as_ref().unwrap();
            prop_assert_eq!(&reader.to_sample(), sample);
            prop_assert_eq!(&writer.to_sample(), sample);
            prop_assert_eq!(reader.clock(), n as u64 * 1_000_003);
        }
    }

    #[test]
    fn rows_that_come_go_and_move(
        steps in prop::collection::vec(prop::collection::vec((0_usize..9, 0_u64..50), 0..12), 1..12),
    ) {
        // Few names in any order, also twice in one sample.
        let origin = Arc::new(Origin::new(SourceKind::Linux, &[]));
        let mut pair: Option<(CodecState, CodecState)> = None;
        for step in steps {
            let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits64);
            sample.rows = step
                .iter()
                .map(|&(n, v)| Row::windows(Tag::pool([b'a' + n as u8; 4]), Pool::Paged, v, v / 2, v * 16))
                .collect();
            if let Some((writer, reader)) = &mut pair {
                reader.read_delta(&writer.delta(&sample, 5).unwrap()).unwrap();
            } else {
                let (writer, payload) = CodecState::key(&sample, 5).unwrap();
                pair = Some((writer, CodecState::read_key(&payload).unwrap()));
            }
            prop_assert_eq!(pair.as_ref().unwrap().1.to_sample(), sample);
        }
    }

    #[test]
    fn keys_that_are_read_after_another_are_what_they_are_alone(
        keys in prop::collection::vec((sample(CounterWidth::Bits64), any::<bool>(), 0_u64..1 << 40), 2..8),
    ) {
        let mut known = KnownLayout::default();
        let mut rows: Vec<Row> = Vec::new();
        for (mut key, again, by) in keys {
            if again && key.sessions.is_empty() {
                // The rows of the key before, with other figures.
                key.rows.clone_from(&rows);
                for row in &mut key.rows {
                    row.counters.bytes = row.counters.bytes.map(|bytes| bytes.wrapping_add(by));
                }
                key.reported_deltas.clear();
            } else {
                rows.clone_from(&key.rows);
            }
            let (mut writer, payload) = CodecState::key(&key, by).unwrap();
            let mut reader = CodecState::read_key_after(&payload, &mut known).unwrap();
            prop_assert_eq!(&reader.to_sample(), &key);
            prop_assert_eq!(reader.clock(), by);
            // What was learned while it was read is the same, too.
            key.rows.truncate(key.rows.len() / 2);
            key.reported_deltas.clear();
            reader.read_delta(&writer.delta(&key, by + 7).unwrap()).unwrap();
            prop_assert_eq!(&reader.to_sample(), &key);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut known = KnownLayout::default();
        if let Ok(mut state) = CodecState::read_key_after(&bytes, &mut known) {
            // A second time by what is known now.
            let again = CodecState::read_key_after(&bytes, &mut known).unwrap();
            prop_assert_eq!(again.to_sample(), state.to_sample());
            let _ = state.read_delta(&bytes);
            let _ = state.to_sample();
        }
    }
}
