//! Every odd case of the format, in entries of our own.

use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> PooltagFile {
    PooltagFile::parse("test", text.as_bytes())
}

fn one(text: &str) -> (String, Option<String>, String, Option<LineProblem>) {
    let file = parse(text);
    assert_eq!(file.entries().len(), 1, "{text:?}: {:?}", file.irregular());
    let entry = &file.entries()[0];
    let problem = file.irregular().first().map(|irregular| irregular.problem);
    (entry.tag.to_string(), entry.binary.as_deref().map(Into::into), entry.description.to_string(), problem)
}

fn expect(text: &str, tag: &str, binary: Option<&str>, description: &str, problem: Option<LineProblem>) {
    assert_eq!(one(text), (tag.into(), binary.map(Into::into), description.into(), problem), "{text:?}");
}

#[test]
fn the_plain_shape() {
    expect("Tst1 - mine.sys     -     Its blocks", "Tst1", Some("mine.sys"), "Its blocks", None);
    expect("Tst1 - nt!ms - Its blocks\r", "Tst1", Some("nt!ms"), "Its blocks", None);
    // Where it was seen: the binary column holds an alternative.
    expect("Tst1 - nt!st or my.sys - Its", "Tst1", Some("nt!st or my.sys"), "Its", None);
    // Where it was seen: double blanks behind the first dash.
    expect("Fsz -  mine.sys  - Its", "Fsz", Some("mine.sys"), "Its", None);
}

#[test]
fn unknown_binaries() {
    expect("Tst1 - <unknown>    - Its", "Tst1", None, "Its", None);
    expect("Tst1 - - Its", "Tst1", None, "Its", None);
    // A known driver that is in angle brackets all the same.
    expect("Tst1 - <mine.sys> - Its", "Tst1", Some("mine.sys"), "Its", None);
}

#[test]
fn a_description_keeps_its_dashes() {
    expect("Tst1 - mine.sys - one - two non-paged", "Tst1", Some("mine.sys"), "one - two non-paged", None);
}

#[test]
fn broken_lines_are_understood_and_counted() {
    // Two fields: the description alone, or the binary alone.
    expect("Tst1 - Mount things", "Tst1", None, "Mount things", Some(LineProblem::TwoFields));
    expect("Tst1 - mine.sys", "Tst1", Some("mine.sys"), "", Some(LineProblem::TwoFields));
    // The second dash is missing; only the look of the binary shows it.
    expect("Tst1 - nt!ms         Its", "Tst1", Some("nt!ms"), "Its", Some(LineProblem::Dash));
    // Dashes glued to a word.
    expect("Tst1 -mine.sys - Its", "Tst1", Some("mine.sys"), "Its", Some(LineProblem::Dash));
    expect("Tst- mine.sys - Its", "Tst", Some("mine.sys"), "Its", Some(LineProblem::Dash));
    expect("Tst1 - mine.sys -Its", "Tst1", Some("mine.sys"), "Its", Some(LineProblem::Dash));
    expect("Tst1 - mine.sys- Its", "Tst1", Some("mine.sys"), "Its", Some(LineProblem::Dash));
    // The first dash is missing.
    expect("Tst1  mine.sys - Its", "Tst1", Some("mine.sys"), "Its", Some(LineProblem::Dash));
}

#[test]
fn wrapped_lines_are_joined() {
    let file = parse("Tst1 - Mount things\n       <unknown>\nTst2 - mine.sys - Its\n      more of it\n");
    assert_eq!(file.entries()[0].binary, None);
    assert_eq!(&*file.entries()[0].description, "Mount things");
    assert_eq!(&*file.entries()[1].description, "Its more of it");
    let problems: Vec<_> = file.irregular().iter().map(|i| (i.line, i.problem)).collect();
    assert_eq!(
        problems,
        [(1, LineProblem::TwoFields), (2, LineProblem::Continuation), (4, LineProblem::Continuation)]
    );
    let split = parse("Tst1 -\n       mine.sys   - Its\n");
    assert_eq!(split.entries()[0].binary.as_deref(), Some("mine.sys"));
    assert_eq!(&*split.entries()[0].description, "Its");
}

#[test]
fn prose_and_comments_are_no_entries() {
    let file = parse(
        "rem  <Tag> - <binary> - <text>\r\nREM\r\n// Tst9 - mine.sys - no\r\n\r\nTST tags are Ts00 through TsFF\r\n   after prose - an indented line\r\n\x1a",
    );
    assert_eq!((file.entries().len(), file.comments(), file.blanks(), file.lines()), (0, 3, 1, 6));
    assert_eq!(file.irregular().iter().map(|i| i.line).collect::<Vec<_>>(), [5, 6]);
}

#[test]
fn short_tags_are_padded_and_spaces_in_front_kept() {
    let file = parse("Irq  - mine.sys - a\nx - mine.sys - b\n  rz - mine.sys - c\nDh 1 - mine.sys - d\n");
    let found =
        |tag: &[u8; 4]| file.lookup(PoolTag(*tag)).map(|e| e.description.to_string()).collect::<String>();
    assert_eq!([found(b"Irq "), found(b"x   "), found(b"  rz"), found(b"Dh 1")], ["a", "b", "c", "d"]);
    assert_eq!(found(b"rz  "), "");
}

#[test]
fn all_owners_of_a_tag_in_file_order() {
    let file = parse("Gzac - <unknown> - a\nOthr - x.sys - x\nGzac - win.sys - b\n");
    let owners: Vec<_> = file.lookup(PoolTag(*b"Gzac")).map(|entry| entry.line).collect();
    assert_eq!(owners, [1, 3]);
}

#[test]
fn exact_before_the_most_specific_wildcard() {
    let file = parse(
        "T* - a.sys - a\nTs?? - b.sys - b\nTs?? - c.sys - c\nTst? - d.sys - d\nTst1 - e.sys - e\nTs* - f.sys - f\n",
    );
    let all = |tag: &[u8; 4]| file.matches(PoolTag(*tag)).map(|e| &*e.description).collect::<String>();
    let best = |tag: &[u8; 4]| file.lookup(PoolTag(*tag)).map(|e| &*e.description).collect::<String>();
    assert_eq!(all(b"Tst1"), "edbcfa");
    assert_eq!([best(b"Tst1"), best(b"Tst2"), best(b"Tsxx"), best(b"Txxx")], ["e", "d", "bc", "a"]);
    assert_eq!(best(b"Tst\xb1"), "e", "the protection bit does not count");
}

#[test]
fn columns_are_squeezed_as_poolmon_does() {
    assert_eq!(line::squeezed("ntfs.sys  -  AttrSup.c"), "ntfs.sys  -  AttrSup.c");
    assert_eq!(line::squeezed("mine.sys        - Its\tblocks "), "mine.sys - Its blocks");
}

proptest! {
    #[test]
    fn any_bytes_are_accounted_for(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        check(&PooltagFile::parse("any", &bytes))?;
    }

    #[test]
    fn likely_lines_are_accounted_for(
        lines in proptest::collection::vec("[ ]{0,6}(rem|//|[A-Zx?* -]{1,5})( |-| - |\t){1,3}(<unknown>|nt!x|a\\.sys|word)?( - | |-){0,2}[a-c -]{0,6}", 0..40)
    ) {
        check(&parse(&lines.join("\n")))?;
    }
}

fn check(file: &PooltagFile) -> Result<(), TestCaseError> {
    let unread = |i: &&Irregular| matches!(i.problem, LineProblem::Continuation | LineProblem::Prose);
    let entries =
        u32::try_from(file.entries().len() + file.irregular().iter().filter(unread).count()).unwrap();
    prop_assert_eq!(file.lines(), file.comments() + file.blanks() + entries);
    for entry in file.entries() {
        // A tag that the pattern stands for: wildcards filled with a letter.
        let filled: String = entry.tag.to_string().replace(['?', '*'], "q");
        if let Some(tag) = entry.tag.exact().or_else(|| filled.parse().ok()) {
            prop_assert!(file.matches(tag).any(|found| found == entry), "{:?}", entry);
        }
    }
    Ok(())
}
