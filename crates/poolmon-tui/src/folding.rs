//! Copies of a slab cache as one row, `kmalloc-rnd-*-64`, and the key that shows each.

use poolmon_model::{Filter, Sample, copies};

use crate::app::App;

/// The samples of a table with their copies joined; `None` if they are shown as they are. A kernel without copies costs nothing.
pub(crate) fn folded(
    filter: &Filter,
    now: &Sample,
    against: Option<&Sample>,
) -> Option<(Sample, Option<Sample>)> {
    // Who names a copy wants to see it.
    let is_named = || filter.include.iter().any(|tag| copies::names_a_copy(tag.text()));
    if copies::joined(now).is_empty() || is_named() {
        return None;
    }
    let fold = |sample: &Sample| {
        let mut sample = sample.clone();
        copies::fold(&mut sample);
        sample
    };
    Some((fold(now), against.map(fold)))
}

impl App {
    /// The key `x`: joins the copies of slab caches, or shows each.
    pub(crate) fn fold_key(&mut self) {
        if copies::joined(&self.now).is_empty() {
            self.say("There are no kmalloc-rnd caches here: nothing is joined.");
            return;
        }
        self.view.unfolded = !self.view.unfolded;
        // The selection stays on the same size.
        let selected = self.view.selected.take().and_then(|(tag, pool)| {
            let rows = copies::joined(&self.now);
            let size = copies::joined_size(&tag).or_else(|| Some(copies::copy_of(&tag)?.1));
            let Some(size) = size else { return Some((tag, pool)) };
            let is_of = |tag: &poolmon_model::Tag| copies::joined_size(tag) == Some(size);
            let (first, sum) = rows.into_iter().find(|(_, row)| row.pool == pool && is_of(&row.tag))?;
            let copy = self.now.rows.get(first).map(|row| row.tag.clone());
            Some((if self.view.unfolded { copy? } else { sum.tag }, pool))
        });
        self.view.selected = selected;
        self.say(if self.view.unfolded {
            "Each copy of a cache is a row. Press x again to join them."
        } else {
            "Copies of a cache are one row. Press x again to see each."
        });
        self.derive();
    }
}
