//! Hostile modules: each is refused or fails with its own error, the process survives, and the next question gets a fresh instance.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::{Duration, Instant};

use sparkwright::engine::{Budget, EngineError, EngineOptions, PolicyEngine, PolicyModule, RestartingSession};
use sparkwright_core::abi::DecisionPoint;

macro_rules! wat {
    ($name:literal) => {
        wat::parse_str(include_str!(concat!("../../tests/wat/", $name, ".wat"))).expect("the WAT is well formed")
    };
}

const ANSWER: &[u8] = br#"{"ok":{"answer":42}}"#;

fn engine() -> PolicyEngine {
    PolicyEngine::new(EngineOptions { setup: Budget::millis(50), ..EngineOptions::default() })
        .expect("this machine runs WebAssembly")
}

fn load(bytes: &[u8]) -> Result<PolicyModule, EngineError> {
    engine().load_module(bytes, None)
}

/// Prepares a module, asks it once and gives the error.
fn ask(bytes: &[u8]) -> EngineError {
    let prepared = load(bytes).expect("it loads").prepare(b"{}").expect("it takes the policy");
    let session = prepared.session().expect("it starts");
    let error = session.eval(DecisionPoint::Control, b"{}", Budget::millis(20)).expect_err("the question fails");
    // The module is as good as before for whoever asks next: a fresh instance starts.
    prepared.session().expect("a fresh session starts");
    error
}

/// The error of a module, what it must look like, and what its message must say.
macro_rules! fails {
    ($error:expr, $pattern:pat, $code:literal, $words:expr) => {{
        let error = $error;
        assert!(matches!(error, $pattern), "{error:?}");
        assert_eq!(error.code(), $code);
        let text = error.to_string();
        assert!(text.contains($words as &str), "{text:?} does not say {:?}", $words);
    }};
}

#[test]
fn the_least_module_is_good() {
    let module = load(&wat!("least")).expect("it loads");
    assert_eq!(module.describe().expect("it describes itself").name, "wat");
    let session = module.prepare(b"{}").expect("it takes the policy").session().expect("it starts");
    let (answer, session) = session.eval(DecisionPoint::Control, b"{}", Budget::default()).expect("it answers");
    assert_eq!(answer, ANSWER);
    let (answer, _) = session.eval(DecisionPoint::Review, b"", Budget::default()).expect("it answers again");
    assert_eq!(answer, ANSWER);
}

#[test]
fn refused_before_anything_is_compiled() {
    use EngineError as E;
    fails!(
        load(&wat!("imports")).unwrap_err(),
        E::HasImports { .. },
        "has_imports",
        "`wasi_snapshot_preview1.fd_write`, `env.random`"
    );
    fails!(
        load(&wat!("wrong_version_metadata")).unwrap_err(),
        E::WrongVersion { found: 7, wanted: 1 },
        "wrong_version",
        "speaks version 7"
    );
    fails!(
        load(&wat!("missing_export")).unwrap_err(),
        E::MissingExport { name: "eval", .. },
        "missing_export",
        "doesn't export `eval`; wanted is (i32, i32, i32, i32) -> i64"
    );
    fails!(
        load(&wat!("wrong_signature")).unwrap_err(),
        E::WrongExport { name: "eval", .. },
        "wrong_export",
        "as (i32, i32, i32) -> i64; wanted is (i32, i32, i32, i32) -> i64"
    );
    fails!(
        load(&wat!("wrong_kind")).unwrap_err(),
        E::WrongExport { name: "alloc", .. },
        "wrong_export",
        "as global; wanted is (i32) -> i32"
    );
    fails!(load(&wat!("memory_64")).unwrap_err(), E::WrongExport { name: "memory", .. }, "wrong_export", "64-bit");
    fails!(
        load(&wat!("memory_at_start")).unwrap_err(),
        E::MemoryTooLarge { minimum: 4_294_967_296, .. },
        "memory_too_large",
        "starts with 4294967296 bytes"
    );
    fails!(load(b"").unwrap_err(), E::NotAModule { .. }, "not_a_module", "an empty file");
    fails!(load(b"(module)").unwrap_err(), E::NotAModule { .. }, "not_a_module", "text form");
    fails!(load(b"PK\x03\x04").unwrap_err(), E::NotAModule { .. }, "not_a_module", "some other file");
    fails!(load(b"\0asm\x0d\0\x01\0").unwrap_err(), E::NotAModule { .. }, "not_a_module", "component");
    fails!(load(b"\0asm\x01\0\0\0\x01\xff").unwrap_err(), E::Invalid { .. }, "invalid_module", "at byte");
    fails!(load(&vec![0; 5_000_000]).unwrap_err(), E::ModuleTooLarge { .. }, "module_too_large", "5000000 bytes");
}

/// The least module with more functions.
fn least_and(functions: &str) -> Vec<u8> {
    let least = include_str!("../../tests/wat/least.wat");
    let (start, _) = least.trim_end().rsplit_once(')').unwrap();
    wat::parse_str(format!("{start} {functions})")).expect("the WAT is well formed")
}

/// A function whose compiler has much to do: each variable is another one after each of many blocks.
fn costly_function(blocks: usize) -> String {
    const VARIABLES: usize = 500;
    let block = |n: usize| {
        let (from, to) = (n * 7 % VARIABLES, (n * 3 + 1) % VARIABLES);
        format!("(block (br_if 0 (local.get {from})) (local.set {to} (i32.add (local.get {from}) (local.get {to}))))")
    };
    let loops = (0..blocks).map(|n| format!("(loop {} (br_if 0 (local.get {})))", block(n), n % VARIABLES));
    let variables = "i32 ".repeat(VARIABLES);
    format!("(func (local {variables}) {})", loops.collect::<String>())
}

#[test]
fn compiling_ends_whatever_the_module_is() {
    let compiler = Some(env!("CARGO_BIN_EXE_sparkwright").into());
    let engine = PolicyEngine::new(EngineOptions { compiler, ..EngineOptions::default() }).unwrap();
    let module = engine.load_module(&least_and(&costly_function(10)), None).expect("it is compiled apart");
    assert_eq!(module.describe().expect("it runs").name, "wat");
    assert_eq!(engine.load_module(&wat!("simd"), None).unwrap_err().code(), "invalid_module");

    let costly = costly_function(2_000);
    let floods =
        [least_and(&costly.repeat(40)), least_and(&costly_function(60_000)), least_and(&"(func)".repeat(900_000))];
    for flood in floods {
        assert!(flood.len() < sparkwright::engine::MAX_MODULE_BYTES, "{} bytes", flood.len());
        let (engine, (told, end)) = (engine.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || told.send(engine.load_module(&flood, None).map(drop)));
        // 10 s of processor time, which a busy machine gives in more.
        let ended = end.recv_timeout(Duration::from_secs(60)).expect("it ends");
        fails!(ended.unwrap_err(), EngineError::NotCompiled { .. }, "not_compiled", "in the largest");
    }
}

#[test]
fn a_module_shows_no_more_names_than_anyone_reads() {
    let exports: String = (0..2_000).map(|n| format!("(export \"e{n}\" (func $answer))")).collect();
    fails!(load(&least_and(&exports)).unwrap_err(), EngineError::Invalid { .. }, "invalid_module", "2007 exports");
}

#[test]
fn a_pin_holds() {
    let bytes = wat!("least");
    let engine = engine();
    let sha256 = sparkwright::engine::sha256_hex(&bytes);
    for pin in [sha256.clone(), sha256.to_uppercase(), format!("sha256:{sha256}")] {
        assert_eq!(engine.load_module(&bytes, Some(&pin)).expect("the pin fits").sha256(), sha256);
    }
    let other = "0".repeat(64);
    fails!(engine.load_module(&bytes, Some(&other)).unwrap_err(), EngineError::WrongHash { .. }, "wrong_hash", &sha256);
    fails!(engine.load_module(&bytes, Some("abc")).unwrap_err(), EngineError::BadPin { .. }, "bad_pin", "`abc`");
    // A pin is looked at before what the module wants.
    fails!(
        engine.load_module(&wat!("imports"), Some(&other)).unwrap_err(),
        EngineError::WrongHash { .. },
        "wrong_hash",
        "pinned"
    );
}

#[test]
fn parts_of_webassembly_that_are_off_are_refused() {
    for bytes in [wat!("simd"), wat!("table_bomb")] {
        let error = load(&bytes).unwrap_err();
        assert_eq!(error.code(), "invalid_module", "{error}");
    }
}

#[test]
fn refused_when_asked_for_its_version() {
    use EngineError as E;
    fails!(
        load(&wat!("wrong_version")).unwrap_err(),
        E::WrongVersion { found: 2, wanted: 1 },
        "wrong_version",
        "version 2"
    );
    fails!(
        load(&wat!("loop_in_start")).unwrap_err(),
        E::TimedOut { call: "start", limit_ms: 50 },
        "timed_out",
        "`start` after 50 ms"
    );
    fails!(
        load(&wat!("loop_in_abi_version")).unwrap_err(),
        E::TimedOut { call: "abi_version", .. },
        "timed_out",
        "`abi_version`"
    );
    fails!(load(&wat!("trap_in_start")).unwrap_err(), E::Trapped { call: "start", .. }, "trapped", "unreachable");
}

#[test]
fn fails_with_the_policy() {
    use EngineError as E;
    let prepare = |bytes: &[u8]| load(bytes).expect("it loads").prepare(b"{}").unwrap_err();
    fails!(prepare(&wat!("trap_in_alloc")), E::Trapped { call: "alloc", .. }, "trapped", "`alloc`");
    fails!(prepare(&wat!("trap_in_load")), E::Trapped { call: "load", .. }, "trapped", "out of bounds memory access");
    fails!(prepare(&wat!("trap_in_free")), E::Trapped { call: "free", .. }, "trapped", "`free`");
    fails!(prepare(&wat!("no_memory")), E::NoMemory { .. }, "no_memory", "no memory for an input");
    fails!(
        prepare(&wat!("alloc_out_of_bounds")),
        E::OutOfBounds { call: "alloc", pointer: 0x7fff_ffff, .. },
        "out_of_bounds",
        "`alloc`"
    );
    fails!(prepare(&wat!("handle_zero")), E::Rubbish { call: "load", .. }, "rubbish", "handle of 0");
    fails!(prepare(&wat!("refuses_policy")), E::PolicyRefused(_), "policy_refused", "`a.b`: never (bad_policy)");
}

#[test]
fn fails_with_the_question() {
    use EngineError as E;
    fails!(ask(&wat!("loop_in_eval")), E::TimedOut { call: "eval", limit_ms: 20 }, "timed_out", "after 20 ms");
    fails!(ask(&wat!("memory_bomb")), E::Trapped { call: "eval", .. }, "trapped", "unreachable");
    fails!(ask(&wat!("deep_recursion")), E::Trapped { call: "eval", .. }, "trapped", "call stack exhausted");
    fails!(ask(&wat!("trap_in_eval")), E::Trapped { call: "eval", .. }, "trapped", "divide by zero");
    fails!(
        ask(&wat!("answer_out_of_bounds")),
        E::OutOfBounds { pointer: 0xffff_fff0, length: 0x20, .. },
        "out_of_bounds",
        "outside its 65536 bytes"
    );
    fails!(
        ask(&wat!("answer_past_the_end")),
        E::OutOfBounds { pointer: 65_535, length: 2, .. },
        "out_of_bounds",
        "2 bytes at 65535"
    );
    fails!(
        ask(&wat!("answer_too_long")),
        E::AnswerTooLarge { length: 100_000_000, .. },
        "answer_too_large",
        "at most 4194304"
    );
    fails!(ask(&wat!("rubbish")), E::Rubbish { call: "eval", .. }, "rubbish", "expected value");
    fails!(ask(&wat!("rubbish_envelope")), E::Rubbish { call: "eval", .. }, "rubbish", "executors");
    fails!(ask(&wat!("rubbish_empty")), E::Rubbish { call: "eval", .. }, "rubbish", "EOF");
}

#[test]
fn an_over_long_question_never_reaches_the_module() {
    let session = load(&wat!("trap_in_eval")).unwrap().prepare(b"{}").unwrap().session().unwrap();
    let question = vec![b' '; 4 * 1024 * 1024 + 1];
    fails!(
        session.eval(DecisionPoint::Control, &question, Budget::default()).unwrap_err(),
        EngineError::InputTooLarge { .. },
        "input_too_large",
        "4194305 bytes"
    );
}

#[test]
fn an_answer_of_another_type_is_rubbish() {
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code, reason = "read by serde only")]
    struct Wanted {
        executors: u32,
    }
    let session = load(&wat!("least")).unwrap().prepare(b"{}").unwrap().session().unwrap();
    let asked = session.ask::<Wanted>(DecisionPoint::Control, &(), Budget::default());
    fails!(asked.unwrap_err(), EngineError::Rubbish { .. }, "rubbish", "missing field `executors`");
}

#[test]
fn an_endless_loop_ends_soon_after_its_deadline_every_time() {
    let prepared = load(&wat!("loop_in_eval")).unwrap().prepare(b"{}").unwrap();
    let mut session = RestartingSession::new(prepared).unwrap();
    for nth in 1..=5 {
        let begun = Instant::now();
        session.eval(DecisionPoint::Control, b"{}", Budget::millis(20)).expect_err("it loops");
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(15), "stopped after {took:?}");
        // Generous: the machine may be busy.
        assert!(took < Duration::from_millis(500), "stopped after {took:?}");
        assert_eq!((session.failures(), session.failures_in_a_row()), (nth, u32::try_from(nth).unwrap()));
    }
}

#[test]
fn the_clock_wakes_up_for_a_call_after_a_long_rest() {
    let options =
        EngineOptions { tick: Duration::from_millis(1), setup: Budget::millis(50), ..EngineOptions::default() };
    let engine = PolicyEngine::new(options).unwrap();
    let prepared = engine.load_module(&wat!("loop_in_eval"), None).unwrap().prepare(b"{}").unwrap();
    let session = prepared.session().unwrap();
    // 200 ticks without a call, and the clock sleeps.
    std::thread::sleep(Duration::from_millis(500));
    session.eval(DecisionPoint::Control, b"{}", Budget::millis(10)).expect_err("it loops");
}

#[test]
fn a_fresh_instance_answers_after_a_failure() {
    let mut session =
        RestartingSession::new(load(&wat!("trap_every_second")).unwrap().prepare(b"{}").unwrap()).unwrap();
    for round in 1..=3 {
        assert_eq!(session.eval(DecisionPoint::Control, b"{}", Budget::default()).expect("it answers"), ANSWER);
        assert_eq!(session.failures_in_a_row(), 0);
        let error = session.eval(DecisionPoint::Control, b"{}", Budget::default()).expect_err("it traps");
        assert_eq!(error.code(), "trapped");
        assert_eq!((session.failures(), session.failures_in_a_row()), (round, 1));
    }
}

#[test]
fn fuel_ends_a_loop_at_the_same_point_every_time() {
    let engine = PolicyEngine::new(EngineOptions { metered: true, ..EngineOptions::default() }).unwrap();
    let budget = Budget { fuel: 100_000, ..Budget::millis(10_000) };
    let prepared = engine.load_module(&wat!("loop_in_eval"), None).unwrap().prepare(b"{}").unwrap();
    let error = prepared.session().unwrap().eval(DecisionPoint::Control, b"{}", budget).unwrap_err();
    fails!(error, EngineError::OutOfFuel { call: "eval", fuel: 100_000 }, "out_of_fuel", "100000 units");

    let least = engine.load_module(&wat!("least"), None).unwrap().prepare(b"{}").unwrap();
    let used: Vec<_> = (0..3)
        .map(|_| {
            let (_, session) = least.session().unwrap().eval(DecisionPoint::Control, b"{}", budget).unwrap();
            session.fuel_used().expect("it is counted")
        })
        .collect();
    assert!(used[0] > 0 && used.iter().all(|fuel| *fuel == used[0]), "{used:?}");
}

#[test]
fn more_instances_than_there_is_room_for_is_an_error_and_not_the_end() {
    let prepared = load(&wat!("least")).unwrap().prepare(b"{}").unwrap();
    let (mut sessions, mut refused) = (Vec::new(), None);
    for _ in 0..200 {
        match prepared.session() {
            Ok(session) => sessions.push(session),
            Err(error) => refused = Some(error),
        }
    }
    assert_eq!(refused.expect("there is a limit").code(), "not_started");
    drop(sessions);
    prepared.session().expect("there is room again");
}

#[test]
fn sessions_run_on_many_threads_at_once() {
    let prepared = load(&wat!("least")).unwrap().prepare(b"{}").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut session = RestartingSession::new(prepared.clone()).unwrap();
                for _ in 0..200 {
                    assert_eq!(session.eval(DecisionPoint::Control, b"{}", Budget::millis(5_000)).unwrap(), ANSWER);
                }
            });
        }
    });
}

#[test]
fn a_refused_module_is_still_shown() {
    let engine = engine();
    let seen = engine.inspect(&wat!("imports"), None);
    assert_eq!(seen.imports.len(), 2);
    assert_eq!(seen.exports.len(), 7);
    assert_eq!(seen.refusal.expect("it is refused").code, "has_imports");

    let seen = engine.inspect(&wat!("least"), None);
    assert_eq!((seen.refusal, seen.abi_version, seen.has_start), (None, Some(1), false));
    assert_eq!(seen.memory.map(|memory| memory.maximum_bytes), Some(Some(16 * 1024 * 1024)));
    assert_eq!(seen.metadata.map(|metadata| metadata.abi), Some(1));
    assert_eq!(seen.description.map(|description| description.decision_points), Some(vec!["control".to_owned()]));
    let eval = seen.exports.iter().find(|export| export.name == "eval").expect("it is exported");
    assert_eq!(eval.kind, "(i32, i32, i32, i32) -> i64");

    let seen = engine.inspect(&wat!("loop_in_abi_version"), None);
    assert_eq!(seen.refusal.expect("it is refused").code, "timed_out");
}
