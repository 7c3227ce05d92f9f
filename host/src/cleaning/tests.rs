#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::*;

const DEAD: &str = "0123456789abcdef";
const OTHER: &str = "fedcba9876543210";
const PREFIX: &str = "sparkwright_temp_";
const HELD: &str = "SPARKWRIGHT_TEST_HELD_LEASE";

struct Warehouse(TempDir);

impl Warehouse {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(LEASES)).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn lease(&self, session: &str) -> PathBuf {
        self.path(LEASES).join(format!("{session}.lease"))
    }

    fn write_lease(&self, session: &str) {
        let text = json!({"session": session, "prefix": PREFIX, "application": "app-1", "pid": 1, "host": "h", "started_ms": 5, "locked": true});
        fs::write(self.lease(session), text.to_string()).unwrap();
    }

    fn table(&self, name: &str) -> PathBuf {
        let table = self.path(name);
        fs::create_dir_all(table.join("_temporary/0")).unwrap();
        fs::write(table.join("part-0.parquet"), [0; 100]).unwrap();
        fs::write(table.join("_temporary/0/part-1"), [0; 11]).unwrap();
        table
    }

    fn clean(&self) -> Report {
        clean(self.0.path(), &Options::default()).unwrap()
    }
}

fn table_name(session: &str) -> String {
    format!("{PREFIX}{session}_features")
}

/// A process of its own that holds a lease, as a driver does: locks of one process don't meet.
struct Driver(Child, #[expect(dead_code, reason = "it holds the lease until this closes")] ChildStdin);

impl Driver {
    fn holding(lease: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cleaning::tests::hold_a_lease", "--ignored", "--nocapture"])
            .env(HELD, lease)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        assert!(output.lines().map_while(Result::ok).any(|line| line.contains("holding")), "the lease was not held");
        Self(child, input)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
#[ignore = "a process that other tests start"]
fn hold_a_lease() {
    let Some(lease) = std::env::var_os(HELD) else { return };
    let file = fs::OpenOptions::new().read(true).write(true).open(lease).unwrap();
    rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    println!("holding");
    let _ = std::io::stdin().read_line(&mut String::new());
    drop(file);
}

#[test]
fn a_dead_sessions_folders_and_lease_go_and_nothing_else() {
    let warehouse = Warehouse::new();
    warehouse.write_lease(DEAD);
    let gone = warehouse.table(&table_name(DEAD));
    // A catalog writes names in small letters, whatever the policy's prefix is.
    let small = warehouse.table(&format!("{}{DEAD}_2_b", PREFIX.to_uppercase()));
    let stays = [
        warehouse.table("orders"),
        warehouse.table(&table_name(OTHER)),
        warehouse.table(&format!("{PREFIX}{DEAD}")),
        warehouse.table(&format!("{PREFIX}{DEAD}_")),
        warehouse.table(&format!("{PREFIX}{DEAD}_a-b")),
        warehouse.table(&format!("x{PREFIX}{DEAD}_a")),
        warehouse.table(&format!("{PREFIX}{DEAD}0_a")),
        warehouse.table(&format!("database.db/{}", table_name(DEAD))),
    ];
    let dry = clean(warehouse.0.path(), &Options { dry_run: true, ..Options::default() }).unwrap();
    assert_eq!((dry.files, dry.bytes, dry.sessions[0].folders.len()), (4, 222, 2));
    assert!(gone.exists() && small.exists() && warehouse.lease(DEAD).exists(), "a dry run removes nothing");
    let report = warehouse.clean();
    assert_eq!((report.files, report.bytes, report.problems.len()), (4, 222, 0), "{report:?}");
    assert!(!gone.exists() && !small.exists() && !warehouse.lease(DEAD).exists());
    assert!(stays.iter().all(|table| table.join("part-0.parquet").exists()));
    assert_eq!(warehouse.clean().sessions, []);
}

#[test]
fn a_live_sessions_are_left_until_its_driver_is_killed() {
    let warehouse = Warehouse::new();
    warehouse.write_lease(DEAD);
    let table = warehouse.table(&table_name(DEAD));
    let driver = Driver::holding(&warehouse.lease(DEAD));
    let report = warehouse.clean();
    assert_eq!(report.sessions[0].state, State::Live);
    assert_eq!((report.sessions[0].application.as_deref(), report.sessions[0].pid), (Some("app-1"), Some(1)));
    assert!(table.exists() && warehouse.lease(DEAD).exists());
    driver.kill();
    assert!(warehouse.clean().sessions[0].removed);
    assert!(!table.exists() && !warehouse.lease(DEAD).exists());
}

/// Locked first and read then: a lease that is held is live whatever stands in it.
#[test]
fn a_held_lease_is_live_whatever_it_says() {
    let warehouse = Warehouse::new();
    fs::write(warehouse.lease(DEAD), "{").unwrap();
    let table = warehouse.table(&table_name(DEAD));
    let driver = Driver::holding(&warehouse.lease(DEAD));
    let report = warehouse.clean();
    assert_eq!((report.sessions[0].state, report.problems.len()), (State::Live, 0));
    driver.kill();
    assert_eq!(warehouse.clean().sessions[0].state, State::Unreadable);
    assert!(table.exists());
}

#[test]
fn links_are_never_followed() {
    let warehouse = Warehouse::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("precious"), "x").unwrap();
    warehouse.write_lease(DEAD);
    symlink(outside.path(), warehouse.path(&table_name(DEAD))).unwrap();
    let table = warehouse.table(&format!("{PREFIX}{DEAD}_b"));
    symlink(outside.path(), table.join("folder")).unwrap();
    symlink(outside.path().join("precious"), table.join("file")).unwrap();
    let report = warehouse.clean();
    assert!(!table.exists(), "links inside a table go with it");
    assert!(
        warehouse.path(&table_name(DEAD)).is_symlink() && warehouse.lease(DEAD).exists(),
        "no session makes such a link"
    );
    assert!(report.problems[0].contains("a symbolic link"), "{report:?}");
    assert!(outside.path().join("precious").exists());
}

#[test]
fn leases_that_are_links_pipes_or_folders_are_left() {
    let warehouse = Warehouse::new();
    let outside = tempfile::tempdir().unwrap();
    let real = Warehouse::new();
    real.write_lease(DEAD);
    symlink(real.lease(DEAD), warehouse.lease(DEAD)).unwrap();
    fs::create_dir(warehouse.lease(OTHER)).unwrap();
    let pipe = warehouse.lease("00000000");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let table = warehouse.table(&table_name(DEAD));
    let report = warehouse.clean();
    assert!(report.sessions.iter().all(|session| session.state == State::Unreadable), "{report:?}");
    assert_eq!((report.sessions.len(), report.problems.len()), (3, 3));
    assert!(table.exists());
    // The folder of leases itself may be a link to somewhere else.
    let linked = tempfile::tempdir().unwrap();
    symlink(real.path(LEASES), linked.path().join(LEASES)).unwrap();
    assert!(matches!(clean(linked.path(), &Options::default()), Err(CleanError::NotAFolder { .. })));
    assert!(clean(&outside.path().join("absent"), &Options::default()).is_err());
}

#[test]
fn hostile_leases_name_nothing_but_themselves() {
    let warehouse = Warehouse::new();
    let victim = warehouse.table("orders");
    let nested = warehouse.table(&table_name(OTHER));
    let texts = [
        json!({"session": OTHER, "prefix": PREFIX}).to_string(),
        json!({"session": DEAD, "prefix": "../"}).to_string(),
        json!({"session": DEAD, "prefix": ""}).to_string(),
        json!({"session": DEAD, "prefix": "a/b"}).to_string(),
        json!({"session": DEAD, "prefix": "x".repeat(129)}).to_string(),
        json!({"session": DEAD}).to_string(),
        "{".repeat(10_000),
        " ".repeat(70_000),
        String::new(),
    ];
    for text in texts {
        fs::write(warehouse.lease(DEAD), &text).unwrap();
        let report = warehouse.clean();
        assert_eq!(report.sessions[0].state, State::Unreadable, "{text:.80}");
        assert_eq!(report.problems.len(), 1);
    }
    assert!(victim.exists() && nested.exists());
    fs::remove_file(warehouse.lease(DEAD)).unwrap();
    for name in ["..lease", "ABCDEF01.lease", "0123.lease", "orders.lease", "é.lease"] {
        fs::write(warehouse.path(LEASES).join(name), "{}").unwrap();
    }
    assert_eq!(warehouse.clean().problems.len(), 5);
    assert!(victim.exists());
}

#[test]
fn what_no_lock_can_tell_goes_by_its_age_and_only_when_told_to() {
    let warehouse = Warehouse::new();
    let text = json!({"session": DEAD, "prefix": PREFIX, "locked": false}).to_string();
    fs::write(warehouse.lease(DEAD), text).unwrap();
    let table = warehouse.table(&table_name(DEAD));
    assert_eq!(warehouse.clean().sessions[0].state, State::Unsure);
    let after = |hours: u64| Options { unlocked_after: Some(Duration::from_secs(hours * 3600)), ..Options::default() };
    let lease = fs::File::options().write(true).open(warehouse.lease(DEAD)).unwrap();
    lease.set_modified(std::time::SystemTime::now() - Duration::from_secs(5 * 3600)).unwrap();
    assert_eq!(clean(warehouse.0.path(), &after(6)).unwrap().sessions[0].state, State::Unsure);
    assert!(table.exists());
    assert_eq!(clean(warehouse.0.path(), &after(4)).unwrap().sessions[0].state, State::Dead);
    assert!(!table.exists());
}

#[test]
fn what_cannot_be_removed_keeps_its_lease() {
    let warehouse = Warehouse::new();
    warehouse.write_lease(DEAD);
    let mut deep = warehouse.path(&table_name(DEAD));
    for _ in 0..70 {
        deep = deep.join("d");
    }
    fs::create_dir_all(&deep).unwrap();
    let report = warehouse.clean();
    assert!(deep.exists() && warehouse.lease(DEAD).exists());
    assert!(report.problems[0].contains("64 deep"), "{report:?}");
}

#[test]
fn leases_that_were_never_finished_go_once_they_are_old() {
    let warehouse = Warehouse::new();
    let path = warehouse.path(LEASES).join(format!("{DEAD}.lease.new"));
    fs::write(&path, "").unwrap();
    assert_eq!(warehouse.clean().sessions, []);
    assert!(path.exists(), "its driver may be about to lock it");
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(7200)).unwrap();
    drop(file);
    warehouse.clean();
    assert!(!path.exists());
}

#[test]
fn two_cleaners_at_once_remove_everything_and_report_no_problem() {
    let warehouse = Warehouse::new();
    for session in 0..20_u64 {
        let session = format!("{session:016x}");
        warehouse.write_lease(&session);
        warehouse.table(&table_name(&session));
    }
    let root = warehouse.0.path();
    std::thread::scope(|scope| {
        let cleaners: Vec<_> = (0..4).map(|_| scope.spawn(|| clean(root, &Options::default()).unwrap())).collect();
        for cleaner in cleaners {
            assert_eq!(cleaner.join().unwrap().problems, Vec::<String>::new());
        }
    });
    assert_eq!(fs::read_dir(root).unwrap().count(), 1);
    assert_eq!(fs::read_dir(root.join(LEASES)).unwrap().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in a lease and whatever folders there are: only folders with the name of a dead session go.
    #[test]
    fn only_what_is_named_by_a_dead_session_goes(text in any::<Vec<u8>>(), prefix in "[a-zA-Z_./]{0,6}", name in "[a-z0-9_.]{1,12}") {
        let warehouse = Warehouse::new();
        let victim = warehouse.table(&format!("keep{name}"));
        fs::write(warehouse.lease(DEAD), text).unwrap();
        fs::write(warehouse.lease(OTHER), json!({"session": OTHER, "prefix": prefix}).to_string()).unwrap();
        warehouse.clean();
        prop_assert!(victim.join("part-0.parquet").exists());
    }

    #[test]
    fn a_name_belongs_to_one_session_only(table in "[A-Za-z0-9_]{1,20}", prefix in "[A-Za-z][A-Za-z0-9_]{0,10}") {
        let name = format!("{prefix}{DEAD}_{table}");
        prop_assert!(folders::belongs(name.as_bytes(), &prefix, DEAD));
        prop_assert!(folders::belongs(name.to_ascii_lowercase().as_bytes(), &prefix, DEAD));
        prop_assert!(!folders::belongs(name.as_bytes(), &prefix, OTHER));
        let longer = prefix + "x";
        prop_assert!(!folders::belongs(name.as_bytes(), &longer, DEAD));
    }
}
