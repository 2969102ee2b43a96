//! The memory figures and the caption line.

use poolmon_model::units::{self, Precision, counted, grouped, human_bytes, span};
use poolmon_model::{Header, Pool, PoolView, Scope, SourceKind};
use ratatui::buffer::Buffer;

use super::{Regions, ScreenLine, clock, meters, moment};
use crate::app::App;

/// A label and its value; the blanks before the label are PoolMon's.
type Part = (&'static str, String);

/// Characters of a search in the caption.
const SEARCH: usize = 40;

fn shortened(search: &str) -> String {
    match search.char_indices().nth(SEARCH) {
        Some((at, _)) => format!("{}…", search.get(..at).unwrap_or_default()),
        None => search.to_owned(),
    }
}

/// PoolMon's two lines on Windows, the kernel's own figures on Linux; only what is reported.
pub(super) fn lines(app: &App, width: u16) -> Vec<String> {
    let header = &app.view.table.header;
    let parts = if is_linux(header) {
        linux_parts(header)
    } else {
        // Per interval on the screen; 0 before there is a second sample.
        header.poolmon_lines(header.page_faults.map(|_| app.view.table.page_faults_change.unwrap_or(0)))
    };
    parts.iter().map(|line| fit(line, usize::from(width))).filter(|line| !line.is_empty()).collect()
}

pub(super) fn is_linux(header: &Header) -> bool {
    header.slab_reclaimable.or(header.slab_unreclaimable).or(header.kernel_stack).is_some()
}

fn linux_parts(header: &Header) -> [Vec<Part>; 2] {
    let human = |bytes: Option<u64>| bytes.map(|bytes| format!(" {}", human_bytes(bytes)));
    let told = |parts: [(&'static str, Option<String>); 5]| {
        parts.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
    };
    [
        told([
            (" Memory:", human(header.memory_total)),
            ("  Avail:", human(header.memory_available)),
            ("  Slab R:", human(header.slab_reclaimable)),
            (" U:", human(header.slab_unreclaimable)),
            ("  KernelStack:", human(header.kernel_stack)),
        ]),
        told([
            (" Commit:", human(header.commit)),
            (" Limit:", human(header.commit_limit)),
            ("  Vmalloc:", human(header.vmalloc_used)),
            ("  Percpu:", human(header.percpu)),
            ("  PageTables:", human(header.page_tables)),
        ]),
    ]
}

/// PoolMon's spacing where it fits, else single blanks, else without the last figures: never half a figure.
fn fit(parts: &[Part], width: usize) -> String {
    let wide: String = parts.iter().flat_map(|(label, value)| [*label, value.as_str()]).collect();
    if wide.chars().count() <= width {
        return wide;
    }
    let mut line = String::new();
    for (label, value) in parts {
        let part = format!(" {}{}", label.trim_start(), value.trim_start());
        if line.chars().count() + part.chars().count() > width {
            break;
        }
        line.push_str(&part);
    }
    line
}

pub(super) fn draw(app: &App, regions: &Regions, buffer: &mut Buffer) {
    if meters::draw(app, regions.header, buffer) {
        return caption(app, regions, buffer);
    }
    for (n, text) in lines(app, regions.header.width).iter().enumerate().take(regions.header.height.into()) {
        let y = regions.header.y + u16::try_from(n).unwrap_or(0);
        buffer.set_stringn(0, y, text, regions.header.width.into(), ratatui::style::Style::new());
    }
    caption(app, regions, buffer);
}

fn caption(app: &App, regions: &Regions, buffer: &mut Buffer) {
    let theme = app.theme;
    let mut line = ScreenLine::new(buffer, regions.caption);
    let filter = &app.settings.filter;
    let narrow = regions.caption.width < 60;
    let title = match filter.scope {
        Scope::System if narrow => "System".to_owned(),
        scope => scope.caption(app.now.origin.pools.contains(&Pool::Unreclaimable)),
    };
    let badges = [
        app.simulated().then(|| " SIMULATED ".to_owned()),
        still_badge(app).or_else(|| tape_badge(app)).or_else(|| app.paused.then(|| " PAUSED ".to_owned())),
    ];
    // Nothing is as important on a tape as the time: no badge may push it out. What the table is of is said by its rows.
    let times = app.feed.is_tape().then(|| (moment(app, app.shown_time()), clock(app, app.shown_time())));
    let cells = |text: &str| u16::try_from(text.chars().count()).unwrap_or(u16::MAX).saturating_add(2);
    let taken: u16 = badges.iter().flatten().map(|badge| cells(badge)).sum();
    let time =
        times.map(
            |(long, short)| {
                if taken.saturating_add(cells(&long)) <= regions.caption.width { long } else { short }
            },
        );
    let needed = taken.saturating_add(time.as_deref().map_or(0, cells));
    if badges.iter().all(Option::is_none) || needed.saturating_add(cells(&title)) <= regions.caption.width {
        line.part(" ", theme.strong());
        line.part(&title, theme.strong());
    }
    for badge in badges.into_iter().flatten() {
        line.part("  ", theme.dim());
        line.part(&badge, theme.warning());
    }
    if let Some(time) = time {
        line.part(&format!("  {time}"), theme.strong());
    }
    let rebooted = app.feed.is_tape() && app.view.table.rebooted;
    let badges = [
        app.baseline.as_ref().map(|baseline| format!(" BASELINE {} ", moment(app, baseline.at))),
        rebooted.then(|| " REBOOTED ".to_owned()),
        app.gap().filter(|_| !rebooted).map(|gap| format!(" GAP {} ", span(gap))),
    ];
    for badge in badges.into_iter().flatten() {
        line.part("  ", theme.dim());
        line.part(&badge, theme.warning());
    }
    let all = match filter.scope {
        Scope::System => app.now.rows.len(),
        _ => app.view.table.rows.len(),
    };
    let shown = app.view.table.rows.len();
    let rows = if shown >= all {
        counted(shown as u64, "row")
    } else {
        format!("{} of {} rows", grouped(shown as u64), grouped(all as u64))
    };
    let groups = app.view.grouping.by.map(|by| {
        let count = counted(app.view.grouping.groups.len() as u64, "group");
        format!("{count} by {}", by.title().to_lowercase())
    });
    let view = match filter.view {
        PoolView::Slab => Some("slab only".to_owned()),
        PoolView::All => None,
        PoolView::Only(pool) => Some(format!("{} only", pool.long())),
    };
    let search = filter.search.text();
    // A term that has no room would leave no word of the search at all.
    let search = (!search.is_empty()).then(|| format!("/{}", shortened(search)));
    let mut patterns = String::new();
    for (sign, list) in [("", &filter.include), ("not ", &filter.exclude)] {
        for pattern in list {
            let gap = if patterns.is_empty() { "" } else { ", " };
            patterns.extend([gap, sign, pattern.text()]);
        }
    }
    let sort = app.settings.sort;
    let order = format!("by {}{}", sort.column.title, if by_change(app) { " change" } else { "" });
    let (time, every) = if app.feed.is_tape() {
        (None, compared(app))
    } else if app.feed.is_still() {
        (None, None)
    } else {
        let time = clock(app, app.now.time.unwrap_or(app.arrived));
        (Some(time), Some(format!("every {}", span(app.interval))))
    };
    let parts = [
        (time, theme.strong()),
        (search, theme.accent()),
        (groups, theme.accent()),
        (view, theme.accent()),
        (Some(rows), theme.dim()),
        ((!patterns.is_empty()).then_some(patterns), theme.accent()),
        (every, theme.dim()),
        (Some(order), theme.dim()),
        (app.now.origin.host.clone(), theme.strong()),
        (app.now.origin.system.clone(), theme.dim()),
    ];
    for (text, style) in parts {
        if let Some(text) = text {
            line.part(&format!("  {text}"), style);
        }
    }
}

/// What file the one moment is of, and when that was.
fn still_badge(app: &App) -> Option<String> {
    let what = match app.now.origin.kind {
        SourceKind::Dump => "DUMP",
        SourceKind::Recording => "RECORDING",
        _ => "FILE",
    };
    let time = app.now.time.map(|time| format!(" OF {}", units::moment(time, &app.zone, Precision::Seconds)));
    app.feed.is_still().then(|| format!(" {what}{} ", time.unwrap_or_default()))
}

/// How a tape is played.
fn tape_badge(app: &App) -> Option<String> {
    let replay = app.feed.tape()?;
    Some(match (app.paused, app.follows()) {
        (true, _) => " REPLAY ".to_owned(),
        (_, true) => " RECORDING ".to_owned(),
        _ => format!(" PLAYING {} ", replay.speed),
    })
}

/// How long the changes of a tape's sample took.
fn compared(app: &App) -> Option<String> {
    let replay = app.feed.tape()?;
    if app.baseline.is_some() || app.gap().is_some() || app.view.table.rebooted || replay.timeline.numbered {
        return None;
    }
    let Some(before) = &app.before else { return Some("the first sample".to_owned()) };
    let time = std::time::Duration::try_from(app.now.time?.duration_since(before.time?)).ok()?;
    Some(format!("in {}", span(time)))
}

/// Whether the order is that of changes: a column without changes is ordered by its value.
pub(super) fn by_change(app: &App) -> bool {
    app.settings.sort.by_change && app.settings.sort.column.has_change()
}
