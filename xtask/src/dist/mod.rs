//! `cargo xtask dist`: what people download, in `target/dist/`.
//!
//! Windows: a zip. Linux: an archive, a .deb and an .rpm around one statically linked executable, each with man pages, completions
//! and unit. Next to them a `CycloneDX` list of what they are made of, and `SHA256SUMS`. The same commit gives the same bytes, whatever
//! the folder: see `build.rs`.
//!
//! * `build.rs`: the executable; `content.rs`: which files go where; `same.rs`: two builds compared;
//! * `tar.rs`, `deb.rs`, `rpm.rs`: formats, as `poolmon_print::zip`; `sbom.rs`: the list of crates.

pub mod build;
mod content;
mod deb;
mod rpm;
pub mod same;
mod sbom;
mod tar;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::{root, windows};

/// Of everything that is packed.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Packs for Linux (`linux`), or what `cargo xtask windows` built.
pub fn run(args: &[&str]) -> crate::Done {
    let folder = match args {
        ["linux", rest @ ..] => linux(rest)?,
        ["sbom", target] => {
            print!("{}", sbom::cyclonedx(target, build::made())?);
            return Ok(());
        }
        _ => windows_zip(args)?,
    };
    sums(&folder)
}

/// Where all of it goes, unless another place is named.
fn folder(named: Option<&str>) -> Result<PathBuf, String> {
    let folder = named.map_or_else(|| root().join("target/dist"), PathBuf::from);
    fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    Ok(folder)
}

/// One file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Path without a slash before it; a folder ends with one.
    pub path: String,
    pub mode: u32,
    pub bytes: Vec<u8>,
}

impl Packed {
    fn new(path: impl Into<String>, mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode, bytes: bytes.into() }
    }

    fn is_folder(&self) -> bool {
        self.path.ends_with('/')
    }
}

fn linux(args: &[&str]) -> Result<PathBuf, String> {
    let (mut exe, mut to, mut release) = (None, None, "1");
    for pair in args.chunks(2) {
        match pair {
            ["--exe", file] => exe = Some(PathBuf::from(file)),
            ["--to", place] => to = Some(*place),
            ["--release", number] => release = number,
            _ => {
                return Err("dist linux takes --exe FILE (built already), --to FOLDER and --release N".into());
            }
        }
    }
    let exe = exe.map_or_else(build::linux, Ok)?;
    let folder = folder(to)?;
    let content = content::Content::gather(&exe)?;
    let made = build::made();
    let sbom = sbom::cyclonedx(build::LINUX, made)?;
    let name = format!("poolmon-{VERSION}-linux-x86_64");
    let archive = tar::gzipped(&tar::tar(&content.archive(&name, &sbom), made)?)?;
    write(&folder.join(format!("{name}.tar.gz")), &archive)?;
    let (deb, rpm) = (deb::deb(&content.deb()?, release, made)?, rpm::rpm(&content.rpm()?, release, made)?);
    write(&folder.join(format!("poolmon_{VERSION}-{release}_amd64.deb")), &deb)?;
    write(&folder.join(format!("poolmon-{VERSION}-{release}.x86_64.rpm")), &rpm)?;
    write(&folder.join(format!("{name}.cdx.json")), sbom.as_bytes())?;
    Ok(folder)
}

fn windows_zip(args: &[&str]) -> Result<PathBuf, String> {
    let folder = folder(None)?;
    let target = windows::target(args)?;
    let exe = windows::exe(target);
    let exe = fs::read(&exe)
        .map_err(|error| format!("{}: {error}; run cargo xtask windows first", exe.display()))?;
    let mut files = vec![("poolmon.exe".to_owned(), exe)];
    for name in content::DOCUMENTS {
        files.push((name.to_owned(), content::read(name)?));
    }
    let name = format!("poolmon-{VERSION}-windows-{}", target.name);
    let sbom = sbom::cyclonedx(target.triple, build::made())?;
    let packed = poolmon_print::zip::zip(&files).map_err(|error| error.to_string())?;
    write(&folder.join(format!("{name}.zip")), &packed)?;
    write(&folder.join(format!("{name}.cdx.json")), sbom.as_bytes())?;
    Ok(folder)
}

fn write(path: &Path, bytes: &[u8]) -> crate::Done {
    fs::write(path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!("{}: {} bytes", path.display(), bytes.len());
    Ok(())
}

/// `SHA256SUMS` of all that is there, as `sha256sum --check` reads it. The manifests in packaging/ want the sums, too.
fn sums(folder: &Path) -> crate::Done {
    let list = fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut names: Vec<_> = list.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    let mut text = String::new();
    for name in names.iter().filter(|name| *name != "SHA256SUMS") {
        let bytes = fs::read(folder.join(name)).map_err(|error| format!("{}: {error}", name.display()))?;
        let _ = writeln!(text, "{}  {}", hex(&Sha256::digest(&bytes)), name.display());
    }
    print!("{text}");
    write(&folder.join("SHA256SUMS"), text.as_bytes())
}

/// Bytes as lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
