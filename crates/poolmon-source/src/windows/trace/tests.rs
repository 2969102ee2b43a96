//! The order of the calls, and what each refusal leads to, by a system that we play.

use std::path::PathBuf;

use poolmon_model::problem::Remedy as _;

use super::*;

/// Writes down what it is asked, and refuses the calls that it was told to.
struct Fake {
    build: u32,
    refuse: Vec<(&'static str, u32)>,
    writes: bool,
    file: PathBuf,
    calls: Vec<String>,
}

impl Fake {
    fn new(build: u32, refuse: &[(&'static str, u32)]) -> Self {
        Self { build, refuse: refuse.to_vec(), writes: true, file: PathBuf::new(), calls: Vec::new() }
    }

    fn answer(&mut self, call: &'static str, words: &str) -> u32 {
        self.calls.push(format!("{call} {words}").trim_end().to_owned());
        let at = self.refuse.iter().position(|(refused, _)| *refused == call);
        at.map_or(0, |at| self.refuse.remove(at).1)
    }
}

impl Tracer for Fake {
    fn build(&self) -> u32 {
        self.build
    }

    fn allow_stacks(&mut self) -> bool {
        self.answer("allow", "") == 0
    }

    fn start(&mut self, name: &str, file: &Path) -> u32 {
        self.file = file.into();
        self.answer("start", name)
    }

    fn enable(&mut self, provider: Guid, keywords: u64, filter: Option<&[u8]>) -> u32 {
        let filter = filter.map(|bytes| String::from_utf8_lossy(&bytes[24..]).into_owned());
        self.answer("enable", &format!("{:x} {keywords:x} {filter:?}", provider.0))
    }

    fn set(&mut self, class: u32, bytes: &[u8]) -> u32 {
        self.answer("set", &format!("{class} {}", bytes.len()))
    }

    fn stop(&mut self, name: &str) -> (u32, Lost) {
        if self.writes && self.file.is_absolute() {
            std::fs::write(&self.file, b"trace").unwrap();
        }
        (self.answer("stop", name), Lost { events: 7, buffers: 1 })
    }
}

fn run(fake: &mut Fake, tags: &[PoolTag]) -> (Result<Recorded>, bool) {
    let folder = tempfile::tempdir().unwrap();
    let mut waited = false;
    let result = record(fake, tags, &folder.path().join("pool.etl"), &mut || {
        waited = true;
        Ok(())
    });
    (result, waited)
}

#[test]
fn newer_systems_are_asked_for_the_tag_and_older_ones_for_every_tag() {
    let tags = [PoolTag(*b"Leak")];
    let mut fake = Fake::new(26_100, &[]);
    let (recorded, waited) = run(&mut fake, &tags);
    assert_eq!(recorded.unwrap(), Recorded { lost: Lost { events: 7, buffers: 1 }, remarks: Vec::new() });
    assert!(waited);
    assert_eq!(
        fake.calls,
        [
            "allow",
            "start poolmon trace",
            "set 3 96",
            "enable 151f55dc 1001 None",
            "enable 82958ca9 8 Some(\"Leak\")",
            "stop poolmon trace"
        ]
    );
    let mut fake = Fake::new(19_045, &[]);
    run(&mut fake, &tags).0.unwrap();
    assert_eq!(fake.calls, ["allow", "start poolmon trace", "set 3 96", "set 4 32", "stop poolmon trace"]);
}

#[test]
fn what_was_begun_is_ended_whatever_is_refused() {
    for (refused, words) in [
        (("set", 5), "tracing the kernel (TraceSetInformation(TraceStackTracingInfo)): permission denied"),
        (("enable", 87), "EnableTraceEx2 failed with status 0x00000057 ERROR_INVALID_PARAMETER"),
        (("stop", 2), "ControlTrace failed with status 0x00000002 ERROR_BAD_PATHNAME"),
    ] {
        let mut fake = Fake::new(26_100, &[refused]);
        let error = run(&mut fake, &[]).0.unwrap_err();
        assert_eq!(error.to_string(), words);
        assert!(error.remedy().is_some());
        assert_eq!(fake.calls.last().unwrap(), "stop poolmon trace", "{:?}", fake.calls);
    }
    for (status, words, remedy) in [
        (5, "permission denied", "run poolmon as administrator"),
        (1_450, "ERROR_NO_SYSTEM_RESOURCES", "logman query -ets"),
        (112, "ERROR_DISK_FULL", "--save FILE"),
        (120, "ERROR_CALL_NOT_IMPLEMENTED", "wpr -start Pool"),
        (4_201, "0x00001069", "wpr -start Pool"),
    ] {
        let mut fake = Fake::new(26_100, &[("start", status)]);
        let (result, waited) = run(&mut fake, &[]);
        let error = result.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.remedy().unwrap().contains(remedy), "{error}");
        assert!(!waited && fake.calls.len() == 2, "nothing to end: {:?}", fake.calls);
    }
}

#[test]
fn a_session_that_was_left_is_ended_and_begun_again() {
    let mut fake = Fake::new(26_100, &[("start", 183)]);
    run(&mut fake, &[]).0.unwrap();
    assert_eq!(fake.calls[1..4], ["start poolmon trace", "stop poolmon trace", "start poolmon trace"]);
    let mut fake = Fake::new(26_100, &[("start", 183), ("start", 183)]);
    let error = run(&mut fake, &[]).0.unwrap_err();
    assert!(error.remedy().unwrap().contains("logman stop \"poolmon trace\" -ets"), "{error}");
}

#[test]
fn what_writes_nothing_has_no_privilege_or_is_too_old_is_named() {
    let mut fake = Fake::new(26_100, &[]);
    fake.writes = false;
    let error = run(&mut fake, &[]).0.unwrap_err();
    assert!(error.to_string().contains("nothing was written"), "{error}");
    let mut fake = Fake::new(26_100, &[("allow", 1)]);
    let recorded = run(&mut fake, &[]).0.unwrap();
    assert!(recorded.remarks[0].contains("SeSystemProfilePrivilege"), "{recorded:?}");
    let mut fake = Fake::new(7_601, &[]);
    let error = run(&mut fake, &[]).0.unwrap_err();
    assert!(error.to_string().contains("build 7601") && fake.calls.is_empty(), "{error}");
}

#[test]
fn doctor_says_whether_it_would_work_and_why_not() {
    let ready = Readiness {
        build: 26_100,
        elevated: Some(true),
        sessions: Some(3),
        paging_disabled: false,
        wine: false,
    };
    let told = |readiness: &Readiness| {
        let check = readiness.check();
        (check.state, check.found, check.remedy.unwrap_or_default())
    };
    let (state, found, remedy) = told(&ready);
    assert_eq!((state, remedy.as_str()), (CheckResult::Good, ""));
    assert_eq!(
        found,
        "possible: the kernel chooses the tag; 3 of 8 sessions of the system's events are in use"
    );
    let (_, found, remedy) = told(&Readiness { build: 19_045, sessions: None, ..ready });
    assert!(found.contains("every tag is recorded") && remedy.contains("DisablePagingExecutive"), "{found}");
    for (readiness, words, helps) in [
        (Readiness { build: 7_601, ..ready }, "build 7601", "xperf -on"),
        (Readiness { elevated: Some(false), ..ready }, "administrator", "as administrator"),
        (Readiness { sessions: Some(8), ..ready }, "all 8 sessions", "logman stop"),
        (Readiness { wine: true, ..ready }, "Wine", "wpr -start"),
    ] {
        let (state, found, remedy) = told(&readiness);
        assert_eq!(state, CheckResult::Note, "{found}");
        assert!(found.contains(words) && remedy.contains(helps), "{found}: {remedy}");
    }
}

#[test]
fn the_self_test_tries_it_under_a_name_of_its_own_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("try.etl");
    let mut fake = Fake::new(26_100, &[]);
    let check = try_it(&mut fake, &file);
    assert_eq!(
        (check.state, &*check.found),
        (CheckResult::Good, "a session began and ended: 5 bytes, 7 events lost")
    );
    // A trace that someone is taking is another session.
    let named: Vec<_> = fake.calls.iter().filter(|call| call.starts_with("st")).collect();
    assert_eq!(named, ["start poolmon self-test", "stop poolmon self-test"]);
    assert!(!file.exists());
    let mut fake = Fake::new(26_100, &[("start", ACCESS_DENIED)]);
    let check = try_it(&mut fake, &file);
    assert_eq!(check.state, CheckResult::Note, "{}", check.found);
}
