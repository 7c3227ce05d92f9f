//! What the user gave `spark-submit`: read, never changed. Ours go between the user's options and the application.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// Options of `spark-submit` that take a value, with the Spark key that they stand for (empty where there is none).
/// Source: `SparkSubmitOptionParser` and `SparkSubmitArguments` of Apache Spark.
const WITH_VALUE: &[(&str, &str)] = &[
    ("--archives", "spark.archives"),
    ("--class", ""),
    ("--conf", ""),
    ("-c", ""),
    ("--deploy-mode", "spark.submit.deployMode"),
    ("--driver-class-path", "spark.driver.extraClassPath"),
    ("--driver-cores", "spark.driver.cores"),
    ("--driver-java-options", "spark.driver.extraJavaOptions"),
    ("--driver-library-path", "spark.driver.extraLibraryPath"),
    ("--driver-memory", "spark.driver.memory"),
    ("--exclude-packages", "spark.jars.excludes"),
    ("--executor-cores", "spark.executor.cores"),
    ("--executor-memory", "spark.executor.memory"),
    ("--files", "spark.files"),
    ("--jars", "spark.jars"),
    ("--keytab", "spark.kerberos.keytab"),
    ("--kill", ""),
    ("--master", "spark.master"),
    ("--name", "spark.app.name"),
    ("--num-executors", "spark.executor.instances"),
    ("--packages", "spark.jars.packages"),
    ("--principal", "spark.kerberos.principal"),
    ("--properties-file", ""),
    ("--proxy-user", ""),
    ("--py-files", "spark.submit.pyFiles"),
    ("--queue", "spark.yarn.queue"),
    ("--remote", "spark.remote"),
    ("--repositories", "spark.jars.repositories"),
    ("--status", ""),
    ("--total-executor-cores", "spark.cores.max"),
];

/// Options without a value.
const FLAGS: &[&str] =
    &["--help", "-h", "--load-spark-defaults", "--supervise", "--usage-error", "--verbose", "-v", "--version"];

/// The arguments of a `spark-submit`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubmitArguments {
    /// Everything as it was given.
    pub all: Vec<OsString>,
    /// How many of them come before the application: where ours are put in.
    pub options: usize,
    /// The application: a Python file, a jar, or Spark's own `spark-shell` and the like.
    pub application: Option<String>,
    /// Spark configurations given by option or `--conf`; a later one wins.
    pub confs: BTreeMap<String, String>,
    /// `--jars`, which beats the configuration `spark.jars`.
    pub jars: Option<String>,
    /// `--properties-file`.
    pub properties_file: Option<String>,
    /// `--load-spark-defaults`: Spark's own file counts below that file.
    pub load_spark_defaults: bool,
    /// `--class`.
    pub class: Option<String>,
    /// Whether `spark-submit` is only asked about something (`--help`, `--version`, `--status`, `--kill`).
    pub only_asks: bool,
}

impl SubmitArguments {
    /// Reads the arguments.
    #[must_use]
    pub fn read(all: Vec<OsString>) -> Self {
        let mut found = Self { options: all.len(), ..Self::default() };
        let mut at = 0;
        while let Some(argument) = all.get(at) {
            let text = argument.to_string_lossy().into_owned();
            let (name, inline) = match text.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (text.clone(), None),
            };
            if let Some((_, key)) = WITH_VALUE.iter().find(|(option, _)| *option == name) {
                let value = match inline {
                    Some(value) => Some(value),
                    None => {
                        at += 1;
                        all.get(at).map(|value| value.to_string_lossy().into_owned())
                    }
                };
                if let Some(value) = value {
                    found.option(&name, key, value);
                }
            } else if FLAGS.contains(&name.as_str()) {
                found.load_spark_defaults |= name == "--load-spark-defaults";
                found.only_asks |= matches!(name.as_str(), "--help" | "-h" | "--version" | "--usage-error");
            } else {
                // The first thing that is no option is the application; what follows is its own.
                if !text.starts_with('-') {
                    found.application = Some(text);
                }
                found.options = at;
                break;
            }
            at += 1;
        }
        found.all = all;
        found
    }

    fn option(&mut self, name: &str, key: &str, value: String) {
        match name {
            "--conf" | "-c" => {
                if let Some((key, value)) = value.split_once('=') {
                    self.confs.insert(key.trim().to_owned(), value.trim().to_owned());
                }
            }
            "--properties-file" => self.properties_file = Some(value),
            "--class" => self.class = Some(value),
            "--kill" | "--status" => self.only_asks = true,
            _ if !key.is_empty() => {
                if name == "--jars" {
                    self.jars = Some(value.clone());
                }
                self.confs.insert(key.to_owned(), value);
            }
            _ => {}
        }
    }

    /// Whether the application is a Python program.
    #[must_use]
    pub fn is_python(&self) -> bool {
        self.application.as_ref().is_some_and(|app| app.ends_with(".py") || app == "pyspark-shell")
    }

    /// The application's file on this machine, where spark-submit surely can't run it without: not one with another scheme than `file:`, not in
    /// cluster mode, where it may be on the cluster's machines alone, and no jar beside a class, which may be in another jar.
    #[must_use]
    pub fn needed_file(&self) -> Option<&Path> {
        let application = self.application.as_deref()?;
        let path =
            application.strip_prefix("file:").map_or(application, |path| path.strip_prefix("//").unwrap_or(path));
        let has_scheme = path.split_once(':').is_some_and(|(scheme, _)| scheme.len() > 1 && !scheme.contains('/'));
        let is_remote = self.confs.get("spark.submit.deployMode").is_some_and(|mode| mode == "cluster");
        let is_program = path.ends_with(".py") || path.ends_with(".R");
        let is_only_jar = path.ends_with(".jar") && self.class.is_none();
        (!has_scheme && !is_remote && (is_program || is_only_jar)).then(|| Path::new(path))
    }

    /// The arguments with these configurations and options put in after the user's options.
    #[must_use]
    pub fn with(&self, confs: &BTreeMap<String, String>, options: &[(&str, String)]) -> Vec<OsString> {
        let mut all: Vec<OsString> = self.all.iter().take(self.options).cloned().collect();
        for (key, value) in confs {
            all.push("--conf".into());
            all.push(format!("{key}={value}").into());
        }
        for (option, value) in options {
            all.push((*option).into());
            all.push(value.into());
        }
        all.extend(self.all.iter().skip(self.options).cloned());
        all
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn read(text: &str) -> SubmitArguments {
        SubmitArguments::read(text.split(' ').map(OsString::from).collect())
    }

    #[test]
    fn options_end_at_the_application_and_its_own_stay_its_own() {
        let read =
            read("--master local[2] --conf spark.a=b=c --executor-memory 1g --verbose app.py --master mine --conf x");
        assert_eq!(read.application.as_deref(), Some("app.py"));
        assert_eq!(read.confs["spark.master"], "local[2]");
        assert_eq!(read.confs["spark.a"], "b=c");
        assert_eq!(read.confs["spark.executor.memory"], "1g");
        assert!(read.is_python());
        let with = read.with(&BTreeMap::from([("spark.x".into(), "1".into())]), &[("--jars", "j".into())]);
        let with: Vec<_> = with.iter().map(|it| it.to_str().unwrap()).collect();
        assert_eq!(with[7..14], ["--conf", "spark.x=1", "--jars", "j", "app.py", "--master", "mine"]);
    }

    #[test]
    fn values_may_stand_behind_an_equals_sign() {
        let read = read("--master=spark://h:1 --class a.B x.jar --flag");
        assert_eq!(read.confs["spark.master"], "spark://h:1");
        assert_eq!((read.application.as_deref(), read.options), (Some("x.jar"), 3));
        assert!(!read.is_python());
    }

    #[test]
    fn the_files_of_properties_that_count() {
        let both = read("--properties-file p.conf --load-spark-defaults app.py");
        assert_eq!((both.properties_file.as_deref(), both.load_spark_defaults), (Some("p.conf"), true));
        assert!(!read("--properties-file p.conf app.py --load-spark-defaults").load_spark_defaults);
    }

    #[test]
    fn a_file_is_needed_only_where_spark_submit_needs_it_here() {
        for (arguments, needed) in [
            ("app.py x", Some("app.py")),
            ("--master local[2] /jobs/app.jar", Some("/jobs/app.jar")),
            ("file:///jobs/app.R", Some("/jobs/app.R")),
            ("file:/jobs/app.py", Some("/jobs/app.py")),
            ("hdfs://host/app.py", None),
            ("local:/jobs/app.py", None),
            ("s3a:/bucket/app.jar", None),
            ("--deploy-mode cluster /jobs/app.py", None),
            ("--conf spark.submit.deployMode=cluster /jobs/app.jar", None),
            ("--class a.B app.jar", None),
            ("pyspark-shell", None),
        ] {
            assert_eq!(read(arguments).needed_file().and_then(Path::to_str), needed, "{arguments}");
        }
    }

    #[test]
    fn a_question_is_known_as_one() {
        assert!(read("--version").only_asks);
        assert!(read("--status driver-1 --master spark://h:1").only_asks);
    }
}
