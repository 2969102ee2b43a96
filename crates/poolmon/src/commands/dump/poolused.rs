//! `poolused`: WinDbg's arguments and layout, or the rows of the live table.

use std::io::Write as _;

use anyhow::bail;
use poolmon_dump::windbg::{self, PoolUsedFlags, poolused_text};
use poolmon_dump::{Dump, PoolUsed};
use poolmon_model::problem::Problem;
use poolmon_model::{Pattern, Pool, PoolTag, PoolView, Tag};
use poolmon_print::TableFormat;

use crate::app::outcome::Outcome;
use crate::app::owners;
use crate::app::say::{self, note};
use crate::app::table;
use crate::cli::dump::{PoolusedArgs, PoolusedFormat};
use crate::cli::groups::RowArgs;
use crate::input;

/// Prints the table; exit code 1 if it is not complete.
pub fn run(dump: &Dump, args: &PoolusedArgs) -> anyhow::Result<Outcome> {
    let words = match Words::parse(&args.words) {
        Ok(words) => words,
        Err(wrong) => {
            say::warn(&Problem::new(
                format!("{wrong}"),
                "`poolmon dump FILE poolused --help` shows WinDbg's arguments",
            ));
            return Ok(Outcome::Usage);
        }
    };
    let used = input::dump::pool_used(dump)?;
    for note in &used.notes {
        note!("{note}");
    }
    let any = print(&used, &words, args)?;
    Ok(Outcome::done_if(any && used.complete && dump.warnings().is_empty()))
}

/// Whether a row was printed.
fn print(used: &PoolUsed, words: &Words, args: &PoolusedArgs) -> anyhow::Result<bool> {
    let mut rows = args.rows.clone();
    rows.which.include.extend(words.tag.clone());
    let limit = args.limit.or(words.top);
    input::tell_remarks(&used.sample);
    let format = match args.format {
        PoolusedFormat::Table => TableFormat::Table,
        PoolusedFormat::Tsv => TableFormat::Tsv,
        PoolusedFormat::Csv => TableFormat::Csv,
        PoolusedFormat::Json => TableFormat::Json,
        PoolusedFormat::Poolmon => TableFormat::Poolmon,
        PoolusedFormat::Windbg => return print_windbg(used, words.flags, limit, &rows),
    };
    if let Some(flags) = words.flags {
        let pool = flags.by_nonpaged.then_some(Pool::Nonpaged).or(flags.by_paged.then_some(Pool::Paged));
        if let Some(pool) = pool {
            rows.which.pool.get_or_insert(PoolView::Only(pool));
        } else {
            rows.sort.get_or_insert_with(|| "tag".to_owned());
        }
    }
    let owners = owners::load(&rows)?;
    let form = table::Form { limit, ..table::Form::default() };
    table::print(&rows, &form, format, None, &used.sample, &owners)
}

fn print_windbg(
    used: &PoolUsed,
    flags: Option<PoolUsedFlags>,
    limit: Option<usize>,
    rows: &RowArgs,
) -> anyhow::Result<bool> {
    let owners = owners::load_or_find(rows)?;
    let filter = rows.filter();
    let admits = |tag: PoolTag| {
        let tag = Tag::Pool(tag);
        Pool::ALL.into_iter().any(|pool| filter.admits_tag(&tag, pool))
    };
    let describe = |tag: PoolTag| owners.description(&Tag::Pool(tag));
    let options = windbg::PoolUsedOptions {
        flags: flags.unwrap_or_default(),
        filter: Some(&admits),
        top: limit,
        describe: Some(&describe),
    };
    let mut out = say::out(true);
    out.write_all(poolused_text(used, &options).as_bytes())?;
    out.flush()?;
    let mut tags = used.sample.rows.iter().filter_map(|row| row.tag.as_pool());
    Ok(tags.any(admits))
}

/// What is behind `!poolused`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Words {
    flags: Option<PoolUsedFlags>,
    top: Option<usize>,
    tag: Option<String>,
}

impl Words {
    /// Reads `[/t N] [PoolUsedFlags] [Tag]`. A number of three or four digits is a tag (`1394`, `8042`).
    fn parse(words: &[String]) -> anyhow::Result<Self> {
        let mut found = Self::default();
        let mut rest = words.iter().map(String::as_str);
        while let Some(word) = rest.next() {
            if let Some(count) = word.strip_prefix("/t").or_else(|| word.strip_prefix("/T"))
                && (count.is_empty() || count.bytes().all(|byte| byte.is_ascii_digit()))
            {
                let count = if count.is_empty() { rest.next().unwrap_or_default() } else { count };
                let Ok(count) = count.parse() else { bail!("/t needs a number of rows: /t5 or /t 5") };
                found.top = Some(count);
            } else if found.flags.is_none() && found.tag.is_none() && number(word).is_some() {
                found.flags =
                    number(word).map(PoolUsedFlags::from_number).transpose().map_err(anyhow::Error::msg)?;
            } else if found.tag.is_none() {
                found.tag = Some(Pattern::new(word).text().to_owned());
            } else {
                bail!("`{word}` is an unexpected argument");
            }
        }
        Ok(found)
    }
}

/// The flags' number: one or two digits, or hexadecimal with 0x.
fn number(word: &str) -> Option<u32> {
    match word.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => word.parse().ok().filter(|_| word.len() <= 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Words, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Words::parse(&words).map_err(|error| error.to_string())
    }

    #[test]
    fn windbgs_spelling() {
        let flags = |number| Some(PoolUsedFlags::from_number(number).unwrap());
        let tag = |text: &str| Some(text.to_owned());
        assert_eq!(words(""), Ok(Words::default()));
        assert_eq!(words("/t5 2"), Ok(Words { flags: flags(2), top: Some(5), tag: None }));
        assert_eq!(words("/t 5 2 Irp?"), Ok(Words { flags: flags(2), top: Some(5), tag: tag("Irp?") }));
        assert_eq!(words("0x5 8042"), Ok(Words { flags: flags(5), top: None, tag: tag("8042") }));
        assert_eq!(words("1394"), Ok(Words { tag: tag("1394"), ..Words::default() }));
        assert_eq!(words("2 4"), Ok(Words { flags: flags(2), top: None, tag: tag("4") }));
        assert_eq!(words("/tmp"), Ok(Words { tag: tag("/tmp"), ..Words::default() }));
    }

    #[test]
    fn what_means_nothing() {
        assert!(words("/t").unwrap_err().contains("/t5"));
        assert!(words("/t x").is_err());
        assert!(words("6").unwrap_err().contains("together"));
        assert!(words("8").unwrap_err().contains("session"));
        assert!(words("2 Irp? Leak").unwrap_err().contains("unexpected"));
    }
}
