//! Tags that a driver shows but does not mean: those of static libraries, and those that the kernel charges.

use poolmon_model::PoolTag;

use super::evidence::Evidence;

/// A static library of the driver kit, known by the tags that it brings.
struct StaticLibrary {
    name: &'static str,
    tags: &'static [[u8; 4]],
    /// Tags of it that one driver must have to identify the library.
    enough: usize,
}

/// Seen in winpmem: a third-party driver that seems to use tags of the kernel's own security code.
static LIBRARIES: &[StaticLibrary] = &[StaticLibrary {
    name: "wdmsec.lib",
    tags: &[*b"PpRb", *b"PpUc", *b"SeAl", *b"SeSd", *b"SeTs"],
    enough: 3,
}];

/// Marks the evidence of all tags of one image.
pub(crate) fn mark(evidence: &mut [Evidence]) {
    for library in LIBRARIES {
        let seen = library.tags.iter().filter(|tag| evidence.iter().any(|row| row.tag.0 == **tag)).count();
        if seen < library.enough {
            continue;
        }
        for row in evidence.iter_mut().filter(|row| library.tags.contains(&row.tag.0)) {
            row.library = Some(library.name);
        }
    }
}

/// The library that is known for a tag.
pub(crate) fn of(tag: PoolTag) -> Option<&'static str> {
    LIBRARIES.iter().find(|library| library.tags.contains(&tag.0)).map(|library| library.name)
}

/// What to say of a tag that the kernel allocates on behalf of others: the driver that leaks it does not name it.
pub fn charged(tag: PoolTag) -> Option<&'static str> {
    let text = match &tag.unprotected().0 {
        b"Irp " => {
            "Irp  is allocated by the kernel for the sender of the requests; check drivers that send I/O, and \
                Verifier's pool tracking"
        }
        b"Mdl " => {
            "Mdl  is allocated by the kernel for the caller that describes buffers; check drivers that call \
                IoAllocateMdl"
        }
        b"File" => "File is charged for open files; look for handles or references that are not released",
        b"Proc" => {
            "Proc is charged for processes; look for handles or references to processes that have ended"
        }
        b"Thre" => "Thre is charged for threads; look for handles or references to threads that have ended",
        b"Toke" => "Toke is charged for access tokens; look for handles or references that are not released",
        b"Even" => "Even is charged for event objects; look for the process with many handles",
        b"Cont" | b"ConT" => {
            "contiguous memory is taken by the kernel for drivers; the driver behind it is hidden"
        }
        b"None" => "None is charged for ExAllocatePool, a call without a tag; many drivers share it",
        b"Ddk " => "Ddk  is the default of old driver kits; many drivers share it",
        b"FxDr" => "FxDr is the frameworks' tag for drivers whose service name is too short to make one",
        _ => return None,
    };
    Some(text)
}

/// The tag that the frameworks give a driver without one of its own: the first four characters of its service name,
/// after a leading `WDF`; none if fewer than four are left (`FxDr` is used then).
pub fn framework_tag(service: &str) -> Option<PoolTag> {
    let name = service.as_bytes();
    let led = name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"wdf"));
    let name = if led { name.get(3..)? } else { name };
    let tag: [u8; 4] = name.get(..4)?.try_into().ok()?;
    tag.iter().all(u8::is_ascii_graphic).then_some(PoolTag(tag))
}
