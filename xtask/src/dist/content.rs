//! Which files go where.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Packed, tar};
use crate::root;

/// For people, in every archive.
pub const DOCUMENTS: [&str; 5] =
    ["README.md", "SECURITY.md", "LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"];

/// A file of the repository.
pub fn read(name: &str) -> Result<Vec<u8>, String> {
    let path = root().join(name);
    std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// What the formats for Linux share.
pub struct Content {
    program: Vec<u8>,
    /// Name and text.
    pages: Vec<(String, Vec<u8>)>,
    /// Shell and script.
    completions: Vec<(&'static str, Vec<u8>)>,
    unit: String,
    documents: Vec<(&'static str, Vec<u8>)>,
}

/// A package of a distribution.
#[derive(Clone, Debug)]
pub struct Package {
    pub files: Vec<Packed>,
    pub summary: String,
    pub description: String,
    pub homepage: String,
}

impl Package {
    /// The files, after the folders that they are in.
    pub fn with_folders(&self) -> Vec<Packed> {
        let mut all = std::collections::BTreeMap::new();
        for file in &self.files {
            for (at, _) in file.path.match_indices('/') {
                let folder = &file.path[..=at];
                all.entry(folder.to_owned()).or_insert_with(|| Packed::new(folder, 0o755, []));
            }
            all.insert(file.path.clone(), file.clone());
        }
        all.into_values().collect()
    }
}

impl Content {
    /// From the executable, which knows its own pages and completions.
    pub fn gather(exe: &Path) -> Result<Self, String> {
        let output = |args: &[&str]| {
            let output = Command::new(exe).args(args).output();
            let output = output.map_err(|error| format!("cannot run {}: {error}", exe.display()))?;
            if !output.status.success() {
                return Err(format!("{}: {}", exe.display(), String::from_utf8_lossy(&output.stderr)));
            }
            Ok(output.stdout)
        };
        let man = root().join("target/dist-man");
        let _ = std::fs::remove_dir_all(&man);
        output(&["man", &man.display().to_string()])?;
        let list = std::fs::read_dir(&man).map_err(|error| format!("{}: {error}", man.display()))?;
        let mut pages: Vec<PathBuf> = list.flatten().map(|entry| entry.path()).collect();
        pages.sort();
        let pages = pages.into_iter().map(|path| {
            let name = path.file_name().unwrap_or_default().display().to_string();
            std::fs::read(&path).map(|text| (name, text)).map_err(|error| error.to_string())
        });
        let completions =
            ["bash", "zsh", "fish"].map(|shell| Ok((shell, output(&["completions", shell])?))).into_iter();
        let arguments = ["/var/lib/poolmon".to_owned(), "--keep=28d".into(), "--max-size=1GiB".into()];
        let [program, folder] = ["/usr/bin/poolmon", "/var/lib/poolmon"].map(Path::new);
        let unit = poolmon_service::unit::text(poolmon_service::ABOUT, program, folder, &arguments)?;
        Ok(Self {
            program: std::fs::read(exe).map_err(|error| format!("{}: {error}", exe.display()))?,
            pages: pages.collect::<Result<_, String>>()?,
            completions: completions.collect::<Result<_, String>>()?,
            unit,
            documents: DOCUMENTS
                .into_iter()
                .map(|name| Ok((name, read(name)?)))
                .collect::<Result<_, String>>()?,
        })
    }

    /// For any distribution: unpack it, and run what is in it.
    pub fn archive(&self, name: &str, sbom: &str) -> Vec<Packed> {
        let at = |path: &str| format!("{name}/{path}");
        let mut files = vec![
            Packed::new(at(""), 0o755, []),
            Packed::new(at("poolmon"), 0o755, self.program.as_slice()),
            Packed::new(at("poolmon.service"), 0o644, self.unit.as_bytes()),
            Packed::new(at("poolmon.cdx.json"), 0o644, sbom),
        ];
        let text = |path: String, bytes: &[u8]| Packed::new(path, 0o644, bytes);
        files.extend(self.documents.iter().map(|(file, bytes)| text(at(file), bytes)));
        files.push(Packed::new(at("man/"), 0o755, []));
        files.extend(self.pages.iter().map(|(page, bytes)| text(at(&format!("man/{page}")), bytes)));
        files.push(Packed::new(at("completions/"), 0o755, []));
        for (shell, bytes) in &self.completions {
            files.push(text(at(&format!("completions/{}", file_of(shell))), bytes));
        }
        files
    }

    /// Debian's places.
    pub fn deb(&self) -> Result<Package, String> {
        let mut package = self.package("usr/share/zsh/vendor-completions/_poolmon")?;
        let document = |name: &str| {
            let found = self.documents.iter().find(|(file, _)| *file == name);
            found.map(|(_, bytes)| bytes.clone()).unwrap_or_default()
        };
        let doc = "usr/share/doc/poolmon";
        let mut copyright = b"License: MIT OR Apache-2.0\n\n".to_vec();
        copyright.extend(document("LICENSE-MIT"));
        copyright.extend(b"\nThe Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.\n");
        package.files.extend([
            Packed::new(format!("{doc}/copyright"), 0o644, copyright),
            Packed::new(format!("{doc}/changelog.gz"), 0o644, tar::gzipped(&document("CHANGELOG.md"))?),
            Packed::new(format!("{doc}/README.md"), 0o644, document("README.md")),
            Packed::new(format!("{doc}/SECURITY.md"), 0o644, document("SECURITY.md")),
        ]);
        Ok(package)
    }

    /// The places of Fedora, openSUSE and their kin.
    pub fn rpm(&self) -> Result<Package, String> {
        let mut package = self.package("usr/share/zsh/site-functions/_poolmon")?;
        for (name, bytes) in &self.documents {
            let place = if name.starts_with("LICENSE") { "licenses" } else { "doc" };
            package.files.push(Packed::new(
                format!("usr/share/{place}/poolmon/{name}"),
                0o644,
                bytes.as_slice(),
            ));
        }
        Ok(package)
    }

    fn package(&self, zsh: &str) -> Result<Package, String> {
        let mut files = vec![
            Packed::new("usr/bin/poolmon", 0o755, self.program.as_slice()),
            Packed::new("usr/lib/systemd/system/poolmon.service", 0o644, self.unit.as_bytes()),
            // The unit needs it, and only root reads what is recorded.
            Packed::new("var/lib/poolmon/", 0o700, []),
        ];
        for (page, bytes) in &self.pages {
            files.push(Packed::new(format!("usr/share/man/man1/{page}.gz"), 0o644, tar::gzipped(bytes)?));
        }
        for (shell, bytes) in &self.completions {
            let path = match *shell {
                "bash" => "usr/share/bash-completion/completions/poolmon",
                "zsh" => zsh,
                _ => "usr/share/fish/vendor_completions.d/poolmon.fish",
            };
            files.push(Packed::new(path, 0o644, bytes.as_slice()));
        }
        Ok(Package {
            files,
            summary: "shows which driver is eating the kernel's memory".into(),
            description: "poolmon watches, records and judges the memory that a kernel holds:\n\
                          slab caches of Linux and pool tags of Windows, from this machine, logs,\n\
                          recordings and crash dumps. poolmon.service records for weeks."
                .into(),
            homepage: env!("CARGO_PKG_HOMEPAGE").into(),
        })
    }
}

/// Name of a shell's script in the archive.
fn file_of(shell: &str) -> &'static str {
    match shell {
        "bash" => "poolmon.bash",
        "zsh" => "_poolmon",
        _ => "poolmon.fish",
    }
}
