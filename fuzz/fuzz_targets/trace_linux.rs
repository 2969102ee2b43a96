//! What a Linux kernel says of its tracepoints and functions, and the records of its ring: any bytes, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_source::linux::trace::format::{EventFormat, Field};
use poolmon_source::linux::trace::plan::Layout;
use poolmon_source::linux::trace::record::{self, Sample};
use poolmon_source::linux::trace::target::Class;
use poolmon_trace::{Kallsyms, Kind, Stacks};

fuzz_target!(|data: &[u8]| {
    // Behind the texts, separated by a byte that no text has, is a record.
    let mut parts = data.splitn(3, |&byte| byte == 0xff);
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (format, kallsyms) = (text(), text());
    let record = parts.next().unwrap_or_default();

    let symbols = Kallsyms::parse(&kallsyms);
    for address in [0, 1, 0xffff_ffff_8100_0010, u64::MAX] {
        let symbol = symbols.symbol(address);
        assert!(symbol.is_none_or(|symbol| symbol.place().is_some() && symbol.offset <= address));
    }

    for (start, end) in symbols.ranges("f", None).into_iter().chain(symbols.ranges("f", Some("m"))) {
        assert!(start <= end, "{start:#x} to {end:#x}");
    }

    let _ = record::lost(record);
    let Some(sample) = Sample::parse(record) else { return };
    let Some(format) = EventFormat::parse(&format) else { return };
    let field = |name| format.field(name).unwrap_or(Field { offset: 0, size: 8 });
    let (address, order) = (field("ptr"), field("order"));
    let (bytes, requested) = (field("bytes_alloc"), field("bytes_req"));
    let class = Some((field("gfp_flags"), format.gfp, Class::Normal));
    let mut stacks = Stacks::new(16, 8);
    for layout in [
        Layout::Alloc { address, bytes, requested, class },
        Layout::Alloc { address, bytes, requested, class: None },
        Layout::Free { address },
        Layout::FreeOfAny { address },
        Layout::Pages { pfn: address, order, is_alloc: true },
        Layout::Pages { pfn: address, order, is_alloc: false },
    ] {
        let mut count = 0_u64;
        let whole = sample.kinds(&layout, &mut stacks, &mut Vec::new(), |kind| {
            count += 1;
            if let Kind::Alloc { stack, .. } = kind {
                assert!(stack.number() <= 16, "a stack that is not kept");
            }
        });
        assert!(whole.is_some() || count == 0, "a record that is cut gives nothing");
        assert!(count <= 1 << 18);
    }
});
