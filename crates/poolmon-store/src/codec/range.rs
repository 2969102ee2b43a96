//! An adaptive binary range coder: the bits of a frame, each at the price of its surprise.
//!
//! The arithmetic is that of the LZMA family (32-bit range, carry into bytes already held back), with
//! probabilities that are the mean of a fast and a slow estimate. All of it is integer arithmetic, so
//! that every machine writes and reads the same bytes; FORMAT.md says them one by one.
//!
//! One generic function can code in both directions: the encoder returns the value it was given, the
//! decoder ignores what it is given and returns what was written.

/// Estimated probability of a 0 bit, in 1/65,536.
#[derive(Clone, Copy, Debug)]
pub struct Prob {
    fast: u16,
    slow: u16,
    seen: u8,
}

impl Default for Prob {
    fn default() -> Self {
        Self { fast: 0x8000, slow: 0x8000, seen: 0 }
    }
}

/// After this many bits, the slow estimate moves by 1/128 a bit.
const SETTLED: u8 = 126;
const FAST: u32 = 4;

impl Prob {
    /// The estimate that the coder uses, in 1/32,768.
    fn scaled(self) -> u32 {
        (u32::from(self.fast) + u32::from(self.slow)) >> 2
    }

    #[inline]
    fn learn(&mut self, bit: bool) {
        // A young estimate moves quickly: about 1 / (bits seen + 2).
        let shift = (u32::from(self.seen) + 2).ilog2();
        self.seen = (self.seen + 1).min(SETTLED);
        let quick = shift.min(FAST);
        // A 1 takes `estimate >> shift` away; a 0 does the same to what is missing to the whole. Written without a
        // branch, as bits are hard to foresee.
        let turned = u16::from(bit).wrapping_sub(1);
        let (fast, slow) = (self.fast ^ turned, self.slow ^ turned);
        self.fast = (fast - (fast >> quick)) ^ turned;
        self.slow = (slow - (slow >> shift)) ^ turned;
    }
}

/// Codes bits in one direction.
pub trait Coder {
    /// Codes one bit with an estimate that learns from it.
    fn bit(&mut self, prob: &mut Prob, bit: bool) -> bool;

    /// Codes up to 64 bits that nothing is known about, highest first.
    fn raw(&mut self, count: u32, bits: u64) -> u64;

    /// The bytes ended before the bits did.
    fn is_spoiled(&self) -> bool {
        false
    }
}

const TOP: u32 = 1 << 24;
/// Most raw bits coded in one step.
const STEP: u32 = 12;

/// Writes.
#[derive(Debug)]
pub struct Encoder {
    out: Vec<u8>,
    low: u64,
    range: u32,
    /// A byte that a carry may still change, and 0xff bytes after it.
    held: Option<u8>,
    ff: usize,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Encoder {
    /// Appends to `out`.
    pub fn new(out: Vec<u8>) -> Self {
        Self { out, low: 0, range: u32::MAX, held: None, ff: 0 }
    }

    fn shift_low(&mut self) {
        let carry = self.low > u64::from(u32::MAX);
        let byte = (self.low >> 24) as u8;
        if carry || byte != 0xff {
            if let Some(held) = self.held {
                self.out.push(held.wrapping_add(u8::from(carry)));
            }
            for _ in 0..self.ff {
                self.out.push(0xff_u8.wrapping_add(u8::from(carry)));
            }
            self.ff = 0;
            self.held = Some(byte);
        } else {
            self.ff += 1;
        }
        self.low = (self.low & 0x00ff_ffff) << 8;
    }

    fn normalise(&mut self) {
        while self.range < TOP {
            self.range <<= 8;
            self.shift_low();
        }
    }

    /// Ends the stream with as few bytes as say which interval was meant; the decoder reads zeros after them.
    pub fn finish(mut self) -> Vec<u8> {
        let last = self.low + u64::from(self.range) - 1;
        let mut value = self.low;
        for zeros in (0..=32).rev() {
            let rounded = last >> zeros << zeros;
            if rounded >= self.low {
                value = rounded;
                break;
            }
        }
        self.low = value;
        let mut useful = 0;
        let mut rest = value & u64::from(u32::MAX);
        while rest != 0 {
            useful += 1;
            rest = (rest << 8) & u64::from(u32::MAX);
        }
        // Each shift writes the byte before it: one more brings the last useful byte out.
        for _ in 0..=useful {
            self.shift_low();
        }
        self.out
    }
}

impl Coder for Encoder {
    #[inline]
    fn bit(&mut self, prob: &mut Prob, bit: bool) -> bool {
        let bound = (self.range >> 15) * prob.scaled();
        if bit {
            self.low += u64::from(bound);
            self.range -= bound;
        } else {
            self.range = bound;
        }
        prob.learn(bit);
        self.normalise();
        bit
    }

    fn raw(&mut self, count: u32, bits: u64) -> u64 {
        let mut left = count;
        while left > 0 {
            let step = left.min(STEP);
            left -= step;
            let part = (bits >> left) & ((1 << step) - 1);
            self.range >>= step;
            self.low += part * u64::from(self.range);
            self.normalise();
        }
        bits
    }
}

/// Reads.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    rest: std::slice::Iter<'a, u8>,
    code: u32,
    range: u32,
    beyond: u32,
}

impl<'a> Decoder<'a> {
    /// Reads what an encoder wrote.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self { rest: bytes.iter(), code: 0, range: u32::MAX, beyond: 0 };
        for _ in 0..4 {
            decoder.pull();
        }
        decoder
    }

    #[inline]
    fn pull(&mut self) {
        let byte = self.rest.next().copied().unwrap_or_else(|| {
            self.beyond = self.beyond.saturating_add(1);
            0
        });
        self.code = self.code << 8 | u32::from(byte);
    }

    #[inline]
    fn normalise(&mut self) {
        while self.range < TOP {
            self.range <<= 8;
            self.pull();
        }
    }
}

impl Coder for Decoder<'_> {
    #[inline]
    fn bit(&mut self, prob: &mut Prob, _: bool) -> bool {
        let bound = (self.range >> 15) * prob.scaled();
        let bit = self.code >= bound;
        // Without a branch, as bits are hard to foresee.
        let mask = u32::from(bit).wrapping_neg();
        self.code -= bound & mask;
        self.range = bound ^ ((bound ^ self.range.wrapping_sub(bound)) & mask);
        prob.learn(bit);
        self.normalise();
        bit
    }

    fn raw(&mut self, count: u32, _: u64) -> u64 {
        let (mut bits, mut left) = (0_u64, count);
        while left > 0 {
            let step = left.min(STEP);
            left -= step;
            self.range >>= step;
            // Damaged bytes can ask for more than there is: the largest value stands for it.
            let part = (self.code / self.range.max(1)).min((1 << step) - 1);
            self.code = self.code.wrapping_sub(part.wrapping_mul(self.range));
            bits = bits << step | u64::from(part);
            self.normalise();
        }
        bits
    }

    fn is_spoiled(&self) -> bool {
        // An encoder leaves out at most four bytes of zeros at the end.
        self.beyond > 8
    }
}

/// One step of a decoder: an estimate above the bit that was read with it, or (`RAW`) a count of raw bits above the bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted(u32);

const RAW: u32 = 1 << 31;

/// Reads, and notes each step, so that [`Decoder::follow`] can take them again.
#[derive(Debug)]
pub struct NotingDecoder<'d, 'a> {
    decoder: &'d mut Decoder<'a>,
    steps: Vec<Noted>,
    most: usize,
}

impl<'d, 'a> NotingDecoder<'d, 'a> {
    /// Notes the next steps of a decoder, if they are at most `most`.
    pub const fn new(decoder: &'d mut Decoder<'a>, most: usize) -> Self {
        Self { decoder, steps: Vec::new(), most }
    }

    /// The steps; `None` if they were more.
    pub fn finish(self) -> Option<Vec<Noted>> {
        (self.steps.len() <= self.most).then_some(self.steps)
    }

    fn note(&mut self, step: u32) {
        if self.steps.len() <= self.most {
            self.steps.push(Noted(step));
        }
    }
}

impl Coder for NotingDecoder<'_, '_> {
    #[inline]
    fn bit(&mut self, prob: &mut Prob, bit: bool) -> bool {
        let estimate = prob.scaled();
        let bit = self.decoder.bit(prob, bit);
        self.note(estimate << 1 | u32::from(bit));
        bit
    }

    fn raw(&mut self, count: u32, _: u64) -> u64 {
        let bits = self.decoder.raw(count, 0);
        let mut left = count;
        while left > 0 {
            let step = left.min(STEP);
            left -= step;
            self.note(RAW | step << STEP | ((bits >> left) as u32 & ((1 << step) - 1)));
        }
        bits
    }

    fn is_spoiled(&self) -> bool {
        self.decoder.is_spoiled()
    }
}

impl Decoder<'_> {
    /// Takes noted steps again, where what comes next says the same as it did then: without the models, several times as fast as
    /// reading it. False, and nothing was read, where it says anything else.
    pub fn follow(&mut self, steps: &[Noted]) -> bool {
        let mut ahead = self.clone();
        for &Noted(step) in steps {
            if step & RAW == 0 {
                let bound = (ahead.range >> 15) * (step >> 1);
                let bit = step & 1;
                if u32::from(ahead.code >= bound) != bit {
                    return false;
                }
                // The bit is known: the next range need not wait for the comparison.
                let mask = bit.wrapping_neg();
                ahead.code -= bound & mask;
                ahead.range = bound ^ ((bound ^ ahead.range.wrapping_sub(bound)) & mask);
                ahead.normalise();
            } else {
                let count = (step & !RAW) >> STEP;
                if ahead.raw(count, 0) != u64::from(step & ((1 << STEP) - 1)) {
                    return false;
                }
            }
        }
        if ahead.is_spoiled() {
            return false;
        }
        *self = ahead;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            bits in proptest::collection::vec((any::<bool>(), 0_usize..3, 0_u32..65, any::<u64>()), 0..400),
            skew in 0_u8..4,
        ) {
            let mut encoder = Encoder::default();
            let mut probs = [Prob::default(); 3];
            for &(bit, ctx, count, raw) in &bits {
                let bit = if skew == 0 { false } else if skew == 1 { true } else { bit };
                encoder.bit(&mut probs[ctx], bit);
                if raw % 5 == 0 {
                    encoder.raw(count, if count == 64 { raw } else { raw & ((1 << count) - 1) });
                }
            }
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            let mut probs = [Prob::default(); 3];
            for &(bit, ctx, count, raw) in &bits {
                let bit = if skew == 0 { false } else if skew == 1 { true } else { bit };
                prop_assert_eq!(decoder.bit(&mut probs[ctx], false), bit);
                if raw % 5 == 0 {
                    let want = if count == 64 { raw } else { raw & ((1 << count) - 1) };
                    prop_assert_eq!(decoder.raw(count, 0), want);
                }
            }
            prop_assert!(!decoder.is_spoiled());
        }
    }

    proptest! {
        #[test]
        fn noted_steps_are_followed_where_the_same_comes_and_nowhere_else(
            first in proptest::collection::vec((any::<bool>(), 0_u32..65, any::<u64>()), 1..200),
            other in 0_usize..200,
            lead in 0_u64..4096,
        ) {
            let write = |lead: u64, symbols: &[(bool, u32, u64)]| {
                let (mut encoder, mut prob) = (Encoder::default(), Prob::default());
                encoder.raw(12, lead);
                for &(bit, count, raw) in symbols {
                    encoder.bit(&mut prob, bit);
                    encoder.raw(count, if count == 64 { raw } else { raw & ((1 << count) - 1) });
                }
                encoder.raw(32, 0x1234_5678);
                encoder.finish()
            };
            let bytes = write(7, &first);
            let mut decoder = Decoder::new(&bytes);
            decoder.raw(12, 0);
            let mut noting = NotingDecoder::new(&mut decoder, usize::MAX);
            let mut prob = Prob::default();
            for &(_, count, _) in &first {
                noting.bit(&mut prob, false);
                noting.raw(count, 0);
            }
            let steps = noting.finish().unwrap();
            prop_assert_eq!(decoder.raw(32, 0), 0x1234_5678);
            // The same behind something else.
            let bytes = write(lead, &first);
            let mut decoder = Decoder::new(&bytes);
            decoder.raw(12, 0);
            prop_assert!(decoder.follow(&steps));
            prop_assert_eq!(decoder.raw(32, 0), 0x1234_5678);
            // One bit differs: it is read as if nothing had been tried.
            let mut changed = first.clone();
            let at = other % changed.len();
            changed[at].0 ^= true;
            let bytes = write(lead, &changed);
            let mut decoder = Decoder::new(&bytes);
            decoder.raw(12, 0);
            prop_assert!(!decoder.follow(&steps));
            let mut prob = Prob::default();
            for &(bit, count, raw) in &changed {
                prop_assert_eq!(decoder.bit(&mut prob, false), bit);
                prop_assert_eq!(decoder.raw(count, 0), if count == 64 { raw } else { raw & ((1 << count) - 1) });
            }
        }
    }

    #[test]
    fn sure_bits_cost_next_to_nothing() {
        let mut encoder = Encoder::default();
        let mut prob = Prob::default();
        for _ in 0..40_000 {
            encoder.bit(&mut prob, false);
        }
        assert!(encoder.finish().len() < 40);
    }
}
