//! Every decoder of Windows buffers, in both layouts, over the same bytes.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use poolmon_model::{CounterWidth, Header, Origin, Pool, Sample, SourceKind};
use poolmon_source::windows::decode::{
    BufferLayout, big_pool, modules, modules_ex, performance, pool_tags, pool_tags2, session_tags,
};

fuzz_target!(|bytes: &[u8]| {
    let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]));
    for layout in [BufferLayout::X64, BufferLayout::X86] {
        let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::default());
        let (mut big, mut mods) = (Vec::new(), Vec::new());
        for decoded in [
            pool_tags(bytes, layout, &mut sample),
            pool_tags2(bytes, layout, &mut sample),
            session_tags(bytes, layout, &mut sample),
            big_pool(bytes, layout, &mut big),
            modules(bytes, layout, &mut mods),
            modules_ex(bytes, layout, &mut mods),
        ]
        .into_iter()
        .flatten()
        {
            assert!(decoded.read <= decoded.promised);
            // The smallest entry of all has 12 bytes.
            assert!(decoded.read * 12 <= bytes.len());
        }
        assert!(sample.rows.len() * 0x1c <= bytes.len() * 4);
        let _ = performance(bytes, &mut Header::default());
    }
});
