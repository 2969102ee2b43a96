//! Times of a log of counters, in the one order of day and month that its file has.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::text::{DateRule, FileDates, date_survey, time_cell};
use crate::{DateOrder, Input, ReadOptions, Result};

/// How a file writes its times.
#[derive(Clone, Debug, Default)]
pub(in crate::formats) struct FileTimes {
    rule: DateRule,
    /// Minutes from local time to UTC.
    bias: i64,
    /// Why the order of day and month is not certain.
    doubt: Option<String>,
}

impl FileTimes {
    /// Looks at the dates of a file. `is_pdh`: Perfmon itself wrote it, with the month first, unless a date cannot be
    /// read so: a spreadsheet saves dates as its country writes them.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(in crate::formats) fn of(
        input: &Input,
        options: &ReadOptions,
        bias: i64,
        is_pdh: bool,
    ) -> Result<Self> {
        let FileDates { mut rule, mut doubt } = date_survey(input, options.dates)?;
        if is_pdh && doubt.is_some() && has_thousandths(input.start()) {
            // Milliseconds are lost where a spreadsheet saves it.
            (rule, doubt) = (DateRule::found(DateOrder::Mdy), None);
        }
        Ok(Self { rule, bias, doubt })
    }

    /// What has to be said of the order of day and month, once.
    pub(in crate::formats) fn take_doubt(&mut self) -> Option<String> {
        self.doubt.take()
    }

    /// A time, and whether its zone is unknown. A date that does not fit the order of the file is none.
    pub(in crate::formats) fn read(&self, text: &str) -> Option<(Timestamp, bool)> {
        let bias = SignedDuration::from_mins(self.bias);
        if self.rule.order() != Some(DateOrder::Dmy)
            && let Ok(local) = DateTime::strptime("%m/%d/%Y %H:%M:%S%.f", text)
        {
            return Some((Offset::UTC.to_timestamp(local).ok()?.checked_add(bias).ok()?, true));
        }
        let (time, local) = time_cell(text.as_bytes(), self.rule).filter(|_| self.fits(text))?;
        Some((if local { time.checked_add(bias).ok()? } else { time }, local))
    }

    /// Whether the first two numbers of a date such as 13/06/2026 can be what the order says.
    fn fits(&self, text: &str) -> bool {
        let Some((first, rest)) = text.split_once('/') else { return true };
        let (Some(first), Some(second)) = (number(first), rest.split('/').next().and_then(number)) else {
            return true;
        };
        match self.rule.order() {
            Some(DateOrder::Dmy) => second <= 12,
            Some(DateOrder::Mdy) | None => first <= 12 || first > 31,
            Some(DateOrder::Ymd) => true,
        }
    }
}

/// One or two digits.
fn number(text: &str) -> Option<u32> {
    let text = text.trim().rsplit([' ', '"']).next()?;
    (text.len() <= 2).then(|| text.parse().ok()).flatten()
}

/// Whether a time with milliseconds follows the first line.
fn has_thousandths(start: &[u8]) -> bool {
    let text: Vec<u8> = start.iter().copied().filter(|&byte| byte != 0).collect();
    text.split(|&b| b == b'\n').skip(1).take(64).any(|line| {
        let stamp = line.split(|&b| b == b',' || b == b'\t' || b == b';').next().unwrap_or_default();
        let stamp = stamp.trim_ascii();
        let stamp = stamp.strip_suffix(b"\"").unwrap_or(stamp);
        // `:SS.mmm`
        let pattern = b":00.000";
        let end = stamp.len().checked_sub(pattern.len()).and_then(|at| stamp.get(at..)).unwrap_or_default();
        end.len() == pattern.len()
            && end.iter().zip(pattern).all(|(byte, like)| match like {
                b'0' => byte.is_ascii_digit(),
                like => byte == like,
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, is_pdh: bool) -> FileTimes {
        FileTimes::of(&Input::from_bytes("x", text.as_bytes().to_vec()), &ReadOptions::default(), 60, is_pdh).unwrap()
    }

    fn read(times: &FileTimes, text: &str) -> Option<String> {
        times.read(text).map(|(time, _)| time.to_string())
    }

    #[test]
    fn one_order_for_the_whole_file() {
        let days = of("names\n31/05/2026 23:50:00,1\n01/06/2026 00:00:00,2\n", true);
        assert_eq!(read(&days, "01/06/2026 00:00:00").as_deref(), Some("2026-06-01T01:00:00Z"));
        assert_eq!(read(&days, "31/05/2026 23:50:00").as_deref(), Some("2026-06-01T00:50:00Z"));
        assert_eq!(read(&days, "05/31/2026 23:50:00"), None, "no line has an order of its own");
        let months = of("names\n01/06/2026 00:00:00,1\n05/31/2026 23:50:00,1\n", true);
        assert_eq!(read(&months, "01/06/2026 00:00:00").as_deref(), Some("2026-01-06T01:00:00Z"));
        assert_eq!(read(&months, "31/05/2026 23:50:00"), None);
        assert!(days.doubt.is_none() && months.doubt.is_none());
    }

    #[test]
    fn what_stays_unclear_is_said_unless_perfmon_wrote_it() {
        let lines = |end: &str| format!("names\n\"11/06/2026 10:00:00{end}\",1\n\"12/06/2026 10:00:00{end}\",2\n");
        let resaved = of(&lines(""), true);
        assert_eq!(read(&resaved, "12/06/2026 10:00:00").as_deref(), Some("2026-06-12T11:00:00Z"));
        assert!(resaved.doubt.is_some_and(|doubt| doubt.contains("--dates mdy")));
        let own = of(&lines(".125"), true);
        assert_eq!(read(&own, "12/06/2026 10:00:00.125").as_deref(), Some("2026-12-06T11:00:00.125Z"));
        assert!(own.doubt.is_none());
        assert!(of(&lines(".125"), false).doubt.is_some(), "a script's");
    }
}
