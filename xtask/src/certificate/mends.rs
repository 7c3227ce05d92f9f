//! What the certificate is for: mends of the plugin, each taken out in a copy of its sources, must be missed by a program that it draws.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::build::files::files_below;

/// A mend, and how to take it out of the plugin's sources.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mend {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What an application sees without it.
    pub(crate) without: &'static str,
    /// The confs of the applications that can show it (`PROFILES` of `tests/certificate/confs.py`), if not all can.
    pub(crate) profile: Option<&'static str>,
    edits: &'static [Edit],
}

/// A text of a source below the plugin's main package, which stands there once, and what stands there without the mend.
#[derive(Debug, Clone, Copy)]
struct Edit {
    file: &'static str,
    is: &'static str,
    was: &'static str,
}

/// A fill that fails is dropped; without that the query fails with it. It hides what else should not have been computed.
const FILLS_FAIL_THE_QUERY: Edit = Edit {
    file: "Log.java",
    is: "if (Compat.isCancelled(cause) || cause instanceof InterruptedException) {",
    was: "if (Compat.isCancelled(cause) || cause != null) {",
};

/// The mends that are taken out, each alone.
pub(crate) const MENDS: [Mend; 15] = [
    Mend {
        name: "fault-of-a-fill",
        without: "a query fails by rows that its own filter leaves out before they are computed",
        profile: None,
        edits: &[FILLS_FAIL_THE_QUERY],
    },
    Mend {
        name: "asked-columns",
        without: "a column that fails and that no query asks for is computed, and the query fails",
        profile: None,
        edits: &[
            Edit {
                file: "KeptPlans.java",
                is: "same.stream().filter(KeptPlans::canBeKept).forEach(one -> columns.or(one.asked));",
                was: "columns.set(0, plan.output().size());",
            },
            FILLS_FAIL_THE_QUERY,
        ],
    },
    Mend {
        name: "partly-read",
        without: "rows are computed, and fail, that a program which stops reading never reached",
        profile: None,
        edits: &[
            Edit { file: "AskedColumns.java", is: "node.whole = whole;", was: "node.whole = true;" },
            FILLS_FAIL_THE_QUERY,
        ],
    },
    Mend {
        name: "exact-bounds",
        without: "rows with NaN are left out, as Spark's own cache does",
        profile: None,
        edits: &[Edit {
            file: "BatchBounds.java",
            is: ".allMatch(RIGHT::contains)",
            was: ".allMatch(type -> RIGHT != null)",
        }],
    },
    Mend {
        name: "file-versions",
        without: "old rows after a file of the same length was written with the old time",
        profile: None,
        edits: &[Edit {
            file: "FileVersion.java",
            is: r#"attributes.get("ino") + ":" + changed.toInstant()"#,
            was: r#""any""#,
        }],
    },
    Mend {
        name: "checked-when-run",
        without: "old rows where an object is asked again after its files were replaced",
        profile: None,
        edits: &[Edit {
            file: "KeptPlans.java",
            is: "if (read == null) {",
            was: "if (read == null || !read.isEmpty()) {",
        }],
    },
    Mend {
        name: "limit-at-root",
        without: "old rows where a sorted and limited object is asked again after its files were replaced",
        profile: None,
        edits: &[Edit { file: "PlanFacts.java", is: "    facts.refuseLimitAtRoot();\n", was: "" }],
    },
    Mend {
        name: "parsed-by-columns",
        without: "malformed rows that a query's columns do not show are dropped, or fail",
        profile: None,
        edits: &[Edit {
            file: "Cacheability.java",
            is: "if (files == null) {",
            was: "if (files == null || files.location() != null) {",
        }],
    },
    Mend {
        name: "settings-of-a-plan",
        without: "rows that were computed under another time zone, ANSI mode or case sensitivity",
        profile: None,
        edits: &[Edit {
            file: "KeptPlans.java",
            is: "entry.confDigest() == facts.confDigest && canBeRead(node)",
            was: "canBeRead(node)",
        }],
    },
    Mend {
        name: "users-cache",
        without: "what the user cached stays empty, or outlives its unpersist",
        profile: None,
        edits: &[Edit { file: "KeptPlans.java", is: "    facts.refuseAboveUsersCache();\n", was: "" }],
    },
    Mend {
        name: "own-plan",
        without: "an object's files, storage level and later cache are those of a plan that Sparkwright made",
        profile: None,
        edits: &[Edit {
            file: "KeptPlans.java",
            is: "Compat.remembers(now.execution, now.own, () -> becomesRdd(now.read));",
            was: "becomesRdd(List.of());",
        }],
    },
    Mend {
        name: "held-rdd",
        without: "old rows of an RDD that was made before its files were replaced",
        profile: None,
        edits: &[Edit {
            file: "KeptPlans.java",
            is: "if (steering == null || !Purpose.ofThisCall(steering).runs()) {",
            was: "if (steering == null && !read.isEmpty()) {",
        }],
    },
    Mend {
        name: "same-plan",
        without: "two sub-plans of one name share what is kept of one of them",
        profile: None,
        edits: &[Edit {
            file: "KeptPlans.java",
            is: "named.stream().filter(one -> one.plan == plan || one.plan.sameResult(plan)).toList();",
            was: "named;",
        }],
    },
    Mend {
        name: "partitions",
        without: "a sample, or the number of files of a write, is another one",
        profile: Some("steered partitions"),
        edits: &[Edit { file: "PlanFacts.java", is: "if (drawn || written) {", was: "if (drawn && written) {" }],
    },
    Mend {
        name: "confs-of-an-execution",
        without: "the session, and a streaming query's checkpoint, have shuffle partitions that the user did not set",
        profile: Some("steered partitions"),
        edits: &[
            Edit {
                file: "ExecutionConfs.java",
                is: "    open.remove(id);\n    byExecution.remove(id);\n",
                was: "    open.remove(id);\n",
            },
            Edit {
                file: "ExecutionConfs.java",
                is: "Map<String, Ours> known = id == null ? null : byExecution.get(id);",
                was: "Map<String, Ours> known = id == null ? byExecution.values().stream().findAny().orElse(null) : byExecution.get(id);",
            },
        ],
    },
];

/// Copies the plugin's folder without a mend.
///
/// # Errors
/// Where the text that is to be replaced does not stand in its file exactly once: the source has changed, and the table has to follow.
pub(crate) fn take_out(mend: &Mend, plugin: &Path, to: &Path) -> Result<()> {
    let mut taken = 0;
    for file in files_below(&plugin.join("src"))? {
        let target = to.join(file.strip_prefix(plugin).unwrap_or(&file));
        let mut text = fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        for edit in mend.edits {
            if file.ends_with(Path::new("src/main/java/io/sparkwright/spark").join(edit.file)) {
                text = without(mend, edit, &text)?;
                taken += 1;
            }
        }
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        }
        fs::write(&target, text).with_context(|| format!("cannot write `{}`", target.display()))?;
    }
    if taken != mend.edits.len() {
        let files: Vec<&str> = mend.edits.iter().map(|edit| edit.file).collect();
        bail!("the mend `{}` names a file that the plugin does not have: {}", mend.name, files.join(", "));
    }
    Ok(())
}

fn without(mend: &Mend, edit: &Edit, text: &str) -> Result<String> {
    let found = text.matches(edit.is).count();
    if found != 1 {
        bail!(
            "the mend `{}` is not in {} as xtask/src/certificate/mends.rs has it: found {found} times, wanted once: {}",
            mend.name,
            edit.file,
            edit.is.trim()
        );
    }
    Ok(text.replace(edit.is, edit.was))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::build::plugin;

    #[test]
    fn each_mend_is_in_the_sources_as_the_table_has_it() {
        for mend in &MENDS {
            let place = tempfile::tempdir().unwrap();
            take_out(mend, &plugin::folder(), place.path()).unwrap();
        }
    }
}
