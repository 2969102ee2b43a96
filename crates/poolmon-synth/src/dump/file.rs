//! The same memory in every container.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use super::kernel::Built;
use super::spec::{Arch, EVIL};

/// A container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Type 1: every page of the machine.
    Full,
    /// Type 2: the oldest kernel dumps, with a bitmap behind 32-bit figures.
    OldSummary,
    /// Type 5.
    BitmapFull,
    /// Type 6.
    BitmapKernel,
    /// Type 8.
    RangesKernel,
    /// Type 9.
    RangesKernelUser,
    /// Type 0xA.
    RangesFull,
    /// Type 4.
    Triage,
    /// Type 3.
    HeaderOnly,
    /// An ELF core with a register note.
    Elf,
    /// Headers with addresses before each stretch, the last of which does not end on a page.
    Lime,
    /// No container at all.
    Raw,
}

impl Form {
    const fn dump_type(self) -> u32 {
        match self {
            Self::OldSummary => 2,
            Self::HeaderOnly => 3,
            Self::Triage => 4,
            Self::BitmapFull => 5,
            Self::BitmapKernel => 6,
            Self::RangesKernel => 8,
            Self::RangesKernelUser => 9,
            Self::RangesFull => 10,
            Self::Full | Self::Elf | Self::Lime | Self::Raw => 1,
        }
    }
}

/// A sink that can leave holes.
pub(super) struct Out<W> {
    to: W,
    at: u64,
}

impl<W: Write + Seek> Out<W> {
    pub(super) fn put(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if at != self.at {
            self.to.seek(SeekFrom::Start(at))?;
        }
        self.to.write_all(bytes)?;
        self.at = at + bytes.len() as u64;
        Ok(())
    }
}

impl Built {
    /// Writes the dump to a file; what holds nothing becomes a hole in it.
    pub fn write(&self, form: Form, path: &Path) -> io::Result<()> {
        let file = File::create(path)?;
        let length = self.emit(form, io::BufWriter::new(&file))?;
        file.set_len(length)
    }

    /// The dump as bytes.
    pub fn bytes(&self, form: Form) -> Vec<u8> {
        let mut bytes = io::Cursor::new(Vec::new());
        let length = self.emit(form, &mut bytes).expect("memory does not fail");
        let mut bytes = bytes.into_inner();
        bytes.resize(usize::try_from(length).expect("fits"), 0);
        bytes
    }

    fn emit<W: Write + Seek>(&self, form: Form, to: W) -> io::Result<u64> {
        let mut out = Out { to, at: 0 };
        let start = if self.spec.arch.is_32() { 0x1000 } else { 0x2000 };
        if !matches!(form, Form::Elf | Form::Lime | Form::Raw) {
            out.put(0, &self.header(form))?;
        }
        let end = match form {
            Form::Full => self.full(&mut out, start)?,
            Form::OldSummary | Form::BitmapFull | Form::BitmapKernel => self.bitmap(&mut out, start, form)?,
            Form::RangesKernel | Form::RangesKernelUser | Form::RangesFull => {
                self.ranges(&mut out, start, form)?
            }
            Form::Triage => self.triage(&mut out)?,
            Form::HeaderOnly => start,
            Form::Elf => self.elf(&mut out)?,
            Form::Lime => self.lime(&mut out)?,
            Form::Raw => {
                for (&pfn, page) in &self.memory.pages {
                    out.put(pfn * 4096, page)?;
                }
                self.spec.memory_pages * 4096
            }
        };
        out.to.flush()?;
        Ok(end)
    }

    fn header(&self, form: Form) -> Vec<u8> {
        let narrow = self.spec.arch.is_32();
        let mut h: Vec<u8> =
            b"PAGE".iter().copied().cycle().take(if narrow { 0x1000 } else { 0x2000 }).collect();
        let machine: u32 = match self.spec.arch {
            Arch::I386 | Arch::I386Pae => 0x14c,
            Arch::Amd64 | Arch::Amd64La57 => 0x8664,
            Arch::Aarch64 => 0xaa64,
        };
        let block = if self.spec.hide_block { 0 } else { self.block };
        let (cpus, parameters) =
            (u32::try_from(self.spec.cpus).expect("few"), [0xffff_f803_4a20_1234_u64, 2, 0, 0x8b]);
        let (time, up) = (0x01d7_07f2_3dbb_3399_u64, 0x23b_c1e9_u64);
        let mut put = |at: usize, bytes: &[u8]| h[at..at + bytes.len()].copy_from_slice(bytes);
        if self.spec.hostile {
            put(if narrow { 0x820 } else { 0xfb0 }, format!("{EVIL}\0").as_bytes());
        }
        if narrow {
            put(4, b"DUMP");
            for (at, value) in [
                (8, 0xf),
                (0xc, self.spec.build),
                (0x10, self.mapping.root as u32),
                (0x18, self.list as u32),
                (0x20, machine),
                (0x24, cpus),
                (0x28, 0xd1),
                (0x60, block as u32),
                (0xf88, form.dump_type()),
            ] {
                put(at, &value.to_le_bytes());
            }
            for (at, parameter) in parameters.iter().enumerate() {
                put(0x2c + at * 4, &(*parameter as u32).to_le_bytes());
            }
            put(0x5c, &[u8::from(self.spec.arch == Arch::I386Pae)]);
            put(0xfb8, &up.to_le_bytes());
            put(0xfc0, &time.to_le_bytes());
            put(0x64, &(self.memory.runs.len() as u32).to_le_bytes());
            put(0x68, &(self.memory.runs.iter().map(|run| run.1).sum::<u64>() as u32).to_le_bytes());
            for (at, (first, count)) in self.memory.runs.iter().enumerate() {
                put(0x6c + at * 8, &(*first as u32).to_le_bytes());
                put(0x70 + at * 8, &(*count as u32).to_le_bytes());
            }
        } else {
            put(4, b"DU64");
            for (at, value) in [
                (8, 0xf),
                (0xc, self.spec.build),
                (0x30, machine),
                (0x34, cpus),
                (0x38, 0xd1),
                (0xf98, form.dump_type()),
                (0x1040, 3),
                (0x1054, 77),
            ] {
                put(at, &value.to_le_bytes());
            }
            for (at, value) in
                [(0x10, self.mapping.root), (0x20, self.list), (0x80, block), (0xfa8, time), (0x1030, up)]
            {
                put(at, &value.to_le_bytes());
            }
            for (at, parameter) in parameters.iter().enumerate() {
                put(0x40 + at * 8, &parameter.to_le_bytes());
            }
            put(0x88, &(self.memory.runs.len() as u32).to_le_bytes());
            put(0x90, &self.memory.runs.iter().map(|run| run.1).sum::<u64>().to_le_bytes());
            for (at, (first, count)) in self.memory.runs.iter().enumerate() {
                put(0x98 + at * 16, &first.to_le_bytes());
                put(0xa0 + at * 16, &count.to_le_bytes());
            }
        }
        h
    }

    fn full<W: Write + Seek>(&self, out: &mut Out<W>, start: u64) -> io::Result<u64> {
        let mut offset = start;
        for &(first, count) in &self.memory.runs {
            for (&pfn, page) in self.memory.pages.range(first..first + count) {
                out.put(offset + (pfn - first) * 4096, page)?;
            }
            offset += count * 4096;
        }
        Ok(offset)
    }

    fn bitmap<W: Write + Seek>(&self, out: &mut Out<W>, start: u64, form: Form) -> io::Result<u64> {
        // Not a multiple of eight, as in real dumps.
        let bits = (self.spec.memory_pages | 7) - 2;
        let mut map = vec![0_u8; bits.div_ceil(8) as usize];
        let pages: Vec<_> = self.memory.pages.range(..bits).collect();
        for (pfn, _) in &pages {
            map[(**pfn / 8) as usize] |= 1 << (**pfn % 8);
        }
        let mut head = [0; 0x38];
        let count = pages.len() as u64;
        let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, if form == Form::BitmapFull { b"FDMP" } else { b"SDMP" });
        put(4, b"DUMP");
        let bits_at;
        let first;
        if form == Form::OldSummary {
            bits_at = 0x20;
            first = (start + bits_at + map.len() as u64).next_multiple_of(4096);
            put(0xc, &(first as u32).to_le_bytes());
            put(0x10, &(map.len() as u32).to_le_bytes());
            put(0x14, &(count as u32).to_le_bytes());
            put(0x18, &(bits as u32).to_le_bytes());
        } else {
            bits_at = 0x38;
            first = (start + bits_at + map.len() as u64).next_multiple_of(4096);
            put(0x20, &first.to_le_bytes());
            put(0x28, &count.to_le_bytes());
            put(0x30, &bits.to_le_bytes());
        }
        out.put(start, &head[..bits_at as usize])?;
        out.put(start + bits_at, &map)?;
        for (at, (_, page)) in (0..).zip(&pages) {
            out.put(first + at * 4096, page)?;
        }
        Ok(first + count * 4096)
    }

    fn ranges<W: Write + Seek>(&self, out: &mut Out<W>, start: u64, form: Form) -> io::Result<u64> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for &pfn in self.memory.pages.keys() {
            match ranges.last_mut() {
                Some(last) if last.0 + last.1 == pfn => last.1 += 1,
                _ => ranges.push((pfn, 1)),
            }
        }
        let list = 0x30 + (ranges.len() as u64 + 1) * 16;
        let first = (start + list).next_multiple_of(4096);
        let mut head = vec![0; (first - start) as usize];
        let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &0x40_u32.to_le_bytes());
        put(4, b"RDMPDUMP");
        put(0x10, &(first - start - 0x40 + 0x20).to_le_bytes());
        put(0x18, &first.to_le_bytes());
        if form == Form::RangesFull {
            put(0x20, &(ranges.len() as u32).to_le_bytes());
            put(0x28, &(self.memory.pages.len() as u64).to_le_bytes());
        }
        for (at, (pfn, count)) in ranges.iter().enumerate() {
            put(0x30 + at * 16, &pfn.to_le_bytes());
            put(0x38 + at * 16, &count.to_le_bytes());
        }
        out.put(start, &head)?;
        for (at, page) in (0..).zip(self.memory.pages.values()) {
            out.put(first + at * 4096, page)?;
        }
        Ok(first + self.memory.pages.len() as u64 * 4096)
    }

    pub(super) fn page_of(&self, address: u64) -> &[u8] {
        &self.memory.pages[&(self.mapping.truth[&(address / 4096 * 4096)] / 4096)]
    }

    fn lime<W: Write + Seek>(&self, out: &mut Out<W>) -> io::Result<u64> {
        let mut offset = 0;
        for &(first, count) in &self.memory.runs {
            let mut head = [0; 32];
            head[..4].copy_from_slice(b"EMiL");
            head[4] = 1;
            head[8..16].copy_from_slice(&(first * 4096).to_le_bytes());
            // Firmware's stretches need not end on a page.
            let bytes = count * 4096 + if first == 1 { 0xc00 } else { 0 };
            head[16..24].copy_from_slice(&(first * 4096 + bytes - 1).to_le_bytes());
            out.put(offset, &head)?;
            for (&pfn, page) in self.memory.pages.range(first..first + count) {
                out.put(offset + 32 + (pfn - first) * 4096, page)?;
            }
            offset += 32 + bytes;
        }
        Ok(offset)
    }

    fn elf<W: Write + Seek>(&self, out: &mut Out<W>) -> io::Result<u64> {
        let mut head = vec![0_u8; 0x1000];
        let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"\x7fELF\x02\x01\x01");
        put(16, &4_u16.to_le_bytes());
        put(18, &62_u16.to_le_bytes());
        put(32, &64_u64.to_le_bytes());
        put(52, &64_u16.to_le_bytes());
        put(54, &56_u16.to_le_bytes());
        let segments = self.memory.runs.len() + 1;
        put(56, &(segments as u16).to_le_bytes());
        // The note of a processor: its name, then registers that end with CR0 to CR4.
        let mut state = vec![0; 8 + 18 * 8 + 10 * 24 + 5 * 8 + 8];
        let cr3 = 8 + 18 * 8 + 10 * 24 + 24;
        state[cr3..cr3 + 8].copy_from_slice(&self.mapping.root.to_le_bytes());
        let mut note = Vec::new();
        for _ in 0..self.spec.cpus {
            note.extend(5_u32.to_le_bytes());
            note.extend((state.len() as u32).to_le_bytes());
            note.extend(0_u32.to_le_bytes());
            note.extend(b"QEMU\0\0\0\0");
            note.extend(&state);
        }
        let mut offset = 0x1000 + (note.len() as u64).next_multiple_of(4096);
        put(64, &4_u32.to_le_bytes());
        put(64 + 8, &0x1000_u64.to_le_bytes());
        put(64 + 32, &(note.len() as u64).to_le_bytes());
        let mut pages = Vec::new();
        for (at, &(first, count)) in self.memory.runs.iter().enumerate() {
            let entry = 64 + (at + 1) * 56;
            put(entry, &1_u32.to_le_bytes());
            put(entry + 8, &offset.to_le_bytes());
            put(entry + 24, &(first * 4096).to_le_bytes());
            put(entry + 32, &(count * 4096).to_le_bytes());
            put(entry + 40, &(count * 4096).to_le_bytes());
            for (&pfn, page) in self.memory.pages.range(first..first + count) {
                pages.push((offset + (pfn - first) * 4096, page));
            }
            offset += count * 4096;
        }
        out.put(0, &head)?;
        out.put(0x1000, &note)?;
        for (at, page) in pages {
            out.put(at, page)?;
        }
        Ok(offset)
    }
}
