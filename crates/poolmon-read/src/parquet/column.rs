//! One column of a row group: pages → values.

use std::io::{self, Read, SeekFrom};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use super::thrift::{Thrift, unzigzag, varint};
use super::{File, bad};

/// Most bytes of a page, unpacked: the writer ends one at about a megabyte.
const LARGEST_PAGE: u64 = 4 << 20;
/// Most bytes of a page's head; statistics hold two values.
const LARGEST_HEAD: u64 = 64 << 10;

const PLAIN: i64 = 0;
const DICTIONARY: [i64; 2] = [2, 8];
const DELTAS: i64 = 5;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Int(i64),
    Text(Arc<str>),
}

/// Where a column of a row group is, and what it is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) from: u64,
    pub(super) length: u64,
    pub(super) values: u64,
    /// Parquet's number of the codec: 0 none, 2 gzip.
    pub(super) codec: i64,
    pub(super) optional: bool,
    pub(super) is_text: bool,
    /// As the file says them.
    pub(super) values_at: i64,
    pub(super) dictionary_at: Option<i64>,
}

/// A column that is read value by value.
pub(super) struct Column {
    chunk: Chunk,
    /// Next byte of the file, and the first behind the column.
    at: u64,
    end: u64,
    dictionary: Vec<Cell>,
    /// The page at hand: which values are there, the values, and how many are left.
    page: Vec<u8>,
    there: Runs,
    values: Values,
    left: u64,
}

enum Values {
    Plain(usize),
    Dictionary(Runs),
    Deltas(Deltas),
}

impl Column {
    pub(super) fn new(chunk: Chunk) -> Self {
        let end = chunk.from.saturating_add(chunk.length);
        Self {
            chunk,
            at: chunk.from,
            end,
            dictionary: Vec::new(),
            page: Vec::new(),
            there: Runs::default(),
            values: Values::Plain(0),
            left: 0,
        }
    }

    /// The next value; `None` if this row has none.
    pub(super) fn next(&mut self, file: &mut dyn File) -> io::Result<Option<Cell>> {
        while self.left == 0 {
            self.next_page(file)?;
        }
        self.left -= 1;
        self.value().ok_or_else(|| bad("a page of values is damaged"))
    }

    #[expect(clippy::option_option, reason = "outer: the page is damaged; inner: the row has no value")]
    fn value(&mut self) -> Option<Option<Cell>> {
        if self.chunk.optional && self.there.next(&self.page)? == 0 {
            return Some(None);
        }
        let cell = match &mut self.values {
            Values::Dictionary(numbers) => {
                let number = usize::try_from(numbers.next(&self.page)?).ok()?;
                self.dictionary.get(number)?.clone()
            }
            Values::Deltas(deltas) => Cell::Int(deltas.next(&self.page)?),
            Values::Plain(at) => {
                let mut rest = self.page.get(*at..)?;
                let cell = plain(&mut rest, self.chunk.is_text)?;
                *at = self.page.len() - rest.len();
                cell
            }
        };
        Some(Some(cell))
    }

    fn next_page(&mut self, file: &mut dyn File) -> io::Result<()> {
        let room = self.end.saturating_sub(self.at);
        if room == 0 {
            return Err(bad("a column has fewer values than rows"));
        }
        file.seek(SeekFrom::Start(self.at))?;
        let mut head = Vec::new();
        Read::take(&mut *file, room.min(LARGEST_HEAD)).read_to_end(&mut head)?;
        let (head, length) = Head::parse(&head).ok_or_else(|| bad("the head of a page is damaged"))?;
        let (packed, size) = (u64::try_from(head.packed), u64::try_from(head.size));
        let (Ok(packed), Ok(size)) = (packed, size) else { return Err(bad("a page has no size")) };
        if size > LARGEST_PAGE || packed > room {
            return Err(bad("a page is too large"));
        }
        file.seek(SeekFrom::Start(self.at + length))?;
        self.at += length + packed;
        self.page.clear();
        let bytes = Read::take(&mut *file, packed);
        match self.chunk.codec {
            0 => bytes.take(size).read_to_end(&mut self.page)?,
            2 => {
                let mut plain = MultiGzDecoder::new(bytes);
                let length = Read::take(&mut plain, size).read_to_end(&mut self.page)?;
                // Its checksum stands behind the last byte, and is looked at only by who reads on.
                if plain.read(&mut [0])? > 0 {
                    return Err(bad("a page is longer than its head says"));
                }
                length
            }
            _ => return Err(bad("it is compressed in another way than poolmon does")),
        };
        if self.page.len() as u64 != size {
            return Err(bad("a page is cut short"));
        }
        match head.kind {
            0 => self.begin(&head).ok_or_else(|| bad("a page is encoded in another way than poolmon does")),
            2 => self.read_dictionary(&head).ok_or_else(|| bad("a dictionary is damaged")),
            _ => Err(bad("it has pages of another kind than poolmon writes")),
        }
    }

    fn begin(&mut self, head: &Head) -> Option<()> {
        let mut at = 0;
        if self.chunk.optional {
            let length = usize::try_from(u32::from_le_bytes(*self.page.first_chunk()?)).ok()?;
            at = length.checked_add(4)?;
            self.there = Runs::new(4, at, 1);
        }
        let rest = self.page.get(at..)?;
        self.values = match head.encoding {
            PLAIN => Values::Plain(at),
            DELTAS if !self.chunk.is_text => Values::Deltas(Deltas::new(at)),
            coding if DICTIONARY.contains(&coding) => {
                let width = rest.first().copied().unwrap_or(0);
                Values::Dictionary(Runs::new(at + 1, self.page.len(), u32::from(width)))
            }
            _ => return None,
        };
        self.left = u64::try_from(head.count).ok()?;
        Some(())
    }

    fn read_dictionary(&mut self, head: &Head) -> Option<()> {
        let mut rest = self.page.as_slice();
        self.dictionary.clear();
        for _ in 0..head.count {
            self.dictionary.push(plain(&mut rest, self.chunk.is_text)?);
        }
        Some(())
    }
}

/// A value as it is.
fn plain(bytes: &mut &[u8], is_text: bool) -> Option<Cell> {
    if is_text {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        *bytes = rest;
        return Some(Cell::Text(String::from_utf8_lossy(text).into()));
    }
    let (value, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(Cell::Int(i64::from_le_bytes(*value)))
}

/// The head of a page.
#[derive(Debug, Default)]
struct Head {
    kind: i64,
    size: i64,
    packed: i64,
    count: i64,
    encoding: i64,
}

impl Head {
    /// The head at the beginning of bytes, and its length.
    fn parse(bytes: &[u8]) -> Option<(Self, u64)> {
        let (mut head, mut thrift) = (Self::default(), Thrift::new(bytes));
        thrift.fields(&mut |id, value| {
            match id {
                1 => head.kind = value.int()?,
                2 => head.size = value.int()?,
                3 => head.packed = value.int()?,
                // Of a page of values, and of a dictionary.
                5 | 7 => value.fields(&mut |id, value| {
                    match id {
                        1 => head.count = value.int()?,
                        2 => head.encoding = value.int()?,
                        _ => {}
                    }
                    Some(())
                })?,
                _ => {}
            }
            Some(())
        })?;
        Some((head, (bytes.len() - thrift.rest().len()) as u64))
    }
}

/// Small numbers as runs of one number, or packed bit by bit.
#[derive(Clone, Copy, Debug, Default)]
struct Runs {
    at: usize,
    end: usize,
    width: u32,
    left: u64,
    /// The number of a run; `None` = they are packed, from this bit on.
    same: Option<u64>,
    bit: usize,
}

impl Runs {
    fn new(at: usize, end: usize, width: u32) -> Self {
        Self { at, end, width, ..Self::default() }
    }

    fn next(&mut self, page: &[u8]) -> Option<u64> {
        while self.left == 0 {
            let mut rest = page.get(self.at..self.end)?;
            let before = rest.len();
            let head = varint(&mut rest)?;
            self.at += before - rest.len();
            self.left = head >> 1;
            if head & 1 == 1 {
                self.left = self.left.checked_mul(8)?;
                (self.same, self.bit) = (None, self.at.checked_mul(8)?);
                let bytes = usize::try_from(head >> 1).ok()?.checked_mul(self.width as usize)?;
                self.at = self.at.checked_add(bytes)?;
            } else {
                self.same = Some(bits(page, self.at * 8, self.width.div_ceil(8) * 8)?);
                self.at += self.width.div_ceil(8) as usize;
            }
        }
        self.left -= 1;
        if self.same.is_some() {
            return self.same;
        }
        let value = bits(page, self.bit, self.width)?;
        self.bit += self.width as usize;
        Some(value)
    }
}

/// A number of `width` bits from bit `at` on, lowest first.
fn bits(page: &[u8], at: usize, width: u32) -> Option<u64> {
    if width > 64 {
        return None;
    }
    let (byte, shift) = (at / 8, at % 8);
    let count = (shift + width as usize).div_ceil(8);
    let bytes = page.get(byte..byte.checked_add(count)?)?;
    let all = bytes.iter().rev().fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
    u64::try_from(all >> shift & ((1 << width) - 1)).ok()
}

/// Whole numbers as differences, in blocks of miniblocks (`DELTA_BINARY_PACKED`).
#[derive(Clone, Copy, Debug)]
struct Deltas {
    at: usize,
    begun: bool,
    value: i64,
    least: i64,
    /// Values of a miniblock, and miniblocks of a block.
    each: usize,
    count: usize,
    /// The widths of this block's miniblocks, which of them is next, what is left of this one.
    widths: usize,
    mini: usize,
    left: usize,
    width: u32,
    bit: usize,
}

impl Deltas {
    fn new(at: usize) -> Self {
        Self {
            at,
            begun: false,
            value: 0,
            least: 0,
            each: 0,
            count: 0,
            widths: 0,
            mini: 0,
            left: 0,
            width: 0,
            bit: 0,
        }
    }

    fn number(&mut self, page: &[u8]) -> Option<u64> {
        let mut rest = page.get(self.at..)?;
        let before = rest.len();
        let number = varint(&mut rest)?;
        self.at += before - rest.len();
        Some(number)
    }

    fn next(&mut self, page: &[u8]) -> Option<i64> {
        if !self.begun {
            self.begun = true;
            let block = usize::try_from(self.number(page)?).ok()?;
            self.count = usize::try_from(self.number(page)?).ok()?;
            self.each = block.checked_div(self.count)?;
            if self.each == 0 || self.each > 1 << 20 {
                return None;
            }
            // How many there are is known.
            self.number(page)?;
            self.value = unzigzag(self.number(page)?);
            self.mini = self.count;
            return Some(self.value);
        }
        if self.left == 0 {
            if self.mini == self.count {
                self.least = unzigzag(self.number(page)?);
                (self.widths, self.mini) = (self.at, 0);
                self.at = self.at.checked_add(self.count)?;
            }
            self.width = u32::from(*page.get(self.widths.checked_add(self.mini)?)?);
            self.bit = self.at.checked_mul(8)?;
            self.at = self.at.checked_add((self.each * self.width as usize).div_ceil(8))?;
            (self.mini, self.left) = (self.mini + 1, self.each);
        }
        self.left -= 1;
        let delta = bits(page, self.bit, self.width)?;
        self.bit += self.width as usize;
        self.value = self.value.wrapping_add(self.least).wrapping_add(delta.cast_signed());
        Some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_width() {
        let page = [0b1010_1100, 0xff, 0, 1, 2, 3, 4, 5, 6, 7];
        assert_eq!(bits(&page, 2, 3), Some(0b011));
        assert_eq!(bits(&page, 4, 12), Some(0xffa));
        assert_eq!(
            bits(&page, 3, 64),
            Some((0x0006_0504_0302_0100_ffac_u128 >> 3 & u128::from(u64::MAX)) as u64)
        );
        assert_eq!((bits(&page, 0, 0), bits(&page, 79, 2), bits(&page, 0, 65)), (Some(0), None, None));
    }

    /// The example of Parquet's description: 7, 5, 3, 1, 2, 3, 4, 5.
    #[test]
    fn differences_as_the_description_has_them() {
        // Blocks of 128 values, 4 miniblocks, 8 values, the first is 7; least -2; widths 2, 0, 0, 0.
        let page = [0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0];
        let mut deltas = Deltas::new(0);
        let read: Vec<_> = (0..8).map_while(|_| deltas.next(&page)).collect();
        assert_eq!(read, [7, 5, 3, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn runs_and_packed_numbers() {
        // Five times 1, then eight packed bits.
        let page = [10, 1, 3, 0b1000_0001];
        let mut runs = Runs::new(0, page.len(), 1);
        let read: Vec<_> = (0..20).map_while(|_| runs.next(&page)).collect();
        assert_eq!(read, [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1]);
    }
}
