//! Moments as people write them: `2026-11-22 14:00`, `14:05`, `-2h`, `-3d`, `+10m`, `start`, `end`.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use poolmon_model::units::{Precision, moment, parse_distance};

/// A moment, perhaps relative to a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This moment.
    At(Timestamp),
    /// This time of day: the last one that is not after the end.
    TimeOfDay(Time),
    /// So long before the end.
    BeforeEnd(Duration),
    /// So long after the start.
    AfterStart(Duration),
}

/// A text that is not a moment, or two that are no stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAMoment {
    /// A text that is none.
    #[error("`{0}` is not a time")]
    Text(String),
    /// There is no sample of it.
    #[error("{}", none_of(*.asked, *.shown, &TimeZone::system()))]
    Outside {
        /// What was asked for.
        asked: Timestamp,
        /// The first or the last sample.
        shown: Timestamp,
    },
    /// The end is before the start.
    #[error("--from ({}) is later than --to ({})", shown(*.from), shown(*.to))]
    Backwards {
        /// The start.
        from: Timestamp,
        /// The end.
        to: Timestamp,
    },
}

fn shown(time: Timestamp) -> String {
    moment(time, &TimeZone::system(), Precision::Seconds)
}

impl poolmon_model::problem::Remedy for NotAMoment {
    fn remedy(&self) -> Option<String> {
        let remedy = match self {
            Self::Text(_) => {
                "write 2026-11-22 14:00, 14:05, -2h or -3d (before the end), +10m (after the start), start or end"
            }
            Self::Outside { .. } => "type a time between start and end",
            Self::Backwards { .. } => "give the earlier time to --from, the later one to --to",
        };
        Some(remedy.to_owned())
    }
}

/// Reads a moment; dates without an offset are in `zone`. A leading `@` is allowed.
///
/// # Errors
/// The text is no moment.
pub fn parse(text: &str, zone: &TimeZone) -> Result<When, NotAMoment> {
    let bare = bare(text);
    let found = match bare {
        "start" | "first" => Some(When::AfterStart(Duration::ZERO)),
        "end" | "last" | "now" => Some(When::BeforeEnd(Duration::ZERO)),
        _ if bare.starts_with('-') => bare.get(1..).and_then(parse_distance).map(When::BeforeEnd),
        _ if bare.starts_with('+') => bare.get(1..).and_then(parse_distance).map(When::AfterStart),
        _ => None,
    };
    found
        .or_else(|| bare.parse().ok().map(When::At))
        .or_else(|| {
            let civil: DateTime = bare.parse().ok()?;
            Some(When::At(zone.to_ambiguous_timestamp(civil).compatible().ok()?))
        })
        .or_else(|| bare.parse().ok().map(When::TimeOfDay))
        .or_else(|| poolmon_model::units::of_day_and_time(bare, zone).map(When::At))
        .ok_or_else(|| NotAMoment::Text(text.to_owned()))
}

fn bare(text: &str) -> &str {
    text.trim().trim_start_matches('@').trim()
}

impl When {
    /// The same as the last moment that is meant: tables show seconds, so that a second is meant as long as it lasts.
    pub fn until(self, first: Timestamp, last: Timestamp, zone: &TimeZone) -> Timestamp {
        let time = self.resolve(first, last, zone);
        match self {
            Self::At(_) | Self::TimeOfDay(_) => whole_second(time),
            Self::BeforeEnd(_) | Self::AfterStart(_) => time,
        }
    }

    /// The moment, for a recording from `first` to `last`.
    pub fn resolve(self, first: Timestamp, last: Timestamp, zone: &TimeZone) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::BeforeEnd(span) => last.checked_sub(span).unwrap_or(first),
            Self::AfterStart(span) => first.checked_add(span).unwrap_or(last),
            Self::TimeOfDay(time) => {
                let end = last.to_zoned(zone.clone());
                let that_day = |date: jiff::civil::Date| {
                    zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().ok()
                };
                that_day(end.date())
                    .filter(|&at| at <= last)
                    .or_else(|| that_day(end.date().yesterday().ok()?))
                    .unwrap_or(last)
            }
        }
    }
}

impl When {
    /// The moment, if it is before the first sample or after the last one.
    pub fn outside(self, first: Timestamp, last: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let time = self.resolve(first, last, zone);
        (self.until(first, last, zone) < first || time > last).then_some(time)
    }
}

/// What has to be said where a moment is before the first sample or after the last one, whose time is `shown` instead.
pub fn none_of(asked: Timestamp, shown_time: Timestamp, zone: &TimeZone) -> String {
    let end = if asked < shown_time { "begins" } else { "ends" };
    let [asked, shown] = [asked, shown_time].map(|at| moment(at, zone, Precision::Seconds));
    format!("there is no sample of {asked}: it {end} at {shown}")
}

/// `--from` and `--to`, for samples between these `ends`; a whole second that they end with is meant to its end. `ends` is asked only
/// if one of them is relative to it.
///
/// # Errors
/// One of the texts is no moment, or `ends` fails.
pub fn range<E: From<NotAMoment>>(
    (from, to): (Option<&str>, Option<&str>),
    ends: impl FnOnce() -> Result<Option<(Timestamp, Timestamp)>, E>,
) -> Result<(Option<Timestamp>, Option<Timestamp>), E> {
    let zone = TimeZone::system();
    let parse = |text: Option<&str>| text.map(|text| parse(text, &zone)).transpose();
    let (from, to) = (parse(from)?, parse(to)?);
    let relative = [from, to].into_iter().flatten().any(|when| !matches!(when, When::At(_)));
    let known = if relative { ends()? } else { None };
    let (first, last) = known.unwrap_or((Timestamp::MIN, Timestamp::MAX));
    let from = from.map(|when| when.resolve(first, last, &zone));
    let begin = from.unwrap_or(first);
    let to = to.map(|when| {
        let to = when.until(first, last, &zone);
        // The last one before the end may be before the begin: 14:00 to 15:00, of what ends at 14:30.
        let is_too_early = matches!(when, When::TimeOfDay(_)) && to < begin;
        is_too_early.then(|| on_the_day_of(last, to, &zone)).flatten().unwrap_or(to)
    });
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(NotAMoment::Backwards { from, to }.into());
    }
    Ok((from, to))
}

/// The time of day of a moment, on this day.
fn on_the_day_of(day: Timestamp, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let day = day.to_zoned(zone.clone()).date();
    let time = time.to_zoned(zone.clone()).time();
    zone.to_ambiguous_timestamp(day.to_datetime(time)).compatible().ok()
}

/// A time until now, of what has no samples with a start of their own.
///
/// # Errors
/// The text is no moment, or one to come.
pub fn past(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::now();
    let wrong = || format!("`{text}` is not a time until now: write 2026-11-30 12:00, 14:05 or -2h");
    let when = parse(text, &TimeZone::system()).map_err(|_| wrong())?;
    let at = when.resolve(now, now, &TimeZone::system());
    // There is no start that it could be relative to.
    if at <= now && !matches!(when, When::AfterStart(_)) { Ok(at) } else { Err(wrong()) }
}

/// The end of the second that a time without a fraction stands for.
fn whole_second(time: Timestamp) -> Timestamp {
    let end = (time.subsec_nanosecond() == 0)
        .then(|| time.checked_add(jiff::SignedDuration::from_nanos(999_999_999)).ok());
    end.flatten().unwrap_or(time)
}

/// The moment that a person typed at the prompt: relative ones count from what is shown.
///
/// # Errors
/// The text is no moment, or too far away.
pub fn typed(
    text: &str,
    shown: Timestamp,
    first: Timestamp,
    last: Timestamp,
) -> Result<Timestamp, NotAMoment> {
    let zone = TimeZone::system();
    let of_day = |time: Time| {
        // Of the day that is shown.
        let day = shown.to_zoned(zone.clone()).date();
        zone.to_ambiguous_timestamp(day.to_datetime(time)).compatible()
    };
    let found = match parse(text, &zone)? {
        When::BeforeEnd(span) if bare(text).starts_with('-') => shown.checked_sub(span),
        When::AfterStart(span) if bare(text).starts_with('+') => shown.checked_add(span),
        When::At(time) => return inside(time, first, last),
        When::TimeOfDay(time) => match of_day(time) {
            Ok(time) => return inside(time, first, last),
            Err(error) => Err(error),
        },
        when => Ok(when.until(first, last, &zone)),
    };
    found.map_err(|_| NotAMoment::Text(text.to_owned()))
}

/// A moment of which there may be a sample, to the end of its second.
fn inside(time: Timestamp, first: Timestamp, last: Timestamp) -> Result<Timestamp, NotAMoment> {
    let until = whole_second(time);
    if until < first || time > last {
        return Err(NotAMoment::Outside { asked: time, shown: time.clamp(first, last) });
    }
    Ok(until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::problem::Remedy as _;

    fn at(text: &str) -> String {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let (first, last) =
            ("2026-11-20T00:00:00Z".parse().unwrap(), "2026-11-22T12:00:00Z".parse().unwrap());
        parse(text, &zone).unwrap().resolve(first, last, &zone).to_string()
    }

    #[test]
    fn what_people_write() {
        assert_eq!(at("@2026-11-22 14:00"), "2026-11-22T13:00:00Z");
        assert_eq!(at("2026-11-22"), "2026-11-21T23:00:00Z");
        assert_eq!(at("2026-11-22T14:00:05Z"), "2026-11-22T14:00:05Z");
        assert_eq!(at("-2h"), "2026-11-22T10:00:00Z");
        assert_eq!(at("+10min"), "2026-11-20T00:10:00Z");
        assert_eq!(at("+10m"), "2026-11-20T00:10:00Z");
        assert_eq!(at("-1d"), "2026-11-21T12:00:00Z");
        assert_eq!(at("+1d 2h"), "2026-11-21T02:00:00Z");
        assert_eq!(at("-36h"), at("-1d 12h"));
        assert_eq!(at("-90"), "2026-11-22T11:58:30Z", "a plain number is seconds, as in every span");
        assert_eq!(at("+0s"), at("start"));
        assert_eq!(at("start"), "2026-11-20T00:00:00Z");
        assert_eq!(at("end"), "2026-11-22T12:00:00Z");
        assert_eq!(at("14:05"), "2026-11-21T13:05:00Z", "later today has not come yet");
        assert_eq!(at("12:30"), "2026-11-22T11:30:00Z");
        assert_eq!(at("day 2 12:30"), "1970-01-02T11:30:00Z");
    }

    #[test]
    fn a_stretch_of_time_goes_forward() {
        let ends = || {
            let ends = ["2026-11-20T00:00:00Z", "2026-11-22T12:00:00Z"].map(|t| t.parse().unwrap());
            Ok::<_, NotAMoment>(Some(ends.into()))
        };
        let of = |from: &'static str, to: &'static str| range((Some(from), Some(to)), ends);
        assert!(of("-2h", "end").is_ok() && of("start", "+1h").is_ok());
        for (from, to) in [("end", "start"), ("-1h", "-2h"), ("2026-11-21", "2026-11-20")] {
            let error = of(from, to).unwrap_err();
            assert!(error.to_string().contains("is later than --to"), "{error}");
            assert!(error.remedy().unwrap().contains("the earlier time to --from"));
        }
    }

    /// An hour around the end is no stretch from today to yesterday.
    #[test]
    fn a_stretch_may_end_after_the_last_sample() {
        let zone = TimeZone::system();
        let noon = |day: i8| zone.to_timestamp(jiff::civil::date(2026, 11, day).at(12, 0, 0, 0)).unwrap();
        let ends = || Ok::<_, NotAMoment>(Some((noon(20), noon(22))));
        let of = |from: Option<&'static str>, to| range((from, Some(to)), ends);
        let hour = jiff::Span::new().minutes(30);
        let (from, to) = of(Some("11:30"), "12:30").unwrap();
        assert_eq!(from, Some(noon(22) - hour));
        assert_eq!(to, Some(whole_second(noon(22) + hour)));
        assert_eq!(of(None, "13:00").unwrap().1, Some(whole_second(noon(21) + hour * 2)), "it holds that");
        assert!(of(Some("11:30"), "11:00").is_err());
    }

    #[test]
    fn what_is_none() {
        for text in ["", "soon", "-", "25:00", "-soon"] {
            let remedy = parse(text, &TimeZone::UTC).unwrap_err().remedy().unwrap();
            assert!(remedy.contains("2026-11-22 14:00"), "{remedy}");
        }
    }

    #[test]
    fn what_is_typed_counts_from_what_is_shown() {
        let [first, shown, last] = ["2026-11-20T00:00:00Z", "2026-11-21T10:00:00Z", "2026-11-22T12:00:00Z"]
            .map(|t| t.parse().unwrap());
        let at = |text: &str| typed(text, shown, first, last).map(|at: Timestamp| at.to_string());
        assert_eq!(at("-2h").unwrap(), "2026-11-21T08:00:00Z");
        assert_eq!(at("@ +10m").unwrap(), "2026-11-21T10:10:00Z");
        assert_eq!(at("-1d").unwrap(), "2026-11-20T10:00:00Z");
        assert_eq!(at("-24h").unwrap(), at("-1d").unwrap());
        assert_eq!(at("start").unwrap(), "2026-11-20T00:00:00Z");
        assert_eq!(at("end").unwrap(), "2026-11-22T12:00:00Z");
        assert_eq!(at("2026-11-22T01:00:00Z").unwrap(), "2026-11-22T01:00:00.999999999Z");
        assert_eq!(at("2026-11-22T01:00:00.5Z").unwrap(), "2026-11-22T01:00:00.5Z");
        for (wrong, end) in [("2031-01-01", "it ends at"), ("2020-01-01", "it begins at")] {
            let error = at(wrong).unwrap_err().to_string();
            assert!(error.contains("there is no sample of") && error.contains(end), "{error}");
        }
        let day = shown.to_zoned(TimeZone::system()).date();
        let expected = TimeZone::system().to_timestamp(day.at(14, 5, 0, 0)).unwrap();
        assert_eq!(at("14:05").unwrap(), whole_second(expected).to_string());
        assert!(at("soon").unwrap_err().to_string().contains("not a time"));
    }

    #[test]
    fn moments_are_read_as_everywhere() {
        assert_eq!(past("2020-11-30 12:00:00Z").unwrap().to_string(), "2020-11-30T12:00:00Z");
        assert_eq!(past("2020-01-01").unwrap().to_zoned(TimeZone::system()).hour(), 0);
        let ago = Timestamp::now().duration_since(past("-2h").unwrap());
        assert!((7190..7210).contains(&ago.as_secs()));
        for wrong in ["2999-01-01", "+10m", "start", "soon"] {
            assert!(past(wrong).unwrap_err().contains("-2h"), "{wrong}");
        }
    }
}
