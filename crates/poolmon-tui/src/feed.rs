//! Where samples come from, as far as the state of the screen is concerned: what each kind of source is asked and says is decided here.

use crate::replay::Replay;

/// Where samples come from.
#[derive(Debug, Default)]
pub(crate) enum Feed {
    /// A source that is asked at intervals.
    #[default]
    Live,
    /// One moment of the past: nothing is refreshed.
    Still,
    /// A tape that is replayed.
    Tape(Box<Replay>),
}

impl Feed {
    pub fn tape(&self) -> Option<&Replay> {
        match self {
            Self::Tape(replay) => Some(replay),
            _ => None,
        }
    }

    pub fn tape_mut(&mut self) -> Option<&mut Replay> {
        match self {
            Self::Tape(replay) => Some(replay),
            _ => None,
        }
    }

    pub fn is_tape(&self) -> bool {
        matches!(self, Self::Tape(_))
    }

    pub fn is_still(&self) -> bool {
        matches!(self, Self::Still)
    }

    /// Said when a baseline is set.
    pub fn baseline_set(&self) -> &'static str {
        match self {
            Self::Tape(_) => {
                "Changes are shown from this sample on. Press = again to compare with the sample before."
            }
            _ => "Changes are shown from this moment on. Press = again to compare with the refresh before.",
        }
    }

    /// Why rows of it cannot be traced.
    pub fn no_trace(&self) -> Option<&'static str> {
        match self {
            Self::Live => None,
            Self::Still => Some("a file has no events: trace on the machine itself, while it runs"),
            Self::Tape(_) => Some("a recording has no events: trace on the machine itself, while it runs"),
        }
    }

    /// Why a row has no line in its chart; `young` = there was one sample so far.
    pub fn no_points(&self, young: bool) -> &'static str {
        match self {
            Self::Tape(_) => " Not enough data in this range; press c for a longer one.",
            _ if young => " The line starts with the next refresh.",
            _ => " There is no history of this row.",
        }
    }
}
