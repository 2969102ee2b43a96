#!/usr/bin/env bash
# axe-core, which judges a page's accessibility, under target/: prints its path. Says so and fails where there is none.
#   POOLMON_AXE=$(crates/poolmon-serve/tests/axe.sh) cargo test -p poolmon-serve --test serve axe
set -euo pipefail
cd "$(dirname "$0")/../../.."
folder=$PWD/target/axe
script=$folder/node_modules/axe-core/axe.min.js
if [ ! -s "$script" ] && ! { mkdir -p "$folder" && npm install --silent --no-save --ignore-scripts --prefix "$folder" axe-core@4.14.1; } >&2; then
    echo "SKIPPED: axe-core: npm could not install it" >&2
    exit 1
fi
echo "$script"
