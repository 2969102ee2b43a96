//! `--web.config.file`: any text; what is wrong is in a line that there is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_serve::WebFile;

fuzz_target!(|text: &str| {
    if let Err(problem) = WebFile::parse(text) {
        assert!(problem.line >= 1 && problem.line <= text.lines().count().max(1));
        assert!(!problem.text.contains('\n'), "one line: {problem:?}");
    }
});
