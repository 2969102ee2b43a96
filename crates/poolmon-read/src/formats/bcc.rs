//! What bcc's memleak and slabratetop print, which is no list of what is held.

use crate::text::linux;
use crate::{FileFormat, FormatGroup, Holds, Input, ReadError};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "bcc",
    title: "the output of memleak or slabratetop",
    about: "bcc's memleak and slabratetop: recognised, with what to save instead",
    group: FormatGroup::Linux,
    holds: Holds::Rows,
    recognise: |input| tool(input).is_some(),
    open: |input, _| {
        let problem = match tool(input) {
            Some(BccTool::Slabratetop) => {
                "this is slabratetop's output: allocations within an interval, without frees, so it does not show what is held"
            }
            _ => "this is memleak's output: its first stacks alone, counted since it was started, so it does not show what is held",
        };
        let remedy = "save /proc/slabinfo every few minutes, or run `poolmon record` on the machine";
        Err(ReadError::unsuitable(input.name(), problem, remedy))
    },
};

/// A tool of bcc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BccTool {
    Memleak,
    Slabratetop,
}

/// By `[10:00:00] Top 10 stacks with outstanding allocations:` or `CACHE   ALLOCS   BYTES`.
fn tool(input: &Input) -> Option<BccTool> {
    if linux::first_section(input.start()).is_some() {
        return None;
    }
    let text = String::from_utf8_lossy(input.start());
    text.lines().take(200).find_map(|line| {
        if line.contains(" stacks with outstanding allocations:") {
            return Some(BccTool::Memleak);
        }
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        (words == ["CACHE", "ALLOCS", "BYTES"]).then_some(BccTool::Slabratetop)
    })
}
