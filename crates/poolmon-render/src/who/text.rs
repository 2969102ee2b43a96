//! The answer for a person.

use std::fmt::Write as _;
use std::io::{self, Write};

use poolmon_model::units::{grouped, human_bytes};
use poolmon_model::{PoolTag, Tag};
use poolmon_owner::Owners;
use poolmon_owner::scan::{Evidence, EvidenceKind, charged};
use poolmon_owner::who::{EvidenceGroup, RankedDriver, Standing, WhoAnswer};

use super::UnderTag;

/// Places of one kind of evidence that are listed without `--verbose`.
const PLACES: usize = 3;

/// Which drivers use a tag.
pub fn answer(
    out: &mut dyn Write,
    tag: PoolTag,
    answer: &WhoAnswer,
    owners: &Owners,
    (held, types): &UnderTag,
    verbose: bool,
) -> io::Result<()> {
    headline(out, tag, answer)?;
    for line in poolmon_owner::written(&Tag::Pool(tag)) {
        writeln!(out, "{:<9}  {}", line.title, line.text)?;
    }
    if let Some(text) = charged(tag) {
        writeln!(out, "{:<9}  {text}", "Charged")?;
    }
    for tally in types {
        writeln!(out, "{:<9}  {}", "Objects", tally.sentence())?;
    }
    for (n, held) in held.iter().enumerate() {
        writeln!(out, "{:<9}  {}", if n == 0 { "Held by" } else { "" }, held.sentence())?;
    }
    let shown = |driver: &&RankedDriver| verbose || driver.standing() < Standing::Noise;
    for (number, driver) in answer.drivers.iter().filter(shown).enumerate() {
        writeln!(out)?;
        heading(out, Some(number + 1), driver)?;
        if driver.framework {
            writeln!(
                out,
                "       medium  the framework's default tag for it, if it sets none: the start of its service name"
            )?;
        }
        for group in driver.groups() {
            evidence(out, &group, verbose)?;
        }
    }
    let noise = answer.drivers.iter().filter(|driver| driver.standing() == Standing::Noise).count();
    writeln!(out)?;
    if noise > 0 && !verbose {
        writeln!(
            out,
            "Noise: {} the four bytes only inside longer texts or names of imports (--verbose lists them).",
            count(noise, "more driver has", "more drivers have")
        )?;
    }
    if answer.drivers.len() > noise {
        writeln!(out, "Searched: {}.", searched(answer))?;
    } else {
        writeln!(out, "No driver uses the tag (searched: {}).", searched(answer))?;
        if charged(tag).is_none() {
            writeln!(
                out,
                "The tag may be built at run time, or belong to a driver elsewhere or to the kernel itself\n\
                 (--drivers also takes ntoskrnl.exe and the like)."
            )?;
        }
    }
    if answer.code_only {
        writeln!(
            out,
            "The index already had proof: files were not searched again for the bytes (--bytes does that)."
        )?;
    }
    let known = owners.known(&Tag::Pool(tag));
    let mut known = known.iter().filter(|line| line.title != "Charged").peekable();
    if known.peek().is_some() {
        writeln!(out, "\n(g) Known about the tag without searching drivers:")?;
    }
    for line in known {
        writeln!(out, "  {:<9}  {}", line.title, line.text)?;
    }
    Ok(())
}

/// The answer in one line: the first driver, whose it is, and the proof.
fn headline(out: &mut dyn Write, tag: PoolTag, answer: &WhoAnswer) -> io::Result<()> {
    let proven = |driver: &&RankedDriver| matches!(driver.standing(), Standing::Proven(_));
    let mut drivers = answer.drivers.iter().filter(proven);
    let Some((first, proof)) = drivers.next().and_then(|driver| Some((driver, driver.proof()?))) else {
        return Ok(());
    };
    let mut name = first.name();
    if let Some(version) = &first.info.version {
        name.extend([" ", version]);
    }
    if let Some(company) = first.info.company.as_ref().or(first.info.signer.as_ref()) {
        name.extend([" (", company, ")"]);
    }
    writeln!(out, "{tag}: {name} {proof}")?;
    let others = drivers.count();
    if others > 0 {
        writeln!(
            out,
            "{}",
            count(others, "more driver is proven to use it", "more drivers are proven to use it")
        )?;
    }
    writeln!(out)
}

/// All drivers with their tags.
pub fn inventory(out: &mut dyn Write, answer: &WhoAnswer, verbose: bool) -> io::Result<()> {
    for driver in &answer.drivers {
        heading(out, None, driver)?;
        for own in driver.tags() {
            let text = own.best.explain();
            let places = if own.places > 1 { format!(" ({} places)", own.places) } else { String::new() };
            writeln!(
                out,
                "    {}  {}  {:<6}  {text}{places}",
                own.tag,
                own.best.kind.letter(),
                own.best.confidence()
            )?;
            if verbose {
                for row in driver.evidence.iter().filter(|row| row.tag == own.tag) {
                    writeln!(out, "                     {}", place(row))?;
                }
            }
        }
        for tag in &driver.info.framework_tags {
            writeln!(
                out,
                "    {tag}     medium  by its name: the framework's default tag, if the driver sets none"
            )?;
        }
        if let Some(packed) = &driver.info.packed {
            writeln!(out, "    packed or encrypted, not analysed: {packed}")?;
        }
        writeln!(out)?;
    }
    let packed = answer.drivers.iter().filter(|driver| driver.is_only_packed()).count();
    let shown = answer.drivers.len() - packed;
    let verb = if shown == 1 { "shows" } else { "show" };
    write!(out, "Searched: {}; {shown} {verb} tags", searched(answer))?;
    if packed > 0 {
        write!(out, ", {}", count(packed, "is packed or encrypted", "are packed or encrypted"))?;
    }
    writeln!(out, ".")
}

/// Name, version and whose file it is; nothing of it is verified.
fn heading(out: &mut dyn Write, number: Option<usize>, driver: &RankedDriver) -> io::Result<()> {
    let info = &driver.info;
    let mut first = driver.name();
    if let Some(version) = &info.version {
        first.extend([" ", version]);
    }
    first.extend([", ", &info.machine.to_string()]);
    match driver.loaded {
        Some(true) => first.push_str(", loaded"),
        Some(false) => first.push_str(", not loaded"),
        None => {}
    }
    if let Some(built) = driver.built_as() {
        first.extend([", built as ", built]);
    }
    if driver.is_only_stored() {
        first.push_str(", in the driver store only");
    }
    match number {
        Some(number) => writeln!(out, "{number:>2}  {first}")?,
        None => writeln!(out, "{first}")?,
    }
    let about: Vec<String> = [
        info.description.clone(),
        info.company.clone(),
        info.signer.as_ref().map(|signer| format!("signer {signer} (not checked)")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !about.is_empty() {
        writeln!(out, "    {}", about.join("; "))?;
    }
    writeln!(out, "    {}", driver.path.display())?;
    for copy in &driver.copies {
        writeln!(out, "    the same file: {}", copy.display())?;
    }
    Ok(())
}

fn evidence(out: &mut dyn Write, group: &EvidenceGroup<'_>, verbose: bool) -> io::Result<()> {
    let (letter, confidence) = (group.kind.letter(), group.confidence);
    if group.kind == EvidenceKind::Text && !verbose {
        let places = count(group.places.len(), "place", "places");
        return writeln!(
            out,
            "    {letter}  {confidence:<6}  {places} inside longer texts (--verbose lists them)"
        );
    }
    let places = group.places.len();
    let many = if places > 1 { format!(" ({places} places)") } else { String::new() };
    writeln!(out, "    {letter}  {confidence:<6}  {}{many}", group.text)?;
    let listed = if verbose { places } else { places.min(PLACES) };
    for row in group.places.iter().take(listed) {
        writeln!(out, "                 {}", place(row))?;
    }
    if places > listed {
        writeln!(out, "                 and {} more (--verbose)", places - listed)?;
    }
    Ok(())
}

/// `file offset 0x1634 in .text (RVA 0x2234), call at RVA 0x2239`.
pub fn place(row: &Evidence) -> String {
    let mut text = format!("file offset {:#x}", row.offset);
    match row.section.as_str() {
        "" => text.push_str(" outside the sections"),
        section => text.extend([" in ", section]),
    }
    if let Some(rva) = row.rva {
        let _ = write!(text, " (RVA {rva:#x})");
    }
    if let Some(site) = row.site {
        let _ = write!(text, ", call at RVA {site:#x}");
    }
    text
}

/// How much was searched.
pub fn searched(answer: &WhoAnswer) -> String {
    let summary = &answer.summary;
    let mut text = count(summary.files, "file", "files");
    let _ = write!(text, ", {}", human_bytes(summary.bytes));
    if summary.from_index > 0 {
        let _ = write!(text, ", {} answered from the index", grouped(summary.from_index as u64));
    }
    if summary.failed > 0 {
        let _ = write!(text, ", {} not searched (see above)", grouped(summary.failed as u64));
    }
    text
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number as u64), if number == 1 { one } else { many })
}
