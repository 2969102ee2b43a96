//! Small Windows drivers with imports, for x86, x64 and ARM64: tests of driver searches need no real drivers.
#![allow(clippy::cast_possible_truncation, reason = "offsets in an image of 10 KiB")]

/// What a driver runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// 32-bit x86.
    X86,
    /// 64-bit x86.
    X64,
    /// 64-bit ARM.
    Arm64,
}

impl Processor {
    /// Its number in a PE header.
    const fn raw(self) -> u16 {
        match self {
            Self::X86 => 0x14c,
            Self::X64 => 0x8664,
            Self::Arm64 => 0xaa64,
        }
    }
}

/// RVA of the code.
pub const TEXT: u32 = 0x1000;
/// RVA of the data.
pub const DATA: u32 = 0x2000;
/// Slots of the imports, in the order of their names.
pub const SLOTS: u32 = DATA + 0x100;

/// A driver with one section of code and one of data. The data holds the table of `imports` (from `ntoskrnl.exe`, loaded on
/// demand if `delayed`) and, at RVA 0x2800, `extra`.
pub fn image(processor: Processor, code: &[u8], imports: &[&str], delayed: bool, extra: &[u8]) -> Vec<u8> {
    let wide = processor != Processor::X86;
    let width = if wide { 8_usize } else { 4 };
    let mut data = vec![0_u8; 0x1000];
    let put = |data: &mut Vec<u8>, at: usize, bytes: &[u8]| data[at..at + bytes.len()].copy_from_slice(bytes);
    let mut name = 0x400_usize;
    for (n, import) in imports.iter().enumerate() {
        let rva = (DATA + name as u32).to_le_bytes();
        put(&mut data, 0x100 + n * width, &rva);
        put(&mut data, 0x200 + n * width, &rva);
        put(&mut data, name + 2, import.as_bytes());
        name += import.len() + 4;
    }
    put(&mut data, 0x300, b"ntoskrnl.exe\0");
    let word = |value: u32| value.to_le_bytes();
    if delayed {
        put(&mut data, 0, &word(1));
        put(&mut data, 4, &word(DATA + 0x300));
        put(&mut data, 12, &word(SLOTS));
        put(&mut data, 16, &word(DATA + 0x200));
    } else {
        put(&mut data, 0, &word(DATA + 0x200));
        put(&mut data, 12, &word(DATA + 0x300));
        put(&mut data, 16, &word(SLOTS));
    }
    put(&mut data, 0x800, extra);
    let optional = if wide { 240_usize } else { 224 };
    let mut file = vec![0_u8; 0x400];
    put(&mut file, 0, b"MZ");
    put(&mut file, 0x3c, &word(0x80));
    put(&mut file, 0x80, b"PE\0\0");
    put(&mut file, 0x84, &processor.raw().to_le_bytes());
    put(&mut file, 0x86, &2_u16.to_le_bytes());
    put(&mut file, 0x94, &(optional as u16).to_le_bytes());
    let head = 0x98;
    put(&mut file, head, &(if wide { 0x20b_u16 } else { 0x10b }).to_le_bytes());
    put(&mut file, if wide { head + 24 } else { head + 28 }, &word(0x10000));
    put(&mut file, head + 60, &word(0x400));
    put(&mut file, head + 68, &1_u16.to_le_bytes());
    let table = head + if wide { 112 } else { 96 };
    put(&mut file, table - 4, &word(16));
    let row = table + if delayed { 13 } else { 1 } * 8;
    put(&mut file, row, &word(DATA));
    put(&mut file, row + 4, &word(40));
    for (n, (name, rva, flags)) in
        [(b".text\0\0\0", TEXT, 0x6000_0020_u32), (b".data\0\0\0", DATA, 0xc000_0040)].into_iter().enumerate()
    {
        let at = head + optional + n * 40;
        put(&mut file, at, name);
        put(&mut file, at + 8, &word(0x1000));
        put(&mut file, at + 12, &word(rva));
        put(&mut file, at + 16, &word(0x1000));
        put(&mut file, at + 20, &word(0x400 + n as u32 * 0x1000));
        put(&mut file, at + 36, &word(flags));
    }
    let mut text = code.to_vec();
    text.resize(0x1000, if processor == Processor::Arm64 { 0 } else { 0xcc });
    file.extend(text);
    file.extend(data);
    file
}

/// `call qword ptr [rip + …]` at an offset of the code.
pub fn call_slot(code: &mut Vec<u8>, slot: u32) {
    let next = TEXT + code.len() as u32 + 6;
    code.extend([0xff, 0x15]);
    code.extend((SLOTS + slot * 8).wrapping_sub(next).to_le_bytes());
}

/// `call` of a function of the image.
pub fn call(code: &mut Vec<u8>, target: u32) {
    let next = TEXT + code.len() as u32 + 5;
    code.push(0xe8);
    code.extend(target.wrapping_sub(next).to_le_bytes());
}

/// x64 code that calls the first import with a tag as the third argument.
pub fn direct_x64(tag: &[u8; 4]) -> Vec<u8> {
    let mut code = vec![0x41, 0xb8];
    code.extend(tag);
    call_slot(&mut code, 0);
    code.push(0xc3);
    code
}
