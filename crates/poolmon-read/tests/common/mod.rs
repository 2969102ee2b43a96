//! A saved text and its samples.
#![allow(dead_code, missing_docs, clippy::missing_panics_doc, reason = "each test uses a part of it")]

pub mod dress;

use std::path::Path;

use poolmon_model::Sample;
use poolmon_read::text::{self, SampleReader};
use poolmon_read::{Input, Result};

pub struct LogFile(Input);

impl LogFile {
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::checked(Input::open(path.as_ref())?)
    }

    pub fn from_bytes(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Self> {
        Self::checked(Input::from_bytes(name, bytes.into()))
    }

    fn checked(input: Input) -> Result<Self> {
        text::reader(&input)?;
        Ok(Self(input))
    }

    pub fn reader(&self) -> Result<SampleReader> {
        text::reader(&self.0)
    }

    /// Every sample. An error is the last item; a text without any row is one.
    pub fn samples(&self) -> impl Iterator<Item = Result<Sample>> + use<> {
        let mut reader = self.reader().unwrap();
        std::iter::from_fn(move || {
            let mut sample = Sample::empty();
            reader.next_into(&mut sample).map(|more| more.then_some(sample)).transpose()
        })
    }
}
