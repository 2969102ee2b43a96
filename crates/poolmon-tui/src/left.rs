//! How a person left the screen of a source: order, columns, search, spans of time. The next screen of that source begins with it.
//!
//! A small file for each source, in the person's folder for state, which no one else can read. It is written when the screen is left, if
//! something was changed. What a configuration or an option says comes before it; verdicts still come first if something leaks.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use poolmon_image::{bounded, private};
use poolmon_model::{Search, Sort, column};

use crate::app::App;
use crate::columns::Choice;
use crate::config::toml::{self, TomlValue, quoted};
use crate::render::graph::GraphSpan;
use crate::replay::SPANS;

/// Files that are kept; older ones go.
const MOST: usize = 100;

/// What is remembered; what is as from the start is not.
#[derive(Clone, Debug, Default)]
struct Left {
    sort: Option<Sort>,
    columns: Option<Vec<Choice>>,
    search: String,
    graph: GraphSpan,
    span: Option<usize>,
}

/// Where it is kept for one source.
#[derive(Clone, Debug)]
pub struct LeftFile {
    path: PathBuf,
    /// Which source, as the file names it.
    source: String,
    /// No order was asked for.
    any_order: bool,
    /// No columns were configured, and no search was asked for.
    any_columns: bool,
    any_search: bool,
    /// The order from before.
    order: Sort,
    /// What the file had.
    loaded: Left,
    /// What the screen began with, as a file.
    began: String,
}

impl LeftFile {
    /// The file for this machine, or for these files. `any_order`: neither an option nor the configuration says by what rows are sorted.
    ///
    /// `None` = nothing is remembered: there is no folder for it, a source belongs to another user, or root could be made to write elsewhere.
    pub fn of(sources: &[PathBuf], any_order: bool) -> Option<Self> {
        let folder = folder(|name| std::env::var_os(name))?;
        Self::within(&folder, sources, any_order)
    }

    fn within(folder: &Path, sources: &[PathBuf], any_order: bool) -> Option<Self> {
        if !is_safe(folder) || !sources.iter().all(|path| is_mine(path)) {
            return None;
        }
        let mut source = String::new();
        for path in sources {
            source.push_str(fs::canonicalize(path).ok()?.to_str()?);
            source.push('\n');
        }
        let source =
            if sources.is_empty() { "this machine".to_owned() } else { source.trim_end().to_owned() };
        Some(Self {
            path: folder.join(format!("{:016x}.toml", poolmon_model::fnv(source.as_bytes()))),
            source,
            any_order,
            any_columns: true,
            any_search: true,
            order: Sort::default(),
            loaded: Left::default(),
            began: String::new(),
        })
    }

    /// Begins as the last screen of this source was left.
    pub(crate) fn restore(&mut self, app: &mut App) {
        self.any_columns = app.settings.columns.is_none();
        self.any_search = app.settings.filter.search.text().is_empty();
        self.order = app.settings.sort;
        self.loaded = self.stored().unwrap_or_default();
        let left = self.loaded.clone();
        let mut said = Vec::new();
        if let Some(sort) = left.sort.filter(|_| self.any_order) {
            app.settings.sort = sort;
            said.push(format!("by {}{}", sort.column.title, if sort.by_change { " change" } else { "" }));
        }
        if let Some(columns) = left.columns.filter(|_| self.any_columns) {
            app.settings.columns = Some(columns);
            said.push("with its columns".to_owned());
        }
        if self.any_search && !left.search.is_empty() {
            app.settings.filter.search = Search::new(&left.search);
            said.push(format!("/{}", left.search));
        }
        app.view.graph = left.graph;
        if let (Some(replay), Some(span)) = (app.feed.tape_mut(), left.span) {
            replay.span = span;
        }
        if !said.is_empty() {
            app.derive();
            app.say(format!("As it was left: {}. --no-config begins without that.", said.join(", ")));
        }
        self.began = self.text(&self.now(app));
    }

    /// What the file has, if no one else could have written it.
    fn stored(&self) -> Option<Left> {
        let mut text = String::new();
        private::open(&self.path)?.take(bounded::SMALL).read_to_string(&mut text).ok()?;
        self.read(&text)
    }

    /// What the next screen is to begin with.
    fn now(&self, app: &App) -> Left {
        let settings = &app.settings;
        let sort = app.view.grouping.flat_order(settings.sort);
        // What leaks comes first on its own.
        let chosen = !sort.column.is(&column::VERDICT) && !same(&sort, &self.order);
        let search = settings.filter.search.text();
        Left {
            sort: if self.any_order { chosen.then_some(sort) } else { self.loaded.sort },
            columns: if self.any_columns { settings.columns.clone() } else { self.loaded.columns.clone() },
            search: if self.any_search { search } else { &self.loaded.search }.to_owned(),
            graph: app.view.graph,
            span: app.feed.tape().map(|replay| replay.span).filter(|span| *span + 1 != SPANS.len()),
        }
    }

    /// Keeps how the screen is left. A disk that cannot be written is no reason to say something when a person wants to go.
    pub(crate) fn keep(&self, app: &App) {
        let now = self.text(&self.now(app));
        if now == self.began {
            return;
        }
        let _ =
            if now == self.text(&Left::default()) { fs::remove_file(&self.path) } else { self.write(&now) };
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let written = private::replace(&self.path, |mut file| file.write_all(text.as_bytes())).map(drop);
        self.path.parent().into_iter().for_each(prune);
        written
    }

    fn text(&self, left: &Left) -> String {
        let mut lines = vec![
            "# How the screen of poolmon was left. Remove this file to begin without it.".to_owned(),
            format!("source = {}", quoted(&self.source)),
        ];
        if let Some(sort) = &left.sort {
            lines.push(format!("sort = {}", quoted(sort.column.id)));
            lines.push(format!("by_change = {}", sort.by_change));
            lines.push(format!("reversed = {}", sort.reversed));
        }
        if let Some(columns) = &left.columns {
            let names: Vec<String> = columns.iter().map(|choice| quoted(&choice.name())).collect();
            lines.push(format!("columns = [{}]", names.join(", ")));
        }
        if !left.search.is_empty() {
            lines.push(format!("search = {}", quoted(&left.search)));
        }
        match left.graph {
            GraphSpan::All => {}
            GraphSpan::Last(seconds) => lines.push(format!("graph = {seconds}")),
            GraphSpan::Off => lines.push("graph = 0".to_owned()),
        }
        lines.extend(left.span.map(|span| format!("span = {span}")));
        lines.join("\n") + "\n"
    }

    /// Reads a file; `None` if it is of another source, or damaged. What it has of a later version is left out.
    fn read(&self, text: &str) -> Option<Left> {
        let mut left = Left::default();
        let (mut is_of_source, mut by_change, mut reversed) = (false, false, false);
        for item in toml::read(text).ok()? {
            match (item.key.as_str(), &item.value) {
                ("source", TomlValue::Text(source)) => is_of_source = *source == self.source,
                ("sort", TomlValue::Text(id)) => left.sort = column::by_id(id).map(Sort::by),
                ("by_change", TomlValue::Bare(word)) => by_change = word == "true",
                ("reversed", TomlValue::Bare(word)) => reversed = word == "true",
                ("columns", TomlValue::List(names)) => {
                    let known = Choice::all().into_iter().filter(|choice| names.contains(&choice.name()));
                    left.columns = Some(known.collect::<Vec<_>>()).filter(|columns| !columns.is_empty());
                }
                ("search", TomlValue::Text(text)) => left.search = text.chars().take(60).collect(),
                ("graph", TomlValue::Bare(seconds)) => {
                    left.graph = match seconds.parse() {
                        Ok(0) => GraphSpan::Off,
                        Ok(seconds @ 1..=604_800) => GraphSpan::Last(seconds),
                        _ => GraphSpan::All,
                    };
                }
                ("span", TomlValue::Bare(span)) => {
                    left.span = span.parse().ok().filter(|span| *span < SPANS.len());
                }
                _ => {}
            }
        }
        left.sort = left.sort.map(|sort| Sort { by_change, reversed, ..sort });
        is_of_source.then_some(left)
    }
}

pub(crate) fn same(a: &Sort, b: &Sort) -> bool {
    a.column.is(b.column) && (a.by_change, a.reversed) == (b.by_change, b.reversed)
}

/// A person's folder for the state of the screen, by the environment.
fn folder(get: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let folder = |name: &str| get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = if cfg!(windows) {
        folder("LOCALAPPDATA")?
    } else {
        folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local").join("state")))?
    };
    Some(base.join("poolmon").join("screen"))
}

/// Whether a file belongs to the person who runs this program.
#[cfg(unix)]
fn is_mine(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let owner = |path: &Path| fs::metadata(path).map(|about| about.uid());
    matches!((owner(path), owner(Path::new("/proc/self"))), (Ok(a), Ok(b)) if a == b)
}

/// Whether only this person decides what is written there: root does not write into a folder of another user.
#[cfg(unix)]
fn is_safe(folder: &Path) -> bool {
    !poolmon_source::rights::is_root() || poolmon_source::replaceable::replaceable(folder).is_none()
}

#[cfg(not(unix))]
fn is_mine(_path: &Path) -> bool {
    true
}

#[cfg(not(unix))]
fn is_safe(_folder: &Path) -> bool {
    true
}

/// Removes what was left longest ago.
fn prune(folder: &Path) {
    let Ok(files) = fs::read_dir(folder) else { return };
    let mut files: Vec<_> = files
        .filter_map(|file| {
            let file = file.ok()?;
            Some((file.metadata().and_then(|about| about.modified()).ok()?, file.path()))
        })
        .filter(|(_, path)| path.extension().is_some_and(|kind| kind == "toml"))
        .collect();
    files.sort();
    for (_, path) in files.iter().take(files.len().saturating_sub(MOST)) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use ratatui_crossterm::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::tests::support::windows;
    use crate::tests::{app_of, tags};

    fn file(folder: &Path) -> LeftFile {
        LeftFile::within(folder, &[], true).unwrap()
    }

    fn press(app: &mut App, keys: &str) {
        for key in keys.chars() {
            let key = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
            app.on_key(KeyEvent::new(key, KeyModifiers::NONE));
        }
    }

    /// A screen that is shown, used and left.
    fn visit(folder: &Path, keys: &str) -> App {
        let mut app = app_of(windows, 2);
        let mut left = file(folder);
        left.restore(&mut app);
        press(&mut app, keys);
        left.keep(&app);
        app
    }

    #[test]
    fn a_screen_begins_as_it_was_left() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("poolmon").join("screen");
        visit(&folder, "");
        assert!(!folder.exists(), "nothing was changed, so nothing is written");
        visit(&folder, "d(z| |/pool:paged\n");
        let app = visit(&folder, "");
        let sort = app.settings.sort;
        assert_eq!((sort.column.id, sort.by_change, sort.reversed), ("diff", true, true));
        assert_eq!(app.settings.filter.search.text(), "pool:paged");
        assert!(!tags(&app).contains(&"File".to_owned()), "the search holds from the first frame on");
        let said = app.message.as_ref().unwrap().0.as_str();
        assert!(
            said.starts_with("As it was left: by Diff change, with its columns, /pool:paged.")
                && said.contains("--no-config"),
            "{said}"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&file(&folder).path), mode(&folder)), (0o600, 0o700));
        }
        // Back to what it was at first, nothing is left to remember.
        let mut left = file(&folder);
        let mut app = app_of(windows, 2);
        let begun = app.settings.clone();
        left.restore(&mut app);
        app.settings = begun;
        left.keep(&app);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn what_is_asked_for_comes_first_and_is_not_remembered() {
        let state = tempfile::tempdir().unwrap();
        visit(state.path(), "d/ntf\n");
        let mut app = app_of(windows, 2);
        app.settings.filter.search = Search::new("leak");
        app.settings.sort = Sort::by(&column::BYTES);
        let mut left = LeftFile::within(state.path(), &[], false).unwrap();
        left.restore(&mut app);
        assert_eq!((app.settings.sort.column.id, app.settings.filter.search.text()), ("bytes", "leak"));
        press(&mut app, "c");
        left.keep(&app);
        let app = visit(state.path(), "");
        assert_eq!((app.settings.sort.column.id, app.settings.filter.search.text()), ("diff", "ntf"));
        assert_eq!(app.view.graph, GraphSpan::Off, "what was changed is kept beside it");
    }

    #[test]
    fn a_leak_is_never_behind_an_order_that_was_left() {
        let state = tempfile::tempdir().unwrap();
        let mut app = app_of(windows, 2);
        let mut left = file(state.path());
        left.restore(&mut app);
        app.settings.sort = Sort::by(&column::VERDICT);
        left.keep(&app);
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0, "verdicts come first on their own");
    }

    #[test]
    fn a_file_of_another_source_or_a_damaged_one_says_nothing() {
        let state = tempfile::tempdir().unwrap();
        let left = file(state.path());
        let whole = "source = \"this machine\"\nsort = \"diff\"\ngraph = 600\nspan = 99\nnew = \"x\"\n";
        let read = left.read(whole).unwrap();
        assert_eq!(
            (read.sort.unwrap().column.id, read.graph, read.span),
            ("diff", GraphSpan::Last(600), None)
        );
        assert!(left.read("source = \"/elsewhere\"\nsort = \"diff\"\n").is_none());
        assert!(left.read("sort = \"diff\"\n").is_none() && left.read("source = ").is_none());
        assert!(left.read("source = \"this machine\"\ngraph = x\n").is_none(), "what is no TOML is damaged");
        for wrong in ["sort = 7", "sort = \"nonsense\"", "columns = [\"nonsense\"]", "graph = -3"] {
            let read = left.read(&format!("source = \"this machine\"\n{wrong}\n")).unwrap();
            assert!(read.sort.is_none() && read.columns.is_none() && read.graph == GraphSpan::All, "{wrong}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_remembered_of_what_belongs_to_another_user() {
        let state = tempfile::tempdir().unwrap();
        let log = state.path().join("log");
        fs::write(&log, "x").unwrap();
        let of = |path: &Path| LeftFile::within(state.path(), &[path.to_owned()], true);
        assert!(of(&log).is_some() && of(&state.path().join("none")).is_none());
        if std::os::unix::fs::chown(&log, Some(65534), None).is_err() {
            return;
        }
        assert!(of(&log).is_none(), "it belongs to someone else");
        // Root is not led to write where another user decides what is there.
        let theirs = state.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        std::os::unix::fs::chown(&theirs, Some(65534), None).unwrap();
        assert!(LeftFile::within(&theirs.join("poolmon"), &[], true).is_none());
        assert!(LeftFile::within(&state.path().join("mine"), &[], true).is_some());
    }

    #[test]
    fn files_do_not_become_more_and_more() {
        let state = tempfile::tempdir().unwrap();
        for n in 0..MOST + 20 {
            fs::write(state.path().join(format!("{n}.toml")), "").unwrap();
        }
        visit(state.path(), "d");
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), MOST);
        assert!(file(state.path()).path.exists());
    }

    #[test]
    fn the_folder_is_where_the_environment_says() {
        let with = |set: &'static [(&str, &str)]| {
            folder(move |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into()))
        };
        if !cfg!(windows) {
            assert_eq!(with(&[("HOME", "/h")]).unwrap(), Path::new("/h/.local/state/poolmon/screen"));
            assert_eq!(
                with(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]).unwrap(),
                Path::new("/s/poolmon/screen")
            );
        }
        assert_eq!(with(&[("XDG_STATE_HOME", "relative")]), None);
    }
}
