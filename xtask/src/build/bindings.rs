//! What JavaScript gets of a crate: the module, and the script by which it is called, made by wasm-bindgen.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use sparkwright_tests::paths;
use wasm_bindgen_cli_support::Bindgen;

use super::note::Note;
use super::wasm::{Crate, optimize};
use crate::console::Step;
use crate::node::{Node, shell};

/// What the optimizer is told: by size, as everybody fetches it. Control flow that was flattened and made anew leaves more for the second and third time:
/// 6 KB of 535 by brotli. A function with one caller stays one where it is not small: in its caller it is smaller, and compresses worse (5 KB).
const EFFORT: [&str; 8] = ["-Oz", "--flatten", "--rereloop", "-Oz", "-Oz", "--strip-target-features", "-ocimfs", "50"];

/// Compiles a crate for JavaScript, `<name>.js` and `<name>_bg.wasm`, with the types of the script where `types` are wanted: the folder that
/// they are in.
pub(super) fn bindings(node: &Node, made_of: &Crate, name: &str, types: bool) -> Result<PathBuf> {
    let compiled = made_of.compile()?;
    // The one of npm: Debian's of today (108) takes one table for another, and wasm-bindgen's modules have two.
    node.packages(&shell())?;
    let optimizer = shell().join("node_modules/binaryen/bin/wasm-opt");
    let folder = compiled.with_extension("bindings");
    let bytes = fs::read(&compiled).with_context(|| format!("cannot read `{}`", compiled.display()))?;
    let note = Note::in_file(folder.join("made-from"))
        .and(EFFORT.concat().as_bytes())
        .and(&bytes)
        .and_files(&shell(), [&shell().join("package-lock.json")])?;
    if note.holds() {
        return Ok(folder);
    }
    let title = made_of.title;
    let step = Step::begin(format!("making the bindings of {title} with wasm-bindgen"));
    bind(&compiled, name, types, &folder)
        .map_err(|error| anyhow!("wasm-bindgen cannot make the bindings of {title}: {error:#}"))?;
    step.end();
    let module = folder.join(format!("{name}_bg.wasm"));
    let mut program = node.command();
    program.arg(optimizer).current_dir(paths::workspace());
    let smaller = optimize(program, &EFFORT, title, &module)?;
    fs::rename(&smaller, &module).with_context(|| format!("cannot replace `{}`", module.display()))?;
    note.keep()?;
    Ok(folder)
}

fn bind(module: &Path, name: &str, types: bool, folder: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(module)
        .web(true)?
        .out_name(name)
        .typescript(types)
        .demangle(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)
}
