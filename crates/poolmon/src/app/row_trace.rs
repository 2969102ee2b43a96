//! What the screen's key `T` does: traces the cache or tag of a row, and says what was found in lines.

use std::sync::Arc;

use poolmon_model::Pool;
use poolmon_model::problem::Remedy as _;
use poolmon_owner::next::traced;
use poolmon_render::trace::Asked;
use poolmon_source::trace::{self, TraceOptions};
use poolmon_tui::Tracer;

use crate::cli::trace::FRAMES;

/// Owners of each kind that are listed.
const TOP: usize = 5;

/// Traces rows of this machine.
pub fn tracer() -> Tracer {
    Arc::new(|row, length, go_on| {
        let what = match row.pool {
            Pool::Vmalloc => "vmalloc".to_owned(),
            _ => traced(&row.tag).trim_end().to_owned(),
        };
        let options = TraceOptions { length, ..TraceOptions::default() };
        let (answer, _) =
            trace::live(&[&what], FRAMES, &options, None, &mut |state| go_on(state.elapsed, state.events))
                .map_err(|error| error.in_one_line())?;
        let mut text = Vec::new();
        poolmon_render::trace::text(&mut text, &answer, TOP, Asked::Screen)
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
    })
}
