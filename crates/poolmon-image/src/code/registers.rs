//! The register file of a reader.

/// `N` registers by their numbers, each with a value; the value's default means "unknown".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers<V, const N: usize> {
    values: [V; N],
}

impl<V: Copy + Default, const N: usize> Default for Registers<V, N> {
    fn default() -> Self {
        Self { values: [V::default(); N] }
    }
}

impl<V: Copy + Default, const N: usize> Registers<V, N> {
    /// What a register holds.
    pub fn get(&self, number: usize) -> V {
        self.values.get(number).copied().unwrap_or_default()
    }

    /// Notes what was written; numbers without a register are ignored.
    pub fn set(&mut self, number: usize, value: V) {
        if let Some(own) = self.values.get_mut(number) {
            *own = value;
        }
    }

    /// Makes registers unknown.
    pub fn forget(&mut self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            self.set(number, V::default());
        }
    }

    /// All values in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = V> + '_ {
        self.values.iter().copied()
    }
}
