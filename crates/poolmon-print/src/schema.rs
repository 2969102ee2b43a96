//! Names of the JSON documents that poolmon writes, in their field `schema`. The number changes when a field changes its
//! meaning; fields may be added without that.

macro_rules! schemas {
    ($($(#[doc = $about:literal])+ $name:ident = $id:literal;)+) => {
        $($(#[doc = $about])+ pub const $name: &str = $id;)+

        /// All of them.
        pub const ALL: &[&str] = &[$($name),+];
    };
}

schemas! {
    /// A table of one sample: `top`, `diff`, `dump poolused`.
    TABLE = "poolmon.table/2";
    /// A line of `export --format jsonl`: one row of one sample.
    ROW = "poolmon.row/1";
    /// `leaks`.
    LEAKS = "poolmon.leaks/1";
    /// `holders`.
    HOLDERS = "poolmon.holders/1";
    /// `fleet`.
    FLEET = "poolmon.fleet/1";
    /// `measure`.
    MEASURE = "poolmon.measure/1";
    /// `who TAG` and `who --all`: drivers in files.
    WHO = "poolmon.who/1";
    /// `who NAME`: caches and places of Linux.
    WHO_CACHE = "poolmon.who.linux/1";
    /// `who --all` over Linux modules and kernels.
    WHO_MODULES = "poolmon.who.modules/1";
    /// `who --next`.
    NEXT = "poolmon.next/2";
    /// `info`.
    INFO = "poolmon.info/1";
    /// `trace`: stacks that keep memory.
    TRACE = "poolmon.trace/1";
    /// `trace FILE` of a trace of many tags.
    TRACE_TAGS = "poolmon.trace.tags/1";
    /// `dump FILE`.
    DUMP = "poolmon.dump/1";
    /// `dump FILE modules`.
    MODULES = "poolmon.modules/1";
    /// `dump FILE find`.
    FIND = "poolmon.find/1";
    /// `dump FILE big`: sums of all tags.
    BIG = "poolmon.big/2";
    /// `dump FILE big TAG`: the allocations of one tag.
    BIG_TAG = "poolmon.big.tag/1";
    /// `dump FILE who`: drivers in a dump.
    DUMP_WHO = "poolmon.dump.who/1";
    /// `serve`: the source, its pools over time, the answer in one line.
    STATUS = "poolmon.status/1";
    /// `serve`: the table.
    ROWS = "poolmon.rows/1";
    /// `serve`: one row.
    DETAIL = "poolmon.detail/1";
    /// `serve`: why there is no other document.
    ERROR = "poolmon.error/1";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_document_has_a_name_of_its_own() {
        let mut names = ALL.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        for name in ALL {
            let version =
                name.strip_prefix("poolmon.").and_then(|name| name.split_once('/')).map(|parts| parts.1);
            assert!(version.is_some_and(|version| version.parse::<u32>().is_ok()), "{name}");
        }
    }
}
