//! Cases in files, so that a change of the fit alone needs no hosts: they take most of the time.

use std::fs;
use std::path::Path;

use super::Cases;
use crate::boost::{Case, R};

/// Bytes of a case.
const BYTES: usize = 9 + 4 * R;

/// The cases of a file in the folder, if there is one; else those that are worked out, which it then keeps.
pub fn or_else(folder: Option<&String>, name: &str, cases: impl FnOnce() -> Cases) -> Cases {
    let Some(folder) = folder else { return cases() };
    let path = |at: usize| Path::new(folder).join(format!("{name}-{at}.cases"));
    let files: Option<Vec<Vec<u8>>> = (0..4).map(|at| fs::read(path(at)).ok()).collect();
    if let Some(files) = files {
        let mut files = files.iter().map(|bytes| bytes.chunks_exact(BYTES).map(read).collect());
        return std::array::from_fn(|_| files.next().unwrap_or_default());
    }
    let cases = cases();
    for (at, cases) in cases.iter().enumerate() {
        let bytes: Vec<u8> = cases.iter().flat_map(written).collect();
        if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(path(at), bytes)) {
            eprintln!("{}: {error}", path(at).display());
        }
    }
    cases
}

fn written(case: &Case) -> Vec<u8> {
    let mut bytes = case.host.to_le_bytes().to_vec();
    bytes.push(u8::from(case.leaks));
    bytes.extend(case.measures.iter().flat_map(|measure| measure.to_le_bytes()));
    bytes
}

fn read(bytes: &[u8]) -> Case {
    let number = |at: usize| bytes[9 + 4 * at..13 + 4 * at].try_into().map_or(f32::NAN, f32::from_le_bytes);
    Case {
        host: bytes[..8].try_into().map_or(0, u64::from_le_bytes),
        leaks: bytes[8] == 1,
        measures: std::array::from_fn(number),
    }
}
