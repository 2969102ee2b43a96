//! The thread that asks the source: a call may take seconds, or hang, and the screen keeps reacting.
//!
//! Samples travel both ways: filled ones come, used ones go back to be filled again.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use pool_model::{Pool, Sample, Tag};
use pool_source::{Fact, Source};

use crate::verdicts::{Judge, Judgement};

/// Verdicts are at least so far apart, and take no more than a fiftieth of the time.
const JUDGE_EVERY: Duration = Duration::from_secs(10);

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
}

/// What it answers.
#[derive(Debug)]
pub enum Answer {
    /// The state of now.
    Sample(Sample),
    /// Why there is none; the buffer comes back.
    Failed(Sample, String),
    /// What else is known of a row.
    Facts((Tag, Pool), Vec<Fact>),
    /// The rows were judged.
    Judged(Judgement),
}

/// Starts the thread. It ends when the questions' sender is dropped; one that hangs is left behind.
pub fn start<F>(
    mut source: Box<dyn Source>,
    mut judge: Option<Box<dyn Judge>>,
    mut answer: F,
) -> std::io::Result<Sender<Question>>
where
    F: FnMut(Answer) -> bool + Send + 'static,
{
    let (sender, questions): (Sender<Question>, Receiver<Question>) = channel();
    thread::Builder::new().name("sampler".into()).spawn(move || {
        let mut next = Instant::now();
        for question in questions {
            let goes_on = match question {
                Question::Sample(mut sample) => match source.sample_into(&mut sample) {
                    Ok(()) => {
                        if let Some(judge) = &mut judge {
                            judge.push(&sample);
                        }
                        let goes_on = answer(Answer::Sample(sample));
                        match &mut judge {
                            Some(judge) if goes_on && Instant::now() >= next => {
                                let began = Instant::now();
                                let judgement = judge.judge();
                                next = Instant::now() + JUDGE_EVERY.max(began.elapsed() * 50);
                                answer(Answer::Judged(judgement))
                            }
                            _ => goes_on,
                        }
                    }
                    Err(error) => answer(Answer::Failed(sample, error.to_string())),
                },
                Question::Sessions(wanted) => {
                    source.want_sessions(wanted);
                    true
                }
                Question::Facts(tag, pool) => {
                    let facts = source.facts(&tag, pool);
                    answer(Answer::Facts((tag, pool), facts))
                }
            };
            if !goes_on {
                return;
            }
        }
    })?;
    Ok(sender)
}
