//! What happened at a moment, as timelines, plots and lists show it.

use std::time::Duration;

use jiff::Timestamp;

/// What kind of thing happened, the least grave first: if several share a place, the last is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MarkKind {
    /// Modules were loaded or unloaded.
    Modules,
    /// Time without samples.
    Gap,
    /// A person's or a program's note.
    Note,
    /// The machine rebooted.
    Reboot,
}

impl MarkKind {
    /// Every kind, in the order of legends.
    pub const ALL: [Self; 4] = [Self::Note, Self::Gap, Self::Reboot, Self::Modules];

    /// Its letter on a timeline and above a plot.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Modules => "m",
            Self::Gap => "g",
            Self::Note => "n",
            Self::Reboot => "R",
        }
    }

    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Modules => "modules",
            Self::Gap => "gap",
            Self::Note => "note",
            Self::Reboot => "reboot",
        }
    }
}

/// Something that happened at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineMark {
    /// When; of a gap, its end.
    pub at: Timestamp,
    /// What kind.
    pub kind: MarkKind,
    /// How long there were no samples before it; zero for a moment.
    pub length: Duration,
    /// What happened, in words; of a note, its text.
    pub text: String,
}

impl TimelineMark {
    /// What happened, for a place that does not show the kind: `note: installed the driver`.
    pub fn sentence(&self) -> String {
        match self.kind {
            MarkKind::Note => format!("note: {}", self.text),
            MarkKind::Modules | MarkKind::Gap | MarkKind::Reboot => self.text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_words_are_unique() {
        for (at, kind) in MarkKind::ALL.into_iter().enumerate() {
            let others = MarkKind::ALL.iter().skip(at + 1);
            assert!(
                others
                    .into_iter()
                    .all(|other| other.letter() != kind.letter() && other.word() != kind.word())
            );
        }
    }
}
