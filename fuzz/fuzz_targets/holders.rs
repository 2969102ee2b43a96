//! What `/proc` says of processes, locks, mounts and System V objects: names and paths are chosen by users.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_holder::Counts;
use poolmon_holder::linux::{text, unit};

fuzz_target!(|input: &[u8]| {
    let mut counts = Counts::default();
    text::group_memory(input, &mut counts);
    let _ = (text::stat(input), text::page_tables(input), text::namespace(input));
    let _ = (text::descriptor(input), text::protocol(input), text::is_registration(input, b"tfd:"));
    assert!(text::unescaped(input).len() <= input.len());
    let _ = unit(&String::from_utf8_lossy(input));
    for line in text::lines(input) {
        let _ = (text::lock(line), text::queue(line), text::semaphore_set(line), text::shared_memory(line));
        let _ = (text::key_user(line), text::mount(line), text::maps_file(line));
    }
});
