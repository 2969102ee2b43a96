//! What a recording holds next to samples: gaps, notes, modules.

use std::time::Duration;

use jiff::Timestamp;

use super::bytes::{Put, Take};
use super::frame::FrameKind;

/// Why there are no samples for a while, or why two of them do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapKind {
    /// The machine slept.
    Sleep,
    /// The wall clock was set forward or back.
    ClockJump,
    /// The recorder got its turn late.
    Late,
    /// The source failed.
    Failed,
    /// The machine was started again: counters begin again.
    Reboot,
    /// No recorder ran.
    Stopped,
    /// The disk was full.
    DiskFull,
    /// Of a later version.
    Other(u8),
}

/// Numbers in the file. Never changed, only added to.
const GAPS: [(u8, GapKind, &str); 7] = [
    (1, GapKind::Sleep, "sleep"),
    (2, GapKind::ClockJump, "clock-jump"),
    (3, GapKind::Late, "late"),
    (4, GapKind::Failed, "failed"),
    (5, GapKind::Reboot, "reboot"),
    (6, GapKind::Stopped, "stopped"),
    (7, GapKind::DiskFull, "disk-full"),
];

impl GapKind {
    fn number(self) -> u8 {
        match self {
            Self::Other(number) => number,
            kind => GAPS.iter().find(|gap| gap.1 == kind).map_or(0, |gap| gap.0),
        }
    }

    fn of(number: u8) -> Self {
        GAPS.iter().find(|gap| gap.0 == number).map_or(Self::Other(number), |gap| gap.1)
    }

    /// Name in JSON and tables.
    pub fn id(self) -> &'static str {
        GAPS.iter().find(|gap| gap.1 == self).map_or("other", |gap| gap.2)
    }
}

/// A gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Why.
    pub kind: GapKind,
    /// How long, in nanoseconds of the wall clock; negative if it was set back.
    pub length_ns: i64,
    /// The reason in words: what the source said, from which boot to which.
    pub reason: Option<String>,
}

impl Gap {
    /// How long, without its sign.
    pub fn length(&self) -> Duration {
        Duration::from_nanos(self.length_ns.unsigned_abs())
    }
}

/// A module that was loaded or unloaded since the sample before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleChange {
    /// Loaded, else unloaded.
    pub loaded: bool,
    /// Its name (`ntfs.sys`, `nf_tables`).
    pub name: String,
    /// Version or path, if known.
    pub detail: Option<String>,
    /// Bytes it takes, if known; 0 = unknown.
    pub size: u64,
}

/// Something that happened at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordedMark {
    /// Time without samples, ending at the moment of the mark.
    Gap(Gap),
    /// A person's or a program's text.
    Note(String),
    /// Modules came or went.
    Modules(Vec<ModuleChange>),
}

/// A mark and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedMark {
    /// When, if known.
    pub time: Option<Timestamp>,
    /// What.
    pub mark: RecordedMark,
}

impl RecordedMark {
    /// The kind of its frame.
    pub fn kind(&self) -> FrameKind {
        match self {
            Self::Gap(_) => FrameKind::Gap,
            Self::Note(_) => FrameKind::Note,
            Self::Modules(_) => FrameKind::Modules,
        }
    }

    /// The payload of its frame.
    pub fn payload(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Gap(gap) => {
                out.push(gap.kind.number());
                out.u64(gap.length_ns.cast_unsigned());
                out.text(gap.reason.as_deref());
            }
            Self::Note(text) => out.text(Some(text)),
            Self::Modules(changes) => {
                let count = changes.len().min(usize::from(u16::MAX));
                out.u16(u16::try_from(count).unwrap_or(u16::MAX));
                for change in changes.iter().take(count) {
                    out.push(u8::from(change.loaded));
                    out.text(Some(&change.name));
                    out.text(change.detail.as_deref());
                    out.u64(change.size);
                }
            }
        }
        out
    }

    /// Reads a payload; `None` if it is not what its kind says.
    pub fn parse(kind: FrameKind, payload: &[u8]) -> Option<Self> {
        let mut take = Take(payload);
        match kind {
            FrameKind::Gap => Some(Self::Gap(Gap {
                kind: GapKind::of(take.u8()?),
                length_ns: take.i64()?,
                reason: take.text()?,
            })),
            FrameKind::Note => Some(Self::Note(take.text()?.unwrap_or_default())),
            FrameKind::Modules => {
                let mut changes = Vec::new();
                for _ in 0..take.u16()? {
                    let loaded = take.u8()? != 0;
                    let (name, detail) = (take.text()?.unwrap_or_default(), take.text()?);
                    changes.push(ModuleChange { loaded, name, detail, size: take.u64()? });
                }
                Some(Self::Modules(changes))
            }
            _ => None,
        }
    }
}
