//! Which modules came and went between two looks.

use std::cmp::Ordering;

use poolmon_source::LoadedModule;
use poolmon_store::ModuleChange;

/// Changes from one sorted list to another; a module that came back in another size went and came.
pub fn changes(before: &[LoadedModule], now: &[LoadedModule]) -> Vec<ModuleChange> {
    let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
    let mut found = Vec::new();
    loop {
        let order = match (before.peek(), now.peek()) {
            (None, None) => return found,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.cmp(new),
        };
        if order == Ordering::Equal {
            before.next();
            now.next();
            continue;
        }
        let loaded = order == Ordering::Greater;
        if let Some(module) = if loaded { now.next() } else { before.next() } {
            let LoadedModule { name, detail, size } = module.clone();
            found.push(ModuleChange { loaded, name, detail, size });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn came_and_went() {
        let list = |names: &[(&str, u64)]| -> Vec<_> {
            let module = |&(name, size): &(&str, u64)| LoadedModule { name: name.into(), detail: None, size };
            names.iter().map(module).collect()
        };
        let before = list(&[("a", 1), ("b", 1), ("d", 4)]);
        let now = list(&[("a", 1), ("c", 3), ("d", 5), ("e", 1)]);
        let reported: Vec<_> = changes(&before, &now)
            .into_iter()
            .map(|change| format!("{}{}", if change.loaded { '+' } else { '-' }, change.name))
            .collect();
        assert_eq!(reported, ["-b", "+c", "-d", "+d", "+e"]);
        assert!(changes(&now, &now).is_empty());
        assert_eq!(changes(&[], &now).len(), 4);
    }
}
