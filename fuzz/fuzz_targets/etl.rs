//! A whole trace: both passes.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use poolmon_etl::{Etl, keep};
use poolmon_model::Pattern;
use poolmon_trace::TagRow;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut etl) = Etl::open(Cursor::new(bytes)) else { return };
    let pool = etl.counts().pool_events() - etl.counts().short_pool_events;
    let with_time = etl.pool_events().map(Result::unwrap).count() as u64;
    assert!(with_time <= pool);
    let mut events = etl.events(|record| Some(record.body.len()));
    let mut before = 0;
    for event in events.by_ref().map(Result::unwrap) {
        before = before.max(event.time);
    }
    let counts = events.stack_counts();
    assert!(counts.joined <= counts.stacks && counts.same_cpu <= counts.joined);
    for image in etl.images().kernel().take(100) {
        let _ = (etl.images().frame(image.base, before).to_string(), etl.images().version(image));
    }
    let (tags, answer) = (keep::tags(&mut etl), keep::answer(&mut etl, None));
    if let (Ok(tags), Ok(answer)) = (tags, answer) {
        assert_eq!(tags.rows.iter().map(|row| row.objects).sum::<u64>(), answer.objects());
        // Each tag that is asked for keeps what the table says, and all others nothing of it.
        let is_plain = |row: &&TagRow| row.tag.0.iter().all(u8::is_ascii_alphanumeric);
        for row in tags.rows.iter().filter(is_plain).take(4) {
            let of_tag = keep::answer(&mut etl, Some(&Pattern::new(&row.tag.to_string())));
            let in_table = tags.rows.iter().filter(|other| other.tag == row.tag).map(|other| other.objects);
            assert!(of_tag.is_ok_and(|of_tag| of_tag.objects() >= in_table.sum::<u64>()));
        }
    }
});
