//! Verdicts on the rows: who judges, and what the screen keeps of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_holder::Census;
use poolmon_model::{Gravity, Labeler, Pool, Row, RowLabel, RowVerdict, Sample, Tag, copies};
use rustc_hash::FxHashMap;

/// Judges rows from all samples since the start. It is asked on the sampler's thread.
pub trait VerdictSource: Send {
    /// Takes a sample in.
    fn push(&mut self, sample: &Sample);
    /// Takes in a sample of the past, before all of those that are watched.
    fn push_past(&mut self, sample: &Sample) {
        self.push(sample);
    }
    /// Judges what there is by now.
    fn judge(&mut self) -> LiveVerdicts;
    /// Who holds objects, if that was counted since the last call.
    fn holders(&mut self) -> Option<Census> {
        None
    }
}

/// Verdicts on the rows that have one; a row that is steady has none.
#[derive(Clone, Debug, Default)]
pub struct LiveVerdicts {
    /// By row.
    pub rows: Vec<(Tag, Pool, Arc<RowVerdict>)>,
    /// How long it still takes until there is enough data for any verdict; `None` = there is.
    pub left: Option<Duration>,
}

/// What is known of a row: of its owner, and the verdict on it.
pub(crate) struct Known<'a> {
    pub owners: Option<&'a dyn Labeler>,
    /// `None` where the rows are not those that were judged.
    pub verdicts: Option<&'a Verdicts>,
}

impl Labeler for Known<'_> {
    fn label(&self, row: &Row) -> Option<Arc<RowLabel>> {
        self.owners?.label(row)
    }

    fn verdict(&self, row: &Row) -> Option<Arc<RowVerdict>> {
        self.verdicts?.of(row)
    }
}

/// What the screen knows of verdicts.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    judged: bool,
    /// The whole tape is being judged.
    pending: bool,
    left: Option<Duration>,
    rows: FxHashMap<(Tag, Pool), Arc<RowVerdict>>,
}

impl Verdicts {
    pub(crate) fn take_in(&mut self, judgement: LiveVerdicts) {
        (self.judged, self.pending) = (true, false);
        self.left = judgement.left;
        self.rows = judgement.rows.into_iter().map(|(tag, pool, verdict)| ((tag, pool), verdict)).collect();
    }

    /// Verdicts are on their way, or (false) will not come.
    pub(crate) fn expect(&mut self, pending: bool) {
        self.pending = pending;
    }

    /// Whether verdicts are on their way.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending
    }

    /// Whether something leaks, or may leak.
    pub(crate) fn has_suspect(&self) -> bool {
        self.rows.values().any(|verdict| verdict.gravity >= Gravity::Suspected)
    }

    /// When each leak began, suspected ones too, that was seen to begin.
    pub(crate) fn begins(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let leaks = self.rows.values().filter(|verdict| verdict.gravity >= Gravity::Suspected);
        leaks.filter_map(|verdict| verdict.since)
    }

    /// Time until the first verdicts, while somebody judges and has none.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.left
    }

    /// Why sorting by verdict shows nothing; `None` if there are verdicts.
    pub(crate) fn waiting(&self) -> Option<String> {
        match self.left {
            _ if !self.judged => Some("These samples are not analysed yet.".into()),
            Some(left) => Some(format!(
                "No verdict yet: at least {} more data is needed.",
                poolmon_model::units::rough_span(left)
            )),
            None if self.rows.is_empty() => Some("Nothing leaks or grows.".into()),
            None => None,
        }
    }

    /// The verdict on a row, or the gravest one on the copies that are joined in it.
    pub(crate) fn of(&self, row: &Row) -> Option<Arc<RowVerdict>> {
        if self.rows.is_empty() {
            return None;
        }
        match copies::joined_size(&row.tag) {
            Some(size) => self.gravest_copy(size, row.pool),
            None => self.rows.get(&(row.tag.clone(), row.pool)).cloned(),
        }
    }

    /// The gravest verdict on a copy of a cache.
    fn gravest_copy(&self, size: &str, pool: Pool) -> Option<Arc<RowVerdict>> {
        let is_copy = |tag: &Tag| copies::copy_of(tag).is_some_and(|(_, of)| of == size);
        let of_copies = self.rows.iter().filter(|((tag, of), _)| *of == pool && is_copy(tag));
        of_copies.map(|(_, verdict)| verdict).max_by_key(|verdict| verdict.rank()).cloned()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
