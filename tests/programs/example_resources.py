"""Lays what Spark's own example programs read from the folder that they run in, and write into.

    python example_resources.py PLACE SPARK_HOME

The PyPI package ships `data`, which is copied as the programs write there too, but not `examples/src/main/resources`.
"""

import os
import shutil
import sys
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet

PEOPLE = [("Michael", None), ("Andy", 30), ("Justin", 19)]
USERS = pa.table(
    {
        "name": ["Alyssa", "Ben"],
        "favorite_color": pa.array([None, "red"], pa.string()),
        "favorite_numbers": pa.array([[3, 9, 15, 20], []], pa.list_(pa.int32())),
    }
)


def main(place: Path, spark_home: Path) -> None:
    """Writes everything."""
    shutil.copytree(spark_home / "data", place / "data")
    folder = place / "examples/src/main/resources"
    nested = folder / "dir1" / "dir2"
    nested.mkdir(parents=True, exist_ok=True)
    ages = [f'{{"name":"{name}"' + (f', "age":{age}' if age else "") + "}" for name, age in PEOPLE]
    (folder / "people.json").write_text("\n".join(ages) + "\n")
    (folder / "people.txt").write_text("".join(f"{name}, {age or 29}\n" for name, age in PEOPLE))
    (folder / "people.csv").write_text("name;age;job\nJorge;30;Developer\nBob;32;Developer\n")
    rows = "".join(f"<person><name>{name}</name><age>{age or 29}</age></person>" for name, age in PEOPLE)
    (folder / "people.xml").write_text(f"<people>{rows}</people>\n")
    (folder / "numbers.txt").write_text("".join(f"{n * 7919 % 1000} {n * 104729 % 1000}\n" for n in range(200)))
    pa.parquet.write_table(USERS, folder / "users.parquet")
    pa.orc.write_table(USERS, folder / "users.orc")
    pa.parquet.write_table(pa.table({"file": ["file1.parquet"]}), folder / "dir1" / "file1.parquet")
    pa.parquet.write_table(pa.table({"file": ["file2.parquet"]}), nested / "file2.parquet")
    # The example reads this folder with and without leave to pass over corrupt files, and asks for files changed after
    # 2050-06-01 in vain: a table without rows that was changed between both of its dates fits all of that.
    future = folder / "dir1" / "file3.json"
    pa.parquet.write_table(pa.table({"file": pa.array([], pa.string())}), future)
    when = datetime(2050, 6, 15, tzinfo=timezone.utc).timestamp()
    os.utime(future, (when, when))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
