//! Archive, .deb and .rpm: read by the tools of the distributions, and used in a clean Debian.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use poolmon_testkit::{Need, skip, wanted};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An executable as users get it, if one is built: the static one, or that of `cargo build --release`.
fn exe() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let built = ["x86_64-unknown-linux-musl/release/poolmon", "release/poolmon"];
    let found = built.into_iter().map(|exe| target.join(exe)).find(|exe| exe.exists());
    if found.is_none() {
        skip(Need::Long, "no release build of poolmon: cargo build --release, or cargo xtask dist linux");
    }
    found
}

fn dist(exe: &Path, to: &Path, release: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["dist", "linux", "--release", release, "--exe"])
        .args([exe, Path::new("--to"), to])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What a program prints; `None` if it is not installed.
fn said(program: &str, args: &[&str], folder: &Path) -> Option<String> {
    let output = Command::new(program).args(args).current_dir(folder).output().ok()?;
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{program} {args:?}: {text}");
    Some(text)
}

#[test]
fn tools_of_distributions_read_them_and_they_are_the_same_each_time() {
    let Some(exe) = exe() else { return };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for folder in &folders {
        dist(&exe, folder.path(), "1");
    }
    let [one, two] = folders.each_ref().map(|folder| fs::read(folder.path().join("SHA256SUMS")).unwrap());
    assert_eq!(one, two);
    let place = folders[0].path();
    let (deb, rpm) = (format!("poolmon_{VERSION}-1_amd64.deb"), format!("poolmon-{VERSION}-1.x86_64.rpm"));
    let all = [
        ("sha256sum", vec!["--check", "SHA256SUMS"], vec![deb.as_str(), &rpm, "OK"]),
        ("dpkg-deb", vec!["--info", &deb], vec!["Package: poolmon", "Architecture: amd64", "postinst"]),
        (
            "dpkg-deb",
            vec!["--contents", &deb],
            vec![
                "-rwxr-xr-x root/root",
                "./usr/bin/poolmon\n",
                "./usr/share/man/man1/poolmon-record.1.gz\n",
                "./usr/lib/systemd/system/poolmon.service\n",
                "drwx------ root/root",
                "./usr/share/bash-completion/completions/poolmon\n",
            ],
        ),
        ("rpm", vec!["--nosignature", "-Kv", &rpm], vec!["SHA256 digest: OK"]),
        (
            "rpm",
            vec!["-qp", "--info", "--list", "--scripts", "--requires", &rpm],
            vec![
                "Architecture: x86_64",
                "/usr/bin/poolmon\n",
                "/usr/share/licenses/poolmon/LICENSE-MIT\n",
                "/bin/sh",
            ],
        ),
    ];
    for (program, args, expected) in all {
        let Some(text) = said(program, &args, place) else {
            skip(Need::Tools, format!("{program} is not installed"));
            continue;
        };
        for part in expected {
            assert!(text.contains(part), "{program} {args:?}: no {part:?} in {text}");
        }
    }
}

/// The published schema, in its strict form: no key that it does not know.
const VALIDATE: &str = "import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(sys.stdin.read())
sys.exit(str(wrong) if wrong else 0)";

#[test]
fn the_list_of_parts_keeps_the_published_schema() {
    let Some(python) = std::env::var_os("POOLMON_PYTHON") else {
        skip(Need::Python, "POOLMON_PYTHON is not set (./check sets it)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for target in ["x86_64-unknown-linux-musl", "x86_64-pc-windows-gnu"] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_xtask")).args(["dist", "sbom", target]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let list = String::from_utf8(output.stdout).unwrap();
        let answer = |list: &str| {
            let file = folder.path().join("list.json");
            fs::write(&file, list).unwrap();
            let mut command = Command::new(&python);
            command.args(["-c", VALIDATE]).stdin(fs::File::open(file).unwrap()).output().unwrap()
        };
        let valid = answer(&list);
        assert!(valid.status.success(), "{}", String::from_utf8_lossy(&valid.stderr));
        assert!(!answer(&list.replace("\"purl\"", "\"purls\"")).status.success(), "the schema is asked");
    }
}

/// Debian's smallest system, made once; without Rust.
fn debian() -> Option<PathBuf> {
    if !wanted(Need::Network) {
        skip(Need::Network, "a clean Debian is made from its registry");
        return None;
    }
    let root = fs::metadata("/proc/self").is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0);
    if !root || Command::new("mmdebstrap").arg("--version").output().is_err() {
        skip(Need::Root, "a clean Debian needs root and mmdebstrap");
        return None;
    }
    let system = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debian");
    if !system.join("usr/bin/dpkg").exists() {
        let _ = fs::remove_dir_all(&system);
        let made = Command::new("mmdebstrap")
            .args(["--mode=root", "--variant=essential", "--quiet", "bookworm"])
            .arg(&system)
            .output()
            .unwrap();
        if !made.status.success() {
            let _ = fs::remove_dir_all(&system);
            skip(Need::Network, format!("mmdebstrap: {}", String::from_utf8_lossy(&made.stderr)));
            return None;
        }
    }
    Some(system)
}

#[test]
fn installed_run_upgraded_and_removed_in_a_clean_debian() {
    let (Some(exe), Some(system)) = (exe(), debian()) else { return };
    let packages = system.join("packages");
    let _ = fs::remove_dir_all(&packages);
    for release in ["1", "2"] {
        dist(&exe, &packages, release);
    }
    // A script of its own namespace: nothing stays mounted, whatever fails.
    let script = format!(
        "set -eux
mount -t proc proc proc
inside() {{ chroot . /usr/bin/env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin \"$@\"; }}
! inside sh -c 'command -v cargo || command -v rustc'
inside tar -C /tmp -xf /packages/poolmon-{VERSION}-linux-x86_64.tar.gz
inside /tmp/poolmon-{VERSION}-linux-x86_64/poolmon --version
inside dpkg -i /packages/poolmon_{VERSION}-1_amd64.deb
inside poolmon --version
inside poolmon record /var/lib/poolmon --for 1s --interval 100ms
inside poolmon info /var/lib/poolmon
inside dpkg -i /packages/poolmon_{VERSION}-2_amd64.deb
inside dpkg-query -W poolmon | grep -F {VERSION}-2
inside poolmon leaks /var/lib/poolmon
inside dpkg --verify poolmon
inside dpkg -r poolmon
inside poolmon --version && exit 9
inside dpkg -P poolmon || true
ls var/lib/poolmon/*.plog
find usr/share usr/lib/systemd usr/bin -name '*poolmon*' | grep . && exit 8
rm -r var/lib/poolmon tmp/poolmon-*
"
    );
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", &script])
        .current_dir(&system)
        .output()
        .unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{}: {text}", output.status);
    assert!(text.contains("State") && text.contains("poolmon 0."), "{text}");
}
