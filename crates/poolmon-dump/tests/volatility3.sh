#!/bin/sh
# The same synthetic dumps read by volatility3 (PyPI): same physical pages, same translations.
# Needs python3; installs volatility3 into target/volatility3. Skips, saying so, where either is missing.
# Argument: addresses of each kind for each of the six dumps (default 10000: 120,000 in all).
set -eu
cd "$(dirname "$0")/../../.."
skip() {
    echo "SKIPPED: volatility3.sh: $1" >&2
    exit 0
}
command -v python3 >/dev/null || skip "python3 is missing"
venv=target/volatility3
if ! "$venv/bin/python" -c 'import volatility3' 2>/dev/null; then
    python3 -m venv "$venv" || skip "python3 cannot make a virtual environment"
    "$venv/bin/pip" install --quiet 'volatility3==2.28.*' || skip "volatility3 cannot be installed"
fi
dumps=$(mktemp -d)
trap 'rm -rf "$dumps"' EXIT
cargo run --quiet --package poolmon-dump --example peer_lines -- "$dumps" "${1:-10000}"
"$venv/bin/python" crates/poolmon-dump/tests/compare_volatility3.py "$dumps"
