//! The version of a driver or module on this machine: by it, a fleet tells which update brought a leak.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use poolmon_image::pe::{Pe, version};
use rustc_hash::FxHashMap;

use crate::scan::places;

/// Larger files are no drivers.
const MAX_BYTES: u64 = 16 << 20;

/// Reads versions when they are first asked for, and keeps them.
#[derive(Debug)]
pub struct Versions {
    place: Place,
    known: Mutex<FxHashMap<Box<str>, Option<Arc<str>>>>,
}

#[derive(Debug)]
enum Place {
    /// Folders with drivers, the running ones first.
    Windows(Vec<PathBuf>),
    /// `/sys/module`, and the kernel's release: what was built with the kernel has its version.
    Linux(PathBuf, Option<Arc<str>>),
}

impl Versions {
    /// Those of this machine.
    pub fn here() -> Self {
        if cfg!(windows) {
            return Self::of_windows(places::of_system(|name| std::env::var(name).ok()));
        }
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        Self::of_linux(PathBuf::from("/sys/module"), release.as_deref().map(str::trim))
    }

    /// Those of drivers in these folders; the first folder that has a file of the name is believed.
    pub fn of_windows(folders: Vec<PathBuf>) -> Self {
        Self { place: Place::Windows(folders), known: Mutex::default() }
    }

    /// Those of modules in a folder such as `/sys/module`, of a kernel of this release.
    pub fn of_linux(modules: PathBuf, release: Option<&str>) -> Self {
        let release = release.filter(|release| !release.is_empty()).map(Arc::from);
        Self { place: Place::Linux(modules, release), known: Mutex::default() }
    }

    /// The version of a driver (`example.sys`) or module (`xfs`); `None` where it is not known, or copies differ in it.
    pub fn of(&self, driver: &str) -> Option<Arc<str>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(version) = known.get(driver) {
            return version.clone();
        }
        // What is no name of one file leads nowhere outside the folders.
        let is_name =
            !driver.is_empty() && !driver.starts_with('.') && !driver.contains(['/', '\\', ':', '\0']);
        let version = is_name.then(|| self.place.read(driver)).flatten();
        known.insert(driver.into(), version.clone());
        version
    }
}

impl Place {
    fn read(&self, driver: &str) -> Option<Arc<str>> {
        match self {
            Self::Windows(folders) => folders.iter().find_map(|folder| in_folder(folder, driver)),
            Self::Linux(modules, release) => {
                let of = |file: &str| {
                    let text = std::fs::read_to_string(modules.join(driver).join(file)).ok()?;
                    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
                };
                let is_foreign = of("taint").is_some_and(|taint| taint.contains('O'));
                if !is_foreign {
                    // Its own version, if it has one, has stood still for years.
                    return release.clone();
                }
                of("version").or_else(|| of("srcversion")).map(Arc::from)
            }
        }
    }
}

/// The version of a driver directly in a folder; else of its copies one level below, as the driver store keeps them, if they agree.
fn in_folder(folder: &Path, driver: &str) -> Option<Arc<str>> {
    if let Some(version) = of_file(&folder.join(driver)) {
        return Some(version);
    }
    let below = folder.read_dir().ok()?.flatten().map(|entry| entry.path().join(driver));
    let mut versions = below.filter_map(|path| of_file(&path));
    let version = versions.next()?;
    versions.all(|other| other == version).then_some(version)
}

fn of_file(path: &Path) -> Option<Arc<str>> {
    let about = std::fs::metadata(path).ok()?;
    if !about.is_file() || about.len() > MAX_BYTES {
        return None;
    }
    let bytes = poolmon_image::bounded::read(path, MAX_BYTES).ok()?;
    let pe = Pe::parse(&bytes).ok()?;
    version::fixed(&pe, &pe).map(Arc::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The smallest executable with a version.
    fn driver(version: [u16; 4]) -> Vec<u8> {
        let mut bytes = vec![0; 0x400];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, b"MZ");
        put(0x3c, &0x80_u32.to_le_bytes());
        put(0x80, b"PE\0\0");
        put(0x84, &0x8664_u16.to_le_bytes());
        put(0x86, &1_u16.to_le_bytes());
        put(0x94, &0xf0_u16.to_le_bytes());
        put(0x98, &0x20b_u16.to_le_bytes());
        put(0x98 + 0x20, &0x1000_u32.to_le_bytes());
        put(0x98 + 0x24, &0x200_u32.to_le_bytes());
        put(0x98 + 0x38, &0x2000_u32.to_le_bytes());
        put(0x98 + 0x3c, &0x200_u32.to_le_bytes());
        put(0x98 + 0x6c, &16_u32.to_le_bytes());
        put(0x188, b".rsrc\0\0\0");
        for (at, value) in [(0x190, 0x200_u32), (0x194, 0x1000), (0x198, 0x200), (0x19c, 0x200)] {
            put(at, &value.to_le_bytes());
        }
        put(0x240, &0xfeef_04bd_u32.to_le_bytes());
        for (at, part) in [(0x248, version[1]), (0x24a, version[0]), (0x24c, version[3]), (0x24e, version[2])]
        {
            put(at, &part.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn drivers_have_the_version_of_their_file() {
        let root = tempfile::tempdir().unwrap();
        let [drivers, store] = ["drivers", "store"].map(|name| root.path().join(name));
        fs::create_dir(&drivers).unwrap();
        for (package, name, version) in [
            ("a", "same.sys", [1, 2, 3, 4]),
            ("b", "same.sys", [1, 2, 3, 4]),
            ("a", "two.sys", [1, 0, 0, 0]),
            ("b", "two.sys", [2, 0, 0, 0]),
        ] {
            fs::create_dir_all(store.join(package)).unwrap();
            fs::write(store.join(package).join(name), driver(version)).unwrap();
        }
        fs::write(drivers.join("example.sys"), driver([10, 0, 19041, 1])).unwrap();
        fs::write(drivers.join("none.sys"), b"MZ").unwrap();
        fs::write(root.path().join("outside.sys"), driver([9, 9, 9, 9])).unwrap();
        let versions = Versions::of_windows(vec![drivers.clone(), store]);
        let of = |name: &str| versions.of(name).map(|version| version.to_string());
        assert_eq!(of("example.sys").as_deref(), Some("10.0.19041.1"));
        assert_eq!(of("same.sys").as_deref(), Some("1.2.3.4"));
        for none in ["two.sys", "none.sys", "absent.sys", "../outside.sys", "a.sys, b.sys", "", "nt!ps"] {
            assert_eq!(of(none), None, "{none}");
        }
        fs::remove_file(drivers.join("example.sys")).unwrap();
        assert_eq!(of("example.sys").as_deref(), Some("10.0.19041.1"), "the one that was loaded");
    }

    #[test]
    fn modules_of_the_kernel_have_its_release() {
        let root = tempfile::tempdir().unwrap();
        for (module, file, text) in [
            ("vxlan", "version", "0.1\n"),
            ("vxlan", "taint", "\n"),
            ("vendor", "version", "5.2.0\n"),
            ("vendor", "taint", "OE\n"),
            ("nameless", "taint", "O\n"),
            ("nameless", "srcversion", "7C08D2E6D5B7\n"),
        ] {
            fs::create_dir_all(root.path().join(module)).unwrap();
            fs::write(root.path().join(module).join(file), text).unwrap();
        }
        let versions = Versions::of_linux(root.path().to_path_buf(), Some("6.1.0-18-amd64"));
        let of = |name: &str| versions.of(name).map(|version| version.to_string());
        assert_eq!(of("vxlan").as_deref(), Some("6.1.0-18-amd64"));
        assert_eq!(of("ext4").as_deref(), Some("6.1.0-18-amd64"), "built in");
        assert_eq!(of("vendor").as_deref(), Some("5.2.0"));
        assert_eq!(of("nameless").as_deref(), Some("7C08D2E6D5B7"));
    }
}
