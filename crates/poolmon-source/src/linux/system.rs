//! Which machine and boot this is, and how large its pages are.

use poolmon_model::{Origin, SourceKind};

use super::files::Files;

/// Size of a page in bytes, from the vector that the kernel hands to every program; 4,096 where it is absent.
pub fn page_size(files: &Files) -> u64 {
    const AT_PAGESZ: usize = 6;
    const WORD: usize = size_of::<usize>();
    let mut buffer = Vec::new();
    let Ok(file) = files.open("proc/self/auxv") else { return 4096 };
    let Ok(vector) = file.read(&mut buffer) else { return 4096 };
    let mut words = vector.as_chunks::<WORD>().0.iter().map(|word| usize::from_ne_bytes(*word));
    while let (Some(kind), Some(value)) = (words.next(), words.next()) {
        if kind == AT_PAGESZ && value.is_power_of_two() {
            return value as u64;
        }
    }
    4096
}

/// The machine and its boot; its pools are added by the caller.
pub fn origin(files: &Files) -> Origin {
    Origin {
        host: files.line("proc/sys/kernel/hostname"),
        system: files.line("proc/sys/kernel/osrelease").map(|release| format!("Linux {release}")),
        boot: files.line("proc/sys/kernel/random/boot_id"),
        ..Origin::new(SourceKind::Linux, &[])
    }
}
