//! The thread that asks the source: a call may take seconds, or hang, and the screen keeps reacting.
//!
//! Samples of a source travel both ways: filled ones come, used ones go back to be filled again. A tape is read in the
//! same thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_model::problem::Remedy as _;
use poolmon_model::{Pool, Sample, Tag};
use poolmon_source::{Fact, Source};

use crate::holders::HolderRun;
use crate::replay::RowSeries;
use crate::replay::deck::{Deck, DeckMoment, Motion};
use crate::verdicts::{LiveVerdicts, VerdictSource};

/// Verdicts are at least this far apart, and take no more than a fiftieth of the time.
const JUDGE_EVERY: Duration = Duration::from_secs(10);
/// Points of a chart: two for each cell of a wide one.
const CHART: u32 = 240;

/// What the source is asked.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation for every refresh")]
pub enum Question {
    /// The state of now, into this sample.
    Sample(Sample),
    /// Session pools from now on, or no more.
    Sessions(bool),
    /// What else is known of a row.
    Facts(Tag, Pool),
    /// Another moment of the tape.
    Wind(Motion),
    /// The points of a row of the tape.
    Chart((Tag, Pool), Timestamp, Timestamp),
    /// Who held objects at a moment of the tape.
    Holders(Timestamp),
}

/// What it answers.
#[derive(Debug)]
pub enum SamplerAnswer {
    /// The state of now.
    Sample(Sample),
    /// Why there is none; the buffer comes back.
    Failed(Sample, String),
    /// What else is known of a row.
    Facts((Tag, Pool), Vec<Fact>),
    /// The rows were judged.
    Judged(LiveVerdicts),
    /// Why they were not.
    NotJudged(String),
    /// What is damaged of the tape.
    Damaged(String),
    /// Another moment of the tape.
    Moment(DeckMoment),
    /// Why the tape did not move.
    Refused(String),
    /// The points of a row.
    Chart(RowSeries),
    /// Who holds objects.
    Holders(HolderRun),
}

/// Takes answers; false = no one wants them any more.
type Answering<'a> = &'a mut dyn FnMut(SamplerAnswer) -> bool;
/// Answers questions; false = no one wants the answers any more.
pub type Asked = Box<dyn FnMut(Question, Answering<'_>) -> bool + Send>;

/// A source answers.
pub fn of_source(mut source: Box<dyn Source>, mut judge: Option<Box<dyn VerdictSource>>) -> Asked {
    let mut next = Instant::now();
    Box::new(move |question, answer| match question {
        Question::Sample(mut sample) => match source.sample_into(&mut sample) {
            Ok(()) => {
                if let Some(judge) = &mut judge {
                    judge.push(&sample);
                }
                let counted = judge.as_mut().and_then(|judge| judge.holders());
                let mut goes_on = answer(SamplerAnswer::Sample(sample));
                if let Some(census) = counted {
                    let run = HolderRun { counts: vec![Arc::new(census)], replaces: false };
                    goes_on = goes_on && answer(SamplerAnswer::Holders(run));
                }
                match &mut judge {
                    Some(judge) if goes_on && Instant::now() >= next => {
                        let began = Instant::now();
                        let judgement = judge.judge();
                        next = Instant::now() + JUDGE_EVERY.max(began.elapsed() * 50);
                        answer(SamplerAnswer::Judged(judgement))
                    }
                    _ => goes_on,
                }
            }
            Err(error) => answer(SamplerAnswer::Failed(sample, error.in_full())),
        },
        Question::Sessions(wanted) => {
            source.want_sessions(wanted);
            true
        }
        Question::Facts(tag, pool) => {
            let facts = source.facts(&tag, pool);
            answer(SamplerAnswer::Facts((tag, pool), facts))
        }
        Question::Wind(_) | Question::Chart(..) | Question::Holders(_) => true,
    })
}

/// A tape answers.
pub fn of_deck(mut deck: Deck) -> Asked {
    Box::new(move |question, answer| match question {
        Question::Wind(motion) => {
            answer(deck.go(&motion).map_or_else(SamplerAnswer::Refused, SamplerAnswer::Moment))
        }
        Question::Chart(row, from, to) => answer(match deck.row(&row, from, to, CHART) {
            Ok(points) => SamplerAnswer::Chart(RowSeries { row, from, to, points }),
            Err(error) => SamplerAnswer::Refused(error),
        }),
        Question::Facts(tag, pool) => {
            let facts = deck.facts(&tag);
            answer(SamplerAnswer::Facts((tag, pool), facts))
        }
        Question::Holders(to) => {
            answer(deck.holders(to).map_or_else(SamplerAnswer::Refused, SamplerAnswer::Holders))
        }
        Question::Sample(_) | Question::Sessions(_) => true,
    })
}

/// Starts the thread. It ends when the questions' sender is dropped; one that hangs is left behind.
pub fn start<F>(mut asked: Asked, mut answer: F) -> std::io::Result<Sender<Question>>
where
    F: FnMut(SamplerAnswer) -> bool + Send + 'static,
{
    let (sender, questions): (Sender<Question>, Receiver<Question>) = channel();
    thread::Builder::new().name("sampler".into()).spawn(move || {
        for question in questions {
            if !asked(question, &mut answer) {
                return;
            }
        }
    })?;
    Ok(sender)
}
