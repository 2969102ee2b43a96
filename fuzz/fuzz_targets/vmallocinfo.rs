//! `/proc/vmallocinfo`, read twice: the second time names are known.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_proc::names::Names;
use poolmon_proc::vmalloc::append;

fuzz_target!(|text: &[u8]| {
    let (mut names, mut key) = (Names::default(), Vec::new());
    let (mut first, mut again) = (Vec::new(), Vec::new());
    let unread = append(text, 4096, &mut names, &mut key, &mut first);
    assert_eq!(append(text, 4096, &mut names, &mut key, &mut again), unread);
    assert_eq!(first, again);
});
