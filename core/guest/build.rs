//! The linker's settings that make policy.wasm what the contract says, whoever builds it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        for argument in [
            // A small stack halves the cost of a fresh instance; the decisions need a fraction of it.
            "-zstack-size=65536",
            // The contract grants 16 MiB; a module that says so itself is refused nowhere.
            "--max-memory=16777216",
            // `strip` would take the metadata away as well.
            "--keep-section=sparkwright",
        ] {
            println!("cargo:rustc-link-arg-cdylib={argument}");
        }
    }
}
