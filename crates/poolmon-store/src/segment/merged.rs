//! Which slab caches share one cache under several names: the kernel lists a merged cache under one of them only, so that nothing
//! in a sample says the others. And which module made which cache.

use poolmon_model::CacheMaker;

use super::bytes::{Put, Take};

/// The payload of a frame: `u16` count of groups; each: `u16` count of names, texts. Then `u16` count of caches that modules made; each:
/// text cache, text module, `u64` that grows with each module that is loaded.
pub fn payload(groups: &[Vec<String>], makers: &[CacheMaker]) -> Vec<u8> {
    let mut out = Vec::new();
    let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
    out.u16(count(groups.len()));
    for group in groups.iter().take(usize::from(u16::MAX)) {
        out.u16(count(group.len()));
        for name in group.iter().take(usize::from(u16::MAX)) {
            out.text(Some(name));
        }
    }
    out.u16(count(makers.len()));
    for maker in makers.iter().take(usize::from(u16::MAX)) {
        out.text(Some(&maker.cache));
        out.text(Some(&maker.module));
        out.u64(maker.loaded);
    }
    out
}

/// Reads a payload; `None` if it is none. Older recorders knew no makers.
pub fn parse(payload: &[u8]) -> Option<(Vec<Vec<String>>, Vec<CacheMaker>)> {
    let mut take = Take(payload);
    let mut groups = Vec::new();
    for _ in 0..take.u16()? {
        let mut group = Vec::new();
        for _ in 0..take.u16()? {
            group.push(take.text()?.unwrap_or_default());
        }
        groups.push(group);
    }
    let mut makers = Vec::new();
    if !take.0.is_empty() {
        for _ in 0..take.u16()? {
            let [cache, module] = [take.text()?, take.text()?].map(Option::unwrap_or_default);
            makers.push(CacheMaker { cache, module, loaded: take.u64()? });
        }
    }
    Some((groups, makers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_names_and_who_made_them() {
        let groups =
            vec![vec!["UNIX".to_owned(), "signal_cache".to_owned()], vec!["é".to_owned()], Vec::new()];
        let maker = |cache: &str, loaded| CacheMaker { cache: cache.into(), module: "mine".into(), loaded };
        let makers = vec![maker("mine_item", 7), maker("mine_other", u64::MAX)];
        let bytes = payload(&groups, &makers);
        assert_eq!(parse(&bytes), Some((groups.clone(), makers)));
        // As older recorders wrote it.
        let older = payload(&groups, &[]).len() - 2;
        for cut in (0..bytes.len()).filter(|cut| *cut != older) {
            assert_eq!(parse(bytes.get(..cut).unwrap_or_default()), None, "cut at {cut}");
        }
        assert_eq!(parse(&bytes[..older]), Some((groups, Vec::new())));
    }
}
