//! `_NT_SYMBOL_PATH`: folders and stores on this machine, and the servers behind them.

use std::path::{Path, PathBuf};

use poolmon_image::pe::debug::PdbId;

/// Where symbols are looked for, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SymbolPath {
    /// Folders and stores on this machine.
    pub folders: Vec<PathBuf>,
    /// Servers, each with the store that keeps what it gave (the first of its chain).
    pub servers: Vec<SymbolServer>,
}

/// A symbol server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolServer {
    /// Its address.
    pub url: String,
    /// The store on this machine that keeps its files; `None` if the path names none.
    pub store: Option<PathBuf>,
}

impl SymbolServer {
    /// The address of a symbol file; `None` if the image gives it a name that no file has.
    pub fn address(&self, pdb: &PdbId) -> Option<String> {
        let name = file_name(pdb)?;
        Some(format!("{}/{name}/{}/{name}", self.url.trim_end_matches('/'), pdb.key))
    }
}

impl SymbolPath {
    /// Reads a path: parts with `;` between, each a folder, `srv*STORE*…*SERVER`, `symsrv*symsrv.dll*STORE*SERVER` or
    /// `cache*STORE`.
    pub fn parse(text: &str) -> Self {
        let mut path = Self::default();
        let mut caches: Vec<PathBuf> = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let mut words = part.split('*').map(str::trim);
            let first = words.next().unwrap_or_default();
            match first.to_ascii_lowercase().as_str() {
                "srv" => path.chain(words, &caches),
                "symsrv" => path.chain(words.skip(1), &caches),
                "cache" => {
                    for store in words.filter(|word| !word.is_empty()).map(PathBuf::from) {
                        path.add(store.clone());
                        caches.push(store);
                    }
                }
                _ if is_server(first) => {
                    path.servers.push(SymbolServer { url: first.to_owned(), store: caches.first().cloned() });
                }
                _ => path.add(PathBuf::from(first)),
            }
        }
        path
    }

    /// Stores of one chain, nearest first, and the server at its end.
    fn chain<'a>(&mut self, words: impl Iterator<Item = &'a str>, caches: &[PathBuf]) {
        let mut store = caches.first().cloned();
        for word in words.filter(|word| !word.is_empty()) {
            if is_server(word) {
                self.servers.push(SymbolServer { url: word.to_owned(), store: store.clone() });
            } else {
                let folder = PathBuf::from(word);
                store.get_or_insert_with(|| folder.clone());
                self.add(folder);
            }
        }
    }

    /// Adds a folder, once.
    pub fn add(&mut self, folder: PathBuf) {
        if !self.folders.contains(&folder) {
            self.folders.push(folder);
        }
    }

    /// Files on this machine that may be the symbols of an image, the likeliest first.
    pub fn candidates(&self, pdb: &PdbId) -> Vec<PathBuf> {
        let Some(name) = file_name(pdb) else { return Vec::new() };
        let two = name.get(..2).unwrap_or(name);
        let mut found = Vec::new();
        for folder in &self.folders {
            // A store; one of two tiers; a plain folder, or one with the symbols of a build tree.
            let places: [&[&str]; 4] =
                [&[name, &pdb.key, name], &[two, name, &pdb.key, name], &[name], &["symbols", "exe", name]];
            found.extend(places.iter().filter_map(|parts| descend(folder, parts)));
        }
        found
    }
}

/// Where a store keeps a symbol file.
pub fn place(store: &Path, pdb: &PdbId) -> Option<PathBuf> {
    let name = file_name(pdb)?;
    Some(store.join(name).join(&pdb.key).join(name))
}

fn is_server(word: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| word.to_ascii_lowercase().starts_with(scheme))
}

/// The name, where it is a plain one: it comes out of a dump, and becomes part of a path.
fn file_name(pdb: &PdbId) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+ ".contains(c);
    let name = pdb.name.as_str();
    let fits =
        !name.is_empty() && name.len() <= 128 && name.chars().all(plain) && !name.starts_with(['.', ' ']);
    fits.then_some(name)
}

/// Follows parts of a path; where a part has no file of exactly that name, upper and lower case are taken for the same,
/// as Windows does.
fn descend(folder: &Path, parts: &[&str]) -> Option<PathBuf> {
    let mut path = folder.to_path_buf();
    for part in parts {
        let exact = path.join(part);
        if exact.exists() {
            path = exact;
            continue;
        }
        let mut entries = std::fs::read_dir(&path).ok()?.flatten();
        path = entries.find(|entry| entry.file_name().eq_ignore_ascii_case(part))?.path();
    }
    path.is_file().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pdb(name: &str) -> PdbId {
        PdbId { name: name.into(), key: "95435CEC4AB104C5E86BFBEA4416C4A31".into() }
    }

    #[test]
    fn every_form_of_a_part() {
        let path = SymbolPath::parse(
            r"srv*C:\Sym*\\share\sym*https://symbols.example/x; D:\plain ;cache*E:\cache;SRV*http://b.example;symsrv*symsrv.dll*F:\s*https://c.example/;;srv**https://d.example",
        );
        let folders: Vec<&str> = path.folders.iter().map(|folder| folder.to_str().unwrap()).collect();
        assert_eq!(folders, [r"C:\Sym", r"\\share\sym", r"D:\plain", r"E:\cache", r"F:\s"]);
        let servers: Vec<(&str, Option<&str>)> = path
            .servers
            .iter()
            .map(|server| (server.url.as_str(), server.store.as_ref().map(|store| store.to_str().unwrap())))
            .collect();
        assert_eq!(
            servers,
            [
                ("https://symbols.example/x", Some(r"C:\Sym")),
                ("http://b.example", Some(r"E:\cache")),
                ("https://c.example/", Some(r"E:\cache")),
                ("https://d.example", Some(r"E:\cache")),
            ]
        );
        assert_eq!(
            path.servers[2].address(&pdb("nt.pdb")).unwrap(),
            "https://c.example/nt.pdb/95435CEC4AB104C5E86BFBEA4416C4A31/nt.pdb"
        );
    }

    #[test]
    fn stores_of_both_kinds_and_plain_folders() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let path = SymbolPath { folders: vec![root.to_path_buf()], servers: Vec::new() };
        let wanted = pdb("ntkrnlmp.pdb");
        assert!(path.candidates(&wanted).is_empty());
        for place in [
            "NTKRNLMP.PDB/95435cec4ab104c5e86bfbea4416c4a31/ntkrnlmp.pdb",
            "nt/ntkrnlmp.pdb/95435CEC4AB104C5E86BFBEA4416C4A31/ntkrnlmp.pdb",
        ] {
            let file = root.join(place);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            assert!(path.candidates(&wanted).contains(&file), "{place}");
        }
    }

    #[test]
    fn a_name_out_of_a_dump_leads_nowhere_else() {
        let server = SymbolServer { url: "http://x.example".into(), store: None };
        for name in ["..", "a/b", r"a\b", "", ".hidden", "a%2f", "x:y", &"a".repeat(200)] {
            assert_eq!(server.address(&pdb(name)), None, "{name}");
            assert_eq!(place(Path::new("/store"), &pdb(name)), None, "{name}");
        }
    }
}
