//! The page in a browser: what a person does with it; its policy refuses nothing of its own; pictures of it are there to be looked
//! at (`POOLMON_PICTURES=FOLDER` keeps them).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_record::Watched;
use poolmon_serve::{Feed, Live, ServeConfig};
use poolmon_source::Source as _;
use poolmon_store::{Recorder, RecorderConfig};
use poolmon_synth::{SimulatedKernel, SimulatedSource, SimulationConfig};

use crate::browser::Browser;
use crate::{Fixed, Running};

pub fn judged() -> Running {
    let server = Running::demo();
    let is_judged = |server: &Running| {
        let rows = server.json("/api/v1/rows?sort=verdict&limit=1");
        let gravity = &rows["rows"][0]["verdict"]["gravity"];
        ["suspected", "growing", "leaking"].iter().any(|it| gravity == it).then_some(())
    };
    server.wait("a suspect", is_judged);
    server
}

pub fn first(server: &Running) -> (String, String) {
    let rows = server.json("/api/v1/rows?sort=verdict&limit=1");
    let of = |name: &str| rows["rows"][0][name].as_str().unwrap().to_owned();
    (of("tag"), of("pool"))
}

const ROW: &str = "document.querySelector('tbody a.tag')";

#[test]
fn what_a_person_does() {
    let server = judged();
    let Some(mut page) = Browser::open(1400, 1000, false) else { return };
    page.go(&format!("http://{}/", server.address));
    page.wait(&format!("{ROW} && document.querySelector('.pill')"));
    page.wait("document.querySelector('#pulse.live') && document.querySelectorAll('#pools polyline.line').length >= 2");
    // Live: the number of samples goes up without anyone's doing.
    page.wait("(window.seen ??= document.querySelector('#version').textContent) !== document.querySelector('#version').textContent");
    // Sort by the keyboard alone, and the address holds it.
    page.value("document.querySelector('[data-sort=tag]').focus()");
    page.press("Enter");
    page.wait("location.search === '?sort=tag' && document.querySelector('th[aria-sort=ascending]').textContent.startsWith('Tag')");
    page.press("Enter");
    page.wait(
        "location.search.includes('reverse=true') && document.querySelector('th[aria-sort=descending]')",
    );
    page.wait("document.activeElement.dataset.sort === 'tag'");
    // Search.
    page.press("/");
    for key in ["L", "e", "a", "k"] {
        page.press(key);
    }
    page.wait("location.search.includes('search=Leak')");
    page.wait("document.querySelector('#count').textContent.startsWith('1 row')");
    page.press("Escape");
    page.wait(
        "!location.search.includes('search') && document.querySelector('#count').textContent.length > 7",
    );
    // A tag's page and back.
    let (tag, pool) = first(&server);
    page.go(&format!("http://{}/?sort=bytes", server.address));
    page.wait(ROW);
    page.value(&format!("[...document.querySelectorAll('.chip, tbody a')].find((link) => link.textContent.startsWith('{tag}')).focus()"));
    page.press("Enter");
    page.wait("document.querySelector('#tag') && document.querySelector('.plot.tall polyline.line')");
    assert!(
        page.value("document.querySelector('.sentence').textContent")
            .as_str()
            .unwrap()
            .contains(&format!("{tag} ({pool})"))
    );
    assert!(
        page.value("document.querySelector('.command code').textContent")
            .as_str()
            .unwrap()
            .contains("poolmon tag")
    );
    page.press("Escape");
    page.wait("document.querySelector('#detail').hidden && !document.querySelector('#overview').hidden");
    // Light to dark and back.
    page.value("document.querySelector('#theme').click()");
    assert_eq!(page.value("document.documentElement.dataset.theme"), "dark");
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn a_recording_is_travelled_through() {
    let (server, _folder) = crate::recorded();
    let Some(mut page) = Browser::open(1400, 1000, false) else { return };
    page.go(&format!("http://{}/", server.address));
    page.wait("document.querySelector('#time input[type=range]')");
    let latest = page.value("document.querySelector('#moment').textContent");
    page.value("(() => { const slider = document.querySelector('#time input'); slider.value = slider.min; slider.dispatchEvent(new Event('input')); })()");
    page.wait(&format!(
        "location.search.includes('at=') && document.querySelector('#moment').textContent < {latest}"
    ));
    page.wait("document.querySelectorAll('#pools line.at').length >= 2");
    page.value("[...document.querySelectorAll('#time button')].find((button) => button.textContent === 'Latest').click()");
    page.wait(&format!("document.querySelector('#moment').textContent === {latest}"));
    // Compared with the start, in colour, and the command for it.
    page.value("(() => { const over = document.querySelector('#over'); over.value = 'start'; over.dispatchEvent(new Event('change')); })()");
    page.wait("location.search.includes('before=start') && document.querySelector('#count').textContent.includes('change since')");
    page.wait("document.querySelector('tbody tr a').textContent === 'Leak' && document.querySelector('tbody td.up')");
    // A view opens again from its address alone, and plays.
    let address = page.value("location.href");
    page.go(address.as_str().unwrap());
    page.wait("document.querySelector('#over').value === 'start' && document.querySelector('tbody td.up')");
    page.value("document.querySelector('#play').click()");
    page.wait("(window.at ??= location.search) !== location.search && location.search.includes('at=')");
    assert_eq!(page.complaints, Vec::<String>::new());
}

/// A live kernel that is recorded beside. The recorder was started again a moment ago: it has twenty minutes from before.
fn live_and_recorded() -> (Running, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let start = Timestamp::now() - SignedDuration::from_mins(20);
    let config = |start| SimulationConfig { start, ..SimulationConfig::default() };
    let mut before =
        SimulatedSource::fixed_step(SimulatedKernel::new(config(start)), Duration::from_secs(10));
    let recorder = RecorderConfig { holders: false, ..RecorderConfig::default() };
    let (mut past, _) = Recorder::open(folder.path(), recorder.clone()).unwrap();
    for number in 0..119 {
        let mut sample = before.sample().unwrap();
        sample.time = Some(start + SignedDuration::from_secs(number * 10));
        past.record_past(&sample).unwrap();
    }
    past.close().unwrap();
    let source = SimulatedSource::real_time(SimulatedKernel::new(config(Timestamp::now())));
    let (watched, _, _) = Watched::new(Box::new(source), folder.path(), recorder).unwrap();
    let (source, recording) = (Box::new(watched), Some(folder.path().to_owned()));
    let live = Live { source, interval: Duration::from_millis(500), recording };
    (Running::of(Feed::Live(live), ServeConfig::default()), folder)
}

#[test]
fn a_live_source_that_is_recorded_is_travelled_through() {
    let (server, folder) = live_and_recorded();
    let Some(mut page) = Browser::open(1400, 1000, false) else { return };
    page.go(&format!("http://{}/", server.address));
    page.wait(
        "document.querySelector('#time input[type=range]') && document.querySelector('#latest').disabled",
    );
    let begins = "Number(document.querySelector('#time input').min)";
    let minutes = page.value(&format!("(Date.now() - {begins}) / 60000")).as_f64().unwrap();
    assert!((19.0..22.0).contains(&minutes), "the recording begins before the server: {minutes}");
    // Five minutes back: the table is of that moment, and stays so while samples come.
    let live = page.value("document.querySelector('#moment').textContent");
    page.value("document.querySelector('#back').focus(), document.querySelector('#back').click()");
    page.wait("location.search.startsWith('?at=') && document.querySelector('#time.past')");
    page.wait(&format!("document.querySelector('#moment').textContent < {live}"));
    page.wait("document.querySelector('#pulse').textContent.includes('of an earlier moment')");
    let moment = page.value("document.querySelector('#moment').textContent");
    page.value("window.seen = document.querySelector('#version').textContent");
    page.wait("window.seen !== document.querySelector('#version').textContent");
    page.value("window.seen = document.querySelector('#version').textContent");
    page.wait("window.seen !== document.querySelector('#version').textContent");
    assert_eq!(page.value("document.querySelector('#moment').textContent"), moment);
    assert_eq!(page.value("document.activeElement.id"), "back", "the keyboard stays where it is");
    let since =
        page.value("(Date.now() - Date.parse(new URLSearchParams(location.search).get('at'))) / 60000");
    assert!((4.9..7.0).contains(&since.as_f64().unwrap()), "{since}");
    // The link opens the same moment, and the command reads the recording.
    let address = page.value("location.href");
    page.go("about:blank");
    page.go(address.as_str().unwrap());
    page.wait(&format!("document.querySelector('#moment').textContent === {moment}"));
    page.value("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }, document.querySelector('#copy').click()");
    page.wait("window.copied");
    let copied = page.value("window.copied");
    let begins = format!("poolmon top {} --at ", folder.path().display());
    assert!(copied.as_str().unwrap().starts_with(&begins), "{copied}");
    // It plays, and is live again.
    page.value("document.querySelector('#play').click()");
    page.wait(&format!(
        "document.querySelector('#moment').textContent > {moment} && location.search.includes('at=')"
    ));
    page.value("document.querySelector('#latest').click()");
    page.wait("location.search === '' && document.querySelector('#latest').disabled && !document.querySelector('#time.past')");
    page.wait("document.querySelector('#play').textContent.includes('Play')");
    // Ten minutes before, in colour; what was before the recording is refused with what helps.
    page.value("(() => { const over = document.querySelector('#over'); over.value = '10m'; over.dispatchEvent(new Event('change')); })()");
    page.wait("location.search.includes('over=10m') && document.querySelector('#count').textContent.includes('change since')");
    assert_eq!(page.complaints, Vec::<String>::new());
    let answer = server.get("/api/v1/rows?at=2020-01-01T00:00:00Z", &[]);
    assert!(
        answer.code == 400 && answer.text().contains("ask for a time from first to last"),
        "{}",
        answer.text()
    );
    std::fs::remove_dir_all(folder.path()).unwrap();
    let answer = server.get("/api/v1/rows?at=-5m", &[]);
    assert!(answer.code == 500 && answer.text().contains("is still there"), "{}", answer.text());
}

#[test]
fn a_live_source_that_is_not_recorded_has_no_other_moments() {
    let server = Running::demo();
    let answer = server.get("/api/v1/rows?at=-5m", &[]);
    assert!(answer.code == 400 && answer.text().contains("poolmon serve --record DIR"), "{}", answer.text());
    assert_eq!(server.json("/api/v1/status")["recorded"], serde_json::Value::Null);
}

#[test]
fn names_are_text() {
    let origin = Origin {
        host: Some("<img src=x onerror=alert(1)>".into()),
        ..Origin::new(SourceKind::Simulated, &[Pool::Nonpaged])
    };
    let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
    let hostile = "<script>document.title='bad'</script>\"'><b>";
    sample.rows = vec![Row::windows(Tag::name(hostile), Pool::Nonpaged, 9, 1, 4096)];
    sample.remarks = vec!["<i>remark</i>".to_owned()];
    let server = Running::new(Fixed::new(sample), Duration::from_hours(1), ServeConfig::default());
    let Some(mut page) = Browser::open(1000, 800, false) else { return };
    page.go(&format!("http://{}/", server.address));
    page.wait(ROW);
    assert_eq!(page.value(&format!("{ROW}.textContent")), hostile);
    assert_eq!(page.value("document.querySelector('#where b').textContent"), "<img src=x onerror=alert(1)>");
    assert_eq!(page.value("document.querySelector('#notes').textContent"), "<i>remark</i>");
    page.value(&format!("{ROW}.click()"));
    page.wait("document.querySelector('#tag')");
    assert_eq!(page.value("document.querySelector('#tag').textContent"), hostile);
    assert_eq!(page.value("document.querySelectorAll('main script, main b b, main i').length"), 0);
    assert_eq!(page.complaints, Vec::<String>::new());
}

/// A script that got into the page would be refused.
#[test]
fn the_policy_holds() {
    let server = Running::demo();
    let Some(mut page) = Browser::open(1000, 800, false) else { return };
    page.go(&format!("http://{}/", server.address));
    page.wait(ROW);
    page.value("(() => { const bad = document.createElement('script'); bad.textContent = 'window.bad = 1'; document.body.append(bad); })()");
    page.value("(() => { const bad = document.createElement('img'); bad.src = 'http://192.0.2.1/x'; document.body.append(bad); })()");
    assert_eq!(page.value("typeof window.bad"), "undefined");
    let refused = page.value("fetch('http://192.0.2.1/').then(() => 'sent', () => 'refused')");
    assert_eq!(refused, "refused");
    page.wait("true");
    assert!(
        page.complaints.iter().any(|one| one.contains("Content Security Policy")),
        "{:?}",
        page.complaints
    );
}

#[test]
fn pictures() {
    let server = judged();
    let (recorded, _log) = crate::recorded();
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("POOLMON_PICTURES").map(std::path::PathBuf::from);
    let folder = kept.as_deref().unwrap_or(folder.path());
    let (tag, pool) = first(&server);
    let tag = format!("/?tag={tag}&of={pool}");
    for (name, path, size, dark) in [
        ("desktop", "/", (1400, 1300), false),
        ("dark", "/", (1400, 1300), true),
        ("phone", "/", (390, 1400), false),
        ("tag", tag.as_str(), (1400, 1250), false),
        ("tag-phone", tag.as_str(), (390, 1400), true),
        ("recording", "/?before=start&sort=change&at=2026-11-30T01:20:00Z", (1400, 1300), false),
    ] {
        let server = if name == "recording" { &recorded } else { &server };
        let Some(mut page) = Browser::open(size.0, size.1, dark) else { return };
        page.go(&format!("http://{}{path}", server.address));
        page.wait("document.querySelector('polyline.line')");
        std::thread::sleep(Duration::from_millis(300));
        // Nothing is wider than the window: a phone does not scroll sideways.
        assert!(
            page.value("document.documentElement.scrollWidth").as_u64() <= Some(u64::from(size.0)),
            "{name}"
        );
        let picture = folder.join(format!("{name}.png"));
        page.picture(&picture);
        assert!(std::fs::metadata(&picture).unwrap().len() > 20_000, "{name} is empty");
        assert_eq!(page.complaints, Vec::<String>::new(), "{name}");
    }
}
