//! What Windows says of processes, handles and types of objects, in both layouts, over the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_source::windows::decode::{
    BufferLayout, HandleCounts, handles, handles_ex, object_types, processes,
};

fuzz_target!(|bytes: &[u8]| {
    // Names are pointers into the buffer, which is at a place that the first byte chooses.
    let base = bytes.first().map_or(0, |byte| u64::from(*byte) << 4);
    for layout in [BufferLayout::X64, BufferLayout::X86] {
        let (mut found, mut types, mut counts) = (Vec::new(), Vec::new(), HandleCounts::default());
        for decoded in [
            processes(bytes, base, layout, &mut found),
            object_types(bytes, base, layout, &mut types),
            handles_ex(bytes, layout, &mut counts),
            handles(bytes, layout, &mut counts),
        ]
        .into_iter()
        .flatten()
        {
            assert!(decoded.read <= decoded.promised);
            assert!(decoded.read * 0x10 <= bytes.len());
        }
        assert!(found.iter().all(|process| process.name.len() <= bytes.len() * 2));
        assert!(counts.values().sum::<u64>() * 8 <= bytes.len() as u64);
    }
});
