//! Packs the page: a browser gets it as it is embedded.

use std::io::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let out = env::var("OUT_DIR").expect("cargo sets it");
    for name in ["index.html", "style.css", "app.js", "charts.js", "icon.svg", "openapi.json"] {
        let from = Path::new("page").join(name);
        println!("cargo::rerun-if-changed={}", from.display());
        let text = fs::read(&from).expect("a part of the page");
        let file = fs::File::create(Path::new(&out).join(format!("{name}.gz"))).expect("a file in OUT_DIR");
        let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::best());
        packer.write_all(&text).and_then(|()| packer.finish().map(drop)).expect("a packed file");
    }
}
