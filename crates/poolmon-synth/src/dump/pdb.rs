//! A symbol file with public symbols: as much of the format as a reader of addresses needs.

use super::kernel::Built;

const PAGE: usize = 0x1000;
/// GUID of the kernel's image, as its debug directory holds it.
pub const GUID: [u8; 16] =
    [0xec, 0x5c, 0x43, 0x95, 0xb1, 0x4a, 0xc5, 0x04, 0xe8, 0x6b, 0xfb, 0xea, 0x44, 0x16, 0xc4, 0xa3];

impl Built {
    /// The symbol file of its kernel, with a GUID that may be another one's.
    pub fn pdb(&self, guid: [u8; 16]) -> Vec<u8> {
        // Variables lie in `.data`, the third section.
        let sections: [(&str, u32, u32); 3] =
            [(".text", 0x1000, 0x20000), (".rdata", 0x21000, 0x2000), (".data", 0x23000, 0x20000)];
        let mut headers = Vec::new();
        for (name, start, size) in sections {
            let mut header = [0; 40];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[8..12].copy_from_slice(&size.to_le_bytes());
            header[12..16].copy_from_slice(&start.to_le_bytes());
            headers.extend(header);
        }
        let mut records = public(".text", 1, 0x10);
        for (name, offset) in &self.symbols {
            records.extend(public(name, 3, offset - 0x23000));
        }
        let mut information = 20_000_404_u32.to_le_bytes().to_vec();
        information.extend(1_u32.to_le_bytes());
        information.extend(7_u32.to_le_bytes());
        information.extend(guid);
        information.extend([0; 16]);
        let streams = [Vec::new(), information, Vec::new(), debug(4, 5), records, headers];
        container(&streams)
    }
}

/// A record of a public symbol.
fn public(name: &str, section: u16, offset: u32) -> Vec<u8> {
    let mut body = 0x110e_u16.to_le_bytes().to_vec();
    body.extend(0_u32.to_le_bytes());
    body.extend(offset.to_le_bytes());
    body.extend(section.to_le_bytes());
    body.extend(name.as_bytes());
    body.push(0);
    while !(body.len() + 2).is_multiple_of(4) {
        body.push(0);
    }
    let mut record = (body.len() as u16).to_le_bytes().to_vec();
    record.extend(body);
    record
}

/// The stream that leads to the others: which holds symbols, which the sections.
fn debug(symbols: u16, sections: u16) -> Vec<u8> {
    let mut stream = vec![0; 64];
    stream[..4].fill(0xff);
    stream[4..8].copy_from_slice(&19_990_903_u32.to_le_bytes());
    // The linker's age; the other one was raised later.
    stream[8..12].copy_from_slice(&1_u32.to_le_bytes());
    for at in [12, 16] {
        stream[at..at + 2].fill(0xff);
    }
    stream[20..22].copy_from_slice(&symbols.to_le_bytes());
    stream[48..52].copy_from_slice(&22_u32.to_le_bytes());
    stream[58..60].copy_from_slice(&0x8664_u16.to_le_bytes());
    let mut others = [0xffff_u16; 11];
    others[5] = sections;
    stream.extend(others.iter().flat_map(|index| index.to_le_bytes()));
    stream
}

/// Streams in pages: the header, two free page maps, the streams, the directory, and the list of its pages.
fn container(streams: &[Vec<u8>]) -> Vec<u8> {
    let mut pages: Vec<Vec<u8>> = vec![Vec::new(); 3];
    let mut put = |bytes: &[u8]| -> Vec<u32> {
        bytes
            .chunks(PAGE)
            .map(|chunk| {
                pages.push(chunk.to_vec());
                pages.len() as u32 - 1
            })
            .collect()
    };
    let mut directory = (streams.len() as u32).to_le_bytes().to_vec();
    directory.extend(streams.iter().flat_map(|stream| (stream.len() as u32).to_le_bytes()));
    for stream in streams {
        directory.extend(put(stream).iter().flat_map(|page| page.to_le_bytes()));
    }
    let places = put(&directory);
    let list = put(&places.iter().flat_map(|page| page.to_le_bytes()).collect::<Vec<u8>>());
    let mut header = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0".to_vec();
    for figure in [PAGE as u32, 1, pages.len() as u32, directory.len() as u32, 0, list[0]] {
        header.extend(figure.to_le_bytes());
    }
    pages[0] = header;
    for page in &mut pages {
        page.resize(PAGE, 0);
    }
    pages.concat()
}
