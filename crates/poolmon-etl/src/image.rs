//! Images: which driver or library was where, and when.

use std::collections::HashMap;
use std::fmt;

use crate::session::text;
use crate::stack::is_kernel;
use crate::version::Versions;
use crate::{FileVersion, Hook, Record};
use poolmon_image::bytes::{u32_at, u64_at};

/// Images that are kept; more are counted as refused.
const MOST: usize = 1 << 18;
/// Images that may overlap one address at different times; more are not looked at.
const OVERLAPPING: usize = 64;

/// An image that was loaded at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Address of its first byte.
    pub base: u64,
    /// Its size in memory, in bytes.
    pub size: u64,
    /// The process that it was loaded into; 0 for drivers.
    pub process: u32,
    /// Checksum in its header.
    pub checksum: u32,
    /// Time stamp in its header: with the size, the key of its symbols.
    pub stamp: u32,
    /// Its path as the kernel has it: `\SystemRoot\system32\drivers\ndis.sys`.
    pub path: String,
    /// When it was loaded, in ticks; `None` if it was there before the trace.
    pub loaded: Option<u64>,
    /// When it was unloaded, in ticks; `None` if it was there after the trace.
    pub unloaded: Option<u64>,
}

impl Image {
    /// The file's name without its folder.
    pub fn name(&self) -> &str {
        self.path.rsplit(['\\', '/']).next().unwrap_or(&self.path)
    }

    /// Whether it is in the kernel's half of memory: a driver, the kernel itself, or a driver of a session.
    pub const fn is_kernel(&self) -> bool {
        is_kernel(self.base)
    }

    const fn holds(&self, address: u64) -> bool {
        match address.checked_sub(self.base) {
            Some(offset) => offset < self.size,
            None => false,
        }
    }

    fn is_loaded_at(&self, time: u64) -> bool {
        self.loaded.is_none_or(|loaded| loaded <= time)
            && self.unloaded.is_none_or(|unloaded| time <= unloaded)
    }
}

/// An address, with the image that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The address.
    pub address: u64,
    /// The image, if one is known.
    pub image: Option<&'a Image>,
}

impl Frame<'_> {
    /// Bytes after the image's beginning.
    pub fn offset(&self) -> Option<u64> {
        self.image.map(|image| self.address - image.base)
    }
}

impl fmt::Display for Frame<'_> {
    /// `ndis.sys+0x1234`, or the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.image {
            Some(image) => write!(f, "{}+{:#x}", image.name(), self.address - image.base),
            None => write!(f, "{:#x}", self.address),
        }
    }
}

/// All images of a trace.
#[derive(Clone, Debug, Default)]
pub struct Images {
    list: Vec<Image>,
    /// The images of the kernel's half, by base.
    kernel: Vec<usize>,
    /// The last image of a process and base.
    last: HashMap<(u32, u64), usize>,
    versions: Versions,
    refused: u64,
}

impl Images {
    /// Every image, in the order in which the trace names them.
    pub fn all(&self) -> &[Image] {
        &self.list
    }

    /// The images in the kernel's half of memory, by address.
    pub fn kernel(&self) -> impl Iterator<Item = &Image> {
        self.kernel.iter().filter_map(|index| self.list.get(*index))
    }

    /// Images, and versions of images, that were not kept: there were too many.
    pub const fn refused(&self) -> u64 {
        self.refused + self.versions.refused()
    }

    /// What an image's file says of itself. Traces have it that were merged on the traced machine, as `wpr -stop` and
    /// `xperf -d` do.
    pub fn version(&self, image: &Image) -> Option<&FileVersion> {
        self.versions.of(image)
    }

    /// The frame of a kernel address at a time, in ticks. An image that was loaded at another time is named only if no
    /// image was there at that time.
    pub fn frame(&self, address: u64, time: u64) -> Frame<'_> {
        let end = self
            .kernel
            .partition_point(|index| self.list.get(*index).is_some_and(|image| image.base <= address));
        let before = self.kernel.get(..end).unwrap_or_default().iter().rev();
        let mut other = None;
        for image in before.filter_map(|index| self.list.get(*index)).take(OVERLAPPING) {
            if image.holds(address) {
                if image.is_loaded_at(time) {
                    return Frame { address, image: Some(image) };
                }
                other.get_or_insert(image);
            }
        }
        Frame { address, image: other }
    }

    /// Takes an event; `false` if it is not one of images.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> bool {
        let Some(hook) = record.hook() else { return self.versions.take(record) };
        let known = matches!(
            hook,
            Hook::IMAGE_LOAD
                | Hook::IMAGE_LOAD_CLASS
                | Hook::IMAGE_UNLOAD
                | Hook::IMAGE_AT_START
                | Hook::IMAGE_AT_END
        );
        let Some(mut image) = known.then(|| decode(record)).flatten() else { return false };
        let time = record.time.unwrap_or_default();
        let key = (image.process, image.base);
        let last = self.last.get(&key).copied();
        let last = last
            .and_then(|index| self.list.get_mut(index))
            .filter(|last| last.unloaded.is_none() && last.size == image.size);
        match (hook, last) {
            (Hook::IMAGE_UNLOAD, Some(last)) => last.unloaded = Some(time),
            (Hook::IMAGE_AT_START | Hook::IMAGE_AT_END, Some(_)) => {}
            (Hook::IMAGE_AT_START | Hook::IMAGE_AT_END, None) => self.add(key, image),
            (Hook::IMAGE_UNLOAD, None) => {
                image.unloaded = Some(time);
                self.add(key, image);
            }
            _ => {
                image.loaded = Some(time);
                self.add(key, image);
            }
        }
        true
    }

    fn add(&mut self, key: (u32, u64), image: Image) {
        if self.list.len() < MOST {
            self.last.insert(key, self.list.len());
            self.list.push(image);
        } else {
            self.refused += 1;
        }
    }

    /// Prepares the search, after the last event.
    pub(crate) fn sort(&mut self) {
        self.last = HashMap::new();
        let images = &self.list;
        let base = |index: usize| images.get(index).map(|image| image.base);
        self.kernel = (0..images.len()).filter(|index| base(*index).is_some_and(is_kernel)).collect();
        self.kernel.sort_unstable_by_key(|index| (base(*index), *index));
    }
}

/// Base, size, process, checksum, time stamp, signature, default base, 16 bytes, path. Versions 0 and 1 are shorter.
fn decode(record: &Record<'_>) -> Option<Image> {
    let body = record.body;
    let pointer = if record.wide { 8 } else { 4 };
    let address = |at: usize| address_at(body, at, record.wide);
    let (process, path) = match record.version {
        0 => (0, 2 * pointer),
        1 => (u32_at(body, 2 * pointer)?, 2 * pointer + 4),
        _ => (u32_at(body, 2 * pointer)?, 3 * pointer + 32),
    };
    let word = |at: usize| if record.version < 2 { Some(0) } else { u32_at(body, 2 * pointer + at) };
    Some(Image {
        base: address(0)?,
        size: address(pointer)?,
        process,
        checksum: word(4)?,
        stamp: word(8)?,
        path: text(body.get(path..)?),
        loaded: None,
        unloaded: None,
    })
}

/// A pointer of 4 or 8 bytes.
///
/// 4-byte addresses of the kernel's half are extended by ones, so that one rule finds it on all systems.
pub(crate) fn address_at(bytes: &[u8], at: usize, wide: bool) -> Option<u64> {
    if wide { u64_at(bytes, at) } else { u32_at(bytes, at).map(extended) }
}

/// See [`address_at`].
pub(crate) const fn extended(address: u32) -> u64 {
    (address.cast_signed() as i64).cast_unsigned()
}
