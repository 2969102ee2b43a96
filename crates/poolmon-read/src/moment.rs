//! Moments as people write them: `2026-11-22 14:00`, `14:05`, `-2h`, `-3d`, `+10min`, `start`, `end`.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// A moment, perhaps relative to a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This moment.
    At(Timestamp),
    /// This time of day: the last one that is not after the end.
    TimeOfDay(Time),
    /// So long before the end.
    BeforeEnd(SignedDuration),
    /// So long after the start.
    AfterStart(SignedDuration),
}

/// A text that is not a moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time")]
pub struct NotAMoment(String);

impl poolmon_model::problem::Remedy for NotAMoment {
    fn remedy(&self) -> Option<String> {
        Some(
            "write 2026-11-22 14:00, 14:05, -2h or -3d (before the end), +10min (after the start), start or end"
                .to_owned(),
        )
    }
}

/// Reads a moment; dates without an offset are in `zone`. A leading `@` is allowed.
///
/// # Errors
/// The text is no moment.
pub fn parse(text: &str, zone: &TimeZone) -> Result<When, NotAMoment> {
    let bare = text.trim().trim_start_matches('@').trim();
    let span = |text: &str| {
        let span: Span = text.trim().parse().ok()?;
        span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()
    };
    let found = match bare {
        "start" | "first" => Some(When::AfterStart(SignedDuration::ZERO)),
        "end" | "last" | "now" => Some(When::BeforeEnd(SignedDuration::ZERO)),
        _ if bare.starts_with('-') => bare.get(1..).and_then(span).map(When::BeforeEnd),
        _ if bare.starts_with('+') => bare.get(1..).and_then(span).map(When::AfterStart),
        _ => None,
    };
    found
        .or_else(|| bare.parse().ok().map(When::At))
        .or_else(|| {
            let civil: DateTime = bare.parse().ok()?;
            Some(When::At(zone.to_ambiguous_timestamp(civil).compatible().ok()?))
        })
        .or_else(|| bare.parse().ok().map(When::TimeOfDay))
        .ok_or_else(|| NotAMoment(text.to_owned()))
}

impl When {
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
    let when = parse(text, &zone)?;
    let bare = text.trim().trim_start_matches('@').trim_start();
    if let Some((sign, span)) = bare.get(..1).zip(bare.get(1..))
        && let Ok(span) = span.trim().parse::<jiff::SignedDuration>()
        && ["+", "-"].contains(&sign)
    {
        let to = if sign == "+" { shown.checked_add(span) } else { shown.checked_sub(span) };
        return to.map_err(|_| NotAMoment(text.to_owned()));
    }
    if let When::TimeOfDay(time) = when {
        // Of the day that is shown.
        let day = shown.to_zoned(zone.clone()).date();
        let at = zone.to_ambiguous_timestamp(day.to_datetime(time)).compatible();
        return at.map_err(|_| NotAMoment(text.to_owned()));
    }
    Ok(when.resolve(first, last, &zone))
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
        assert_eq!(at("start"), "2026-11-20T00:00:00Z");
        assert_eq!(at("end"), "2026-11-22T12:00:00Z");
        assert_eq!(at("14:05"), "2026-11-21T13:05:00Z", "later today has not come yet");
        assert_eq!(at("12:30"), "2026-11-22T11:30:00Z");
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
        assert_eq!(at("start").unwrap(), "2026-11-20T00:00:00Z");
        assert_eq!(at("end").unwrap(), "2026-11-22T12:00:00Z");
        assert_eq!(at("2026-11-22T01:00:00Z").unwrap(), "2026-11-22T01:00:00Z");
        let day = shown.to_zoned(TimeZone::system()).date();
        let expected = TimeZone::system().to_timestamp(day.at(14, 5, 0, 0)).unwrap();
        assert_eq!(at("14:05").unwrap(), expected.to_string());
        assert!(at("soon").unwrap_err().to_string().contains("not a time"));
    }
}
