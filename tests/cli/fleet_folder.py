"""Runs the SQL of docs/guide/fleet.md as it is printed there, over a data set in ./fleet, and prints the answers as JSON.

usage: fleet_folder.py GUIDE
"""

import json
import re
import sys
from pathlib import Path

import chdb
import duckdb

database = duckdb.connect()
answers = {}
for block in re.findall(r"```sql\n(.*?)```", Path(sys.argv[1]).read_text(), re.S):
    engine, _, name = block.splitlines()[0].removeprefix("-- ").partition(": ")
    if engine == "DuckDB":
        rows = database.sql(block)
        if name:
            answers[f"{engine} {name}"] = [list(row) for row in rows.fetchall()]
            plan = database.sql(f"EXPLAIN ANALYZE {block}").fetchall()[0][1]
            answers[f"{engine} {name} files"] = re.findall(r"Scanning Files: (\d+)/(\d+)", plan)
    else:
        lines = str(chdb.query(block.rstrip().removesuffix(";"), "JSONCompactEachRow")).splitlines()
        answers[f"{engine} {name}"] = [json.loads(line) for line in lines]
print(json.dumps(answers, default=str))
