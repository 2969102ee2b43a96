//! What a Windows kernel reports, query by query.

use crate::windows::live::{ClassFact, DoctorFacts, Privilege, doctor};
use poolmon_model::units::human_bytes;

use super::{Check, CheckResult};

/// Pool tags with wide counters, pool tags.
const TAG_CLASSES: [u32; 2] = [255, 22];

/// All checks, the most important first.
pub fn checks() -> Vec<Check> {
    let facts = doctor();
    let mut checks = vec![system(&facts), tagging(&facts)];
    let tags = facts.classes.iter().any(|fact| TAG_CLASSES.contains(&fact.class) && fact.answers());
    checks.extend(facts.classes.iter().map(|fact| class(fact, tags)));
    checks.push(elevation(&facts));
    checks.push(debug_privilege(&facts));
    checks.push(facts.tracing.check());
    checks.extend(limits(&facts));
    checks
}

/// Sources of this machine that do not depend on each other, compared.
pub fn crossed() -> Vec<Check> {
    crate::windows::live::crossed()
}

fn system(facts: &DoctorFacts) -> Check {
    let mut found = facts.version.text();
    if let Some(name) = facts.version.name() {
        found.push_str(&format!(" ({name})"));
    }
    found.push_str(&format!(", up {} h", facts.uptime.as_secs() / 3600));
    if facts.wine {
        return Check::new(CheckResult::Note, "system", format!("{found}; it is Wine, not Windows"));
    }
    Check::new(CheckResult::Good, "system", found)
}

fn tagging(facts: &DoctorFacts) -> Check {
    let flag = facts.global_flag.map_or_else(|| "not set".into(), |flags| format!("{flags:#x}"));
    if facts.tagging() {
        return Check::new(
            CheckResult::Good,
            "pool tagging",
            format!("on (always since Server 2003; GlobalFlag {flag})"),
        );
    }
    Check::new(
        CheckResult::Bad,
        "pool tagging",
        format!("off (GlobalFlag {flag}, Enable Pool Tagging is 0x400)"),
    )
    .remedy("gflags /r +ptg\nthen reboot")
}

/// One class; without any class of tags there is no table.
fn class(fact: &ClassFact, tags: bool) -> Check {
    let what = format!("class {} {}", fact.class, fact.what);
    if fact.answers() {
        let found =
            fact.entries.map_or_else(|| "answers".into(), |entries| format!("answers: {entries} entries"));
        return Check::new(CheckResult::Good, &what, found);
    }
    let check = |state| Check::new(state, &what, fact.status_text());
    match fact.class {
        255 if tags => check(CheckResult::Note)
            .remedy("Windows 26H1 and later have it; class 22 does, with 32-bit counters"),
        22 if !tags => check(CheckResult::Bad).remedy(
            "this system does not report its pool tags (Wine does not; Windows 10 and Server 2016 do)\n\
             read a saved log with `poolmon top FILE`, or look at `poolmon demo`",
        ),
        67 => check(CheckResult::Note).remedy("Windows 11 24H2 and later have no session pools"),
        66 => check(CheckResult::Note).remedy("without it the largest allocations of a tag are unknown"),
        _ => check(CheckResult::Note),
    }
}

fn elevation(facts: &DoctorFacts) -> Check {
    match facts.elevated {
        Some(true) => Check::new(CheckResult::Good, "administrator", "yes (the table does not need it)"),
        Some(false) => Check::new(CheckResult::Good, "administrator", "no, and the table does not need it"),
        None => Check::new(CheckResult::Note, "administrator", "unknown"),
    }
}

fn debug_privilege(facts: &DoctorFacts) -> Check {
    let state = match facts.debug_privilege {
        Some(Privilege::Enabled) => "enabled",
        Some(Privilege::Disabled) => "present, not enabled",
        Some(Privilege::Absent) => "absent",
        None => "unknown",
    };
    match facts.hidden_bases {
        Some((hidden, all)) if hidden > 0 => Check::new(
            CheckResult::Note,
            "SeDebugPrivilege",
            format!("{state}; the addresses of {hidden} of {all} drivers are withheld"),
        )
        .remedy("run as administrator to see addresses of drivers and large allocations"),
        _ => Check::new(CheckResult::Good, "SeDebugPrivilege", state),
    }
}

fn limits(facts: &DoctorFacts) -> Option<Check> {
    let (nonpaged, paged) = (facts.header.limit_nonpaged?, facts.header.limit_paged?);
    let found =
        format!("nonpaged max {}, paged max {}, as documented", human_bytes(nonpaged), human_bytes(paged));
    Some(Check::new(CheckResult::Good, "pool limits", found))
}
