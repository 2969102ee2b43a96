//! `cargo xtask picture`: runs the program inside tmux and draws its main views as `docs/screen*.svg`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_holder::{Census, Counts, Entry, Holder, HolderId, Kind};
use poolmon_model::{CounterWidth, Counters, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_store::{ClockMoment, Recorder, RecorderConfig, StoreError, note};
use poolmon_synth::kernel::{SimulatedKernel, SimulationConfig};

const COLUMNS: usize = 132;
const LINES: usize = 34;
/// Size of one character cell in the picture, in SVG units.
const CELL: (f64, f64) = (8.4, 18.0);
/// How long a screen may take to show what a picture is of.
const PATIENCE: Duration = Duration::from_mins(2);

/// A picture: how the program is run, what is pressed, and what has to be on the screen then.
struct Scene {
    /// Name of the file in `docs/`, without its ending.
    name: &'static str,
    about: &'static str,
    command: &'static str,
    /// What is on the screen before the first key.
    first: &'static str,
    keys: &'static [&'static str],
    wanted: &'static [&'static str],
}

/// `PROGRAM`, `TAPE` and `HOLDERS` in a command stand for the program, a recording of two simulated days, and one of a Linux machine with
/// holders.
const SCENES: [Scene; 6] = [
    Scene {
        name: "screen",
        about: "The live screen over a simulated kernel: pools over two days, the leaking tag first",
        command: "PROGRAM demo",
        first: "!Leak",
        keys: &[],
        wanted: &["!Leak", "leaks 28"],
    },
    Scene {
        name: "screen-detail",
        about: "What is known of the leaking tag: verdict, next command, figures, owner, its curve",
        command: "PROGRAM demo",
        first: "!Leak",
        keys: &["Enter"],
        wanted: &["Verdict", "Next", "Owner", "Diff"],
    },
    Scene {
        name: "screen-groups",
        about: "Rows grouped by driver, with sums, and the group of the leaking driver unfolded",
        command: "PROGRAM demo --sort bytes",
        first: "Bytes\u{25bc}",
        keys: &["g", "Enter"],
        wanted: &["by owner", "\u{25bc}"],
    },
    Scene {
        name: "screen-replay",
        about: "A recording on its timeline: a note, and the leak that began after it",
        command: "PROGRAM replay TAPE",
        first: "!Leak",
        keys: &[],
        wanted: &["REPLAY", "!Leak"],
    },
    Scene {
        name: "screen-holders",
        about: "Who keeps the objects: a process that leaks sockets, then control groups and others",
        command: "PROGRAM replay HOLDERS --at end --sort bytes",
        first: "sock_inode_cache",
        keys: &["o"],
        wanted: &["python3", "Kept"],
    },
    Scene {
        name: "screen-help",
        about: "The keys of the table, and what the terms on it mean",
        command: "PROGRAM demo",
        first: "!Leak",
        keys: &["?"],
        wanted: &["Rows and order"],
    },
];

/// Draws all pictures, or those whose names are given.
pub fn draw(root: &Path, names: &[&str]) -> Result<(), String> {
    let program = root.join("target/release/poolmon");
    if !program.exists() {
        return Err(format!("{} is missing: cargo build --release", program.display()));
    }
    let work = std::env::temp_dir().join(format!("poolmon-picture-{}", std::process::id()));
    fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
    let drawn = SCENES
        .iter()
        .filter(|scene| names.is_empty() || names.contains(&scene.name))
        .try_for_each(|scene| draw_scene(root, &program, &work, scene));
    let _ = fs::remove_dir_all(&work);
    drawn
}

fn draw_scene(root: &Path, program: &Path, work: &Path, scene: &Scene) -> Result<(), String> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let tape = work.join("incident");
    if scene.command.contains("TAPE") && !tape.exists() {
        record(&tape).map_err(|error| failed(&tape, &error))?;
    }
    let holders = work.join("web1");
    if scene.command.contains("HOLDERS") && !holders.exists() {
        record_holders(&holders).map_err(|error| failed(&holders, &error))?;
    }
    let command = scene
        .command
        .replace("PROGRAM", &program.display().to_string())
        .replace("HOLDERS", &holders.display().to_string())
        .replace("TAPE", &tape.display().to_string());
    let tmux = |args: &[&str]| {
        let output = Command::new("tmux")
            .args(["-L", "poolmon-picture", "-f", "/dev/null"])
            .args(args)
            .env("COLORTERM", "truecolor")
            // Each picture begins as a first visit does.
            .env("XDG_STATE_HOME", "/dev/null")
            .output()
            .map_err(|error| format!("tmux: {error}"))?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let wait = |wanted: &[&str]| {
        let begun = Instant::now();
        loop {
            let frame = tmux(&["capture-pane", "-p", "-t", "t"])?;
            if wanted.iter().all(|word| frame.contains(word)) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{}: the screen never showed {wanted:?}:\n{frame}", scene.name));
            }
            thread::sleep(Duration::from_millis(200));
        }
    };
    let (columns, lines) = (COLUMNS.to_string(), LINES.to_string());
    tmux(&["new-session", "-d", "-s", "t", "-x", &columns, "-y", &lines, &command])?;
    let frame = (|| {
        wait(&[scene.first])?;
        // Some refreshes more, so that there are changes.
        thread::sleep(Duration::from_secs(8));
        for key in scene.keys {
            tmux(&["send-keys", "-t", "t", key])?;
            thread::sleep(Duration::from_millis(500));
        }
        wait(scene.wanted)?;
        thread::sleep(Duration::from_secs(6));
        tmux(&["capture-pane", "-p", "-e", "-t", "t"])
    })();
    tmux(&["kill-server"])?;
    let frame = frame?;
    let path = root.join("docs").join(format!("{}.svg", scene.name));
    fs::write(&path, svg(&frame, scene.about)).map_err(|error| failed(&path, &error))?;
    println!("{}", path.display());
    Ok(())
}

/// Two days of a simulated machine, a sample each five minutes: a driver is updated after the first, and leaks from then on.
fn record(folder: &Path) -> Result<(), StoreError> {
    let start: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap_or_default();
    let step = Duration::from_mins(5);
    let updated = 24 * 12;
    let mut kernel = SimulatedKernel::new(SimulationConfig {
        start,
        uptime: Duration::from_hours(200),
        leak: None,
        day: Duration::from_hours(24),
        changes_per_second: 100.0,
        ..SimulationConfig::default()
    });
    let (mut recorder, _) =
        Recorder::open(folder, RecorderConfig { interval: step, ..RecorderConfig::default() })?;
    for n in 0..2 * 24 * 12_u32 {
        let clock = step * n;
        let mut sample = kernel.sample();
        let origin = Arc::make_mut(&mut sample.origin);
        (origin.kind, origin.host) = (SourceKind::Windows, Some("FS-0815".into()));
        origin.system = Some("Windows 10.0.20348".into());
        // What the driver has leaked since its update: 12 objects of 1,040 bytes each second.
        let leaked = u64::from(n.saturating_sub(updated)) * step.as_secs() * 12;
        let row = Row::windows(
            Tag::pool(*b"Leak"),
            Pool::Nonpaged,
            90_000 + leaked,
            88_000,
            (2_000 + leaked) * 1_040,
        );
        sample.rows.push(row);
        sample.header.pool_nonpaged = sample.header.pool_nonpaged.map(|bytes| bytes + leaked * 1_040);
        let wall = start + clock;
        recorder.record_at(&sample, ClockMoment { wall, clock })?;
        kernel.step(step);
    }
    recorder.close()?;
    note(folder, "updated example.sys to 1.2.4", start + step * updated)?;
    Ok(())
}

/// An hour of a machine on which a process loses sockets.
fn record_holders(folder: &Path) -> Result<(), StoreError> {
    let start: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap_or_default();
    let step = Duration::from_mins(2);
    let pools = [Pool::Reclaimable, Pool::Unreclaimable];
    let mut origin = Origin::new(SourceKind::Linux, &pools);
    (origin.host, origin.system) = (Some("web1".into()), Some("Linux 6.12.48".into()));
    let origin = Arc::new(origin);
    let config = RecorderConfig { interval: step, ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(folder, config)?;
    for n in 0..30_u32 {
        let clock = step * n;
        let sockets = 18_000 + u64::from(n) * 250;
        let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits64);
        let mut row = |name: &str, pool, objects: u64, size: u64| {
            let used = objects * size;
            let counters = Counters {
                reported_diff: i64::try_from(objects).ok(),
                bytes: Some(used.next_multiple_of(32_768)),
                used: Some(used),
                ..Counters::default()
            };
            sample.rows.push(Row { tag: Tag::name(name), pool, counters, reported_owner: None });
        };
        row("dentry", Pool::Reclaimable, 812_344 + sockets, 192);
        row("ext4_inode_cache", Pool::Reclaimable, 96_120, 1_096);
        row("sock_inode_cache", Pool::Reclaimable, 1_100 + sockets, 832);
        row("UNIX", Pool::Unreclaimable, 900 + sockets, 1_152);
        row("filp", Pool::Unreclaimable, 31_000 + sockets, 256);
        row("kmalloc-1k", Pool::Unreclaimable, 12_040 + u64::from(n % 5) * 40, 1_024);
        let mib = |n: u64| Some(n << 20);
        let header = &mut sample.header;
        (header.memory_total, header.memory_available) = (mib(15_907), mib(9_211 - u64::from(n)));
        (header.commit, header.commit_limit) = (mib(6_120), mib(7_953));
        (header.slab_reclaimable, header.slab_unreclaimable) = (mib(289), mib(51 + u64::from(n) / 2));
        (header.kernel_stack, header.page_tables) = (mib(11), mib(43));
        (header.vmalloc_used, header.percpu) = (mib(61), mib(6));
        recorder.holders(&census(n.into(), sockets));
        recorder.record_at(&sample, ClockMoment { wall: start + clock, clock })?;
    }
    recorder.close()?;
    Ok(())
}

/// Who holds what there.
fn census(n: u64, sockets: u64) -> Census {
    let entry = |id, name: &str, group: Option<&str>, figures: &[(Kind, u64)]| {
        let mut counts = Counts::default();
        for (kind, count) in figures {
            counts.set(*kind, *count);
        }
        Entry { holder: Holder { id, name: name.into() }, group: group.map(Into::into), counts }
    };
    let process = |pid, name: &str, service: &str, files: u64, sockets: u64| {
        let figures = [
            (Kind::Descriptor, files + sockets),
            (Kind::File, files),
            (Kind::Socket, sockets),
            (Kind::UnixStream, sockets),
            (Kind::Mapping, 137),
            (Kind::PageTable, 262_144),
        ];
        entry(HolderId::Process { pid, start: 9 }, name, Some(service), &figures)
    };
    let group = |path: &str, bytes| {
        entry(HolderId::ControlGroup { path: path.into() }, path, None, &[(Kind::GroupKernel, bytes)])
    };
    let entries = vec![
        process(4788, "python3", "web.service", 12, sockets),
        process(911, "postgres", "postgresql.service", 9_000 - n % 7, 14),
        process(640, "nginx", "nginx.service", 410 + n % 11 * 30, 300 + n % 11 * 25),
        process(1, "systemd", "init.scope", 260, 90),
        group("/system.slice/web.service", (20 << 20) + n * 300_000),
        group("/system.slice/postgresql.service", 14 << 20),
        group("/system.slice/nginx.service", 3 << 20),
        entry(HolderId::User { uid: 0 }, "uid 0", None, &[(Kind::Key, 31)]),
    ];
    Census { processes: 4, entries, ..Census::default() }
}

/// How a run of characters looks.
#[derive(Clone, Debug, Default, PartialEq)]
struct Style {
    colour: Option<String>,
    bold: bool,
    dim: bool,
    reverse: bool,
}

impl Style {
    /// Takes one SGR sequence's numbers (`1;38;2;255;0;0`).
    fn apply(&mut self, codes: &str) {
        let codes: Vec<u32> = codes.split(';').map(|code| code.parse().unwrap_or(0)).collect();
        let mut rest = codes.as_slice();
        while let Some((&code, after)) = rest.split_first() {
            rest = after;
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                7 => self.reverse = true,
                22 => (self.bold, self.dim) = (false, false),
                27 => self.reverse = false,
                30..=37 => self.colour = Some(named(code - 30)),
                90..=97 => self.colour = Some(named(code - 90 + 8)),
                39 => self.colour = None,
                38 | 48 => {
                    let colour = match after {
                        [2, r, g, b, ..] => Some((4, format!("#{r:02x}{g:02x}{b:02x}"))),
                        [5, n, ..] => Some((2, indexed(*n))),
                        _ => None,
                    };
                    if let Some((used, colour)) = colour {
                        rest = after.get(used..).unwrap_or_default();
                        if code == 38 {
                            self.colour = Some(colour);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn named(n: u32) -> String {
    const COLOURS: [&str; 16] = [
        "#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9", "#6b7489",
        "#ff8089", "#b5e08f", "#ffd98a", "#84c5ff", "#dd9bf0", "#7fd8e4", "#ffffff",
    ];
    COLOURS.get(n as usize).unwrap_or(&"#d8dee9").to_string()
}

fn indexed(n: u32) -> String {
    match n {
        0..=15 => named(n),
        16..=231 => {
            let level = |v: u32| if v == 0 { 0 } else { 55 + v * 40 };
            let n = n - 16;
            format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        _ => {
            let grey = 8 + (n.min(255) - 232) * 10;
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}

/// The captured frame as an SVG picture.
fn svg(frame: &str, about: &str) -> String {
    let (width, height) = (COLUMNS as f64 * CELL.0 + 24.0, LINES as f64 * CELL.1 + 24.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         role=\"img\" aria-label=\"{about}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1e222a\"/>\n\
         <g font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\" \
         fill=\"#d8dee9\">\n"
    );
    let mut style = Style::default();
    for (row, line) in frame.lines().take(LINES).enumerate() {
        let mut column = 0;
        let mut run = String::new();
        let mut run_at = 0;
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if let Some(sequence) = rest.strip_prefix("\x1b[")
                && let Some(end) = sequence.find(|c: char| c.is_ascii_alphabetic())
            {
                put(&mut out, &run, run_at, row, &style);
                run.clear();
                run_at = column;
                if sequence[end..].starts_with('m') {
                    style.apply(&sequence[..end]);
                }
                rest = &sequence[end + 1..];
                continue;
            }
            run.push(c);
            column += 1;
            rest = &rest[c.len_utf8()..];
        }
        put(&mut out, &run, run_at, row, &style);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn put(out: &mut String, run: &str, column: usize, row: usize, style: &Style) {
    if run.is_empty() || (run.trim().is_empty() && !style.reverse) {
        return;
    }
    let (x, y) = (12.0 + column as f64 * CELL.0, 12.0 + row as f64 * CELL.1);
    let count = run.chars().count();
    let colour = style.colour.as_deref().unwrap_or("#d8dee9");
    let mut fill = colour;
    if style.reverse {
        let width = count as f64 * CELL.0;
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>",
            CELL.1
        );
        fill = "#1e222a";
    }
    let text = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
    let opacity = if style.dim { " opacity=\"0.65\"" } else { "" };
    let _ = writeln!(
        out,
        "<text xml:space=\"preserve\" x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{fill}\"{weight}{opacity}>{text}</text>",
        y + 13.5,
        count as f64 * CELL.0
    );
}
