//! Files that hold a machine's memory, or a dump, in a form that is not read here: each by its name, with the command
//! that makes a form of it that is read.

use std::path::Path;

use poolmon_model::shell;

/// A kind of file.
struct Kind {
    start: &'static [u8],
    what: &'static str,
    /// `FILE` stands for the file.
    remedy: &'static str,
}

const fn kind(start: &'static [u8], what: &'static str, remedy: &'static str) -> Kind {
    Kind { start, what, remedy }
}

const DISK: &str = "mount the disk and use \\Windows\\MEMORY.DMP on it";
const HIBERNATION: &str = "convert it with volatility3: vol -f FILE windows.hibernation.Dump --version 0; then use the \
    image that it writes";
const VMWARE: &str = "use the .vmem file next to it; without one, convert it: vmss2core -W8 FILE";
const QEMU: &str = "take the dump of the running machine: virsh dump --memory-only MACHINE memory.elf";
const UNPACK_7Z: &str = "unpack it first: 7z x FILE";

static KINDS: &[Kind] = &[
    kind(b"HIBR", "a hibernation file, whose pages are compressed", HIBERNATION),
    kind(b"hibr", "a hibernation file, whose pages are compressed", HIBERNATION),
    kind(b"WAKE", "a hibernation file, whose pages were thrown away on waking", HIBERNATION),
    kind(b"wake", "a hibernation file, whose pages were thrown away on waking", HIBERNATION),
    kind(b"RSTR", "a hibernation file, whose pages are compressed", HIBERNATION),
    kind(b"rstr", "a hibernation file, whose pages are compressed", HIBERNATION),
    kind(b"HORM", "a hibernation file, whose pages are compressed", HIBERNATION),
    kind(b"\xd0\xbe\xd2\xbe", "the state of a VMware machine (vmss, vmsn)", VMWARE),
    kind(b"\xd1\xba\xd1\xba", "the state of a VMware machine (vmss, vmsn)", VMWARE),
    kind(b"\xd2\xbe\xd2\xbe", "the state of a VMware machine (vmss, vmsn)", VMWARE),
    kind(b"\xd3\xbe\xd3\xbe", "the state of a VMware machine (vmss, vmsn)", VMWARE),
    kind(
        b"\x7fVirtualBox SavedState",
        "the saved state of a VirtualBox machine",
        "start the machine from it, then: VBoxManage debugvm MACHINE dumpvmcore --filename memory.elf",
    ),
    kind(
        b"\x14\x20\x28\x01",
        "the saved state of a Hyper-V machine (vmrs)",
        "start the machine from it, then on the host: livekd -hv MACHINE -o memory.dmp",
    ),
    kind(b"QFI\xfb", "a disk image (qcow2)", QEMU),
    kind(b"LibvirtQemudSave", "a machine saved by libvirt", QEMU),
    kind(b"LibvirtQemudPart", "a machine saved by libvirt", QEMU),
    kind(b"QEVM", "the state of a QEMU machine", QEMU),
    kind(b"vhdxfile", "a disk image (vhdx)", DISK),
    kind(b"conectix", "a disk image (vhd)", DISK),
    kind(b"KDMV", "a disk image (vmdk)", DISK),
    kind(b"EVF\x09\x0d\x0a", "a disk image (E01)", DISK),
    kind(b"KDUMP   ", "a Linux dump (makedumpfile)", "use crash for it; the pools here are those of Windows"),
    kind(
        b"MSCF",
        "a cabinet file (cab)",
        "unpack it first: expand -F:* FILE . (Windows), or cabextract FILE",
    ),
    kind(
        b"PK\x05\x06",
        "a zip archive without files",
        "look for the dump that was meant to be in it: unzip -l FILE",
    ),
    kind(b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK_7Z),
    kind(b"Rar!\x1a\x07", "a rar archive", UNPACK_7Z),
    kind(b"MSWIM\0\0\0", "a Windows image file (wim)", UNPACK_7Z),
    kind(b"BZh", "a bzip2 file", "unpack it first: bzip2 -dk FILE"),
    kind(b"\x04\x22\x4d\x18", "an lz4 file", "unpack it first: lz4 -d FILE"),
];

/// Bytes that are enough to know all kinds.
pub(crate) const LONGEST: usize = 32;

/// What a file is that starts so, and what helps; `None` if it is none of these.
pub(crate) fn of(start: &[u8], path: &Path) -> Option<(&'static str, String)> {
    let kind = KINDS.iter().find(|kind| start.starts_with(kind.start))?;
    Some((kind.what, kind.remedy.replace("FILE", &shell::path(path))))
}
