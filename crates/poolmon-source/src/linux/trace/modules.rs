//! Modules that come and go while they are traced. `/proc/kallsyms` is read at the end of a trace, when a module that was unloaded has
//! no names any more: its code would bear the name of the last function before it, which may be another module's.

use poolmon_trace::{Kallsyms, Symbol};

/// Where the code of each module is: its start, its end, and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModulePlaces(Vec<(u64, u64, String)>);

impl ModulePlaces {
    /// Reads the text of `/proc/modules`. Places that the kernel hides are left out.
    pub fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(place).collect())
    }

    /// The module whose code starts last before an address: code of modules does not overlap, while the sizes include data, which is
    /// elsewhere since Linux 6.4.
    fn below(&self, address: u64) -> Option<&(u64, u64, String)> {
        self.0.iter().filter(|(start, ..)| *start <= address).max_by_key(|(start, ..)| *start)
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(.., known)| known == name)
    }
}

/// `leakmod 20480 0 - Live 0xffffffffc0a81000 (OE)`
fn place(line: &str) -> Option<(u64, u64, String)> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    let size: u64 = words.next()?.parse().ok()?;
    let start = words.find_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok())?;
    (start > 0).then(|| (start, start.saturating_add(size), name.to_owned()))
}

/// What an address of a stack is, by the functions and modules of the end, and by the modules of the beginning.
pub fn symbol(
    address: u64,
    symbols: &Kallsyms<'_>,
    before: &ModulePlaces,
    after: &ModulePlaces,
) -> Option<Symbol> {
    let found = symbols.symbol(address);
    let gone = before.below(address).filter(|(_, end, name)| address < *end && !after.has(name));
    if let Some((start, _, name)) = gone {
        // A function that starts behind the start of the module that is gone is there now.
        return found.filter(|symbol| address - symbol.offset >= *start).or_else(|| {
            Some(Symbol { function: None, module: Some(name.clone()), offset: address - start })
        });
    }
    // Far behind the last function of a module there was another one. What has no name of a module that is loaded (`bpf`,
    // trampolines) is not in the list of modules.
    let is_beyond = |module: &String| {
        after.has(module) && after.below(address).is_none_or(|(_, end, at)| at != module || address >= *end)
    };
    found.filter(|symbol| !symbol.module.as_ref().is_some_and(is_beyond))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KALLSYMS: &str = "ffffffff81000000 T open_it\nffffffffc0000000 t take\t[first]\nffffffffc0000080 t put\t[first]\n\
        ffffffffc0009000 t bpf_prog_1\t[bpf]\n";
    const BEFORE: &str =
        "first 4096 0 - Live 0xffffffffc0000000 (OE)\ngone 8192 1 first, Live 0xffffffffc0002000 (OE)\n";
    const AFTER: &str = "first 4096 0 - Live 0xffffffffc0000000 (OE)\n";

    #[test]
    fn code_of_a_module_that_was_unloaded_is_not_that_of_its_neighbour() {
        let symbols = Kallsyms::parse(KALLSYMS);
        let (before, after) = (ModulePlaces::parse(BEFORE), ModulePlaces::parse(AFTER));
        let place = |address| symbol(address, &symbols, &before, &after).and_then(|symbol| symbol.place());
        assert_eq!(place(0xffff_ffff_c000_0084).unwrap(), "put+0x4 [first]");
        assert_eq!(place(0xffff_ffff_c000_2123).unwrap(), "gone+0x123");
        // Loaded and unloaded meanwhile: nothing is known, and no one is accused.
        assert_eq!(place(0xffff_ffff_c000_7000), None);
        // What was loaded in its place.
        let later = format!("{KALLSYMS}ffffffffc0003000 t begin\t[later]\n");
        let found = symbol(0xffff_ffff_c000_3010, &Kallsyms::parse(&later), &before, &after);
        assert_eq!(found.and_then(|symbol| symbol.place()).unwrap(), "begin+0x10 [later]");
        assert_eq!(place(0xffff_ffff_c000_9010).unwrap(), "bpf_prog_1+0x10 [bpf]");
        assert_eq!(place(0xffff_ffff_8100_0010).unwrap(), "open_it+0x10");
    }

    #[test]
    fn places_that_are_hidden_or_no_places() {
        let hidden = ModulePlaces::parse("first 4096 0 - Live 0x0000000000000000\nnonsense\nx y\n");
        assert_eq!(hidden, ModulePlaces::default());
        let symbols = Kallsyms::parse(KALLSYMS);
        let found = symbol(0xffff_ffff_c000_0084, &symbols, &hidden, &hidden).unwrap();
        assert_eq!(found.place().unwrap(), "put+0x4 [first]");
    }
}
