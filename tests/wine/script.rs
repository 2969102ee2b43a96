//! Scripts for the shim: the tables that the played kernel reports, one refresh after the other.

use std::fmt::Write as _;
use std::path::Path;

/// Paged allocs, frees, bytes, then nonpaged.
pub type Figures = [u64; 6];

/// A script in the making.
#[derive(Default)]
pub struct Script(pub String);

impl Script {
    pub fn new() -> Self {
        Self::default()
    }

    /// Any directive.
    pub fn line(mut self, line: &str) -> Self {
        let _ = writeln!(self.0, "{line}");
        self
    }

    pub fn table(self, rows: &[([u8; 4], Figures)]) -> Self {
        self.line("table").rows(rows)
    }

    pub fn rows(mut self, rows: &[([u8; 4], Figures)]) -> Self {
        for (tag, [pa, pf, pb, na, nf, nb]) in rows {
            let tag = u32::from_be_bytes(*tag);
            let _ = writeln!(self.0, "row {tag:08x} {pa} {pf} {pb} {na} {nf} {nb}");
        }
        self
    }

    /// The table before stays until this file exists.
    pub fn hold(self, file: &Path) -> Self {
        let line = format!("hold {}", super::wine::windows_path(file));
        self.line(&line)
    }
}

/// `count` tags `A000`, `A001`, …: each holds bytes in both pools, all figures different.
pub fn many(count: u32) -> Vec<([u8; 4], Figures)> {
    let digits = b"0123456789abcdefghijklmnopqrstuvwxyz";
    (0..count)
        .map(|n| {
            let digit = |place: u32| digits[(n / 36_u32.pow(place) % 36) as usize];
            let tag = [b'A' + u8::try_from(n / 46_656).unwrap(), digit(2), digit(1), digit(0)];
            let n = u64::from(n);
            (tag, [n + 10, n / 2, 32 * n + 64, 3 * n + 7, n, 48 * n + 16])
        })
        .collect()
}
