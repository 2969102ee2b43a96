//! Pseudonyms for names of processes, units, control groups and places: the same name has the same one everywhere.

use std::fmt::Write as _;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::{Census, Digest, Holder, HolderId};

/// Before the name of the process that sent a queue's last message.
const SENDER: &str = "last sender ";

/// Replaces names. What remains: numbers (of processes, users, queues, namespaces, devices), counts and times.
///
/// A pseudonym is a checksum: it hides a name from who reads it, and from nobody who guesses the name and tries.
#[derive(Clone, Debug, Default)]
pub struct Anonymous {
    seen: FxHashMap<(&'static str, Arc<str>), Arc<str>>,
}

impl Anonymous {
    /// Replaces every name of the digest.
    pub fn digest(&mut self, digest: &mut Digest) {
        for kept in &mut digest.kept {
            self.holder(&mut kept.entry.holder);
            self.group(&mut kept.entry.group);
        }
    }

    /// Replaces every name of the census.
    pub fn census(&mut self, census: &mut Census) {
        for entry in &mut census.entries {
            self.holder(&mut entry.holder);
            self.group(&mut entry.group);
        }
    }

    /// Replaces the name of a unit or container.
    pub fn group(&mut self, group: &mut Option<Arc<str>>) {
        if let Some(group) = group {
            *group = self.name("group", group);
        }
    }

    /// Replaces the name of a holder.
    pub fn holder(&mut self, holder: &mut Holder) {
        match &mut holder.id {
            HolderId::Process { .. } => holder.name = self.name("process", &holder.name),
            HolderId::MountNamespace { .. } | HolderId::Queue { .. } => {
                holder.name = self.named_process(&holder.name);
            }
            HolderId::Sender { name } => {
                *name = self.named_process(name);
                holder.name = Arc::clone(name);
            }
            HolderId::Program { name } | HolderId::Others { name } if !name.is_empty() => {
                *name = self.name("process", name);
                holder.name = Arc::clone(name);
            }
            HolderId::ControlGroup { path } => {
                *path = self.name("group", path);
                holder.name = Arc::clone(path);
            }
            HolderId::Tmpfs { .. } => holder.name = self.name("place", &holder.name),
            // They have numbers alone.
            HolderId::Program { .. }
            | HolderId::Others { .. }
            | HolderId::User { .. }
            | HolderId::Session { .. }
            | HolderId::ObjectType { .. }
            | HolderId::Machine => {}
        }
    }

    /// `NAME, pid 7` and `last sender NAME, pid 7`.
    fn named_process(&mut self, text: &str) -> Arc<str> {
        let Some((start, pid)) = text.rsplit_once(", pid ") else { return text.into() };
        let (before, name) = match start.strip_prefix(SENDER) {
            Some(name) => (SENDER, name),
            None => ("", start),
        };
        format!("{before}{}, pid {pid}", self.name("process", &name.into())).into()
    }

    /// `process-0f83a1c2`; what is a pseudonym already stays.
    fn name(&mut self, what: &'static str, name: &Arc<str>) -> Arc<str> {
        if is_pseudonym(what, name) {
            return Arc::clone(name);
        }
        let made = || {
            // Folded to 32 bits.
            let hash = poolmon_model::fnv(name.as_bytes());
            let mut text = format!("{what}-");
            let _ = write!(text, "{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff));
            text.into()
        };
        Arc::clone(self.seen.entry((what, Arc::clone(name))).or_insert_with(made))
    }
}

fn is_pseudonym(what: &str, name: &str) -> bool {
    let digits = name.strip_prefix(what).and_then(|rest| rest.strip_prefix('-'));
    digits.is_some_and(|digits| digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counts, Entry, Kept};

    #[test]
    fn no_name_is_left_and_the_same_name_has_the_same_pseudonym() {
        let kept = |id, name: &str, group: Option<&str>| {
            let holder = Holder { id, name: name.into() };
            let entry = Entry { holder, group: group.map(Into::into), counts: Counts::default() };
            Kept { entry, processes: 1, is_late: false }
        };
        let process = |pid| HolderId::Process { pid, start: 1 };
        let mut digest = Digest {
            kept: vec![
                kept(process(1), "secretd", Some("secret.service")),
                kept(process(2), "secretd", None),
                kept(process(3), "other", Some("secret.service")),
                kept(HolderId::Others { name: "secretd".into() }, "secretd", None),
                kept(HolderId::Others { name: "".into() }, "", None),
                kept(HolderId::ControlGroup { path: "/secret".into() }, "/secret", None),
                kept(HolderId::Tmpfs { device: "0:5".into() }, "/run/secret", None),
                kept(HolderId::MountNamespace { inode: 5 }, "secretd, pid 1", None),
                kept(HolderId::User { uid: 1000 }, "uid 1000", None),
                kept(HolderId::Queue { id: 5 }, "last sender secretd, pid 7", None),
                kept(HolderId::Queue { id: 6 }, "last sender pid 7", None),
            ],
            ..Digest::default()
        };
        Anonymous::default().digest(&mut digest);
        let text = format!("{digest:?}");
        assert!(!text.contains("secret") && !text.contains("other\""), "{text}");
        let shown: Vec<String> = digest.kept.iter().map(|kept| kept.entry.holder.to_string()).collect();
        let name = shown[0].split(' ').next().unwrap().to_owned();
        assert_eq!(shown[1], format!("{name} (pid 2)"));
        assert_eq!(shown[3], format!("other processes {name}"));
        assert_eq!(shown[7], format!("mount namespace 5 ({name}, pid 1)"));
        assert_eq!(shown[9], format!("message queue 5 (last sender {name}, pid 7)"));
        assert_eq!(shown[10], "message queue 6 (last sender pid 7)");
        assert_eq!((&*shown[4], &*shown[8]), ("all other holders", "uid 1000"));
        assert!(!shown[2].starts_with(&name));
        let again = digest.clone();
        Anonymous::default().digest(&mut digest);
        assert_eq!(digest, again, "a pseudonym has none of its own");
    }

    #[test]
    fn pseudonyms_never_change() {
        let name = |name: &str| Anonymous::default().name("process", &name.into());
        assert_eq!(&*name("python3"), "process-3431befe");
    }
}
