//! Pool events: what was allocated and freed, under which tag.

use poolmon_image::bytes::{array, u32_at};
use poolmon_model::{Pool, PoolTag};

use crate::image::address_at;
use crate::{Hook, Record};

/// Bit of a pool type: an allocation of a page and more, in the table of big pages.
const BIG: u32 = 0x1000_0000;
/// Bit of a pool type: paged.
const PAGED: u32 = 1;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolAction {
    /// Memory was allocated.
    Allocate,
    /// Memory was freed.
    Free,
}

/// An allocation or a free of pool memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolRecord {
    /// What happened.
    pub action: PoolAction,
    /// Paged or nonpaged.
    pub pool: Pool,
    /// In the pool of a Terminal Services session.
    pub session: bool,
    /// A page or more, in the table of big pages.
    pub big: bool,
    /// The pool type, as it is in the file.
    pub kind: u32,
    /// The tag, without its protection bit.
    pub tag: PoolTag,
    /// Bytes of the allocation.
    pub bytes: u64,
    /// Its address. Addresses of 32-bit systems are extended by ones, as all kernel addresses here.
    pub address: u64,
}

impl PoolRecord {
    /// Reads a record; `None` if it is no allocation and no free, or shorter than one. Longer ones are accepted:
    /// systems add fields at the end.
    pub fn decode(record: &Record<'_>) -> Option<Self> {
        let (action, session) = action(record.hook()?)?;
        let (body, wide) = (record.body, record.wide);
        let kind = u32_at(body, 0)?;
        let bytes = address_at(body, 8, wide)?;
        Some(Self {
            action,
            pool: if kind & PAGED == 0 { Pool::Nonpaged } else { Pool::Paged },
            session,
            big: kind & BIG != 0,
            kind,
            tag: PoolTag(array(body, 4)?).unprotected(),
            bytes: if wide { bytes } else { bytes & u64::from(u32::MAX) },
            address: address_at(body, if wide { 16 } else { 12 }, wide)?,
        })
    }
}

/// What an event of the pool means; whether it is of a session's pool.
pub(crate) const fn action(hook: Hook) -> Option<(PoolAction, bool)> {
    match hook {
        Hook::POOL_ALLOCATE => Some((PoolAction::Allocate, false)),
        Hook::POOL_ALLOCATE_SESSION => Some((PoolAction::Allocate, true)),
        Hook::POOL_FREE => Some((PoolAction::Free, false)),
        Hook::POOL_FREE_SESSION => Some((PoolAction::Free, true)),
        _ => None,
    }
}
