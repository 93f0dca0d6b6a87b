#!/bin/bash
# down.sh LAB: stops everything that up.sh started. The chroot stays.
set -euo pipefail
. "$(dirname "$0")/common.sh"
check_host
with_lock

all() { pids "$client"; pids "$server"; }
none() { [ -z "$(all)" ]; }
for signal in TERM KILL; do
    all | xargs -r kill -s "$signal" 2>/dev/null || true
    # A stopped process does not handle SIGTERM.
    all | xargs -r kill -s CONT 2>/dev/null || true
    wait_for none && break
done
for ns in "$client" "$server"; do
    [ ! -e "/run/netns/$ns" ] || ip netns del "$ns"
done
rm -f "$root"/run/dbus/*
unmount_all "$root"
echo "$name: down"
