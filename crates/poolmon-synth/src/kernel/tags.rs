//! The tags of the simulated kernel: those that everyone knows first, invented ones after them.

use poolmon_model::Pool::{self, Nonpaged as N, Paged as P};

use super::random::Random;

/// How the holdings of a tag move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Allocates and frees in step.
    Churn,
    /// Fills up, is trimmed, fills up again.
    Cache,
    /// Follows the day.
    Daily,
    /// Frees less than it allocates.
    Leak,
}

use Habit::{Cache, Churn, Daily};

/// Tag, pool, bytes of one allocation, outstanding allocations, habit.
pub type Start = ([u8; 4], Pool, u64, u64, Habit);

/// Well-known tags with believable holdings, the busiest first.
#[rustfmt::skip]
pub const WELL_KNOWN: &[Start] = &[
    (*b"Irp ", N, 480, 2_900, Churn), (*b"File", N, 432, 61_000, Daily), (*b"NtFC", P, 64, 9_000, Churn),
    (*b"Mdl ", N, 192, 1_400, Churn), (*b"IoNm", P, 160, 60_500, Daily), (*b"FMfn", P, 560, 58_000, Cache),
    (*b"AfdB", N, 2_048, 900, Churn), (*b"Even", N, 144, 48_000, Daily), (*b"SeAt", P, 320, 3_800, Churn),
    (*b"Toke", P, 1_760, 2_400, Daily), (*b"MmSt", P, 896, 172_000, Cache), (*b"MmCa", N, 432, 118_000, Cache),
    (*b"Ntff", P, 1_232, 44_000, Cache), (*b"NtfF", P, 448, 6_200, Cache), (*b"NtFs", P, 112, 39_000, Cache),
    (*b"EtwB", N, 69_632, 1_720, Churn), (*b"EtwR", N, 288, 52_000, Daily), (*b"CM31", P, 4_736, 9_100, Churn),
    (*b"CM25", P, 4_736, 2_700, Churn), (*b"CMNb", P, 96, 21_000, Daily), (*b"Vad ", N, 176, 74_000, Daily),
    (*b"VadS", N, 112, 92_000, Daily), (*b"Thre", N, 3_376, 4_100, Daily), (*b"Proc", N, 3_200, 310, Daily),
    (*b"ALPC", N, 896, 9_800, Daily), (*b"AlMs", P, 512, 4_600, Churn), (*b"ObDi", P, 64, 13_000, Churn),
    (*b"ObNm", P, 96, 17_000, Churn), (*b"Obtb", P, 4_096, 1_900, Daily), (*b"Key ", P, 272, 14_000, Daily),
    (*b"Muta", N, 128, 6_900, Daily), (*b"Sema", N, 144, 16_000, Daily), (*b"Sect", P, 176, 9_700, Daily),
    (*b"TcpE", N, 1_152, 420, Daily), (*b"AfdE", N, 640, 1_100, Daily), (*b"UdpA", N, 480, 210, Daily),
    (*b"NDnd", N, 400, 3_200, Churn), (*b"NDpp", N, 4_096, 640, Churn), (*b"ConT", N, 62_160, 688, Churn),
    (*b"Cont", N, 12_288, 130, Churn), (*b"HalD", N, 4_096, 900, Churn), (*b"None", N, 256, 800, Churn),
    (*b"Ddk ", N, 320, 1_100, Churn), (*b"Wdf ", N, 288, 700, Churn), (*b"FxDr", N, 512, 900, Churn),
    (*b"HidC", N, 512, 48, Churn), (*b"HidC", P, 112, 8, Churn), (*b"Usb?", N, 1_024, 260, Churn),
    (*b"SeTd", P, 240, 2_400, Daily), (*b"CcSc", N, 608, 4_200, Cache), (*b"Pool", N, 4_096, 64, Churn),
    (*b"Wait", N, 281, 30, Churn), (*b"KeWA", N, 96, 120, Churn), (*b"smNp", N, 4_096, 5_200, Cache),
    (*b"Wnf ", P, 208, 11_000, Churn), (*b"MPsc", P, 480, 7_300, Cache), (*b"DxgK", P, 1_024, 6_200, Daily),
    (*b"PcNw", N, 2_048, 90, Churn), (*b"Driv", N, 496, 260, Churn), (*b"Devi", N, 1_024, 1_300, Churn),
];

/// A start set of at least the well-known tags, filled up with invented ones to `count` rows.
pub fn starts(count: usize, taken: [u8; 4], random: &mut Random) -> Vec<Start> {
    const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const SIZES: [u64; 12] = [32, 48, 64, 96, 112, 160, 256, 416, 640, 1_040, 2_096, 4_096];
    let mut starts: Vec<Start> = WELL_KNOWN.iter().copied().take(count).collect();
    let mut seen: std::collections::HashSet<[u8; 4]> = starts.iter().map(|start| start.0).collect();
    seen.insert(taken);
    while starts.len() < count {
        // Zipf: the holdings of a rank fall as one over the rank.
        let rank = (starts.len() - WELL_KNOWN.len().min(starts.len()) + 2) as u64;
        let tag = [(); 4].map(|()| random.pick(LETTERS));
        if !seen.insert(tag) {
            continue;
        }
        let size = random.pick(&SIZES);
        let outstanding = (24_000_000 / rank / size).max(1 + random.below(6));
        let habit = random.pick(&[Churn, Churn, Cache, Daily]);
        starts.push((tag, if random.below(5) < 2 { P } else { N }, size, outstanding, habit));
    }
    starts
}
