//! A small writer of ELF files for tests. It shares nothing with the reader.
#![allow(dead_code, reason = "each test file uses a part of it")]

/// A section to write.
pub struct Part {
    pub name: &'static str,
    pub kind: u32,
    pub flags: u64,
    pub address: u64,
    pub link: u32,
    pub info: u32,
    pub bytes: Vec<u8>,
}

/// A section with bytes that are loaded.
pub fn loaded(name: &'static str, flags: u64, bytes: &[u8]) -> Part {
    Part { name, kind: 1, flags, address: 0, link: 0, info: 0, bytes: bytes.to_vec() }
}

/// One row of a symbol table: the name's place, what it is, its section, value and size.
pub fn symbol(name: u32, info: u8, section: u16, value: u64, size: u64) -> Vec<u8> {
    let mut row = name.to_le_bytes().to_vec();
    row.extend([info, 0]);
    row.extend(section.to_le_bytes());
    row.extend(value.to_le_bytes());
    row.extend(size.to_le_bytes());
    row
}

/// One row of relocations.
pub fn relocation(offset: u64, kind: u32, symbol: u32, addend: i64) -> Vec<u8> {
    let mut row = offset.to_le_bytes().to_vec();
    row.extend(kind.to_le_bytes());
    row.extend(symbol.to_le_bytes());
    row.extend(addend.to_le_bytes());
    row
}

/// The whole file; section 1 is the first of `parts`, the section of names is added behind them.
pub fn file(kind: u16, machine: u16, parts: Vec<Part>) -> Vec<u8> {
    let mut names = vec![0];
    let mut body = vec![0_u8; 64];
    let mut table = vec![0_u8; 64];
    let count = u16::try_from(parts.len()).unwrap() + 2;
    let last = Part { name: ".shstrtab", kind: 3, flags: 0, address: 0, link: 0, info: 0, bytes: Vec::new() };
    let all: Vec<Part> = parts.into_iter().chain([last]).collect();
    let mut starts = Vec::new();
    for part in &all {
        starts.push(u32::try_from(names.len()).unwrap());
        names.extend(part.name.as_bytes());
        names.push(0);
    }
    for (part, start) in all.iter().zip(starts) {
        let bytes = if part.name == ".shstrtab" { &names } else { &part.bytes };
        while !body.len().is_multiple_of(16) {
            body.push(0);
        }
        table.extend(start.to_le_bytes());
        table.extend(part.kind.to_le_bytes());
        table.extend(part.flags.to_le_bytes());
        table.extend(part.address.to_le_bytes());
        table.extend((body.len() as u64).to_le_bytes());
        table.extend((bytes.len() as u64).to_le_bytes());
        table.extend(part.link.to_le_bytes());
        table.extend(part.info.to_le_bytes());
        table.extend([0; 16]);
        body.extend(bytes);
    }
    let start = body.len() as u64;
    body.extend(table);
    body[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    body[16..18].copy_from_slice(&kind.to_le_bytes());
    body[18..20].copy_from_slice(&machine.to_le_bytes());
    body[40..48].copy_from_slice(&start.to_le_bytes());
    body[58..60].copy_from_slice(&64_u16.to_le_bytes());
    body[60..62].copy_from_slice(&count.to_le_bytes());
    body[62..64].copy_from_slice(&(count - 1).to_le_bytes());
    body
}

const STRINGS: &[u8] =
    b"\0kmem_cache_create\0my_init\0my_wrap\0snprintf\0proto_register\0__this_module\0my_proto\0";

fn name(text: &str) -> u32 {
    let at = STRINGS.windows(text.len() + 1).position(|bytes| bytes == [text.as_bytes(), b"\0"].concat());
    u32::try_from(at.unwrap()).unwrap()
}

/// Where the texts of [`module`] are.
pub const TEXTS: &[u8] = b"plain_cache\0wrapped_cache\0fmt_cache_%d\0%s other\0";
const WRAPPED: i64 = 12;
const FORMAT: i64 = 26;

fn with(machine: u16, code: &[u8], rows: &[Vec<u8>], init: (u64, u64), wrap: (u64, u64)) -> Vec<u8> {
    // Sections: 1 text, 2 its relocations, 3 texts, 4 data, 5 its relocations, 6 modinfo, 7 symbols, 8 their names.
    let symbols = [
        symbol(0, 0, 0, 0, 0),
        symbol(0, 3, 3, 0, 0),
        symbol(name("kmem_cache_create"), 0x10, 0, 0, 0),
        symbol(name("my_init"), 0x12, 1, init.0, init.1),
        symbol(name("my_wrap"), 0x02, 1, wrap.0, wrap.1),
        symbol(name("snprintf"), 0x10, 0, 0, 0),
        symbol(name("proto_register"), 0x10, 0, 0, 0),
        symbol(name("__this_module"), 0x11, 4, 128, 8),
        symbol(name("my_proto"), 0x01, 4, 0, 128),
    ];
    let mut data = vec![0_u8; 136];
    data[72..79].copy_from_slice(b"MYPROTO");
    let pointer = if machine == 62 { 1 } else { 257 };
    let info = b"license=GPL\0description=A module for tests\0intree=Y\0name=my_mod\0";
    let parts = vec![
        loaded(".text", 6, code),
        Part { kind: 4, link: 7, info: 1, flags: 0, ..loaded(".rela.text", 0, &rows.concat()) },
        loaded(".rodata.str1.1", 0x32, TEXTS),
        loaded(".data", 3, &data),
        Part {
            kind: 4,
            link: 7,
            info: 4,
            flags: 0,
            ..loaded(".rela.data", 0, &relocation(64, pointer, 7, 0))
        },
        loaded(".modinfo", 2, info),
        Part { kind: 2, link: 8, flags: 0, ..loaded(".symtab", 0, &symbols.concat()) },
        Part { kind: 3, flags: 0, ..loaded(".strtab", 0, STRINGS) },
    ];
    file(1, machine, parts)
}

/// A module for x64: a cache by a call, one through a wrapper, one by a format, a protocol.
pub fn x64() -> Vec<u8> {
    let mut code = Vec::new();
    let mut rows = Vec::new();
    // my_wrap(rsi = name): mov rdi, rsi; jmp kmem_cache_create
    code.extend([0x48, 0x89, 0xf7, 0xe9, 0, 0, 0, 0]);
    rows.push(relocation(4, 4, 2, -4));
    let wrap = (0, code.len() as u64);
    while code.len() < 16 {
        code.push(0xcc);
    }
    let init = code.len() as u64;
    let mov_rdi = |code: &mut Vec<u8>, rows: &mut Vec<Vec<u8>>, symbol, addend| {
        code.extend([0x48, 0xc7, 0xc7]);
        rows.push(relocation(code.len() as u64, 11, symbol, addend));
        code.extend([0; 4]);
    };
    let call = |code: &mut Vec<u8>, rows: &mut Vec<Vec<u8>>, symbol| {
        code.push(0xe8);
        rows.push(relocation(code.len() as u64, 4, symbol, -4));
        code.extend([0; 4]);
    };
    mov_rdi(&mut code, &mut rows, 1, 0);
    call(&mut code, &mut rows, 2);
    // lea rsi, [rip + text]; call my_wrap, near enough to need no relocation
    code.extend([0x48, 0x8d, 0x35]);
    rows.push(relocation(code.len() as u64, 2, 1, WRAPPED - 4));
    code.extend([0; 4]);
    code.push(0xe8);
    let back = -i32::try_from(code.len() + 4).unwrap();
    code.extend(back.to_le_bytes());
    // lea rdi, [rsp+16]; mov rdx, format; call snprintf; lea rdi, [rsp+16]; call kmem_cache_create
    code.extend([0x48, 0x8d, 0x7c, 0x24, 0x10, 0x48, 0xc7, 0xc2]);
    rows.push(relocation(code.len() as u64, 11, 1, FORMAT));
    code.extend([0; 4]);
    call(&mut code, &mut rows, 5);
    code.extend([0x48, 0x8d, 0x7c, 0x24, 0x10]);
    call(&mut code, &mut rows, 2);
    // mov esi, 1; mov rdi, my_proto; call proto_register; ret
    code.extend([0xbe, 1, 0, 0, 0]);
    mov_rdi(&mut code, &mut rows, 8, 0);
    call(&mut code, &mut rows, 6);
    code.push(0xc3);
    let length = code.len() as u64 - init;
    with(62, &code, &rows, (init, length), wrap)
}

/// The same for ARM64.
pub fn arm64() -> Vec<u8> {
    let (mut code, mut rows) = (Vec::<u32>::new(), Vec::new());
    let place = |code: &Vec<u32>| code.len() as u64 * 4;
    // my_wrap(x1 = name): mov x0, x1; b kmem_cache_create
    code.push(0xaa01_03e0);
    rows.push(relocation(place(&code), 282, 2, 0));
    code.push(0x1400_0000);
    let init = place(&code);
    // adrp; add
    let address = |code: &mut Vec<u32>, rows: &mut Vec<Vec<u8>>, register: u32, symbol, addend| {
        rows.push(relocation(place(code), 275, symbol, addend));
        code.push(0x9000_0000 | register);
        rows.push(relocation(place(code), 277, symbol, addend));
        code.push(0x9100_0000 | register << 5 | register);
    };
    let call = |code: &mut Vec<u32>, rows: &mut Vec<Vec<u8>>, symbol| {
        rows.push(relocation(place(code), 283, symbol, 0));
        code.push(0x9400_0000);
    };
    address(&mut code, &mut rows, 0, 1, 0);
    call(&mut code, &mut rows, 2);
    address(&mut code, &mut rows, 1, 1, WRAPPED);
    let back = -i32::try_from(code.len()).unwrap();
    code.push(0x9400_0000 | back.cast_unsigned() & 0x03ff_ffff);
    // add x0, sp, #16; adrp, add x2; bl snprintf; add x0, sp, #16; bl kmem_cache_create
    code.push(0x9100_43e0);
    address(&mut code, &mut rows, 2, 1, FORMAT);
    call(&mut code, &mut rows, 5);
    code.push(0x9100_43e0);
    call(&mut code, &mut rows, 2);
    // mov w1, #1; adrp, add x0; bl proto_register; ret
    code.push(0x5280_0021);
    address(&mut code, &mut rows, 0, 8, 0);
    call(&mut code, &mut rows, 6);
    code.push(0xd65f_03c0);
    let length = place(&code) - init;
    let bytes: Vec<u8> = code.iter().flat_map(|word| word.to_le_bytes()).collect();
    with(183, &bytes, &rows, (init, length), (0, 8))
}

/// A kernel without symbols: code, texts, and the table of what modules may call.
pub fn kernel() -> Vec<u8> {
    const BASE: u64 = 0xffff_ffff_8100_0000;
    let texts = BASE + 0x1000;
    let table = BASE + 0x2000;
    let names = BASE + 0x3000;
    // 0: kmem_cache_create, a single return. 16: mov rdi, texts; call it; ret
    let mut code = vec![0xc3];
    code.resize(16, 0xcc);
    code.extend([0x48, 0xc7, 0xc7]);
    code.extend(u32::try_from(texts & 0xffff_ffff).unwrap().to_le_bytes());
    code.push(0xe8);
    code.extend((-28_i32).to_le_bytes());
    code.push(0xc3);
    let distance =
        |from: u64, to: u64| i32::try_from(to.wrapping_sub(from).cast_signed()).unwrap().to_le_bytes();
    let row = [distance(table, BASE), distance(table + 4, names), [0; 4]].concat();
    let at = |address: u64, part: Part| Part { address, ..part };
    file(
        2,
        62,
        vec![
            at(BASE, loaded(".text", 6, &code)),
            at(texts, loaded(".rodata", 2, b"built_in_cache\0")),
            at(table, loaded("__ksymtab", 2, &row)),
            at(names, loaded("__ksymtab_strings", 2, b"kmem_cache_create\0")),
        ],
    )
}

/// A kernel without symbols whose functions begin with a call of `__fentry__`: one cache through a function that hands its argument on,
/// and one for each size.
pub fn traced_kernel() -> Vec<u8> {
    const BASE: u64 = 0xffff_ffff_8100_0000;
    let (texts, table, names) = (BASE + 0x1000, BASE + 0x2000, BASE + 0x3000);
    let mut code = vec![0xcc; 0x60];
    let mut put = |at: usize, bytes: &[u8]| code[at..at + bytes.len()].copy_from_slice(bytes);
    let call = |at: i32, to: i32| [&[0xe8][..], &(to - at - 5).to_le_bytes()].concat();
    let name =
        |at: u64| [&[0x48, 0xc7, 0xc7][..], &u32::try_from(at & 0xffff_ffff).unwrap().to_le_bytes()].concat();
    // 0: kmem_cache_create; 8: __fentry__; 16: kmem_buckets_create
    for at in [0, 8, 16] {
        put(at, &[0xc3]);
    }
    // 24: call __fentry__; mov r8, rdi; rep stosd; mov rdi, r8; call kmem_cache_create
    put(
        24,
        &[&call(24, 8)[..], &[0x49, 0x89, 0xf8, 0xf3, 0xab, 0x4c, 0x89, 0xc7], &call(37, 0)[..], &[0xc3]]
            .concat(),
    );
    // 48: mov rdi, texts; call 24; mov rdi, texts + 14; call kmem_buckets_create
    put(
        48,
        &[&name(texts)[..], &call(55, 24)[..], &name(texts + 14)[..], &call(67, 16)[..], &[0xc3]].concat(),
    );
    let distance =
        |from: u64, to: u64| i32::try_from(to.wrapping_sub(from).cast_signed()).unwrap().to_le_bytes();
    let rows = [(0, 0), (8, 18), (16, 29)];
    let row = |(n, (value, text)): (u64, (u64, u64))| {
        let at = table + n * 12;
        [distance(at, BASE + value), distance(at + 4, names + text), [0; 4]].concat()
    };
    let rows: Vec<u8> = (0..).zip(rows).flat_map(row).collect();
    let at = |address: u64, part: Part| Part { address, ..part };
    file(
        2,
        62,
        vec![
            at(BASE, loaded(".text", 6, &code)),
            at(texts, loaded(".rodata", 2, b"wrapped_cache\0sized\0")),
            at(table, loaded("__ksymtab", 2, &rows)),
            at(
                names,
                loaded("__ksymtab_strings", 2, b"kmem_cache_create\0__fentry__\0kmem_buckets_create\0"),
            ),
        ],
    )
}

/// An ARM64 `Image`: a cache by a call, one through a function that hands its argument on, and a protocol from a table of pointers,
/// which are in their places or `listed`.
pub fn image(listed: bool) -> Vec<u8> {
    const BASE: u64 = 0xffff_8000_8000_0000;
    const TEXTS: u32 = 0x3000;
    let mut bytes = vec![0_u8; 0x6000];
    let mut put = |at: usize, own: &[u8]| bytes[at..at + own.len()].copy_from_slice(own);
    put(0x10, &0x8000_u64.to_le_bytes());
    put(0x38, b"ARMd");
    let mut code = vec![0_u32; 0x40];
    let branch =
        |at: i32, to: i32, call: u32| 0x1400_0000 | call << 31 | ((to - at).cast_unsigned() & 0x03ff_ffff);
    // adrp, page of the text, which is two pages on; add the rest
    let text = |register: u32, rest: u32| {
        [0xd000_0000 | register, 0x9100_0000 | rest << 10 | register << 5 | register]
    };
    // Word 0: kmem_cache_create. 4: mov x0, x1; b kmem_cache_create.
    code[0] = 0xd65f_03c0;
    code[4..6].copy_from_slice(&[0xaa01_03e0, branch(5, 0, 0)]);
    code[16..18].copy_from_slice(&text(0, 0));
    code[18] = branch(18, 0, 1);
    code[20..22].copy_from_slice(&text(1, 16));
    code[22] = branch(22, 4, 1);
    code[23] = 0xd65f_03c0;
    let code: Vec<u8> = code.iter().flat_map(|word| word.to_le_bytes()).collect();
    put(0x1000, &code);
    put(TEXTS as usize, b"plain_cache\0\0\0\0\0wrapped_cache\0");
    put(0x37ff, b"\0kmem_cache_create\0snprintf\0");
    // Rows of what modules may call: snprintf is where nothing calls it.
    for (at, value, name) in [(0x4000, 0x1000, 0x3800), (0x400c, 0x1080, 0x3812)] {
        let distances = [value - at, name - at - 4, 0x37ff - at - 8_i32];
        put(usize::try_from(at).unwrap(), &distances.map(i32::to_le_bytes).concat());
    }
    // Pointers, by which the base is found.
    for n in 0..16_usize {
        let pointer = (BASE + 0x1000 + n as u64 * 4).to_le_bytes();
        if listed {
            let place = (BASE + 0x5000 + n as u64 * 8).to_le_bytes();
            put(0x5800 + n * 24, &[place, 0x403_u64.to_le_bytes(), pointer].concat());
        } else {
            put(0x5000 + n * 8, &pointer);
        }
    }
    bytes
}
