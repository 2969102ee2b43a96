//! What time stamps mean.

use jiff::Timestamp;

/// FILETIME of 1 January 1970, in units of 100 ns.
const UNIX: i128 = 116_444_736_000_000_000;
/// FILETIME ticks a second.
const FILETIME: u64 = 10_000_000;

/// Which clock a session used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// `QueryPerformanceCounter`: the usual one.
    Counter,
    /// The system's time, in units of 100 ns that advance with the timer: many events share one.
    SystemTime,
    /// Cycles of the processor.
    Cycles,
}

impl ClockKind {
    /// From the number in a trace's header.
    pub const fn from_number(number: u32) -> Self {
        match number {
            2 => Self::SystemTime,
            3 => Self::Cycles,
            _ => Self::Counter,
        }
    }
}

/// Turns time stamps into times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Which clock it is.
    pub kind: ClockKind,
    /// Ticks a second; never 0.
    pub frequency: u64,
    /// When the session began, as a FILETIME.
    pub start: u64,
    /// The first time stamp: the one of the session's beginning.
    pub first: u64,
}

impl Clock {
    /// From the figures of a trace's header. A frequency of 0 counts as 10 MHz, which Windows 10 and later have.
    pub(crate) const fn new(kind: ClockKind, counter: u64, mhz: u32, start: u64, first: u64) -> Self {
        let frequency = match kind {
            ClockKind::Counter => counter,
            ClockKind::SystemTime => FILETIME,
            ClockKind::Cycles => mhz as u64 * 1_000_000,
        };
        Self { kind, frequency: if frequency == 0 { FILETIME } else { frequency }, start, first }
    }

    /// Nanoseconds since the session began; negative before it.
    pub fn nanoseconds(&self, time: u64) -> i64 {
        let ticks = i128::from(time) - i128::from(self.first);
        let nanoseconds = ticks * 1_000_000_000 / i128::from(self.frequency.max(1));
        i64::try_from(nanoseconds).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
    }

    /// The time of day in UTC; `None` outside the years that a date can have.
    pub fn timestamp(&self, time: u64) -> Option<Timestamp> {
        let filetime = match self.kind {
            ClockKind::SystemTime => i128::from(time),
            _ => i128::from(self.start) + i128::from(self.nanoseconds(time)) / 100,
        };
        Timestamp::from_nanosecond((filetime - UNIX).checked_mul(100)?).ok()
    }

    /// Ticks of a number of milliseconds.
    pub(crate) fn ticks(&self, milliseconds: u64) -> u64 {
        let ticks = u128::from(self.frequency) * u128::from(milliseconds) / 1_000;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2020-07-29 00:07:00.6236167 UTC.
    const START: u64 = 132_404_548_206_236_167;

    #[test]
    fn ticks_become_times() {
        let clock = Clock::new(ClockKind::Counter, 10_000_000, 3_000, START, 1_000);
        assert_eq!(clock.nanoseconds(1_005), 500);
        assert_eq!(clock.nanoseconds(0), -100_000);
        assert_eq!(clock.timestamp(1_000).unwrap().to_string(), "2020-07-29T00:07:00.6236167Z");
        assert_eq!(clock.timestamp(10_001_000).unwrap().to_string(), "2020-07-29T00:07:01.6236167Z");
        assert_eq!(clock.ticks(250), 2_500_000);
    }

    #[test]
    fn other_clocks() {
        let cycles = Clock::new(ClockKind::Cycles, 10_000_000, 2_000, START, 0);
        assert_eq!(cycles.nanoseconds(2_000_000_000), 1_000_000_000);
        let system = Clock::new(ClockKind::SystemTime, 10_000_000, 2_000, 0, START);
        assert_eq!(system.timestamp(START).unwrap().to_string(), "2020-07-29T00:07:00.6236167Z");
        assert_eq!(system.nanoseconds(START + 1), 100);
    }

    #[test]
    fn nonsense_neither_overflows_nor_divides_by_zero() {
        let clock = Clock::new(ClockKind::Counter, 0, 0, u64::MAX, 0);
        assert_eq!(clock.nanoseconds(u64::MAX), i64::MAX);
        assert_eq!(clock.timestamp(u64::MAX), None);
        assert_eq!(Clock::new(ClockKind::Counter, u64::MAX, 0, 0, 0).ticks(u64::MAX), u64::MAX);
    }
}
