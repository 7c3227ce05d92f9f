//! Finds what is embedded: `policy.wasm` and the plugin, which `cargo xtask build` makes first.

use std::path::PathBuf;
use std::{env, process};

fn main() {
    println!("cargo:rerun-if-env-changed=SPARKWRIGHT_ASSETS");
    let assets = env::var_os("SPARKWRIGHT_ASSETS").map_or_else(
        || PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../target/sparkwright"),
        PathBuf::from,
    );
    for name in ["policy.wasm", "sparkwright-spark4.jar"] {
        let file = assets.join(name);
        println!("cargo:rerun-if-changed={}", file.display());
        if !file.is_file() {
            eprintln!("{} is not there yet: `cargo xtask build` makes it and then builds this crate", file.display());
            process::exit(1);
        }
    }
    println!("cargo:rustc-env=SPARKWRIGHT_ASSETS={}", assets.display());
}
