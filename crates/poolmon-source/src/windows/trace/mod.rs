//! Recording the pool's allocations and frees with stacks into a file (.etl), by Windows' own event tracing; `poolmon-etl` reads it.
//!
//! * `plan.rs`: what is asked for, as bytes;
//! * here: the order of the calls over a small trait, what each refusal means, and whether a system would agree;
//! * `windows::live` has the calls themselves.

mod plan;
#[cfg(test)]
mod tests;

use std::path::Path;

use poolmon_model::PoolTag;

pub use self::plan::{Guid, MOST_TAGS, Way};
use crate::doctor::{Check, CheckResult};
use crate::{Result, SourceError};

/// The name of the session.
pub const SESSION: &str = "poolmon trace";
/// Sessions of the system's events that Windows allows.
pub const MOST_SESSIONS: usize = 8;

const SUCCESS: u32 = 0;
const ACCESS_DENIED: u32 = 5;
const ALREADY_EXISTS: u32 = 183;
const NO_SYSTEM_RESOURCES: u32 = 1_450;
/// `TraceStackTracingInfo`.
const STACKS: u32 = 3;
/// `TraceSystemTraceEnableFlagsInfo`.
const MASKS: u32 = 4;

/// What a session lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Events that had no room in the session's buffers.
    pub events: u32,
    /// Buffers that could not be written.
    pub buffers: u32,
}

/// The calls of Windows' event tracing. Answers are its error codes, 0 for success.
pub trait Tracer {
    /// The system's build number.
    fn build(&self) -> u32;

    /// Enables the right to trace stacks of the kernel (`SeSystemProfilePrivilege`); false if this user lacks it.
    fn allow_stacks(&mut self) -> bool;

    /// Starts a session of the system's events that writes into a file.
    fn start(&mut self, name: &str, file: &Path) -> u32;

    /// Has a provider write its events into the session.
    fn enable(&mut self, provider: Guid, keywords: u64, filter: Option<&[u8]>) -> u32;

    /// Sets a piece of information of the session.
    fn set(&mut self, class: u32, bytes: &[u8]) -> u32;

    /// Ends a session by its name, and closes its file.
    fn stop(&mut self, name: &str) -> (u32, Lost);
}

/// What was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// What the session lost.
    pub lost: Lost,
    /// What has to be known to read the trace.
    pub remarks: Vec<String>,
}

/// Records into a file until `wait` returns. The kernel chooses `tags` if it can and there are [`MOST_TAGS`] at most; without tags, and
/// on systems before build 20348, every tag is recorded.
///
/// # Errors
/// Windows refuses; whatever was begun is ended. Or nothing was written.
pub fn record(
    tracer: &mut dyn Tracer,
    tags: &[PoolTag],
    file: &Path,
    wait: &mut dyn FnMut() -> Result<()>,
) -> Result<Recorded> {
    record_as(SESSION, tracer, tags, file, wait)
}

/// The same under another name: a session of that name is ended first.
fn record_as(
    session: &str,
    tracer: &mut dyn Tracer,
    tags: &[PoolTag],
    file: &Path,
    wait: &mut dyn FnMut() -> Result<()>,
) -> Result<Recorded> {
    let build = tracer.build();
    let way = Way::of(build).ok_or_else(|| SourceError::Unavailable {
        what: "a live trace".into(),
        why: format!(
            "Windows build {build} has no system trace sessions for programs; Windows 8 and later have"
        ),
        remedy: RECORD_OLD.into(),
    })?;
    let mut recorded = Recorded::default();
    if !tracer.allow_stacks() {
        recorded
            .remarks
            .push("this user lacks SeSystemProfilePrivilege: the trace may have no stacks".into());
    }
    let mut status = tracer.start(session, file);
    if status == ALREADY_EXISTS {
        // What an earlier trace left that was ended hard.
        tracer.stop(session);
        status = tracer.start(session, file);
    }
    check("StartTrace", status)?;
    let begun = begin(tracer, way, tags).and_then(|()| wait());
    let (status, lost) = tracer.stop(session);
    begun?;
    check("ControlTrace", status)?;
    recorded.lost = lost;
    if std::fs::metadata(file).map_or(0, |about| about.len()) == 0 {
        return Err(SourceError::Unavailable {
            what: "a live trace".into(),
            why:
                "the session was started and ended, but nothing was written (Wine does not trace its kernel)"
                    .into(),
            remedy: RECORD.into(),
        });
    }
    Ok(recorded)
}

/// Whether this user may trace: a session of its own is begun, ended and forgotten.
pub fn try_it(tracer: &mut dyn Tracer, file: &Path) -> Check {
    let what = "self-test: tracing";
    let tried = record_as("poolmon self-test", tracer, &[], file, &mut || Ok(()));
    let bytes = std::fs::metadata(file).map_or(0, |about| about.len());
    let _ = std::fs::remove_file(file);
    match tried {
        Ok(recorded) => {
            let found =
                format!("a session began and ended: {bytes} bytes, {} events lost", recorded.lost.events);
            recorded.remarks.into_iter().fold(Check::new(CheckResult::Good, what, found), Check::remedy)
        }
        Err(error) => Check::new(CheckResult::Note, what, error.to_string()),
    }
}

fn begin(tracer: &mut dyn Tracer, way: Way, tags: &[PoolTag]) -> Result<()> {
    // Stacks first: no event shall come without one.
    check("TraceSetInformation(TraceStackTracingInfo)", tracer.set(STACKS, &plan::stacks()))?;
    match way {
        Way::Providers => {
            let enable = "EnableTraceEx2";
            check(enable, tracer.enable(plan::PROCESS, plan::PROCESS_LOADER, None))?;
            let filter = plan::filter(tags);
            check(enable, tracer.enable(plan::MEMORY, plan::MEMORY_POOL, filter.as_deref()))
        }
        Way::Masks => {
            check("TraceSetInformation(TraceSystemTraceEnableFlagsInfo)", tracer.set(MASKS, &plan::masks()))
        }
    }
}

/// How to record where WPR, which is part of Windows 10, may be absent.
const RECORD_OLD: &str = "record with the Windows Performance Toolkit: xperf -on PROC_THREAD+LOADER+POOL -stackwalk PoolAlloc+PoolFree\nafter a minute: xperf -d pool.etl\nand read it with: poolmon trace pool.etl";

/// How to record without poolmon's session.
const RECORD: &str = "record with: wpr -start Pool -filemode\nafter a minute: wpr -stop pool.etl\nand read it with: poolmon trace pool.etl";

/// What an error code means, and what helps.
fn check(call: &str, status: u32) -> Result<()> {
    let (meaning, remedy) = match status {
        SUCCESS => return Ok(()),
        ACCESS_DENIED => {
            return Err(SourceError::Rights {
                what: format!("tracing the kernel ({call})"),
                remedy: "run poolmon as administrator".into(),
            });
        }
        ALREADY_EXISTS => {
            (" ERROR_ALREADY_EXISTS", format!("end the other session: logman stop \"{SESSION}\" -ets"))
        }
        NO_SYSTEM_RESOURCES => (
            " ERROR_NO_SYSTEM_RESOURCES",
            format!(
                "Windows allows {MOST_SESSIONS} sessions of the system's events; list them with: logman query -ets\nand end one: logman stop NAME -ets"
            ),
        ),
        87 => (" ERROR_INVALID_PARAMETER", RECORD.to_owned()),
        50 => (" ERROR_NOT_SUPPORTED", RECORD.to_owned()),
        // Wine's answer to stacks of the kernel.
        120 => (" ERROR_CALL_NOT_IMPLEMENTED", RECORD.to_owned()),
        112 => (" ERROR_DISK_FULL", "write to another disk: --save FILE".to_owned()),
        2 | 3 | 161 => (" ERROR_BAD_PATHNAME", "name a file in a folder that exists: --save FILE".to_owned()),
        _ => ("", RECORD.to_owned()),
    };
    Err(SourceError::Status { call: call.to_owned(), status, meaning: meaning.to_owned(), remedy })
}

/// What is known of a system before it is asked to trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The build number.
    pub build: u32,
    /// Whether this user is an administrator; `None` if unknown.
    pub elevated: Option<bool>,
    /// Sessions of the system's events that run; `None` if Windows does not say.
    pub sessions: Option<usize>,
    /// Whether `DisablePagingExecutive` is set.
    pub paging_disabled: bool,
    /// Wine rather than Windows.
    pub wine: bool,
}

impl Readiness {
    /// The line of `poolmon doctor`.
    pub fn check(&self) -> Check {
        let check = |state, found: String| Check::new(state, "event trace", found);
        let Some(way) = Way::of(self.build) else {
            return check(
                CheckResult::Note,
                format!("build {} has no system trace sessions for programs", self.build),
            )
            .remedy(RECORD_OLD);
        };
        if self.wine {
            return check(CheckResult::Note, "Wine does not trace its kernel".into()).remedy(RECORD);
        }
        if self.elevated == Some(false) {
            return check(CheckResult::Note, "needs administrator's rights".into())
                .remedy("run poolmon as administrator");
        }
        if let Some(sessions) = self.sessions.filter(|sessions| *sessions >= MOST_SESSIONS) {
            return check(
                CheckResult::Note,
                format!("all {sessions} sessions of the system's events are in use"),
            )
            .remedy("list them with: logman query -ets\nand end one: logman stop NAME -ets");
        }
        let choice = match way {
            Way::Providers => "the kernel chooses the tag",
            Way::Masks => "every tag is recorded, and the tag is chosen when the trace is read",
        };
        let sessions = self.sessions.map_or_else(String::new, |sessions| {
            format!("; {sessions} of {MOST_SESSIONS} sessions of the system's events are in use")
        });
        let ready = check(CheckResult::Good, format!("possible: {choice}{sessions}"));
        if self.paging_disabled || way == Way::Providers {
            return ready;
        }
        ready.remedy(
            "if stacks are missing, set DisablePagingExecutive to 1 for the time of the diagnosis, and reboot:\n\
             reg add \"HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management\" /v DisablePagingExecutive /t REG_DWORD /d 1 /f",
        )
    }
}
