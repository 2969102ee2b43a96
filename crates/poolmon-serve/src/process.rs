//! What this process itself takes: an exporter that grows must not be taken for the leak.

use std::sync::LazyLock;

use jiff::Timestamp;

/// Figures of the process, in the units of the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Seconds since 1970.
    pub started: f64,
    /// Resident bytes.
    pub resident: Option<u64>,
    /// Virtual bytes.
    pub virtual_: Option<u64>,
    /// Seconds of CPU time, user and system.
    pub cpu: Option<f64>,
    /// Open files.
    pub files: Option<u64>,
}

static STARTED: LazyLock<f64> = LazyLock::new(|| Timestamp::now().as_millisecond() as f64 / 1000.0);

/// Remembers that the process starts now.
pub fn starts() {
    LazyLock::force(&STARTED);
}

/// What it takes now. Only Linux reports more than the start.
pub fn now() -> Process {
    let mut process = Process { started: *STARTED, ..Process::default() };
    if cfg!(target_os = "linux") {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        (process.resident, process.virtual_) = (kib(&status, "VmRSS:"), kib(&status, "VmSize:"));
        process.cpu = std::fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu);
        process.files =
            std::fs::read_dir("/proc/self/fd").ok().and_then(|entries| u64::try_from(entries.count()).ok());
    }
    process
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The 14th and 15th field, in hundredths of a second: `USER_HZ` is 100 on every system that Rust runs on.
fn cpu(stat: &str) -> Option<f64> {
    // The name of the program is in parentheses and may hold any character.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let [user, system] = [fields.next()?, fields.next()?].map(|field| field.parse::<u64>().ok());
    Some((user? + system?) as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts() {
        assert_eq!(kib("Name:\tx\nVmRSS:\t    2048 kB\n", "VmRSS:"), Some(2 << 20));
        assert_eq!(kib("VmRSS:\t-1 kB\n", "VmRSS:"), None);
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0 9 8 7";
        assert_eq!(cpu(stat), Some(2.0));
        assert_eq!(cpu("7 (a"), None);
    }
}
