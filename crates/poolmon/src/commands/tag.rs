//! `poolmon tag`: what is known of a tag.

use std::io::Write as _;

use poolmon_model::{PoolTag, Tag};

use crate::app::owners;
use crate::app::say;
use crate::cli::tag::TagArgs;

/// Prints everything known of the tag. A text longer than a tag is the name of a slab cache.
pub fn run(args: &TagArgs) -> anyhow::Result<()> {
    let pooltag = args.pooltag.file();
    // Without a file named, one that is found is still better than none.
    let found = if pooltag.is_none() { owners::find() } else { None };
    let pooltag = pooltag.or_else(|| found.as_deref().map(Some));
    let known = owners::load_files(pooltag, args.localtag.file())?;
    let tag = match args.tag.parse::<PoolTag>() {
        Ok(tag) => Tag::Pool(tag),
        Err(_) if args.tag.is_empty() => anyhow::bail!("an empty text is not a tag"),
        Err(_) => Tag::name(&args.tag),
    };
    let mut out = say::out(true);
    for line in known.explain(&tag) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
