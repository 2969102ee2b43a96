//! Perfmon's binary log, which another tool has to turn into text.

use crate::{FileFormat, FormatGroup, Holds, Input, ReadError};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "perfmon-binary",
    title: "a binary Perfmon log",
    about: "Perfmon's binary log (.blg), which relog turns into text",
    group: FormatGroup::Windows,
    holds: Holds::Totals,
    recognise,
    open: |input, _| {
        let problem = "a binary Perfmon log, which only Windows itself can read";
        Err(ReadError::unsuitable(input.name(), problem, "on Windows: relog in.blg -f csv -o out.csv"))
    },
};

fn recognise(input: &Input) -> bool {
    input.has_ending(&["blg"]) || input.start().windows(7).take(64).any(|part| part == b"PDH-BIN")
}
