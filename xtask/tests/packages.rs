//! The manifests in `packaging/` agree with the workspace.

use std::fs;
use std::path::Path;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn versions_and_names_agree() {
    let version = env!("CARGO_PKG_VERSION");
    let zip = format!("poolmon-{version}-windows-x64.zip");
    for file in ["poolmon.yaml", "poolmon.locale.en-US.yaml", "poolmon.installer.yaml"] {
        let text = read(&format!("winget/{file}"));
        assert!(text.contains(&format!("PackageVersion: {version}\n")), "{file}");
        assert!(text.starts_with("PackageIdentifier: poolmon.poolmon\n"), "{file}");
    }
    assert!(read("winget/poolmon.installer.yaml").contains(&zip));
    let scoop: serde_json::Value = serde_json::from_str(&read("scoop/poolmon.json")).unwrap();
    assert_eq!(scoop["version"], version);
    assert!(scoop["architecture"]["64bit"]["url"].as_str().unwrap().ends_with(&zip));
}

/// Value of a key of a manifest, wherever it is in it.
fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let mut lines = text.lines().map(|line| line.trim_start().trim_start_matches("- "));
    let found = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("{key} is missing"))
}

/// What the published schemas (winget 1.6, Scoop) ask of a portable program in a zip, once the places of a release are filled.
#[test]
fn manifests_keep_the_rules_of_their_schemas() {
    let filled = |file: &str| {
        let text = read(file).replace("RELEASE-URL", "https://example.org/download");
        text.replace("RELEASE-SHA256", &"0123456789abcdef".repeat(4))
    };
    let kinds = [
        ("poolmon", "version"),
        ("poolmon.locale.en-US", "defaultLocale"),
        ("poolmon.installer", "installer"),
    ];
    for (file, kind) in kinds {
        let text = filled(&format!("winget/{file}.yaml"));
        let (vendor, name) = value(&text, "PackageIdentifier").split_once('.').expect("VENDOR.NAME");
        let part = |part: &str| {
            (1..=32).contains(&part.len()) && !part.contains(|c: char| " .\\/:*?\"<>|".contains(c))
        };
        assert!(part(vendor) && part(name), "{file}");
        assert_eq!(
            (value(&text, "ManifestType"), value(&text, "ManifestVersion")),
            (kind, "1.6.0"),
            "{file}"
        );
    }
    let installer = filled("winget/poolmon.installer.yaml");
    assert_eq!(
        (value(&installer, "InstallerType"), value(&installer, "NestedInstallerType")),
        ("zip", "portable")
    );
    assert!(["x86", "x64", "arm", "arm64", "neutral"].contains(&value(&installer, "Architecture")));
    assert!(value(&installer, "InstallerUrl").starts_with("https://"));
    let sum = value(&installer, "InstallerSha256");
    assert!(sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let version = value(&installer, "MinimumOSVersion");
    assert!(version.split('.').count() <= 4 && version.split('.').all(|part| part.parse::<u16>().is_ok()));
    assert!(value(&installer, "PortableCommandAlias").len() <= 40);
    let locale = filled("winget/poolmon.locale.en-US.yaml");
    assert_eq!(value(&locale, "PackageLocale"), value(&filled("winget/poolmon.yaml"), "DefaultLocale"));
    for (key, most) in [("Publisher", 256), ("PackageName", 256), ("License", 512), ("ShortDescription", 256)]
    {
        assert!((2..=most).contains(&value(&locale, key).len()), "{key}");
    }
    let tags: Vec<_> = locale.lines().filter_map(|line| line.strip_prefix("  - ")).collect();
    assert!((1..=16).contains(&tags.len()) && tags.iter().all(|tag| tag.len() <= 40));
    let scoop: serde_json::Value = serde_json::from_str(&filled("scoop/poolmon.json")).unwrap();
    for key in ["version", "homepage", "license", "description", "bin"] {
        assert!(scoop[key].is_string(), "{key}");
    }
    assert!(scoop["homepage"].as_str().unwrap().starts_with("https://"));
    let [url, hash] = ["url", "hash"].map(|key| scoop["architecture"]["64bit"][key].as_str().unwrap());
    assert!(url.starts_with("https://") && hash.len() == 64);
}
