//! What single lines and their words are.

/// A line of `/proc/meminfo` that is no size: `HugePages_Total:       0`.
pub(super) fn is_count(body: &[u8]) -> bool {
    let mut words = body.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let named = words.next().is_some_and(|name| name.ends_with(b":"));
    named && words.next().is_some_and(|count| count.iter().all(u8::is_ascii_digit)) && words.next().is_none()
}

/// The length of what is in front of a row, blanks included.
pub(super) fn lead(line: &[u8], prefix: usize) -> usize {
    let after = line.get(prefix.min(line.len())..).unwrap_or_default();
    line.len() - after.trim_ascii_start().len()
}

pub(super) fn first_word(body: &[u8]) -> &[u8] {
    body.split(u8::is_ascii_whitespace).next().unwrap_or_default()
}

/// Whether a text holds another.
pub(super) fn has(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// Lines of `kmem -S` below a cache's own: its CPUs, nodes and slabs, and the objects in them.
pub(super) fn is_slab_detail(body: &[u8]) -> bool {
    const STARTS: [&[u8]; 7] =
        [b"CPU ", b"NODE ", b"KMEM_CACHE", b"SLAB ", b"FREE / [ALLOCATED]", b"[", b"(cpu"];
    let first = body.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    STARTS.iter().any(|start| body.starts_with(start))
        || first.len() >= 8 && first.iter().all(u8::is_ascii_hexdigit)
        || body == b"(empty)"
}
