//! The statically linked executable for Linux, and what makes two builds of one commit equal.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;

/// The target whose executables need nothing of a system but its kernel. `rustup target add` brings its standard library.
pub const LINUX: &str = "x86_64-unknown-linux-musl";
/// Where the `cc` crate looks for the C compiler of that target.
const COMPILER: &str = "CC_x86_64_unknown_linux_musl";
/// No executable above this.
const LARGEST: u64 = 12_000_000;

/// Builds it.
pub fn linux() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root()).env("CARGO_ENCODED_RUSTFLAGS", remap(&crates()).join("\x1f"));
    // Cryptography has some C, which needs no C library: the system's compiler does where there is none for musl.
    if std::env::var_os(COMPILER).is_none() {
        command.env(COMPILER, if crate::windows::on_path("musl-gcc") { "musl-gcc" } else { "cc" });
    }
    command.args(["build", "--locked", "--release", "--package", "poolmon", "--target", LINUX]);
    crate::run(&mut command)
        .map_err(|error| format!("{error}\n  if the target is missing: rustup target add {LINUX}"))?;
    let exe = root().join("target").join(LINUX).join("release/poolmon");
    let size = check(&exe)?;
    println!("{}: {size} bytes", exe.display());
    if size > LARGEST {
        return Err(format!("that is above {LARGEST} bytes: look for a dependency that has grown"));
    }
    Ok(exe)
}

/// Options of rustc that give paths in messages of panics the same name everywhere: folders of crates, and of this workspace.
pub fn remap(crates: &[PathBuf]) -> Vec<String> {
    let option = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let crates = crates.iter().map(|folder| option(folder, "crates"));
    std::iter::once(option(&root(), "poolmon")).chain(crates).collect()
}

/// Where cargo unpacks crates: a folder for each registry.
pub fn crates() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let list = home.and_then(|home| std::fs::read_dir(home.join("registry/src")).ok());
    let mut folders: Vec<_> = list.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

/// Reads an executable of a release: nothing in it may come from this machine or this moment, as a build elsewhere would differ. Gives its
/// size in bytes.
pub fn check(exe: &Path) -> Result<u64, String> {
    let bytes = std::fs::read(exe).map_err(|error| format!("{}: {error}", exe.display()))?;
    let folders = std::iter::once(root()).chain(crates());
    match foreign(&bytes, &folders.collect::<Vec<_>>()) {
        Some(what) => Err(format!("{}: two builds would differ: it has {what}", exe.display())),
        None => Ok(bytes.len() as u64),
    }
}

/// What in an executable comes from this machine or this moment; `None` if nothing does.
fn foreign(bytes: &[u8], folders: &[PathBuf]) -> Option<String> {
    let named = folders.iter().find(|folder| {
        let name = folder.as_os_str().as_encoded_bytes();
        bytes.windows(name.len().max(1)).any(|part| part == name)
    });
    if let Some(folder) = named {
        return Some(format!("the path {}", folder.display()));
    }
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    if bytes.starts_with(b"MZ") {
        // The header of the image: its place at 0x3c, the time 8 bytes into it.
        let head = usize::try_from(word(0x3c)?).ok()?;
        let (time, symbols) = (word(head + 8)?, word(head + 16)?);
        let timed = (time != 0).then(|| format!("the time of its link, {time}"));
        return timed.or_else(|| (symbols != 0).then(|| format!("{symbols} symbols: is `strip` set?")));
    }
    let symbols = bytes.windows(9).any(|part| part == b"\0.symtab\0");
    symbols.then(|| "a table of symbols: is `strip` set?".to_owned())
}

/// When the commit was made, in seconds since 1970: the time of everything in a package. `SOURCE_DATE_EPOCH` comes first.
pub fn made() -> u64 {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    let commit = || {
        let git =
            Command::new("git").current_dir(root()).args(["show", "-s", "--format=%ct", "HEAD"]).output();
        String::from_utf8(git.ok()?.stdout).ok()?.trim().parse().ok()
    };
    // Without a history, the first day of this program's year.
    given.or_else(commit).unwrap_or(1_767_225_600)
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_and_times_of_this_machine_are_found() {
        let folders = ["/home/me/poolmon".into()];
        let foreign = |bytes: &[u8]| super::foreign(bytes, &folders);
        assert!(foreign(b"\x7fELF at /home/me/poolmon/src/main.rs").unwrap().contains("/home/me/poolmon"));
        assert_eq!(foreign(b"\x7fELF at poolmon/src/main.rs"), None);
        let mut image = [0; 0x80];
        image[..2].copy_from_slice(b"MZ");
        image[0x3c] = 0x40;
        assert_eq!(foreign(&image), None);
        image[0x48] = 7;
        assert!(foreign(&image).unwrap().contains("time of its link"));
        (image[0x48], image[0x50]) = (0, 5);
        assert!(foreign(&image).unwrap().starts_with("5 symbols"));
        assert!(foreign(b"\x7fELF\0.symtab\0.strtab").unwrap().contains("table of symbols"));
    }

    #[test]
    fn no_path_of_this_machine_is_named() {
        let options = super::remap(&["/home/me/.cargo/registry/src/index-0123".into()]);
        assert_eq!(
            options.last().unwrap(),
            "--remap-path-prefix=/home/me/.cargo/registry/src/index-0123=crates"
        );
        assert!(
            options[0].ends_with("=poolmon") && options[0].contains(&crate::root().display().to_string())
        );
    }
}
