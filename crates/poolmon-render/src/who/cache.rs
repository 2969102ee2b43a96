//! `who NAME` for Linux: a slab cache, a caller of vmalloc, a place in the source.

use std::io::{self, Write};

use poolmon_holder::{HeldBy, Holding};
use poolmon_model::units::{counted, grouped, human_bytes};
use poolmon_model::{Pool, Tag};
use poolmon_owner::linux::{CacheOwner, CallerOwner, SearchSummary};
use poolmon_owner::next;
use poolmon_print::schema;

/// Names that share one cache, at most this many of which are explained.
const SHARED: usize = 8;

/// Caches and who creates each.
pub type Creators = Vec<(String, Vec<CacheOwner>)>;

/// `4,024 files, 312 MiB, 4,024 answered from the index`.
pub fn searched(summary: &SearchSummary) -> String {
    let indexed = match summary.from_index {
        0 => String::new(),
        n => format!(", {} answered from the index", grouped(n as u64)),
    };
    let failed = match summary.failed {
        0 => String::new(),
        _ if summary.is_unread() => ", none of which could be read".to_owned(),
        n => format!(", {} of which could not be read", grouped(n as u64)),
    };
    format!("{}, {}{indexed}{failed}", counted(summary.files as u64, "file"), human_bytes(summary.bytes))
}

/// What is known of a cache, a caller or a place.
pub struct CacheAnswer<'a> {
    /// What was asked for.
    pub name: &'a str,
    /// Titles and texts of what is known without a search.
    pub about: Vec<(String, String)>,
    /// The part of the kernel that its name or place belongs to.
    pub caller: Option<CallerOwner>,
    /// Which caches share its slabs, in words.
    pub merged: Option<String>,
    /// Who holds its objects.
    pub holding: Holding,
    /// Who creates it.
    pub creators: Creators,
    /// How much was searched.
    pub summary: SearchSummary,
}

impl CacheAnswer<'_> {
    /// For a person.
    pub fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.name)?;
        for (title, text) in &self.about {
            writeln!(out, "  {title:<9}  {text}")?;
        }
        if let Some(caller) = &self.caller {
            writeln!(out, "  {:<9}  {}: {}", "Owner", caller.name, caller.why)?;
        }
        if let Some(shared) = &self.merged {
            writeln!(out, "  {:<9}  {shared}", "Shared")?;
        }
        // That they do not explain it comes first.
        let lines = self.holding.unexplained().into_iter();
        let lines = lines.chain(self.holding.held.iter().map(HeldBy::sentence));
        let lines = lines.chain(self.holding.remarks.iter().map(|remark| format!("({remark})")));
        for (n, line) in lines.enumerate() {
            writeln!(out, "  {:<9}  {line}", if n == 0 { "Held by" } else { "" })?;
        }
        for (cache, owners) in self.creators.iter().take(SHARED) {
            for owner in owners {
                let of = if cache == self.name { String::new() } else { format!("{cache}: ") };
                writeln!(out, "  {:<9}  {of}{} ({})", "Created", owner.explain(), owner.confidence().word())?;
                writeln!(out, "  {:<9}  {}", "", owner.path.display())?;
            }
        }
        if self.summary.files > 0 {
            writeln!(out, "searched: {}", searched(&self.summary))?;
        }
        let is_cache = self.caller.is_none() && !self.name.contains(['/', '+']);
        if let Some(command) = next::trace(&Tag::name(self.name), Pool::Unreclaimable).filter(|_| is_cache) {
            writeln!(out, "Next: which code allocates from it and does not free, on the machine: {command}")?;
        }
        Ok(())
    }

    /// One JSON object.
    pub fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let creators: Vec<_> = self
            .creators
            .iter()
            .flat_map(|(cache, owners)| owners.iter().map(move |owner| (cache, owner)))
            .map(|(cache, owner)| {
                serde_json::json!({
                    "cache": cache,
                    "owner": owner.name(),
                    "subsystem": owner.subsystem(),
                    "confidence": owner.confidence().word(),
                    "explanation": owner.explain(),
                    "file": owner.path.display().to_string(),
                    "description": owner.info.description,
                })
            })
            .collect();
        let about: Vec<_> = self
            .about
            .iter()
            .map(|(title, text)| serde_json::json!({ "title": title, "text": text }))
            .collect();
        let held: Vec<_> = self
            .holding
            .held
            .iter()
            .map(|held| {
                serde_json::json!({
                    "type": held.entry.holder.id.kind(),
                    "pid": held.entry.holder.id.pid(),
                    "name": &*held.entry.holder.name,
                    "group": held.entry.group.as_deref(),
                    "cache": held.through,
                    "kind": held.kind,
                    "count": held.count,
                    "of": held.total,
                })
            })
            .collect();
        let caller = self
            .caller
            .as_ref()
            .map(|caller| serde_json::json!({ "owner": caller.name, "explanation": caller.why }));
        let json = serde_json::json!({
            "schema": schema::WHO_CACHE,
            "name": self.name,
            "known": about,
            "caller": caller,
            "shared": self.merged,
            "held_by": held,
            "held_by_remarks": self.holding.remarks,
            "objects": self.holding.part.map(|(_, objects)| objects),
            "objects_held": self.holding.part.map(|(held, _)| held),
            "creators": creators,
            "searched": { "files": self.summary.files, "bytes": self.summary.bytes, "failed": self.summary.failed },
        });
        serde_json::to_writer_pretty(&mut *out, &json)?;
        writeln!(out)
    }
}
