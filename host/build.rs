//! Finds what is embedded: `policy.wasm`, the plugins and the page, which `cargo xtask build` makes first.

use std::path::PathBuf;
use std::{env, process};

fn main() {
    println!("cargo:rerun-if-env-changed=SPARKWRIGHT_ASSETS");
    let assets = env::var_os("SPARKWRIGHT_ASSETS").map_or_else(
        || PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../target/sparkwright"),
        PathBuf::from,
    );
    // A change of any file of the page is one of its folder.
    println!("cargo:rerun-if-changed={}", assets.join("web").display());
    for name in ["policy.wasm", "sparkwright-spark4.jar", "sparkwright-spark35.jar", "web/index.html"] {
        let file = assets.join(name);
        println!("cargo:rerun-if-changed={}", file.display());
        if !file.is_file() {
            eprintln!("{} is not there yet: `cargo xtask build` makes it and then builds this crate", file.display());
            process::exit(1);
        }
    }
    println!("cargo:rustc-env=SPARKWRIGHT_ASSETS={}", assets.display());
}
