"""Writes the 24 TPC-DS tables as Parquet and the texts of its 99 queries, by DuckDB's own generator.

    python tpcds_tables.py FOLDER SCALE

FOLDER gets a folder for each table with one file, and `queries/q01.sql` … `q99.sql`. The texts are DuckDB's, with the specification's
validation parameters.
"""

import sys
from pathlib import Path

import duckdb


def main() -> None:
    """Writes all of it."""
    folder, scale = Path(sys.argv[1]), float(sys.argv[2])
    connection = duckdb.connect()
    connection.execute("LOAD tpcds")
    connection.execute(f"CALL dsdgen(sf={scale})")
    for (table,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall():
        (folder / table).mkdir(parents=True, exist_ok=True)
        connection.execute(f"COPY {table} TO '{folder / table / 'part-0.parquet'}' (FORMAT PARQUET)")
    (folder / "queries").mkdir(exist_ok=True)
    for number, text in connection.execute("SELECT query_nr, query FROM tpcds_queries()").fetchall():
        (folder / "queries" / f"q{number:02}.sql").write_text(text, encoding="utf-8")


main()
