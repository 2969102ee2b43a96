//! Microsoft's own pooltag.txt, where the person has one in `../shared`.
//!
//! The numbers were counted by a script that shares nothing with the parser:
//!
//! ```python
//! import re; from collections import Counter
//! L = open('pooltag.txt','rb').read().rstrip(b'\x1a').decode('latin1').split('\n')[:-1]
//! n = Counter(); tags = Counter()
//! for s in L:
//!     t = s.strip()
//!     if not t: n['blank'] += 1; continue
//!     if t.startswith('//') or re.match(r'rem(\s|$)', t, re.I): n['comment'] += 1; continue
//!     m = re.match(r'^(.{1,4}?)\s+-\s+(.*)$', s)
//!     if not m: n['noentry'] += 1; continue
//!     tag = m.group(1).ljust(4); tags[tag] += 1; n['entry'] += 1
//!     n['wild'] += bool(re.search(r'[?*]', tag))
//!     f = re.split(r'\s+-\s+|\s+-$', m.group(2).rstrip(), maxsplit=1)
//!     n['two'] += len(f) == 1
//!     n['unknown'] += len(f) == 2 and f[0] == '<unknown>'
//!     n['bang'] += len(f) == 2 and '!' in f[0]
//! print(len(L), n, len(tags), sum(c > 1 for c in tags.values()))
//! ```

use std::collections::HashMap;

use poolmon_model::problem::Remedy as _;
use poolmon_owner::PooltagFile;

#[test]
fn every_line_of_the_real_file_is_accounted_for() {
    let Some(path) = poolmon_testkit::shared("samples/pooltag.txt") else { return };
    let file = PooltagFile::open(&path).unwrap();
    let entries = file.entries();
    assert_eq!((file.lines(), file.comments(), file.blanks()), (4689, 21, 360));
    assert_eq!(entries.len(), 4308);
    assert_eq!(entries.iter().filter(|entry| entry.tag.exact().is_none()).count(), 101);
    // 9 lines have two fields: 8 with a description alone, 1 whose second dash is missing (line 636).
    let irregular: Vec<u32> = file.irregular().iter().map(|irregular| irregular.line).collect();
    assert_eq!(irregular, [136, 137, 138, 139, 140, 141, 142, 143, 636]);
    let reported = |entry: &&poolmon_owner::PooltagEntry| !irregular.contains(&entry.line);
    let unknown = entries.iter().filter(reported).filter(|entry| entry.binary.is_none()).count();
    assert_eq!(unknown, 833);
    let functions =
        entries.iter().filter(reported).filter(|e| e.binary.as_deref().is_some_and(|b| b.contains('!')));
    assert_eq!(functions.count(), 1054);
    let mut tags: HashMap<String, usize> = HashMap::new();
    for entry in entries {
        *tags.entry(format!("{:<4}", entry.tag.to_string())).or_default() += 1;
    }
    assert_eq!((tags.len(), tags.values().filter(|&&count| count > 1).count()), (4249, 59));
}

#[test]
fn every_entry_of_the_real_file_is_found() {
    let Some(path) = poolmon_testkit::shared("samples/pooltag.txt") else { return };
    let file = PooltagFile::open(&path).unwrap();
    for entry in file.entries() {
        let filled = entry.tag.to_string().replace(['?', '*'], "q");
        let tag = entry.tag.exact().unwrap_or_else(|| filled.parse().unwrap());
        assert!(file.matches(tag).any(|found| found == entry), "{entry:?}");
    }
}

#[test]
fn a_missing_file_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error = PooltagFile::open(folder.path().join("none.txt")).unwrap_err().in_full();
    assert!(error.contains("none.txt") && error.contains("name another pooltag.txt"), "{error}");
}
