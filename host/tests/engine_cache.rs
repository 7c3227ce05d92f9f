//! The cache of compiled modules: used when it is this user's own and whole, and never otherwise.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sparkwright::engine::{Budget, Compiled, EngineOptions, PolicyEngine};
use sparkwright_core::abi::DecisionPoint;

fn least() -> Vec<u8> {
    wat::parse_str(include_str!("../../tests/wat/least.wat")).expect("the WAT is well formed")
}

/// Loads the module with that cache, sees that it works, and says where its code came from.
fn load(cache: &Path) -> Compiled {
    let engine =
        PolicyEngine::new(EngineOptions { cache_dir: Some(cache.to_owned()), ..EngineOptions::default() }).unwrap();
    let module = engine.load_module(&least(), None).expect("it loads, whatever the cache is like");
    let session = module.prepare(b"{}").unwrap().session().unwrap();
    session.eval(DecisionPoint::Control, b"{}", Budget::default()).expect("it answers");
    module.compiled().clone()
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().unwrap()
}

fn because(compiled: Compiled) -> String {
    match compiled {
        Compiled::NowBecause(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_second_start_compiles_nothing() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("a/b");
    assert_eq!(load(&folder), Compiled::NowAndKept);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(only_file(&folder)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(load(&folder), Compiled::FromCache);
}

#[test]
fn another_engine_has_another_file() {
    let home = tempfile::tempdir().unwrap();
    load(home.path());
    let metered = PolicyEngine::new(EngineOptions {
        metered: true,
        cache_dir: Some(home.path().to_owned()),
        ..EngineOptions::default()
    })
    .unwrap();
    assert_eq!(*metered.load_module(&least(), None).unwrap().compiled(), Compiled::NowAndKept);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
}

#[test]
fn a_damaged_file_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    load(home.path());
    let file = only_file(home.path());
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (bytes, word) in [
        (flipped, "damaged"),
        (whole[..whole.len() / 2].to_vec(), "damaged"),
        (vec![1, 2, 3], "cut off"),
        (vec![], "cut off"),
    ] {
        fs::write(&file, bytes).unwrap();
        let why = because(load(home.path()));
        assert!(why.contains(word), "{why}");
        assert_eq!(fs::read(&file).unwrap(), whole);
        assert_eq!(load(home.path()), Compiled::FromCache);
    }
}

#[test]
fn code_of_another_kind_is_replaced_although_its_digest_fits() {
    use sha2::Digest as _;
    let home = tempfile::tempdir().unwrap();
    load(home.path());
    let file = only_file(home.path());
    let code = b"\x7fELF and so on";
    fs::write(&file, [sha2::Sha256::digest(code).as_slice(), code].concat()).unwrap();
    assert!(because(load(home.path())).contains("replaced"));
    assert_eq!(load(home.path()), Compiled::FromCache);
}

#[test]
fn what_others_can_write_to_is_not_used() {
    let home = tempfile::tempdir().unwrap();
    load(home.path());
    let file = only_file(home.path());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o620)).unwrap();
    assert!(because(load(home.path())).contains("can be written to by other users"));
    assert_eq!(load(home.path()), Compiled::FromCache, "it was replaced by one of ours");

    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o770)).unwrap();
    assert!(because(load(home.path())).contains("can be written to by other users"));
}

#[test]
fn a_link_is_not_followed() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("real");
    load(&folder);
    let file = only_file(&folder);
    let elsewhere = home.path().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    because(load(&folder));
    assert!(!fs::symlink_metadata(&file).unwrap().is_symlink(), "the link was replaced by a file");

    let link = home.path().join("link");
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    because(load(&link));
}

#[test]
fn a_folder_that_cannot_be_made_is_no_reason_to_fail() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "x").unwrap();
    because(load(&file.join("folder")));
}
