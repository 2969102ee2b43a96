"""Writes an exported a.csv as SQLite and as Parquet the way somebody would who has not thought about it.

usage: formats.py FOLDER
"""

import sqlite3
import sys
from pathlib import Path

import pyarrow
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

folder = Path(sys.argv[1])
NUMBERS = ["tag_raw", "allocs", "frees", "diff", "bytes", "used"]
types = {name: pyarrow.int64() for name in NUMBERS} | {name: pyarrow.string() for name in ("tag", "pool", "host", "boot")}
table = pyarrow.csv.read_csv(
    folder / "a.csv", convert_options=pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=True)
)
pyarrow.parquet.write_table(table, folder / "plain.parquet")
pyarrow.parquet.write_table(table, folder / "plain-zstd.parquet", compression="zstd")

names = {}
rows = zip(
    # Times with and without a fraction of a second are read as other types.
    pc.cast(pc.cast(table["time"], pyarrow.timestamp("ns", "UTC")), pyarrow.int64()).to_pylist(),
    table["tag"].to_pylist(),
    table["pool"].to_pylist(),
    *(table[name].to_pylist() for name in ("allocs", "frees", "diff", "bytes", "used")),
)
databases = {}
for kind in ("dense", "changed"):
    database = databases[kind] = sqlite3.connect(folder / f"{kind}.sqlite")
    database.execute("pragma journal_mode = off")
    database.execute("create table names (id integer primary key, tag text, pool text)")
    # Allocs, frees and diff of Windows: the third follows from the others.
    database.execute("create table samples (time integer, name integer, allocs integer, frees integer, diff integer, bytes integer, used integer)")


def flush(batch, kind):
    databases[kind].executemany("insert into samples values (?, ?, ?, ?, ?, ?, ?)", batch)
    batch.clear()


last, dense, changed = {}, [], []
for time, tag, pool, allocs, frees, diff, size, used in rows:
    name = names.setdefault((tag, pool), len(names))
    figures = (allocs, frees, None if allocs is not None else diff, size, used)
    row = (time, name, *figures)
    dense.append(row)
    if last.get(name) != figures:
        last[name] = figures
        changed.append(row)
    for batch, kind in ((dense, "dense"), (changed, "changed")):
        if len(batch) >= 50_000:
            flush(batch, kind)
flush(dense, "dense")
flush(changed, "changed")
for database in databases.values():
    database.executemany("insert into names values (?, ?, ?)", [(n, *name) for name, n in names.items()])
    database.commit()
    database.close()
