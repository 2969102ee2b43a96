//! Wine with a prefix of its own, the shim beside the executable, and runs of both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use crate::script::Script;
use poolmon_testkit::{Need, asked_for, skip};

static READY: OnceLock<Result<Place, String>> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);
/// Tests share the prefix; those that count handles have it to themselves.
static TURNS: RwLock<()> = RwLock::new(());
/// How long one run in a prefix of its own may take; the first one sets the prefix up.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where everything is.
struct Place {
    exe: PathBuf,
    prefix: PathBuf,
}

/// The executable under Wine, ready to be run.
pub struct Wine {
    place: &'static Place,
    /// A folder of this test's own; runs start in it.
    pub folder: PathBuf,
    _turn: Turn,
}

/// Held while a test runs.
#[derive(Debug)]
enum Turn {
    Shared { _guard: RwLockReadGuard<'static, ()> },
    Alone { _guard: RwLockWriteGuard<'static, ()> },
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().expect("the workspace's folder")
}

/// As Wine's programs see a path: drive Z is the root.
pub fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display())
}

fn wine_program() -> Option<&'static str> {
    ["wine", "wine64", "/usr/lib/wine/wine64"]
        .into_iter()
        .find(|program| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok())
}

/// Wine's server, which also ends what runs in a prefix.
fn wineserver() -> &'static str {
    ["/usr/lib/wine/wineserver64", "/usr/lib/wine/wineserver"]
        .into_iter()
        .find(|program| Path::new(program).exists())
        .unwrap_or("wineserver")
}

/// Builds the shim, copies the executable beside it, sets the prefix up. The text says what is missing.
fn prepare() -> Result<Place, String> {
    let reported = std::env::var_os("POOLMON_WINE_EXE").map(PathBuf::from);
    let built = root().join("target/x86_64-pc-windows-gnu/release/poolmon.exe");
    let exe = reported.unwrap_or(built);
    if !exe.exists() {
        return Err(format!("{} is absent (cargo xtask windows)", exe.display()));
    }
    let wine = wine_program().ok_or("wine is not installed")?;
    let target = root().join("target/wine");
    let bin = target.join(format!("bin-{}", std::process::id()));
    fs::create_dir_all(&bin).map_err(|error| error.to_string())?;
    fs::copy(&exe, bin.join("poolmon.exe")).map_err(|error| error.to_string())?;
    let shim = Command::new("x86_64-w64-mingw32-gcc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-o"])
        .arg(bin.join("bcryptprimitives.dll"))
        .arg(root().join("tests/wine/shim/shim.c"))
        .arg("-ladvapi32")
        .output()
        .map_err(|error| format!("x86_64-w64-mingw32-gcc: {error}"))?;
    assert!(shim.status.success(), "the shim: {}", String::from_utf8_lossy(&shim.stderr));
    let leaker = Command::new("x86_64-w64-mingw32-gcc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(bin.join("leaker.exe"))
        .arg(root().join("tests/wine/shim/leaker.c"))
        .output()
        .map_err(|error| format!("x86_64-w64-mingw32-gcc: {error}"))?;
    assert!(leaker.status.success(), "the leaker: {}", String::from_utf8_lossy(&leaker.stderr));
    let place = Place { exe: bin.join("poolmon.exe"), prefix: target.join("prefix") };
    let mut boot = Command::new(wine);
    environment(&place, &mut boot);
    let boot = boot.args(["wineboot", "-i"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    boot.map_err(|error| format!("{wine}: {error}"))?;
    Ok(place)
}

fn environment(place: &Place, command: &mut Command) {
    command
        .env("WINEPREFIX", &place.prefix)
        .env("WINEDEBUG", "-all")
        // No offers to install Mono and Gecko, no menus.
        .env("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=")
        .env_remove("DISPLAY");
}

impl Wine {
    /// `None`, and a line that says why, where the executable or Wine is missing. Under `cargo xtask wine` that fails.
    pub fn ready() -> Option<Self> {
        Self::with(|| Turn::Shared { _guard: TURNS.read().unwrap_or_else(PoisonError::into_inner) })
    }

    /// As [`ready`](Self::ready), for a test that lists handles: no other test's process may start meanwhile.
    ///
    /// Wine 8's server compares the last index of a table of handles, -1 if it is empty, as an unsigned number: it reads past
    /// the table of a process that has no handle yet and crashes, and all programs end, with code 0 and no output.
    pub fn alone() -> Option<Self> {
        Self::with(|| Turn::Alone { _guard: TURNS.write().unwrap_or_else(PoisonError::into_inner) })
    }

    /// Waits until no process of the prefix has started or ended for two seconds: services start after their first program.
    pub fn settle(&self) {
        let marker = format!("WINEPREFIX={}", self.place.prefix.display());
        let running = || -> Vec<PathBuf> {
            let all = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
            let is_ours = |path: &PathBuf| {
                let environment = fs::read(path.join("environ")).unwrap_or_default();
                environment.split(|&byte| byte == 0).any(|one| one == marker.as_bytes())
            };
            all.filter(is_ours).collect()
        };
        let (mut last, mut since) = (running(), Instant::now());
        let until = since + PATIENCE;
        while since.elapsed() < Duration::from_secs(2) {
            assert!(Instant::now() < until, "Wine's services do not settle: {last:?}");
            thread::sleep(Duration::from_millis(100));
            let now = running();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
    }

    fn with(turn: impl FnOnce() -> Turn) -> Option<Self> {
        if !asked_for(Need::Wine) {
            return None;
        }
        match READY.get_or_init(prepare) {
            Ok(place) => {
                let n = COUNT.fetch_add(1, Ordering::Relaxed);
                let folder = root().join(format!("target/wine/run-{}-{n}", std::process::id()));
                fs::create_dir_all(&folder).expect("a folder for this test");
                Some(Self { place, folder, _turn: turn() })
            }
            Err(why) => {
                skip(Need::Wine, format_args!("{why}"));
                None
            }
        }
    }

    /// The executable, with the shim beside it.
    pub fn exe(&self) -> &Path {
        &self.place.exe
    }

    /// Writes the script; what it returns is for the environment variable.
    fn write(&self, script: &Script) -> String {
        let path = self.folder.join("script.txt");
        fs::write(&path, &script.0).expect("the script");
        windows_path(&path)
    }

    /// A program in a prefix of this test's own, for what would disturb the others; `None` = poolmon itself.
    pub fn apart(&self, program: Option<&str>) -> Command {
        let mut command = Command::new(wine_program().expect("found before"));
        environment(self.place, &mut command);
        command.env("WINEPREFIX", self.folder.join("prefix"));
        command.current_dir(&self.folder).stdin(Stdio::null());
        match program {
            Some(program) => command.arg(program),
            None => command.arg(&self.place.exe),
        };
        command
    }

    /// A run of [`apart`](Self::apart) to its end.
    ///
    /// Its words go through files: the services that Wine starts inherit pipes and keep them open, and who reads such
    /// a pipe waits as long as they run.
    #[track_caller]
    pub fn run_apart(&self, program: Option<&str>, args: &[&str]) -> Output {
        let (out, err) = (self.folder.join("apart.out"), self.folder.join("apart.err"));
        let file = |path: &Path| fs::File::create(path).expect("a file for the words");
        let mut command = self.apart(program);
        let mut child =
            command.args(args).stdout(file(&out)).stderr(file(&err)).spawn().expect("wine starts");
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child of ours") {
                break status;
            }
            if Instant::now() > until {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{program:?} {args:?} did not end; it said {:?}", fs::read_to_string(&err));
            }
            thread::sleep(Duration::from_millis(50));
        };
        let read = |path: &Path| fs::read(path).expect("the words");
        Output { status, stdout: read(&out), stderr: read(&err) }
    }

    /// Ends every process of this test's own prefix, and waits until they are gone.
    pub fn end_apart(&self) {
        for flag in ["-k", "-w"] {
            let mut server = Command::new("timeout");
            environment(self.place, &mut server);
            server.env("WINEPREFIX", self.folder.join("prefix")).stdin(Stdio::null());
            let _ =
                server.args(["20", wineserver(), flag]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }

    /// The script as a file; its name as Windows' programs see it.
    pub fn script_file(&self, script: &Script) -> String {
        self.write(script)
    }

    /// The program with arguments; without a script Wine itself answers.
    pub fn run(&self, script: Option<&Script>, args: &[&str]) -> Output {
        let mut command = Command::new(wine_program().expect("found before"));
        environment(self.place, &mut command);
        if let Some(script) = script {
            command.env("POOL_SHIM_SCRIPT", self.write(script));
        }
        command.current_dir(&self.folder).stdin(Stdio::null());
        command.arg(&self.place.exe).args(args).output().expect("wine starts")
    }

    /// The program several times from one shell, so that all of them see one boot: Wine's server, whose start is the boot,
    /// may end with its last program.
    pub fn run_in_one_shell(&self, script: &Script, args: &str, times: usize) -> Output {
        let mut command = Command::new(wine_program().expect("found before"));
        environment(self.place, &mut command);
        command.env("POOL_SHIM_SCRIPT", self.write(script)).current_dir(&self.folder).stdin(Stdio::null());
        let line = vec![format!("{} {args}", windows_path(&self.place.exe)); times].join(" & ");
        command.args(["cmd", "/c", &line]).output().expect("wine starts")
    }

    /// The program that leaks handles, begun, in this test's folder.
    pub fn leaker(&self, words: &[String]) -> std::process::Child {
        let mut command = Command::new(wine_program().expect("found before"));
        environment(self.place, &mut command);
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.arg(self.place.exe.with_file_name("leaker.exe")).args(words).spawn().expect("wine starts")
    }

    /// Standard output of a run that has to succeed, and what is on standard error.
    #[track_caller]
    pub fn text(&self, script: &Script, args: &[&str]) -> (String, String) {
        let output = self.run(Some(script), args);
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{args:?}: {}\n{out}\n{err}", output.status);
        (out, err)
    }

    #[track_caller]
    pub fn json(&self, script: &Script, args: &[&str]) -> serde_json::Value {
        let out = answer(&self.run(Some(script), args));
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}\n{out}"))
    }

    /// A shell line that runs the program with arguments, for a terminal.
    pub fn shell_line(&self, script: &Script, args: &str) -> String {
        format!(
            "cd '{}'; TERM=dumb WINEPREFIX='{}' WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml,winemenubuilder.exe= \
             POOL_SHIM_SCRIPT='{}' {} '{}' {args}; code=$?; printf '\\n\\ncode=%s\\n' $code",
            self.folder.display(),
            self.place.prefix.display(),
            self.write(script),
            wine_program().expect("found before"),
            self.place.exe.display(),
        )
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Standard output and error, with Windows' line ends made plain.
pub fn texts(output: &Output) -> (String, String) {
    let plain = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    (plain(&output.stdout), plain(&output.stderr))
}

/// Standard output of a run that has to succeed and to print something.
#[track_caller]
pub fn answer(output: &Output) -> String {
    let (out, err) = texts(output);
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    assert!(
        !out.is_empty(),
        "code 0 and no output: did Wine's server end during the run? See Wine::alone\n{err}"
    );
    out
}
