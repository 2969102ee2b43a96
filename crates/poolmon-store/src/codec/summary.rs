//! A summary of a stretch, written next to the key that is its last sample and read together with it.

use std::time::Duration;

use poolmon_model::summary::{PoolSummary, RowSummary, Summary, held};
use poolmon_model::{CounterWidth, Counters, Row, Sample};

use super::further::{PLACED, bits_of, number_of};
use super::int::IntModel;
use super::layout::{NameCoder, pool_number, pool_of};
use super::range::{Coder, Decoder, Encoder, Prob};
use super::{CodecError, MAX_ROWS};

/// Estimates shared by the rows of a summary.
#[derive(Debug)]
struct Models {
    /// By whether the row before was.
    still: [Prob; 2],
    whole: Prob,
    inexact: Prob,
    wrapped: Prob,
    follows: Prob,
    coarse: [Prob; 2],
    samples: IntModel,
    wraps: IntModel,
    below: IntModel,
    above: IntModel,
    allocs: IntModel,
    frees: IntModel,
    outstanding: IntModel,
    gone: IntModel,
}

impl Default for Models {
    fn default() -> Self {
        let one = || IntModel::with_classes(1);
        let sizes = || IntModel::with_classes(66);
        Self {
            still: <[Prob; 2]>::default(),
            whole: Prob::default(),
            inexact: Prob::default(),
            wrapped: Prob::default(),
            follows: Prob::default(),
            coarse: <[Prob; 2]>::default(),
            samples: one(),
            wraps: one(),
            below: sizes(),
            above: sizes(),
            allocs: sizes(),
            frees: sizes(),
            outstanding: sizes(),
            gone: one(),
        }
    }
}

/// Class of a number by its size alone.
fn size_class(value: u64) -> usize {
    value.checked_ilog2().map_or(0, |place| place as usize + 1)
}

/// Writes a summary; `last` is its last sample.
pub fn write(summary: &Summary, last: &Sample) -> Vec<u8> {
    let mut c = Encoder::default();
    // Only a decoder can fail here.
    let _ = code(&mut c, last, Some(summary));
    c.finish()
}

/// Reads what [`write()`] wrote.
pub fn read(payload: &[u8], last: &Sample) -> Result<Summary, CodecError> {
    let mut c = Decoder::new(payload);
    let summary = code(&mut c, last, None)?;
    if c.is_spoiled() {
        return Err(CodecError("the summary ends too early"));
    }
    Ok(summary)
}

fn code<C: Coder>(c: &mut C, end: &Sample, input: Option<&Summary>) -> Result<Summary, CodecError> {
    let none = Summary::default();
    let wanted = input.unwrap_or(&none);
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let mut coded = Summary {
        samples: c.raw(32, wanted.samples.into()) as u32,
        span: Duration::from_micros(c.raw(64, micros(wanted.span))),
        mean_before: Duration::from_micros(c.raw(64, micros(wanted.mean_before))),
        load: f32::from_bits(c.raw(32, wanted.load.to_bits().into()) as u32),
        loads: c.raw(32, wanted.loads.into()) as u32,
        ..Summary::default()
    };
    let pools = c.raw(8, wanted.pools.len() as u64);
    let mut rest = wanted.pools.iter();
    for _ in 0..pools {
        let pool = rest.next();
        let number = c.raw(8, pool.map_or(0, |pool| pool_number(pool.pool)));
        let mut figure = |of: fn(&PoolSummary) -> u64| c.raw(64, pool.map_or(0, of));
        let (least, most, mean) = (figure(|p| p.least), figure(|p| p.most), figure(|p| p.mean));
        coded.pools.push(PoolSummary { pool: pool_of(number)?, least, most, mean });
    }
    if coded.samples == 0 || !coded.load.is_finite() || c.is_spoiled() {
        return Err(CodecError("a summary of nothing"));
    }
    let mut models = Models::default();
    let mut still = false;
    let unknown = RowSummary::default();
    let mut rest = wanted.rows.iter();
    for row in &end.rows {
        let wanted = rest.next().unwrap_or(&unknown);
        let flat = RowSummary::still(&row.counters, end.width, coded.samples);
        let [usually, after] = &mut models.still;
        still = c.bit(if still { after } else { usually }, *wanted == flat);
        coded.rows.push(if still {
            flat
        } else {
            models.row(c, &row.counters, end.width, coded.samples, wanted)
        });
    }
    let gone = models.gone.unsigned(c, 0, wanted.gone.len() as u64);
    let mut names = NameCoder::default();
    let mut rest = wanted.gone.iter();
    for _ in 0..gone {
        let wanted = rest.next();
        let name = names.code(c, wanted.map(|(row, _)| row))?;
        let counters = whole(c, wanted.map(|(row, _)| &row.counters));
        let reported = models.row(
            c,
            &counters,
            end.width,
            coded.samples,
            wanted.map_or(&unknown, |(_, reported)| reported),
        );
        let row = Row { tag: name.tag, pool: name.pool, counters, reported_owner: name.owner };
        coded.gone.push((row, reported));
        if c.is_spoiled() || coded.gone.len() > MAX_ROWS {
            return Err(CodecError("more rows than a sample can have"));
        }
    }
    Ok(coded)
}

/// Figures that nothing is known about.
fn whole<C: Coder>(c: &mut C, wanted: Option<&Counters>) -> Counters {
    let mut code = |wanted: Option<u64>| {
        (c.raw(1, u64::from(wanted.is_some())) == 1).then(|| c.raw(64, wanted.unwrap_or(0)))
    };
    let mut coded = Counters::default();
    for figure in PLACED {
        let bits = code(wanted.and_then(figure.stored).and_then(bits_of));
        (figure.set)(&mut coded, bits.map(|bits| number_of(figure, bits)));
    }
    coded.reported_per_alloc = code(wanted.and_then(|row| row.reported_per_alloc));
    coded
}

impl Models {
    fn row<C: Coder>(
        &mut self,
        c: &mut C,
        last: &Counters,
        width: CounterWidth,
        samples: u32,
        wanted: &RowSummary,
    ) -> RowSummary {
        let value = held(last);
        let mut row = RowSummary { samples, ..RowSummary::default() };
        if !c.bit(&mut self.whole, wanted.samples == samples) {
            row.samples = self.samples.unsigned(c, 0, wanted.samples.into()) as u32;
        }
        row.inexact = c.bit(&mut self.inexact, wanted.inexact);
        if c.bit(&mut self.wrapped, wanted.wraps > 0) {
            row.wraps = self.wraps.unsigned(c, 0, wanted.wraps.into()) as u32;
        }
        row.allocs = self.allocs.unsigned(c, size_class(last.allocs.unwrap_or(0)), wanted.allocs);
        let fewer = row.allocs.wrapping_sub(wanted.frees).cast_signed();
        let fewer = self.frees.signed(c, size_class(row.allocs), 0, fewer);
        row.frees = row.allocs.wrapping_sub(fewer.cast_unsigned());
        let coarse = &mut self.coarse;
        let below = distance(c, coarse, &mut self.below, size_class(value), value.wrapping_sub(wanted.least));
        let above = distance(c, coarse, &mut self.above, size_class(below), wanted.most.wrapping_sub(value));
        row.least = value.wrapping_sub(below);
        row.most = value.wrapping_add(above);
        if row.most > row.least {
            row.mean_at = c.raw(8, wanted.mean_at.into()) as u8;
        }
        let expected = row.expected_outstanding(last, width).map_or(0, |(expected, _)| expected);
        row.outstanding = expected;
        if !c.bit(&mut self.follows, wanted.outstanding == expected) {
            let class = size_class(row.allocs);
            let off = self.outstanding.signed(c, class, 0, wanted.outstanding.wrapping_sub(expected));
            row.outstanding = expected.wrapping_add(off);
        }
        row
    }
}

/// Kernels hand out multiples of 16 bytes (8 on old and small systems).
fn distance<C: Coder>(
    c: &mut C,
    coarse: &mut [Prob; 2],
    model: &mut IntModel,
    class: usize,
    value: u64,
) -> u64 {
    let [some, none] = coarse;
    if c.bit(none, value == 0) {
        return 0;
    }
    if c.bit(some, value.is_multiple_of(16)) {
        model.unsigned(c, class.saturating_sub(4), value >> 4) << 4
    } else {
        model.unsigned(c, class, value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use poolmon_model::{Gather, Origin, Pool, Row, SourceKind, Tag};
    use proptest::prelude::*;

    use super::*;

    fn samples(moves: &[[u64; 4]]) -> Vec<Sample> {
        let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]));
        let mut held = [(7_u64, 0_u64, 100_u64); 4];
        let mut samples = Vec::new();
        for (second, moves) in moves.iter().enumerate() {
            let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits32);
            sample.time = jiff::Timestamp::from_second(1_700_000_000 + second.cast_signed() as i64).ok();
            sample.header.pool_paged = Some(second as u64 * 4096);
            for (at, (held, by)) in held.iter_mut().zip(moves).enumerate() {
                let low = |figure: u64| figure & u64::from(u32::MAX);
                let given = by >> 7 & 3;
                *held =
                    (held.0 + (by & 7), held.1 + given.min(held.0 - held.1), held.2.wrapping_add(by >> 60));
                let bytes = if at < 2 { (held.0 - held.1) * 48 } else { held.2 };
                let tag = Tag::pool([b'T', b'a', b'g', b'0' + at as u8]);
                sample.rows.push(Row::windows(tag, Pool::Nonpaged, low(held.0), low(held.1), bytes));
                if at == 3 && by & 1 << 40 != 0 {
                    sample.rows.push(Row {
                        tag: Tag::name("dentry"),
                        pool: Pool::Reclaimable,
                        counters: Counters {
                            reported_diff: Some((by & 1023).cast_signed()),
                            bytes: Some(by & 0xf000),
                            used: Some((by & 1023) * 16),
                            ..Counters::default()
                        },
                        reported_owner: None,
                    });
                }
            }
            samples.push(sample);
        }
        samples
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(moves in prop::collection::vec(any::<[u64; 4]>(), 2..40)) {
            let samples = samples(&moves);
            let mut gather = Gather::default();
            for sample in &samples { gather.push(sample); }
            let (summary, last) = (gather.finish().unwrap(), samples.last().unwrap());
            let payload = write(&summary, last);
            prop_assert_eq!(read(&payload, last).unwrap(), summary);
            // Cut or damaged, it is an error or another summary, never a panic.
            for cut in 0..payload.len() {
                let _ = read(&payload[..cut], last);
                let mut damaged = payload.clone();
                damaged[cut] ^= 0x55;
                let _ = read(&damaged, last).map(|summary| summary.rows.iter().map(RowSummary::mean).sum::<f64>());
            }
        }
    }
}
