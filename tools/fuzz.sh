#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the fuzzers and runs each for a while, from its corpus in the tree.
# What they find is in build-fuzz/found/; new inputs of use go to
# build-fuzz/corpus/NAME, and stay there for the next run.
#
# Usage: tools/fuzz.sh SECONDS [NAME...]       exit 1 if one found something
set -eu
cd "$(dirname "$0")/.."

seconds=$1
shift
dir=build-fuzz

if [ ! -f "$dir/build.ninja" ]; then
    CC=clang CXX=clang++ meson setup "$dir" --buildtype=debugoptimized \
        -Dfuzz=enabled -Db_sanitize=address,undefined -Db_lundef=false \
        -Dtests=disabled -Dexamples=false -Dbench=disabled
fi
names=()
for source in fuzz/fuzz_*.c; do
    name=${source#fuzz/fuzz_}
    name=${name%.c}
    [ $# != 0 ] && [[ " $* " != *" $name "* ]] || names+=("$name")
done
[ "${#names[@]}" -ge "$#" ] && [ "${#names[@]}" != 0 ] || {
    echo "fuzz: no such fuzzer: $*" >&2
    exit 1
}
ninja -C "$dir" "${names[@]/#/fuzz/fuzz_}"
mkdir -p "$dir/found"

status=0
for name in "${names[@]}"; do
    dict=()
    [ ! -f "fuzz/$name.dict" ] || dict=("-dict=fuzz/$name.dict")
    mkdir -p "$dir/corpus/$name"
    echo "fuzz: $name for $seconds s"
    "$dir/fuzz/fuzz_$name" "-max_total_time=$seconds" -max_len=4096 \
        -print_final_stats=1 "-artifact_prefix=$dir/found/$name-" \
        "${dict[@]}" "$dir/corpus/$name" "fuzz/corpus/$name" \
        >"$dir/$name.log" 2>&1 || status=1
    grep -E '^stat::number_of_executed_units|^SUMMARY|not so:' \
        "$dir/$name.log" || status=1
done
exit "$status"
