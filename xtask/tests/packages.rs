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
