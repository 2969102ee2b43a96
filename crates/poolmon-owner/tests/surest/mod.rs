//! The order of an answer, written down apart from the code that sorts: the surest proof comes first.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use poolmon_model::PoolTag;
use poolmon_owner::scan::{CallRole, DriverImage, Evidence, EvidenceConfidence};

/// Fails unless line one is the strongest proof there is and no line is stronger than the one before it.
pub fn surest_first(what: &str, rows: &[Evidence]) {
    let Some(first) = rows.first() else { return };
    let most = rows.iter().map(Evidence::confidence).max();
    assert_eq!(Some(first.confidence()), most, "{what}: line one is not the surest: {rows:#?}");
    let strength = |row: &Evidence| (Reverse(row.confidence()), row.kind, row.library.is_some());
    for pair in rows.windows(2) {
        assert!(strength(&pair[0]) <= strength(&pair[1]), "{what}: weaker proof first: {pair:#?}");
        let frees = |row: &Evidence| row.role == Some(CallRole::Free);
        let same = strength(&pair[0]) == strength(&pair[1]);
        assert!(!same || frees(&pair[1]) || !frees(&pair[0]), "{what}: frees first: {pair:#?}");
    }
}

/// Asks a driver about each of its tags: how many answers there are, and how many of them hold weaker proof too.
pub fn every_answer(name: &str, image: &DriverImage<'_>) -> (usize, usize) {
    let all = image.evidence();
    surest_first(name, &all);
    let tags: BTreeSet<PoolTag> = all.iter().map(|row| row.tag).collect();
    let mut mixed = 0;
    for &tag in &tags {
        let what = format!("{name}, {tag}");
        let own: Vec<Evidence> = all.iter().filter(|row| row.tag == tag).cloned().collect();
        surest_first(&what, &own);
        let answer = image.evidence_for(tag);
        surest_first(&what, &answer);
        // No proof is lost on the way from all tags to one, so the first line of one is that of all.
        assert_eq!(own.first(), answer.first(), "{what}");
        let least = answer.iter().map(Evidence::confidence).min();
        mixed += usize::from(least != Some(EvidenceConfidence::High));
    }
    (tags.len(), mixed)
}
