//! What a guest boots from: an initramfs with the program, the tests and a compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::registry::{Packages, output};
use crate::root;

/// The line of the console after which the tests begin.
pub const BEGIN: &str = "poolmon-vm begins";
/// The line in which they end, before their exit code.
pub const END: &str = "poolmon-vm ends with ";

/// Modules of the guest's disk, if the kernel does not have them built in. The disk is in the guest's own memory: an
/// answer from outside would take no time of the host's clock and a lot of the guest's, which runs ahead meanwhile.
const DISK: [&str; 3] = ["brd", "crc32c_generic", "ext4"];

/// What is tested, built once for all kernels.
pub struct Programs {
    /// The program, as users build it.
    poolmon: PathBuf,
    /// The tests of a real kernel.
    test: PathBuf,
    /// The compiler proper, whose runs are the noise next to which leaks are found.
    compiler: PathBuf,
}

/// What QEMU is handed.
pub struct Guest {
    /// The kernel's image.
    pub kernel: PathBuf,
    /// The first file system.
    pub initrd: PathBuf,
}

impl Programs {
    /// Builds them with cargo; the program only if no other one is named.
    pub fn build(program: Option<&str>) -> Result<Self, String> {
        let cargo = || {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.current_dir(root());
            cargo
        };
        if program.is_none() {
            crate::run(cargo().args(["build", "--quiet", "--locked", "--release", "--package", "poolmon"]))?;
        }
        let mut tests = cargo();
        tests.args(["test", "--locked", "--package", "poolmon", "--test", "kernel", "--no-run"]);
        let messages = output(tests.args(["--message-format", "json"]))?;
        let test = messages.lines().filter(|line| line.contains("\"name\":\"kernel\"")).find_map(|line| {
            let at = line.find("\"executable\":\"")? + "\"executable\":\"".len();
            line.get(at..)?.split('"').next().map(PathBuf::from)
        });
        let compiler = output(Command::new("gcc").arg("-print-prog-name=cc1"))?;
        Ok(Self {
            poolmon: program.map_or_else(|| root().join("target/release/poolmon"), PathBuf::from),
            test: test.ok_or("cargo did not say where the tests are")?,
            compiler: compiler.trim().into(),
        })
    }
}

impl Guest {
    /// Packs it for one kernel; `words` choose tests.
    pub fn build(
        packages: &Packages,
        programs: &Programs,
        module: &Path,
        words: &[&str],
    ) -> Result<Self, String> {
        let tree = packages.work.join("initrd.tree");
        let failed = |error: std::io::Error| format!("{}: {error}", tree.display());
        if tree.exists() {
            fs::remove_dir_all(&tree).map_err(failed)?;
        }
        fs::create_dir_all(tree.join("bin")).map_err(failed)?;
        fs::create_dir_all(tree.join("modules")).map_err(failed)?;
        fs::copy("/bin/busybox", tree.join("bin/busybox")).map_err(failed)?;
        for name in ["sh", "find", "insmod", "rmmod", "cat"] {
            std::os::unix::fs::symlink("busybox", tree.join("bin").join(name)).map_err(failed)?;
        }
        for (name, file) in
            [("poolmon", &programs.poolmon), ("kernel-tests", &programs.test), ("cc1", &programs.compiler)]
        {
            let copy = tree.join("bin").join(name);
            fs::copy(file, &copy).map_err(|error| format!("{}: {error}", file.display()))?;
            output(Command::new("strip").arg(&copy))?;
            copy_libraries(file, &tree)?;
        }
        let mut modules = Modules::new(packages)?;
        for name in DISK {
            modules.add(name, &tree.join("modules"))?;
        }
        fs::copy(module, tree.join("modules").join(format!("{}.ko", super::module::NAME))).map_err(failed)?;
        let init = fs::read_to_string(root().join("tests/vm/init.sh")).map_err(failed)?;
        let init = init
            .replace("@MODULES@", &modules.order.join(" "))
            .replace("@TESTS@", "/bin/kernel-tests")
            .replace("@WORDS@", &words.join(" "))
            .replace("@BEGIN@", BEGIN)
            .replace("@END@", END);
        fs::write(tree.join("init"), init).map_err(failed)?;
        output(Command::new("chmod").arg("755").arg(tree.join("init")))?;
        let initrd = packages.work.join("initrd");
        let pack = r#"cd "$0" && find . | cpio -o -H newc --quiet | gzip -1 >"$1""#;
        output(Command::new("sh").args(["-c", pack]).arg(&tree).arg(&initrd))?;
        fs::remove_dir_all(&tree).map_err(failed)?;
        Ok(Self { kernel: kernel(packages)?, initrd })
    }
}

/// The kernel's image: in /boot, with its modules since 7.3.
fn kernel(packages: &Packages) -> Result<PathBuf, String> {
    let release = &packages.release;
    let places = [
        packages.kernel.join(format!("boot/vmlinuz-{release}")),
        packages.kernel.join(format!("usr/lib/modules/{release}/vmlinuz")),
    ];
    places
        .into_iter()
        .find(|place| place.exists())
        .ok_or_else(|| format!("no image of the kernel {release} in {}", packages.kernel.display()))
}

/// The shared libraries of a program, at the places where it looks for them.
fn copy_libraries(program: &Path, tree: &Path) -> Result<(), String> {
    let list = output(Command::new("ldd").arg(program))?;
    for library in list.split_whitespace().filter(|word| word.starts_with('/')) {
        let copy = tree.join(library.trim_start_matches('/'));
        if let Some(folder) = copy.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        fs::copy(library, &copy).map_err(|error| format!("{library}: {error}"))?;
    }
    Ok(())
}

/// The modules of a kernel, by name.
struct Modules {
    files: Vec<PathBuf>,
    /// What was added, in the order in which it has to be loaded.
    order: Vec<String>,
}

impl Modules {
    fn new(packages: &Packages) -> Result<Self, String> {
        let list = output(Command::new("find").arg(&packages.kernel).args(["-name", "*.ko*", "-type", "f"]))?;
        Ok(Self { files: list.lines().map(PathBuf::from).collect(), order: Vec::new() })
    }

    /// Copies a module, and before it those that it depends on. One that is built in has no file.
    fn add(&mut self, name: &str, folder: &Path) -> Result<(), String> {
        let file = format!("{}.ko", name.replace('-', "_"));
        let is_it = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
            name.strip_prefix(&file).is_some_and(|rest| rest.is_empty() || rest == ".xz")
        };
        let Some(path) = self.files.iter().find(is_it).cloned() else { return Ok(()) };
        if self.order.contains(&file) {
            return Ok(());
        }
        let copy = folder.join(&file);
        if path.extension().is_some_and(|extension| extension == "xz") {
            let unpack = r#"xz -dc "$0" >"$1""#;
            output(Command::new("sh").args(["-c", unpack]).arg(&path).arg(&copy))?;
        } else {
            fs::copy(&path, &copy).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let bytes = fs::read(&copy).map_err(|error| format!("{}: {error}", copy.display()))?;
        for other in depends(&bytes) {
            self.add(&other, folder)?;
        }
        self.order.push(file);
        Ok(())
    }
}

/// What a module says that it depends on, in its section `.modinfo`.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|bytes| bytes == KEY) else { return Vec::new() };
    let list = module.get(at + KEY.len()..).unwrap_or_default().split(|&byte| byte == 0).next();
    let list = String::from_utf8_lossy(list.unwrap_or_default()).into_owned();
    list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_module_depends_on() {
        let depends = |text: &[u8]| super::depends(text);
        assert_eq!(depends(b"\0license=GPL\0depends=jbd2,mbcache\0name=ext4\0"), ["jbd2", "mbcache"]);
        assert!(depends(b"\0depends=\0name=x\0").is_empty() && depends(b"").is_empty());
    }
}
