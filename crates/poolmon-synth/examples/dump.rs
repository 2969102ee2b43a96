//! Writes the complete dump of a simulated 64 GB machine with 32 processors (sparse on disk):
//!
//! ```text
//! cargo run --release -p poolmon-synth --features dump --example dump -- MEMORY.DMP
//! ```

use poolmon_synth::dump::{Arch, Form, Spec, build};

/// Pages of 64 GB.
const PAGES: u64 = 1 << 24;

fn main() -> std::io::Result<()> {
    let path = std::env::args().nth(1).ok_or_else(|| std::io::Error::other("usage: dump FILE"))?;
    let spec = Spec { cpus: 32, memory_pages: PAGES, ..Spec::new(Arch::Amd64, 22_621) };
    build(&spec).write(Form::Full, path.as_ref())
}
