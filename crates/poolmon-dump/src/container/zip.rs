//! Which member of a zip archive is the dump.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use poolmon_image::zip::{self, Member};
use poolmon_model::hidden::SafeString;
use poolmon_model::shell;

use super::lime;
use crate::error::{DumpError, Result};

/// Names in a message.
const NAMED: usize = 5;

/// The member that is the dump, and the offset of its data.
pub(super) fn dump_in(path: &Path, file: &mut File) -> Result<(u64, Member)> {
    let wrong = |problem: &str| malformed(path, problem);
    let mut members = match zip::directory(file) {
        Ok(Some(members)) => members,
        // No directory: the archive was cut, or is still written. The first member describes itself.
        Ok(None) => vec![zip::first(file).map_err(|_| wrong("the file ends inside its first header"))?],
        Err(source) => return Err(DumpError::Io { action: "read", path: path.to_path_buf(), source }),
    };
    members.retain(|member| !member.is_folder() && (member.size > 0 || member.packed > 0));
    let all = named(&members).join(", ");
    let count = members.len();
    // One file alone may be the memory of a machine, which has no beginning of its own; text and little files are none.
    let lone = members
        .first()
        .filter(|it| it.is_readable())
        .is_some_and(|it| it.size < 1 << 20 || is_text(file, it));
    if count > 1 || lone {
        let is_dump: Vec<bool> = members.iter().map(|member| is_dump(file, member)).collect();
        let mut is_dump = is_dump.into_iter();
        members.retain(|_| is_dump.next() == Some(true));
        if count > 0 && members.is_empty() {
            let none = if count == 1 {
                "the file in it is no dump".into()
            } else {
                format!("none of its {count} files is a dump")
            };
            return Err(DumpError::NotADump {
                path: path.to_path_buf(),
                why: format!("it is a zip archive, and {none}: {all}"),
                remedy: format!("unpack it, and name what you want to read: unzip {}", shell::path(path)),
            });
        }
    }
    if members.len() > 1 {
        let names = named(&members);
        let first = names.first().cloned().unwrap_or_default();
        return Err(DumpError::NotADump {
            path: path.to_path_buf(),
            why: format!("it is a zip archive with {} dumps: {}", members.len(), names.join(", ")),
            remedy: format!(
                "unpack the one that you mean: unzip {} {}",
                shell::path(path),
                shell::word(&first)
            ),
        });
    }
    let Some(member) = members.pop() else { return Err(wrong("it holds no files")) };
    if member.is_encrypted {
        return Err(wrong("it is encrypted"));
    }
    match member.method {
        0 | 8 => {}
        other => return Err(wrong(&format!("compression method {other} is not supported"))),
    }
    let start = zip::data(file, &member).map_err(|_| wrong("the header of its dump is damaged"))?;
    Ok((start, member))
}

fn malformed(path: &Path, problem: &str) -> DumpError {
    DumpError::Malformed {
        what: "zip archive",
        offset: 0,
        problem: format!("{}: {problem}", path.display()),
        remedy: "unpack it with a zip program and use the dump inside",
    }
}

/// The first names, as a terminal may show them.
fn named(members: &[Member]) -> Vec<String> {
    let names = members.iter().take(NAMED).map(|member| SafeString::from(member.name.as_str()));
    names.map(|name| name.to_string()).collect()
}

/// Whether a member starts as a dump does, or has the name of a raw image.
fn is_dump(file: &mut File, member: &Member) -> bool {
    let signs: [&[u8]; 5] = [b"PAGEDU64", b"PAGEDUMP", b"\x7fELF", &lime::MAGIC, b"MDMP"];
    let ending = Path::new(&*member.name).extension().unwrap_or_default();
    peek(file, member).is_ok_and(|start| signs.iter().any(|sign| start.starts_with(sign)))
        || ["dmp", "vmem", "raw", "mem", "lime", "elf"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Whether a member starts as text does.
fn is_text(file: &mut File, member: &Member) -> bool {
    peek(file, member).is_ok_and(|start| {
        !start.starts_with(b"PAGE")
            && start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    })
}

/// The first bytes of a member.
fn peek(file: &mut File, member: &Member) -> io::Result<[u8; 8]> {
    let mut start = [0; 8];
    zip::reader(file.try_clone()?, member)?.read_exact(&mut start)?;
    Ok(start)
}
