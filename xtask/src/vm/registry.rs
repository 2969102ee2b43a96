//! Kernels of Debian's registry, through apt with lists of its own, so that nothing of this system changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::text;

/// Releases of Debian whose kernels are looked for. Those that the registry does not serve any more are left out.
const SUITES: [&str; 10] = [
    "bullseye",
    "bookworm",
    "bookworm-backports",
    "trixie",
    "trixie-backports",
    "forky",
    "forky-backports",
    "testing",
    "sid",
    "experimental",
];

/// Lists older than this are fetched again.
const STALE: Duration = Duration::from_hours(24);

/// Beside the headers: what a kernel's build needs and a Debian system always has.
const BUILD: [&str; 8] = ["binutils", "make", "dash", "coreutils", "grep", "sed", "mawk", "findutils"];

/// apt over Debian's kernels.
pub struct Registry {
    folder: PathBuf,
}

/// What one kernel is made of, unpacked.
pub struct Packages {
    /// Its release, as `uname -r` prints it.
    pub release: String,
    /// The kernel and its modules.
    pub kernel: PathBuf,
    /// A small Debian with the kernel's headers and compiler.
    pub build: PathBuf,
    /// For what is made of them.
    pub work: PathBuf,
}

impl Registry {
    /// Reads the registry's lists, if those at hand are older than a day.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let registry = Self { folder: folder.to_path_buf() };
        for part in ["apt/lists/partial", "apt/cache/archives/partial", "apt/state"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).map_err(|error| format!("{}: {error}", part.display()))?;
        }
        let stamp = folder.join("apt/fetched");
        let age = fs::metadata(&stamp).and_then(|about| about.modified()).ok();
        if age.is_none_or(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > STALE)) {
            registry.fetch_lists(&stamp)?;
        }
        Ok(registry)
    }

    fn fetch_lists(&self, stamp: &Path) -> Result<(), String> {
        let debian = debian()?;
        let sources: String = SUITES.map(|suite| format!("{debian} {suite} main\n")).concat();
        let write = |name: &str, content: &str| {
            let path = self.folder.join(name);
            fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))
        };
        write("apt/state/status", "")?;
        write("apt/sources.list", &sources)?;
        // A suite that the registry does not serve is an error to apt; the others are there nevertheless.
        let _ = self.apt("apt-get", &["update", "-qq"])?.output();
        if self.releases()?.is_empty() {
            return Err(
                "apt found no kernel of Debian\n  run apt-get update, and look at what it says".into()
            );
        }
        fs::write(stamp, "").map_err(|error| format!("{}: {error}", stamp.display()))
    }

    /// A command of apt over these lists.
    fn apt(&self, program: &str, args: &[&str]) -> Result<Command, String> {
        let apt = self.folder.join("apt");
        let apt = text(&apt)?;
        let mut command = Command::new(program);
        for (name, value) in [
            ("Dir::Etc::sourcelist", format!("{apt}/sources.list")),
            ("Dir::Etc::sourceparts", "-".to_owned()),
            ("Dir::State", format!("{apt}/state")),
            ("Dir::State::status", format!("{apt}/state/status")),
            ("Dir::State::lists", format!("{apt}/lists")),
            ("Dir::Cache", format!("{apt}/cache")),
            ("APT::Sandbox::User", String::new()),
            ("Acquire::IndexTargets::deb::DEP-11::DefaultEnabled", "false".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
            ("Debug::NoLocking", "true".to_owned()),
        ] {
            command.args(["-o", &format!("{name}={value}")]);
        }
        command.args(args);
        Ok(command)
    }

    /// All releases of cloud kernels, which are small, oldest first.
    pub fn releases(&self) -> Result<Vec<String>, String> {
        let pattern = "^linux-image-[0-9].*-cloud-amd64$";
        let names = output(&mut self.apt("apt-cache", &["search", "--names-only", pattern])?)?;
        let mut releases: Vec<String> = names
            .lines()
            .filter_map(|line| line.split(' ').next()?.strip_prefix("linux-image-"))
            // `7.3-cloud-amd64` only points to the release proper.
            .filter(|release| numbers(release).len() > 2)
            .map(str::to_owned)
            .collect();
        releases.sort_by_cached_key(|release| numbers(release));
        releases.dedup();
        Ok(releases)
    }

    /// The newest release that a person means by `6.1`, `6.1.0-50-cloud-amd64` or `newest`.
    pub fn release(&self, wish: &str) -> Result<String, String> {
        let releases = self.releases()?;
        let means = |release: &&String| {
            wish == "newest"
                || *release == wish
                || release.strip_prefix(wish).is_some_and(|rest| rest.starts_with(['.', '-', '+']))
        };
        releases.iter().rfind(means).cloned().ok_or_else(|| {
            format!(
                "the registry serves no kernel {wish}\n  cargo xtask vm --list prints those that it serves"
            )
        })
    }

    /// A kernel's packages, unpacked; from the last time if they are at hand.
    pub fn packages(&self, release: &str) -> Result<Packages, String> {
        let work = self.folder.join(release);
        let packages = Packages {
            release: release.to_owned(),
            kernel: work.join("kernel"),
            build: work.join("build"),
            work: work.clone(),
        };
        let done = work.join("unpacked");
        if done.exists() {
            return Ok(packages);
        }
        let failed = |error: std::io::Error| format!("{}: {error}", work.display());
        if work.exists() {
            fs::remove_dir_all(&work).map_err(failed)?;
        }
        for folder in [&packages.kernel, &packages.build] {
            // Packages put files into /bin and into /usr/bin; on a system of today these are one folder.
            for (link, folder) in
                ["bin", "sbin", "lib", "lib64"].map(|name| (folder.join(name), folder.join("usr").join(name)))
            {
                fs::create_dir_all(&folder).map_err(failed)?;
                let target = Path::new("usr").join(folder.file_name().unwrap_or_default());
                std::os::unix::fs::symlink(target, link).map_err(failed)?;
            }
        }
        let image = format!("linux-image-{release}");
        let depends = output(&mut self.apt("apt-cache", &["depends", &image])?)?;
        let mut parts: Vec<&str> = depends
            .split_whitespace()
            .filter(|word| word.starts_with("linux-") && word.ends_with(&format!("-{release}")))
            .collect();
        parts.push(&image);
        parts.sort_unstable();
        parts.dedup();
        self.unpack(&parts, false, &packages.kernel)?;
        let headers = format!("linux-headers-{release}");
        self.unpack(&[&[headers.as_str()], &BUILD[..]].concat(), true, &packages.build)?;
        fs::write(&done, "").map_err(failed)?;
        Ok(packages)
    }

    /// Fetches packages, with what they depend on if asked, into a folder.
    fn unpack(&self, names: &[&str], with_depends: bool, folder: &Path) -> Result<(), String> {
        let archives = folder.join("archives");
        fs::create_dir_all(&archives).map_err(|error| format!("{}: {error}", archives.display()))?;
        println!("fetching {}", names.join(" "));
        if with_depends {
            let place = format!("Dir::Cache::archives={}", text(&archives)?);
            fs::create_dir_all(archives.join("partial")).map_err(|error| error.to_string())?;
            let mut args =
                vec!["-o", &place, "install", "-y", "-qq", "--download-only", "--no-install-recommends"];
            args.extend(names);
            output(&mut self.apt("apt-get", &args)?)?;
        } else {
            let mut args = vec!["download", "-qq"];
            args.extend(names);
            output(self.apt("apt-get", &args)?.current_dir(&archives))?;
        }
        let list = fs::read_dir(&archives).map_err(|error| format!("{}: {error}", archives.display()))?;
        for file in list.flatten().map(|entry| entry.path()) {
            if file.extension().is_some_and(|extension| extension == "deb") {
                // Not dpkg -x, which replaces our links by folders.
                let tar = r#"dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" --keep-directory-symlink --no-same-owner"#;
                output(Command::new("sh").args(["-c", tar]).arg(&file).arg(folder))?;
            }
        }
        fs::remove_dir_all(&archives).map_err(|error| format!("{}: {error}", archives.display()))
    }
}

/// Where this system gets Debian's packages from, as the beginning of a line of a sources.list.
fn debian() -> Result<String, String> {
    const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"]);
    let targets = output(&mut apt)?;
    let sites = targets.lines().filter_map(|line| line.strip_prefix("Debian "));
    let main = sites.filter(|site| !site.contains("security")).find(|site| site.contains("://"));
    let site = main.ok_or("apt knows no source of Debian's packages here\n  run apt-get update first")?;
    let signed = if Path::new(KEYS).exists() { format!("[signed-by={KEYS}] ") } else { String::new() };
    Ok(format!("deb {signed}{site}"))
}

/// The numbers of a release, to order by.
fn numbers(release: &str) -> Vec<u32> {
    release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok()).collect()
}

/// What a command prints, if it succeeds.
pub fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot run {name}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name} failed: {}\n{}", output.status, said.trim_end()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn releases_are_ordered_by_their_numbers() {
        assert_eq!(numbers("6.1.0-50-cloud-amd64"), [6, 1, 0, 50]);
        assert_eq!(numbers("7.3.4+deb13-cloud-amd64"), [7, 3, 4]);
        assert!(numbers("6.12.107+deb13-cloud-amd64") > numbers("6.12.43+deb12-cloud-amd64"));
        assert_eq!(numbers("7.3-cloud-amd64"), [7, 3]);
    }
}
