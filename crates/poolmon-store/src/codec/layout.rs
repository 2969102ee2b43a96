//! Which rows are in a sample and in which order: mostly those of the sample before.

use std::sync::Arc;

use poolmon_model::{Pool, Row, Sample, Tag};
use rustc_hash::FxHashMap;

use super::int::IntModel;
use super::range::{Coder, Decoder, Noted, NotingDecoder, Prob};
use super::text::TextModel;
use super::{CodecError, MAX_ROWS};

/// What a row is called; its place in the dictionary is its number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// Who.
    pub tag: Tag,
    /// Of which pool.
    pub pool: Pool,
    /// Owner text that came with the row.
    pub owner: Option<Arc<str>>,
}

impl Name {
    fn of(row: &Row) -> Self {
        Self { tag: row.tag.clone(), pool: row.pool, owner: row.reported_owner.clone() }
    }

    fn is(&self, row: &Row) -> bool {
        self.pool == row.pool && self.tag == row.tag && self.owner == row.reported_owner
    }
}

/// Number of a pool in the file. Never changed, only added to.
pub const fn pool_number(pool: Pool) -> u64 {
    match pool {
        Pool::Nonpaged => 0,
        Pool::Paged => 1,
        Pool::Reclaimable => 2,
        Pool::Unreclaimable => 3,
        Pool::Vmalloc => 4,
        Pool::CallSite => 5,
        // They have no rows, so that no file lists them.
        Pool::KernelStack => 6,
        Pool::PageTables => 7,
        Pool::PerCpu => 8,
    }
}

/// The pool behind a number in the file.
pub fn pool_of(number: u64) -> Result<Pool, CodecError> {
    let known = Pool::ALL.into_iter().find(|&pool| pool_number(pool) == number);
    known.ok_or(CodecError("an unknown pool"))
}

/// The rows of a session: its id and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Session id.
    pub session: u32,
    /// Its rows.
    pub rows: usize,
}

/// The dictionary and the order of the last sample.
#[derive(Clone, Debug)]
pub struct RowLayout {
    /// Every name since the key.
    pub names: Vec<Name>,
    /// The rows of the last sample, by number; the sessions' rows are after the system's.
    pub order: Vec<u32>,
    /// The sessions.
    pub parts: Vec<Part>,
    /// The last sample had the rows of the one before, in its order.
    pub kept: bool,
    /// Numbers by scope (0 = system, else session + 1) and name; only a writer fills it.
    numbers: FxHashMap<(u64, Name), Vec<u32>>,
    same: Prob,
    ops: [Prob; 3],
    jumps: IntModel,
    counts: IntModel,
}

impl Default for RowLayout {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            order: Vec::new(),
            parts: Vec::new(),
            kept: false,
            numbers: FxHashMap::default(),
            same: Prob::default(),
            ops: [Prob::default(); 3],
            jumps: IntModel::with_classes(1),
            counts: IntModel::with_classes(1),
        }
    }
}

/// Every row of a sample with its scope.
fn scoped(sample: &Sample) -> impl Iterator<Item = (u64, &Row)> {
    let sessions = sample.sessions.iter();
    let sessions =
        sessions.flat_map(|session| session.rows.iter().map(move |row| (u64::from(session.id) + 1, row)));
    sample.rows.iter().map(|row| (0, row)).chain(sessions)
}

impl RowLayout {
    /// Codes the layout of `input`; the decoder has none. Returns how many names were known before.
    pub fn code<C: Coder>(&mut self, c: &mut C, input: Option<&Sample>) -> Result<usize, CodecError> {
        let known = self.names.len();
        let same = input.is_some_and(|sample| self.is_same(sample));
        self.kept = c.bit(&mut self.same, same);
        if self.kept {
            return Ok(known);
        }
        let parts = self.code_parts(c, input)?;
        let system = input.map_or(0, |sample| sample.rows.len() as u64);
        let system = self.counts.unsigned(c, 0, system);
        let total = parts.iter().fold(system, |sum, part| sum.saturating_add(part.rows as u64));
        if total > MAX_ROWS as u64 {
            return Err(CodecError("more rows than a sample can have"));
        }
        self.code_order(c, input, total)?;
        self.parts = parts;
        Ok(known)
    }

    fn is_same(&self, sample: &Sample) -> bool {
        let parts = sample.sessions.iter().map(|s| Part { session: s.id, rows: s.rows.len() });
        let in_sessions: usize = self.parts.iter().map(|part| part.rows).sum();
        self.order.len() == sample.rows.len() + in_sessions
            && parts.eq(self.parts.iter().copied())
            && scoped(sample)
                .zip(&self.order)
                .all(|((_, row), &number)| self.names.get(number as usize).is_some_and(|name| name.is(row)))
    }

    fn code_parts<C: Coder>(&mut self, c: &mut C, input: Option<&Sample>) -> Result<Vec<Part>, CodecError> {
        let sessions = input.map_or(&[][..], |sample| &sample.sessions);
        let count = self.counts.unsigned(c, 0, sessions.len() as u64);
        let mut parts = Vec::new();
        let mut rest = sessions.iter();
        for _ in 0..count {
            let (id, rows) = rest.next().map_or((0, 0), |session| (session.id, session.rows.len()));
            let session = c.raw(32, id.into()) as u32;
            let rows = self.counts.unsigned(c, 0, rows as u64);
            if rows > MAX_ROWS as u64 || parts.len() >= MAX_ROWS || c.is_spoiled() {
                return Err(CodecError("more sessions than a sample can have"));
            }
            parts.push(Part { session, rows: rows as usize });
        }
        Ok(parts)
    }

    fn code_order<C: Coder>(
        &mut self,
        c: &mut C,
        input: Option<&Sample>,
        total: u64,
    ) -> Result<(), CodecError> {
        let before = std::mem::take(&mut self.order);
        let mut search = input.map(|sample| (scoped(sample), Search::new(&before, self.names.len())));
        let mut text = None;
        let mut at = 0_usize;
        for _ in 0..total {
            let mut wanted = None;
            let mut op = Op::Next;
            if let Some((rows, search)) = &mut search
                && let Some((scope, row)) = rows.next()
            {
                op = search.place(self, &before, at, scope, row);
                wanted = Some((scope, row));
            }
            let number = match self.code_op(c, op) {
                Op::Next => *before.get(at).ok_or(CodecError("a row after the last"))?,
                Op::Jump(by) => {
                    let to = i64::try_from(at).unwrap_or(0).checked_add(by);
                    at = to
                        .and_then(|to| usize::try_from(to).ok())
                        .ok_or(CodecError("a row before the first"))?;
                    *before.get(at).ok_or(CodecError("a row after the last"))?
                }
                Op::Known(number) => number,
                Op::New => {
                    let text = text.get_or_insert_with(NameCoder::default);
                    let name = text.code(c, wanted.map(|(_, row)| row))?;
                    let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
                    if let (Some((scope, _)), Some((_, search))) = (wanted, &mut search) {
                        self.numbers.entry((scope, name.clone())).or_default().push(number);
                        search.used.push(true);
                    }
                    self.names.push(name);
                    number
                }
            };
            if number as usize >= self.names.len() || c.is_spoiled() {
                return Err(CodecError("a row without a name"));
            }
            if matches!(op_kind(&before, at, number), Kept::InPlace) {
                at += 1;
            }
            self.order.push(number);
        }
        Ok(())
    }

    fn code_op<C: Coder>(&mut self, c: &mut C, op: Op) -> Op {
        let [next, new, jump] = &mut self.ops;
        if c.bit(next, op == Op::Next) {
            Op::Next
        } else if c.bit(new, op == Op::New) {
            Op::New
        } else if c.bit(jump, matches!(op, Op::Jump(_))) {
            let by = if let Op::Jump(by) = op { by } else { 0 };
            Op::Jump(self.jumps.signed(c, 0, 0, by))
        } else {
            let number = if let Op::Known(number) = op { number } else { 0 };
            Op::Known(c.raw(32, number.into()) as u32)
        }
    }
}

/// The layout of the key that was read last, and how it was read. Keys begin with nothing known, so that those with the same rows say
/// this in the same steps.
#[derive(Clone, Debug, Default)]
pub struct KnownLayout {
    steps: Vec<Noted>,
    layout: RowLayout,
}

/// Longer ones are not kept: 16 MB.
const MOST_STEPS: usize = 1 << 22;

impl KnownLayout {
    /// Reads the layout of a key into a fresh `layout`; gives how many names were known before: none.
    pub(super) fn read(&mut self, layout: &mut RowLayout, c: &mut Decoder<'_>) -> Result<usize, CodecError> {
        if !self.steps.is_empty() && c.follow(&self.steps) {
            layout.clone_from(&self.layout);
            return Ok(0);
        }
        let mut noting = NotingDecoder::new(c, MOST_STEPS);
        let known = layout.code(&mut noting, None)?;
        if let Some(steps) = noting.finish() {
            (self.steps, self.layout) = (steps, layout.clone());
        }
        Ok(known)
    }
}

/// Where the next row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    /// It follows in the order of the sample before.
    Next,
    /// It is elsewhere in that order, so far from here.
    Jump(i64),
    /// It was in an earlier sample.
    Known(u32),
    /// It was never seen since the key.
    New,
}

enum Kept {
    InPlace,
    Elsewhere,
}

/// After a row of the old order, the one behind it is expected.
fn op_kind(before: &[u32], at: usize, number: u32) -> Kept {
    if before.get(at) == Some(&number) { Kept::InPlace } else { Kept::Elsewhere }
}

/// A writer's way from rows to numbers.
struct Search {
    /// Place in the old order by number, plus one.
    places: Vec<u32>,
    /// Numbers already given in this sample: a second row of the same name needs another.
    used: Vec<bool>,
}

impl Search {
    fn new(before: &[u32], names: usize) -> Self {
        let mut places = vec![0; names];
        for (place, &number) in before.iter().enumerate() {
            if let Some(slot) = places.get_mut(number as usize) {
                *slot = u32::try_from(place).unwrap_or(u32::MAX - 1) + 1;
            }
        }
        Self { places, used: vec![false; names] }
    }

    fn place(&mut self, layout: &RowLayout, before: &[u32], at: usize, scope: u64, row: &Row) -> Op {
        let free = |search: &Self, number: u32| search.used.get(number as usize) == Some(&false);
        let numbers = layout.numbers.get(&(scope, Name::of(row)));
        let expected = before.get(at).copied();
        let numbers = numbers.map_or(&[][..], Vec::as_slice);
        let number = match expected.filter(|number| numbers.contains(number) && free(self, *number)) {
            Some(number) => Some(number),
            None => numbers.iter().copied().find(|&number| free(self, number)),
        };
        let Some(number) = number else { return Op::New };
        if let Some(used) = self.used.get_mut(number as usize) {
            *used = true;
        }
        if expected == Some(number) {
            return Op::Next;
        }
        match self.places.get(number as usize) {
            Some(&place) if place > 0 => Op::Jump(i64::from(place) - 1 - i64::try_from(at).unwrap_or(0)),
            _ => Op::Known(number),
        }
    }
}

/// Codes names seen for the first time.
#[derive(Debug, Default)]
pub(super) struct NameCoder {
    text: TextModel,
    last: Option<Name>,
    same_tag: Prob,
    same_owner: Prob,
    kind: Prob,
    pools: [Prob; 8],
}

impl NameCoder {
    pub(super) fn code<C: Coder>(&mut self, c: &mut C, row: Option<&Row>) -> Result<Name, CodecError> {
        let last = self.last.take();
        let wanted = row.map(|row| &row.tag);
        let same = last.as_ref().is_some_and(|last| Some(&last.tag) == wanted);
        let tag = match (&last, c.bit(&mut self.same_tag, same)) {
            (Some(last), true) => last.tag.clone(),
            (None, true) => return Err(CodecError("the first name claims to repeat one")),
            (_, false) => {
                let is_name = matches!(wanted, Some(Tag::Name(_)));
                if c.bit(&mut self.kind, is_name) {
                    let name = if let Some(Tag::Name(name)) = wanted { name } else { "" };
                    Tag::name(&self.text.text(c, name))
                } else {
                    let bytes = wanted.and_then(Tag::as_pool).map_or([0; 4], |tag| tag.0);
                    Tag::pool(self.text.tag(c, bytes))
                }
            }
        };
        let number = row.map_or(0, |row| pool_number(row.pool));
        let mut node = 1_usize;
        for n in (0..3).rev() {
            let Some(prob) = self.pools.get_mut(node) else { break };
            node = node << 1 | usize::from(c.bit(prob, number >> n & 1 == 1));
        }
        let pool = pool_of(node as u64 & 7)?;
        let owner = row.and_then(|row| row.reported_owner.as_ref());
        let last_owner = last.and_then(|last| last.owner);
        let owner = if c.bit(&mut self.same_owner, owner == last_owner.as_ref()) {
            last_owner
        } else {
            self.text.maybe(c, owner.map(AsRef::as_ref)).map(Into::into)
        };
        let name = Name { tag, pool, owner };
        self.last = Some(name.clone());
        Ok(name)
    }
}
