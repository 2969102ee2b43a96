//! The moment that is in a file's name: `pool_2026-11-22_14-05.log`, `20261122T140500Z.txt`, `14-05 snap-22Nov2026.log`,
//! `02-05-PM_22-11-2026.txt`.
//!
//! A name is cut into digits, words and marks. A date is looked for in them, then a time of day right behind it or right before it.
//! What could be something else as well (a running number, the number of a case or of a machine) is no time: a date without a time
//! of day costs nothing but the rates, a wrong one gives wrong rates.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use super::month_names::month;
use crate::DateOrder;

/// The moment in a file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedMoment {
    /// The day.
    pub(crate) date: Date,
    /// The time of day, if there is one.
    pub(crate) time: Option<Time>,
    /// The distance from UTC, if the name gives it: `Z`, `+0100`.
    pub(crate) offset: Option<Offset>,
    /// The text before the moment, and that after it.
    around: (String, String),
}

/// The moments of several files, by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedSeries {
    /// One of each name.
    pub(crate) moments: Vec<NamedMoment>,
    /// The order of day and month that was assumed, where both would do.
    pub(crate) assumed: Option<DateOrder>,
    /// Some of them are of one day, and nothing says when on it.
    pub(crate) is_unclear: bool,
}

/// How a moment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    /// The order of a date that ends with the year; any other says its order itself.
    order: Option<DateOrder>,
    place: Place,
}

/// Where the time of day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Behind,
    Before,
    Nowhere,
}

type Readings = Vec<(Form, NamedMoment)>;

const LAST: [DateOrder; 2] = [DateOrder::Dmy, DateOrder::Mdy];

/// The moment in the name of one file, if its date says the order of its figures.
///
/// Understood are year, month, day in this order, with or without separators, and dates with the name of the month; then, or before
/// them, hour, minute and perhaps second, AM or PM, and the distance from UTC. `None` if there is no such date, or if the name has
/// two meanings; numbers that are no date (`20269999`) are skipped.
pub(crate) fn moment_in_name(name: &str) -> Option<NamedMoment> {
    let sure = best(&readings(name, None))?;
    let or_else = LAST.into_iter().any(|order| may_end_with_year(&[name], order));
    (!or_else).then_some(sure.1)
}

fn best(readings: &Readings) -> Option<(Place, NamedMoment)> {
    if has_two_dates(readings) {
        return None;
    }
    [Place::Behind, Place::Before, Place::Nowhere]
        .into_iter()
        .find_map(|place| Some((place, of(readings, place)?)))
}

/// Whether the date hangs on where the time is: see [`readings`].
fn has_two_dates(readings: &Readings) -> bool {
    !readings.iter().any(|(form, _)| form.place == Place::Nowhere)
}

fn of(readings: &Readings, place: Place) -> Option<NamedMoment> {
    readings.iter().find(|(form, _)| form.place == place).map(|(_, moment)| moment.clone())
}

/// The moments in the names of several files, each of which has a date that says the order of its figures. `fill` gives the time of
/// day of a file whose name has none. `None` if a name has no such date, or if the names have two meanings.
pub(crate) fn moments_in_names(names: &[&str], fill: impl Fn(usize) -> Option<Time>) -> Option<NamedSeries> {
    let all: Vec<Readings> = names.iter().map(|name| readings(name, None)).collect();
    let moments = choose(&all)?;
    if LAST.into_iter().any(|order| may_end_with_year(names, order)) {
        return None;
    }
    Some(series(moments.into_iter().map(|(_, moment)| moment).collect(), None, fill))
}

/// Whether all names may have a date that ends with the year: `20-11-2026-11-20`.
fn may_end_with_year(names: &[&str], order: DateOrder) -> bool {
    names.iter().all(|name| !readings(name, Some(order)).is_empty())
}

/// As [`moments_in_names`], of dates in figures that end with the year. Their order, if it is not `given`, is that of all of them;
/// if both would do, that in which they are closer together is assumed.
pub(crate) fn moments_by_year_last(
    names: &[&str],
    given: Option<DateOrder>,
    fill: impl Fn(usize) -> Option<Time>,
) -> Option<NamedSeries> {
    // Or what is before a date that begins with the year.
    if given.is_none() && names.iter().all(|name| !readings(name, None).is_empty()) {
        return None;
    }
    let by = |order| {
        let all: Vec<Readings> = names.iter().map(|name| readings(name, Some(order))).collect();
        let moments: Vec<NamedMoment> = choose(&all)?.into_iter().map(|(_, moment)| moment).collect();
        let time = |moment: &NamedMoment| moment.date.to_datetime(moment.time.unwrap_or_default());
        let (first, last) = (moments.iter().map(time).min()?, moments.iter().map(time).max()?);
        Some((last.duration_since(first), moments))
    };
    if let Some(order) = given {
        return Some(series(by(order)?.1, None, fill));
    }
    let (moments, assumed) = match (by(DateOrder::Dmy), by(DateOrder::Mdy)) {
        (Some((_, moments)), None) | (None, Some((_, moments))) => (moments, None),
        (Some((dmy, moments)), Some((mdy, _))) if dmy < mdy => (moments, Some(DateOrder::Dmy)),
        (Some((dmy, _)), Some((mdy, moments))) if mdy < dmy => (moments, Some(DateOrder::Mdy)),
        _ => return None,
    };
    Some(series(moments, assumed, fill))
}

/// Of each name the reading that most of them have in common.
fn choose(all: &[Readings]) -> Option<Vec<(Place, NamedMoment)>> {
    let found =
        |place| -> Vec<NamedMoment> { all.iter().filter_map(|readings| of(readings, place)).collect() };
    let is_whole = |place: &Place| all.iter().all(|readings| of(readings, *place).is_some());
    let varies =
        |place: &Place| found(*place).windows(2).any(|pair| matches!(pair, [a, b] if a.time != b.time));
    let mut places = vec![Place::Behind, Place::Before];
    places.retain(|place| !is_running_number(&found(*place)));
    if places.iter().filter(|place| is_whole(place)).count() == 2 {
        // One of the two is the number of a case, say: that which is the same in all names.
        places.retain(varies);
        places.truncate(usize::from(places.len() == 1));
    }
    let whole = places.iter().find(|place| is_whole(place));
    if all.iter().all(has_two_dates) {
        return None;
    }
    let one = |readings: &Readings| {
        if has_two_dates(readings) {
            return whole.and_then(|place| Some((*place, of(readings, *place)?)));
        }
        let mut places = whole.into_iter().chain(&places).chain([&Place::Nowhere]);
        places.find_map(|place| Some((*place, of(readings, *place)?)))
    };
    all.iter().map(one).collect()
}

/// Whether what was read as times of day are running numbers: they begin with 0 or 1 and leave none out. The hours may be the same
/// of all, and the seconds count.
fn is_running_number(moments: &[NamedMoment]) -> bool {
    let counts = |mut numbers: Vec<i32>| {
        numbers.sort_unstable();
        numbers.dedup();
        let first = numbers.first().copied();
        numbers.len() > 1
            && matches!(first, Some(0 | 1))
            && numbers.windows(2).all(|pair| matches!(pair, [a, b] if b - a == 1))
    };
    let times: Vec<Time> = moments.iter().filter_map(|moment| moment.time).collect();
    let whole = |time: &Time| {
        (i32::from(time.hour()) * 100 + i32::from(time.minute())) * 100 + i32::from(time.second())
    };
    let hour = |time: &Time| (time.hour(), time.minute());
    let one_minute = times.windows(2).all(|pair| matches!(pair, [a, b] if hour(a) == hour(b)));
    counts(times.iter().map(whole).collect())
        || times.iter().all(|time| time.second() == 0)
            && counts(times.iter().map(|time| whole(time) / 100).collect())
        || one_minute && counts(times.iter().map(|time| time.second().into()).collect())
}

/// Puts moments together, and finds out whether each file has its own.
fn series(
    mut moments: Vec<NamedMoment>,
    assumed: Option<DateOrder>,
    fill: impl Fn(usize) -> Option<Time>,
) -> NamedSeries {
    for (at, moment) in moments.iter_mut().enumerate() {
        moment.time = moment.time.or_else(|| fill(at));
    }
    // What tells machines and kinds of lists apart. Numbers that stand alone may be running numbers; before a moment that is known they
    // are not.
    let whole = moments.iter().all(|moment| moment.time.is_some());
    let words = |text: &str, digits: bool| if digits { glued(text) } else { letters(text) };
    let key = |NamedMoment { around: (before, behind), .. }: &NamedMoment, digits: bool| {
        (if whole { before.clone() } else { words(before, digits) }, words(behind, digits))
    };
    let alone = |moment: &NamedMoment| {
        let of = |other: &&NamedMoment| key(other, true) == key(moment, true);
        moments.iter().filter(of).count() < 2
    };
    // web01, web02 are machines if each has several files; snap1, snap2 … are numbers.
    let digits = whole || !moments.iter().any(alone);
    let same = |a: &NamedMoment, b: &NamedMoment| {
        let is_one = a.time.is_none() || b.time.is_none() || (a.time == b.time && a.offset == b.offset);
        a.date == b.date && is_one && key(a, digits) == key(b, digits)
    };
    let mut by_day: Vec<&NamedMoment> = moments.iter().collect();
    by_day.sort_by_key(|moment| (moment.date, key(moment, digits), moment.time));
    let is_unclear = by_day.windows(2).any(|pair| matches!(pair, [a, b] if same(a, b)));
    NamedSeries { moments, assumed, is_unclear }
}

/// The letters of a text.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphabetic()).collect()
}

/// The words of a text with the numbers that belong to them: `_web01_2` is `web01`.
fn glued(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    let words: Vec<&str> =
        words.map(|word| word.trim_start_matches(|letter: char| letter.is_ascii_digit())).collect();
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The words of a name, with the numbers that belong to them, in lower case: without its date, its time and its ending.
pub(crate) fn words_in_name(name: &str) -> Vec<String> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let found = [None, Some(DateOrder::Dmy), Some(DateOrder::Mdy)]
        .into_iter()
        .find_map(|order| best(&readings(stem, order)));
    let text =
        found.map_or_else(|| stem.to_owned(), |(_, moment)| [moment.around.0, moment.around.1].join(" "));
    glued(&text).to_lowercase().split(' ').filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect()
}

/// The time in a file's name in seconds since 1970: `pool-1793455200.txt`. It may be the number of a case, too: several files show
/// which it is.
pub(crate) fn seconds_in_name(name: &str) -> Option<Timestamp> {
    // Of 2001 to 2099: ten digits, and no others.
    const SECONDS: std::ops::Range<i64> = 1_000_000_000..4_070_908_800;
    let all = tokens(name);
    let mut numbers = all.iter().filter(|token| token.kind == Kind::Digits);
    let (number, more) = (numbers.next()?.text, numbers.next());
    let seconds = number.parse().ok().filter(|seconds| SECONDS.contains(seconds) && more.is_none());
    Timestamp::from_second(seconds?).ok()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Digits,
    Word,
    Marks,
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
}

impl Token<'_> {
    /// One or two digits.
    fn short(&self) -> Option<i8> {
        if self.kind == Kind::Digits && self.text.len() <= 2 { self.text.parse().ok() } else { None }
    }

    fn is_word(&self, words: &[&str]) -> bool {
        self.kind == Kind::Word && words.iter().any(|word| self.text.eq_ignore_ascii_case(word))
    }

    /// Hours that AM or PM adds.
    fn half(&self) -> Option<i8> {
        [("am", 0), ("pm", 12)].into_iter().find(|(word, _)| self.is_word(&[word])).map(|(_, hours)| hours)
    }

    /// Marks between a date and a time.
    fn is_gap(&self) -> bool {
        self.kind == Kind::Marks && self.text.chars().count() <= 3 && !self.text.contains('+')
    }
}

fn tokens(name: &str) -> Vec<Token<'_>> {
    let kind = |letter: char| match letter {
        '0'..='9' => Kind::Digits,
        _ if letter.is_alphabetic() => Kind::Word,
        _ => Kind::Marks,
    };
    let mut all = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next().map(kind) {
        let end = rest.find(|letter| kind(letter) != first).unwrap_or(rest.len());
        let (text, behind) = rest.split_at(end);
        // 20261122140509: a date and a time in one.
        let cut = if first == Kind::Digits && matches!(text.len(), 12 | 14 | 17) { 8 } else { text.len() };
        let (text, more) = text.split_at(cut);
        all.extend(
            [text, more].into_iter().filter(|text| !text.is_empty()).map(|text| Token { kind: first, text }),
        );
        rest = behind;
    }
    all
}

/// All readings of a name, by the first date of a kind in it.
fn readings(name: &str, order: Option<DateOrder>) -> Readings {
    let all = tokens(name);
    let found = (0..all.len()).find_map(|at| {
        let rest = all.get(at..)?;
        let (date, length) = match order {
            None => year_first(rest).or_else(|| month_named(rest)),
            Some(order) => year_last(rest, order),
        }?;
        Some((at, at + length, date))
    });
    let Some((start, end, date)) = found else { return Vec::new() };
    let text = |from: usize, to: usize| {
        all.get(from..to).unwrap_or_default().iter().map(|token| token.text).collect::<String>()
    };
    let mut found = vec![];
    let mut add = |date, place, time: Option<Clock>, from, to| {
        let offset = time.as_ref().and_then(|time| time.offset);
        let around = (text(0, from), text(to, all.len()));
        found.push((
            Form { order, place },
            NamedMoment { date, time: time.map(|time| time.time), offset, around },
        ));
    };
    if let Some(time) = behind(&all, end) {
        let to = time.end;
        add(date, Place::Behind, Some(time), start, to);
        // 2000 Jun 25 2022: of the year 2000, or at eight in the evening. Other names may show which.
        let other = |at: usize| Some((at, month_named(all.get(at..)?).filter(|_| order.is_none())?));
        if let Some((at, (date, length))) = (start + 1..end).find_map(other) {
            if let Some((from, time)) = before(&all, at) {
                add(date, Place::Before, Some(time), from, at + length);
            }
            return found;
        }
    }
    if let Some((from, time)) = before(&all, start) {
        add(date, Place::Before, Some(time), from, end);
    }
    add(date, Place::Nowhere, None, start, end);
    found
}

fn number<T: std::str::FromStr>(text: &str, from: usize, to: usize) -> Option<T> {
    text.get(from..to)?.parse().ok()
}

fn checked(year: i16, month: i8, day: i8) -> Option<Date> {
    Date::new(year, month, day).ok().filter(|date| (1990..2200).contains(&date.year()))
}

/// Three numbers with the same marks between them: four digits where the year is, else one or two.
fn in_three<'a>(all: &[Token<'a>], year: usize) -> Option<[&'a str; 3]> {
    let [a, first, b, second, c, ..] = all else { return None };
    let texts = [a, b, c];
    let fits = |(at, token): (usize, &&Token<'_>)| {
        if at == year { token.text.len() == 4 } else { token.text.len() <= 2 }
    };
    let alike = first.kind == Kind::Marks && first.text == second.text;
    let digits = texts.iter().all(|token| token.kind == Kind::Digits);
    (alike && digits && texts.iter().enumerate().all(fits)).then_some(texts.map(|token| token.text))
}

fn in_one<'a>(all: &[Token<'a>]) -> Option<&'a str> {
    all.first().filter(|token| token.kind == Kind::Digits && token.text.len() == 8).map(|token| token.text)
}

fn year_first(all: &[Token<'_>]) -> Option<(Date, usize)> {
    if let Some(date) =
        in_one(all).and_then(|text| checked(number(text, 0, 4)?, number(text, 4, 6)?, number(text, 6, 8)?))
    {
        return Some((date, 1));
    }
    let [year, month, day] = in_three(all, 0)?;
    Some((checked(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?, 5))
}

fn year_last(all: &[Token<'_>], order: DateOrder) -> Option<(Date, usize)> {
    let ordered = |a: i8, b: i8, year: i16| match order {
        DateOrder::Dmy => checked(year, b, a),
        DateOrder::Mdy => checked(year, a, b),
        DateOrder::Ymd => None,
    };
    if let Some(date) =
        in_one(all).and_then(|text| ordered(number(text, 0, 2)?, number(text, 2, 4)?, number(text, 4, 8)?))
    {
        return Some((date, 1));
    }
    let [a, b, year] = in_three(all, 2)?;
    Some((ordered(a.parse().ok()?, b.parse().ok()?, year.parse().ok()?)?, 5))
}

/// 22Nov2026, 22-Nov-2026, Nov-22-2026, 2026Nov22.
fn month_named(all: &[Token<'_>]) -> Option<(Date, usize)> {
    let mut parts = all.iter().enumerate().filter(|(_, token)| token.kind != Kind::Marks);
    let ((first, a), (second, b), (third, c)) = (parts.next()?, parts.next()?, parts.next()?);
    if first > 0 || second > 2 || third > 4 {
        return None;
    }
    let (year, word, day) = match (a.kind, b.kind, c.kind) {
        (Kind::Digits, Kind::Word, Kind::Digits) if a.text.len() == 4 => (a, b, c),
        (Kind::Digits, Kind::Word, Kind::Digits) => (c, b, a),
        (Kind::Word, Kind::Digits, Kind::Digits) => (c, a, b),
        _ => return None,
    };
    let year = year.text.parse().ok().filter(|_| year.text.len() == 4)?;
    Some((checked(year, month(word.text)?, day.short()?)?, third + 1))
}

/// A time of day, and where it ends.
struct Clock {
    time: Time,
    offset: Option<Offset>,
    end: usize,
}

/// Words between a date and a time.
const AT: [&str; 5] = ["t", "at", "um", "time", "kl"];

/// The time of day behind a date.
fn behind(all: &[Token<'_>], date_ends: usize) -> Option<Clock> {
    let (mut at, mut half, mut iso) = (date_ends, None, false);
    loop {
        let token = all.get(at)?;
        if token.kind == Kind::Digits {
            break;
        } else if token.is_word(&AT) && !iso {
            iso = true;
        } else if half.is_none() && token.half().is_some() {
            half = token.half();
        } else if !token.is_gap() {
            return None;
        }
        at += 1;
        if at > date_ends + 5 {
            return None;
        }
    }
    clock(all, at, half, iso)
}

/// The time of day before a date, and where it starts.
fn before(all: &[Token<'_>], date_starts: usize) -> Option<(usize, Clock)> {
    let all = all.get(..date_starts)?;
    let mut found = (date_starts.saturating_sub(9)..date_starts).filter_map(|at| {
        if all.get(at)?.kind != Kind::Digits {
            return None;
        }
        // AM or PM before it; at the start of a name, `pm` is PoolMon's.
        let gap = usize::from(at.checked_sub(1).and_then(|at| all.get(at)).is_some_and(Token::is_gap));
        let word = at.checked_sub(1 + gap);
        let half = word.and_then(|at| all.get(at)).and_then(Token::half);
        let start = if half.is_some() { word? } else { at };
        if half.is_some() && start == 0 {
            return None;
        }
        let gap_before = start.checked_sub(1).and_then(|at| all.get(at));
        let digits_before =
            start.checked_sub(2).and_then(|at| all.get(at)).filter(|token| token.kind == Kind::Digits);
        // The minute of an hour that is no hour, as in 14-05: what is before it belongs to it.
        let next =
            all.get(at + 1).filter(|_| all.get(at + 2).is_some_and(|token| token.kind == Kind::Digits));
        let is_inside = digits_before.is_some()
            && all.get(at)?.short().is_some()
            && next.is_none_or(|next| gap_before.is_some_and(|gap| gap.text == next.text));
        let is_free = !is_inside && gap_before.is_none_or(|token| token.kind == Kind::Marks);
        let mut clock = clock(all, at, half, false)?;
        let numbers = all.get(at..clock.end)?.iter().filter(|token| token.kind == Kind::Digits).count();
        // srv-01-08-00: three numbers may be one, and a time; pool_08_00 is a time.
        let same = numbers > 2
            && half.is_none()
            && gap_before.is_some_and(|token| all.get(at + 1).is_some_and(|next| next.text == token.text));
        let leads = all.get(clock.end).is_some_and(Token::is_gap);
        clock.end += usize::from(leads);
        (is_free && clock.end == date_starts && leads).then_some((start, clock, same))
    });
    let (start, clock, same) = found.next()?;
    (!same).then_some((start, clock))
}

/// Hour, minute and perhaps second, AM or PM on either side, and the distance from UTC.
fn clock(all: &[Token<'_>], at: usize, half_before: Option<i8>, iso: bool) -> Option<Clock> {
    let first = all.get(at)?;
    let (hour, minute, second, mut end, is_bare) = match first.text.len() {
        4 | 6 | 9 => {
            let text = first.text;
            (number(text, 0, 2)?, number(text, 2, 4)?, number(text, 4, 6).unwrap_or(0), at + 1, false)
        }
        1 | 2 => by_parts(all, at)?,
        _ => return None,
    };
    let gap = usize::from(all.get(end).is_some_and(Token::is_gap));
    if all.get(end + gap).is_some_and(|token| token.is_word(&["amz", "pmz"])) {
        return None;
    }
    let half_behind = all.get(end + gap).and_then(Token::half);
    if half_behind.is_some() {
        end += gap + 1;
    }
    let half = match (half_before, half_behind) {
        (Some(_), Some(_)) => return None,
        (before, behind) => before.or(behind),
    };
    let hour: i8 = match (half, hour) {
        (None, _) if is_bare => return None,
        (None, hour) => hour,
        (Some(_), 0 | 13..) => return None,
        (Some(half), hour) => hour % 12 + half,
    };
    let time = Time::new(hour, minute, second, 0).ok()?;
    let (offset, end) = offset(all, end, iso).map_or((None, end), |(offset, end)| (Some(offset), end));
    // Letters that go on right behind it make it something else: 0800x64.
    let goes_on = all.get(end).is_some_and(|token| token.kind == Kind::Word);
    (!goes_on).then_some(Clock { time, offset, end })
}

/// `14-05-09`, `14h05m09s`, and an hour alone, which needs AM or PM.
fn by_parts(all: &[Token<'_>], at: usize) -> Option<(i8, i8, i8, usize, bool)> {
    let hour = all.get(at)?.short()?;
    let two = |at: usize| all.get(at).filter(|token| token.text.len() == 2).and_then(Token::short);
    let mark = all.get(at + 1);
    if mark.is_some_and(|mark| mark.is_word(&["h"])) {
        let Some(minute) = two(at + 2) else { return Some((hour, 0, 0, at + 2, false)) };
        if !all.get(at + 3).is_some_and(|mark| mark.is_word(&["m", "min"])) {
            return Some((hour, minute, 0, at + 3, false));
        }
        let Some(second) = two(at + 4) else { return Some((hour, minute, 0, at + 4, false)) };
        let end = at + 5 + usize::from(all.get(at + 5).is_some_and(|mark| mark.is_word(&["s"])));
        return Some((hour, minute, second, end, false));
    }
    let one = |token: &&Token<'_>| {
        token.kind == Kind::Marks && token.text.chars().count() == 1 && token.text != "+"
    };
    let minute = mark.filter(one).and_then(|_| two(at + 2));
    let Some(minute) = minute else { return Some((hour, 0, 0, at + 1, true)) };
    // A number behind another mark is a running number.
    let alike = all.get(at + 3).zip(mark).is_some_and(|(a, b)| a.text == b.text);
    let second = two(at + 4).filter(|_| alike);
    Some((hour, minute, second.unwrap_or(0), if second.is_some() { at + 5 } else { at + 3 }, false))
}

/// `Z`, `UTC`, `+0100`, `+01-00`, and `-0500` where nothing else can be meant.
fn offset(all: &[Token<'_>], at: usize, iso: bool) -> Option<(Offset, usize)> {
    let gap = usize::from(all.get(at).is_some_and(|token| token.is_gap() && token.text != "-"));
    let is_utc = all.get(at + gap).is_some_and(|token| token.is_word(&["z", "utc", "gmt"]));
    let start = if is_utc { at + gap + 1 } else { at };
    let utc = is_utc.then_some((Offset::UTC, start));
    let sign = all.get(start).filter(|token| token.kind == Kind::Marks);
    let ahead = match sign.map(|sign| sign.text) {
        Some(text) if text.ends_with('+') => 1,
        Some("-") if iso || is_utc => -1,
        _ => return utc,
    };
    let by = || {
        let digits = all.get(start + 1).filter(|token| token.kind == Kind::Digits)?;
        let minutes = |at: usize| all.get(at).filter(|token| token.text.len() == 2).and_then(Token::short);
        let (hours, minutes, end) = match digits.text.len() {
            4 => (number(digits.text, 0, 2)?, number(digits.text, 2, 4)?, start + 2),
            1 | 2 => match minutes(start + 3) {
                Some(minutes) => (digits.short()?, minutes, start + 4),
                // Two digits behind a minus are a running number.
                None if ahead > 0 || is_utc => (digits.short()?, 0, start + 2),
                None => return None,
            },
            _ => return None,
        };
        if !(0..=14_i8).contains(&hours) || !matches!(minutes, 0 | 15 | 30 | 45) {
            return None;
        }
        let seconds = ahead * (i32::from(hours) * 60 + i32::from(minutes)) * 60;
        Some((Offset::from_seconds(seconds).ok()?, end))
    };
    by().or(utc)
}

impl NamedMoment {
    /// The day and the time of day; midnight if that is not known.
    pub(crate) fn civil(&self) -> DateTime {
        self.date.to_datetime(self.time.unwrap_or_else(Time::midnight))
    }
}

#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
