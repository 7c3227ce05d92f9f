//! Tests of the store on folders.

#![allow(clippy::unwrap_used)]
use super::*;
use std::fs;
use std::thread;

fn lesson_of(job: &str, application: &str, started_ms: u64) -> Lesson {
    Lesson {
        format: LESSON_FORMAT,
        job: job.to_owned(),
        application: application.to_owned(),
        started_ms,
        ..Lesson::default()
    }
}

fn open(folder: &std::path::Path) -> Store {
    Store::at(folder.to_str().unwrap(), Duration::from_secs(10)).unwrap()
}

#[test]
fn the_newest_come_first_and_no_more_than_fifty() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("new/store"));
    for number in 0..60 {
        store.keep(&lesson_of("nightly load", &format!("app-{number}"), 1_000 + number)).unwrap();
    }
    store.keep(&lesson_of("other", "app-1", 5)).unwrap();
    let read = store.lessons("nightly load").unwrap();
    let times: Vec<u64> = read.lessons.iter().map(|lesson| lesson.started_ms).collect();
    assert_eq!((times.len(), times.first(), times.last(), read.unread), (50, Some(&1_059), Some(&1_010), 0));
    assert_eq!(store.lessons("nobody").unwrap().lessons.len(), 0);
    let jobs: Vec<(String, usize, u64)> =
        store.jobs().unwrap().into_iter().map(|known| (known.last.job, known.runs, known.last.started_ms)).collect();
    assert_eq!(jobs, [("nightly load".to_owned(), 60, 1_059), ("other".to_owned(), 1, 5)]);
    let since = |at_ms| {
        let mut times: Vec<u64> = store.since(at_ms).unwrap().lessons.iter().map(|lesson| lesson.started_ms).collect();
        times.sort_unstable();
        times
    };
    assert_eq!((since(0).len(), since(1_058), since(2_000)), (61, vec![1_058, 1_059], vec![]));
    assert_eq!(store.forget("nightly load").unwrap(), 60);
    assert_eq!((store.lessons("nightly load").unwrap().lessons.len(), store.jobs().unwrap().len()), (0, 1));
}

#[test]
fn the_oldest_are_forgotten_and_of_one_job_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.keep(&lesson_of("other", "app", 1)).unwrap();
    for number in 0..LESSONS_KEPT as u64 + 3 {
        store.keep(&lesson_of("job", "app", 10 + number)).unwrap();
    }
    let kept = || fs::read_dir(folder.path().join("jobs/job")).unwrap().flatten().map(|file| file.file_name()).max();
    assert_eq!(kept().unwrap().to_str(), Some("9999999999986-app.json"), "the fourth is the oldest");
    assert_eq!(store.lessons("other").unwrap().lessons.len(), 1);
}

#[test]
fn what_is_there_stays_and_what_is_half_written_is_no_lesson() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.keep(&Lesson { executor_ms: 7, ..lesson_of("job", "app-1", 10) }).unwrap();
    store.keep(&Lesson { executor_ms: 8, ..lesson_of("job", "app-1", 10) }).unwrap();
    let job = folder.path().join("jobs/job");
    fs::write(job.join("9999999999000-app-2.json"), "{\"format\": 1, \"job\": \"jo").unwrap();
    fs::write(job.join("9999999999001-app-3.json"), "x".repeat(300 << 10)).unwrap();
    let newer = serde_json::json!({"format": 2, "job": "job", "application": "app-4", "started_ms": 4, "new": {"a": 1}, "ended": "otherwise"});
    fs::write(job.join("9999999999995-app-4.json"), newer.to_string()).unwrap();
    let read = store.lessons("job").unwrap();
    let told: Vec<(u64, u64)> = read.lessons.iter().map(|lesson| (lesson.started_ms, lesson.executor_ms)).collect();
    assert_eq!((told, read.unread), (vec![(10, 7), (4, 0)], 2));
}

#[test]
fn twenty_writers_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    thread::scope(|scope| {
        for writer in 0..20 {
            let folder = folder.path();
            scope.spawn(move || {
                let store = open(folder);
                for number in 0..2 {
                    store.keep(&lesson_of("job", &format!("app-{writer}-{number}"), 1_000 + number)).unwrap();
                }
            });
        }
    });
    assert_eq!(open(folder.path()).lessons("job").unwrap().lessons.len(), 40);
    assert!(fs::read_dir(folder.path().join("jobs/job")).unwrap().flatten().count() == 40, "nothing else is left");
}

#[test]
fn any_name_of_a_job_is_a_folder_of_its_own() {
    let long = "n".repeat(300);
    let names = ["a/b", "a b", "..", ".", "", "a.b", "ä", "A", "a", "con/../..", long.as_str(), "%41", "=41"];
    let keys: std::collections::BTreeSet<String> = names.iter().map(|name| key(name)).collect();
    assert_eq!(keys.len(), names.len(), "{keys:?}");
    for key in keys {
        assert!(key.len() <= LONGEST_KEY && !key.contains('/') && !key.starts_with('.'), "{key}");
    }
}

#[test]
fn what_is_no_lesson_is_nobody_s_to_remove() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!(store.forget("job").unwrap(), 0);
    assert!(!folder.path().join("jobs").exists(), "looking makes nothing");
    store.keep(&lesson_of("job", "app", 1)).unwrap();
    let job = folder.path().join("jobs/job");
    fs::create_dir(job.join("lib")).unwrap();
    let others = ["app.jar", "config.json", "lib/9999999999998-app.json", "99999-app.json"];
    for other in others {
        fs::write(job.join(other), "theirs").unwrap();
    }
    assert_eq!(store.lessons("job").unwrap().unread, 0);
    assert_eq!(store.forget(" job ").unwrap(), 1, "a name is what it is without spaces around it");
    for other in others {
        assert!(job.join(other).exists(), "{other}");
    }
}

#[test]
fn what_is_no_store_is_told() {
    for wrong in ["ftp://host/x", "s3://", "s3:/bucket", "s3:bucket", "file://other/x", "~/lessons"] {
        let error = Store::at(wrong, Duration::from_secs(1)).unwrap_err().to_string();
        assert!(error.contains(wrong) && error.contains("s3://bucket/prefix"), "{error}");
    }
    for secret in ["https://a.blob.core.windows.net/c?sig=planted", "https://user:planted@host/c", "s3://b/c#planted"] {
        let error = Store::at(secret, Duration::from_secs(1)).unwrap_err().to_string();
        assert!(error.contains("variables of the environment") && !error.contains("planted"), "{error}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = open(&file.path().join("below"));
    assert!(below.keep(&lesson_of("job", "app", 1)).is_err());
    assert!(!folder_of_nobody().exists());
    assert!(open(&folder_of_nobody()).jobs().unwrap().is_empty());
    assert!(!folder_of_nobody().exists(), "who only looks makes no folder");
}

fn folder_of_nobody() -> PathBuf {
    std::env::temp_dir().join(format!("sparkwright-no-store-{}", std::process::id()))
}

/// What resolves a name, or looks into a folder on a file system that hangs, can't be interrupted.
#[test]
fn a_place_that_hangs_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().to_str().unwrap(), Duration::from_millis(200)).unwrap();
    let began = std::time::Instant::now();
    let late = store.ask("hangs", false, async |_| {
        thread::sleep(Duration::from_secs(20));
        Ok(())
    });
    let error = late.unwrap_err().to_string();
    assert!(error.ends_with("did not answer within 0.2 s"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
}
