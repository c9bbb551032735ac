#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes a Debian machine ready for the named jobs, and says what it does.
#
# Usage: tools/setup.sh JOB...     with JOB one of
#   build   compiler, meson, libev, llhttp, cmocka; configures $BUILD (default: build)
#   test    what the tests run besides
#   peers   the real servers and libraries that tests/real runs against
#   bench   the libraries that the benchmarks compare with
#   lint    clang-format and clang-tidy
#   fuzz    clang with libFuzzer
#   browser a browser for the tests that use one; 300 MB
#   ci      all of these, but for fuzz
#
# Nothing is asked of the network when nothing is missing. A build folder that
# exists is only configured anew after packages were installed, so that features
# which were left out for want of them come in.
set -eu
cd "$(dirname "$0")/.."

build_dir=${BUILD:-build}

packages_of() {
    case $1 in
    build) echo "gcc libc6-dev meson ninja-build pkg-config libev-dev" \
                "libcmocka-dev libc-ares-dev libdw-dev node-llhttp python3" ;;
    test)  echo "g++ binutils valgrind strace ltrace netcat-openbsd gdb" \
                "python3 python3-h11 golang-go curl wget wrk apache2-utils" \
                "nghttp2-client slowhttptest libjansson-dev" ;;
    browser) echo "chromium fonts-dejavu-core python3" ;;
    bench) echo "g++ golang-go libboost-context-dev libboost-fiber-dev" \
                "libh2o-evloop-dev libst-dev libuv1-dev" \
                "nginx-light wrk apache2-utils gnuplot-nox python3" \
                "python3-gevent $(node_package)" ;;
    peers) echo "redis-server postgresql libhiredis-dev libpq-dev" \
                "libcurl4-openssl-dev nginx-light openssl curl wget" \
                "bind9-dnsutils bind9-host netcat-openbsd" ;;
    lint)  echo "clang clang-format clang-tidy python3" ;;
    fuzz)  echo "clang libclang-rt-dev" ;;
    *)     echo "setup: unknown job '$1'" >&2; return 1 ;;
    esac
}

# Some other node, from its makers' repository, serves as well.
node_package() {
    command -v node >/dev/null || echo nodejs
}

# Prints those of its arguments that dpkg does not have.
missing_of() {
    local p
    for p in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null |
            grep -qx installed || echo "$p"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install_packages() {
    echo "setup: installing $*"
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        echo "setup: these packages need root; there is no sudo. Run as root:" >&2
        echo "    apt-get install $*" >&2
        return 1
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@"
}

configures=no
jobs=
for job in "$@"; do
    case $job in
    ci) jobs="$jobs build test peers bench lint browser" ;;
    *)  jobs="$jobs $job" ;;
    esac
done

wanted=
for job in $jobs; do
    [ "$job" != build ] || configures=yes
    more=$(packages_of "$job")
    wanted="$wanted $more"
done

installed=no
if ! command -v dpkg-query >/dev/null; then
    echo "setup: not a Debian system; taking these to be there:$wanted" >&2
else
    # A name may be wanted by two jobs.
    # shellcheck disable=SC2086
    missing=$(missing_of $(printf '%s\n' $wanted | sort -u))
    if [ -n "$missing" ]; then
        # shellcheck disable=SC2086
        install_packages $missing
        installed=yes
    fi
fi

[ "$configures" = yes ] || exit 0
if [ ! -f "$build_dir/build.ninja" ]; then
    echo "setup: configuring $build_dir (release)"
    meson setup "$build_dir" --buildtype=release -Dtests=enabled
elif [ "$installed" = yes ]; then
    # --wipe keeps the options, but forgets which libraries were not found.
    echo "setup: configuring $build_dir again"
    meson setup --wipe "$build_dir"
fi
