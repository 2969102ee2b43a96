//! By how much the wall times of a segment differ from those of a clock that no one sets.

/// The shifts of one segment, in nanoseconds. A mark says where the clock was set and by how much: from that frame on, as much is
/// taken off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shifts {
    /// Of the first frame.
    pub start: i64,
    /// Places of the marks in the file, rising, and by how much the clock was set.
    pub steps: Vec<(u64, i64)>,
    /// Marks before this place are in `steps`; a recorder may have written others behind it.
    pub known: u64,
}

impl Shifts {
    /// Of what is before a place; a mark at the place itself does not count.
    pub fn before(&self, offset: u64) -> i64 {
        let steps = self.steps.iter().take_while(|step| step.0 < offset);
        steps.fold(self.start, |shift, step| shift.saturating_sub(step.1))
    }

    /// Of the frame at a place.
    pub fn at(&self, offset: u64) -> i64 {
        self.before(offset.saturating_add(1))
    }

    /// Behind the last frame.
    pub fn end(&self) -> i64 {
        self.before(u64::MAX)
    }

    /// Nothing is shifted.
    pub fn is_none(&self) -> bool {
        self.start == 0 && self.steps.is_empty()
    }
}
