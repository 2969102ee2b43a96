//! What the paths that a person named hold, so that a program can do the sensible thing with them.

use std::path::Path;

use poolmon_model::Sample;

use crate::{FORMATS, FileFormat, Holds, Input, ReadError, ReadOptions, Result, SampleSeries, TraceKind};

/// What a path holds.
#[derive(Clone, Copy)]
pub enum Contents {
    /// Samples of these formats; all of a folder's files count.
    Samples {
        /// The format of the first file.
        format: &'static FileFormat,
        /// Whether there is more than one sample.
        several: bool,
        /// Whether files of other formats follow.
        mixed: bool,
    },
    /// A Windows driver, a Linux module or a kernel; or a folder of them.
    Images,
    /// Allocation events.
    Trace(TraceKind),
}

impl Contents {
    /// Looks into a path: a file, a folder, or `-` for standard input, which can still be read afterwards.
    ///
    /// # Errors
    /// It cannot be read, or holds nothing that is known; the error says what it looks like and which formats there are.
    pub fn of(path: &Path) -> Result<Self> {
        let input = match Input::peek(path) {
            // A folder of folders, such as a driver store.
            Err(_) if has_image_below(path) => return Ok(Self::Images),
            input => input?,
        };
        // Before the formats: an image may be packed as a dump may, and a core dump is an ELF file as a module is.
        if is_images(&input) {
            return Ok(Self::Images);
        }
        if let Some(kind) = TraceKind::of(&input) {
            return Ok(Self::Trace(kind));
        }
        let known = FORMATS.iter().find(|format| (format.recognise)(&input));
        if let Some(format) = known.filter(|format| !matches!(format.holds, Holds::Rows | Holds::Totals)) {
            return Ok(Self::Samples { format, several: format.holds != Holds::OneMoment, mixed: false });
        }
        let options = ReadOptions { keep_undated: true, ..ReadOptions::default() };
        let mut series = SampleSeries::of(input, path, options)?;
        let mut sample = Sample::empty();
        let several = series.next_into(&mut sample)? && series.next_into(&mut sample)?;
        let format = series.parts().first().map(|part| part.format);
        let format =
            format.ok_or_else(|| ReadError::unsuitable(&path.display(), "it is empty", "name a file"))?;
        let mixed = series.parts().iter().any(|part| part.format.id != format.id);
        Ok(Self::Samples { format, several, mixed })
    }

    /// What it is, in words.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Samples { mixed: true, .. } => "files of several formats",
            Self::Samples { format, .. } => format.title,
            Self::Images => "drivers or modules",
            Self::Trace(kind) => kind.title(),
        }
    }
}

/// Files that are looked at before a folder is taken for one of drivers or modules, or for none.
const LOOKED_AT: usize = 64;

fn is_images(input: &Input) -> bool {
    match input.files() {
        None => is_image(input.name(), input.start()),
        Some(files) => files.iter().take(LOOKED_AT).any(|file| is_image_file(file)),
    }
}

/// Whether a folder of folders, such as `/lib/modules/6.1.0-18-amd64` or a driver store, holds an image.
fn has_image_below(folder: &Path) -> bool {
    let mut folders = vec![folder.to_path_buf()];
    let mut left = LOOKED_AT * 4;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            left = left.saturating_sub(1);
            if left == 0 {
                return false;
            }
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() && is_image_file(&path) => return true,
                _ => {}
            }
        }
    }
    false
}

fn is_image_file(path: &Path) -> bool {
    Input::open(path).is_ok_and(|input| is_image(input.name(), input.start()))
}

/// Whether a file is an executable image by its first bytes; a compressed one by its name, too.
fn is_image(name: &str, start: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let packed = [".ko.xz", ".ko.zst", ".ko.gz"].iter().any(|ending| name.ends_with(ending));
    // "HdrS" of a Linux kernel's boot image, which may begin as a Windows program or not.
    let boot = start.get(0x202..0x206) == Some(b"HdrS");
    let elf = start.starts_with(b"\x7fELF") && !is_core(start) && !needs_interpreter(start);
    packed || boot || elf || is_pe(start)
}

/// Whether an ELF file is a core dump: its type, in the byte order that it states.
pub(crate) fn is_core(start: &[u8]) -> bool {
    let kind = start.get(16..18).and_then(|bytes| bytes.try_into().ok());
    let little = start.get(5) != Some(&2);
    let kind = kind.map(if little { u16::from_le_bytes } else { u16::from_be_bytes });
    kind == Some(4)
}

/// Whether a 64-bit ELF file is a program of a user: it names the loader that has to start it. Modules and kernels do not.
fn needs_interpreter(start: &[u8]) -> bool {
    const INTERPRETER: u32 = 3;
    let number = |at: usize| start.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes).map(usize::from);
    let table = start.get(0x20..0x28).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let (Some(table), Some(size), Some(count)) =
        (table.and_then(|table| usize::try_from(table).ok()), number(0x36), number(0x38))
    else {
        return false;
    };
    let kinds = (0..count).map_while(|n| start.get(table.checked_add(n * size)?..)?.first_chunk::<4>());
    kinds.into_iter().any(|kind| u32::from_le_bytes(*kind) == INTERPRETER)
}

/// `MZ`, and `PE` where it says that the header is.
fn is_pe(start: &[u8]) -> bool {
    let header = start.get(0x3c..0x40).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    let at = header.and_then(|at| usize::try_from(at).ok());
    start.starts_with(b"MZ")
        && at.is_some_and(|at| start.get(at..).is_some_and(|rest| rest.starts_with(b"PE\0\0")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit ELF header with one entry of this kind in its table.
    fn elf(kind: u16, entry: u32) -> Vec<u8> {
        let mut bytes = vec![0; 0x100];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[16..18].copy_from_slice(&kind.to_le_bytes());
        bytes[0x20..0x28].copy_from_slice(&0x40_u64.to_le_bytes());
        bytes[0x36..0x38].copy_from_slice(&56_u16.to_le_bytes());
        bytes[0x38..0x3a].copy_from_slice(&1_u16.to_le_bytes());
        bytes[0x40..0x44].copy_from_slice(&entry.to_le_bytes());
        bytes
    }

    #[test]
    fn modules_and_kernels_are_images_programs_and_cores_are_not() {
        assert!(is_image("a.ko", &elf(1, 0)), "a module");
        assert!(is_image("vmlinux", &elf(2, 1)), "a kernel");
        assert!(!is_image("ls", &elf(3, 3)), "a program names its loader");
        assert!(!is_image("core", &elf(4, 4)), "a core is a dump");
        assert!(is_image("a.ko.xz", b"\xfd7zXZ"));
        assert!(!is_image("a.xz", b"\xfd7zXZ"));
        let mut driver = vec![0; 0x100];
        driver[..2].copy_from_slice(b"MZ");
        driver[0x3c] = 0x80;
        assert!(!is_image("a.sys", &driver), "a header that is not there");
        driver[0x80..0x84].copy_from_slice(b"PE\0\0");
        assert!(is_image("a.sys", &driver));
        for cut in 0..0x100 {
            let _ = (is_image("x", &driver[..cut]), is_image("x", &elf(3, 3)[..cut]));
        }
    }
}
