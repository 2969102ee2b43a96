//! What a person types, or has in the configuration file: a search, a limit, a moment, a pattern, the file.
#![no_main]

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use poolmon_model::{Limit, Pattern, Search, Tag};

fuzz_target!(|text: &str| {
    let search = Search::new(text);
    let _ = (search.text(), search.asks_for_verdicts(), search.doubt(true), search.doubt(false));
    let tag = Tag::pool(*b"Leak");
    let _ = Pattern::new(text).matches(&tag);
    if let Ok(limit) = text.parse::<Limit>() {
        assert!(!limit.is_exceeded(&tag, 0));
    }
    let first = jiff::Timestamp::from_second(1_800_000_000).unwrap_or_default();
    if let Ok(when) = poolmon_read::moment::parse(text, &TimeZone::UTC) {
        let _ = when.resolve(first, first, &TimeZone::UTC);
        let _ = when.until(first, first, &TimeZone::UTC);
    }
    let _ = poolmon_tui::Config::parse(text, "config.toml");
});
