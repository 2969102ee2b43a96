//! A verdict in one sentence.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use poolmon_model::units::{Precision, human_amount, moment, rate_margin, rough_hours};

use crate::suspicion::Level;
use crate::verdict::{Verdict, VerdictKind, percent};

/// If more than this many times the recorded length is needed, the sentence says what that length cannot show.
const AGAIN: f64 = 20.0;

impl Verdict {
    /// What is missing, if that is this many hours of data: `needs about 3 h more data`.
    pub fn needs(&self, hours: f64) -> String {
        let seen = self.evidence.hours;
        if seen > 0.0 && hours > AGAIN * seen {
            let (seen, hours) = (rough_hours(seen), rough_hours(hours));
            return format!(
                "{seen} cannot show whether it is a cache that fills: that takes about {hours} of recording"
            );
        }
        format!("needs about {} more data", rough_hours(hours))
    }

    /// One sentence for a person, with times of day in this time zone.
    pub fn sentence(&self, zone: &TimeZone) -> String {
        let who = format!("{} ({})", self.tag.to_string().trim_end(), self.pool.id());
        let rate = || {
            if self.timed && self.bytes.is_sure() {
                rate_margin(self.bytes.per_hour, self.bytes.half())
            } else if self.timed {
                // An error larger than the rate: it may as well be none.
                format!("{} over all samples, at no certain rate", human_amount(self.change))
            } else {
                format!("{} over all samples", human_amount(self.change))
            }
        };
        let mut text = match self.kind {
            VerdictKind::Leaking => format!("{who} leaks {}", rate()),
            VerdictKind::Suspected => {
                let level = self.level.unwrap_or(Level::Possible).adverb();
                let sure = self.confidence.unwrap_or(0.0);
                // Nothing is certain, however it is rounded.
                let sure = if sure >= 0.995 { "more than 99 %".to_owned() } else { percent(sure) };
                format!("{who} {level} leaks {} ({sure} sure)", rate())
            }
            VerdictKind::Growing => format!("{who} grows by {}", rate()),
            VerdictKind::RepeatedJumps => format!("{who} grows in jumps, by {}", rate()),
            VerdictKind::WarmingUp => format!(
                "{who} grew by {} and levels off: a cache that fills, or a leak that ended",
                human_amount(self.change)
            ),
            VerdictKind::Plateau => {
                let quiet = rough_hours(self.evidence.ended.unwrap_or(0.0));
                format!(
                    "{who} grew by {} until {quiet} before the end and still holds it: a leak that stopped, or a cache \
                     that is full",
                    human_amount(self.change)
                )
            }
            VerdictKind::LoadDriven => match self.reasons.first() {
                Some(reason) => format!("{who}: {reason}"),
                None => format!("{who} follows the load"),
            },
            VerdictKind::Step => format!("{who} jumped by {} and stays", human_amount(self.growth)),
            VerdictKind::HalfEmptySlabs => format!(
                "{who} grew by {} in slabs that are not full: its objects hardly grew",
                human_amount(self.change)
            ),
            VerdictKind::Steady => format!("{who} is steady at {}", human_amount(self.held)),
            VerdictKind::TooLittleData => {
                match self.facts.filter(|facts| facts.rises.0 > 0 && self.change > 0.0) {
                    Some(facts) => {
                        let (rises, intervals) = (facts.rises.0, facts.points.saturating_sub(1));
                        let grew = human_amount(self.change);
                        match intervals {
                            1 => format!("{who} grew by {grew} from the first sample to the second"),
                            _ => format!("{who} grew by {grew}, in {rises} of {intervals} intervals"),
                        }
                    }
                    None => format!("{who}: too little data"),
                }
            }
            VerdictKind::Unknown => format!("{who} is unknown: its bytes are not known"),
        };
        if self.kind.rises() {
            if let Some(since) = self.since {
                let start = moment(since, zone, Precision::Minutes);
                let since = if self.since_start {
                    format!("since before the first sample ({start})")
                } else {
                    format!("since {start}")
                };
                let _ = write!(text, ", {since}");
            }
            if let Some(share) = self.share {
                let _ = write!(text, "; explains {} of {} growth", percent(share), self.pool.id());
                if let Some(all) = self.group_share {
                    let _ = write!(text, " ({} with those in lockstep)", percent(all));
                }
            }
            if let Some(end) = self.exhaustion {
                let rates = if end.causes > 1 { "with the other leaks" } else { "at this rate" };
                let _ = write!(text, "; {rates}, {} in {}", end.limit.reached(), end.range());
            }
        }
        if let Some(owner) = &self.owner {
            let _ = write!(text, "; used by {owner}");
        }
        if let Some(hours) = self.needs_hours {
            let _ = write!(text, "; {}", self.needs(hours));
        }
        text
    }
}
