//! Names of code addresses.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// What is known of an address in code.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Symbol {
    /// The function; `None` if only the module is known.
    pub function: Option<String>,
    /// The module or driver; `None` for the kernel itself.
    pub module: Option<String>,
    /// Bytes from the start of the function, or of the module without one.
    pub offset: u64,
}

impl Symbol {
    /// Without the offset: `take_items [leakmod]`, `path_openat`, `fs.sys`.
    pub fn name(&self) -> Option<String> {
        match (&self.function, &self.module) {
            (Some(function), Some(module)) => Some(format!("{function} [{module}]")),
            (Some(name), None) | (None, Some(name)) => Some(name.clone()),
            (None, None) => None,
        }
    }

    /// With the offset: `take_items+0x2f [leakmod]`, `path_openat+0x4c`, `fs.sys+0x1234`.
    pub fn place(&self) -> Option<String> {
        let (function, module) = (self.function.as_ref().or(self.module.as_ref())?, &self.module);
        let place = format!("{function}+{:#x}", self.offset);
        Some(match module {
            Some(module) if self.function.is_some() => format!("{place} [{module}]"),
            _ => place,
        })
    }
}

/// Who made a module or driver, as its file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Module {
    /// Its name, as it is in [`Symbol::module`].
    pub name: String,
    /// The company; `None` if unknown.
    pub company: Option<String>,
    /// The version of the file; `None` if unknown.
    pub version: Option<String>,
    /// What it is, in the company's words; `None` if unknown.
    pub description: Option<String>,
}

/// Names of the addresses of a trace.
#[derive(Clone, Debug, Default)]
pub struct Symbols(FxHashMap<u64, Symbol>);

impl Symbols {
    /// What is known of an address; nothing if it is unknown.
    pub fn get(&self, address: u64) -> Option<&Symbol> {
        self.0.get(&address)
    }

    /// A frame in words: its place, or its address.
    pub fn place(&self, address: u64) -> String {
        self.get(address).and_then(Symbol::place).unwrap_or_else(|| format!("{address:#x}"))
    }

    /// A frame's function in words, or its address.
    pub fn name(&self, address: u64) -> String {
        self.get(address).and_then(Symbol::name).unwrap_or_else(|| format!("{address:#x}"))
    }

    /// All of them, by address.
    pub fn sorted(&self) -> Vec<(u64, Symbol)> {
        let mut all: Vec<_> = self.0.iter().map(|(&address, symbol)| (address, symbol.clone())).collect();
        all.sort_unstable_by_key(|(address, _)| *address);
        all
    }

    /// How many addresses have a name.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no address has a name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(u64, Symbol)> for Symbols {
    fn from_iter<I: IntoIterator<Item = (u64, Symbol)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

/// No function is as long as this.
const LONGEST: u64 = 1 << 20;

/// The functions of a running Linux kernel: the text of `/proc/kallsyms`.
#[derive(Debug)]
pub struct Kallsyms<'a> {
    /// By address; of several names of one address the first.
    functions: Vec<(u64, &'a str, Option<&'a str>)>,
}

impl<'a> Kallsyms<'a> {
    /// Reads the text. Lines of other symbols than functions are skipped, and so is what does not look like a line.
    pub fn parse(text: &'a str) -> Self {
        let mut functions: Vec<_> = text.lines().filter_map(function).collect();
        // In the order of the text: the kernel lists the usual name first.
        functions.sort_unstable_by_key(|function| (function.0, function.1.as_ptr()));
        functions.dedup_by_key(|function| function.0);
        Self { functions }
    }

    /// Whether the kernel hides addresses: every one is 0 (`kernel.kptr_restrict`).
    pub fn are_hidden(&self) -> bool {
        self.functions.iter().all(|function| function.0 == 0)
    }

    /// What an address belongs to.
    pub fn symbol(&self, address: u64) -> Option<Symbol> {
        if self.are_hidden() {
            return None;
        }
        let after = self.functions.partition_point(|function| function.0 <= address);
        let &(start, function, module) = self.functions.get(after.checked_sub(1)?)?;
        // Behind the last function of the kernel, or of a module, there is code that has no name.
        let offset = address - start;
        (offset < LONGEST).then(|| Symbol {
            function: Some(function.to_owned()),
            module: module.map(str::to_owned),
            offset,
        })
    }

    /// Where the code of a function is, as starts and ends, in its parts that a compiler made of it (`open_it.isra.0`, `open_it.cold`),
    /// too. Functions of that name in other modules are left out.
    pub fn ranges(&self, function: &str, module: Option<&str>) -> Vec<(u64, u64)> {
        let is_part = |name: &str| {
            name.strip_prefix(function).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let mut ranges = Vec::new();
        if self.are_hidden() {
            return ranges;
        }
        for (at, &(start, name, of)) in self.functions.iter().enumerate() {
            if is_part(name) && of == module {
                let next = self.functions.get(at + 1).map_or(u64::MAX, |next| next.0);
                ranges.push((start, next.min(start.saturating_add(LONGEST))));
            }
        }
        ranges
    }

    /// Names of these addresses.
    pub fn of(&self, addresses: impl IntoIterator<Item = u64>) -> Symbols {
        addresses.into_iter().filter_map(|address| Some((address, self.symbol(address)?))).collect()
    }
}

/// `ffffffffc0a81000 t take_items [leakmod]`, with a tab before the module
fn function(line: &str) -> Option<(u64, &str, Option<&str>)> {
    let mut words = line.split_ascii_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let kind = words.next()?;
    let name = words.next()?;
    let module = words.next().and_then(|word| word.strip_prefix('[')?.strip_suffix(']'));
    // ARM64 marks code and data by symbols such as `$x`.
    let is_function = matches!(kind, "t" | "T" | "w" | "W") && !name.starts_with('$');
    is_function.then_some((address, name, module))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ffffffff81000000 T _stext\nffffffff81000000 T _text\nffffffff81000100 T open_it\n\
        ffffffff81000180 d data\nffffffff81000182 t $x\nnonsense\nffffffffc0001000 t take\t[leakmod]\nffffffffc0001080 t put\t[leakmod]\n";

    #[test]
    fn addresses_and_their_functions() {
        let symbols = Kallsyms::parse(TEXT);
        let place = |address| symbols.symbol(address).and_then(|symbol| symbol.place());
        assert_eq!(place(0xffff_ffff_8100_0000).unwrap(), "_stext+0x0");
        assert_eq!(place(0xffff_ffff_8100_0184).unwrap(), "open_it+0x84");
        assert_eq!(place(0xffff_ffff_c000_1004).unwrap(), "take+0x4 [leakmod]");
        assert_eq!(place(0xffff_ffff_c000_1090).unwrap(), "put+0x10 [leakmod]");
        assert_eq!((place(5), place(u64::MAX)), (None, None));
        assert_eq!(place(0xffff_ffff_a000_0000), None, "between the kernel and its modules");
        let named = symbols.of([5, 0xffff_ffff_c000_1004]);
        assert_eq!(
            (named.place(5), named.name(0xffff_ffff_c000_1004)),
            ("0x5".into(), "take [leakmod]".into())
        );
    }

    #[test]
    fn code_of_a_function_in_all_its_parts() {
        let text = format!(
            "{TEXT}ffffffff81000200 t open_it.cold\nffffffff81000210 t open_items\nffffffffc0002000 t open_it\t[m]\n"
        );
        let symbols = Kallsyms::parse(&text);
        let start = 0xffff_ffff_8100_0000_u64;
        let of_kernel = [(start + 0x100, start + 0x200), (start + 0x200, start + 0x210)];
        assert_eq!(symbols.ranges("open_it", None), of_kernel);
        let module = 0xffff_ffff_c000_2000;
        assert_eq!(symbols.ranges("open_it", Some("m")), [(module, module + LONGEST)]);
        assert!(symbols.ranges("open", None).is_empty() && symbols.ranges("open_it", Some("n")).is_empty());
    }

    #[test]
    fn hidden_addresses_are_no_names() {
        let symbols = Kallsyms::parse("0000000000000000 T _text\n0000000000000000 T open_it\n");
        assert!(
            symbols.are_hidden()
                && symbols.symbol(0xffff_ffff_8100_0100).is_none()
                && symbols.ranges("open_it", None).is_empty()
        );
    }

    #[test]
    fn a_driver_without_a_function() {
        let driver = Symbol { function: None, module: Some("fs.sys".into()), offset: 0x1234 };
        assert_eq!(
            (driver.place().unwrap(), driver.name().unwrap()),
            ("fs.sys+0x1234".into(), "fs.sys".into())
        );
    }
}
