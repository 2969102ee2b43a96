//! A source of invented samples for tests, the bench and the example: nothing here looks at the clock.
#![allow(dead_code, reason = "each user takes what it needs")]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::{
    CounterWidth, Counters, Header, Labeler, Origin, Pool, Row, RowLabel, Sample, SourceKind, Tag,
};
use poolmon_source::{Fact, Result, Source, SourceError};

/// 2026-11-23 14:03:12 UTC.
pub const START: i64 = 1_795_442_592;

/// The time `seconds` after the start.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

/// Ten rows as on the pictures of PoolMon, after so many refreshes.
pub fn windows(step: u64) -> Sample {
    let origin = Arc::new(Origin {
        host: Some("WS-0815".into()),
        system: Some("Windows 10.0.19045".into()),
        ..Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged])
    });
    let mut sample = Sample::new(origin, CounterWidth::Bits32);
    sample.time = Some(at(i64::try_from(step).unwrap() * 5));
    sample.uptime = Some(Duration::from_secs(100_000 + step * 5));
    let kib = |n: u64| Some(n * 1024);
    sample.header = Header {
        memory_total: kib(260_620),
        memory_available: kib(96_364),
        page_faults: Some(1_000_000 + step * 17),
        resident_kernel: kib(1_916),
        resident_paged: kib(17_856),
        commit: kib(203_500),
        commit_limit: kib(640_916),
        commit_peak: kib(260_632),
        pool_nonpaged: kib(8_332),
        pool_paged: kib(27_220),
        ..Header::default()
    };
    let (n, p) = (Pool::Nonpaged, Pool::Paged);
    let row =
        |tag: &[u8; 4], pool, allocs, frees, bytes| Row::windows(Tag::pool(*tag), pool, allocs, frees, bytes);
    sample.rows = vec![
        row(b"Wait", n, 3_971_107 + step, 3_971_077 + step, 8_456),
        row(b"Gxlt", p, 1_161_638, 1_161_630, 864),
        row(b"Io  ", n, 1_021_112 + step * 3, 1_020_985 + step * 2, 91_912 + step * 720),
        row(b"Ntfx", p, 884_210 - step % 2, 870_001, 5_797_272 - step * 4_080),
        row(b"File", n, 4_294_967_290, 4_294_900_000, 18_841_200),
        row(b"MmSt", p, 52_311, 44_020, 13_417_728),
        row(b"Leak", n, 1_200 + step * 40, 200, (1_000 + step * 40) * 512),
        row(b"Wrap", p, 77_000, 77_000, 40_960),
        row(b"a\0\x01b", n, 12, 4, 4_096),
        row(b"Zero", p, 0, 0, 0),
    ];
    if step % 4 == 3 {
        sample.rows.push(row(b"Late", p, 3, 1, 8_192));
    }
    sample
}

/// A few slab caches, a vmalloc caller and a call site.
pub fn linux(step: u64) -> Sample {
    let pools = [Pool::Reclaimable, Pool::Unreclaimable, Pool::Vmalloc];
    let origin = Arc::new(Origin {
        host: Some("builder".into()),
        system: Some("Linux 6.18.44".into()),
        ..Origin::new(SourceKind::Linux, &pools)
    });
    let mut sample = Sample::new(origin, CounterWidth::Bits64);
    sample.time = Some(at(i64::try_from(step).unwrap() * 5));
    let mib = |n: u64| Some(n << 20);
    sample.header = Header {
        memory_total: mib(15_907),
        memory_available: mib(9_211),
        commit: mib(6_120),
        commit_limit: mib(7_953),
        slab_reclaimable: mib(412),
        slab_unreclaimable: mib(188),
        kernel_stack: mib(11),
        page_tables: mib(43),
        vmalloc_used: mib(61),
        percpu: mib(6),
        ..Header::default()
    };
    let row = |name: &str, pool, diff: i64, bytes, used| Row {
        tag: Tag::name(name),
        pool,
        counters: Counters { reported_diff: Some(diff), bytes: Some(bytes), used, ..Counters::default() },
        reported_owner: None,
    };
    let grown = step * 21;
    sample.rows = vec![
        row("dentry", pools[0], 812_344, 158_072_832, Some(155_970_048)),
        row("ext4_inode_cache", pools[0], 96_120, 114_294_784, Some(107_654_400)),
        row(
            "kmalloc-rnd-06-1k",
            pools[1],
            12_040 + grown.cast_signed(),
            13_107_200 + (grown << 10),
            Some(12_328_960 + (grown << 10)),
        ),
        row("sock_inode_cache", pools[1], 1_804, 1_900_544, Some(1_501_000)),
        row("load_module+0x71a/0xb40", pools[2], 214, 41_943_040, None),
        row(
            "a_very_long_cache_name_that_no_column_can_hold_whole_on_a_small_screen",
            pools[1],
            1,
            4_096,
            Some(64),
        ),
    ];
    if let Some(row) = sample.rows.get_mut(4) {
        row.reported_owner = Some("nf_tables".into());
    }
    sample
}

/// `count` rows, of which one in eight moves.
pub fn many(count: u32, step: u64) -> Sample {
    let mut sample = windows(step);
    sample.rows.clear();
    fill_many(&mut sample.rows, count, step);
    sample
}

/// The rows of [`many`], into memory that is there already.
pub fn fill_many(rows: &mut Vec<Row>, count: u32, step: u64) {
    for n in 0..count {
        let tag = Tag::Pool(poolmon_model::PoolTag::from_u32(
            0x2020_2020 + n.wrapping_mul(2_654_435_761) % 0x5050_5050,
        ));
        let moved = if n % 8 == 0 { step * u64::from(n % 100) } else { 0 };
        let pool = if n % 3 == 0 { Pool::Paged } else { Pool::Nonpaged };
        rows.push(Row::windows(
            tag,
            pool,
            u64::from(n) * 7 + moved,
            u64::from(n) * 3,
            (u64::from(n) * 4 + moved) * 48,
        ));
    }
}

/// Knows two drivers.
pub struct Known;

impl Labeler for Known {
    fn label(&self, row: &Row) -> Option<Arc<RowLabel>> {
        let (driver, description) = match row.tag.to_string().as_str() {
            "Ntfx" => ("ntfs.sys", "general allocation of the file system"),
            "Leak" => ("myfault.sys", "leaks on request"),
            _ => return None,
        };
        Some(Arc::new(RowLabel {
            mapped_driver: format!("[{driver}  -  {description}]"),
            driver: Some(driver.into()),
            description: Some(description.into()),
            origin: Some(poolmon_model::owner::OwnerOrigin::Pooltag),
        }))
    }
}

/// A source whose samples come from a function.
pub struct Fake {
    origin: Arc<Origin>,
    make: fn(u64) -> Sample,
    step: u64,
    sessions: bool,
    /// Fails at this step.
    pub fails_at: Option<u64>,
    /// Every sample takes so long.
    pub slow: Duration,
    /// Samples are stamped with the time of now.
    pub live: bool,
}

impl Fake {
    /// A source that counts its calls.
    pub fn new(make: fn(u64) -> Sample) -> Self {
        Self {
            origin: make(0).origin,
            make,
            step: 0,
            sessions: false,
            fails_at: None,
            slow: Duration::ZERO,
            live: false,
        }
    }
}

impl Source for Fake {
    fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    fn sample_into(&mut self, sample: &mut Sample) -> Result<()> {
        std::thread::sleep(self.slow);
        let step = self.step;
        self.step += 1;
        if self.fails_at.is_some_and(|at| step >= at) {
            return Err(SourceError::Rights { what: "/proc/slabinfo".into(), remedy: "Run as root.".into() });
        }
        *sample = (self.make)(step);
        sample.origin = Arc::clone(&self.origin);
        if self.live {
            sample.time = Some(Timestamp::now());
        }
        if self.sessions {
            sample.sessions.clear();
        }
        Ok(())
    }

    fn want_sessions(&mut self, wanted: bool) {
        self.sessions = wanted;
    }

    fn facts(&mut self, tag: &Tag, pool: Pool) -> Vec<Fact> {
        vec![Fact { title: "Aliases".into(), value: format!("none of {tag} ({pool})") }]
    }
}
