//! The wish to stop: of a signal, of the console, of a service manager.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a closing console waits for the recording to be closed; Windows itself waits five seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asked for by one thread, obeyed by another.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    asked: AtomicBool,
    done: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// One that signals ask for: Ctrl-C, the end of the terminal, the system's wish to end the program. The second
    /// Ctrl-C ends the program at once; a recording stays whole without its last index.
    ///
    /// # Errors
    ///
    /// The system refuses to report signals.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        listen(&stop)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot handle signals: {error}")))?;
        Ok(stop)
    }

    fn done_lock(&self) -> MutexGuard<'_, bool> {
        self.0.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks. Returns whether it was asked before.
    pub fn ask(&self) -> bool {
        // Under the lock: a thread that is about to wait must not miss it.
        let _lock = self.done_lock();
        let before = self.0.asked.swap(true, Ordering::Relaxed);
        self.0.changed.notify_all();
        before
    }

    /// Whether it was asked for, as a flag: for a search that looks at it now and then.
    pub fn flag(&self) -> &AtomicBool {
        &self.0.asked
    }

    /// Says that everything is done: [`Stop::wait_done`] returns.
    pub fn done(&self) {
        *self.done_lock() = true;
        self.0.changed.notify_all();
    }

    /// Waits until it is asked for, until `when` at most; true if it was.
    pub fn wait_until(&self, when: Instant) -> bool {
        let left = when.saturating_duration_since(Instant::now());
        let waiting = |_: &mut bool| !self.flag().load(Ordering::Relaxed);
        drop(self.0.changed.wait_timeout_while(self.done_lock(), left, waiting));
        self.flag().load(Ordering::Relaxed)
    }

    /// Waits until everything is done, some seconds at most: a closing console of Windows does.
    pub fn wait_done(&self) {
        drop(self.0.changed.wait_timeout_while(self.done_lock(), PATIENCE, |done| !*done));
    }
}

#[cfg(unix)]
fn listen(stop: &Stop) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let ignored = ignored();
    // What `nohup` or a shell's `&` made this program ignore stays ignored.
    let wanted = [SIGINT, SIGHUP].into_iter().filter(|&signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = signal_hook::iterator::Signals::new(wanted.chain([SIGTERM]))?;
    let stop = stop.clone();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            if stop.ask() && signal == SIGINT {
                std::process::exit(130);
            }
        }
    })?;
    Ok(())
}

/// Signals that are ignored, a bit each, if the system reports it.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(windows)]
fn listen(stop: &Stop) -> io::Result<()> {
    let stop = stop.clone();
    let call = move || {
        if stop.ask() {
            std::process::exit(130);
        }
        stop.wait_done();
    };
    if poolmon_source::windows::live::on_console_end(Box::new(call)) {
        Ok(())
    } else {
        Err(io::Error::other("Windows does not accept a handler for Ctrl-C"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked_once_and_done() {
        let stop = Stop::default();
        assert!(!stop.wait_until(Instant::now() + Duration::from_millis(5)));
        let other = stop.clone();
        let asking = std::thread::spawn(move || (other.ask(), other.ask()));
        assert!(stop.wait_until(Instant::now() + Duration::from_mins(1)));
        assert_eq!(asking.join().unwrap(), (false, true));
        stop.done();
        stop.wait_done();
    }
}
