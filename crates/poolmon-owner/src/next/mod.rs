//! What to do next about a row: commands with its tag, pool and driver filled in, each in its own tool's dialect.
//!
//! * `argument`: a tag as an argument of a shell;
//! * `windows`, `linux`: the commands of each system;
//! * `holders`: tools that list the processes behind rows that processes hold.
//!
//! Each command can be run as it is printed, and follows the public documentation of its tool. A step whose answer is known is
//! left out.

mod argument;
mod holders;
mod linux;
mod windows;

use poolmon_model::rights::as_root;
use poolmon_model::{Pool, Tag};

use crate::drivers_of;
pub use argument::argument;

/// One command to run next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NextCommand {
    /// Whose command it is (`WinDbg`).
    pub tool: &'static str,
    /// The command, ready to be pasted; several lines if it is a short script.
    pub command: String,
    /// What it reports.
    pub shows: &'static str,
    /// What it needs, and what it costs.
    pub needs: &'static str,
}

/// A row, and what is known of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Subject<'a> {
    /// Its tag.
    pub tag: &'a Tag,
    /// Its pool, if known.
    pub pool: Option<Pool>,
    /// File names of the drivers that are proven to use the tag; what finds them is left out.
    pub drivers: Vec<String>,
    /// Drivers or modules were searched: `poolmon who` would give the same answer again.
    pub searched: bool,
}

impl<'a> Subject<'a> {
    /// A row of which no owner is known.
    pub const fn new(tag: &'a Tag, pool: Option<Pool>) -> Self {
        Self { tag, pool, drivers: Vec::new(), searched: false }
    }
}

/// The commands for a row, the cheapest first.
pub fn commands(of: &Subject<'_>) -> Vec<NextCommand> {
    let mut list = List(Vec::new());
    match of.tag {
        Tag::Pool(tag) => windows::commands(&mut list, *tag, of),
        Tag::Name(name) => linux::commands(&mut list, name, of),
    }
    list.0
}

/// The command that finds the owner of a row. `None` if it would only repeat what everyone knows: the kernel itself creates its
/// general caches.
pub fn who(tag: &Tag) -> Option<String> {
    match tag {
        Tag::Name(name) if linux::general(name).is_some() || is_whole(name) => None,
        _ => Some(format!("poolmon who {}{}", argument(tag), drivers_of(tag))),
    }
}

/// The command that finds the code which allocates and does not free: of slab caches and lines of the source, on the Linux machine
/// itself.
pub fn trace(tag: &Tag, pool: Pool) -> Option<String> {
    if pool == Pool::PerCpu {
        return Some(as_root("poolmon trace --percpu"));
    }
    let traced = matches!(pool, Pool::Reclaimable | Pool::Unreclaimable | Pool::CallSite);
    traced.then(|| as_root(&format!("poolmon trace {}", argument(&Tag::name(&self::traced(tag))))))
}

/// Whether a name is that of a pool of which the kernel reports one figure.
fn is_whole(name: &str) -> bool {
    Pool::WHOLE.iter().any(|pool| pool.whole() == Some(name))
}

/// What `poolmon trace` is asked for to trace a tag or cache: of the copies of a general cache, the one that they are copies of.
pub fn traced(tag: &Tag) -> String {
    match tag {
        Tag::Name(name) => linux::traced(name),
        Tag::Pool(_) => tag.to_string(),
    }
}

/// The commands that list the processes behind a row which processes hold; none for other rows.
pub fn holders(tag: &Tag) -> Vec<NextCommand> {
    let mut list = List(Vec::new());
    holders::commands(&mut list, tag);
    list.0
}

/// Commands in the order in which they are added.
struct List(Vec<NextCommand>);

impl List {
    fn add(
        &mut self,
        tool: &'static str,
        command: impl Into<String>,
        shows: &'static str,
        needs: &'static str,
    ) {
        self.0.push(NextCommand { tool, command: command.into(), shows, needs });
    }
}
