#!/usr/bin/env bash
# Exports opened with DuckDB, pyarrow and Polars. Makes a Python environment under target/; skips, loudly, without one.
set -euo pipefail
cd "$(dirname "$0")/../../.."
venv=target/store-venv
if ! "$venv/bin/python" -c 'import duckdb, polars, pyarrow' 2>/dev/null; then
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install -q duckdb pyarrow polars; }; then
        echo "SKIPPED: exports in DuckDB, pyarrow and Polars: pip could not install them" >&2
        exit 0
    fi
fi
POOLMON_PYTHON="$PWD/$venv/bin/python" cargo test -p pool-store --test tools -- --nocapture
