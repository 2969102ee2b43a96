//! Which files of a report are read.

/// A file that is looked for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Its path below the top of the report.
    pub(super) path: &'static str,
    /// Files of a lower rank are read first.
    pub(super) rank: u8,
    /// It holds a list of rows.
    pub(super) holds_rows: bool,
}

const fn wanted(path: &'static str, rank: u8, holds_rows: bool) -> Wanted {
    Wanted { path, rank, holds_rows }
}

/// Files of sosreport, with their places in older versions, and of supportconfig.
pub(super) const WANTED: [Wanted; 13] = [
    wanted("sos_commands/date/date", 0, false),
    wanted("sos_commands/general/date", 0, false),
    wanted("date", 0, false),
    wanted("sos_commands/kernel/uname_-a", 1, false),
    wanted("uname", 1, false),
    wanted("proc/meminfo", 2, false),
    wanted("proc/slabinfo", 3, true),
    wanted("sos_commands/memory/slabtop_-o", 4, true),
    wanted("proc/vmallocinfo", 5, true),
    wanted("proc/allocinfo", 6, true),
    // supportconfig: date and `uname -a`, then the files of /proc one after the other.
    wanted("basic-environment.txt", 0, false),
    wanted("memory.txt", 3, true),
    wanted("proc.txt", 4, true),
];

/// The largest file that is held.
pub(super) const LARGEST: u64 = 64 << 20;

/// Files that are held of one report.
pub(super) const MOST: usize = 256;

/// A file that was found.
pub(super) struct Found {
    pub(super) wanted: &'static Wanted,
    /// The top of its report.
    pub(super) root: String,
    /// Its path as it is shown.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// What a path in an archive is, and the top of its report. A report is at the top of the archive or one folder below it.
pub(super) fn of_path(path: &str) -> Option<(&'static Wanted, &str)> {
    let path = path.strip_prefix("./").unwrap_or(path);
    WANTED.iter().find_map(|wanted| {
        let root = path.strip_suffix(wanted.path)?;
        let root = if root.is_empty() { root } else { root.strip_suffix('/')? };
        (!root.contains('/') && root != "..").then_some((wanted, root))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_at_the_top_or_one_folder_below() {
        for (path, wanted) in [
            ("sosreport-db7/proc/slabinfo", Some(("proc/slabinfo", "sosreport-db7"))),
            ("./proc/slabinfo", Some(("proc/slabinfo", ""))),
            ("scc_db7/memory.txt", Some(("memory.txt", "scc_db7"))),
            ("a/b/proc/slabinfo", None),
            ("xproc/slabinfo", None),
            ("a/xmemory.txt", None),
            ("../memory.txt", None),
        ] {
            assert_eq!(of_path(path).map(|(wanted, root)| (wanted.path, root)), wanted, "{path}");
        }
    }
}
