#!/bin/bash
# SPDX-License-Identifier: MIT
# What can be said about the sources without running them. Ends with status 0 if
# there is nothing to say.
#
# Usage: tools/lint.sh [PART [PLACE...]]     all parts, or one of
#   format   clang-format, of every C file
#   layers   tools/check_layers.py
#   docs     tools/check_docs.py
#   tidy     clang-tidy with .clang-tidy, of src or the files and folders named
set -eu -o pipefail
cd "$(dirname "$0")/.."

lint_dir=build-lint # configured for clang and never built: gcc has flags of its own

format() {
    find src include examples tests bench fuzz -name '*.[ch]' -print0 |
        xargs -0 clang-format --dry-run -Werror
}

layers() {
    python3 tools/check_layers.py
}

docs() {
    python3 tools/check_docs.py
}

# With assertions, which tell the analyzer what we rely on.
configure() {
    [ -f "$lint_dir/build.ninja" ] ||
        CC=clang CXX=clang++ meson setup "$lint_dir" --buildtype=release \
            -Db_ndebug=false -Dtests=disabled -Dexamples=false \
            -Dbench=disabled >/dev/null
    # The list of commands follows the meson.build files.
    ninja -C "$lint_dir" build.ninja >/dev/null
}

# One file at a time: of several the analyzer takes va_start() for unknown in all
# but the first. How many warnings it left out is said for each file, by stderr.
tidy() {
    [ $# != 0 ] || set -- src
    configure
    find "$@" -name '*.c' | LC_ALL=C sort |
        xargs -P 2 -n 1 clang-tidy --quiet -p "$lint_dir" 2>&1 |
        sed -E '/^[0-9]+ warnings? (generated|treated as errors?)/d'
}

parts=${1:-format layers docs tidy}
[ $# = 0 ] || shift
for part in $parts; do
    case $part in
    format | layers | docs | tidy) "$part" "$@" ;;
    *) echo "lint: unknown part '$part'" >&2; exit 2 ;;
    esac
done
