//! When samples are taken: by hand, or at an interval for half an hour up to two weeks; and reboots among them.

use jiff::{SignedDuration, Timestamp};

use super::chance::Chance;

/// How a host was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Length {
    /// Three to six logs taken by hand, at irregular times.
    Hand,
    /// 30 minutes.
    HalfHour,
    /// 6 hours.
    SixHours,
    /// 2 days.
    TwoDays,
    /// 14 days.
    TwoWeeks,
}

impl Length {
    /// All of them, shortest first.
    pub const ALL: [Self; 5] = [Self::Hand, Self::HalfHour, Self::SixHours, Self::TwoDays, Self::TwoWeeks];

    /// Name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hand => "3 to 6 logs",
            Self::HalfHour => "30 min",
            Self::SixHours => "6 h",
            Self::TwoDays => "2 d",
            Self::TwoWeeks => "14 d",
        }
    }

    const fn hours(self) -> f64 {
        match self {
            Self::Hand => 0.0,
            Self::HalfHour => 0.5,
            Self::SixHours => 6.0,
            Self::TwoDays => 48.0,
            Self::TwoWeeks => 336.0,
        }
    }

    /// Intervals in seconds that people choose for such a length, shortest first.
    const fn intervals(self) -> &'static [u64] {
        match self {
            Self::Hand => &[],
            Self::HalfHour => &[1, 2, 5, 10, 30],
            Self::SixHours => &[10, 30, 60, 300],
            Self::TwoDays => &[120, 300, 600, 1800],
            Self::TwoWeeks => &[1200, 1800, 3600],
        }
    }
}

/// Rows times samples of a host at most, so that a host is simulated in a part of a second.
const FIGURES: u64 = 700_000;

/// The moments at which a host is sampled.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// How it was watched.
    pub length: Length,
    /// Time of the first sample.
    pub start: Timestamp,
    /// Hours from the first sample to each.
    pub hours: Vec<f64>,
    /// Number of the first sample after a reboot, if there was one.
    pub reboot: Option<usize>,
    /// Hours from the boot to the first sample.
    pub uptime: f64,
    /// Hours that the host's clock is ahead of UTC.
    pub zone: f64,
}

impl Schedule {
    /// Draws the moments for a host with this many rows.
    pub(crate) fn draw(length: Length, rows: usize, chance: &mut Chance) -> Self {
        // Any second of the year 2025.
        let second = 1_735_689_600 + chance.whole(0..=31_535_999).cast_signed();
        let hours = if length == Length::Hand { by_hand(chance) } else { at_interval(length, rows, chance) };
        // A reboot is in the earlier half, so that the last boot is the longer one and holds the truth.
        let reboot = (length.hours() >= 48.0 && chance.happens(0.12))
            .then(|| (hours.len() as f64 * chance.between(0.1, 0.45)) as usize);
        Self {
            length,
            start: Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH),
            hours,
            reboot,
            uptime: chance.magnitude(0.3, 1500.0),
            zone: chance.whole(0..=17) as f64 - 8.0,
        }
    }

    /// Hours from the first sample to the last.
    pub fn span(&self) -> f64 {
        self.hours.last().copied().unwrap_or(0.0)
    }

    /// Hours from the first sample to the boot that the last sample belongs to; 0 if it is from before.
    pub fn last_boot(&self) -> f64 {
        self.reboot.map_or(0.0, |first| self.hours[first])
    }

    /// Time of a moment given in hours from the first sample.
    pub fn time(&self, hours: f64) -> Timestamp {
        self.start + SignedDuration::from_millis((hours * 3.6e6).round() as i64)
    }

    /// Hours since Monday, midnight, on the host's clock.
    pub(crate) fn of_week(&self, hours: f64) -> f64 {
        // 1970-01-01 was a Thursday.
        (self.start.as_second() as f64 / 3600.0 + hours + self.zone + 72.0).rem_euclid(168.0)
    }
}

fn by_hand(chance: &mut Chance) -> Vec<f64> {
    let count = chance.whole(3..=6);
    let span = chance.magnitude(2.0, 96.0);
    let gaps: Vec<f64> = (1..count).map(|_| chance.between(0.3, 2.0)).collect();
    let all: f64 = gaps.iter().sum();
    let mut at = 0.0;
    let mut hours = vec![0.0];
    for gap in gaps {
        at += gap / all * span;
        hours.push((at * 3600.0).round() / 3600.0);
    }
    hours
}

fn at_interval(length: Length, rows: usize, chance: &mut Chance) -> Vec<f64> {
    let seconds = (length.hours() * 3600.0) as u64;
    let all = length.intervals();
    let fits: Vec<u64> =
        all.iter().copied().filter(|interval| seconds / interval * rows as u64 <= FIGURES).collect();
    let interval = if fits.is_empty() { all[all.len() - 1] } else { *chance.pick(&fits) };
    (0..=seconds / interval).map(|sample| (sample * interval) as f64 / 3600.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_sampled_as_it_says() {
        for length in Length::ALL {
            for seed in 0..40 {
                let schedule = Schedule::draw(length, 4000, &mut Chance::new(seed, 0));
                let samples = schedule.hours.len();
                assert!(schedule.hours.windows(2).all(|pair| pair[0] < pair[1]), "{length:?} {seed}");
                match length {
                    Length::Hand => assert!((3..=6).contains(&samples)),
                    _ => {
                        assert!(
                            (schedule.span() - length.hours()).abs() < 1e-9 && samples >= 60,
                            "{samples}"
                        );
                    }
                }
                assert!(schedule.last_boot() < schedule.span() / 2.0);
            }
        }
    }

    #[test]
    fn the_week_begins_on_monday() {
        let mut schedule = Schedule::draw(Length::TwoDays, 100, &mut Chance::new(1, 0));
        schedule.zone = 2.0;
        schedule.start = "2025-03-02T22:30:00Z".parse().unwrap();
        assert!((schedule.of_week(0.0) - 0.5).abs() < 1e-9, "half past midnight on a Monday");
    }
}
