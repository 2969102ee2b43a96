//! CSV and TSV as `poolmon export` and `poolmon top` write them: the same samples again.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use poolmon_model::sample::Session;
use poolmon_model::{CounterWidth, Counters, Origin, Pool, PoolTag, Row, Sample, SourceKind, Tag};

use super::fields::Records;
use crate::{ReadError, Result};

/// Reads samples one after the other; a sample is a run of lines of one time.
#[derive(Debug)]
pub struct TableReader<R> {
    path: PathBuf,
    records: Records<R>,
    separator: char,
    columns: Columns,
    /// A line that was read and belongs to the next sample.
    ahead: Option<Line>,
    origin: Option<Arc<Origin>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Columns {
    time: usize,
    tag: usize,
    pool: usize,
    host: Option<usize>,
    boot: Option<usize>,
    session: Option<usize>,
    allocs: Option<usize>,
    frees: Option<usize>,
    diff: Option<usize>,
    bytes: Option<usize>,
    used: Option<usize>,
    owner: Option<usize>,
    raw: Option<usize>,
}

#[derive(Debug)]
struct Line {
    time: Timestamp,
    host: Option<String>,
    boot: Option<String>,
    session: Option<u32>,
    row: Row,
    diff: Option<i64>,
}

impl TableReader<BufReader<File>> {
    /// Opens a file; a tab in its first line makes it TSV.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(ReadError::io("open", path))?;
        Self::new(BufReader::new(file), path)
    }
}

impl<R: BufRead> TableReader<R> {
    /// Reads from any input; `path` stands in messages.
    pub fn new(mut input: R, path: &Path) -> Result<Self> {
        let start = input.fill_buf().map_err(ReadError::io("read", path))?;
        let first = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let separator = if first.contains(&b'\t') { '\t' } else { ',' };
        let mut records = Records::new(input);
        let mut names = Vec::new();
        records.next_record(separator, &mut names).map_err(ReadError::io("read", path))?;
        let place = |wanted: &[&str]| {
            names.iter().position(|name| wanted.iter().any(|wanted| name.trim().eq_ignore_ascii_case(wanted)))
        };
        let need = |name: &str| {
            place(&[name]).ok_or_else(|| {
                let remedy = "the first line names the columns: time, tag and pool at least";
                ReadError::line(path, 1, format!("there is no column `{name}`"), remedy)
            })
        };
        let columns = Columns {
            time: need("time")?,
            tag: need("tag")?,
            pool: need("pool")?,
            host: place(&["host"]),
            boot: place(&["boot"]),
            session: place(&["session"]),
            allocs: place(&["allocs"]),
            frees: place(&["frees"]),
            diff: place(&["diff"]),
            bytes: place(&["bytes"]),
            used: place(&["used"]),
            owner: place(&["owner", "mapped_driver"]),
            raw: place(&["tag_raw"]),
        };
        Ok(Self { path: path.into(), records, separator, columns, ahead: None, origin: None })
    }

    fn line(&mut self) -> Result<Option<Line>> {
        let mut fields = Vec::new();
        let more = self.records.next_record(self.separator, &mut fields);
        if !more.map_err(ReadError::io("read", &self.path))? {
            return Ok(None);
        }
        let number = self.records.line();
        let wrong = |problem: String| {
            ReadError::line(&self.path, number, problem, "correct the line, or export the recording again")
        };
        let field = |at: usize| fields.get(at).map_or("", String::as_str);
        let text = |at: Option<usize>| at.map(field).filter(|text| !text.is_empty());
        let time = field(self.columns.time);
        let time: Timestamp = time
            .parse()
            .map_err(|_| wrong(format!("`{time}` is not a time such as 2026-11-23T14:00:00Z")))?;
        let pool = field(self.columns.pool);
        let pool = Pool::parse(pool).ok_or_else(|| wrong(format!("`{pool}` is not a pool")))?;
        let tag = field(self.columns.tag);
        let windows = matches!(pool, Pool::Nonpaged | Pool::Paged);
        let raw = text(self.columns.raw).and_then(|raw| raw.parse().ok()).map(PoolTag::from_u32);
        let tag = match raw {
            Some(raw) => Tag::Pool(raw),
            None if windows && self.columns.raw.is_none() => {
                Tag::Pool(tag.parse().map_err(|error: poolmon_model::tag::NotATag| wrong(error.to_string()))?)
            }
            None => Tag::name(tag),
        };
        let number = |at: Option<usize>| -> Result<Option<u64>> {
            text(at)
                .map(|text| text.trim().parse().map_err(|_| wrong(format!("`{text}` is not a count"))))
                .transpose()
        };
        let diff = text(self.columns.diff);
        let diff =
            diff.map(|text| text.trim().parse().map_err(|_| wrong(format!("`{text}` is not a number"))));
        let counters = Counters {
            allocs: number(self.columns.allocs)?,
            frees: number(self.columns.frees)?,
            bytes: number(self.columns.bytes)?,
            used: number(self.columns.used)?,
            ..Counters::default()
        };
        let session = text(self.columns.session);
        let session =
            session.map(|text| text.parse().map_err(|_| wrong(format!("`{text}` is not a session"))));
        Ok(Some(Line {
            time,
            host: text(self.columns.host).map(Into::into),
            boot: text(self.columns.boot).map(Into::into),
            session: session.transpose()?,
            row: Row { tag, pool, counters, told_owner: text(self.columns.owner).map(Into::into) },
            diff: diff.transpose()?,
        }))
    }

    /// The next sample; `None` at the end of the file.
    pub fn next_sample(&mut self) -> Result<Option<Sample>> {
        let first = match self.ahead.take() {
            Some(line) => Some(line),
            None => self.line()?,
        };
        let Some(first) = first else { return Ok(None) };
        let time = first.time;
        let origin = self.origin_of(&first);
        // Windows' counters are 32 bits wide unless one is larger.
        let mut lines = vec![first];
        while let Some(line) = self.line()? {
            let same = line.time == time && line.host == origin.host && line.boot == origin.boot;
            if !same {
                self.ahead = Some(line);
                break;
            }
            lines.push(line);
        }
        let wide = lines.iter().any(|line| {
            let counters = &line.row.counters;
            matches!(line.row.tag, Tag::Name(_))
                || counters.allocs.max(counters.frees).is_some_and(|count| u32::try_from(count).is_err())
        });
        let width = if wide { CounterWidth::Bits64 } else { CounterWidth::Bits32 };
        let mut sample = Sample::new(origin, width);
        sample.time = Some(time);
        for line in lines {
            let mut row = line.row;
            // A Diff that follows from Allocs and Frees was not told by the source.
            row.counters.told_diff = line.diff.filter(|&diff| row.counters.diff(width) != Some(diff));
            let rows = match line.session {
                None => &mut sample.rows,
                Some(id) => {
                    let known = sample.sessions.iter().position(|session| session.id == id);
                    let at = known.unwrap_or(sample.sessions.len());
                    if known.is_none() {
                        sample.sessions.push(Session { id, rows: Vec::new() });
                    }
                    let Some(session) = sample.sessions.get_mut(at) else { continue };
                    &mut session.rows
                }
            };
            rows.push(row);
        }
        Ok(Some(sample))
    }

    fn origin_of(&mut self, line: &Line) -> Arc<Origin> {
        let same = |origin: &&Arc<Origin>| origin.host == line.host && origin.boot == line.boot;
        if let Some(origin) = self.origin.as_ref().filter(same) {
            return Arc::clone(origin);
        }
        let pools: &[Pool] = if matches!(line.row.tag, Tag::Pool(_)) {
            &[Pool::Nonpaged, Pool::Paged]
        } else {
            &[Pool::Reclaimable, Pool::Unreclaimable, Pool::Vmalloc]
        };
        let mut origin = Origin::new(SourceKind::TableFile, pools);
        origin.host.clone_from(&line.host);
        origin.boot.clone_from(&line.boot);
        origin.file = Some(self.path.display().to_string());
        let origin = Arc::new(origin);
        self.origin = Some(Arc::clone(&origin));
        origin
    }
}
