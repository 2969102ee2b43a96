//! Samples in the order of time, one after the other: from a recording, logs, tables, Perfmon's text or a dump.

use std::fs;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use anyhow::bail;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use poolmon_model::{Sample, Summary};
use poolmon_read::perfmon::{Options as PerfmonOptions, PerfmonReader};
use poolmon_read::table::TableReader;
use poolmon_read::text::{LogFile, SampleReader, ZONE_ASSUMED, time_in_name};
use poolmon_store::{Changed, Cursor, Losses, Recording, Stretch};

use super::kind::{self, Kind};

/// A series of samples, oldest first; one of them is in memory at a time.
pub struct Series {
    name: String,
    parts: Vec<Part>,
    told: Told,
    /// Number of the part that is read.
    at: usize,
    open: Option<Reader>,
    /// Dumps that were opened for their time: unpacking one twice would take minutes.
    dumps: Vec<(PathBuf, Reader, bool)>,
    complete: bool,
    remarks: Vec<String>,
    changed: Option<Vec<u32>>,
    /// Of recordings that were read to their end.
    losses: Losses,
}

/// With so many stretches, a series has as many points as when every sample is read: half of
/// [`poolmon_leak::Config::buckets`] at least.
const ENOUGH: usize = 128;

/// What a person says about files that do not say it themselves.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The zone of times without one, in logs and in names of files; else UTC in logs (as they may come from
    /// anywhere), this machine's zone in names.
    pub zone: Option<Offset>,
    /// Columns and bias of Perfmon's logs.
    pub perfmon: PerfmonOptions,
}

/// Where a time that stands in no line of a log came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFrom {
    /// The content tells it, or nothing does.
    Content,
    /// The file's name.
    Name,
    /// The date of the file itself.
    FileDate,
}

/// One file or recording of a series.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its path.
    pub path: PathBuf,
    /// What it holds.
    pub kind: Kind,
    /// Time of its first sample, where known.
    pub start: Option<Timestamp>,
    /// Where that time came from.
    pub time_from: TimeFrom,
}

enum Reader {
    Recording(Box<Cursor>),
    Log(Box<SampleReader>, Option<Timestamp>),
    Table(Box<TableReader<BufReader<File>>>),
    Perfmon(Box<PerfmonReader<BufReader<File>>>),
    Dump(Option<Box<Sample>>),
}

impl Series {
    /// Opens what the paths name; a folder of logs stands for its files. Several files are put in the order of time
    /// where each tells one, else they stay in the order given.
    pub fn open(paths: &[PathBuf]) -> anyhow::Result<Self> {
        Self::open_with(paths, Told::default())
    }

    /// As [`Series::open`], with what the person says about the files.
    pub fn open_with(paths: &[PathBuf], told: Told) -> anyhow::Result<Self> {
        let mut parts = Vec::new();
        let mut remarks = Vec::new();
        let mut dumps = Vec::new();
        for path in paths {
            match kind::of(path)? {
                Kind::LogFolder => {
                    for file in kind::files(path)? {
                        match part(&file, &mut dumps, &told) {
                            Ok(part) => parts.push(part),
                            // One stray file among a hundred logs is no reason to judge none.
                            Err(error) => remarks.push(format!("left out: {error:#}")),
                        }
                    }
                    if parts.is_empty() {
                        bail!(
                            "{}: none of its files can be read\n  {}",
                            path.display(),
                            remarks.join("\n  ")
                        );
                    }
                }
                _ => parts.push(part(path, &mut dumps, &told)?),
            }
        }
        if parts.is_empty() {
            bail!("nothing to read: name a recording, a log or a folder of logs");
        }
        if parts.len() > 1 && parts.iter().all(|part| part.start.is_some()) {
            parts.sort_by_key(|part| part.start);
        }
        for (from, words) in
            [(TimeFrom::Name, "the file's name"), (TimeFrom::FileDate, "the date of the file")]
        {
            let mut of = parts.iter().filter(|part| part.time_from == from);
            if let Some(first) = of.next() {
                let others = match of.count() {
                    0 => String::new(),
                    1 => " and one more".to_owned(),
                    n => format!(" and {n} more"),
                };
                remarks.push(format!("{}{others}: the time is taken from {words}", first.path.display()));
            }
        }
        let name = match paths {
            [one] => one.display().to_string(),
            [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
            [] => String::new(),
        };
        Ok(Self {
            name,
            parts,
            told,
            at: 0,
            open: None,
            dumps,
            complete: true,
            remarks,
            changed: None,
            losses: Losses::default(),
        })
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is made of, in the order of time.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The part that the last sample came from.
    pub fn part(&self) -> Option<&Part> {
        self.parts.get(self.at)
    }

    /// What a person has to know: files left out, where times come from. Empty afterwards.
    pub fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// False where a dump that was read did not tell all its figures (see [`poolmon_dump::PoolUsed::complete`]).
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// Back to the first sample.
    pub fn rewind(&mut self) {
        self.at = 0;
        self.open = None;
        self.losses = Losses::default();
    }

    /// The recording, where it is one and nothing else.
    pub fn recording(&self) -> anyhow::Result<Option<Recording>> {
        match self.parts.as_slice() {
            [part] if part.kind == Kind::Recording => Ok(Some(Recording::open(&part.path)?)),
            _ => Ok(None),
        }
    }

    /// Fills `sample` with the next one and uses its memory again; `false` at the end.
    ///
    /// `sample` has to be as the last call left it.
    pub fn next_into(&mut self, sample: &mut Sample) -> anyhow::Result<bool> {
        loop {
            let Some(part) = self.parts.get(self.at) else { return Ok(false) };
            let reader = if let Some(reader) = &mut self.open {
                reader
            } else {
                let known = self.dumps.iter().position(|dump| dump.0 == part.path);
                let (reader, complete) = match known.map(|at| self.dumps.swap_remove(at)) {
                    Some((_, reader, complete)) => (reader, complete),
                    None => open(part, &self.told)?,
                };
                self.complete &= complete;
                self.open.insert(reader)
            };
            if reader.next_into(sample, &mut self.changed)? {
                self.told.move_time(sample);
                return Ok(true);
            }
            self.losses = self.losses();
            self.open = None;
            self.at += 1;
        }
    }

    /// What of recordings could not be read until now.
    pub fn losses(&self) -> Losses {
        let open = match &self.open {
            Some(Reader::Recording(cursor)) => cursor.losses(),
            _ => Losses::default(),
        };
        self.losses.plus(open)
    }

    /// Passes over what is earlier than `time`, in a recording without reading it. Samples before it may still come.
    pub fn skip_before(&mut self, time: Timestamp) -> anyhow::Result<()> {
        if let Some(cursor) = self.only_cursor()? {
            let mut sample = Cursor::empty_sample();
            let before = time.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(time);
            if cursor.seek(before, &mut sample)? && sample.time.is_none_or(|held| held >= time) {
                cursor.rewind();
            }
        }
        Ok(())
    }

    /// As [`Series::next_into`], of which only samples `every` so often are wanted after the one that `sample` holds: of
    /// a recording those that can be read without the ones before them.
    pub fn next_in_steps(
        &mut self,
        every: Option<SignedDuration>,
        sample: &mut Sample,
    ) -> anyhow::Result<bool> {
        let at = |steps: i32| sample.time?.checked_add(every?.checked_mul(steps)?).ok();
        let (Some(time), Some(until)) = (at(1), at(2)) else { return self.next_into(sample) };
        if let Some(cursor) = self.only_cursor()? {
            let more = cursor.next_between(time, until, sample)?;
            self.changed = None;
            return Ok(more);
        }
        while self.next_into(sample)? {
            if sample.time.is_none_or(|now| now >= time) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a recording stands alone that tells what happened in so many stretches, from one moment to another, that
    /// its samples need not be read to judge it.
    pub fn has_summaries(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> anyhow::Result<bool> {
        let recording = self.recording()?;
        Ok(recording
            .is_some_and(|recording| recording.summaries(from, to).is_ok_and(|count| count >= ENOUGH)))
    }

    /// As [`Series::next_into`]; where a recording says what happened in a stretch that begins here and ends by `until`,
    /// the last sample of it comes at once, with its summary.
    pub fn next_stretch(
        &mut self,
        until: Option<Timestamp>,
        sample: &mut Sample,
        summary: &mut Option<Box<Summary>>,
    ) -> anyhow::Result<bool> {
        *summary = None;
        let mut changed = self.changed.take().unwrap_or_default();
        let Some(cursor) = self.only_cursor()? else { return self.next_into(sample) };
        match cursor.next_stretch(until, sample)? {
            None => return Ok(false),
            Some(Stretch::Summary(told)) => *summary = Some(told),
            Some(Stretch::Sample(Changed::All)) => {}
            Some(Stretch::Sample(Changed::Rows(rows))) => {
                changed.clear();
                changed.extend_from_slice(rows);
                self.changed = Some(changed);
            }
        }
        Ok(true)
    }

    /// The cursor of a recording that stands alone.
    fn only_cursor(&mut self) -> anyhow::Result<Option<&mut Cursor>> {
        let [part] = self.parts.as_slice() else { return Ok(None) };
        if part.kind != Kind::Recording || self.at > 0 {
            return Ok(None);
        }
        if self.open.is_none() {
            self.open = Some(open(part, &self.told)?.0);
        }
        match &mut self.open {
            Some(Reader::Recording(cursor)) => Ok(Some(cursor)),
            _ => Ok(None),
        }
    }

    /// Places of the rows that changed with the last sample, rising, where that is known and nothing else changed.
    pub fn changed(&self) -> Option<&[u32]> {
        self.changed.as_deref()
    }
}

impl Told {
    /// Moves a time that stands without a zone into the zone that the person told.
    fn move_time(&self, sample: &mut Sample) {
        let Some(zone) = self.zone else { return };
        let before = sample.remarks.len();
        sample.remarks.retain(|remark| remark != ZONE_ASSUMED);
        if sample.remarks.len() < before {
            // What was read as UTC is that many seconds ahead of UTC.
            let ahead = SignedDuration::from_secs(zone.seconds().into());
            sample.time = sample.time.and_then(|time| time.checked_sub(ahead).ok());
        }
    }
}

impl Reader {
    fn next_into(&mut self, sample: &mut Sample, changed: &mut Option<Vec<u32>>) -> anyhow::Result<bool> {
        let mut places = changed.take().unwrap_or_default();
        let mut put = |next: Option<Sample>| match next {
            Some(next) => {
                *sample = next;
                Ok(true)
            }
            None => Ok(false),
        };
        match self {
            Self::Recording(cursor) => {
                let next = cursor.next_changed(sample)?;
                if let Some(Changed::Rows(rows)) = next {
                    places.clear();
                    places.extend_from_slice(rows);
                    *changed = Some(places);
                }
                Ok(next.is_some())
            }
            Self::Log(reader, time) => {
                let more = reader.next_into(sample)?;
                if more && sample.time.is_none() {
                    sample.time = time.take();
                }
                Ok(more)
            }
            Self::Table(reader) => put(reader.next_sample()?),
            Self::Perfmon(reader) => put(reader.next_sample()?.map(|next| next.sample)),
            Self::Dump(one) => put(one.take().map(|one| *one)),
        }
    }
}

fn part(path: &Path, dumps: &mut Vec<(PathBuf, Reader, bool)>, told: &Told) -> anyhow::Result<Part> {
    let kind = kind::of(path)?;
    let mut part = Part { path: path.to_path_buf(), kind, start: None, time_from: TimeFrom::Content };
    match kind {
        Kind::BinaryLog => {
            // The library's own words name relog.
            PerfmonReader::open(path, &told.perfmon)?;
        }
        Kind::StandardInput | Kind::LogFolder => {}
        Kind::Log => {
            if path.metadata().is_ok_and(|about| about.is_file()) {
                log_times(&mut part, told)?;
            }
        }
        Kind::Dump => {
            let (reader, complete) = open(&part, told)?;
            if let Reader::Dump(Some(sample)) = &reader {
                part.start = sample.time;
            }
            dumps.push((path.to_path_buf(), reader, complete));
        }
        Kind::Recording | Kind::Table | Kind::Perfmon => {
            let (mut reader, _) = open(&part, told)?;
            let mut first = Cursor::empty_sample();
            if reader.next_into(&mut first, &mut None)? {
                part.start = first.time;
            }
        }
    }
    Ok(part)
}

/// A log of one snapshot without a time gets the time of its name or of the file. Of several snapshots without times
/// nobody knows when each was taken.
fn log_times(part: &mut Part, told: &Told) -> anyhow::Result<()> {
    let mut reader = LogFile::open(&part.path)?.reader()?;
    let mut sample = SampleReader::empty_sample();
    reader.next_into(&mut sample)?;
    told.move_time(&mut sample);
    part.start = sample.time;
    if part.start.is_some() || reader.next_into(&mut sample)? {
        return Ok(());
    }
    let named = part.path.file_name().and_then(|name| time_in_name(&name.to_string_lossy()));
    let zone = told.zone.map_or_else(TimeZone::system, TimeZone::fixed);
    let named = named.and_then(|time| zone.to_ambiguous_timestamp(time).compatible().ok());
    (part.start, part.time_from) = if let Some(time) = named {
        (Some(time), TimeFrom::Name)
    } else {
        let modified = fs::metadata(&part.path).and_then(|about| about.modified());
        (modified.ok().and_then(|time| Timestamp::try_from(time).ok()), TimeFrom::FileDate)
    };
    Ok(())
}

/// Opens a part; `false` where a dump could not tell all its figures.
fn open(part: &Part, told: &Told) -> anyhow::Result<(Reader, bool)> {
    let path = &part.path;
    let reader = match part.kind {
        Kind::Recording => Reader::Recording(Box::new(Recording::open(path)?.cursor())),
        Kind::Table => Reader::Table(Box::new(TableReader::open(path)?)),
        Kind::Perfmon | Kind::BinaryLog => {
            Reader::Perfmon(Box::new(PerfmonReader::open(path, &told.perfmon)?))
        }
        Kind::StandardInput => Reader::Log(Box::new(SampleReader::new("standard input", io::stdin())), None),
        Kind::Log | Kind::LogFolder => {
            let time = (part.time_from != TimeFrom::Content).then_some(part.start).flatten();
            Reader::Log(Box::new(LogFile::open(path)?.reader()?), time)
        }
        Kind::Dump => {
            let used = super::dump::pool_used(&super::dump::open(path, None)?)?;
            return Ok((Reader::Dump(Some(Box::new(used.sample))), used.complete));
        }
    };
    Ok((reader, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::marks;

    const SNAP: &str = " Tag  Type     Allocs     Frees      Diff   Bytes  Per Alloc\n\n\
         Leak Nonp      31642      1204    30438 31168512   1024\n";

    fn read(series: &mut Series) -> Vec<(Option<String>, usize)> {
        let mut sample = Cursor::empty_sample();
        let mut all = Vec::new();
        while series.next_into(&mut sample).unwrap() {
            all.push((sample.time.map(|time| time.to_string()), sample.rows.len()));
        }
        all
    }

    #[test]
    fn a_folder_of_logs_in_the_order_of_their_names_times() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b 2026-11-22 10-00-00.log", "a 2026-11-22 11-00-00.log", "notes.bin"] {
            let text = if name.ends_with("bin") { "\0\x01\x02" } else { SNAP };
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut series = Series::open(&[folder.path().into()]).unwrap();
        assert_eq!(series.parts()[0].kind, Kind::Log);
        let remarks = series.take_remarks();
        assert!(remarks[0].contains("notes.bin") && remarks[1].contains("the file's name"), "{remarks:?}");
        let zone = TimeZone::system();
        let at = |hour| {
            let time = jiff::civil::date(2026, 11, 22).at(hour, 0, 0, 0);
            Some(zone.to_timestamp(time).unwrap().to_string())
        };
        assert_eq!(read(&mut series), [(at(10), 1), (at(11), 1)]);
        series.rewind();
        assert_eq!(read(&mut series).len(), 2);
        assert!(series.complete() && marks::of(&[folder.path().into()]).unwrap().is_empty());
    }

    #[test]
    fn several_snapshots_without_times_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("20261122.log");
        fs::write(&path, SNAP.repeat(3)).unwrap();
        let mut series = Series::open(&[path]).unwrap();
        assert_eq!(read(&mut series), vec![(None, 1); 3]);
    }

    #[test]
    fn perfmons_binary_log_names_the_tool_that_turns_it_into_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.blg");
        fs::write(&path, b"\x01\x00").unwrap();
        let error = Series::open(&[path]).err().unwrap();
        assert!(format!("{error:#}").contains("-f csv -o out.csv"), "{error:#}");
        assert!(Series::open(&[]).is_err());
    }

    #[test]
    fn dumps_are_one_sample_each_and_say_whether_all_was_told() {
        use poolmon_synth::dump::{Arch, Form, Spec, build};
        let folder = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for hidden in [false, true] {
            let mut spec = Spec::new(Arch::Amd64, 19_045).tiny();
            spec.hide_array = hidden;
            let path = folder.path().join(format!("{hidden}.dmp"));
            build(&spec).write(Form::BitmapKernel, &path).unwrap();
            paths.push(path);
        }
        let mut series = Series::open(&paths).unwrap();
        assert_eq!(series.parts()[0].kind, Kind::Dump);
        let mut sample = Cursor::empty_sample();
        for _ in 0..2 {
            assert!(series.next_into(&mut sample).unwrap() && series.complete());
            assert!(sample.remarks.is_empty() && sample.rows.len() > 90);
            assert!(series.next_into(&mut sample).unwrap() && !series.complete());
            assert!(sample.remarks[0].starts_with("THESE FIGURES ARE WRONG"));
            assert!(!series.next_into(&mut sample).unwrap());
            // The second time they are opened anew.
            series.rewind();
            series.complete = true;
        }
    }
}
