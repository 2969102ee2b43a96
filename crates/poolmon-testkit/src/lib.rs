//! What a test needs that not every machine has, in one place.
//!
//! A test that lacks something calls [`skip`] and returns. The skip is printed, and appended to the file that
//! `POOLMON_SKIPS` names, so that `./check` can count and explain it. When `POOLMON_REQUIRE` lists the need
//! (`POOLMON_REQUIRE=root,shared,tmux`), the skip is a failure instead: CI requires all it has.
//!
//! Needs that cost something ([`Need::Network`], [`Need::Long`], [`Need::Alone`]) are met only when `POOLMON_REQUIRE` lists them, so
//! that plain `cargo test` stays quick and offline: ask with [`wanted`].
#![forbid(unsafe_code)]

mod debian;

pub use debian::{debian_kernel, run};

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Something that a test needs and a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Root, on a kernel whose memory root may read.
    Root,
    /// The material next to the checkout (`../shared`, or `POOLMON_SHARED`).
    Shared,
    /// tmux, to drive the screen.
    Tmux,
    /// A headless Chromium.
    Chromium,
    /// Wine and the Windows executable, as `cargo xtask wine` has them.
    Wine,
    /// A Python with `DuckDB`, `pyarrow` and `Polars` (`POOLMON_PYTHON`).
    Python,
    /// Small programs that most systems have: curl, awk, setpriv, objdump, xz, zstd.
    Tools,
    /// `promtool`, of Prometheus.
    Prometheus,
    /// The package registries. Met only when required.
    Network,
    /// Minutes of time. Met only when required.
    Long,
    /// Many minutes: each leak alone, a release installed from its packages. Met only when required.
    Alone,
    /// A kernel of its own, booted by `cargo xtask vm`.
    Vm,
}

impl Need {
    /// Every need, with the word that `POOLMON_REQUIRE` uses.
    pub const ALL: [(Self, &str); 12] = [
        (Self::Root, "root"),
        (Self::Shared, "shared"),
        (Self::Tmux, "tmux"),
        (Self::Chromium, "chromium"),
        (Self::Wine, "wine"),
        (Self::Python, "python"),
        (Self::Tools, "tools"),
        (Self::Prometheus, "prometheus"),
        (Self::Network, "network"),
        (Self::Long, "long"),
        (Self::Alone, "alone"),
        (Self::Vm, "vm"),
    ];
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(need, _)| need == self).map_or("", |(_, word)| word))
    }
}

/// Whether `POOLMON_REQUIRE` lists the need.
///
/// # Panics
///
/// If the variable holds a word that is no need: a typing error would silently turn failures into skips.
#[must_use]
pub fn wanted(need: Need) -> bool {
    let list = std::env::var("POOLMON_REQUIRE").unwrap_or_default();
    let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.fold(false, |found, word| {
        let Some((listed, _)) = Need::ALL.iter().find(|(_, known)| *known == word) else {
            let known = Need::ALL.map(|(_, word)| word).join(", ");
            panic!("POOLMON_REQUIRE: `{word}` is not one of {known}");
        };
        found || *listed == need
    })
}

/// Reports that the running test, or a part of it, is skipped.
///
/// # Panics
///
/// If the need is required: see [`wanted`].
pub fn skip(need: Need, why: impl fmt::Display) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(!wanted(need), "{test}: `{need}` is required (POOLMON_REQUIRE), but {why}");
    report(test, need, &why.to_string());
}

fn report(test: &str, need: Need, why: &str) {
    eprintln!("SKIPPED: {test}: {why} (needs {need})");
    let Some(path) = std::env::var_os("POOLMON_SKIPS") else { return };
    let line = format!("{need}\t{test}\t{}\n", why.replace(['\n', '\t'], " "));
    let file = std::fs::File::options().create(true).append(true).open(&path);
    if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
        panic!("POOLMON_SKIPS: cannot append to {}: {error}", Path::new(&path).display());
    }
}

/// True if the need is required; skips the test otherwise. For the needs that cost something.
#[must_use]
pub fn asked_for(need: Need) -> bool {
    if !wanted(need) {
        report(
            std::thread::current().name().unwrap_or("a test"),
            need,
            &format!("only run with POOLMON_REQUIRE={need}"),
        );
    }
    wanted(need)
}

/// A file or folder of the material next to the checkout, by its path there; skips the test if it is absent.
#[must_use]
pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("POOLMON_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    skip(Need::Shared, format_args!("../shared/{name} is absent"));
    None
}
