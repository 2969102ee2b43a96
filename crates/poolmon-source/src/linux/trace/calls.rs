//! The calls into Linux, each behind a safe function. Every `unsafe` of tracing is here.
#![expect(
    unsafe_code,
    reason = "perf_event_open and its ring have no safe interface; each block says why it is sound"
)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags};
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::thread::UnshareFlags;

/// `struct perf_event_attr` of `linux/perf_event.h`, as of version 5 (112 bytes, Linux 4.8): later kernels take it, too.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_watermark: u32,
    breakpoint_type: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    clock: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
}

const TRACEPOINT: u32 = 2;
/// What a record holds: process and thread, time, the tracepoint's bytes, the event's number first; and the stack.
const WITHOUT_STACK: u64 = 1 << 1 | 1 << 2 | 1 << 10 | 1 << 16;
const STACK: u64 = 1 << 5;
/// Off at first, waking by bytes, without frames of user space, by a clock that is named.
const FLAGS: u64 = 1 | 1 << 14 | 1 << 22 | 1 << 25;
/// Reading an event gives the number of its records that were lost.
const LOST: u64 = 1 << 4;
const MONOTONIC: i32 = 1;
const CLOSE_ON_EXEC: u64 = 8;

const ENABLE: u32 = 0x2400;
const DISABLE: u32 = 0x2401;
const SET_OUTPUT: u32 = 0x2405;
/// Bytes of an address, which are a part of the numbers that take one.
const ADDRESS: u32 = if cfg!(target_pointer_width = "64") { 8 } else { 4 };
const SET_FILTER: u32 = 0x4000_2406 | ADDRESS << 16;
const ID: u32 = 0x8000_2407 | ADDRESS << 16;

/// A tracepoint, open on one processor.
#[derive(Debug)]
pub struct OpenEvent {
    fd: OwnedFd,
    counts_lost: bool,
}

impl OpenEvent {
    /// Opens a tracepoint. `frames` of the kernel's stack come with each record, none if 0; readers are woken when `wake` bytes wait.
    pub fn open(tracepoint: u64, processor: u32, frames: u16, wake: u32) -> io::Result<Self> {
        match Self::open_as(tracepoint, processor, frames, wake, LOST) {
            // Before Linux 6.0 an event does not count what it lost.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                Self::open_as(tracepoint, processor, frames, wake, 0)
            }
            result => result,
        }
    }

    fn open_as(
        tracepoint: u64,
        processor: u32,
        frames: u16,
        wake: u32,
        read_format: u64,
    ) -> io::Result<Self> {
        let attributes = Attributes {
            read_format,
            kind: TRACEPOINT,
            size: u32::try_from(size_of::<Attributes>()).unwrap_or(0),
            config: tracepoint,
            sample_period: 1,
            sample_type: if frames > 0 { WITHOUT_STACK | STACK } else { WITHOUT_STACK },
            flags: FLAGS,
            wakeup_watermark: wake,
            clock: MONOTONIC,
            sample_max_stack: frames,
            ..Attributes::default()
        };
        let processor = libc::c_int::try_from(processor).map_err(io::Error::other)?;
        // SAFETY: the attributes live through the call and have the size that they state; the other arguments are numbers.
        let fd = unsafe {
            libc::syscall(libc::SYS_perf_event_open, &raw const attributes, -1, processor, -1, CLOSE_ON_EXEC)
        };
        let fd = i32::try_from(fd).map_err(io::Error::other)?;
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just opened this descriptor, and nothing else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd, counts_lost: read_format == LOST })
    }

    /// How many of its records found no room in the ring so far; `None` if the kernel does not count them.
    pub fn lost(&self) -> Option<u64> {
        // What was counted, and what was lost.
        let mut numbers = [0; 16];
        let read = self.counts_lost.then(|| rustix::io::read(&self.fd, &mut numbers))?;
        let lost = numbers.last_chunk::<8>().filter(|_| read == Ok(numbers.len()))?;
        Some(u64::from_ne_bytes(*lost))
    }

    /// The number by which its records name it.
    pub fn id(&self) -> io::Result<u64> {
        let mut id = 0_u64;
        // SAFETY: the kernel writes eight bytes to the address of a number that lives through the call.
        unsafe { self.control(ID, (&raw mut id).addr()) }?;
        Ok(id)
    }

    /// Has the kernel drop what does not match.
    pub fn filter(&self, filter: &str) -> io::Result<()> {
        let filter = CString::new(filter).map_err(io::Error::other)?;
        // SAFETY: the kernel reads a text that ends with 0 and lives through the call.
        unsafe { self.control(SET_FILTER, filter.as_ptr().addr()) }
    }

    /// Has its records written into another event's ring.
    pub fn join(&self, other: &Self) -> io::Result<()> {
        let other = usize::try_from(other.fd.as_raw_fd()).map_err(io::Error::other)?;
        // SAFETY: the argument is the number of an open descriptor.
        unsafe { self.control(SET_OUTPUT, other) }
    }

    /// Switches it on or off.
    pub fn switch(&self, on: bool) -> io::Result<()> {
        // SAFETY: without an argument.
        unsafe { self.control(if on { ENABLE } else { DISABLE }, 0) }
    }

    /// # Safety
    ///
    /// `argument` has to be what the request takes, and to live through the call if it is an address.
    unsafe fn control(&self, request: u32, argument: usize) -> io::Result<()> {
        let request = number(request);
        // SAFETY: the descriptor is open; the caller vouches for the argument.
        let result = unsafe { libc::ioctl(self.fd.as_raw_fd(), request, argument) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl AsFd for OpenEvent {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Where `struct perf_event_mmap_page` has the ends of what was written and of what was read.
const HEAD: usize = 1024;
const TAIL: usize = 1032;

/// The ring into which the kernel writes the records of a processor.
#[derive(Debug)]
pub struct Ring {
    base: NonNull<u8>,
    page: usize,
    size: usize,
    /// Where a record that wraps is put together.
    whole: Vec<u8>,
}

// SAFETY: the mapping belongs to the process, not to a thread, and only the owner of the value touches it.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps the ring of an event: `pages` of data, a power of two.
    pub fn map(event: &OpenEvent, pages: usize) -> io::Result<Self> {
        let page = rustix::param::page_size();
        let size = pages * page;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of the program.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                page + size,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &event.fd,
                0,
            )
        }?;
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("the ring is mapped at 0"))?;
        Ok(Self { base, page, size, whole: Vec::new() })
    }

    fn end(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: both ends are aligned numbers in the first page of the mapping, which lives as long as `self`; kernel and
        // program access them as atomics.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    /// Hands each record that is there to `each`: its kind and its body. False if what the kernel wrote makes no sense; the
    /// rest of it is skipped then.
    pub fn read(&mut self, mut each: impl FnMut(u32, &[u8])) -> bool {
        let mut whole = std::mem::take(&mut self.whole);
        // With acquire, the records before the head are visible.
        let head = self.end(HEAD).load(Ordering::Acquire);
        let mut tail = self.end(TAIL).load(Ordering::Relaxed);
        let mut sound = head.wrapping_sub(tail) <= self.size as u64;
        while sound && tail < head {
            let Some((kind, length)) = header(&self.part(tail, 8, &mut whole)) else { break };
            sound = length >= 8 && length as u64 <= head - tail;
            if sound {
                each(kind, self.part(tail, length, &mut whole).get(8..).unwrap_or_default());
                tail += length as u64;
            }
        }
        // With release, the kernel overwrites the records only after they were read.
        self.end(TAIL).store(head, Ordering::Release);
        self.whole = whole;
        sound
    }

    /// Bytes of the ring from a position, put together in `whole` if they wrap.
    fn part<'a>(
        &'a self,
        position: u64,
        length: usize,
        whole: &'a mut Vec<u8>,
    ) -> std::borrow::Cow<'a, [u8]> {
        let length = length.min(self.size);
        let at = usize::try_from(position % self.size as u64).unwrap_or(0);
        let first = length.min(self.size - at);
        // SAFETY: `at + first` is at most the size of the data, which follows the first page of the mapping. The kernel does not
        // write between tail and head, where the callers read.
        let bytes = unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(self.page + at), first) };
        if first == length {
            return bytes.into();
        }
        whole.clear();
        whole.extend_from_slice(bytes);
        // SAFETY: as above; the rest starts at the beginning of the data, and is shorter than it.
        let rest = unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(self.page), length - first) };
        whole.extend_from_slice(rest);
        whole.as_slice().into()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and no reference to it is left.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.page + self.size) };
    }
}

/// `struct perf_event_header`: kind and length.
fn header(bytes: &[u8]) -> Option<(u32, usize)> {
    let (kind, rest) = bytes.split_first_chunk::<4>()?;
    let length = rest.get(2..)?.first_chunk::<2>()?;
    Some((u32::from_ne_bytes(*kind), u16::from_ne_bytes(*length).into()))
}

/// A request's number as the C library takes it: 32 bits that some declare as signed, some in a longer integer.
#[allow(clippy::cast_possible_wrap, clippy::cast_lossless, reason = "depends on the C library")]
const fn number(request: u32) -> libc::Ioctl {
    request as libc::Ioctl
}

/// A request to a file, with an argument that the kernel reads and fills. `request` has to state the length of `bytes`.
pub fn ioctl(file: impl AsFd, request: u32, bytes: &mut [u8]) -> io::Result<()> {
    // The length is a part of a request's number.
    if usize::try_from(request >> 16 & 0x1fff).ok() != Some(bytes.len()) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the kernel reads and writes as many bytes as the request's number states, which is the length of the slice.
    let result = unsafe { libc::ioctl(file.as_fd().as_raw_fd(), number(request), bytes.as_mut_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Mounts tracefs at a place, in a mount namespace of this thread alone.
pub fn mount_tracefs(place: &Path) -> io::Result<()> {
    // SAFETY: the thread gets a mount namespace of its own, which ends with it; descriptors stay shared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }?;
    // Without this, a shared mount would show up outside.
    rustix::mount::mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    rustix::mount::mount("tracefs", place, "tracefs", MountFlags::empty(), None)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_have_the_size_of_the_header() {
        assert_eq!((size_of::<Attributes>(), std::mem::offset_of!(Attributes, sample_max_stack)), (112, 108));
        assert_eq!(
            (std::mem::offset_of!(Attributes, clock), std::mem::offset_of!(Attributes, flags)),
            (92, 40)
        );
    }

    /// The ring's reader over a mapping of our own, in which "the kernel" has written across its end.
    #[test]
    fn a_record_that_wraps_is_put_together() {
        let page = rustix::param::page_size();
        // SAFETY: a new anonymous mapping.
        let base = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                page * 2,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        };
        let mut ring =
            Ring { base: NonNull::new(base.unwrap().cast()).unwrap(), page, size: page, whole: Vec::new() };
        let data = ring.base;
        let write = |position: usize, bytes: &[u8]| {
            for (n, byte) in bytes.iter().enumerate() {
                // SAFETY: within the second page of the mapping.
                unsafe { data.as_ptr().add(page + (position + n) % page).write(*byte) };
            }
        };
        let start = page * 3 - 16;
        let record = |kind: u32, body: &[u8]| {
            let mut record = kind.to_ne_bytes().to_vec();
            record.extend([0, 0]);
            record.extend(u16::try_from(8 + body.len()).unwrap().to_ne_bytes());
            record.extend(body);
            record
        };
        let (first, second) = (record(9, &[1, 2, 3, 4, 5, 6, 7, 8]), record(2, &[7; 24]));
        write(start, &first);
        write(start + 16 - 8 + 8, &second);
        ring.end(TAIL).store(start as u64, Ordering::Relaxed);
        ring.end(HEAD).store((start + first.len() + second.len()) as u64, Ordering::Relaxed);
        let mut seen = Vec::new();
        assert!(ring.read(|kind, body| seen.push((kind, body.to_vec()))));
        assert_eq!(seen, [(9, vec![1, 2, 3, 4, 5, 6, 7, 8]), (2, vec![7; 24])]);
        assert!(ring.read(|_, _| panic!("nothing is left")));
        // Nonsense ends the reading, and does not loop.
        write(start + 48, &[0; 8]);
        ring.end(HEAD).store((start + 48 + 8) as u64, Ordering::Relaxed);
        assert!(!ring.read(|_, _| panic!("no record")));
    }
}
