//! Buffers: one at a time of each processor, written when it is full.

use super::record::{Fields, Moment, record};
use super::{Arch, Header, Spec, pack};

const HEADER: usize = 72;
/// Ticks a second of the trace's clock.
pub(super) const FREQUENCY: u64 = 10_000_000;
/// The clock when the session began.
pub(super) const FIRST: u64 = 5_000_000_000;
/// The same moment as a FILETIME: 2026-11-23 10:00:00 UTC.
pub(super) const START: u64 = 134_399_016_000_000_000;

/// A trace that is being written.
pub(super) struct File {
    spec: Spec,
    bytes: Vec<u8>,
    open: Vec<Vec<u8>>,
    sequence: u64,
}

impl File {
    /// Begins with the buffer of the trace's own header.
    pub(super) fn new(spec: Spec) -> Self {
        let mut file =
            Self { spec, bytes: Vec::new(), open: vec![Vec::new(); spec.cpus.into()], sequence: 0 };
        let moment = Moment { time: FIRST, process: 700, thread: 704 };
        let body = session(spec);
        let first = record(Header::System, spec.arch, 0, 2, moment, &body, &[]);
        file.write(0, 4, &first, false);
        file
    }

    /// Adds an event to the buffer of its processor.
    pub(super) fn add(&mut self, cpu: u16, event: &[u8]) {
        let room = self.spec.buffer_bytes - HEADER;
        assert!(event.len() <= room, "an event of {} bytes has no room in a buffer", event.len());
        let held = self.open[usize::from(cpu)].len();
        if held.next_multiple_of(8) + event.len() > room {
            self.flush(cpu);
        }
        let open = &mut self.open[usize::from(cpu)];
        open.resize(open.len().next_multiple_of(8), 0);
        open.extend(event);
    }

    fn flush(&mut self, cpu: u16) {
        let records = std::mem::take(&mut self.open[usize::from(cpu)]);
        if !records.is_empty() {
            self.write(cpu, 0, &records, self.spec.compressed);
        }
    }

    fn write(&mut self, cpu: u16, kind: u16, records: &[u8], compressed: bool) {
        let used = HEADER + records.len();
        let data = if compressed { pack(records) } else { records.to_vec() };
        let size = if compressed { HEADER + data.len() } else { self.spec.buffer_bytes.max(used) };
        let flags: u16 = 0x20 | if compressed { 0x40 } else { 0 };
        let header = Fields::default()
            .u32(size as u32)
            .u32(used as u32)
            .u32(used as u32)
            .u32(0)
            .u64(START)
            .u64(self.sequence)
            .u64(3)
            .u16(cpu)
            .u16(9)
            .u32(3)
            .u32(used as u32)
            .u16(flags)
            .u16(kind)
            .u64(0)
            .u64(0);
        assert_eq!(header.0.len(), HEADER);
        self.sequence += 1;
        self.bytes.extend(header.0);
        self.bytes.extend(&data);
        if !compressed {
            // What a buffer held before is not erased.
            self.bytes.resize(self.bytes.len() + size - used, 0xFF);
        }
    }

    /// Writes what is left of each processor.
    pub(super) fn end(mut self) -> Vec<u8> {
        for cpu in 0..self.spec.cpus {
            self.flush(cpu);
        }
        self.bytes
    }
}

/// The trace's own header.
fn session(spec: Spec) -> Vec<u8> {
    let mut fields = Fields::default()
        .u32(spec.buffer_bytes as u32)
        .u32(0x0501_000A)
        .u32(20_348)
        .u32(spec.cpus.into())
        .u64(START + 60 * FREQUENCY)
        .u32(156_250)
        .u32(0)
        .u32(0x0200_0001)
        .u32(9)
        .u32(1)
        .u32(if spec.arch == Arch::X64 { 8 } else { 4 })
        .u32(spec.events_lost)
        .u32(3_000)
        .pointer(spec.arch, 0)
        .pointer(spec.arch, 0)
        .bytes(&[0; 172]);
    fields.0.resize(fields.0.len().next_multiple_of(8), 0);
    fields.u64(START - FIRST).u64(FREQUENCY).u64(START).u32(1).u32(0).wide("pool leak").wide(r"C:\leak.etl").0
}
