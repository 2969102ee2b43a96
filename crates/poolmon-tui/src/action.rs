//! What keys do, whichever view has them.

/// What a key does. A view decides what it means there: `Up` moves its own selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Leave.
    Quit,
    /// Close what is open.
    Back,
    /// Open what is selected.
    Open,
    /// The help page.
    Help,
    /// Clear and draw everything again.
    Redraw,
    /// Other colours.
    Theme,
    /// Ask the source now.
    Refresh,
    /// Write a snapshot file.
    Snapshot,
    /// Move by this many lines.
    Lines(isize),
    /// Move by this many halves of a page.
    Halves(isize),
    /// To the first line.
    First,
    /// To the last line.
    Last,
    /// Columns that do not fit, to this side.
    Columns(bool),
    /// Sort by the column of this letter.
    Sort(char),
    /// Sort by verdict.
    SortByVerdict,
    /// By value or by change.
    ByChange,
    /// The other way round.
    Reverse,
    /// The next pool.
    Pool,
    /// The pools of this session.
    Session(u32),
    /// Ask for a session.
    SessionPrompt,
    /// The search line.
    Search,
    /// Highlighting on or off.
    Highlight,
    /// Totals on or off.
    Totals,
    /// Choose the columns.
    Choose,
    /// Show what is selected in the list of columns, or leave it out.
    Toggle,
    /// The columns that fit, as from the start.
    Automatic,
    /// Copies of a cache as one row, or each.
    Fold,
    /// Other groups of rows, or none.
    Group,
    /// Pause, or go on.
    Pause,
    /// Set or end the baseline.
    Baseline,
    /// A longer interval, or a shorter one.
    Interval(bool),
    /// The list of holders.
    Holders,
    /// Trace the selected row.
    Trace,
    /// Another span of the graph of the pools, or none.
    Graph,
    /// Axes from zero, or around the values.
    Axis,
    /// Stacks of a trace, or charts.
    Stacks,
    /// The cursor of the charts: a point on, or back.
    Cursor(bool),
    /// Run the next command of a row, once that was confirmed.
    Run,
    /// Copy the next command of a row.
    Copy,
    /// Another span of the chart.
    Span,
    /// Play the tape, or stop.
    Play,
    /// A sample on, or back.
    Step(bool),
    /// This many seconds on or back.
    Leap(i64),
    /// The next mark, or the one before.
    Mark(bool),
    /// Faster, or slower.
    Speed(bool),
    /// Ask for a moment.
    Jump,
    /// Start of the tape.
    Start,
    /// End of the tape.
    End,
    /// Look at what was recorded meanwhile.
    Look,
}

/// What the configuration file calls the actions to which it can give other keys.
pub const NAMES: &[(&str, Action)] = &[
    ("quit", Action::Quit),
    ("back", Action::Back),
    ("open", Action::Open),
    ("help", Action::Help),
    ("redraw", Action::Redraw),
    ("theme", Action::Theme),
    ("up", Action::Lines(-1)),
    ("down", Action::Lines(1)),
    ("page-up", Action::Halves(-2)),
    ("page-down", Action::Halves(2)),
    ("left", Action::Columns(false)),
    ("right", Action::Columns(true)),
    ("sort-tag", Action::Sort('t')),
    ("sort-allocs", Action::Sort('a')),
    ("sort-frees", Action::Sort('f')),
    ("sort-diff", Action::Sort('d')),
    ("sort-bytes", Action::Sort('b')),
    ("sort-per-alloc", Action::Sort('m')),
    ("sort-verdict", Action::SortByVerdict),
    ("by-change", Action::ByChange),
    ("reverse", Action::Reverse),
    ("pool", Action::Pool),
    ("group", Action::Group),
    ("search", Action::Search),
    ("session", Action::SessionPrompt),
    ("totals", Action::Totals),
    ("highlight", Action::Highlight),
    ("unfold", Action::Fold),
    ("columns", Action::Choose),
    ("toggle", Action::Toggle),
    ("automatic", Action::Automatic),
    ("graph", Action::Graph),
    ("axis", Action::Axis),
    ("holders", Action::Holders),
    ("trace", Action::Trace),
    ("stacks", Action::Stacks),
    ("point-before", Action::Cursor(false)),
    ("point", Action::Cursor(true)),
    ("run", Action::Run),
    ("copy", Action::Copy),
    ("snapshot", Action::Snapshot),
    ("pause", Action::Pause),
    ("refresh", Action::Refresh),
    ("baseline", Action::Baseline),
    ("interval-longer", Action::Interval(true)),
    ("interval-shorter", Action::Interval(false)),
    ("play", Action::Play),
    ("step-back", Action::Step(false)),
    ("step", Action::Step(true)),
    ("minute-back", Action::Leap(-60)),
    ("minute", Action::Leap(60)),
    ("hour-back", Action::Leap(-3600)),
    ("hour", Action::Leap(3600)),
    ("day-back", Action::Leap(-86_400)),
    ("day", Action::Leap(86_400)),
    ("mark-before", Action::Mark(false)),
    ("mark", Action::Mark(true)),
    ("go-to", Action::Jump),
    ("slower", Action::Speed(false)),
    ("faster", Action::Speed(true)),
    ("start", Action::Start),
    ("end", Action::End),
    ("span", Action::Span),
    ("look", Action::Look),
];
