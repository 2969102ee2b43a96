"""The rates of all tags as DuckDB's regr_slope tells them: judge.py FILE.parquet THREADS."""

import resource
import sys

import duckdb

database = duckdb.connect()
database.execute(f"SET threads = {int(sys.argv[2])}")
rows = database.execute(
    "SELECT tag, pool, regr_slope(bytes, t_s) * 3600 / 1e6, count(*) FROM read_parquet(?) "
    "GROUP BY tag, pool ORDER BY 3 DESC",
    [sys.argv[1]],
).fetchall()
for tag, pool, rate, count in rows[:5]:
    print(f"  {tag} ({pool}): {rate:.4f} MB/h of {count} samples")
print(f"  {len(rows)} tags, {sum(rate >= 1 for _, _, rate, _ in rows)} of them grow by 1 MB/h or more")
used = resource.getrusage(resource.RUSAGE_SELF)
print(f"  DuckDB {duckdb.__version__}: {used.ru_utime + used.ru_stime:.1f} s CPU, {used.ru_maxrss * 1024 / 1e6:.0f} MB")
