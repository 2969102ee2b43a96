//! `/proc/allocinfo`, read twice: the second time names are known.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_proc::allocinfo::append;
use poolmon_proc::names::Names;

fuzz_target!(|text: &[u8]| {
    let mut names = Names::default();
    let (mut first, mut again) = (Vec::new(), Vec::new());
    let unread = append(text, &mut names, &mut first);
    assert_eq!(append(text, &mut names, &mut again), unread);
    assert_eq!(first, again);
});
