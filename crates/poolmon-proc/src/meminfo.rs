//! `/proc/meminfo`, `/proc/vmstat` and `/proc/uptime`: figures of the whole machine.

use std::time::Duration;

use poolmon_model::Header;

use crate::bytes::{lines, next_number, number, word};

/// Fills what `/proc/meminfo` reports. Its `kB` are 1,024 bytes.
pub fn memory(text: &[u8], header: &mut Header) {
    for line in lines(text) {
        memory_line(line, header);
    }
}

/// Fills what one line of `/proc/meminfo` says. False if it is a line without a figure of the header.
pub fn memory_line(line: &[u8], header: &mut Header) -> bool {
    let mut rest = line;
    let field = match word(&mut rest) {
        Some(b"MemTotal:") => &mut header.memory_total,
        Some(b"MemAvailable:") => &mut header.memory_available,
        Some(b"SReclaimable:") => &mut header.slab_reclaimable,
        Some(b"SUnreclaim:") => &mut header.slab_unreclaimable,
        Some(b"KernelStack:") => &mut header.kernel_stack,
        Some(b"PageTables:") => &mut header.page_tables,
        Some(b"VmallocUsed:") => &mut header.vmalloc_used,
        Some(b"Percpu:") => &mut header.percpu,
        Some(b"Committed_AS:") => &mut header.commit,
        Some(b"CommitLimit:") => &mut header.commit_limit,
        _ => return false,
    };
    // Without its unit, a figure was cut.
    let kib = next_number(&mut rest).filter(|_| word(&mut rest) == Some(b"kB"));
    *field = kib.and_then(|kib| kib.checked_mul(1024));
    true
}

/// Page faults since boot, from `/proc/vmstat`.
pub fn page_faults(text: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(text, b"\npgfault ")?;
    let mut rest = text.get(at..)?;
    word(&mut rest)?;
    next_number(&mut rest)
}

/// Time since boot, from `/proc/uptime`: seconds with two digits behind the point.
pub fn uptime(text: &[u8]) -> Option<Duration> {
    let mut rest = text;
    let reported = word(&mut rest)?;
    let point = reported.iter().position(|&byte| byte == b'.')?;
    let seconds = number(reported.get(..point)?)?;
    let hundredths = reported.get(point + 1..).filter(|digits| digits.len() == 2).and_then(number)?;
    Some(Duration::from_secs(seconds) + Duration::from_millis(hundredths * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_figures_are_bytes() {
        let mut header = Header::default();
        memory(
            b"MemTotal:       24684092 kB\nMemAvailable: 1 kB\nSReclaimable: 2 kB\nSUnreclaim: 3 kB\n\
            KernelStack: 4 kB\nPageTables: 5 kB\nVmallocUsed: 6 kB\nPercpu: 7 kB\nCommitted_AS: 8 kB\n\
            CommitLimit: 9 kB\nDirectMap1G: 10 kB\nBroken\n",
            &mut header,
        );
        let kib = |n: u64| Some(n * 1024);
        let wanted = Header {
            memory_total: kib(24_684_092),
            memory_available: kib(1),
            slab_reclaimable: kib(2),
            slab_unreclaimable: kib(3),
            kernel_stack: kib(4),
            page_tables: kib(5),
            vmalloc_used: kib(6),
            percpu: kib(7),
            commit: kib(8),
            commit_limit: kib(9),
            ..Header::default()
        };
        assert_eq!(header, wanted);
        memory(b"MemTotal: -5 kB\nPercpu: 18446744073709551615 kB\nCommitLimit:", &mut header);
        assert_eq!((header.memory_total, header.percpu, header.commit_limit), (None, None, None));
    }

    #[test]
    fn faults_and_uptime() {
        assert_eq!(page_faults(b"nr_free_pages 1\npgfault 12007932\npgmajfault 3\n"), Some(12_007_932));
        assert_eq!(page_faults(b"nr_free_pages 1\npgfaultx 3\n"), None);
        assert_eq!(uptime(b"2340.07 4611.93\n"), Some(Duration::from_millis(2_340_070)));
        for text in ["", "12", "-1.00", "1.5", "99999999999999999999.00 1"] {
            assert_eq!(uptime(text.as_bytes()), None, "{text}");
        }
    }
}
