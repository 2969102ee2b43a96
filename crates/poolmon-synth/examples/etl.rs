//! Writes Windows event traces of a leak in several forms into a folder: for trying the reader, and as seeds of its fuzz target.
//! `cargo run -p poolmon-synth --features etl --example etl DIR [ROUNDS]`

use std::path::PathBuf;

use poolmon_synth::etl::{Arch, Header, Spec, Stacks, build};

fn main() -> std::io::Result<()> {
    let mut words = std::env::args_os().skip(1);
    let folder = PathBuf::from(words.next().unwrap_or_else(|| "traces".into()));
    let rounds = words.next().and_then(|rounds| rounds.to_str()?.parse().ok()).unwrap_or(400);
    std::fs::create_dir_all(&folder)?;
    for arch in [Arch::X86, Arch::X64] {
        for header in Header::ALL {
            for stacks in [Stacks::Inline, Stacks::Keys, Stacks::Items] {
                for compressed in [false, true] {
                    if stacks == Stacks::Items && header != Header::Event {
                        continue;
                    }
                    let spec = Spec { arch, header, stacks, compressed, rounds, ..Spec::default() };
                    let packed = if compressed { "packed" } else { "plain" };
                    let name = format!("{arch:?}-{header:?}-{stacks:?}-{packed}.etl").to_lowercase();
                    std::fs::write(folder.join(name), build(&spec).0)?;
                }
            }
        }
    }
    Ok(())
}
