//! Properties files are read as `java.util.Properties` reads them: these, and texts that are drawn from what matters in them.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, TestRunner};
use sparkwright::launch::properties;

/// Texts that people write, and what JDK's own documentation shows.
const TEXTS: [&str; 15] = [
    "spark.master local[2]\nspark.executor.memory=4g\nspark.ui.enabled : false\n",
    "# comment\n! comment\n\n   \n  spark.a   1\r\nspark.b 2\rspark.c 3",
    "spark.driver.extraJavaOptions -Da=b \\\n    -Dc=d \\\n    -De=f\nspark.next 1\n",
    "spark.a 1\\\n\nspark.b 2\\\n# no comment\nspark.c 3\\",
    "spark.a=C:\\\\temp\\nx\\ty\\u0041\\uD83D\\uDE00\\q\nspark\\ b\\=c\\:d = e\n",
    "spark.a==1\nspark.b:=2\nspark.c = : 3\nspark.d\n=no key\n:\n\\\n",
    "spark.a 1\nspark.a 2\nspark.ünï=wërt 日本\u{1f600}\n",
    "\u{feff}spark.a 1\n\x0c spark.b\x0c2\nspark.c\u{a0}x 3\n",
    "spark.a \\u00zz\n",
    "spark.a \\\\uD83D\\uDE00 \\uD83D\n",
    "spark.a \\u12",
    "\\\n# a comment\nspark.a 1\n",
    "spark.a 1\\\r\n   2\\\r   3\n",
    "spark.a \\\\\nspark.b \\\\\\\n c\n",
    "",
];
/// Texts that are drawn.
const DRAWN: usize = 400;

/// The keys and values in the form in which `Told.java` prints them.
fn told(read: Option<BTreeMap<String, String>>) -> String {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    match read {
        None => "refused".to_owned(),
        Some(read) => {
            let pairs: BTreeMap<String, String> = read.iter().map(|(key, value)| (hex(key), hex(value))).collect();
            pairs.iter().map(|(key, value)| format!("{key}={value} ")).collect()
        }
    }
}

#[test]
fn as_java_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::new(Config::default());
    let pieces = [
        " ",
        "\t",
        "\x0c",
        "\n",
        "\r",
        "\r\n",
        "\\",
        "\\\\",
        "\\\n",
        "\\\r\n",
        "=",
        ":",
        "#",
        "!",
        "a",
        "spark.b",
        "\\u0041",
        "\\u20",
        "\\t",
        "é",
        "\u{1f600}",
        "\\uD83D\\uDE00",
    ];
    let drawn =
        proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..24).prop_map(|parts| parts.concat());
    let mut texts: Vec<String> = TEXTS.iter().map(ToString::to_string).collect();
    texts.extend((0..DRAWN).map(|_| drawn.new_tree(&mut runner).unwrap().current()));
    let mut files = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let file = folder.path().join(format!("{number}.properties"));
        fs::write(&file, text).unwrap();
        files.push(file);
    }
    let java = std::env::var_os("JAVA_HOME").map_or_else(|| "java".into(), |home| Path::new(&home).join("bin/java"));
    let output = Command::new(java)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/java/Told.java"))
        .args(&files)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let java: Vec<&str> = printed.lines().collect();
    assert_eq!(java.len(), texts.len());
    for (text, java) in texts.iter().zip(java) {
        assert_eq!(told(properties::read(text)), java, "{text:?}");
    }
}
