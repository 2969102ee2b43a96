//! A whole sample against the one before it, or (a key) against nothing.

use std::sync::Arc;
use std::time::Duration;

use poolmon_model::header::{FIGURES, Figure};
use poolmon_model::{
    CounterWidth, Counters, Coverage, Delta, Header, Origin, Pool, Row, Sample, SourceKind, Tag,
};

use super::MAX_ROWS;
use super::further::{FurtherFigures, PLACED};
use super::int::{IntModel, Trend};
use super::layout::{KnownLayout, Name, RowLayout, pool_number, pool_of};
use super::range::{Coder, Decoder, Encoder, Prob};
use super::row::{RowModels, RowState};
use super::text::TextModel;

/// Why a payload could not be read, though its checksum was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(pub &'static str);

/// One machine-wide figure.
#[derive(Clone, Debug, Default)]
struct HeaderFigure {
    /// `None`: a figure that this program does not know; it is skipped.
    known: Option<&'static Figure>,
    value: Option<u64>,
    trend: Trend,
    changed: Prob,
    coarse: [Prob; 2],
}

/// Everything that the next sample is compared with.
#[derive(Clone, Debug)]
pub struct CodecState {
    origin: Arc<Origin>,
    width: CounterWidth,
    layout: RowLayout,
    rows: Vec<RowState>,
    /// Whether each row changed in each of the last eight samples.
    histories: Vec<u8>,
    /// Places in the order of the rows that changed with the last sample; rows seen for the first time are not listed.
    changed: Vec<u32>,
    models: RowModels,
    figures: Vec<HeaderFigure>,
    figures_same: Prob,
    figure_model: IntModel,
    clock: u64,
    clock_trend: Trend,
    clock_model: IntModel,
    uptime: Option<Duration>,
    uptime_trends: [Trend; 4],
    uptime_model: IntModel,
    extras: Extras,
    has_extras: Prob,
    further: FurtherFigures,
}

/// What most samples have none of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extras {
    disagreeing: usize,
    coverage: Coverage,
    remarks: Vec<String>,
    reported_deltas: Vec<Delta>,
}

/// More rows than this that contradict themselves are not counted: 24 bits.
const MOST_DISAGREEING: usize = 0xff_ffff;

impl CodecState {
    fn new(origin: Arc<Origin>, width: CounterWidth, further: FurtherFigures) -> Self {
        Self {
            origin,
            width,
            layout: RowLayout::default(),
            rows: Vec::new(),
            histories: Vec::new(),
            changed: Vec::new(),
            models: RowModels::default(),
            figures: Vec::new(),
            figures_same: Prob::default(),
            figure_model: IntModel::default(),
            clock: 0,
            clock_trend: Trend::default(),
            clock_model: IntModel::default(),
            uptime: None,
            uptime_trends: <[Trend; 4]>::default(),
            uptime_model: IntModel::default(),
            extras: Extras::default(),
            has_extras: Prob::default(),
            further,
        }
    }

    /// Writes a sample against nothing. `clock` = microseconds of a clock that never jumps.
    pub fn key(sample: &Sample, clock: u64) -> Result<(Self, Vec<u8>), CodecError> {
        Self::key_with(sample, clock, FurtherFigures::default())
    }

    pub(super) fn key_with(
        sample: &Sample,
        clock: u64,
        further: FurtherFigures,
    ) -> Result<(Self, Vec<u8>), CodecError> {
        let mut c = Encoder::default();
        let mut state = Self::new(Arc::clone(&sample.origin), sample.width, further);
        code_origin(&mut c, Some((&sample.origin, sample.width)))?;
        state.code_figure_names(&mut c, true);
        state.body(&mut c, Some(sample), clock, RowLayout::code)?;
        Ok((state, c.finish()))
    }

    /// Reads what [`CodecState::key`] wrote.
    pub fn read_key(payload: &[u8]) -> Result<Self, CodecError> {
        Self::read_key_after(payload, &mut KnownLayout::default())
    }

    /// The same for one key after the other: where one lists the rows of the one before, it is read several times as fast.
    pub fn read_key_after(payload: &[u8], known: &mut KnownLayout) -> Result<Self, CodecError> {
        Self::read_key_with(payload, FurtherFigures::default(), known)
    }

    pub(super) fn read_key_with(
        payload: &[u8],
        further: FurtherFigures,
        known: &mut KnownLayout,
    ) -> Result<Self, CodecError> {
        let mut c = Decoder::new(payload);
        let (origin, width) = code_origin(&mut c, None)?;
        let mut state = Self::new(Arc::new(origin), width, further);
        state.code_figure_names(&mut c, false);
        state.body(&mut c, None, 0, |layout, c, _| known.read(layout, c))?;
        Ok(state)
    }

    /// Whether a sample can be written against this state; else it needs a key.
    pub fn fits(&self, sample: &Sample) -> bool {
        self.width == sample.width
            && (Arc::ptr_eq(&self.origin, &sample.origin) || self.origin == sample.origin)
    }

    /// Writes a sample against the one before. After an error, only a key may follow.
    pub fn delta(&mut self, sample: &Sample, clock: u64) -> Result<Vec<u8>, CodecError> {
        if !self.fits(sample) {
            return Err(CodecError("a sample of another source"));
        }
        let mut c = Encoder::default();
        self.body(&mut c, Some(sample), clock, RowLayout::code)?;
        Ok(c.finish())
    }

    /// Reads what [`CodecState::delta`] wrote. After an error, only a key may follow.
    pub fn read_delta(&mut self, payload: &[u8]) -> Result<(), CodecError> {
        self.body(&mut Decoder::new(payload), None, 0, RowLayout::code)
    }

    /// Microseconds of the recorder's clock at the last sample.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// Where the samples come from.
    pub fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// Figures of one of the system's rows in the last sample.
    pub fn counters(&self, tag: &Tag, pool: Pool) -> Option<Counters> {
        let is_it = |name: &Name| name.pool == pool && name.tag == *tag;
        let in_sessions: usize = self.layout.parts.iter().map(|part| part.rows).sum();
        let system = self.layout.order.len().saturating_sub(in_sessions);
        let mut numbers = self.layout.order.iter().take(system);
        let number = numbers.find(|&&number| self.layout.names.get(number as usize).is_some_and(is_it))?;
        self.now(*number)
    }

    /// Figures of the row of this number in the last sample.
    #[inline]
    fn now(&self, number: u32) -> Option<Counters> {
        let mut counters = self.rows.get(number as usize)?.now();
        self.further.complete(number, &mut counters);
        Some(counters)
    }

    fn code_figure_names<C: Coder>(&mut self, c: &mut C, writing: bool) {
        let header = FIGURES.iter().map(|figure| figure.id.to_owned());
        let names: Vec<String> =
            if writing { header.chain(self.further.names()).collect() } else { Vec::new() };
        let count = c.raw(8, names.len() as u64);
        let mut text = TextModel::default();
        let mut rest = names.iter();
        for _ in 0..count {
            let name = text.text(c, rest.next().map_or("", String::as_str));
            let known = FIGURES.iter().find(|figure| figure.id == name);
            self.further.declare(&name);
            self.figures.push(HeaderFigure { known, ..HeaderFigure::default() });
        }
    }

    fn body<C: Coder>(
        &mut self,
        c: &mut C,
        input: Option<&Sample>,
        clock: u64,
        layout: impl FnOnce(&mut RowLayout, &mut C, Option<&Sample>) -> Result<usize, CodecError>,
    ) -> Result<(), CodecError> {
        let ticks = clock.wrapping_sub(self.clock).cast_signed();
        let ticks = self.clock_trend.step(c, &mut self.clock_model, ticks);
        self.clock = self.clock.wrapping_add(ticks.cast_unsigned());
        self.code_uptime(c, input.and_then(|sample| sample.uptime));
        self.code_figures(c, input.map(|sample| &sample.header));
        let known = layout(&mut self.layout, c, input)?;
        self.code_rows(c, input, known)?;
        self.code_extras(c, input)?;
        self.code_further(c, input);
        if c.is_spoiled() {
            return Err(CodecError("the frame ends too early"));
        }
        Ok(())
    }

    /// Uptimes are reported in steps of a nanosecond, a microsecond, a millisecond or a hundredth of a second.
    fn code_uptime<C: Coder>(&mut self, c: &mut C, uptime: Option<Duration>) {
        const STEPS: [u64; 4] = [1, 1_000, 1_000_000, 10_000_000];
        let nanos = |uptime: Option<Duration>| {
            uptime.map_or(0, |uptime| u64::try_from(uptime.as_nanos()).unwrap_or(u64::MAX))
        };
        if c.raw(1, u64::from(uptime.is_some())) == 0 {
            self.uptime = None;
            return;
        }
        let (before, now) = (nanos(self.uptime), nanos(uptime));
        let kind = STEPS.iter().rposition(|&step| now.is_multiple_of(step)).unwrap_or(0);
        let kind = c.raw(2, kind as u64) as usize;
        let step = STEPS.get(kind).copied().unwrap_or(1);
        let Some(trend) = self.uptime_trends.get_mut(kind) else { return };
        let ticks = (now / step).wrapping_sub(before / step).cast_signed();
        let ticks = trend.step(c, &mut self.uptime_model, ticks).cast_unsigned();
        let now = (before / step).wrapping_add(ticks).wrapping_mul(step);
        self.uptime = Some(Duration::from_nanos(now));
    }

    fn code_figures<C: Coder>(&mut self, c: &mut C, header: Option<&Header>) {
        let wanted = |figure: &HeaderFigure| figure.known.and_then(|known| (known.get)(header?));
        let same = self.figures.iter().all(|figure| wanted(figure).is_some() == figure.value.is_some());
        let same = c.bit(&mut self.figures_same, same);
        for figure in &mut self.figures {
            let now = wanted(figure);
            let shown = if same { figure.value.is_some() } else { c.raw(1, u64::from(now.is_some())) == 1 };
            if !shown {
                figure.value = None;
                continue;
            }
            let before = figure.value.unwrap_or(0);
            let moved = now.unwrap_or(0).wrapping_sub(before).cast_signed();
            let mut coded = 0;
            if c.bit(&mut figure.changed, moved != 0) {
                // Windows counts in pages, Linux in KiB.
                let [pages, kib] = &mut figure.coarse;
                let shift = if c.bit(pages, moved % 4096 == 0) {
                    12
                } else if c.bit(kib, moved % 1024 == 0) {
                    10
                } else {
                    0
                };
                coded = figure.trend.step(c, &mut self.figure_model, moved >> shift).wrapping_shl(shift);
            }
            figure.value = Some(before.wrapping_add(coded.cast_unsigned()));
        }
    }

    fn code_rows<C: Coder>(
        &mut self,
        c: &mut C,
        input: Option<&Sample>,
        known: usize,
    ) -> Result<(), CodecError> {
        let none = Counters::default();
        let mut rest = rows_of(input);
        self.models.start_frame();
        self.changed.clear();
        for (at, &number) in self.layout.order.iter().enumerate() {
            let now = rest.next().map_or(&none, |row| &row.counters);
            let number = number as usize;
            if number >= known && number == self.rows.len() {
                let state = self.models.birth(c, self.width, now);
                self.rows.push(state);
                self.histories.push(0);
                continue;
            }
            let early = CodecError("a row before its name");
            let history = self.histories.get_mut(number).ok_or(early)?;
            let changed = input.is_some() && {
                let row = self.rows.get(number);
                row.is_some_and(|row| row.now() != *self.further.placed(now))
            };
            if self.models.changed(c, history, changed) {
                self.models.figures(c, self.rows.get_mut(number).ok_or(early)?, now);
                self.changed.push(at as u32);
            }
        }
        Ok(())
    }

    fn code_further<C: Coder>(&mut self, c: &mut C, input: Option<&Sample>) {
        let moved = self.further.code(c, &self.layout.order, self.rows.len(), &rows_of(input));
        if !moved.is_empty() {
            self.changed.extend(moved);
            self.changed.sort_unstable();
            self.changed.dedup();
        }
    }

    fn code_extras<C: Coder>(&mut self, c: &mut C, input: Option<&Sample>) -> Result<(), CodecError> {
        let wanted = input.map(|sample| Extras {
            disagreeing: sample.disagreeing.min(MOST_DISAGREEING),
            coverage: sample.coverage,
            remarks: sample.remarks.clone(),
            reported_deltas: sample.reported_deltas.clone(),
        });
        let has = wanted.as_ref().is_some_and(|wanted| *wanted != Extras::default());
        if !c.bit(&mut self.has_extras, has) {
            self.extras = Extras::default();
            return Ok(());
        }
        let wanted = wanted.unwrap_or_default();
        let counted = u64::from(wanted.coverage.bits()) << 24 | wanted.disagreeing as u64;
        let counted = c.raw(32, counted) as u32;
        let [coverage, ..] = counted.to_be_bytes();
        let mut coded = Extras {
            disagreeing: counted as usize & MOST_DISAGREEING,
            coverage: Coverage::from_bits(coverage),
            ..Extras::default()
        };
        let remarks = c.raw(16, wanted.remarks.len() as u64);
        let mut text = TextModel::default();
        let mut rest = wanted.remarks.iter();
        for _ in 0..remarks {
            coded.remarks.push(text.text(c, rest.next().map_or("", String::as_str)));
            spoiled(c)?;
        }
        let deltas = c.raw(32, wanted.reported_deltas.len() as u64);
        if deltas > MAX_ROWS as u64 {
            return Err(CodecError("more changes than rows"));
        }
        let mut models = PLACED.map(|_| IntModel::with_classes(1));
        let mut per_alloc = IntModel::with_classes(1);
        let mut rest = wanted.reported_deltas.iter();
        for _ in 0..deltas {
            let now = rest.next().copied().unwrap_or_default();
            let mut code = |model: &mut IntModel, change: Option<i64>| {
                let reported = c.raw(1, u64::from(change.is_some())) == 1;
                reported.then(|| model.signed(c, 0, 0, change.unwrap_or(0)))
            };
            let mut delta = Delta::default();
            for (figure, model) in PLACED.into_iter().zip(&mut models) {
                *(figure.change_mut)(&mut delta) = code(model, (figure.change)(&now));
            }
            delta.per_alloc = code(&mut per_alloc, now.per_alloc);
            coded.reported_deltas.push(delta);
            spoiled(c)?;
        }
        self.extras = coded;
        Ok(())
    }

    /// Places of the rows that changed with the last sample; `None` if more than figures did.
    pub fn changed(&self) -> Option<&[u32]> {
        (self.layout.kept && self.layout.parts.is_empty()).then_some(&self.changed)
    }

    /// As [`CodecState::sample_into`], where `sample` holds the sample before: only what changed is touched. Gives the places
    /// of the rows that did; `None`, and nothing done, where more than figures changed.
    pub fn changes_into(&self, sample: &mut Sample) -> Option<&[u32]> {
        let changed = self.changed()?;
        let same = sample.sessions.is_empty()
            && sample.rows.len() == self.layout.order.len()
            && sample.width == self.width
            && Arc::ptr_eq(&sample.origin, &self.origin);
        if !same {
            return None;
        }
        for &at in changed {
            let number = *self.layout.order.get(at as usize)?;
            sample.rows.get_mut(at as usize)?.counters = self.now(number)?;
        }
        self.rest_into(sample);
        Some(changed)
    }

    /// What a sample says besides its rows.
    fn rest_into(&self, sample: &mut Sample) {
        sample.uptime = self.uptime;
        for figure in &self.figures {
            if let Some(known) = figure.known {
                (known.set)(&mut sample.header, figure.value);
            }
        }
        sample.disagreeing = self.extras.disagreeing;
        sample.coverage = self.extras.coverage;
        sample.remarks.clone_from(&self.extras.remarks);
        sample.reported_deltas.clone_from(&self.extras.reported_deltas);
    }

    /// The last sample, without its time, in `sample`, whose memory is used again.
    pub fn sample_into(&self, sample: &mut Sample) {
        sample.clear();
        sample.origin = Arc::clone(&self.origin);
        sample.width = self.width;
        self.rest_into(sample);
        let mut rows = self.layout.order.iter().filter_map(|&number| {
            let name = self.layout.names.get(number as usize)?;
            Some(Row {
                tag: name.tag.clone(),
                pool: name.pool,
                counters: self.now(number)?,
                reported_owner: name.owner.clone(),
            })
        });
        let in_sessions: usize = self.layout.parts.iter().map(|part| part.rows).sum();
        let system = self.layout.order.len().saturating_sub(in_sessions);
        sample.rows.extend(rows.by_ref().take(system));
        for part in &self.layout.parts {
            let rows = rows.by_ref().take(part.rows).collect();
            sample.sessions.push(poolmon_model::sample::Session { id: part.session, rows });
        }
    }

    /// The last sample, without its time.
    pub fn to_sample(&self) -> Sample {
        let mut sample = Sample::new(Arc::clone(&self.origin), self.width);
        self.sample_into(&mut sample);
        sample
    }
}

/// The rows of a sample in the order in which they are coded: the system's, then those of sessions.
fn rows_of(input: Option<&Sample>) -> impl Iterator<Item = &Row> + Clone {
    let system = input.into_iter().flat_map(|sample| &sample.rows);
    let sessions = input.into_iter().flat_map(|sample| &sample.sessions);
    system.chain(sessions.flat_map(|session| &session.rows))
}

fn spoiled<C: Coder>(c: &C) -> Result<(), CodecError> {
    if c.is_spoiled() { Err(CodecError("the frame ends too early")) } else { Ok(()) }
}

/// Numbers of source kinds in the file. Never changed, only added to.
const KINDS: [SourceKind; 8] = [
    SourceKind::Windows,
    SourceKind::Linux,
    SourceKind::PoolmonLog,
    SourceKind::TableFile,
    SourceKind::Windbg,
    SourceKind::Dump,
    SourceKind::Recording,
    SourceKind::Simulated,
];

/// Codes where samples come from: in keys and in the head of a segment.
pub fn code_origin<C: Coder>(
    c: &mut C,
    input: Option<(&Origin, CounterWidth)>,
) -> Result<(Origin, CounterWidth), CodecError> {
    let origin = input.map(|(origin, _)| origin);
    let kind = KINDS.iter().position(|kind| origin.is_some_and(|origin| origin.kind == *kind));
    let kind = c.raw(8, kind.unwrap_or(0) as u64) as usize;
    let kind = *KINDS.get(kind).ok_or(CodecError("an unknown kind of source"))?;
    let wide = input.is_some_and(|(_, width)| width == CounterWidth::Bits64);
    let width = if c.raw(1, u64::from(wide)) == 1 { CounterWidth::Bits64 } else { CounterWidth::Bits32 };
    let pools = origin.map_or(&[][..], |origin| &origin.pools);
    let count = c.raw(8, pools.len() as u64);
    let mut coded = Origin::new(kind, &[]);
    let mut rest = pools.iter();
    for _ in 0..count {
        let number = rest.next().map_or(0, |&pool| pool_number(pool));
        coded.pools.push(pool_of(c.raw(8, number))?);
    }
    let mut text = TextModel::default();
    coded.host = text.maybe(c, origin.and_then(|origin| origin.host.as_deref()));
    coded.system = text.maybe(c, origin.and_then(|origin| origin.system.as_deref()));
    coded.boot = text.maybe(c, origin.and_then(|origin| origin.boot.as_deref()));
    coded.file = text.maybe(c, origin.and_then(|origin| origin.file.as_deref()));
    spoiled(c)?;
    Ok((coded, width))
}
