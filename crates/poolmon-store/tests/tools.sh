#!/usr/bin/env bash
# A Python with DuckDB, pyarrow, Polars and chDB (ClickHouse as a library), and the schemas of CycloneDX, under target/: prints its path. Says so and fails where there is none.
#   POOLMON_PYTHON=$(crates/poolmon-store/tests/tools.sh) cargo test other_tools
set -euo pipefail
cd "$(dirname "$0")/../../.."
venv=$PWD/target/store-venv
if ! "$venv/bin/python" -c 'import chdb, cyclonedx, duckdb, jsonschema, polars, pyarrow' 2>/dev/null; then
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install -q chdb-core duckdb pyarrow polars 'cyclonedx-python-lib[json-validation]'; } >&2; then
        echo "SKIPPED: DuckDB, pyarrow, Polars, chDB and the schemas of CycloneDX: pip could not install them" >&2
        exit 1
    fi
fi
echo "$venv/bin/python"
