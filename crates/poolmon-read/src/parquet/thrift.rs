//! Thrift's compact protocol, as far as Parquet's metadata needs it: values are visited, never held.

/// Structures and lists inside each other.
const DEEPEST: u8 = 16;

/// Types of values on the wire.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const STRUCT: u8 = 12;

/// Bytes that are not read yet. Every method is `None` if they are no value of its kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    depth: u8,
}

/// A field's or an element's value, to be read by one of the methods, or skipped.
pub(super) struct Value<'t, 'a> {
    from: &'t mut Thrift<'a>,
    kind: u8,
    read: bool,
}

impl<'a> Thrift<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, depth: 0 }
    }

    /// What is behind the values that were read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    fn number(&mut self) -> Option<u64> {
        varint(&mut self.bytes)
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(usize::try_from(count).ok()?)?;
        self.bytes = rest;
        Some(taken)
    }

    /// Passes each field of a structure with its id.
    pub(super) fn fields(
        &mut self,
        each: &mut dyn FnMut(i64, &mut Value<'_, 'a>) -> Option<()>,
    ) -> Option<()> {
        if self.depth == DEEPEST {
            return None;
        }
        self.depth += 1;
        let mut id = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                self.depth -= 1;
                return Some(());
            }
            id = match head >> 4 {
                0 => unzigzag(self.number()?),
                step => id.checked_add(step.into())?,
            };
            self.value(head & 15, |value| each(id, value))?;
        }
    }

    fn value(&mut self, kind: u8, each: impl FnOnce(&mut Value<'_, 'a>) -> Option<()>) -> Option<()> {
        let mut value = Value { from: self, kind, read: false };
        each(&mut value)?;
        if value.read { Some(()) } else { value.skip() }
    }
}

impl<'a> Value<'_, 'a> {
    /// A whole number.
    pub(super) fn int(&mut self) -> Option<i64> {
        self.read = true;
        matches!(self.kind, 4..=6).then(|| self.from.number().map(unzigzag))?
    }

    /// A text, or bytes.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        self.read = true;
        let length = (self.kind == BINARY).then(|| self.from.number())??;
        self.from.take(length)
    }

    /// Passes each field of a structure with its id.
    pub(super) fn fields(
        &mut self,
        each: &mut dyn FnMut(i64, &mut Value<'_, 'a>) -> Option<()>,
    ) -> Option<()> {
        self.read = true;
        (self.kind == STRUCT).then(|| self.from.fields(each))?
    }

    /// Passes each element of a list.
    pub(super) fn list(&mut self, each: &mut dyn FnMut(&mut Value<'_, 'a>) -> Option<()>) -> Option<()> {
        self.read = true;
        if !matches!(self.kind, LIST | SET) || self.from.depth == DEEPEST {
            return None;
        }
        let head = self.from.byte()?;
        let count = if head >> 4 == 15 { self.from.number()? } else { u64::from(head >> 4) };
        self.from.depth += 1;
        for _ in 0..count {
            // Truth values take a byte in a list, and none as a field.
            let kind = if matches!(head & 15, TRUE | FALSE) { BYTE } else { head & 15 };
            self.from.value(kind, &mut *each)?;
        }
        self.from.depth -= 1;
        Some(())
    }

    fn skip(&mut self) -> Option<()> {
        match self.kind {
            TRUE | FALSE => Some(()),
            BYTE => self.from.byte().map(|_| ()),
            DOUBLE => self.from.take(8).map(|_| ()),
            BINARY => self.bytes().map(|_| ()),
            LIST | SET => self.list(&mut |_| Some(())),
            STRUCT => self.fields(&mut |_, _| Some(())),
            // Maps are in no structure of Parquet.
            _ => self.int().map(|_| ()),
        }
    }
}

/// A number of seven bits a byte, lowest first.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
        shift += 7;
    }
}

/// A signed number that was stored with its sign as the lowest bit.
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_skipped() {
        // 1: list of two truths; 2: 1.0; 3: { 1: "ab" }; 20 (written in full): -2.
        let bytes = [
            &[0x19, 0x21, 1, 2, 0x17][..],
            &1_f64.to_le_bytes(),
            &[0x1c, 0x18, 2, b'a', b'b', 0, 0x05, 40, 3, 0, 99],
        ]
        .concat();
        let (mut thrift, mut seen) = (Thrift::new(&bytes), Vec::new());
        thrift
            .fields(&mut |id, value| {
                if id == 20 {
                    seen.push(value.int()?);
                }
                Some(())
            })
            .unwrap();
        assert_eq!((seen.as_slice(), thrift.rest()), (&[-2][..], &[99][..]));
        let mut text = Vec::new();
        Thrift::new(&bytes)
            .fields(&mut |id, value| match id {
                3 => value.fields(&mut |_, value| {
                    text.extend_from_slice(value.bytes()?);
                    Some(())
                }),
                _ => Some(()),
            })
            .unwrap();
        assert_eq!(text, b"ab");
        for cut in 0..bytes.len() - 1 {
            assert!(Thrift::new(&bytes[..cut]).fields(&mut |_, _| Some(())).is_none(), "{cut}");
        }
    }

    #[test]
    fn what_nests_without_end_is_refused() {
        assert!(Thrift::new(&[0x1c; 1000]).fields(&mut |_, _| Some(())).is_none());
        assert!(Thrift::new(&[0x19; 1000]).fields(&mut |_, _| Some(())).is_none());
    }
}
