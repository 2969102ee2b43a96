//! The running Windows kernel.
//!
//! * `calls.rs`, `etw.rs`: every call into Windows, behind safe functions; with `access.rs` the only `unsafe` of this crate for Windows;
//! * `access.rs`: who may change a file, folders that only some may use, and the event log's key;
//! * `facts.rs`: what `poolmon doctor` reports, and the loaded drivers;
//! * `trace.rs`: allocations and frees of a tag for a while;
//! * here: the source, and the name of this boot.

mod access;
mod calls;
mod etw;
mod facts;
mod trace;

use std::sync::Arc;

use jiff::Timestamp;
use poolmon_model::{Origin, Pool, Sample, Tag};

pub use self::access::{forget_event_source, make_private, register_event_source, replaceable};
use self::calls::ThisMachine;
pub use self::calls::{EventKind, keep_privileges, on_console_end, report_event};
pub use self::facts::{ClassFact, DoctorFacts, POOL_TAGGING, Privilege, Version, doctor, modules};
pub use self::trace::live as trace;
use crate::doctor::Check;
use crate::windows::cross;
use crate::windows::holding::{Holding, HoldingReader};
use crate::windows::query::{self, Buffer, Kernel};
use crate::windows::source::PoolSource;
use crate::{Fact, LoadedModule, Result, Source};

/// Samples of this machine's pools.
#[derive(Debug)]
pub struct WindowsSource(PoolSource<ThisMachine>);

impl WindowsSource {
    /// Asks who and what this machine is. Whether it reports its pools shows at the first sample.
    pub fn new() -> Result<Self> {
        let mut machine = ThisMachine;
        let boot = boot(&mut machine);
        let mut system = calls::version().text();
        if calls::is_wine() {
            system.push_str(" (Wine)");
        }
        Ok(Self(PoolSource::new(machine, calls::computer_name(), Some(system), boot)))
    }
}

impl Source for WindowsSource {
    fn origin(&self) -> &Arc<Origin> {
        self.0.origin()
    }

    fn sample_into(&mut self, sample: &mut Sample) -> Result<()> {
        self.0.sample_into(sample)
    }

    fn want_sessions(&mut self, wanted: bool) {
        self.0.want_sessions(wanted);
    }

    fn facts(&mut self, tag: &Tag, pool: Pool) -> Vec<Fact> {
        self.0.facts(tag, pool)
    }

    fn modules(&mut self) -> Option<Vec<LoadedModule>> {
        self.0.modules()
    }
}

/// What the processes of this machine hold.
#[derive(Debug, Default)]
pub struct LiveHolding(HoldingReader);

impl LiveHolding {
    /// Fills `holding` with what is held now; what it held before is forgotten.
    ///
    /// # Errors
    ///
    /// Windows refuses its list of processes.
    pub fn read_into(&mut self, holding: &mut Holding) -> Result<()> {
        self.0.read_into(&mut ThisMachine, holding)
    }
}

/// Sources of this machine that do not depend on each other, compared, and whether it may be traced; for the self-test.
pub fn crossed() -> Vec<Check> {
    let mut checks = cross::checks(&mut ThisMachine, calls::loaded_drivers());
    let file = std::env::temp_dir().join(format!("poolmon-self-test-{}.etl", std::process::id()));
    checks.push(crate::windows::trace::try_it(&mut etw::Etw::default(), &file));
    checks
}

/// `SystemTimeOfDayInformation`.
const TIME_OF_DAY: u32 = 3;

/// A name for this boot that stays the same until the next one: the time of boot.
///
/// Class 3 reports the boot time and by how much later changes of the clock have moved it; their difference does not
/// change within a boot. Where the class is refused, now − uptime to the minute has to do, which a change of the
/// clock moves.
fn boot(machine: &mut impl Kernel) -> Option<String> {
    let mut buffer = Buffer::default();
    let reported = query::plain(machine, TIME_OF_DAY, 0x30, &mut buffer).ok().and_then(|bytes| {
        let at = |offset: usize| Some(i64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?));
        filetime(at(0)?.checked_sub(at(0x20).unwrap_or(0))?)
    });
    let boot = reported.or_else(|| {
        let since = Timestamp::now().checked_sub(calls::uptime()).ok()?;
        let second = since.as_second();
        Timestamp::from_second(second - second.rem_euclid(60)).ok()
    })?;
    Some(boot.to_string())
}

/// Whole seconds of a count of 100 ns since 1601; `None` for 0 and what no clock shows.
fn filetime(ticks: i64) -> Option<Timestamp> {
    const SECONDS_1601_TO_1970: i64 = 11_644_473_600;
    (ticks > 0).then(|| Timestamp::from_second(ticks / 10_000_000 - SECONDS_1601_TO_1970).ok())?
}
