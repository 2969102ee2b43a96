#!/bin/sh
# Prints, for every kernel in the symbol database of memprocfs (PyPI, AGPL: fetched into target/, never kept): bytes of
# a pointer, offset of PoolBigPageTable, offset of PoolBigPageTableSize.
set -eu
cd "$(dirname "$0")/../../.."
folder=target/memprocfs
if [ ! -f "$folder/memprocfs/info.db" ]; then
    mkdir -p "$folder"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$folder" \
        'memprocfs==5.19.*' >&2
    python3 -m zipfile -e "$folder"/memprocfs-*.whl "$folder" >&2
fi
exec python3 crates/poolmon-dump/tests/memprocfs.py "$folder/memprocfs/info.db"
