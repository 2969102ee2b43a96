//! The format of a tracepoint, as the running kernel describes it: where each field is, and which bits its flags have.

use std::collections::BTreeMap;

/// A tracepoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFormat {
    /// Its number.
    pub id: u64,
    /// Fields by name.
    pub fields: BTreeMap<String, Field>,
    /// Bits of an allocation's flags that choose one of the general caches.
    pub gfp: Gfp,
}

/// Where a field is in a record, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// From the start of the record.
    pub offset: usize,
    /// Its length.
    pub size: usize,
}

/// Bits of an allocation's flags; they differ from kernel to kernel. 0 = unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gfp {
    /// `__GFP_DMA`.
    pub dma: u64,
    /// `__GFP_RECLAIMABLE`.
    pub reclaimable: u64,
    /// `__GFP_ACCOUNT`.
    pub account: u64,
}

impl EventFormat {
    /// Reads the text of a file `format`; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let id = text.lines().find_map(|line| line.strip_prefix("ID:"))?.trim().parse().ok()?;
        let fields = text.lines().filter_map(field).collect();
        let bit = |name| flag(text, name).unwrap_or(0);
        let gfp = Gfp {
            dma: bit("__GFP_DMA"),
            reclaimable: bit("__GFP_RECLAIMABLE"),
            account: bit("__GFP_ACCOUNT"),
        };
        Some(Self { id, fields, gfp })
    }

    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<Field> {
        self.fields.get(name).copied()
    }
}

/// `field:size_t bytes_req; offset:24; size:8; signed:0;`, with tabs between.
fn field(line: &str) -> Option<(String, Field)> {
    let mut parts = line.trim().strip_prefix("field:")?.split(';').map(str::trim);
    let name = parts.next()?.split_ascii_whitespace().next_back()?;
    let name = name.split('[').next()?.trim_start_matches('*');
    let (mut offset, mut size) = (None, None);
    for part in parts {
        match part.split_once(':') {
            Some(("offset", value)) => offset = value.parse().ok(),
            Some(("size", value)) => size = value.parse().ok(),
            _ => {}
        }
    }
    Some((name.to_owned(), Field { offset: offset?, size: size? }))
}

/// A flag's bit in the print format: `{( unsigned long)(( gfp_t)((((1UL))) << (22))), "__GFP_ACCOUNT"}` since Linux 6.10,
/// `{( unsigned long)(( gfp_t)0x400000u), "__GFP_ACCOUNT"}` before.
fn flag(text: &str, name: &str) -> Option<u64> {
    let end = text.find(&format!(", \"{name}\"}}"))?;
    let start = text.get(..end)?.rfind('{')?;
    let value = text.get(start..end)?;
    if let Some((_, shift)) = value.rsplit_once("<< (") {
        let digits = shift.split(')').next()?;
        return 1_u64.checked_shl(digits.trim().parse().ok()?);
    }
    let (_, digits) = value.rsplit_once("0x")?;
    let digits: String = digits.chars().take_while(char::is_ascii_hexdigit).collect();
    u64::from_str_radix(&digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name: kmem_cache_alloc\nID: 659\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
        \tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;\n\
        \tfield:char comm[16];\toffset:60;\tsize:16;\tsigned:0;\n\n\
        print fmt: \"ptr=%p\", REC->ptr, {( unsigned long)(((( gfp_t)(0x400u|0x800u)) | (( gfp_t)0x400000u))), \"GFP_KERNEL_ACCOUNT\"}, \
        {( unsigned long)(( gfp_t)0x01u), \"__GFP_DMA\"}, {( unsigned long)(( gfp_t)0x400000u), \"__GFP_ACCOUNT\"}, \
        {( unsigned long)(( gfp_t)((((1UL))) << (4))), \"__GFP_RECLAIMABLE\"}\n";

    #[test]
    fn fields_and_flags_of_old_and_new_kernels() {
        let format = EventFormat::parse(TEXT).unwrap();
        assert_eq!(format.id, 659);
        assert_eq!(format.field("ptr"), Some(Field { offset: 16, size: 8 }));
        assert_eq!(format.field("name"), Some(Field { offset: 24, size: 4 }));
        assert_eq!(format.field("comm"), Some(Field { offset: 60, size: 16 }));
        assert_eq!(format.field("accounted"), None);
        assert_eq!(format.gfp, Gfp { dma: 1, reclaimable: 16, account: 0x40_0000 });
    }

    #[test]
    fn anything_else_is_no_format() {
        assert_eq!(EventFormat::parse("x"), None);
        assert!(EventFormat::parse("ID: 5\n\tfield:;\n\tfield:a b;\toffset:x;\n").unwrap().fields.is_empty());
    }
}
