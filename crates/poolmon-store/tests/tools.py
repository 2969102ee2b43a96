"""Opens exported files with DuckDB, pyarrow and Polars: sums have to be equal, slopes to the digit.

usage: tools.py FOLDER [TOLERANCE]    (a.parquet, a.csv, a.tsv, a.jsonl, expected.json in it)

Figures that a system does not tell are empty; their sums are 0.
"""

import json
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

folder = Path(sys.argv[1])
expected = {tuple(row["key"]): row for row in json.loads((folder / "expected.json").read_text())}
FIGURES = ["n", "allocs", "frees", "diff", "bytes"]
TOLERANCE = float(sys.argv[2]) if len(sys.argv) > 2 else 1e-11


def check(tool, rows):
    """rows: (tag, pool, n, sums of allocs, frees, diff, bytes, slope of bytes over t_s)"""
    seen = 0
    for tag, pool, *sums, slope in rows:
        want = expected[(tag, pool)]
        for name, value in zip(FIGURES, sums):
            assert int(value or 0) == want[name], (tool, tag, pool, name, value, want[name])
        error = abs(slope - want["slope"])
        assert error <= TOLERANCE * max(1.0, abs(want["slope"])), (tool, tag, pool, slope, want["slope"])
        seen += 1
    assert seen == len(expected), (tool, seen, len(expected))
    print(f"{tool}: {seen} series agree")


SQL = """select tag, pool, count(*), sum(allocs), sum(frees), sum(diff), sum(bytes), regr_slope(bytes, t_s)
from {} group by tag, pool"""
# A tag such as `0001` must stay a text: types are named, not guessed.
NUMBERS = ", ".join(f"'{name}': 'BIGINT'" for name in FIGURES[1:])
TYPES = f"types={{'tag': 'VARCHAR', 'boot': 'VARCHAR', 'host': 'VARCHAR', {NUMBERS}}}"
JSON = f"columns={{'tag': 'VARCHAR', 'pool': 'VARCHAR', 't_s': 'DOUBLE', {NUMBERS}}}"
for name, source in {
    "parquet": f"'{folder}/a.parquet'",
    "csv": f"read_csv('{folder}/a.csv', {TYPES})",
    "tsv": f"read_csv('{folder}/a.tsv', delim='\t', {TYPES})",
    "json lines": f"read_json('{folder}/a.jsonl', format='newline_delimited', {JSON})",
}.items():
    check(f"DuckDB {name}", duckdb.sql(SQL.format(source)).fetchall())


def slope(x, y):
    n = len(x)
    mean_x, mean_y = sum(x) / n, sum(y) / n
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / sum((a - mean_x) ** 2 for a in x)


def by_series(table):
    series = {}
    # Python's own times end at microseconds; they are not needed here.
    wanted = [name for name in ("tag", "pool", "t_s", *FIGURES) if name in table.column_names]
    for row in table.select(wanted).to_pylist():
        series.setdefault((row["tag"], row["pool"]), []).append(row)
    for (tag, pool), rows in series.items():
        sums = [sum(row.get(name) or 0 for row in rows) for name in FIGURES[1:]]
        fitted = slope([row["t_s"] for row in rows], [row["bytes"] for row in rows])
        yield (tag, pool, len(rows), *sums, fitted)


parquet = pyarrow.parquet.read_table(folder / "a.parquet")
assert parquet.schema.metadata[b"poolmon.format"] == b"1", parquet.schema.metadata
assert pc.sum(parquet["bytes"]).as_py() == sum(row["bytes"] for row in expected.values())
check("pyarrow parquet", by_series(parquet))
check("pyarrow csv", by_series(pyarrow.csv.read_csv(folder / "a.csv")))
check("pyarrow json lines", by_series(pyarrow.json.read_json(folder / "a.jsonl")))

INTEGERS = {name: polars.Int64 for name in FIGURES[1:]}
LINES = {"tag": polars.String, "pool": polars.String, "t_s": polars.Float64, **INTEGERS}
for name, frame in {
    "parquet": polars.read_parquet(folder / "a.parquet"),
    "csv": polars.read_csv(folder / "a.csv", schema_overrides=INTEGERS),
    "tsv": polars.read_csv(folder / "a.tsv", separator="\t", schema_overrides=INTEGERS),
    "json lines": polars.read_ndjson(folder / "a.jsonl", schema=LINES),
}.items():
    column = polars.col
    fitted = polars.cov("t_s", "bytes") / column("t_s").var()
    grouped = frame.group_by("tag", "pool").agg(
        polars.len().alias("n"), *[column(figure).sum() for figure in FIGURES[1:]], fitted.alias("slope")
    )
    check(f"Polars {name}", grouped.select("tag", "pool", *FIGURES, "slope").rows())
