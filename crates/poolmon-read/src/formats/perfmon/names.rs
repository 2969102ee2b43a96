//! What a counter is, by its name in the languages that Windows ships in, and which machine it is of.

use std::sync::Arc;

use poolmon_model::Pool;
use poolmon_model::header::{FIGURES, Figure};
use poolmon_model::problem::shell_word;
use poolmon_model::sample::STANDARD_INPUT;

use super::words;
use crate::text::cyrillic;
use crate::{ReadError, ReadOptions, Result};

/// The object of machine-wide memory figures, but for those that `words` knows.
const MEMORY: [&str; 9] = [
    "memory",
    "arbeitsspeicher",
    "speicher",
    "mémoire",
    "memoria",
    "memória",
    "память",
    "pamięć",
    "geheugen",
];

/// Names of counters in lower case, the figure behind each, and its unit in bytes. A name that is not here is not guessed.
const COUNTERS: [(&str, &str, f64); 45] = [
    ("pool nonpaged bytes", "pool_nonpaged", 1.0),
    ("pool paged bytes", "pool_paged", 1.0),
    ("pool paged resident bytes", "resident_paged", 1.0),
    ("available bytes", "memory_available", 1.0),
    ("available kbytes", "memory_available", KIB),
    ("available mbytes", "memory_available", MIB),
    ("committed bytes", "commit", 1.0),
    ("commit limit", "commit_limit", 1.0),
    ("system driver resident bytes", "resident_kernel", 1.0),
    // German
    ("nicht-auslagerungsseiten (bytes)", "pool_nonpaged", 1.0),
    ("auslagerungsseiten (bytes)", "pool_paged", 1.0),
    ("verfügbare bytes", "memory_available", 1.0),
    ("verfügbare kb", "memory_available", KIB),
    ("verfügbare mb", "memory_available", MIB),
    ("zugesicherte bytes", "commit", 1.0),
    // French
    ("octets de réserve non paginée", "pool_nonpaged", 1.0),
    ("octets de réserve paginée", "pool_paged", 1.0),
    ("octets disponibles", "memory_available", 1.0),
    ("mégaoctets disponibles", "memory_available", MIB),
    ("octets validés", "commit", 1.0),
    // Spanish
    ("bytes de bloque no paginado", "pool_nonpaged", 1.0),
    ("bytes de bloque paginado", "pool_paged", 1.0),
    ("bytes disponibles", "memory_available", 1.0),
    ("mbytes disponibles", "memory_available", MIB),
    ("bytes confirmados", "commit", 1.0),
    // Italian
    ("byte del pool non di paging", "pool_nonpaged", 1.0),
    ("byte del pool di paging", "pool_paged", 1.0),
    ("byte disponibili", "memory_available", 1.0),
    ("mbyte disponibili", "memory_available", MIB),
    // Portuguese
    ("bytes de pool não paginável", "pool_nonpaged", 1.0),
    ("bytes de pool não-paginável", "pool_nonpaged", 1.0),
    ("bytes de pool paginável", "pool_paged", 1.0),
    ("bytes disponíveis", "memory_available", 1.0),
    ("mbytes disponíveis", "memory_available", MIB),
    // Russian
    ("байт в невыгружаемом страничном пуле", "pool_nonpaged", 1.0),
    ("байт в выгружаемом страничном пуле", "pool_paged", 1.0),
    ("доступно байт", "memory_available", 1.0),
    ("доступно кб", "memory_available", KIB),
    ("доступно мб", "memory_available", MIB),
    // Polish
    ("bajty puli niestronicowanej", "pool_nonpaged", 1.0),
    ("bajty puli stronicowanej", "pool_paged", 1.0),
    ("dostępne bajty", "memory_available", 1.0),
    // Dutch
    ("bytes in niet-wisselbaar geheugen", "pool_nonpaged", 1.0),
    ("bytes in wisselbaar geheugen", "pool_paged", 1.0),
    ("beschikbare bytes", "memory_available", 1.0),
];

const KIB: f64 = 1024.0;
const MIB: f64 = 1_048_576.0;

/// What a column holds.
#[derive(Clone, Debug)]
pub(in crate::formats) enum Column {
    /// A figure of the machine, and its unit in bytes.
    Figure(&'static Figure, f64),
    /// Handles of a process.
    Handles(Arc<str>),
    Other,
}

/// What a counter is, by its name; bytes that are not UTF-8 are one letter each, of any code page.
pub(in crate::formats) fn column(name: &str) -> Column {
    let found = column_by(name, |known, name| known == name);
    if let (Column::Other, Some(of_words)) = (&found, by_words(name)) {
        return of_words;
    }
    let bytes: Option<Vec<u8>> = name.chars().map(|letter| u8::try_from(letter).ok()).collect();
    let Some(bytes) = bytes.filter(|bytes| matches!(found, Column::Other) && !bytes.is_ascii()) else { return found };
    let russian = cyrillic(&bytes).map(|name| column_by(&name, |known, name| known == name));
    let of_other_pages = column_by(name, is_alike);
    russian.into_iter().chain([of_other_pages]).find(|column| !matches!(column, Column::Other)).unwrap_or(found)
}

/// The figure of a pool whose counter is known by its words.
fn by_words(name: &str) -> Option<Column> {
    let (path, counter) = name.trim().rsplit_once('\\')?;
    let pool = words::pool(path.rsplit('\\').next()?, counter)?;
    let id = if pool == Pool::Nonpaged { "pool_nonpaged" } else { "pool_paged" };
    FIGURES.iter().find(|figure| figure.id == id).map(|figure| Column::Figure(figure, 1.0))
}

/// Whether two names are the same but for letters with marks, which are mostly not what they should be in another code page.
fn is_alike(known: &str, name: &str) -> bool {
    let plain = known.chars().filter(char::is_ascii).count();
    let same = |(a, b): (char, char)| a == b || (!a.is_ascii() && !b.is_ascii());
    let length = known.chars().count();
    2 * plain > length && length == name.chars().count() && known.chars().zip(name.chars()).all(same)
}

fn column_by(name: &str, same: fn(&str, &str) -> bool) -> Column {
    let name = name.trim();
    let (path, counter) = name.rsplit_once('\\').unwrap_or(("", name));
    let object = path.rsplit('\\').next().unwrap_or_default();
    let counter = counter.to_lowercase();
    if let Some(instance) = object.strip_prefix("Process(").and_then(|rest| rest.strip_suffix(')'))
        && counter == "handle count"
    {
        return Column::Handles(instance.into());
    }
    let object = object.to_lowercase();
    if !MEMORY.iter().any(|known| same(known, &object)) {
        return Column::Other;
    }
    let known = COUNTERS.iter().find(|known| same(known.0, &counter));
    let figure = known.and_then(|known| Some((FIGURES.iter().find(|figure| figure.id == known.1)?, known.2)));
    figure.map_or(Column::Other, |(figure, unit)| Column::Figure(figure, unit))
}

/// The figure that a person names for a counter.
///
/// # Errors
/// There is no such figure.
fn figure(file: &str, id: &str) -> Result<&'static Figure> {
    FIGURES.iter().find(|figure| figure.id == id).ok_or_else(|| {
        let known: Vec<_> = FIGURES.iter().map(|figure| figure.id).collect();
        let problem = format!("there is no figure `{id}`; there are {}", known.join(", "));
        ReadError::line(file, 1, problem, "use one of them")
    })
}

/// `\\MACHINE\Object(instance)\Counter` → `MACHINE`.
pub(in crate::formats) fn machine(name: &str) -> Option<&str> {
    let rest = name.trim().strip_prefix("\\\\")?;
    rest.split('\\').next().filter(|host| !host.is_empty() && *host != ".")
}

/// Decides which counters are read and of which machine they are. Those that a person names are read alone.
///
/// # Errors
/// The figures are of several machines, none of them is known, or a counter that is named does not exist.
pub(in crate::formats) fn choose(
    file: &str,
    names: &[String],
    columns: &mut [Column],
    options: &ReadOptions,
) -> Result<Option<String>> {
    let wrong = |problem: String, remedy: &str| ReadError::line(file, 1, problem, remedy);
    if !options.columns.is_empty() {
        columns.fill(Column::Other);
    }
    for (at, id) in &options.columns {
        let figure = figure(file, id)?;
        let slot = at.checked_sub(1).and_then(|at| columns.get_mut(at)).ok_or_else(|| {
            wrong(format!("there is no counter number {at}"), "counters are numbered from 1")
        })?;
        *slot = Column::Figure(figure, 1.0);
    }
    let known = |column: &Column| !matches!(column, Column::Other);
    let read = || names.iter().zip(&*columns).enumerate().filter(|(_, (_, column))| known(column));
    let import = |columns: &str| {
        // What was piped cannot be read a second time.
        let (first, file) =
            if file == STANDARD_INPUT { ("save it as FILE, then ", "FILE") } else { ("", file) };
        format!("{first}poolmon import {} --columns {columns} -o DIR", shell_word(file))
    };
    if read().next().is_none() {
        let shown: Vec<String> =
            names.iter().take(SHOWN).enumerate().map(|(at, name)| format!("{} `{}`", at + 1, name.trim())).collect();
        let more = if names.len() > SHOWN { ", …" } else { "" };
        let problem = format!(
            "no counter that poolmon knows; names may be in another language: {}{more}",
            shown.join(", ")
        );
        let remedy = format!("if counter 1 is the nonpaged pool: {}", import("1=pool_nonpaged"));
        return Err(wrong(problem, &remedy));
    }
    let mut hosts: Vec<&str> = Vec::new();
    for (_, (name, _)) in read() {
        if let Some(host) = machine(name).filter(|host| !hosts.iter().any(|known| known.eq_ignore_ascii_case(host))) {
            hosts.push(host);
        }
    }
    if let [first, _, ..] = hosts.as_slice() {
        let of_first: Vec<String> = read()
            .filter(|(_, (name, _))| machine(name).is_some_and(|host| host.eq_ignore_ascii_case(first)))
            .filter_map(|(at, (_, column))| match column {
                // `--columns` counts in bytes.
                Column::Figure(figure, 1.0) => Some(format!("{}={}", at + 1, figure.id)),
                _ => None,
            })
            .collect();
        let problem = format!(
            "figures of {} machines ({}): they are not mixed into one",
            hosts.len(),
            hosts.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ")
        );
        let remedy = if of_first.is_empty() {
            "save one log for each machine".to_owned()
        } else {
            format!("read them one by one; {first}: {}", import(&of_first.join(",")))
        };
        return Err(wrong(problem, &remedy));
    }
    let host = hosts.first().map(|&host| host.to_owned());
    leave_coarse_ones(columns);
    Ok(host)
}

/// Counters that a message names.
const SHOWN: usize = 8;

/// Of two counters of the same figure, such as bytes and megabytes, the finer one is read.
fn leave_coarse_ones(columns: &mut [Column]) {
    let units: Vec<(&str, f64)> = columns
        .iter()
        .filter_map(|column| match column {
            Column::Figure(figure, unit) => Some((figure.id, *unit)),
            _ => None,
        })
        .collect();
    for column in columns {
        if let Column::Figure(figure, unit) = column
            && units.iter().any(|(id, finer)| *id == figure.id && finer < unit)
        {
            *column = Column::Other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> Option<&'static str> {
        match column(name) {
            Column::Figure(figure, _) => Some(figure.id),
            _ => None,
        }
    }

    #[test]
    fn names_in_other_code_pages() {
        let latin = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect::<String>();
        let id = |name: &str| match column(name) {
            Column::Figure(figure, _) => figure.id,
            _ => "-",
        };
        assert_eq!(id(&latin(b"\\\\H\\Pami\xea\xe6\\Bajty puli niestronicowanej")), "pool_nonpaged");
        // 1251: "Память\Байт в выгружаемом страничном пуле".
        let russian = b"\\\\H\\\xcf\xe0\xec\xff\xf2\xfc\\\xc1\xe0\xe9\xf2 \xe2 \xe2\xfb\xe3\xf0\xf3\xe6\xe0\xe5\xec\xee\xec \xf1\xf2\xf0\xe0\xed\xe8\xf7\xed\xee\xec \xef\xf3\xeb\xe5";
        assert_eq!(id(&latin(russian)), "pool_paged");
        assert_eq!(id(&latin(b"\\\\H\\Pami\xea\xe6\\Bajty puli nies\xf0ronicowanej")), "-");
    }

    #[test]
    fn names_of_other_languages() {
        for (name, expected) in [
            (r"\\S\Memory\Pool Nonpaged Bytes", Some("pool_nonpaged")),
            (r"\\S\Arbeitsspeicher\Nicht-Auslagerungsseiten (Bytes)", Some("pool_nonpaged")),
            (r"\\S\arbeitsspeicher\auslagerungsseiten (bytes)", Some("pool_paged")),
            (r"\\S\Mémoire\Octets de réserve non paginée", Some("pool_nonpaged")),
            (r"\\S\Memoria\Bytes de bloque no paginado", Some("pool_nonpaged")),
            (r"\\S\Память\Байт в выгружаемом страничном пуле", Some("pool_paged")),
            // The same name of a process is no figure of the machine.
            (r"\\S\Processus(lsass)\Octets de réserve non paginée", None),
            (r"\\S\Process(lsass)\Pool Nonpaged Bytes", None),
            (r"\\S\Memory\Pool Nonpaged Allocs", None),
        ] {
            assert_eq!(id(name), expected, "{name}");
        }
    }

    fn chosen(names: &[&str], options: &ReadOptions) -> Result<(Option<String>, Vec<Option<f64>>)> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut columns: Vec<Column> = names.iter().map(|name| column(name)).collect();
        let host = choose("two logs.csv", &names, &mut columns, options)?;
        let unit = |column: &Column| match column {
            Column::Figure(_, unit) => Some(*unit),
            _ => None,
        };
        Ok((host, columns.iter().map(unit).collect()))
    }

    #[test]
    fn several_machines_are_not_mixed() {
        let names = [
            r"\\SRV1\Memory\Pool Nonpaged Bytes",
            r"\\SRV2\Memory\Pool Nonpaged Bytes",
            r"\\srv1\Memory\Pool Paged Bytes",
            r"\\SRV1\Memory\Available MBytes",
        ];
        let error = chosen(&names, &ReadOptions::default()).unwrap_err();
        let text = String::from(error);
        assert!(text.contains("2 machines (SRV1, SRV2)"), "{text}");
        let name = poolmon_model::shell::word("two logs.csv");
        let command = format!("poolmon import {name} --columns 1=pool_nonpaged,3=pool_paged -o DIR");
        assert!(text.contains(&command), "{text}");
        let columns = vec![(2, "pool_nonpaged".to_owned())];
        let options = ReadOptions { columns, ..ReadOptions::default() };
        assert_eq!(chosen(&names, &options).unwrap(), (Some("SRV2".into()), vec![None, Some(1.0), None, None]));
        // Of another machine, what is not read does not matter.
        let other = [names[0], r"\\SRV2\Processor(_Total)\% Processor Time"];
        assert_eq!(chosen(&other, &ReadOptions::default()).unwrap().0.as_deref(), Some("SRV1"));
    }

    #[test]
    fn the_finer_of_two_units_is_read() {
        let names = [r"\\S\Memory\Available MBytes", r"\\S\Memory\Available Bytes"];
        assert_eq!(chosen(&names, &ReadOptions::default()).unwrap().1, [None, Some(1.0)]);
    }
}
