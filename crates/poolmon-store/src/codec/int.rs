//! Whole numbers as bits: a zero flag, a sign, the place of the highest bit, then the bits below it.
//!
//! Which estimates a number uses depends on how large it is expected to be (its *class*): the same
//! residual of 3 is common in a quiet row and rare in a busy one.

use super::range::{Coder, Prob};

/// Classes of expected size.
pub const CLASSES: usize = 48;
/// Highest-bit places with an estimate of their own; larger ones share the last.
const PLACES: usize = 24;

/// Estimates of one class.
#[derive(Clone, Debug)]
struct Class {
    zero: Prob,
    sign: [Prob; 3],
    place: [Prob; PLACES],
    top: [[Prob; 7]; PLACES],
}

impl Default for Class {
    fn default() -> Self {
        Self {
            zero: Prob::default(),
            sign: [Prob::default(); 3],
            place: [Prob::default(); PLACES],
            top: [[Prob::default(); 7]; PLACES],
        }
    }
}

/// Estimates for one kind of number.
#[derive(Clone, Debug)]
pub struct IntModel {
    classes: Vec<Class>,
    /// For a class that does not exist: never used by a well-formed caller.
    spare: Class,
}

impl Default for IntModel {
    fn default() -> Self {
        Self::with_classes(CLASSES)
    }
}

impl IntModel {
    /// A model of fewer classes.
    pub fn with_classes(count: usize) -> Self {
        Self { classes: vec![Class::default(); count], spare: Class::default() }
    }

    /// Codes a signed number. `turn` (0, 1, 2) is what is known of its sign: nothing, likely +, likely −.
    pub fn signed<C: Coder>(&mut self, c: &mut C, class: usize, turn: usize, value: i64) -> i64 {
        let last = self.classes.len().saturating_sub(1);
        let model = self.classes.get_mut(class.min(last)).unwrap_or(&mut self.spare);
        if !c.bit(&mut model.zero, value != 0) {
            return 0;
        }
        let [unknown, plus, minus] = &mut model.sign;
        let sign = match turn {
            1 => plus,
            2 => minus,
            _ => unknown,
        };
        let negative = c.bit(sign, value < 0);
        let size = model.size(c, value.unsigned_abs()).cast_signed();
        if negative { size.wrapping_neg() } else { size }
    }

    /// Codes a number that is never negative.
    pub fn unsigned<C: Coder>(&mut self, c: &mut C, class: usize, value: u64) -> u64 {
        let last = self.classes.len().saturating_sub(1);
        let model = self.classes.get_mut(class.min(last)).unwrap_or(&mut self.spare);
        if !c.bit(&mut model.zero, value != 0) {
            return 0;
        }
        model.size(c, value)
    }
}

impl Class {
    /// A number from 1.
    fn size<C: Coder>(&mut self, c: &mut C, size: u64) -> u64 {
        let place = size.checked_ilog2().unwrap_or(0);
        let mut at = 0_u32;
        while at < 63 {
            let Some(prob) = self.place.get_mut((at as usize).min(PLACES - 1)) else { break };
            if !c.bit(prob, place > at) {
                break;
            }
            at += 1;
        }
        // The three bits below the highest are estimated, the rest is noise.
        let mut value = 1_u64;
        let modelled = at.min(3);
        let mut node = 0_usize;
        let row = self.top.get_mut((at as usize).min(PLACES - 1));
        if let Some(row) = row {
            for n in 1..=modelled {
                let Some(prob) = row.get_mut(node) else { break };
                let bit = c.bit(prob, size >> (at - n) & 1 == 1);
                value = value << 1 | u64::from(bit);
                node = node * 2 + 1 + usize::from(bit);
            }
        }
        let rest = at - modelled;
        if rest == 0 {
            return value;
        }
        value << rest | c.raw(rest, size & ((1 << rest) - 1))
    }
}

/// What is known of how one figure moves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trend {
    /// Mean of its steps, in 1/16.
    mean: i64,
    /// Mean size of the residuals, in 1/16 and at most 2^40, times four; below it the sign of the last residual, as
    /// `turn` of [`IntModel::signed`].
    scale_turn: u64,
}

impl Trend {
    /// Class of the residual that is expected: two for each doubling.
    fn class(self) -> usize {
        let scale = (self.scale_turn >> 2).min(1 << 40);
        match scale.checked_ilog2() {
            None => 0,
            Some(0) => 1,
            Some(place) => 2 * place as usize + (scale >> (place - 1) & 1) as usize,
        }
    }

    /// Codes a step of the figure as its distance from the expected one, and learns from it.
    pub fn step<C: Coder>(&mut self, c: &mut C, model: &mut IntModel, step: i64) -> i64 {
        let expected = self.mean.wrapping_add(8) >> 4;
        let residual =
            model.signed(c, self.class(), (self.scale_turn & 3) as usize, step.wrapping_sub(expected));
        let step = expected.wrapping_add(residual);
        self.learn(step, residual);
        step
    }

    fn learn(&mut self, step: i64, residual: i64) {
        // Steps beyond 2^56 are noise from a wrap or a reboot: the mean is not led astray by them.
        let target = step.clamp(-(1 << 56), 1 << 56) << 4;
        self.mean += (target - self.mean) >> 2;
        let size = residual.unsigned_abs().min(1 << 36) << 4;
        let scale = self.scale_turn >> 2;
        let scale = if size > scale { scale + ((size - scale) >> 2) } else { scale - ((scale - size) >> 3) };
        let turn = match residual.signum() {
            1 => 1,
            -1 => 2,
            _ => 0,
        };
        self.scale_turn = scale << 2 | turn;
    }
}

#[cfg(test)]
mod tests {
    use super::super::range::{Decoder, Encoder};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_number_comes_back(values in proptest::collection::vec(prop_oneof![
            any::<i64>(), -40_i64..40, Just(i64::MIN), Just(i64::MAX), Just(0)
        ], 0..200)) {
            let mut encoder = Encoder::default();
            let (mut model, mut trend) = (IntModel::default(), Trend::default());
            for &value in &values {
                model.signed(&mut encoder, 3, 0, value);
                model.unsigned(&mut encoder, 3, value.cast_unsigned());
                trend.step(&mut encoder, &mut model, value);
            }
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            let (mut model, mut trend) = (IntModel::default(), Trend::default());
            for &value in &values {
                prop_assert_eq!(model.signed(&mut decoder, 3, 0, 0), value);
                prop_assert_eq!(model.unsigned(&mut decoder, 3, 0), value.cast_unsigned());
                prop_assert_eq!(trend.step(&mut decoder, &mut model, 0), value);
            }
        }
    }
}
