#!/bin/sh
# SPDX-License-Identifier: MIT
# Starts the echo server in the foreground and first says how to try it.
# Usage: tools/run_echo.sh PROGRAM ADDR
set -eu

program=$1
addr=$2
host=${addr%:*}
port=${addr##*:}

echo "Starting the echo server. Try it from another terminal:"
echo
echo "    nc ${host:-127.0.0.1} $port"
echo
echo "What you type comes back. Ctrl-C here stops it; clients that are connected then"
echo "have 5 seconds to leave, and a second Ctrl-C stops it at once."
exec "$program" "$addr"
