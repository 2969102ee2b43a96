//! The page ranges of a debugger's dump, damaged.
#![no_main]

#[path = "../../crates/poolmon-dump/tests/common/exercise.rs"]
mod exercise;
#[path = "common/patch.rs"]
mod patch;

use std::sync::LazyLock;

use poolmon_synth::dump::{Arch, Form, Spec, build};

static SOUND: LazyLock<Vec<u8>> =
    LazyLock::new(|| build(&Spec::new(Arch::Amd64, 26_100).tiny()).bytes(Form::RangesFull));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exercise::exercise(patch::patched(&SOUND, bytes));
});
