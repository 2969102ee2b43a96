//! Everything known of one tag, line by line: for `poolmon tag TAG` and the detail pane.

use poolmon_model::{Pool, PoolTag, Tag};

use crate::next::argument;
use crate::{Owners, scan};

/// One thing known of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagFact {
    /// What it is (`Owner`, `Hint`).
    pub title: &'static str,
    /// Its value in words.
    pub text: String,
}

impl Owners {
    /// All owners, descriptions and hints of a tag; how it is written in C and in the debugger; where each was found.
    pub fn explain(&self, tag: &Tag, pool: Option<Pool>) -> Vec<TagFact> {
        let mut lines = written(tag);
        lines.extend(pool.map(|pool| TagFact { title: "Pool", text: pool.long().to_owned() }));
        let known = self.known(tag);
        let silent = !known.iter().any(|line| matches!(line.title, "Owner" | "Scanned" | "Built-in"));
        lines.extend(known);
        if silent && tag.as_pool().is_some() {
            let files = self.files().count();
            let where_ = match files {
                0 => "it is not in the built-in table, and no pooltag.txt was given".to_owned(),
                _ => format!("it is not in the pooltag files ({files}) or the built-in table"),
            };
            lines.push(TagFact { title: "Owner", text: format!("unknown: {where_}") });
            lines.extend(tag.as_pool().and_then(framework).map(|text| TagFact { title: "Hint", text }));
            let text = format!("search the drivers for it: poolmon who {}{}", argument(tag), drivers_of(tag));
            lines.push(TagFact { title: NEXT, text });
        } else if silent {
            lines.push(TagFact { title: "Owner", text: "unknown: not in the built-in table".to_owned() });
        }
        lines
    }

    /// What files, earlier searches of drivers and our own table know of a tag; nothing if they do not.
    pub fn known(&self, tag: &Tag) -> Vec<TagFact> {
        let mut lines = Vec::new();
        let mut say = |title, text: String| lines.push(TagFact { title, text });
        if let Some(text) = tag.as_pool().and_then(scan::charged) {
            say("Charged", text.to_owned());
        }
        for file in self.files() {
            for entry in tag.as_pool().into_iter().flat_map(|tag| file.matches(tag)) {
                let through = match entry.tag.exact() {
                    Some(_) => String::new(),
                    None => format!(", through the wildcard {}", entry.tag),
                };
                say("Owner", format!("{} ({}, line {}{through})", entry.text, file.name(), entry.line));
            }
        }
        let scanned = self.scanned(tag);
        for named in scanned.iter().take(SCANNED) {
            say("Scanned", format!("{} {}", named.driver, named.about()));
        }
        if scanned.len() > SCANNED {
            say("Scanned", format!("and {} more: poolmon who {}", scanned.len() - SCANNED, argument(tag)));
        }
        if let Some(known) = self.built_in(tag) {
            let through = if known.tag.contains(['?', '*']) {
                format!(", through the wildcard {}", known.tag)
            } else {
                String::new()
            };
            say("Built-in", format!("{} - {}{through}", known.component, known.about));
            if !known.hint.is_empty() {
                say("Hint", known.hint.to_owned());
            }
        }
        lines
    }
}

/// Whose an unknown tag may be by a rule of the driver framework (`DriverPoolTag` of `WDF_DRIVER_CONFIG`, learn.microsoft.com): a
/// driver that sets no tag gets the first four characters of its service's name, without a leading `WDF`.
fn framework(tag: PoolTag) -> Option<String> {
    let plain = tag.unprotected();
    let is_name = plain.0.iter().all(u8::is_ascii_alphanumeric);
    is_name.then(|| {
        format!("framework drivers without a tag of their own get the start of their service's name: look for a service {plain}...")
    })
}

/// Title of the command that follows.
pub const NEXT: &str = "Next";

/// What `poolmon who` needs besides a tag to search drivers: only Windows can name its loaded ones.
pub const fn drivers_of(tag: &Tag) -> &'static str {
    if matches!(tag, Tag::Pool(_)) && !cfg!(windows) { " --drivers DIR" } else { "" }
}

/// Drivers that a search found are listed up to here.
const SCANNED: usize = 8;

/// How a tag is written: as it is shown, in C and the debugger, and with its bit of protected pool.
pub fn written(tag: &Tag) -> Vec<TagFact> {
    let mut lines = Vec::new();
    let mut say = |title, text: String| lines.push(TagFact { title, text });
    match tag.as_pool() {
        Some(raw) => {
            let plain = raw.unprotected();
            let [a, b, c, d] = plain.0;
            let reversed = PoolTag([d, c, b, a]);
            say("Tag", format!("`{plain}`"));
            say("ULONG", format!("{:#010x}, in C and the debugger '{reversed}'", plain.to_u32()));
            if raw.is_protected() {
                let value = raw.to_u32();
                say("Protected", format!("the protection bit is set: {value:#010x} in pool headers"));
            }
        }
        None => say("Name", tag.to_string()),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PooltagFile;

    fn text(owners: &Owners, tag: &Tag) -> String {
        let mut text = String::new();
        for line in owners.explain(tag, Some(Pool::Nonpaged)) {
            text.extend([line.title, ": ", line.text.as_str(), "\n"]);
        }
        text
    }

    #[test]
    fn a_protected_tag_with_two_owners() {
        let file = "Proc - mine.sys - a\nPr?? - your.sys - b\n";
        let owners = Owners::new().with_pooltag(PooltagFile::parse("pooltag.txt", file.as_bytes()));
        let expected = "\
Tag: `Proc`
ULONG: 0x636f7250, in C and the debugger 'corP'
Protected: the protection bit is set: 0xe36f7250 in pool headers
Pool: nonpaged pool
Charged: Proc is charged for processes; look for handles or references to processes that have ended
Owner: mine.sys - a (pooltag.txt, line 1)
Owner: your.sys - b (pooltag.txt, line 2, through the wildcard Pr??)
Built-in: nt!ps - process objects
Hint: held open by a handle or a lost reference: compare with the handle count of this object type
";
        assert_eq!(text(&owners, &Tag::pool(*b"Pro\xe3")), expected);
    }

    #[test]
    fn an_unknown_tag_says_what_to_do() {
        assert!(text(&Owners::new(), &Tag::pool(*b"Zz99")).contains("no pooltag.txt was given"));
        assert!(text(&Owners::new(), &Tag::name("kmalloc-64")).starts_with("Name: kmalloc-64\n"));
    }
}
