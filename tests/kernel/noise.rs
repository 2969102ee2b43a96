//! What goes on beside: a compile, a search through all files, and a tree of files that grows.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Files written a second. No whole part of what the holders take, so that the two are not in lockstep.
const FILES: u64 = 37;

/// What is going on.
pub struct Noise {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    compiled: AtomicU64,
    searched: AtomicU64,
    files: AtomicU64,
}

/// How often each was done.
#[derive(Debug)]
pub struct Turns {
    pub compiled: u64,
    pub searched: u64,
    pub files: u64,
}

impl fmt::Display for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compiled, searched, files } = self;
        write!(
            f,
            "beside: {compiled} compiles, {searched} searches through all files begun, {files} files written"
        )
    }
}

impl Noise {
    /// Begins; files go into the folder.
    pub fn start(folder: &Path) -> Self {
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::<Counts>::default());
        let begin = |work: fn(&Path, &AtomicBool, &Counts)| {
            let (folder, stop, counts) = (folder.to_owned(), Arc::clone(&stop), Arc::clone(&counts));
            std::thread::spawn(move || work(&folder, &stop, &counts))
        };
        let threads = vec![begin(compile), begin(search), begin(copy)];
        Self { stop, threads, counts }
    }

    /// Ends it, and reports how much there was.
    pub fn stop(mut self) -> Turns {
        self.end();
        let reported = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.counts;
        Turns {
            compiled: reported(&counts.compiled),
            searched: reported(&counts.searched),
            files: reported(&counts.files),
        }
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(std::thread::panicking() || ended.is_ok(), "the noise ended early");
        }
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a command to its end, or until there is to be no more noise. True where it succeeded.
fn run(command: &mut Command, stop: &AtomicBool) -> Option<bool> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a program");
    loop {
        if let Some(status) = child.try_wait().expect("its end") {
            return Some(status.success());
        }
        if stop.load(Ordering::Relaxed) {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A file of a few dozen functions, repeatedly, each in a new folder.
fn compile(folder: &Path, stop: &AtomicBool, counts: &Counts) {
    use std::fmt::Write as _;

    let compiler = std::env::var_os("POOLMON_COMPILER").unwrap_or_else(|| "cc1".into());
    for turn in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let work = folder.join(format!("compile-{turn}"));
        std::fs::create_dir_all(&work).expect("a folder");
        let mut text = String::new();
        for n in 0..40 {
            let _ = writeln!(
                text,
                "int f{n}(const int *x, int k) {{ int s = {turn}; for (int i = 0; i < k; i++) s += x[i] * {n}; return s; }}"
            );
        }
        std::fs::write(work.join("noise.c"), text).expect("a source");
        let mut command = Command::new(&compiler);
        // Freestanding: the guest has no headers.
        command.args(["-quiet", "-ffreestanding", "-O1", "noise.c", "-o", "noise.s"]).current_dir(&work);
        if let Some(well) = run(&mut command, stop) {
            assert!(well, "the compiler compiles");
            counts.compiled.fetch_add(1, Ordering::Relaxed);
        }
        std::fs::remove_dir_all(&work).expect("it is ours");
        std::thread::sleep(Duration::from_secs(2));
    }
}

/// `find /`, over and over. It may not be let in everywhere.
fn search(_: &Path, stop: &AtomicBool, counts: &Counts) {
    while !stop.load(Ordering::Relaxed) {
        counts.searched.fetch_add(1, Ordering::Relaxed);
        let _ = run(Command::new("find").args(["/", "-name", "nothing"]), stop);
        std::thread::sleep(Duration::from_secs(5));
    }
}

/// A tree that is copied: the caches of its entries and inodes grow as long as memory is free.
fn copy(folder: &Path, stop: &AtomicBool, counts: &Counts) {
    let start = Instant::now();
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = u64::try_from(start.elapsed().as_millis()).unwrap_or(0) * FILES / 1000;
        while written < due {
            write_file(&folder.join(format!("copy-{}", written / 500)), written);
            written += 1;
        }
        counts.files.store(written, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn write_file(folder: &Path, number: u64) {
    let path: PathBuf = folder.join(number.to_string());
    if std::fs::write(&path, b"a line of text\n").is_err() {
        std::fs::create_dir_all(folder).expect("a folder");
        std::fs::write(&path, b"a line of text\n").expect("a file");
    }
}

/// So many files at once.
pub fn write_files(folder: &Path, count: u64) {
    for number in 0..count {
        write_file(folder, number);
    }
}
