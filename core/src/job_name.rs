//! Which job a run is one of: what it is called by who runs it, or what its names have in common from run to run.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

/// The longest name of a job, in bytes.
pub const LONGEST_JOB_NAME: usize = 200;
/// How the names of applications begin that wait for what somebody asks. Source: `org.apache.spark.sql.hive.thriftserver`, `pyspark.shell`, Spark Connect's
/// server.
pub const SHELLS: [&str; 5] =
    ["Spark shell", "PySparkShell", "SparkSQL::", "Thrift JDBC/ODBC Server", "Spark Connect server"];
/// Other names of applications whose program gave none.
const UNNAMED: [&str; 4] = ["pyspark-shell", "SparkR", "Databricks Shell", "Zeppelin"];
/// What is run where no program is: Spark's own shells. Source: `org.apache.spark.deploy.SparkSubmit`.
const NO_PROGRAM: [&str; 5] = ["pyspark-shell", "pyspark-shell-main", "sparkr-shell", "spark-shell", "spark-internal"];
/// Spark's own classes that are run are its shells and servers.
const SPARKS_OWN: &str = "org.apache.spark.";
/// Names of folders that say nothing either.
const COMMON_FOLDERS: [&str; 8] = ["src", "app", "bin", "lib", "current", "release", "releases", "work-dir"];
/// Names of files that say nothing without their folder's.
const COMMON: [&str; 7] = ["main", "app", "job", "run", "script", "start", "index"];
/// Where names are from.
const MAIN: &str = "main file";
const NAME_AND_MAIN: &str = "application name and main file";
/// Where a name is from that any run may have.
const NOTHING: &str = "nothing that lasts";
/// A word of so many hexadecimal digits with a decimal one among them is an id and no word.
const ID_DIGITS: usize = 8;

/// What is known of a run before it starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Called<'a> {
    /// As the user says (`--job`).
    pub job: Option<&'a str>,
    /// As its label `job` says.
    pub label: Option<&'a str>,
    /// Airflow's DAG and task.
    pub airflow: Option<(&'a str, &'a str)>,
    /// Dagster's job, and its step where steps run by themselves.
    pub dagster: Option<(&'a str, Option<&'a str>)>,
    /// The application's name, as it is configured.
    pub application: Option<&'a str>,
    /// The file or class that is run, a file with its folders as far as they are known.
    pub main: Option<&'a str>,
}

/// A job's name, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobName {
    /// The name.
    pub name: String,
    /// Who says so, in a few words.
    pub from: &'static str,
}

impl JobName {
    /// Whether it tells the job from others.
    #[must_use]
    pub fn lasts(&self) -> bool {
        self.from != NOTHING
    }

    /// The same, told from jobs of the same name by a mark, where the name is from a file: others have files of that name.
    #[must_use]
    pub fn marked(self, mark: &str) -> Self {
        let by_file = [MAIN, NAME_AND_MAIN].contains(&self.from);
        if by_file { Self { name: shortened(&format!("{}-{mark}", self.name)), ..self } } else { self }
    }
}

/// The name of a run's job: the first of `job`, `label`, Airflow's, Dagster's; else the application's name and main class or file, without dates, counters and ids.
#[must_use]
pub fn job_name(called: &Called<'_>) -> JobName {
    let named = |name: String, from| JobName { name: shortened(&name), from };
    let said = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_string);
    if let Some(job) = said(called.job) {
        return named(job, "--job");
    }
    if let Some(label) = said(called.label) {
        return named(label, "label job");
    }
    if let Some((dag, task)) = called.airflow {
        return named(format!("{dag}.{task}"), "Airflow");
    }
    if let Some((job, step)) = called.dagster {
        return named(step.map_or_else(|| job.to_string(), |step| format!("{job}.{step}")), "Dagster");
    }
    let main = called.main.filter(|main| !NO_PROGRAM.contains(main) && !main.starts_with(SPARKS_OWN));
    let main = main.map(main_name).filter(|main| !main.is_empty());
    let is_shell = |name: &str| UNNAMED.contains(&name) || SHELLS.iter().any(|shell| name.starts_with(shell));
    let application = called.application.filter(|name| !is_shell(name) && !name.starts_with(SPARKS_OWN));
    // Spark names an application of Python by its file, if nobody does.
    let application = application.filter(|name| called.main.is_none_or(|main| file(main) != *name));
    let application = application.map(|name| lasting(stem(name))).filter(|name| !name.is_empty());
    match (application, main) {
        (Some(application), Some(main)) if application != main => named(format!("{application} {main}"), NAME_AND_MAIN),
        (Some(one), None) if COMMON.contains(&one.to_lowercase().as_str()) => named(one, NOTHING),
        (Some(one), _) => named(one, "application name"),
        (None, Some(main)) => named(main, MAIN),
        (None, None) => named("application".to_string(), NOTHING),
    }
}

/// What a file or class is called; a file whose own name is common has its folder's with it.
fn main_name(main: &str) -> String {
    let name = lasting(stem(main));
    if !COMMON.contains(&name.to_lowercase().as_str()) {
        return name;
    }
    let folders = path(main).rsplit(['/', '\\']).skip(1).map(lasting);
    match folders.into_iter().find(|folder| !folder.is_empty() && !COMMON_FOLDERS.contains(&folder.as_str())) {
        Some(folder) => format!("{folder} {name}"),
        None => name,
    }
}

/// A file's name without its folders.
fn file(main: &str) -> &str {
    let path = path(main);
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The path of an address, without whoever may get in and with what key; of a file, all of it.
fn path(main: &str) -> &str {
    let Some((_, rest)) = main.split_once("://") else { return main };
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    rest.split_once('/').map_or("", |(_, path)| path)
}

/// A file's name without its folders and its ending.
fn stem(main: &str) -> &str {
    let file = file(main);
    [".py", ".jar", ".R", ".r", ".ipynb", ".sql"].iter().find_map(|ending| file.strip_suffix(ending)).unwrap_or(file)
}

/// A name without its dates, counters and ids: words of digits, ids and times go, with what joined them.
fn lasting(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty() && !passes(word));
    words.collect::<Vec<_>>().join("-")
}

/// Whether a word changes from run to run: a number, a time as `20261130T0815Z`, or an id of hexadecimal digits.
fn passes(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_time = word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'T' | b'Z' | b't' | b'z'));
    let is_id = word.len() >= ID_DIGITS && digits > 0 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    (digits > 0 && is_time) || is_id
}

/// A name as it is kept and looked up: without spaces around it, and no longer than [`LONGEST_JOB_NAME`].
#[must_use]
pub fn shortened(name: &str) -> String {
    let mut name = name.trim().to_string();
    while name.len() > LONGEST_JOB_NAME {
        name.pop();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(called: Called<'_>) -> (String, &'static str) {
        let JobName { name, from } = job_name(&called);
        (name, from)
    }

    #[test]
    fn who_runs_it_says_which_job_it_is() {
        let all = Called {
            job: Some(" nightly "),
            label: Some("labelled"),
            airflow: Some(("dag", "task")),
            dagster: Some(("job", Some("step"))),
            application: Some("app"),
            main: Some("main.py"),
        };
        assert_eq!(of(all), ("nightly".into(), "--job"));
        assert_eq!(of(Called { job: Some(" "), ..all }), ("labelled".into(), "label job"));
        let orchestrated = Called { job: None, label: None, ..all };
        assert_eq!(of(orchestrated), ("dag.task".into(), "Airflow"));
        assert_eq!(of(Called { airflow: None, ..orchestrated }), ("job.step".into(), "Dagster"));
        assert_eq!(of(Called { airflow: None, dagster: Some(("job", None)), ..orchestrated }).0, "job");
        assert_eq!(
            of(Called { airflow: None, dagster: None, ..orchestrated }),
            ("app main".into(), "application name and main file")
        );
    }

    #[test]
    fn dates_counters_and_ids_are_no_part_of_a_name() {
        for (application, main, name) in [
            ("orders-2026-11-30", "/jobs/orders.py", "orders"),
            ("orders_20261130T0815Z", "orders.py", "orders"),
            ("orders 17", "etl/orders.py", "orders"),
            ("load 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "orders.py", "load-d3 orders"),
            ("deadbeef01", "orders.py", "orders"),
            ("facade", "orders.py", "facade orders"),
            ("stage2", "orders.py", "stage2 orders"),
            ("Étude", "orders.py", "Étude orders"),
            ("2026", "17.py", "application"),
        ] {
            let called = Called { application: Some(application), main: Some(main), ..Called::default() };
            let told = of(called).0;
            if application.starts_with("load") {
                assert!(told.starts_with("load"), "{told}");
            } else {
                assert_eq!(told, name, "{application}");
            }
        }
        assert_eq!(of(Called { main: Some("com.acme.Orders"), ..Called::default() }).0, "com-acme-Orders");
        assert_eq!(of(Called::default()), ("application".into(), "nothing that lasts"));
    }

    #[test]
    fn a_file_of_a_common_name_has_its_folders() {
        for (main, name) in [
            ("/srv/orders/main.py", "orders main"),
            ("/srv/orders/20261130/__main__.py", "orders main"),
            ("C:\\jobs\\orders\\app.py", "orders app"),
            ("/home/ann/orders/src/Main.py", "orders Main"),
            ("/srv/orders/current/main.py", "orders main"),
            ("s3://bucket/orders/main.py", "orders main"),
            ("https://ann:PLANTED@host/orders/main.py?sv=1&sig=PLANTED#PLANTED", "orders main"),
            ("https://ann:PLANTED@host/orders.py?sig=PLANTED", "orders"),
            ("local:///opt/orders/app.py", "orders app"),
            ("main.py", "main"),
            ("/srv/main/orders.py", "orders"),
        ] {
            for application in [None, Some(file(main))] {
                let told = of(Called { main: Some(main), application, ..Called::default() });
                assert_eq!(told, (name.into(), "main file"), "{application:?}");
            }
        }
        assert_eq!(of(Called { main: Some("https://ann:PLANTED@host"), ..Called::default() }).1, NOTHING);
        let named = Called { main: Some("/srv/orders/main.py"), application: Some("nightly"), ..Called::default() };
        assert_eq!(of(named).0, "nightly orders main");
    }

    #[test]
    fn what_every_program_may_be_called_tells_no_job_from_another() {
        for main in ["pyspark-shell-main", "spark-internal", "org.apache.spark.repl.Main"] {
            for application in [None, Some("PySparkShell"), Some("org.apache.spark.repl.Main")] {
                let name = job_name(&Called { main: Some(main), application, ..Called::default() });
                assert!(!name.lasts(), "{main}, {application:?}: {name:?}");
            }
        }
        for application in ["pyspark-shell", "Spark shell", "SparkSQL::10.0.0.7", "Zeppelin", "main.py", "app", "App"] {
            let name = job_name(&Called { application: Some(application), ..Called::default() });
            assert!(!name.lasts(), "{application}: {name:?}");
            let said = Called { job: Some("nightly"), application: Some(application), ..Called::default() };
            assert!(job_name(&said).lasts(), "{application}");
        }
        let shell = Called { application: Some("pyspark-shell"), main: Some("orders.py"), ..Called::default() };
        assert_eq!(of(shell), ("orders".into(), "main file"));
        assert!(job_name(&Called { application: Some("orders"), ..Called::default() }).lasts());
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let long = "é".repeat(300);
        let name = of(Called { job: Some(&long), ..Called::default() }).0;
        assert_eq!(name.len(), LONGEST_JOB_NAME);
    }
}
