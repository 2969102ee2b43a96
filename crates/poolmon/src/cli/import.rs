//! `poolmon import`.

use std::path::PathBuf;

use jiff::tz::Offset;
use poolmon_read::ReadOptions;

// Options of `import`.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArgs {
    /// PoolMon logs, CSV and TSV tables, Perfmon's CSV and TSV, dumps, or folders of them
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<PathBuf>,
    /// The folder of the new recording
    #[arg(long, short = 'o', value_name = "DIR")]
    pub output: PathBuf,
    /// What the files do not contain.
    #[command(flatten)]
    pub reported: ToldArgs,
}

// Facts that the files do not contain.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ToldArgs {
    /// Perfmon logs with counter names in another language: the figure in each column (1 = first counter), as
    /// `1=pool_nonpaged,2=pool_paged,3=memory_available,4=commit`; other counters are then not read
    #[arg(long, value_name = "N=FIGURE,…", value_delimiter = ',', value_parser = position)]
    pub columns: Vec<(usize, String)>,
    /// Offset from UTC of times without a zone, as +01:00; for Perfmon, replaces the log's own offset
    #[arg(long, value_name = "±HH:MM", value_parser = offset, allow_hyphen_values = true)]
    pub utc_offset: Option<Offset>,
}

impl ToldArgs {
    /// As a series takes it.
    pub fn options(&self) -> ReadOptions {
        ReadOptions { zone: self.utc_offset, columns: self.columns.clone(), ..ReadOptions::default() }
    }
}

fn position(text: &str) -> Result<(usize, String), String> {
    let parts = text.split_once('=').and_then(|(at, figure)| Some((at.trim().parse().ok()?, figure.trim())));
    match parts {
        Some((at, figure)) if at > 0 && !figure.is_empty() => Ok((at, figure.into())),
        _ => Err(format!("`{text}` is not a column and a figure; write 1=pool_nonpaged")),
    }
}

/// `+01:00`, `-5`, `Z`.
fn offset(text: &str) -> Result<Offset, String> {
    let wrong = || format!("`{text}` is not an offset from UTC; write +01:00, -05:30 or Z");
    if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
        return Ok(Offset::UTC);
    }
    let sign = match text.chars().next() {
        Some('-') => -1,
        Some('+') => 1,
        _ => return Err(wrong()),
    };
    let rest = text.get(1..).unwrap_or_default();
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 4 && rest.is_ascii() => rest.split_at(2),
        None => (rest, "0"),
    };
    let number = |text: &str| text.parse::<u8>().ok().map(i32::from);
    let (Some(hours), Some(minutes @ 0..60)) = (number(hours), number(minutes)) else { return Err(wrong()) };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_columns() {
        assert_eq!(offset("+01:00").unwrap().seconds(), 3600);
        assert_eq!(offset("-0530").unwrap().seconds(), -19_800);
        assert_eq!(offset("-5").unwrap().seconds(), -18_000);
        assert_eq!(offset("Z").unwrap().seconds(), 0);
        for wrong in ["", "1", "+", "+1:75", "+99:00", "+é:0", "CET"] {
            assert!(offset(wrong).unwrap_err().contains("+01:00"), "{wrong}");
        }
        assert_eq!(position("2=pool_paged"), Ok((2, "pool_paged".into())));
        for wrong in ["", "2", "0=commit", "x=commit", "1="] {
            assert!(position(wrong).is_err(), "{wrong}");
        }
    }
}
