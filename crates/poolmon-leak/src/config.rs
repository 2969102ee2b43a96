//! Thresholds and sizes, each with its reason. They were chosen on tuning seeds only (see `examples/accuracy.rs`).

/// What [`crate::Analysis`] is given at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalysisConfig {
    /// Buckets kept for each series. At 72 bytes each, 4,000 series of 256 take 74 MB.
    pub buckets: usize,
    /// Points a judgement works on at most: pairs of them are compared, so its cost grows with the square.
    pub points: usize,
    /// Points below which nothing is said.
    pub least_points: usize,
    /// Hours below which nothing is said.
    pub least_hours: f64,
    /// Growth in bytes below which a series counts as steady: one page either way is no news.
    pub least_growth: f64,
    /// Rate of false discoveries that is accepted among all tags.
    pub false_discoveries: f64,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// Growth over what remains of the noise, at least.
    pub signal: f64,
    /// Growth that load and time of day leave unexplained, over its standard error, at least.
    pub partial_t: f64,
    /// The same where nearly nothing is freed, or a line fits far better than any curve: what is kept cannot fall back.
    pub partial_t_kept: f64,
    /// The same growth as a part of the whole growth, at least.
    pub partial_share: f64,
    /// Slope of the later half over that of the earlier, at least: below it the series is filling up.
    pub ratio: f64,
    /// Squares left by a filling curve over those left by a line, at least: below it the series is filling up.
    pub filling: f64,
    /// The same where the day's rhythm, being fitted too, can hide the curve: below [`AnalysisConfig::two_days`].
    pub filling_early: f64,
    /// Hours from which on the day's rhythm repeats often enough not to hide a curve.
    pub two_days: f64,
    /// From this on, and from [`AnalysisConfig::straight`] hours on, the line is so much better that no wave explains it.
    pub line: f64,
    /// Slope of the last quarter over that of the whole, at least: below it the growth has ended.
    pub last: f64,
    /// From this length on (hours) the day's rhythm can be distinguished from a trend.
    pub day: f64,
    /// Least quarter's slope over the steepest, at least, for a recording shorter than a day.
    pub even: f64,
    /// Hours from which on a straight line cannot be a part of a daily wave.
    pub straight: f64,
    /// Part of its mean by which a daily rhythm may swing, for shorter recordings.
    pub swing: f64,
    /// Hours below which something may just be starting up, however much it grows: then it must grow evenly.
    pub starting: f64,
    /// Part of what was allocated that was kept, at least, for a short recording to show a leak.
    pub retention: f64,
    /// Growth over the most that was held before, at least, for less than two days to show a leak: a cache is made for
    /// its work and seldom trebles. On tuning hosts, of what grew as straight as a leak in the first eighth of a
    /// recording and was none, 1 in 100 did.
    pub outgrown: f64,
    /// Part of what was allocated that was kept, at least, for less than two days to show a leak without
    /// [`AnalysisConfig::outgrown`]: a cache frees a little all the time, if only by what it replaces.
    pub keeps_all: f64,
    /// Part of what was allocated that was kept, at least, for growth in bursts to count as going on, however near a
    /// filling curve it lies.
    pub keeps_bursts: f64,
    /// Tags in lockstep, at least, for one of them that is surely a leak to carry the others: a whole multiple within
    /// the error of two rates is met by one pair in twelve by chance, by two pairs hardly ever.
    pub lockstep: usize,
    /// By what the intervals are widened so that 95 % of them hold the true rate: on tuning hosts it takes 2.0 for
    /// 93 %, while the formulas alone give 78 %.
    pub widening: f64,
    /// Growth worth acting on, in bytes per hour, or in [`AnalysisConfig::worth_a_day`] of the pool.
    pub worth_per_hour: f64,
    /// Growth worth acting on, as a part of the pool a day. Less than both is called a leak only where nearly nothing
    /// is freed: of a hundred tags that grow so little, ninety-five are caches on the way to their next trim.
    pub worth_a_day: f64,
}

impl Default for AnalysisConfig {
    fn default() -> Self {
        Self {
            buckets: 256,
            points: 96,
            least_points: 12,
            least_hours: 5.0 / 60.0,
            least_growth: 65_536.0,
            false_discoveries: 0.01,
            confidence: 0.95,
            signal: 4.0,
            partial_t: 5.0,
            partial_t_kept: 2.5,
            partial_share: 0.5,
            ratio: 0.5,
            filling: 0.7,
            filling_early: 0.95,
            two_days: 36.0,
            line: 5.0,
            last: 0.3,
            day: 20.0,
            even: 0.8,
            straight: 8.0,
            swing: 0.6,
            starting: 1.0,
            retention: 0.5,
            outgrown: 2.0,
            keeps_all: 0.98,
            keeps_bursts: 0.9,
            lockstep: 3,
            widening: 2.0,
            worth_per_hour: 5e5,
            worth_a_day: 0.005,
        }
    }
}

impl AnalysisConfig {
    /// For the live screen: 28 MB at most for 4,000 series, and less to compute. Twice the points that are judged are
    /// kept, as buckets are halved when the room is full, and as of the last quarter enough must be left to recognise a leak
    /// that began late: with 48 of them recall on tuning hosts is 0.84 instead of 0.95.
    pub fn live() -> Self {
        Self { buckets: 96, points: 48, ..Self::default() }
    }
}
