//! Small memory dumps: driver list, unloaded drivers, debugger block and one page of the kernel.

use std::io::{self, Seek, Write};

use super::file::Out;
use super::kernel::Built;

impl Built {
    /// Writes what follows the header; gives the file's length.
    pub(super) fn triage<W: Write + Seek>(&self, out: &mut Out<W>) -> io::Result<u64> {
        let narrow = self.spec.arch.is_32();
        let start: u64 = if narrow { 0x1000 } else { 0x2000 };
        // 26 words; the four pointers among them, and what aligns them, make the 64-bit form longer.
        let mut head = vec![0_u8; if narrow { 0x68 } else { 0x80 }];
        let (debugger, blocks) = if narrow { (0x58, 0x60) } else { (0x70, 0x78) };
        let mut at = start + 0x80;
        let mut set =
            |field: usize, value: u64| head[field..field + 4].copy_from_slice(&(value as u32).to_le_bytes());
        let word = |value: u64| value.to_le_bytes()[..if narrow { 4 } else { 8 }].to_vec();
        // Unloaded drivers.
        set(0x18, at);
        out.put(at, &word(self.unloaded.len() as u64))?;
        at += if narrow { 4 } else { 8 };
        for driver in &self.unloaded {
            let name: Vec<u8> = driver.name.encode_utf16().flat_map(u16::to_le_bytes).take(24).collect();
            let mut entry = vec![name.len() as u8, 0, name.len() as u8, 0];
            entry.resize(if narrow { 8 } else { 16 }, 0);
            entry.extend(&name);
            entry.resize(if narrow { 32 } else { 40 }, 0);
            entry.extend(word(driver.start));
            entry.extend(word(driver.end));
            out.put(at, &entry)?;
            at += entry.len() as u64;
        }
        // Names, then drivers.
        let mut names = Vec::new();
        for module in &self.modules {
            names.push(at);
            let name: Vec<u8> = module.path.encode_utf16().flat_map(u16::to_le_bytes).collect();
            out.put(at, &(name.len() as u32 / 2).to_le_bytes())?;
            out.put(at + 4, &name)?;
            at = (at + 4 + name.len() as u64 + 2).next_multiple_of(8);
        }
        set(0x30, at);
        set(0x34, self.modules.len() as u64);
        for (module, name) in self.modules.iter().zip(names) {
            let (base, size, checksum, time, length) =
                if narrow { (0x1c, 0x24, 0x44, 0x48, 0x4c) } else { (0x38, 0x48, 0x80, 0x88, 0x90) };
            let mut entry = vec![0; length];
            let mut put = |at: usize, bytes: &[u8]| entry[at..at + bytes.len()].copy_from_slice(bytes);
            put(0, &(name as u32).to_le_bytes());
            put(base, &word(module.base));
            put(size, &module.size.to_le_bytes());
            put(checksum, &module.checksum.to_le_bytes());
            put(time, &module.timestamp.to_le_bytes());
            out.put(at, &entry)?;
            at += length as u64;
        }
        // Debugger block.
        at = at.next_multiple_of(8);
        let block = self.page_of(self.block);
        let within = (self.block % 4096) as usize;
        set(debugger, at);
        set(debugger + 4, 0x380);
        out.put(at, &block[within..within + 0x380])?;
        at += 0x380;
        // One block of memory: the page with the build text.
        let page = (self.kernel + 0x23000 + 0xc000, self.page_of(self.kernel + 0x23000 + 0xc000));
        set(blocks, at);
        set(blocks + 4, 1);
        out.put(at, &page.0.to_le_bytes())?;
        out.put(at + 8, &((at + 16) as u32).to_le_bytes())?;
        out.put(at + 12, &4096_u32.to_le_bytes())?;
        out.put(at + 16, page.1)?;
        out.put(start, &head)?;
        Ok(at + 16 + 4096)
    }
}
