//! What registers hold, as far as the name of a cache needs it; both processors share it.

use super::layout::AddressSpace;

/// What a register or a slot of the stack holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RegisterValue {
    #[default]
    Unknown,
    /// A number, often an address.
    Constant(u64),
    /// Argument of the function, counted from 0.
    Argument(u8),
    /// What is at this address; with `indexed`, some element of the table that begins there.
    Loaded { address: u64, indexed: bool },
    /// The address of a place on the stack.
    Stack(i64),
    /// A text made from the format at this address.
    Made(u64),
}

/// Registers that carry arguments: more than six are never looked at.
pub(crate) const ARGUMENTS: usize = 6;

/// Formats that are kept of one function.
const FORMATS: usize = 8;

/// A call or a jump to a known place.
#[derive(Clone, Debug)]
pub(crate) struct KnownCall {
    /// Of the instruction.
    pub at: u64,
    pub target: u64,
    pub arguments: [RegisterValue; ARGUMENTS],
    /// Formats that this function printed before, at most [`FORMATS`].
    pub formats: Vec<u64>,
}

/// A function that prints by a format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    /// Which argument the format is.
    format: u8,
    /// The text is its result; else it goes where the first argument says.
    makes: bool,
}

/// Functions of the kernel that print into memory.
const PRINTERS: &[(&str, Printer)] = &[
    ("sprintf", Printer { format: 1, makes: false }),
    ("snprintf", Printer { format: 2, makes: false }),
    ("scnprintf", Printer { format: 2, makes: false }),
    ("kasprintf", Printer { format: 1, makes: true }),
    ("kasprintf_const", Printer { format: 1, makes: true }),
    ("devm_kasprintf", Printer { format: 2, makes: true }),
];

/// Names of the functions that print.
pub(crate) fn printers() -> impl Iterator<Item = &'static str> {
    PRINTERS.iter().map(|(name, _)| *name)
}

/// Addresses of the printers of one file.
#[derive(Debug)]
pub(crate) struct Printers(Vec<(u64, Printer)>);

impl Printers {
    pub fn new(layout: &AddressSpace<'_>) -> Self {
        Self(PRINTERS.iter().filter_map(|&(name, printer)| Some((layout.named(name)?, printer))).collect())
    }
}

/// Texts that one function printed, and where to.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    formats: Vec<u64>,
    places: Vec<(RegisterValue, u64)>,
}

impl Printed {
    /// Notes a call; what it returns.
    pub fn call(
        &mut self,
        printers: &Printers,
        target: Option<u64>,
        arguments: &[RegisterValue; ARGUMENTS],
    ) -> RegisterValue {
        let printer = printers.0.iter().find(|(address, _)| Some(*address) == target);
        let Some((_, printer)) = printer else { return RegisterValue::Unknown };
        let Some(&RegisterValue::Constant(format)) = arguments.get(usize::from(printer.format)) else {
            return RegisterValue::Unknown;
        };
        if self.formats.len() < FORMATS && !self.formats.contains(&format) {
            self.formats.push(format);
        }
        if printer.makes {
            return RegisterValue::Made(format);
        }
        let [place, ..] = *arguments;
        if place != RegisterValue::Unknown && self.places.len() < 64 {
            self.places.push((place, format));
        }
        RegisterValue::Unknown
    }

    /// A value as it is passed on: a place that was printed to is what was printed.
    pub fn passed(&self, value: RegisterValue) -> RegisterValue {
        let here = self.places.iter().rev().find(|(place, _)| *place == value);
        here.map_or(value, |&(_, format)| RegisterValue::Made(format))
    }

    /// What was printed so far.
    pub fn formats(&self) -> Vec<u64> {
        self.formats.clone()
    }
}
