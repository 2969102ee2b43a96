//! A clock of a file that goes back, as one that goes on: local time goes back when summer time ends, and when somebody sets the
//! clock. The order of the file is the order of its samples.

use jiff::civil::Weekday;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use poolmon_model::units::span;
use poolmon_model::{Key, Row, Sample};

use crate::remark::{Remark, RemarkKind};

/// The clock of a file.
#[derive(Debug, Default)]
pub(crate) struct FileClock {
    /// The last sample's time, corrected and as reported.
    last: Option<(Timestamp, Timestamp)>,
    step: SignedDuration,
    /// What is added to the times of the file: hours of summer time that ended.
    summer: SignedDuration,
    /// What is added as the clock was set back.
    set: SignedDuration,
    /// What is added to times of day, as nights passed.
    days: SignedDuration,
    /// Some rows of the last sample.
    rows: Vec<Key>,
    /// The file of the sample, and what the order of the files is that of, if each sample is a file of its own.
    file: Option<(String, &'static str)>,
}

/// How the time of a sample was written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimeNote {
    /// Its zone is not known.
    pub(crate) local: bool,
    /// It has no seconds.
    pub(crate) coarse: bool,
    /// It is a time of day: its date is not known.
    pub(crate) dateless: bool,
    /// Where it is.
    pub(crate) line: u64,
}

impl TimeNote {
    /// Summer time ends in a night to Sunday, as good as everywhere.
    fn may_be_summers_end(self, time: Timestamp) -> bool {
        let time = Offset::UTC.to_datetime(time);
        self.local && time.hour() < 4 && time.weekday() == Weekday::Sunday
    }
}

/// Rows of the last sample that are looked for in the next one.
const ROWS: usize = 8;
/// How every remark on a clock that goes back begins.
pub(crate) const GOES_BACK: &str = "the clock goes back";
/// Samples that are this close may have one time, of a clock that shows seconds.
const TICKS: SignedDuration = SignedDuration::from_secs(2);
/// A clock that leaps by more than this, and by this many times what it did before, may have been set.
const LEAP: SignedDuration = SignedDuration::from_hours(7 * 24);
const MOST_STEPS: i64 = 1000;
const DAY: SignedDuration = SignedDuration::from_hours(24);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// A clock that goes back by more may be that of another file.
const FARTHEST: SignedDuration = SignedDuration::from_hours(26);

impl FileClock {
    /// The sample that follows is this file, in the order of their names, or what else it is that of.
    pub(crate) fn enter(&mut self, file: &str, order: &'static str) {
        self.file = Some((file.to_owned(), order));
    }

    /// Where a sample is.
    fn place(&self, note: TimeNote) -> String {
        self.file.as_ref().map_or_else(|| format!("line {}", note.line), |(file, _)| file.clone())
    }

    /// The last sample's time, as reported.
    pub(crate) fn reported(&self) -> Option<Timestamp> {
        self.last.map(|(_, reported)| reported)
    }

    /// Whether the time of the next sample may come a second time, an hour later: the end of summer time.
    pub(crate) fn comes_twice(&self, sample: &Sample, note: TimeNote) -> bool {
        let time = sample.time.and_then(|time| time.checked_add(self.summer + self.set).ok());
        time.zip(self.last).is_some_and(|(time, (last, _))| time.duration_since(last) == HOUR)
            && sample.time.is_some_and(|time| note.may_be_summers_end(time))
    }

    /// Whether a sample begins the times again, with rows that are not those of the sample before: a table that is sorted by
    /// something else.
    pub(crate) fn begins_again(&self, sample: &Sample) -> bool {
        let time = sample.time.and_then(|time| time.checked_add(self.summer + self.set).ok());
        time.zip(self.last).is_some_and(|(time, (last, _))| time <= last) && !self.goes_on(sample)
    }

    /// Corrects the time of the next sample, so that it is later than the one before; says what was assumed.
    pub(crate) fn correct(&mut self, sample: &mut Sample, note: TimeNote) -> Option<Remark> {
        let mut reported = sample.time?.checked_add(self.days).ok()?;
        let night = |(_, before): (Timestamp, Timestamp)| before.duration_since(reported) >= DAY / 2;
        if note.dateless && self.last.is_some_and(night) {
            self.days += DAY;
            reported = reported.checked_add(DAY).ok()?;
        }
        let mut time = reported.checked_add(self.summer).ok()?.checked_add(self.set).ok()?;
        let mut said = None;
        if let Some((last, before)) = self.last {
            let back = last.duration_since(time);
            if self.set > SignedDuration::ZERO
                && reported > last
                && reported.duration_since(before) >= self.set
            {
                self.set = SignedDuration::ZERO;
                time = reported;
                said = Some(format!("the clock goes forward again at {}", self.place(note)));
            } else if reported == before
                && (note.coarse || self.step <= TICKS)
                && !(self.step == HOUR && note.may_be_summers_end(reported))
            {
                // Two moments of a clock that shows no less than a second, or a minute.
                let apart =
                    if note.coarse { SignedDuration::from_secs(1) } else { SignedDuration::from_millis(1) };
                time = last.checked_add(apart).ok()?;
                said = note.coarse.then(|| {
                    format!(
                        "the time at {} is that of the sample before: a second is assumed between them",
                        self.place(note)
                    )
                });
            } else if time <= last {
                said = Some(self.goes_back(back, reported, note));
                time = reported.checked_add(self.summer).ok()?.checked_add(self.set).ok()?;
            }
            if said.is_none() && time > last {
                let step = time.duration_since(last);
                if self.step > SignedDuration::ZERO
                    && step > LEAP
                    && step.as_secs() / MOST_STEPS > self.step.as_secs()
                {
                    let by = span(step.unsigned_abs());
                    said = Some(format!(
                        "there is no sample for {by} before {}, or the clock was set forward: rates may be too low",
                        self.place(note)
                    ));
                }
                self.step = step;
            }
        }
        self.last = Some((time, reported));
        self.rows.clear();
        self.rows.extend(sample.rows.iter().take(ROWS).map(Row::key));
        sample.time = Some(time);
        said.map(|text| Remark::new(RemarkKind::Time, text))
    }

    /// Whether a sample has a row of the one before.
    fn goes_on(&self, sample: &Sample) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|key| sample.rows.iter().any(|row| key.is_of(row)))
    }

    /// Takes in that the clock goes back, or stands still; says what is assumed.
    fn goes_back(&mut self, back: SignedDuration, reported: Timestamp, note: TimeNote) -> String {
        let place = self.place(note);
        let hourly = back == SignedDuration::ZERO && self.step == HOUR;
        if note.may_be_summers_end(reported) && (hourly || (SignedDuration::ZERO < back && back < HOUR)) {
            self.summer += HOUR;
            return format!(
                "{GOES_BACK} at {place}: the end of summer time is assumed, an hour is added to the times that follow"
            );
        }
        let is_first = self.step == SignedDuration::ZERO;
        self.set += back + if is_first { SignedDuration::from_secs(1) } else { self.step };
        let between = if is_first { "a second" } else { "that before" };
        // One that shows the last time again went back by the time between two samples.
        let by = if back == SignedDuration::ZERO { self.step } else { back };
        let by = span(by.unsigned_abs());
        let order = self.file.as_ref().map_or("file", |(_, order)| order);
        let other = if back > FARTHEST && self.file.is_none() {
            "; if another file begins there, name both files"
        } else {
            ""
        };
        format!(
            "{GOES_BACK} by {by} at {place}: the order of the {order} is kept, and the time between the two samples is \
                assumed to be {between}{other}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::{Pool, Tag};

    #[derive(Default)]
    struct Clock(FileClock, u64);

    impl Clock {
        /// The corrected time, and what was said.
        fn at(&mut self, time: &str, tag: [u8; 4], local: bool) -> (String, Option<String>) {
            let mut sample = Sample::empty();
            sample.time = time.parse().ok();
            sample.rows.push(Row::windows(Tag::pool(tag), Pool::Paged, 1, 0, 16));
            self.1 += 1;
            let note = TimeNote { local, coarse: true, dateless: false, line: self.1 };
            let said = self.0.correct(&mut sample, note).map(|remark| remark.text);
            (sample.time.unwrap().to_string(), said)
        }

        fn times(local: bool, times: &[&str]) -> (Vec<String>, Vec<String>) {
            let mut clock = Self::default();
            let all: Vec<_> = times.iter().map(|time| clock.at(time, *b"Test", local)).collect();
            let said = all.iter().filter_map(|(_, said)| said.clone()).collect();
            (all.into_iter().map(|(time, _)| time).collect(), said)
        }
    }

    #[test]
    fn an_hour_that_comes_twice() {
        let (times, said) =
            Clock::times(true, &["2026-10-25T02:59:00Z", "2026-10-25T02:04:00Z", "2026-10-25T02:09:00Z"]);
        assert_eq!(times, ["2026-10-25T02:59:00Z", "2026-10-25T03:04:00Z", "2026-10-25T03:09:00Z"]);
        assert!(
            said.len() == 1 && said[0].contains("at line 2: the end of summer time is assumed"),
            "{said:?}"
        );
        let (times, said) = Clock::times(
            true,
            &["2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"],
        );
        assert_eq!(times[2..], ["2026-10-25T03:00:00Z", "2026-10-25T04:00:00Z"]);
        assert_eq!(said.len(), 1);
    }

    #[test]
    fn the_order_of_the_file_holds_however_far_the_clock_goes_back() {
        for (back, by) in [
            ("2026-03-01T06:00:00Z", "4 h"),
            ("2026-02-20T10:10:00Z", "9 days"),
            ("2019-03-01T10:10:00Z", "2,557 days"),
        ] {
            let (times, said) = Clock::times(false, &["2026-03-01T10:00:00Z", "2026-03-01T10:10:00Z", back]);
            assert_eq!(times[2], "2026-03-01T10:20:00Z");
            assert!(said.len() == 1 && said[0].contains(by) && said[0].contains("at line 3"), "{said:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_right_again() {
        let (times, said) = Clock::times(
            false,
            &[
                "2026-03-01T10:00:00Z",
                "2026-03-01T10:10:00Z",
                "2026-03-01T08:00:00Z",
                "2026-03-01T08:10:00Z",
                "2026-03-01T10:40:00Z",
                "2026-03-01T10:50:00Z",
            ],
        );
        assert_eq!(times[2..4], ["2026-03-01T10:20:00Z", "2026-03-01T10:30:00Z"]);
        assert_eq!(times[4..], ["2026-03-01T10:40:00Z", "2026-03-01T10:50:00Z"]);
        assert_eq!(said.len(), 2);
    }

    #[test]
    fn a_second_sample_before_the_first() {
        let (times, said) = Clock::times(false, &["2026-03-04T12:00:00Z", "2026-03-04T11:00:00Z"]);
        assert_eq!(times[1], "2026-03-04T12:00:01Z");
        assert!(said[0].ends_with("assumed to be a second"), "{said:?}");
    }

    #[test]
    fn a_clock_that_was_set_back_by_one_step_or_far_forward() {
        let read = |times: &[&str]| {
            let mut clock = FileClock::default();
            let all = times.iter().map(|time| {
                let mut sample = Sample::empty();
                sample.time = time.parse().ok();
                let said = clock.correct(&mut sample, TimeNote::default()).map(|remark| remark.text);
                (sample.time.unwrap().to_string(), said.unwrap_or_default())
            });
            all.collect::<Vec<_>>()
        };
        let start = ["2026-03-01T10:00:00Z", "2026-03-01T10:05:00Z"];
        let samples = read(&[start[0], start[1], start[1], "2026-03-01T10:10:00Z"]);
        assert_eq!([&*samples[2].0, &*samples[3].0], ["2026-03-01T10:10:00Z", "2026-03-01T10:15:00Z"]);
        assert!(
            samples[2].1.contains("the clock goes back by 5 min") && samples[3].1.is_empty(),
            "{samples:?}"
        );
        let samples = read(&[start[0], start[1], "2027-03-01T10:10:00Z", "2027-03-01T10:15:00Z"]);
        assert!(
            samples[2].1.contains("365 days") && samples[2].1.contains("or the clock was set forward"),
            "{samples:?}"
        );
        assert!(samples[3].1.is_empty(), "{samples:?}");
    }

    #[test]
    fn a_clock_that_stands_still() {
        let noon = "2026-03-04T12:00:00Z";
        let (times, said) = Clock::times(true, &[noon, noon, noon, "2026-03-04T12:01:00Z"]);
        assert_eq!(times[1..], ["2026-03-04T12:00:01Z", "2026-03-04T12:00:02Z", "2026-03-04T12:01:00Z"]);
        assert_eq!(said.len(), 2);
    }

    #[test]
    fn times_of_day_go_on_after_midnight() {
        let mut clock = FileClock::default();
        let mut at = |time: &str| {
            let mut sample = Sample::empty();
            sample.time = time.parse().ok();
            let note = TimeNote { dateless: true, ..TimeNote::default() };
            assert!(clock.correct(&mut sample, note).is_none());
            sample.time.unwrap().to_string()
        };
        assert_eq!(at("1970-01-01T23:50:00Z"), "1970-01-01T23:50:00Z");
        assert_eq!(at("1970-01-01T00:10:00Z"), "1970-01-02T00:10:00Z");
        assert_eq!(at("1970-01-01T12:00:00Z"), "1970-01-02T12:00:00Z");
        assert_eq!(at("1970-01-01T23:00:00Z"), "1970-01-02T23:00:00Z");
        assert_eq!(at("1970-01-01T01:00:00Z"), "1970-01-03T01:00:00Z");
    }

    #[test]
    fn what_is_no_clock() {
        let mut clock = Clock::default();
        clock.at("2026-03-01T10:00:00Z", *b"Test", false);
        let mut sample = Sample::empty();
        sample.time = "2026-02-20T05:10:00Z".parse().ok();
        for (tag, again) in [(*b"Test", false), (*b"Next", true)] {
            sample.rows = vec![Row::windows(Tag::pool(tag), Pool::Paged, 1, 0, 16)];
            assert_eq!(clock.0.begins_again(&sample), again);
        }
        // An hour that is lost in the middle of the week.
        let (_, said) = Clock::times(true, &["2026-03-04T10:50:00Z", "2026-03-04T10:20:00Z"]);
        assert!(said[0].contains("goes back by 30 min"), "{said:?}");
    }
}
