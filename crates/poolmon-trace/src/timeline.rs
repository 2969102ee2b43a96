//! How many objects of a stack were outstanding in the course of a trace, in bounded memory: at most [`SLOTS`] slots, whose
//! width doubles when they are full, so that the length of the trace need not be known.

/// Parts of a trace that a verdict looks at.
pub const MOMENTS: usize = 8;

/// Slots of a trace: at its end it has more than half of them, and so two for each moment.
pub const SLOTS: usize = 32;

/// Width of the first slots, in nanoseconds.
const FIRST: u64 = 1 << 20;

/// Outstanding objects during a part of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Min.
    pub floor: u64,
    /// Max.
    pub peak: u64,
    /// At the end of the part.
    pub objects: u64,
    /// The same in bytes.
    pub bytes: u64,
}

impl Moment {
    const fn still(objects: u64, bytes: u64) -> Self {
        Self { floor: objects, peak: objects, objects, bytes }
    }

    fn then(self, later: Self) -> Self {
        Self { floor: self.floor.min(later.floor), peak: self.peak.max(later.peak), ..later }
    }

    /// Both together. The true min is not below this one's, nor the true max above.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        Self {
            floor: self.floor + other.floor,
            peak: self.peak + other.peak,
            objects: self.objects + other.objects,
            // Sizes are claims of a file.
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// The clock of all timelines of a trace.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: u64,
    width: u64,
}

impl Clock {
    /// Before the first event.
    pub const fn new(start: u64) -> Self {
        Self { start, width: FIRST }
    }

    /// The beginning of the trace.
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// The slot of a time; `None` if the slots have to be widened first.
    pub fn slot(&self, time: u64) -> Option<usize> {
        let slot = usize::try_from(time.saturating_sub(self.start) / self.width).ok()?;
        (slot < SLOTS).then_some(slot)
    }

    /// The eighth that a slot belongs to, of a trace that used this number of slots: the same as in [`Timeline::moments`].
    pub fn part(slot: usize, used: usize) -> usize {
        let used = used.clamp(1, SLOTS);
        // The smallest for which slot < (part + 1) * used / MOMENTS, rounded down.
        (((slot + 1) * MOMENTS).div_ceil(used) - 1).min(MOMENTS - 1)
    }

    /// Doubles the width; each [`Timeline::halve`] has to follow.
    pub const fn widen(&mut self) {
        self.width = self.width.saturating_mul(2);
    }
}

/// One stack's course.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    slots: Vec<Moment>,
}

impl Timeline {
    /// The state changed in a slot: before and after, objects and bytes.
    pub fn set(&mut self, slot: usize, before: (u64, u64), now: (u64, u64)) {
        // A late event counts where the course is now.
        let slot = slot.max(self.slots.len().saturating_sub(1));
        while self.slots.len() <= slot {
            self.slots.push(Moment::still(before.0, before.1));
        }
        if let Some(last) = self.slots.last_mut() {
            *last = last.then(Moment::still(now.0, now.1));
        }
    }

    /// Two slots become one.
    pub fn halve(&mut self) {
        let pair = |pair: &[Moment]| pair.iter().copied().reduce(Moment::then).unwrap_or_default();
        self.slots = self.slots.chunks(2).map(pair).collect();
    }

    /// The course as [`MOMENTS`] parts, of a trace that used this number of slots.
    pub fn moments(&self, used: usize) -> [Moment; MOMENTS] {
        let used = used.clamp(1, SLOTS);
        let mut moments = [Moment::default(); MOMENTS];
        let mut before = Moment::default();
        for (at, moment) in moments.iter_mut().enumerate() {
            let slots = at * used / MOMENTS..(at + 1) * used / MOMENTS;
            // Beyond the last slot nothing changed.
            let slots = self.slots.iter().take(slots.end).skip(slots.start);
            *moment = slots.fold(Moment::still(before.objects, before.bytes), |part, slot| part.then(*slot));
            before = *moment;
        }
        moments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_grows_is_seen_in_every_moment_at_any_length() {
        for length in [1_u64, 7, 40, 500, 60_000] {
            let mut clock = Clock::new(5);
            let mut line = Timeline::default();
            let steps = 800;
            for n in 0..steps {
                let time = 5 + n * length * 1_000_000 / steps;
                let slot = loop {
                    if let Some(slot) = clock.slot(time) {
                        break slot;
                    }
                    clock.widen();
                    line.halve();
                };
                line.set(slot, (n, n * 8), (n + 1, (n + 1) * 8));
            }
            let used = clock.slot(5 + (length * 1_000_000 - 1)).unwrap() + 1;
            let moments = line.moments(used);
            assert_eq!(moments[7].objects, steps, "{length} ms");
            if used >= MOMENTS {
                for pair in moments.windows(2) {
                    assert!(pair[1].objects > pair[0].objects, "{length} ms: {moments:?}");
                    assert!(pair[1].floor >= pair[0].objects, "{length} ms: {moments:?}");
                    assert!(pair[0].peak <= pair[1].floor, "{length} ms: {moments:?}");
                }
            }
        }
    }

    /// Sizes of hostile files: two stacks of one owner that claim more than all of memory.
    #[test]
    fn sizes_beyond_all_memory_are_no_overflow() {
        let huge = Moment { floor: 1, peak: 2, objects: 2, bytes: u64::MAX - 5 };
        assert_eq!(huge.beside(huge), Moment { floor: 2, peak: 4, objects: 4, bytes: u64::MAX });
    }

    #[test]
    fn an_object_is_of_the_part_whose_course_it_changed() {
        for used in 1..=SLOTS {
            for slot in 0..used {
                let part = Clock::part(slot, used);
                let of_part = part * used / MOMENTS..(part + 1) * used / MOMENTS;
                assert!(of_part.contains(&slot), "slot {slot} of {used}: {part}");
            }
        }
    }

    #[test]
    fn what_is_silent_keeps_its_last_state() {
        let mut line = Timeline::default();
        line.set(2, (0, 0), (5, 50));
        line.set(2, (5, 50), (3, 30));
        let moments = line.moments(16);
        assert_eq!(moments[0], Moment::default());
        assert_eq!(moments[1], Moment { floor: 0, peak: 5, objects: 3, bytes: 30 });
        assert_eq!(moments[7], Moment { floor: 3, peak: 3, objects: 3, bytes: 30 });
    }
}
