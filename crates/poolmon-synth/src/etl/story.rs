//! What happens while the trace is taken, and what is true of it.
//!
//! A round is some 10 ms. In each, `leaker.sys` loses one object of the tag `Leak`; the same driver allocates and frees
//! others of that tag at another place; `healthy.sys` fills a table of that tag in the first eighth and then stops;
//! the kernel takes objects whose frees no event reports, so that their addresses come back; and other tags are
//! allocated and freed.

use std::collections::VecDeque;

use super::file::{FIRST, FREQUENCY, File};
use super::places::{DRIVERS, HEALTHY, LEAKER, NT, PROGRAMS, Place, Program, WIN32K};
use super::record::{Fields, IMAGE_ID, Moment, record, stack_item};
use super::{Arch, Header, Spec, Stacks};

/// A call path that allocates.
#[derive(Clone, Debug)]
pub struct Site {
    /// What it does, for messages of tests.
    pub name: &'static str,
    /// The tag.
    pub tag: [u8; 4],
    /// The kernel's frames, the innermost first.
    pub stack: Vec<Place>,
    /// Allocations in the trace.
    pub allocations: u64,
    /// Frees that the trace has.
    pub frees: u64,
    /// Objects that were not freed, in the trace or beside it.
    pub kept: u64,
    /// Bytes of them.
    pub kept_bytes: u64,
    pool: u32,
    bytes: u64,
    session: bool,
    program: Program,
}

/// What is true of a trace.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The call paths: the one that leaks is the first.
    pub sites: Vec<Site>,
    /// Other pool events, which are no allocations.
    pub other_events: u64,
    /// Frees of objects that were allocated before the trace.
    pub older_frees: u64,
}

impl Truth {
    /// The call path that leaks.
    pub fn leak(&self) -> &Site {
        &self.sites[0]
    }

    /// Allocations in the trace.
    pub fn allocations(&self) -> u64 {
        self.sites.iter().map(|site| site.allocations).sum()
    }

    /// Frees in the trace.
    pub fn frees(&self) -> u64 {
        self.sites.iter().map(|site| site.frees).sum::<u64>() + self.older_frees
    }
}

const fn place(driver: usize, offset: u64) -> Place {
    Place { driver, offset }
}

/// The ways out of the kernel: the allocator first, the entry from user mode last.
fn path(middle: &[Place]) -> Vec<Place> {
    let mut stack = vec![place(NT, 0x19_2A10)];
    stack.extend(middle);
    stack.extend([place(NT, 0x38_0111), place(NT, 0x07_4B93)]);
    stack
}

fn sites() -> Vec<Site> {
    let site = |name, tag: &[u8; 4], middle: &[Place], pool, bytes, session, program: usize| Site {
        name,
        tag: *tag,
        stack: path(middle),
        allocations: 0,
        frees: 0,
        kept: 0,
        kept_bytes: 0,
        pool,
        bytes,
        session,
        program: PROGRAMS[program],
    };
    let dispatch = place(NT, 0x21_0040);
    vec![
        site("leaks", b"Leak", &[place(LEAKER, 0x1514), place(LEAKER, 0x1A02), dispatch], 512, 336, false, 1),
        site("frees", b"Leak", &[place(LEAKER, 0x2230), dispatch], 512, 96, false, 1),
        site("fills", b"Leak", &[place(HEALTHY, 0x0712), dispatch], 1, 1_024, false, 0),
        site("hides", b"Leak", &[place(NT, 0x11_0C0D)], 0, 64, false, 0),
        site("other", b"Othr", &[place(HEALTHY, 0x1100)], 1, 48, false, 0),
        site("session", b"Usti", &[place(WIN32K, 0x4_4440)], 33, 4_096, true, 1),
    ]
}

const LEAKS: usize = 0;
const FREES: usize = 1;
const FILLS: usize = 2;
const HIDES: usize = 3;

/// The machine while it is traced.
struct Machine {
    spec: Spec,
    file: File,
    time: u64,
    random: u64,
    sites: Vec<Site>,
    /// Addresses that were freed, to be handed out again.
    free: Vec<VecDeque<u64>>,
    /// Objects that live: site and address.
    live: VecDeque<(usize, u64)>,
    next_address: u64,
    /// Which stack each key means now; keys are used again.
    keys: Vec<Option<Vec<u64>>>,
    other_events: u64,
    older_frees: u64,
}

/// Writes a trace.
pub fn build(spec: &Spec) -> (Vec<u8>, Truth) {
    assert!(spec.stacks != Stacks::Items || spec.header == Header::Event, "only event headers have items");
    let sites = sites();
    let first = if spec.arch == Arch::X64 { 0xFFFF_FA80_0100_0000 } else { 0x8600_0000 };
    let mut machine = Machine {
        spec: *spec,
        file: File::new(*spec),
        time: FIRST + 100,
        random: spec.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        free: vec![VecDeque::new(); sites.len()],
        sites,
        live: VecDeque::new(),
        next_address: first,
        keys: vec![None; 4],
        other_events: 0,
        older_frees: 0,
    };
    machine.rundown(3);
    for round in 0..spec.rounds {
        machine.round(round);
    }
    machine.end()
}

impl Machine {
    fn dice(&mut self, end: u64) -> u64 {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    fn cpu(&mut self) -> u16 {
        self.dice(self.spec.cpus.into()) as u16
    }

    fn round(&mut self, round: u32) {
        self.allocate(LEAKS, true);
        if round < self.spec.rounds / 8 {
            self.allocate(FILLS, true);
        }
        let hidden = self.allocate(HIDES, false);
        self.free[HIDES].push_back(hidden);
        for site in [FREES, FREES, 4, 5] {
            let address = self.allocate(site, false);
            self.live.push_back((site, address));
        }
        while self.live.len() > 12 {
            let (site, address) = self.live.pop_front().expect("more than twelve");
            self.freed(site, address);
            self.free[site].push_back(address);
        }
        if round % 16 == 3 {
            // Pages that the pool takes, and a free of something that is older than the trace.
            self.other_events += 1;
            self.event(0x0E24, 0, FREES, 0xFFFF_FA80_7000_0000, None);
            self.older_frees += 1;
            self.event(0x0E22, 1, FREES, 0xFFFF_FA80_6000_0000 + u64::from(round) * 64, None);
        }
        self.time += FREQUENCY / 100;
    }

    /// Allocates at a site; `kept` for good or for now.
    fn allocate(&mut self, site: usize, kept: bool) -> u64 {
        let address = if let Some(again) = self.free[site].pop_front() {
            again
        } else {
            self.next_address += 0x1000;
            self.next_address
        };
        let made = &mut self.sites[site];
        made.allocations += 1;
        if kept {
            made.kept += 1;
            made.kept_bytes += made.bytes;
        }
        let frames = made.stack.iter().map(|place| place.address(self.spec.arch)).collect();
        let hook = if made.session { 0x0E21 } else { 0x0E20 };
        self.event(hook, 0, site, address, Some(frames));
        address
    }

    fn freed(&mut self, site: usize, address: u64) {
        self.sites[site].frees += 1;
        let hook = if self.sites[site].session { 0x0E23 } else { 0x0E22 };
        // Other drivers free, too: their stacks are of no use to find who allocates.
        self.event(hook, 0, site, address, Some(vec![place(NT, 0x19_3000).address(self.spec.arch)]));
    }

    /// A pool event of a site's kind, and its stack.
    fn event(&mut self, hook: u16, program: usize, site: usize, address: u64, frames: Option<Vec<u64>>) {
        let arch = self.spec.arch;
        let cpu = self.cpu();
        self.time += 3 + self.dice(200);
        let of = &self.sites[site];
        let program = if frames.is_some() { of.program } else { PROGRAMS[program] };
        let moment = Moment { time: self.time, process: program.id, thread: program.thread };
        let big = if of.bytes >= 4_096 { 0x1000_0000 } else { 0 };
        let body = Fields::default().u32(of.pool | big).bytes(&of.tag).pointer(arch, of.bytes);
        let body = body.pointer(arch, address).0;
        let item = match (&frames, self.spec.stacks) {
            (Some(frames), Stacks::Items) => stack_item(arch, frames),
            _ => Vec::new(),
        };
        let event = record(self.spec.header, arch, hook, 2, moment, &body, &item);
        self.file.add(cpu, &event);
        if let Some(frames) = frames {
            self.stack(cpu, moment, frames);
        }
    }

    /// The stack of the event that was written last.
    fn stack(&mut self, cpu: u16, moment: Moment, mut frames: Vec<u64>) {
        let arch = self.spec.arch;
        self.time += 20 + self.dice(30);
        let of_event = Fields::default().u64(moment.time).u32(moment.process).u32(moment.thread);
        match self.spec.stacks {
            Stacks::None | Stacks::Items => {}
            Stacks::Inline => {
                // The process's part follows the kernel's.
                frames.extend([0x7712_3456, 0x7700_1111]);
                let body = frames.iter().fold(of_event, |fields, frame| fields.pointer(arch, *frame)).0;
                self.perfinfo(cpu, 0x1820, &body);
            }
            Stacks::Keys => {
                let key = self.key(cpu, frames);
                self.perfinfo(cpu, 0x1825, &of_event.pointer(arch, key).0);
            }
        }
    }

    fn perfinfo(&mut self, cpu: u16, hook: u16, body: &[u8]) {
        let moment = Moment { time: self.time, process: 0, thread: 0 };
        let event = record(Header::Perfinfo, self.spec.arch, hook, 2, moment, body, &[]);
        self.file.add(cpu, &event);
    }

    /// The key of a stack. There are four: the oldest is defined, and used for this stack from now on.
    fn key(&mut self, cpu: u16, frames: Vec<u64>) -> u64 {
        if let Some(at) = self.keys.iter().position(|known| known.as_ref() == Some(&frames)) {
            return key_of(at);
        }
        let at = self.dice(self.keys.len() as u64) as usize;
        if let Some(old) = self.keys[at].replace(frames) {
            self.define(cpu, 0x1823, at, &old);
            self.time += 5;
        }
        key_of(at)
    }

    fn define(&mut self, cpu: u16, hook: u16, at: usize, frames: &[u64]) {
        let arch = self.spec.arch;
        let fields = Fields::default().pointer(arch, key_of(at));
        let body = frames.iter().fold(fields, |fields, frame| fields.pointer(arch, *frame)).0;
        self.perfinfo(cpu, hook, &body);
    }

    /// Images and processes that are there at the beginning (3) or at the end (4).
    fn rundown(&mut self, kind: u16) {
        let arch = self.spec.arch;
        let moment = Moment { time: self.time, process: 4, thread: 60 };
        for driver in DRIVERS {
            let base = driver.base[usize::from(arch == Arch::X64)];
            let fields =
                Fields::default().pointer(arch, base).pointer(arch, driver.size).u32(0).u32(0x00C0_FFEE);
            let fields = fields.u32(driver.stamp).u32(0).pointer(arch, base).bytes(&[0; 16]);
            let body = fields.wide(driver.path).0;
            let event = record(Header::System, arch, 0x1400 | kind, 3, moment, &body, &[]);
            self.file.add(0, &event);
        }
        for program in PROGRAMS {
            let fields = Fields::default().pointer(arch, 0x9000_0000).u32(program.id).u32(program.parent);
            let fields = fields.u32(program.session).u32(0x103).pointer(arch, 0x1A_7000).u32(0);
            // A security identifier of one part (LocalSystem) behind two pointers.
            let fields = fields.pointer(arch, 0x8877_6655).pointer(arch, 0).bytes(&[1, 1, 0, 0, 0, 0, 0, 5]);
            let fields = fields.u32(18).bytes(program.name.as_bytes()).bytes(&[0]).wide("caller.exe /loop");
            let event =
                record(Header::System, arch, 0x0300 | kind, 4, moment, &fields.wide("").wide("").0, &[]);
            self.file.add(0, &event);
        }
    }

    /// What drivers' files say of themselves, as tools add it when they merge a trace.
    fn versions(&mut self) {
        let moment = Moment { time: self.time, process: 4, thread: 60 };
        for driver in DRIVERS {
            let Some([description, version, product, company]) = driver.version else { continue };
            let fields = Fields::default().u32(driver.size as u32).u32(driver.stamp).wide("first name");
            let fields = fields.wide(description).wide(&format!("{version} (lab)")).wide(version);
            let fields = fields.wide("1033").wide(product).wide(company).wide(version).wide("").wide("");
            let hook = u16::from_be_bytes([IMAGE_ID, 64]);
            let event = record(Header::Full, self.spec.arch, hook, 2, moment, &fields.0, &[]);
            self.file.add(0, &event);
        }
    }

    fn end(mut self) -> (Vec<u8>, Truth) {
        // What still lives is kept, without being a leak.
        for (site, _) in &self.live {
            let site = &mut self.sites[*site];
            site.kept += 1;
            site.kept_bytes += site.bytes;
        }
        self.time += 1_000;
        self.rundown(4);
        self.versions();
        for at in 0..self.keys.len() {
            if let Some(frames) = self.keys[at].take() {
                self.define(0, 0x1824, at, &frames);
            }
        }
        let truth =
            Truth { sites: self.sites, other_events: self.other_events, older_frees: self.older_frees };
        (self.file.end(), truth)
    }
}

fn key_of(at: usize) -> u64 {
    0xB000_1000 + 0x40 * at as u64
}
