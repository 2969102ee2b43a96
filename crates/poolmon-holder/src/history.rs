//! What holders kept over time: steps, so that what does not change takes no room.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::{Anonymous, Census, Counts, Digest, Entry, Holder, HolderId, Kind};

/// Steps of one kind of one holder that are kept; beyond that, half of them are dropped.
const MOST: usize = 512;

/// Programs that are kept of those of which no process runs any more: any process can give itself another name at any time.
const MOST_ENDED: usize = 512;

/// The counts of one kind, each at the moment (seconds) that it was seen. Of equal ones in a row, the first and the last are kept.
#[derive(Clone, Debug, Default, PartialEq)]
struct Steps {
    list: Vec<(f64, u64)>,
    /// Steps are at least this many seconds apart, the last one aside.
    gap: f64,
    /// Before the first of them, it was as many.
    before: bool,
}

impl Steps {
    fn push(&mut self, seconds: f64, count: u64) {
        match self.list.as_mut_slice() {
            [.., before, last] if last.1 == count && before.1 == count => {
                last.0 = seconds;
                return;
            }
            [.., before, last] if last.0 - before.0 < self.gap => *last = (seconds, count),
            _ => self.list.push((seconds, count)),
        }
        if self.list.len() > MOST
            && let (Some(first), Some(last)) = (self.list.first().copied(), self.list.last().copied())
        {
            // Twice the mean distance, so that the whole course keeps one resolution.
            self.gap = 2.0 * (last.0 - first.0) / MOST as f64;
            let (gap, mut kept) = (self.gap, None);
            self.list.retain(|step| {
                let keeps = kept.is_none_or(|kept| step.0 - kept >= gap) || step.0 >= last.0;
                kept = if keeps { Some(step.0) } else { kept };
                keeps
            });
        }
    }

    /// The count at a moment: between two censuses, on the line from one to the other; 0 before it was seen, unless it was there before.
    fn at(&self, seconds: f64) -> f64 {
        let after = self.list.partition_point(|(at, _)| *at <= seconds);
        let next = self.list.get(after);
        match (after.checked_sub(1).and_then(|at| self.list.get(at)), next) {
            (None, Some(first)) => {
                if self.before {
                    first.1 as f64
                } else {
                    0.0
                }
            }
            (Some(last), None) => last.1 as f64,
            (Some(&(from, before)), Some(&(to, then))) => {
                let part = (seconds - from) / (to - from);
                before as f64 + part * (then as f64 - before as f64)
            }
            (None, None) => 0.0,
        }
    }

    fn last(&self) -> u64 {
        self.list.last().map_or(0, |(_, count)| *count)
    }
}

/// The moment of a census, and that of the one before; `None` for the first, before which holders kept the same.
#[derive(Clone, Copy, Debug)]
struct Moment {
    now: f64,
    before: Option<f64>,
}

/// A holder over time.
#[derive(Clone, Debug)]
pub struct Track {
    /// Who.
    pub holder: Holder,
    /// Unit or container.
    pub group: Option<Arc<str>>,
    /// Processes that it stands for now.
    pub processes: u64,
    /// When it was first seen (seconds); `None` if it was there before the first census.
    pub born: Option<f64>,
    kinds: Vec<(Kind, Steps)>,
    /// The census that saw it last.
    seen: u64,
}

impl Track {
    fn new(holder: Holder, group: Option<Arc<str>>, born: Option<f64>) -> Self {
        Self { holder, group, processes: 1, born, kinds: Vec::new(), seen: 0 }
    }

    fn push(&mut self, moment: Moment, counts: &Counts) {
        for (kind, count) in counts.known() {
            match self.kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, steps)) => steps.push(moment.now, count),
                None if count == 0 => {}
                None => {
                    // At the census before it had none.
                    let none = moment.before.map(|before| (before, 0));
                    let list = none.into_iter().chain([(moment.now, count)]).collect();
                    self.kinds.push((kind, Steps { list, gap: 0.0, before: none.is_none() }));
                }
            }
        }
    }

    /// Kinds of which it ever held one.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        self.kinds.iter().map(|(kind, _)| *kind)
    }

    /// What it holds of a kind now.
    pub fn now(&self, kind: Kind) -> u64 {
        self.steps(kind).map_or(0, Steps::last)
    }

    /// What it held of a kind at each of these moments, between two censuses on the line from one to the other; 0 before it was seen with
    /// one, unless that was at the first census.
    pub fn at(&self, kind: Kind, seconds: &[f64]) -> Vec<f64> {
        let steps = self.steps(kind);
        seconds.iter().map(|at| steps.map_or(0.0, |steps| steps.at(*at))).collect()
    }

    /// How often a count of a kind was another one than the one before, as far as that is kept.
    pub fn changes(&self, kind: Kind) -> usize {
        let steps = self.steps(kind).map_or(&[][..], |steps| &steps.list);
        steps.windows(2).filter(|pair| matches!(pair, [a, b] if a.1 != b.1)).count()
    }

    fn steps(&self, kind: Kind) -> Option<&Steps> {
        self.kinds.iter().find(|(known, _)| *known == kind).map(|(_, steps)| steps)
    }
}

/// All holders over time. Of those that ended, only the sums of all processes of their name are kept.
#[derive(Clone, Debug, Default)]
pub struct History {
    tracks: FxHashMap<HolderId, Track>,
    /// Processes of one name together: a server whose workers come and go.
    programs: FxHashMap<Arc<str>, Track>,
    total: Option<Track>,
    censuses: u64,
    /// When they were taken.
    moments: Steps,
    /// Of the first and the last census.
    span: Option<(f64, f64)>,
    incomplete: bool,
    remarks: Vec<String>,
}

impl History {
    /// Takes a census in, this many seconds after the first.
    pub fn push(&mut self, seconds: f64, census: &Census) {
        self.incomplete |= !census.is_complete();
        self.remarks.clone_from(&census.remarks);
        self.take(seconds, census.entries.iter().map(|entry| (entry, 1, false)));
    }

    /// Takes in what a recording has of a census, this many seconds after the first.
    pub fn push_digest(&mut self, seconds: f64, digest: &Digest) {
        self.incomplete |= !digest.is_complete();
        self.take(seconds, digest.kept.iter().map(|kept| (&kept.entry, kept.processes, kept.is_late)));
    }

    /// Takes in entries, each with the processes that it stands for, and whether it was there before it was first listed.
    fn take<'a>(&mut self, seconds: f64, entries: impl Iterator<Item = (&'a Entry, u64, bool)>) {
        self.censuses += 1;
        self.moments.push(seconds, self.censuses);
        let moment = Moment { now: seconds, before: self.span.map(|span| span.1) };
        // What was there at the first census was there before.
        let earlier = Moment { before: None, ..moment };
        self.span = Some((self.span.map_or(seconds, |span| span.0), seconds));
        let mut programs: FxHashMap<&Arc<str>, (u64, Counts)> = FxHashMap::default();
        let mut total = Counts::default();
        for (entry, processes, is_late) in entries {
            let is_others = matches!(entry.holder.id, HolderId::Others { .. });
            if !is_others {
                let is_new = !self.tracks.contains_key(&entry.holder.id);
                let moment = if is_new && is_late { earlier } else { moment };
                let born = moment.before.map(|_| seconds);
                let track = self
                    .tracks
                    .entry(entry.holder.id.clone())
                    .or_insert_with(|| Track::new(entry.holder.clone(), entry.group.clone(), born));
                track.seen = self.censuses;
                track.holder.name.clone_from(&entry.holder.name);
                track.group.clone_from(&entry.group);
                track.push(moment, &entry.counts);
            }
            let is_process = entry.holder.id.pid().is_some() || is_others && !entry.holder.name.is_empty();
            let (count, sums) = programs.entry(&entry.holder.name).or_default();
            for (kind, count) in entry.counts.known() {
                total.add(kind, count);
                if is_process {
                    sums.add(kind, count);
                }
            }
            *count += if is_process { processes } else { 0 };
        }
        let censuses = self.censuses;
        self.tracks.retain(|_, track| track.seen == censuses);
        for (name, (processes, counts)) in programs {
            if processes == 0 {
                continue;
            }
            let holder =
                || Holder { id: HolderId::Program { name: Arc::clone(name) }, name: Arc::clone(name) };
            let track = self
                .programs
                .entry(Arc::clone(name))
                .or_insert_with(|| Track::new(holder(), None, moment.before.map(|_| seconds)));
            track.seen = censuses;
            track.processes = processes;
            track.push(moment, &counts);
        }
        // A program of which no process runs holds nothing; it may start again.
        for track in self.programs.values_mut().filter(|track| track.seen != censuses && track.processes > 0)
        {
            track.processes = 0;
            for (_, steps) in &mut track.kinds {
                steps.push(seconds, 0);
            }
        }
        self.forget_programs();
        let whole = || Holder { id: HolderId::Machine, name: "this machine".into() };
        self.total.get_or_insert_with(|| Track::new(whole(), None, None)).push(moment, &total);
    }

    /// Drops at least half of the programs that ended, those that ended first, if there are too many.
    fn forget_programs(&mut self) {
        let ended = self.programs.values().filter(|track| track.processes == 0);
        let mut ended: Vec<u64> = ended.map(|track| track.seen).collect();
        if ended.len() > MOST_ENDED {
            let middle = ended.len() / 2;
            let oldest = *ended.select_nth_unstable(middle).1;
            self.programs.retain(|_, track| track.processes > 0 || track.seen > oldest);
        }
    }

    /// The same with pseudonyms instead of names.
    #[must_use]
    pub fn anonymised(mut self) -> Self {
        let mut names = Anonymous::default();
        for track in self.tracks.values_mut().chain(self.programs.values_mut()) {
            names.holder(&mut track.holder);
            names.group(&mut track.group);
        }
        self
    }

    /// Censuses taken in.
    pub const fn censuses(&self) -> u64 {
        self.censuses
    }

    /// Seconds of the first and the last census; `None` without any.
    pub const fn span(&self) -> Option<(f64, f64)> {
        self.span
    }

    /// Whether every process could be looked into at every census.
    pub const fn is_complete(&self) -> bool {
        !self.incomplete
    }

    /// Remarks of the last census.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Holders that were there at the last census, in no particular order.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.values()
    }

    /// Processes of one name together, of programs with more than one.
    pub fn programs(&self) -> impl Iterator<Item = &Track> {
        self.programs.values().filter(|track| track.processes > 1)
    }

    /// When holders were counted (seconds), of very many counts a part.
    pub fn moments(&self) -> impl Iterator<Item = f64> + '_ {
        self.moments.list.iter().map(|(seconds, _)| *seconds)
    }

    /// All holders together.
    pub const fn total(&self) -> Option<&Track> {
        self.total.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kept;

    fn census(holders: &[(u32, &str, u64)]) -> Census {
        let entry = |&(pid, name, sockets): &(u32, &str, u64)| {
            let mut counts = Counts::default();
            counts.set(Kind::Socket, sockets);
            counts.set(Kind::Thread, 1);
            let holder = Holder { id: HolderId::Process { pid, start: 7 }, name: name.into() };
            Entry { holder, group: None, counts }
        };
        Census { entries: holders.iter().map(entry).collect(), ..Census::default() }
    }

    /// A name for each process, as jobs have them, or one that renames itself: what is kept is bounded, and what runs is kept.
    #[test]
    fn programs_that_ended_are_forgotten() {
        let mut history = History::default();
        for n in 0..5000_u32 {
            let name = format!("job-{n}");
            history.push(
                f64::from(n),
                &census(&[(1, "server", 5), (2, "server", n.into()), (n + 10, &name, 1)]),
            );
            assert!(history.programs.len() <= MOST_ENDED + 3, "{n}: {}", history.programs.len());
        }
        let server = history.programs().next().unwrap();
        assert_eq!(server.at(Kind::Socket, &[0.0, 4999.0]), [5.0, 5004.0]);
        assert!(history.programs.contains_key("job-4998") && !history.programs.contains_key("job-1"));
    }

    #[test]
    fn steps_of_a_holder() {
        let mut history = History::default();
        for (second, sockets) in [(0.0, 5), (1.0, 5), (2.0, 9)] {
            history.push(second, &census(&[(1, "a", sockets)]));
        }
        let track = history.tracks().next().unwrap();
        let moments = [-1.0, 0.0, 1.5, 2.0, 9.0];
        assert_eq!(
            track.at(Kind::Socket, &moments),
            [5.0, 5.0, 7.0, 9.0, 9.0],
            "between two counts, between them"
        );
        assert_eq!(track.steps(Kind::Thread).unwrap().list.len(), 2, "what does not change takes no room");
        assert_eq!(track.born, None);
        assert_eq!((track.now(Kind::Socket), track.now(Kind::Tcp)), (9, 0));
        history.push(3.0, &census(&[(1, "a", 9), (2, "late", 4)]));
        let late = history.tracks().find(|track| track.holder.id.pid() == Some(2)).unwrap();
        assert_eq!(late.at(Kind::Socket, &[2.0, 2.5, 3.0]), [0.0, 2.0, 4.0], "it came later");
        assert_eq!((late.born, history.span()), (Some(3.0), Some((0.0, 3.0))));
    }

    #[test]
    fn workers_that_are_replaced_are_no_growth() {
        let mut history = History::default();
        history.push(0.0, &census(&[(1, "w", 100), (2, "w", 100), (9, "once", 3)]));
        history.push(1.0, &census(&[(3, "w", 100), (4, "w", 110)]));
        assert_eq!(history.tracks().count(), 2, "those that ended are dropped");
        let workers = history.programs().next().unwrap();
        assert_eq!(workers.at(Kind::Socket, &[0.0, 1.0]), [200.0, 210.0]);
        assert_eq!(history.programs().count(), 1, "`once` has ended");
        assert_eq!(history.total().unwrap().at(Kind::Socket, &[0.0, 1.0]), [203.0, 210.0]);
    }

    #[test]
    fn a_program_that_pauses_holds_nothing_meanwhile() {
        let mut history = History::default();
        let two = census(&[(1, "w", 10), (2, "w", 20)]);
        for (second, census) in [(0.0, &two), (1.0, &census(&[])), (2.0, &two)] {
            history.push(second, census);
        }
        let program = history.programs().next().unwrap();
        assert_eq!(program.at(Kind::Socket, &[0.0, 1.0, 2.0]), [30.0, 0.0, 30.0]);
    }

    #[test]
    fn many_steps_are_thinned_and_keep_their_ends() {
        let mut steps = Steps { before: true, ..Steps::default() };
        for at in 0..5_000_u32 {
            steps.push(f64::from(at), u64::from(at));
        }
        assert!((MOST / 4..=MOST).contains(&steps.list.len()), "{}", steps.list.len());
        assert_eq!((steps.list[0], steps.last()), ((0.0, 0), 4_999));
        for at in [50.0, 2_500.0, 4_900.0] {
            let count = steps.at(at);
            assert!((count - at).abs() < 0.001, "{count} at {at}");
        }
    }

    #[test]
    fn the_rest_of_a_recording_counts_for_programs_and_sums() {
        let digest = |own: Option<u64>, is_late, rest: u64, unnamed: u64| {
            let mut kept: Vec<Kept> = Vec::new();
            let mut add = |census: Census, processes, is_late| {
                kept.extend(census.entries.into_iter().map(|entry| Kept { entry, processes, is_late }));
            };
            add(census(&own.map(|own| (1, "w", own)).into_iter().collect::<Vec<_>>()), 1, is_late);
            let others = |name: &str, sockets| {
                let mut one = census(&[(9, name, sockets)]);
                one.entries[0].holder.id = HolderId::Others { name: name.into() };
                one
            };
            add(others("w", rest), 20, false);
            add(others("", unnamed), 300, false);
            Digest { kept, ..Digest::default() }
        };
        let mut history = History::default();
        history.push_digest(0.0, &digest(None, false, 500, 7));
        history.push_digest(5.0, &digest(Some(90), true, 410, 8));
        history.push_digest(10.0, &digest(Some(95), false, 410, 8));
        let moments = [0.0, 5.0, 10.0];
        let tracks: Vec<_> = history.tracks().collect();
        assert_eq!(tracks.len(), 1, "others are no holders of their own");
        assert_eq!(
            tracks[0].at(Kind::Socket, &moments),
            [90.0, 90.0, 95.0],
            "it was among the others before"
        );
        let program = history.programs().next().unwrap();
        assert_eq!((program.processes, program.at(Kind::Socket, &moments)), (21, vec![500.0, 500.0, 505.0]));
        assert_eq!(history.total().unwrap().at(Kind::Socket, &moments), [507.0, 508.0, 513.0]);
    }

    #[test]
    fn one_census_with_closed_processes_makes_the_whole_incomplete() {
        let mut history = History::default();
        history.push(0.0, &Census { closed: 1, ..census(&[]) });
        history.push(1.0, &census(&[]));
        assert!(!history.is_complete());
    }
}
