//! An event log without what may be secret, as it is kept of a run.
//!
//! Spark redacts what its own patterns find (`spark.redaction.regex`), which leaves account keys of object stores, literals of SQL, options of
//! sources, descriptions of jobs and the driver's command line. Those patterns are the application's own to see, so they are left alone; what
//! the host keeps goes through here. Of texts only those stay that are known to be Spark's own words or to be needed by a review: whatever
//! else a later Spark or a connector writes is left out too. Numbers stay.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde_json::{Map, Value};
use sparkwright_core::out_of_memory;

use super::EventLogError;
use crate::private;

/// What stands where something was left out: Spark's own word for it.
const REDACTED: &str = "*********(redacted)";

/// Members whose text stays.
const KEPT: [&str; 19] = [
    "Event",
    "Spark Version",
    "App ID",
    "App Name",
    "App Attempt ID",
    "User",
    "Executor ID",
    "Host",
    "Locality",
    "Task Type",
    "Reason",
    "Removed Reason",
    "Loss Reason",
    "Class Name",
    "Block ID",
    "Result",
    "Status",
    "Stage Name",
    "metricType",
];
/// Members whose text stays up to the first sign: operators, metrics and RDDs, whose names may go on with a query or a whole plan.
const LABELS: [&str; 3] = ["nodeName", "name", "Name"];
/// Members that say why something failed: what they say of memory stays, in words that are known.
const REASONS: [&str; 2] = ["Failure Reason", "errorMessage"];
/// The properties of a job or stage that stay; the others are the program's.
const LOCAL_PROPERTIES: [&str; 3] = ["spark.sql.execution.id", "spark.sql.execution.root.id", "spark.scheduler.pool"];
/// What the name of a configuration holds that is secret, without its dots.
const SECRET: [&str; 11] = [
    "secret",
    "passw",
    "passphrase",
    "token",
    "accesskey",
    "apikey",
    "accountkey",
    "privatekey",
    "credential",
    "jaas",
    "signature",
];
/// Parts of such a name, between dots.
const SECRET_PARTS: [&str; 6] = ["key", "keys", "sas", "pass", "pwd", "private"];
/// What stands before a secret in the value of another configuration: of a URL, a connection string, an option of Java.
const BEFORE_SECRETS: [&str; 7] = ["password=", "passwd=", "pwd=", "secret=", "token=", "key=", "sig="];

/// Writes the log at `from` (a file or a rolling folder) to a file of this user's alone, without what may be secret.
///
/// # Errors
/// The log can't be read, or the file not written.
pub fn write(from: &Path, to: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(private::file(to)?);
    let mut written = Ok(());
    sparkwright_event_log::each_line(from, |bytes| {
        // A byte that is no text is one of somebody's query or path; the event is kept all the same.
        if let (Ok(()), Some(line)) = (&written, line(&String::from_utf8_lossy(bytes))) {
            written = writeln!(file, "{line}");
        }
    })
    .map_err(|error| match error {
        EventLogError::Io { source, .. } => source,
        other => io::Error::other(other),
    })?;
    written?;
    file.flush()
}

/// One line, with the event's name first as Spark writes it, since readers look no further than that; nothing of what is no event.
fn line(text: &str) -> Option<String> {
    let mut event = redacted(text)?;
    let name = event.remove("Event")?;
    let rest = Value::Object(event).to_string();
    let members = rest.strip_prefix('{')?;
    let comma = if members.starts_with('}') { "" } else { "," };
    Some(format!(r#"{{"Event":{name}{comma}{members}"#))
}

fn redacted(text: &str) -> Option<Map<String, Value>> {
    let Value::Object(mut event) = serde_json::from_str(text).ok()? else { return None };
    let is_environment = event.get("Event").is_some_and(|name| name == "SparkListenerEnvironmentUpdate");
    if is_environment {
        // The driver's command line is a property of its system; Hadoop's are Spark's once more.
        event.retain(|name, _| matches!(name.as_str(), "Event" | "Spark Properties"));
        for (name, value) in event.get_mut("Spark Properties").and_then(Value::as_object_mut).into_iter().flatten() {
            if is_secret(name) || value.as_str().is_none_or(holds_secret) {
                *value = REDACTED.into();
            }
        }
        return Some(event);
    }
    members(&mut event);
    Some(event)
}

fn members(object: &mut Map<String, Value>) {
    for (name, value) in object {
        match value {
            Value::Object(properties) if name == "Properties" => {
                properties.retain(|name, _| LOCAL_PROPERTIES.contains(&name.as_str()));
            }
            Value::String(text) => redact(name, text),
            value => below(name, value),
        }
    }
}

fn below(name: &str, value: &mut Value) {
    match value {
        Value::Object(object) => members(object),
        Value::Array(items) => items.iter_mut().for_each(|item| below(name, item)),
        Value::String(text) => redact(name, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redact(name: &str, text: &mut String) {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number || KEPT.contains(&name) {
        return;
    }
    if LABELS.contains(&name) {
        let end = text.find(|sign: char| !(sign.is_alphanumeric() || " -_.".contains(sign))).unwrap_or(text.len());
        text.truncate(end);
    } else if name == "Scope" {
        *text = serde_json::from_str(text).map_or_else(
            |_| REDACTED.to_owned(),
            |mut scope: Value| {
                below(name, &mut scope);
                scope.to_string()
            },
        );
    } else {
        let known = REASONS.contains(&name).then(|| out_of_memory::known_words(text)).flatten();
        *text = known.map_or_else(|| REDACTED.to_owned(), |known| format!("{REDACTED}: {known}"));
    }
}

/// Whether a configuration of that name is a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut parts = name.split(|sign: char| !sign.is_alphanumeric());
    let whole: String = name.chars().filter(|sign| sign.is_alphanumeric()).collect();
    SECRET.iter().any(|word| whole.contains(word)) || parts.any(|part| SECRET_PARTS.contains(&part))
}

/// Whether the value of a configuration holds a secret beside other things.
fn holds_secret(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let has_user = value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    has_user || BEFORE_SECRETS.iter().any(|before| value.contains(before))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn of_a_failure_stays_what_it_says_of_memory() {
        let kept = |text: &str| {
            let mut text = text.to_owned();
            redact("Failure Reason", &mut text);
            text
        };
        let died = "Job aborted due to stage failure: Task 0 failed on host-of-mine: java.lang.OutOfMemoryError: select 'secret'";
        assert_eq!(kept(died), "*********(redacted): Job aborted; OutOfMemoryError");
        assert_eq!(kept("Job 3 cancelled: 'secret'"), REDACTED);
        let results = "Total size of serialized results of 11 tasks (1105.4 MiB) is bigger than spark.driver.maxResultSize (1 secret)";
        assert!(!kept(results).contains("secret") && kept(results).contains("of 11 tasks (1105.4 MiB)"));
    }

    #[test]
    fn names_and_values_of_secrets_are_known() {
        for name in [
            "spark.hadoop.fs.azure.account.key.store.dfs.core.windows.net",
            "spark.hadoop.fs.azure.sas.container.store",
            "spark.hadoop.fs.s3a.access.key",
            "spark.kafka.sasl.jaas.config",
            "spark.my.privateKey",
            "spark.my.PASSPHRASE",
            "spark.hadoop.google.cloud.auth.credentials",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in
            ["spark.sql.shuffle.partitions", "spark.executor.memory", "spark.sql.keyspace", "spark.jars.passive"]
        {
            assert!(!is_secret(name), "{name}");
        }
        for value in ["jdbc:x://h/d?user=a&password=b", "s3://a:b@host/p", "-Djavax.net.ssl.trustStorePassword=b"] {
            assert!(holds_secret(value), "{value}");
        }
        for value in ["spark://host:7077", "4g", "abfss://container@store.dfs.core.windows.net/p", "k=v"] {
            assert!(!holds_secret(value), "{value}");
        }
    }

    #[test]
    fn what_a_review_reads_stays_and_no_text_of_the_program_does() {
        let kept = |text: &str| line(text).unwrap();
        let environment = kept(
            r#"{"Event":"SparkListenerEnvironmentUpdate","JVM Information":{"Java Home":"S1"},"Spark Properties":{"spark.executor.memory":"2g","spark.x.account.key":"S2"},
            "Hadoop Properties":{"fs.azure.account.key.x":"S3"},"System Properties":{"sun.java.command":"SparkSubmit --conf a=S4"},"Classpath Entries":{"S5":"x"}}"#,
        );
        assert!(environment.starts_with(r#"{"Event":"SparkListenerEnvironmentUpdate","#), "{environment}");
        assert!(environment.contains(r#""spark.executor.memory":"2g""#), "{environment}");
        let query = kept(
            r#"{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart","executionId":3,"time":9,"description":"SELECT 'S1'","details":"S2",
            "physicalPlanDescription":"Project [S3 AS x]","sparkPlanInfo":{"nodeName":"Scan JDBCRelation((SELECT 'S4') t)","simpleString":"Scan [S5]","children":[
            {"nodeName":"InMemoryTableScan","simpleString":"S6","children":[],"metadata":{"PushedFilters":"[EqualTo(a,S7)]"},"metrics":[{"name":"number of output rows","accumulatorId":5,"metricType":"sum"}]}]},
            "modifiedConfigs":{"spark.x":"S8"},"jobTags":["S9"]}"#,
        );
        for part in [
            r#""executionId":3"#,
            r#""nodeName":"Scan JDBCRelation""#,
            r#""nodeName":"InMemoryTableScan""#,
            "number of output rows",
        ] {
            assert!(query.contains(part), "no {part} in {query}");
        }
        let job = kept(
            r#"{"Event":"SparkListenerJobStart","Job ID":1,"Stage Infos":[{"Stage ID":2,"Stage Name":"count at a.py:3","Details":"S1","RDD Info":[{"RDD ID":4,"Name":"*(1) Project [S2]",
            "Scope":"{\"id\":\"4\",\"name\":\"Scan JDBCRelation((S3) t)\"}","Callsite":"S4"}]}],"Properties":{"spark.job.description":"S5","spark.sql.execution.id":"3"}}"#,
        );
        for part in [r#""spark.sql.execution.id":"3""#, "count at a.py:3", r#"\"name\":\"Scan JDBCRelation\""#] {
            assert!(job.contains(part), "no {part} in {job}");
        }
        let secret =
            |text: &str| text.split('S').skip(1).any(|rest| rest.starts_with(|sign: char| sign.is_ascii_digit()));
        for text in [environment, query, job] {
            assert!(!secret(&text), "{text}");
        }
        assert_eq!(line(r#"{"Event":"X"}"#).unwrap(), r#"{"Event":"X"}"#);
        assert_eq!(line("half a li"), None);
    }
}
