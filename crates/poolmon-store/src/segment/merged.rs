//! Which slab caches share one cache under several names: the kernel lists a merged cache under one of them only, so that nothing
//! in a sample says the others.

use super::bytes::{Put, Take};

/// The payload of a frame: `u16` count of groups; each: `u16` count of names, texts.
pub fn payload(groups: &[Vec<String>]) -> Vec<u8> {
    let mut out = Vec::new();
    let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
    out.u16(count(groups.len()));
    for group in groups.iter().take(usize::from(u16::MAX)) {
        out.u16(count(group.len()));
        for name in group.iter().take(usize::from(u16::MAX)) {
            out.text(Some(name));
        }
    }
    out
}

/// Reads a payload; `None` if it is none.
pub fn parse(payload: &[u8]) -> Option<Vec<Vec<String>>> {
    let mut take = Take(payload);
    let mut groups = Vec::new();
    for _ in 0..take.u16()? {
        let mut group = Vec::new();
        for _ in 0..take.u16()? {
            group.push(take.text()?.unwrap_or_default());
        }
        groups.push(group);
    }
    Some(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_names() {
        let groups =
            vec![vec!["UNIX".to_owned(), "signal_cache".to_owned()], vec!["é".to_owned()], Vec::new()];
        let bytes = payload(&groups);
        assert_eq!(parse(&bytes), Some(groups));
        for cut in 0..bytes.len() {
            assert_eq!(parse(bytes.get(..cut).unwrap_or_default()), None, "cut at {cut}");
        }
    }
}
