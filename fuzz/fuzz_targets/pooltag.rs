//! pooltag.txt: any bytes; every line is accounted for and every exact entry is found.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_owner::PooltagFile;
use poolmon_owner::pooltag::LineProblem;

fuzz_target!(|bytes: &[u8]| {
    let file = PooltagFile::parse("fuzz", bytes);
    let unread = |problem| matches!(problem, LineProblem::Continuation | LineProblem::Prose);
    let other = file.irregular().iter().filter(|irregular| unread(irregular.problem)).count();
    let lines = file.entries().len() + other;
    assert_eq!(file.lines() as usize, lines + (file.comments() + file.blanks()) as usize);
    for entry in file.entries().iter().take(64) {
        if let Some(tag) = entry.tag.exact() {
            assert!(file.lookup(tag).any(|found| found == entry));
        }
    }
});
