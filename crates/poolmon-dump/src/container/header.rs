//! `DUMP_HEADER64` and `DUMP_HEADER32`: the first page or two of every dump that Windows writes.

use poolmon_image::Machine;
use poolmon_image::bytes::{array, u32_at, u64_at};
use poolmon_model::hidden::SafeString;

/// What the header says; unused areas (filled with `PAGE`) are `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DumpHeader {
    /// 64-bit form (`DU64`).
    pub is_64: bool,
    /// Windows build (`19041`).
    pub build: u32,
    /// `0xF` free, `0xC` checked build.
    pub major: u32,
    /// Physical address of the top page table, as written (CR3 or TTBR1).
    pub directory_table_base: u64,
    /// Virtual address of the loaded module list's head.
    pub module_list: u64,
    /// PE machine number.
    pub machine_number: u32,
    /// Number of processors.
    pub processors: u32,
    /// Bugcheck code.
    pub bugcheck: u32,
    /// Bugcheck parameters.
    pub parameters: [u64; 4],
    /// Virtual address of the kernel debugger block; 0 if unknown.
    pub debugger_data: u64,
    /// 32-bit form: physical address extension was on.
    pub pae: bool,
    /// Dump type as written.
    pub dump_type: u32,
    /// When the dump was taken, FILETIME.
    pub system_time: Option<u64>,
    /// Time since boot in 100 ns.
    pub up_time: Option<u64>,
    /// The exception that led to the crash: code, and address of the code.
    pub exception: Option<(u32, u64)>,
    /// 1 workstation, 2 domain controller, 3 server.
    pub product_type: Option<u32>,
    /// Number of the boot.
    pub boot_id: Option<u32>,
    /// Free text by the writer.
    pub comment: Option<SafeString>,
    /// Run list: page number and count of pages.
    pub runs: Vec<(u64, u64)>,
    /// The run list says more runs than fit in the header.
    pub runs_cut: bool,
}

/// `PAGE`: what Windows fills unused areas with.
const FILL32: u32 = u32::from_le_bytes(*b"PAGE");
const FILL64: u64 = u64::from_le_bytes(*b"PAGEPAGE");

impl DumpHeader {
    /// Bytes of the header in the file.
    pub const fn size(&self) -> u64 {
        if self.is_64 { 0x2000 } else { 0x1000 }
    }

    /// Reads a header; `None` if these bytes are none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if array(bytes, 0)? != *b"PAGE" {
            return None;
        }
        match &array::<4>(bytes, 4)? {
            b"DU64" => Self::parse64(bytes.get(..0x2000)?),
            b"DUMP" => Self::parse32(bytes.get(..0x1000)?),
            _ => None,
        }
    }

    fn parse64(b: &[u8]) -> Option<Self> {
        let mut parameters = [0; 4];
        for (at, parameter) in parameters.iter_mut().enumerate() {
            *parameter = u64_at(b, 0x40 + at * 8)?;
        }
        let count = u32_at(b, 0x88)?;
        let (mut runs, mut runs_cut) = (Vec::new(), false);
        if count != FILL32 {
            // 700 bytes hold 42 runs; a writer that had more cut the list.
            runs_cut = count > 42;
            for at in 0..count.min(42) as usize {
                let run = (u64_at(b, 0x98 + at * 16)?, u64_at(b, 0xa0 + at * 16)?);
                // A list that was cut may end before its room does: what follows is fill.
                if run.0 == FILL64 {
                    break;
                }
                runs.push(run);
            }
        }
        Some(Self {
            is_64: true,
            major: u32_at(b, 8)?,
            build: u32_at(b, 0xc)?,
            directory_table_base: u64_at(b, 0x10)?,
            module_list: u64_at(b, 0x20)?,
            machine_number: u32_at(b, 0x30)?,
            processors: u32_at(b, 0x34)?,
            bugcheck: u32_at(b, 0x38)?,
            parameters,
            debugger_data: told64(u64_at(b, 0x80)?).unwrap_or(0),
            pae: false,
            dump_type: u32_at(b, 0xf98)?,
            system_time: told64(u64_at(b, 0xfa8)?),
            up_time: told64(u64_at(b, 0x1030)?),
            exception: told32(u32_at(b, 0xf00)?).zip(told64(u64_at(b, 0xf10)?)).filter(is_cause),
            product_type: told32(u32_at(b, 0x1040)?),
            boot_id: told32(u32_at(b, 0x1054)?),
            comment: comment(b.get(0xfb0..0xfb0 + 128)?),
            runs,
            runs_cut,
        })
    }

    fn parse32(b: &[u8]) -> Option<Self> {
        let mut parameters = [0; 4];
        for (at, parameter) in parameters.iter_mut().enumerate() {
            *parameter = u32_at(b, 0x2c + at * 4)?.into();
        }
        let count = u32_at(b, 0x64)?;
        let (mut runs, mut runs_cut) = (Vec::new(), false);
        if count != FILL32 {
            runs_cut = count > 86;
            for at in 0..count.min(86) as usize {
                let base = u32_at(b, 0x6c + at * 8)?;
                if base == FILL32 {
                    break;
                }
                runs.push((base.into(), u32_at(b, 0x70 + at * 8)?.into()));
            }
        }
        let pae = *b.get(0x5c)?;
        Some(Self {
            is_64: false,
            major: u32_at(b, 8)?,
            build: u32_at(b, 0xc)?,
            directory_table_base: u32_at(b, 0x10)?.into(),
            module_list: u32_at(b, 0x18)?.into(),
            machine_number: u32_at(b, 0x20)?,
            processors: u32_at(b, 0x24)?,
            bugcheck: u32_at(b, 0x28)?,
            parameters,
            debugger_data: told32(u32_at(b, 0x60)?).unwrap_or(0).into(),
            // Old writers left the byte as part of the fill (`P`); then it says nothing and PAE is tried second.
            pae: pae == 1,
            dump_type: u32_at(b, 0xf88)?,
            system_time: told64(u64_at(b, 0xfc0)?),
            up_time: told64(u64_at(b, 0xfb8)?),
            exception: told32(u32_at(b, 0x7d0)?)
                .zip(told32(u32_at(b, 0x7dc)?).map(u64::from))
                .filter(is_cause),
            product_type: None,
            boot_id: None,
            comment: comment(b.get(0x820..0x820 + 128)?),
            runs,
            runs_cut,
        })
    }

    /// The machine, if it is one that is read here.
    pub fn machine(&self) -> Option<Machine> {
        let machine = Machine::from_pe(u16::try_from(self.machine_number).ok()?);
        (!matches!(machine, Machine::Other(_))).then_some(machine)
    }
}

/// Whether a recorded exception led to the crash: a breakpoint is the crash's own way to the dump's writer.
const fn is_cause(exception: &(u32, u64)) -> bool {
    exception.0 != 0x8000_0003
}

fn told32(value: u32) -> Option<u32> {
    (value != FILL32 && value != u32::from_le_bytes(*b"GEPA") && value != 0).then_some(value)
}

fn told64(value: u64) -> Option<u64> {
    (value != FILL64 && value != 0).then_some(value)
}

fn comment(bytes: &[u8]) -> Option<SafeString> {
    let text = poolmon_image::bytes::ascii(bytes);
    (!text.is_empty() && !text.starts_with("PAGE") && !text.contains('\u{fffd}'))
        .then(|| text.as_str().into())
}
