//! The thread that asks the source: a call may take seconds, or hang, and the screen keeps reacting.
//!
//! Samples travel both ways: filled ones come, used ones go back to be filled again.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use pool_model::{Pool, Sample, Tag};
use pool_source::{Fact, Source};

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
}

/// Starts the thread. It ends when the questions' sender is dropped; one that hangs is left behind.
pub fn start<F>(mut source: Box<dyn Source>, mut answer: F) -> std::io::Result<Sender<Question>>
where
    F: FnMut(Answer) -> bool + Send + 'static,
{
    let (sender, questions): (Sender<Question>, Receiver<Question>) = channel();
    thread::Builder::new().name("sampler".into()).spawn(move || {
        for question in questions {
            let goes_on = match question {
                Question::Sample(mut sample) => answer(match source.sample_into(&mut sample) {
                    Ok(()) => Answer::Sample(sample),
                    Err(error) => Answer::Failed(sample, error.to_string()),
                }),
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
