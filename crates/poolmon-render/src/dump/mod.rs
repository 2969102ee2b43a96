//! Answers from a memory dump: [`about`], [`modules`], [`find`], [`big`], [`who`].

pub mod about;
pub mod big;
pub mod find;
pub mod modules;
pub mod who;

use std::io;

use poolmon_dump::Dump;
use poolmon_print::delimited::LineWriter;

/// An address as `WinDbg` writes it: two halves with a grave accent between, eight digits on 32-bit systems.
pub fn address(dump: &Dump, address: u64) -> String {
    if is_narrow(dump) {
        format!("{address:08x}")
    } else {
        format!("{:08x}`{:08x}", address >> 32, address & 0xffff_ffff)
    }
}

/// The system of the dump has addresses of 32 bits.
pub fn is_narrow(dump: &Dump) -> bool {
    dump.is_narrow()
}

/// Writes rows with a separator.
fn delimited(out: &mut dyn io::Write, rows: &[Vec<String>], separator: u8) -> io::Result<()> {
    let mut lines = LineWriter::new(out, separator);
    rows.iter().try_for_each(|row| lines.line(row))
}
