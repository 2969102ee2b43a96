//! `poolmon who NAME` for a slab cache of Linux: the seam to what reads kernel modules.

use pool_model::Tag;

use super::WhoArgs;
use crate::Exit;

/// Is this short text a slab cache of the running kernel or one that everyone knows, and not a tag of Windows.
pub fn is_cache(name: &str) -> bool {
    let known = || pool_owner::known::find(&Tag::name(name)).is_some_and(|known| known.tag == name);
    cfg!(target_os = "linux") && (std::path::Path::new("/sys/kernel/slab").join(name).is_dir() || known())
}

/// What is known of the cache.
pub fn run(name: &str, args: &WhoArgs) -> anyhow::Result<()> {
    let owners = super::load_owners(args)?;
    let tag = Tag::name(name);
    for line in owners.explain(&tag, None) {
        println!("{:<9}  {}", line.title, line.text);
    }
    if owners.known(&tag).is_empty() {
        eprintln!(
            "poolmon: `{name}` is no pool tag (four characters), and no slab cache that the built-in table knows"
        );
        return Err(Exit(1).into());
    }
    Ok(())
}
