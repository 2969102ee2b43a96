//! `/proc/slabinfo`, read twice: the second time names are known.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_proc::names::Names;
use poolmon_proc::slab::append;

fuzz_target!(|text: &[u8]| {
    let mut names = Names::default();
    let (mut first, mut again) = (Vec::new(), Vec::new());
    let unread = append(text, 4096, true, &mut names, |_| None, &mut first);
    assert_eq!(append(text, 4096, true, &mut names, |_| None, &mut again), unread);
    assert_eq!(first, again);
    assert_eq!(unread.lines == 0, unread.first == 0);
    let _ = append(text, 4096, false, &mut Names::default(), |_| None, &mut again);
});
