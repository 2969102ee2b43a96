//! The lines about one host, compared with its truth.

use poolmon_model::Key;
use poolmon_synth::mechanisms::{Cause, Host, Length, Mechanism, RowTruth, Schedule, Standing, Truth};

use crate::baselines;
use crate::judge::{Answer, Judge, LEVELS, Line};
use crate::series::Series;

/// What a line, or a place in a ranking, is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// Its row loses memory, and goes on to.
    True,
    /// Its row lost memory, which was freed or is not lost any more: naming it is neither right nor wrong.
    Neutral,
    /// Its row does not leak.
    False,
}

/// A leak that had to be named.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its mechanism.
    pub mechanism: Mechanism,
    /// The surest level at which it was named.
    pub level: Option<usize>,
    /// Named within as many lines as there are wanted leaks.
    pub in_first: bool,
    /// Whether the line about it names the culprit; `None` if it has one row, no culprit, or is not named.
    pub culprit: Option<bool>,
    /// What each method without a judge found among as many rows.
    pub by_method: Vec<bool>,
}

/// A line about a row.
#[derive(Clone, Debug)]
pub struct Named {
    /// Mechanism of the row.
    pub mechanism: Mechanism,
    /// Level of the line.
    pub level: usize,
    /// Whether it is right.
    pub worth: Worth,
    /// Whether its interval holds the true rate, of rows that leak.
    pub inside: Option<bool>,
    /// Error of its rate, as a part of the true rate.
    pub rate_error: Option<f64>,
    /// Error of its onset, as a part of the recording, of leaks that began within it.
    pub onset_error: Option<f64>,
}

/// A method without a judge.
#[derive(Clone, Debug, Default)]
pub struct Method {
    /// Its first row belongs to the worst leak.
    pub top: bool,
    /// Rows claimed that leak, and that do not; `None` if it only ranks.
    pub claimed: Option<(usize, usize)>,
}

/// One host.
#[derive(Clone, Debug)]
pub struct Scored {
    /// How it was watched.
    pub length: Length,
    /// Leaks worth acting on and visible.
    pub wanted: Vec<Wanted>,
    /// The judge's lines.
    pub lines: Vec<Named>,
    /// Whether the first line is about the worst wanted leak; `None` if there is none.
    pub top: Option<bool>,
    /// Methods without a judge, in the order of [`baselines::METHODS`].
    pub methods: Vec<Method>,
    /// Stated confidences, and whether the row leaks.
    pub confidences: Vec<(f64, bool)>,
    /// Wrong lines and missed leaks in words.
    pub cases: Vec<String>,
}

/// Simulates, judges and scores a host.
pub fn host(host: Host) -> Scored {
    let schedule = host.schedule.clone();
    let mut judge = Judge::new();
    let mut series = Series::default();
    let mut moments = schedule.hours.iter();
    let truth = host.run(|sample| {
        judge.push(sample);
        series.push(sample, moments.next().copied().unwrap_or_default());
    });
    let answer = judge.answer();
    let rankings = baselines::rank(&series);
    let scorer = Scorer { truth: &truth, schedule: &schedule };
    scorer.score(&answer, &rankings)
}

struct Scorer<'a> {
    truth: &'a Truth,
    schedule: &'a Schedule,
}

impl Scorer<'_> {
    fn score(&self, answer: &Answer, rankings: &[baselines::Ranking]) -> Scored {
        let wanted: Vec<(usize, &Cause)> = self.truth.wanted().collect();
        let lines: Vec<(Vec<Key>, &Line)> = answer.lines.iter().map(|line| (rows_of(line), line)).collect();
        let judged: Vec<Vec<Key>> = lines.iter().map(|(rows, _)| rows.clone()).collect();
        let found = self.within(&judged, wanted.len());
        let by_method: Vec<Vec<usize>> =
            rankings.iter().map(|ranking| self.within(&single(&ranking.rows), wanted.len())).collect();
        let worst = wanted.first().map(|(number, _)| *number);
        let is_worst = |rows: Option<&Vec<Key>>| {
            rows.is_some_and(|rows| rows.iter().any(|key| self.cause(key) == worst && worst.is_some()))
        };
        Scored {
            length: self.schedule.length,
            wanted: wanted
                .iter()
                .map(|&(number, cause)| {
                    let about = lines.iter().filter(|(rows, _)| self.is_about(rows, number));
                    Wanted {
                        mechanism: cause.mechanism,
                        level: about.clone().map(|(_, line)| line.level).min(),
                        in_first: found.contains(&number),
                        culprit: about.clone().next().and_then(|(_, line)| self.culprit_right(cause, line)),
                        by_method: by_method.iter().map(|found| found.contains(&number)).collect(),
                    }
                })
                .collect(),
            lines: answer.lines.iter().map(|line| self.named(line)).collect(),
            top: worst.map(|_| is_worst(judged.first())),
            methods: rankings
                .iter()
                .map(|ranking| Method {
                    top: is_worst(single(&ranking.rows).first()),
                    claimed: ranking.claims.then(|| self.claimed(&ranking.rows)),
                })
                .collect(),
            confidences: answer
                .confidences
                .iter()
                .filter_map(|(key, confidence)| match self.worth(key) {
                    Worth::Neutral => None,
                    worth => Some((*confidence, worth == Worth::True)),
                })
                .collect(),
            cases: self.cases(answer, &wanted),
        }
    }

    fn row(&self, key: &Key) -> Option<&RowTruth> {
        self.truth.row(&key.tag, key.pool)
    }

    fn cause(&self, key: &Key) -> Option<usize> {
        self.row(key)?.cause
    }

    fn is_about(&self, rows: &[Key], cause: usize) -> bool {
        rows.iter().any(|key| self.cause(key) == Some(cause))
    }

    fn worth(&self, key: &Key) -> Worth {
        match self.cause(key).map(|cause| self.truth.causes[cause].standing) {
            Some(Standing::Leaks) => Worth::True,
            Some(Standing::Stopped | Standing::Bounded) => Worth::Neutral,
            Some(Standing::Silent) | None => Worth::False,
        }
    }

    /// Wanted causes that are met within so many lines; further lines about the same cause do not count.
    fn within(&self, lines: &[Vec<Key>], count: usize) -> Vec<usize> {
        let is_wanted = |number: usize| self.truth.wanted().any(|(wanted, _)| wanted == number);
        let mut met: Vec<usize> = Vec::new();
        let mut used = 0;
        for rows in lines {
            let causes = rows.iter().filter_map(|key| self.cause(key));
            let news: Vec<usize> = causes.clone().filter(|cause| !met.contains(cause)).collect();
            if causes.count() > 0 && news.is_empty() {
                continue;
            }
            used += 1;
            if used > count {
                break;
            }
            met.extend(news);
        }
        met.retain(|&number| is_wanted(number));
        met.sort_unstable();
        met.dedup();
        met
    }

    fn culprit_right(&self, cause: &Cause, line: &Line) -> Option<bool> {
        let culprit = cause.culprit.filter(|_| cause.members.len() > 1)?;
        Some(self.truth.rows[culprit].key == line.key)
    }

    fn claimed(&self, rows: &[Key]) -> (usize, usize) {
        let count = |worth| rows.iter().filter(|key| self.worth(key) == worth).count();
        (count(Worth::True), count(Worth::False))
    }

    fn named(&self, line: &Line) -> Named {
        let (start, boot) = (self.schedule.start, self.schedule.last_boot());
        let since = line.since.map(|since| since.duration_since(start).as_secs_f64() / 3600.0);
        let worth = self.worth(&line.key);
        let row = self.row(&line.key);
        let leaking = row.filter(|_| worth == Worth::True);
        let rate = leaking.and_then(|row| self.truth.rate_since(row, since.unwrap_or(boot).max(boot)));
        let (low, estimate, high) = line.rate;
        let cause = leaking.and_then(|row| self.truth.causes.get(row.cause?));
        let onset = cause.and_then(|cause| cause.onset);
        Named {
            mechanism: row.map_or(Mechanism::Constant, |row| row.mechanism),
            level: line.level,
            worth,
            inside: rate.map(|rate| (low..=high).contains(&rate)),
            rate_error: rate.filter(|rate| *rate > 0.0).map(|rate| (estimate - rate).abs() / rate),
            onset_error: onset.map(|onset| (since.unwrap_or(boot) - onset) / (self.schedule.span() - boot)),
        }
    }

    /// The first line, where it is not about the worst leak.
    fn first(&self, answer: &Answer, wanted: &[(usize, &Cause)]) -> Option<String> {
        let &(worst, cause) = wanted.first()?;
        let first = answer.lines.first()?;
        let mechanism = |key: &Key| self.row(key).map_or("unknown", |row| row.mechanism.name());
        let place = answer.lines.iter().position(|line| self.is_about(&rows_of(line), worst));
        let rate = |rate: f64| rate / 1_048_576.0;
        let own = place.map(|at| answer.lines[at].rate.1);
        (place != Some(0)).then(|| {
            format!(
                "first: {} ({}, {}, {:.2} MiB/h), instead of {} ({:.2} MiB/h; place {place:?}, said {:.2})",
                first.key.tag,
                mechanism(&first.key),
                LEVELS[first.level],
                rate(first.rate.1),
                cause.mechanism.name(),
                rate(cause.bytes_per_hour),
                rate(own.unwrap_or(0.0))
            )
        })
    }

    fn cases(&self, answer: &Answer, wanted: &[(usize, &Cause)]) -> Vec<String> {
        let wrong = answer.lines.iter().filter(|line| self.worth(&line.key) == Worth::False).map(|line| {
            let mechanism = self.row(&line.key).map_or("unknown", |row| row.mechanism.name());
            let (level, rate) = (LEVELS[line.level], line.rate.1 / 1_048_576.0);
            format!(
                "wrong: {} ({}), {mechanism}, is named {level} ({:.2}) {rate:.2} MiB/h",
                line.key.tag,
                line.key.pool.id(),
                line.confidence
            )
        });
        let missed = wanted
            .iter()
            .filter(|(number, _)| !answer.lines.iter().any(|line| self.is_about(&rows_of(line), *number)));
        let missed = missed.map(|(_, cause)| {
            let key = &self.truth.rows[cause.culprit.unwrap_or(cause.members[0])].key;
            let rate = cause.bytes_per_hour / 1_048_576.0;
            format!("missed: {} ({}), {}, {rate:.2} MiB/h", key.tag, key.pool.id(), cause.mechanism.name())
        });
        wrong.chain(missed).chain(self.first(answer, wanted)).collect()
    }
}

/// The row of a line, and those in lockstep with it.
fn rows_of(line: &Line) -> Vec<Key> {
    std::iter::once(&line.key).chain(&line.companions).cloned().collect()
}

fn single(rows: &[Key]) -> Vec<Vec<Key>> {
    // More rows than this are looked at by no one, and decide nothing.
    rows.iter().take(100).map(|key| vec![key.clone()]).collect()
}

#[cfg(test)]
mod tests {
    use poolmon_synth::mechanisms::{Seed, System, Tuning};

    use super::*;

    fn perfect(truth: &Truth, schedule: &Schedule) -> Answer {
        let lines = truth.wanted().map(|(_, cause)| {
            let key = |row: usize| truth.rows[row].key.clone();
            let first = cause.culprit.unwrap_or(cause.members[0]);
            let rate = truth.rate_since(&truth.rows[first], cause.onset.unwrap_or(schedule.last_boot()));
            let rate = rate.unwrap_or_default();
            Line {
                key: key(first),
                companions: cause.members.iter().filter(|&&row| row != first).map(|&row| key(row)).collect(),
                level: 0,
                confidence: 0.999,
                rate: (rate * 0.9, rate, rate * 1.1),
                since: cause.onset.map(|onset| schedule.time(onset)),
            }
        });
        Answer { lines: lines.collect(), confidences: Vec::new() }
    }

    /// A host with a leak that is worth acting on, visible and in several rows.
    fn layered() -> (Truth, Schedule) {
        Seed::<Tuning>::first(50)
            .find_map(|seed| {
                let host = Host::with(seed, System::Windows, Length::TwoDays, Mechanism::Connections);
                let schedule = host.schedule.clone();
                let truth = host.run(|_| ());
                let fits = truth.wanted().any(|(_, cause)| cause.culprit.is_some() && cause.onset.is_some());
                fits.then_some((truth, schedule))
            })
            .unwrap()
    }

    #[test]
    fn a_perfect_answer_scores_full_marks() {
        let (truth, schedule) = layered();
        let judge = Scorer { truth: &truth, schedule: &schedule };
        let scored = judge.score(&perfect(&truth, &schedule), &[]);
        assert_eq!(scored.top, Some(true));
        let [wanted] = scored.wanted.as_slice() else { panic!("{:?}", scored.wanted) };
        assert_eq!((wanted.level, wanted.in_first, wanted.culprit), (Some(0), true, Some(true)));
        let [line] = scored.lines.as_slice() else { panic!("{:?}", scored.lines) };
        assert_eq!((line.worth, line.inside), (Worth::True, Some(true)));
        assert!(line.onset_error.unwrap().abs() < 0.01 && line.rate_error.unwrap() < 0.01);
        assert_eq!(scored.cases, Vec::<String>::new());
    }

    #[test]
    fn wrong_answers_lose_what_they_got_wrong() {
        let (truth, schedule) = layered();
        let judge = Scorer { truth: &truth, schedule: &schedule };
        let right = perfect(&truth, &schedule);
        // A layer instead of the culprit.
        let mut layer = right.clone();
        let culprit = std::mem::replace(&mut layer.lines[0].key, right.lines[0].companions[0].clone());
        layer.lines[0].companions[0] = culprit;
        assert_eq!(judge.score(&layer, &[]).wanted[0].culprit, Some(false));
        // An innocent row first: the second line comes too late.
        let innocent = truth.rows.iter().find(|row| row.cause.is_none()).unwrap();
        let mut late = right.clone();
        late.lines.insert(
            0,
            Line { key: innocent.key.clone(), companions: Vec::new(), level: 1, ..right.lines[0].clone() },
        );
        let scored = judge.score(&late, &[]);
        assert_eq!(
            (scored.top, scored.wanted[0].in_first, scored.wanted[0].level),
            (Some(false), false, Some(0))
        );
        assert_eq!((scored.lines[0].worth, scored.cases.len()), (Worth::False, 2));
        // A rate that is too high, and no line at all.
        let mut fast = right;
        fast.lines[0].rate = (1e12, 2e12, 3e12);
        assert_eq!(judge.score(&fast, &[]).lines[0].inside, Some(false));
        let nothing = judge.score(&Answer::default(), &[]);
        assert_eq!((nothing.top, nothing.wanted[0].level, nothing.cases.len()), (Some(false), None, 1));
    }
}
