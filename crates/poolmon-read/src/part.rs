//! One file or recording of a series, and when its samples are from.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use poolmon_model::{Pool, Sample};
use poolmon_store::Losses;

use crate::counted::Counted;
use crate::mixed::{self, RowKind};
use crate::newest_first::AnyOrder;
use crate::numbered::COPIED;
use crate::text::{
    DATE_ASSUMED, NamedMoment, NamedSeries, Snapshot, drop_sizes, moment_in_name, moments_by_year_last,
    moments_in_names, seconds_in_name, stale_files,
};
use crate::{
    DateOrder, FileFormat, Holds, Input, ReadError, ReadOptions, Remark, RemarkKind, Result, Samples, bundle,
    identify, zipped,
};

/// One file or recording of a series.
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
pub struct Part {
    /// The file.
    pub input: Input,
    /// Its format.
    pub format: &'static FileFormat,
    /// Time of its first sample, if known.
    pub start: Option<Timestamp>,
    /// Where that time came from.
    pub time_from: TimeFrom,
    /// The time in its name comes twice, or not at all: summer time ends or begins.
    unclear_hour: bool,
    /// The zone of its first time is not known.
    pub(crate) is_local: bool,
    /// What is added to its times, as the clock was set back between files.
    pub(crate) shift: SignedDuration,
    /// Its place among the others, where their names give it.
    pub(crate) place: usize,
    /// Its times say nothing.
    undated: bool,
    /// Its name gives the day and not the time of day.
    only_day: bool,
    /// The day in its name, where nothing says when on it.
    pub(crate) day: Option<Date>,
    /// The time of day that its only sample gives.
    time_of_day: Option<Time>,
    /// Its samples have times of day, and their date is not known.
    pub(crate) is_dateless: bool,
    /// It holds one sample.
    pub(crate) alone: bool,
    /// What its first sample has counted.
    pub(crate) counted: Counted,
    /// What its memory lines say of the pools, if it holds one snapshot.
    pub(crate) snapshot: Option<Snapshot>,
    /// They are the same in all files, whose tags differ.
    pub(crate) sizes_are_stale: bool,
    /// The path that was named: the file, or the folder that it is in.
    pub(crate) given: PathBuf,
    /// What its rows are; `None` if that is not known.
    pub(crate) kind: Option<RowKind>,
    /// The pools that its first sample lists.
    pub(crate) pools: Vec<Pool>,
    reader: Option<Box<dyn Samples>>,
    /// Something was read: going back to the start of a stream that was only opened loses nothing.
    begun: bool,
}

/// Where the time of a sample came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFrom {
    /// The content, or there is none.
    Content,
    /// The file's name.
    Name,
    /// The date of the file itself.
    FileDate,
}

impl Part {
    fn open(path: &Path, given: &Path, options: &ReadOptions) -> Result<Self> {
        Self::of(Input::open(path)?, given, options)
    }

    fn of(input: Input, given: &Path, options: &ReadOptions) -> Result<Self> {
        let format = identify(&input)?;
        let mut part = Self {
            input,
            format,
            start: None,
            time_from: TimeFrom::Content,
            unclear_hour: false,
            is_local: false,
            shift: SignedDuration::ZERO,
            place: 0,
            undated: false,
            only_day: false,
            day: None,
            time_of_day: None,
            is_dateless: false,
            alone: false,
            counted: Counted::default(),
            snapshot: None,
            sizes_are_stale: false,
            given: given.into(),
            kind: None,
            pools: Vec::new(),
            reader: None,
            begun: false,
        };
        if part.input.is_repeatable() {
            part.probe(options)?;
        }
        Ok(part)
    }

    /// Reads the first sample. A file of one sample without a time gets the time of its name or of the file. Of several
    /// samples without times it is unknown when each was taken.
    fn probe(&mut self, options: &ReadOptions) -> Result<()> {
        let mut sample = Sample::empty();
        let reader = self.reader(options)?;
        let found = reader.next_into(&mut sample)?;
        let assumed = is_zone_assumed(reader);
        options.move_time(assumed, &mut sample);
        let kind = found.then(|| (sample.rows.first().map(|row| row.pool), sample.origin.host.clone()));
        let pools: Vec<Pool> =
            sample.origin.pools.iter().copied().filter(|pool| sample.coverage.has(*pool)).collect();
        let dateless = found && is_date_assumed(reader);
        let undated = found && (sample.time.is_none() || dateless);
        let (time, counted) = (sample.time, Counted::of(&sample));
        let snapshot = found.then(|| Snapshot::of(&sample)).flatten();
        let is_text = self.format.holds == Holds::Rows;
        let reader = self.reader(options)?;
        let alone = if undated {
            !reader.next_into(&mut sample)?
        } else {
            // What is wrong further on is said when it is read.
            found && is_text && matches!(reader.next_into(&mut sample), Ok(false))
        };
        (self.alone, self.counted, self.pools) = (alone, counted, pools);
        self.snapshot = snapshot.filter(|_| alone);
        self.is_local = assumed && options.zone.is_none();
        self.kind = kind.map(|(pool, host)| mixed::kind(self.format, pool, host.as_deref()));
        if let Some((time, date)) = time.filter(|_| dateless).zip(options.date) {
            self.put_on_day(time, date);
        } else if alone && undated {
            self.time_of_day = time.filter(|_| dateless).map(|time| Offset::UTC.to_datetime(time).time());
            self.date_from_outside(options);
        } else {
            self.is_dateless = dateless || time.is_some_and(poolmon_model::units::is_dateless);
            self.start = time.filter(|_| found && !undated);
        }
        self.rewind();
        Ok(())
    }

    /// Takes it that when its samples were taken is not known.
    pub(crate) fn forget_time(&mut self) {
        (self.start, self.time_from, self.undated) = (None, TimeFrom::Content, true);
    }

    /// Takes the times that it says itself, and no others.
    pub(crate) fn forget_date(&mut self) {
        if self.time_from != TimeFrom::Content {
            (self.start, self.time_from) = (None, TimeFrom::Content);
        }
    }

    fn date_from_outside(&mut self, options: &ReadOptions) {
        let Some(path) = self.input.path() else { return };
        self.time_from = TimeFrom::FileDate;
        self.start = self.input.written(&zone_of(options));
        let named = path.file_name().and_then(|name| moment_in_name(&name.to_string_lossy()));
        if let Some(moment) = named {
            self.date_from_name(moment, options);
        }
    }

    /// Puts its times of day on days: that of its first sample, which is at `time`, and those that follow.
    fn put_on_day(&mut self, time: Timestamp, date: Date) {
        self.shift = date.duration_since(Date::constant(1970, 1, 1));
        self.start = time.checked_add(self.shift).ok();
    }

    fn date_from_name(&mut self, mut moment: NamedMoment, options: &ReadOptions) {
        moment.time = moment.time.or(self.time_of_day);
        let zone = moment.offset.or(options.zone).map_or_else(TimeZone::system, TimeZone::fixed);
        let named = zone.to_ambiguous_timestamp(moment.civil());
        self.unclear_hour = named.is_ambiguous();
        if let Ok(time) = named.compatible() {
            (self.start, self.time_from) = (Some(time), TimeFrom::Name);
            (self.only_day, self.is_dateless) = (moment.time.is_none(), false);
        }
    }

    /// The day on which the file was written, in a zone.
    fn written_on(&self, options: &ReadOptions) -> Option<(Timestamp, Date)> {
        let zone = zone_of(options);
        let time = self.input.written(&zone)?;
        Some((time, time.to_zoned(zone).date()))
    }

    /// The last part of its path.
    fn file_name(&self) -> Option<String> {
        Some(self.input.path()?.file_name()?.to_string_lossy().into_owned())
    }

    /// Its samples, to read on in them.
    pub(crate) fn reader(&mut self, options: &ReadOptions) -> Result<&mut dyn Samples> {
        self.begun = true;
        self.opened(options)
    }

    /// Its samples, to look at without moving.
    pub(crate) fn opened(&mut self, options: &ReadOptions) -> Result<&mut dyn Samples> {
        let reader = if let Some(reader) = self.reader.take() {
            reader
        } else {
            let reader = (self.format.open)(&self.input, options)?;
            match self.format.holds {
                Holds::Rows | Holds::Totals => Box::new(AnyOrder::new(reader)),
                Holds::Recording | Holds::OneMoment => reader,
            }
        };
        Ok(&mut **self.reader.insert(reader))
    }

    /// Back before its first sample; closed, unless opening it again would be costly.
    pub(crate) fn rewind(&mut self) {
        if std::mem::take(&mut self.begun) && self.reader.as_mut().is_some_and(|reader| !reader.rewind()) {
            self.reader = None;
        }
    }

    /// Gives a sample without a time the one that the file's name or date says, corrects the others, and takes out sizes of pools that
    /// cannot be true.
    pub(crate) fn correct(&self, sample: &mut Sample) {
        if self.sizes_are_stale {
            drop_sizes(sample);
        }
        if self.shift != SignedDuration::ZERO || self.time_from != TimeFrom::Content {
            sample.remarks.retain(|remark| remark != DATE_ASSUMED);
        }
        sample.time = if self.undated {
            None
        } else if self.time_from == TimeFrom::Content {
            sample.time.and_then(|time| time.checked_add(self.shift).ok())
        } else {
            self.start
        };
    }

    pub(crate) fn losses(&self) -> Losses {
        self.reader.as_ref().map(|reader| reader.losses()).unwrap_or_default()
    }

    pub(crate) fn remarks(&self) -> &[Remark] {
        self.reader.as_ref().map_or(&[], |reader| reader.remarks())
    }

    pub(crate) fn changed(&self) -> Option<&[u32]> {
        self.reader.as_ref()?.changed()
    }
}

/// The zone of times that name none.
fn zone_of(options: &ReadOptions) -> TimeZone {
    options.zone.map_or_else(TimeZone::system, TimeZone::fixed)
}

/// Whether the last sample's time is a time of day, whose date is not known.
fn is_date_assumed(reader: &dyn Samples) -> bool {
    reader.remarks().iter().any(|remark| remark.kind == RemarkKind::DateAssumed)
}

/// Whether the last sample's time was read as UTC for lack of a zone.
pub(crate) fn is_zone_assumed(reader: &dyn Samples) -> bool {
    reader.remarks().iter().any(|remark| remark.kind == RemarkKind::ZoneAssumed)
}

/// Opens paths; a folder that is no format of its own stands for its files.
pub(crate) fn open_all(
    paths: &[PathBuf],
    options: &ReadOptions,
    remarks: &mut Vec<Remark>,
) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for path in paths {
        open_into(&mut parts, Input::open(path)?, path, options, remarks)?;
    }
    if parts.is_empty() {
        let remedy = "name a recording, a log or a folder of logs";
        return Err(ReadError::unsuitable("no file", "there is nothing to read", remedy));
    }
    Ok(parts)
}

/// Opens one path, that `input` was made of, behind what is open already.
pub(crate) fn open_into(
    parts: &mut Vec<Part>,
    input: Input,
    path: &Path,
    options: &ReadOptions,
    remarks: &mut Vec<Remark>,
) -> Result<()> {
    let known = crate::FORMATS.iter().find(|format| (format.recognise)(&input));
    let before = parts.len();
    let Some(mut files) = input.files().map(<[PathBuf]>::to_vec) else {
        match if known.is_none() { zipped::members(&input)? } else { None } {
            Some(members) => {
                if members.is_cut {
                    remarks.push(Remark::new(RemarkKind::FileLeftOut, zipped::CUT));
                }
                for member in members.files {
                    let part = Input::member(path, member).and_then(|input| Part::of(input, path, options));
                    take(parts, part, remarks);
                }
                if parts.len() == before {
                    return Err(nothing(
                        path,
                        "none of the files in it",
                        Some(zipped::remedy(path)),
                        remarks,
                    ));
                }
                return Ok(());
            }
            None => parts.push(Part::of(input, path, options)?),
        }
        return Ok(());
    };
    let mut folders = folders_in(path);
    match known {
        Some(format) if format.id == crate::formats::linux_report::FORMAT.id => {
            // What somebody saved next to a report is read, too.
            bundle::leave_what_is_beside(path, &mut files, &mut folders);
            parts.push(Part::of(input, path, options)?);
        }
        Some(_) => {
            parts.push(Part::of(input, path, options)?);
            return Ok(());
        }
        None => {}
    }
    for file in &files {
        take(parts, Part::open(file, path, options), remarks);
    }
    if !folders.is_empty() {
        let names: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        let what = if names.len() == 1 { "a folder; name it, too" } else { "folders; name them, too" };
        remarks.push(Remark::new(
            RemarkKind::FileLeftOut,
            format!("left out: {}: {what}", mixed::named(&names)),
        ));
    }
    if parts.len() == before {
        return Err(nothing(path, "none of its files", None, remarks));
    }
    Ok(())
}

/// Takes a file of a folder or archive, or says why not: one stray file among a hundred logs is no reason to judge none.
fn take(parts: &mut Vec<Part>, part: Result<Part>, remarks: &mut Vec<Remark>) {
    match part {
        Ok(part) => parts.push(part),
        Err(error) => remarks.push(Remark::new(RemarkKind::FileLeftOut, format!("left out: {error}"))),
    }
}

/// There is nothing to read: what helps, and why each file was left out.
fn nothing(path: &Path, none: &str, remedy: Option<String>, remarks: &[Remark]) -> ReadError {
    let texts = remarks.iter().map(|remark| remark.text.clone());
    let texts: Vec<String> = remedy.into_iter().chain(texts).collect();
    ReadError::unsuitable(&path.display(), format!("{none} contains samples"), texts.join("\n  "))
}

/// The folders in a folder, sorted by name; hidden ones are left out.
pub(crate) fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let hidden =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir() && !hidden(path)).collect();
    folders.sort();
    folders
}

/// Whether the times of several files are their dates, and all of these are those of a copy.
pub(crate) fn are_dates_of_copies(parts: &[Part]) -> bool {
    let dates: Vec<Timestamp> = parts.iter().filter_map(|part| part.start).collect();
    let (Some(first), Some(last)) = (dates.iter().min(), dates.iter().max()) else { return false };
    let all_of_files = parts.iter().all(|part| part.time_from == TimeFrom::FileDate);
    let alike = parts.windows(2).all(|pair| matches!(pair, [a, b] if a.format.id == b.format.id));
    parts.len() > 1
        && alike
        && all_of_files
        && dates.len() == parts.len()
        && last.duration_since(*first).as_secs_f64() <= COPIED * (parts.len() - 1) as f64
}

/// Takes times from the names of all files without a time: the order of day and month, and what is a time of day and what a running
/// number, is that of all of them. Says what was assumed, or that their times are not known.
pub(crate) fn date_by_names(parts: &mut [Part], options: &ReadOptions) -> Option<Remark> {
    let mut dated: Vec<&mut Part> =
        parts.iter_mut().filter(|part| part.time_from != TimeFrom::Content).collect();
    let names: Vec<String> = dated.iter().map(|part| part.file_name()).collect::<Option<_>>()?;
    let words: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Some(times) = words.iter().map(|name| seconds_in_name(name)).collect::<Option<Vec<_>>>() {
        for (part, time) in dated.iter_mut().zip(times) {
            (part.start, part.time_from) = (Some(time), TimeFrom::Name);
        }
        return None;
    }
    let times: Vec<Option<Time>> = dated.iter().map(|part| part.time_of_day).collect();
    let fill = |at: usize| times.get(at).copied().flatten();
    let is_sure = |part: &&mut Part| part.time_from == TimeFrom::Name;
    let found = moments_in_names(&words, fill).or_else(|| moments_by_year_last(&words, options.dates, fill));
    let Some(NamedSeries { moments, assumed, is_unclear }) = found else {
        // Some have a date in their names, some have not: each as it is, unless two are of one day.
        let some: Vec<(usize, &str)> = dated
            .iter()
            .zip(&words)
            .enumerate()
            .filter(|(_, (part, _))| is_sure(part))
            .map(|(at, (_, name))| (at, *name))
            .collect();
        let at = |at: usize| some.get(at).and_then(|(at, _)| fill(*at));
        let names: Vec<&str> = some.iter().map(|(_, name)| *name).collect();
        let unclear = moments_in_names(&names, at).is_none_or(|series| series.is_unclear);
        let mut dated: Vec<&mut Part> = dated.into_iter().filter(is_sure).collect();
        return if unclear && !dated.is_empty() { Some(forget_days(&mut dated, &[], options)) } else { None };
    };
    if is_unclear {
        return Some(forget_days(&mut dated, &moments, options));
    }
    for (part, moment) in dated.iter_mut().zip(moments) {
        part.date_from_name(moment, options);
    }
    let (order, other) = match assumed? {
        DateOrder::Mdy => ("month, day, year", "dmy"),
        DateOrder::Dmy | DateOrder::Ymd => ("day, month, year", "mdy"),
    };
    let text = format!(
        "{}: the order of the dates in their names is taken to be {order}, in which they lie closer \
         together (--dates {other} for the other order)",
        mixed::named(&names)
    );
    Some(Remark::new(RemarkKind::TimeFromFile, text))
}

/// Takes the dates of the files where their names give no more than the day, if they were written on these days; else it is not known
/// when they were taken. Says so.
fn forget_days(dated: &mut [&mut Part], moments: &[NamedMoment], options: &ReadOptions) -> Remark {
    let names: Vec<String> = dated.iter().map(|part| part.input.name().to_owned()).collect();
    let written: Option<Vec<(Timestamp, Date)>> = dated.iter().map(|part| part.written_on(options)).collect();
    let of_days = written.filter(|written| {
        let (first, last) =
            (written.iter().map(|file| file.0).min(), written.iter().map(|file| file.0).max());
        let apart = last.zip(first).map_or(0.0, |(last, first)| last.duration_since(first).as_secs_f64());
        moments.len() == written.len()
            && apart > COPIED * written.len() as f64
            && written.iter().zip(moments).all(|(file, moment)| file.1 == moment.date)
    });
    let known = "their names give the day and not the time of day";
    if let Some(written) = of_days {
        for (part, (time, _)) in dated.iter_mut().zip(written) {
            (part.start, part.time_from, part.only_day) = (Some(time), TimeFrom::FileDate, false);
        }
        let text = format!("{}: {known}; they were written on these days", mixed::named(&names));
        return Remark::new(RemarkKind::TimeFromFile, text);
    }
    for (at, part) in dated.iter_mut().enumerate() {
        part.forget_time();
        part.day = moments.get(at).map(|moment| moment.date);
    }
    let text = format!(
        "{}: {known}, and several are of one day: when they were taken is unknown; they are read in the order of their names",
        mixed::named(&names)
    );
    Remark::new(RemarkKind::TimeFromFile, text)
}

/// Leaves out logs with times of day whose date is not known, where others have dates, or where there are several: how their times
/// lie to one another is not known.
pub(crate) fn leave_dateless(parts: &mut Vec<Part>) -> Option<Remark> {
    let size = |parts: &mut dyn Iterator<Item = &Part>| parts.map(|part| part.input.length()).sum::<u64>();
    let dateless = parts.iter().filter(|part| part.is_dateless).count();
    let other = parts.len() - dateless;
    if dateless == 0 || dateless + other < 2 {
        return None;
    }
    let by_date = size(&mut parts.iter().filter(|part| !part.is_dateless));
    let largest = parts.iter().filter(|part| part.is_dateless).map(|part| part.input.length()).max()?;
    let first = parts.iter().position(|part| part.is_dateless && part.input.length() == largest)?;
    let mut at = 0;
    let mut left = Vec::new();
    parts.retain(|part| {
        let keep = if other > 0 && by_date >= largest { !part.is_dateless } else { at == first };
        at += 1;
        if !keep {
            left.push((part.input.name().to_owned(), part.is_dateless));
        }
        keep
    });
    let why = if left.iter().all(|file| file.1) {
        "times of day without a date, which cannot be joined with the times of the others"
    } else {
        "the times of the others are times of day without a date, which cannot be joined with these"
    };
    let names: Vec<String> = left.into_iter().map(|file| file.0).collect();
    let them = if names.len() == 1 { "it" } else { "each" };
    let text = format!(
        "left out: {}: {why}; read {them} alone, or import {them} with the date of its first sample (poolmon import FILE --date \
         2026-11-22 -o DIR)",
        mixed::named(&names)
    );
    Some(Remark::new(RemarkKind::FileLeftOut, text))
}

/// Snapshots with the memory lines of one of them: a script that writes those once and repeats them.
pub(crate) fn doubt_pool_sizes(parts: &mut [Part]) -> Option<Remark> {
    let remark = stale_files(parts.iter().filter_map(|part| part.snapshot.as_ref()))?;
    for part in parts.iter_mut() {
        part.sizes_are_stale = part.snapshot.is_some();
    }
    Some(remark)
}

/// Remarks on times that are not in the files themselves.
pub(crate) fn where_times_come_from(parts: &[Part]) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for (from, words) in [(TimeFrom::Name, "the file's name"), (TimeFrom::FileDate, "the date of the file")] {
        let mut named = parts.iter().filter(|part| part.time_from == from);
        if let Some(first) = named.next() {
            let others = match named.count() {
                0 => String::new(),
                1 => " and one more".to_owned(),
                n => format!(" and {n} more"),
            };
            let name = first.input.name();
            let mut text = format!("{name}{others}: the time is taken from {words}");
            let is_named = from == TimeFrom::Name;
            let mut kind = if is_named { RemarkKind::TimeFromName } else { RemarkKind::TimeFromFile };
            if let Some(part) = parts.iter().find(|part| part.time_from == from && part.only_day) {
                let name = if parts.len() > 1 { part.input.name() } else { "it" };
                text.extend([
                    "; ",
                    name,
                    " gives the day alone: midnight is assumed, rates may be wrong by a day",
                ]);
                kind = RemarkKind::TimeFromFile;
            }
            if let Some(part) = parts.iter().find(|part| part.time_from == from && part.unclear_hour) {
                let about = "comes twice or not at all (summer time): the first is assumed";
                text.extend(["; the hour of ", part.input.name(), " ", about]);
                kind = RemarkKind::TimeFromFile;
            }
            remarks.push(Remark::new(kind, text));
        }
    }
    remarks
}
