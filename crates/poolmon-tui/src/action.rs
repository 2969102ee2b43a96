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
    /// Stacks of a trace, or charts.
    Stacks,
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
