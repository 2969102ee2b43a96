//! `poolmon dump`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use poolmon_dump::Needle;
use poolmon_model::PoolTag;

use super::groups::{RowArgs, TextOrJson};
use crate::app::outcome::{self, Outcome};

const AFTER: &str = "\
Complete, kernel, automatic, active and live dumps answer every question; small (triage) dumps answer only \
`modules` and what kind of dump they are. Dumps of Windows 2000 and later are read on any system, without symbols. \
gzip, zstd, xz and zip files are unpacked into a temporary file that is deleted afterwards.";

fn after() -> String {
    let own = "the dump has no answer or only a part of it (printed with a warning), or nothing was found";
    format!("{AFTER}\n\n{}", outcome::help(&[(Outcome::Failed, own)]))
}

// Options of `dump`.
#[derive(Debug, Clone, Args)]
#[command(after_help = after())]
pub struct DumpArgs {
    /// A Windows memory dump, a raw memory image or an ELF core; gzip, zstd, xz and zip are unpacked
    pub file: PathBuf,
    /// The question; without one, what the dump is and what it can answer.
    #[command(subcommand)]
    pub question: Option<Question>,
    /// Output format of the description [default: text]; each question has its own --format
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<TextOrJson>,
    /// Options of every question.
    #[command(flatten)]
    pub common: Common,
}

// What every question takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Folder for unpacking a compressed dump [default: the system's temporary folder]
    #[arg(long, value_name = "DIR", global = true)]
    pub temp: Option<PathBuf>,
    /// Look for the kernel's symbols in this folder, store or symbol path before `_NT_SYMBOL_PATH`; repeatable.
    /// Pool tables found with symbols are compared with those found without
    #[arg(long, value_name = "DIR", global = true)]
    pub symbols: Vec<String>,
    /// Download missing symbols with curl from the server in the symbol path. Without this option, nothing is
    /// downloaded
    #[arg(long, global = true)]
    pub symbols_download: bool,
}

// What can be asked.
#[derive(Debug, Clone, Subcommand)]
pub enum Question {
    /// The pool table, summed over all processors: !poolused
    #[command(alias = "!poolused")]
    Poolused(PoolusedArgs),
    /// Loaded and unloaded modules, or the one at an address: lm
    #[command(alias = "lm")]
    Modules(ModulesArgs),
    /// Where a tag or bytes occur in the drivers.
    #[command(about = "Where a tag or bytes occur in the drivers: !for_each_module s -a")]
    Find(FindArgs),
    /// Large allocations, of one page or more each
    Big(BigArgs),
    /// Which drivers in the dump use a tag, with evidence from their machine code
    Who(DumpWhoArgs),
}

/// `--format` of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Aligned text
    Table,
    /// Comma-separated values
    Csv,
    /// Tab-separated values
    Tsv,
    /// JSON
    Json,
}

const POOLUSED: &str = "\
WinDbg's arguments, as typed there:
  poolused 2            sorted by nonpaged bytes; 4: by paged bytes; 1: with frees and differences; 3, 5: both
  poolused /t5 2        the first five; `/t 5` too
  poolused 4 Irp?       only tags that match (* and ? are wildcards)
Without --format windbg, flag 2 gives the rows of nonpaged pool and flag 4 those of paged pool.";

// Options of `dump FILE poolused`.
#[derive(Debug, Clone, Args)]
#[command(after_help = POOLUSED)]
pub struct PoolusedArgs {
    /// Arguments of the debugger's own command.
    #[arg(value_name = "WINDBG", help = "[/t N] [FLAGS] [TAG], as for !poolused")]
    pub words: Vec<String>,
    /// Rows and order.
    #[command(flatten)]
    pub rows: RowArgs,
    /// Show at most N rows
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: PoolusedFormat,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PoolusedFormat {
    /// Aligned text
    Table,
    /// Tab-separated values
    Tsv,
    /// Comma-separated values
    Csv,
    /// JSON
    Json,
    /// PoolMon's own snapshot layout
    Poolmon,
    /// WinDbg's layout of !poolused
    Windbg,
}

const ADDRESS: &str =
    "Only the module at this address: fffff801`12345678, fffff80112345678 or 0xfffff80112345678";

// Options of `dump FILE modules`.
#[derive(Debug, Clone, Args)]
pub struct ModulesArgs {
    /// Only the module at this address.
    #[arg(value_name = "ADDRESS", value_parser = an_address, help = ADDRESS)]
    pub address: Option<u64>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
}

/// An address as debuggers write it: hexadecimal, with or without 0x and a grave accent.
fn an_address(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    u64::from_str_radix(&digits.replace(['`', '_'], ""), 16)
        .map_err(|_| format!("`{text}` is not an address; write it in hexadecimal: fffff801`12345678"))
}

// Options of `dump FILE find`.
#[derive(Debug, Clone, Args)]
pub struct FindArgs {
    /// A tag (one to four characters), a number (0x6b61654c) or bytes ("4c 65 61 6b")
    #[arg(value_name = "TAG|HEX", value_parser = Needle::parse)]
    pub needle: Needle,
    /// Show at most N places
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: FindFormat,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FindFormat {
    /// Aligned text
    Table,
    /// JSON
    Json,
    /// Lines in the format of WinDbg's s command
    Windbg,
}

// Options of `dump FILE big`.
#[derive(Debug, Clone, Args)]
pub struct BigArgs {
    /// Only this tag; without it, all tags, sorted by bytes
    pub tag: Option<PoolTag>,
    /// Show at most N rows
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
}

// Options of `dump FILE who`.
#[derive(Debug, Clone, Args)]
pub struct DumpWhoArgs {
    /// The tag (one to four characters; \xNN for a non-printing byte)
    pub tag: PoolTag,
    /// Include places inside longer texts, which are usually noise
    #[arg(long)]
    pub all: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
}

#[cfg(test)]
mod tests {
    use super::an_address;

    #[test]
    fn addresses_in_every_spelling() {
        let wanted = Ok(0xffff_f801_1234_5678);
        for text in ["fffff801`12345678", "fffff80112345678", "0xfffff80112345678", "0xFFFFF801`12345678"] {
            assert_eq!(an_address(text), wanted, "{text}");
        }
        for text in ["", "0x", "nt", "-1", "1fffff80112345678"] {
            assert!(an_address(text).unwrap_err().contains("hexadecimal"), "{text}");
        }
    }
}
