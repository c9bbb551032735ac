#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the tests of a build folder and ends with one plain line,
# "N passed, N failed". A run in which nothing ran has failed.
#
# Usage: tools/test.sh BUILD [meson test's options...]
set -u
cd "$(dirname "$0")/.."

build_dir=$1
shift
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# Everything: the tests of the examples run programs that meson does not know
# they need.
ninja -C "$build_dir" || exit 1
meson test -C "$build_dir" --no-rebuild --print-errorlogs "$@" 2>&1 | tee "$out"
status=${PIPESTATUS[0]}

# Adds up the summary's lines "WORD:  N" for the words given.
sum_of() {
    local words=$1
    sed -nE "s/^($words): +([0-9]+) *\$/\\2/p" "$out" |
        awk '{ n += $1 } END { print n + 0 }'
}

passed=$(sum_of 'Ok|Expected Fail')
failed=$(sum_of 'Fail|Unexpected Pass|Timeout')
skipped=$(sum_of 'Skipped')

if [ $((passed + failed)) = 0 ]; then
    echo "no test ran"
    status=1
elif [ "$failed" != 0 ]; then
    status=1
fi
[ "$skipped" = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
exit "$status"
