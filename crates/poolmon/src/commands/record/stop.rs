//! The wish to stop: of a signal, of the console, of a service manager.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// How long a closing console waits for the recording to be closed; Windows itself waits five seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asked for by one thread, obeyed by another.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    asked: bool,
    done: bool,
}

impl Stop {
    /// One that signals ask for: Ctrl-C, the end of the terminal, the system's wish to end the program. The second
    /// Ctrl-C ends the program at once; the recording stays whole without its last index.
    pub fn on_signals() -> anyhow::Result<Self> {
        let stop = Self::default();
        listen(&stop).context("cannot listen to signals")?;
        Ok(stop)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks. Returns whether it was asked before.
    pub fn ask(&self) -> bool {
        let before = std::mem::replace(&mut self.state().asked, true);
        self.0.1.notify_all();
        before
    }

    /// Says that everything is done: whoever waits with [`Stop::wait_done`] goes on.
    pub fn done(&self) {
        self.state().done = true;
        self.0.1.notify_all();
    }

    /// Waits until it is asked for, until `when` at most; true where it was.
    pub fn wait_until(&self, when: Instant) -> bool {
        let left = when.saturating_duration_since(Instant::now());
        let waited = self.0.1.wait_timeout_while(self.state(), left, |state| !state.asked);
        waited.unwrap_or_else(PoisonError::into_inner).0.asked
    }

    /// Waits until everything is done, some seconds at most.
    #[cfg_attr(not(windows), allow(dead_code, reason = "a closing console of Windows waits for it"))]
    pub fn wait_done(&self) {
        drop(self.0.1.wait_timeout_while(self.state(), PATIENCE, |state| !state.done));
    }
}

#[cfg(unix)]
fn listen(stop: &Stop) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let ignored = ignored();
    // What `nohup` or a shell's `&` told this program to ignore stays ignored.
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

/// Signals that are ignored, a bit each, where the system tells.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(windows)]
fn listen(stop: &Stop) -> std::io::Result<()> {
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
        Err(std::io::Error::other("Windows refuses a handler for Ctrl-C"))
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
