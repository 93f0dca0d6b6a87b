#!/bin/bash
# up.sh LAB: starts a bus, OpenVPN 3 Linux and VPN servers, and imports profiles, unless they are up already.
set -euo pipefail
. "$(dirname "$0")/common.sh"
check_host
with_lock

if [ ! -e "$root" ]; then
    log=$labs/$name.bootstrap.log
    "$here/bootstrap.sh" "$name" >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        die "$name: no chroot, see $log"
    }
fi
mkdir -p "$state/tmp" "$root/run/dbus"
install -m 755 "$here"/chroot/*.sh "$state"

mounts() {
    mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
    # A separate /dev, because every user requires access to tun.
    mountpoint -q "$root/dev" && return
    mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
    local name minor
    while read -r name minor; do
        mknod -m 666 "$root/dev/$name" c 1 "$minor"
    done <<<$'null 3\nzero 5\nfull 7\nrandom 8\nurandom 9'
    mkdir "$root/dev/net" "$root/dev/pts"
    mkdir -m 1777 "$root/dev/shm"
    mknod -m 666 "$root/dev/net/tun" c 10 200
    mknod -m 666 "$root/dev/tty" c 5 0
    mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
}

network() {
    local ns
    for ns in "$client" "$server"; do
        [ -e "/run/netns/$ns" ] || ip netns add "$ns"
        ip -n "$ns" link set lo up
    done
    ip -n "$client" link show wan >/dev/null 2>&1 && return
    ip link add wan netns "$client" type veth peer name wan netns "$server"
    ip -n "$server" addr add 10.99.0.1/24 dev wan
    ip -n "$server" link set wan up
    ip -n "$server" route add blackhole 10.99.66.0/24 # the network of the dead server
    ip -n "$client" addr add 10.99.0.2/24 dev wan
    ip -n "$client" link set wan up
    ip -n "$client" route add default via 10.99.0.1
}

configure() {
    chroot "$root" /lab/configure.sh
    # The files that `openvpn3-admin init-config` writes, without its 18 s of waiting for systemd.
    local var=$root/var/lib/openvpn3
    echo '{"log_level": "6", "timestamp": true}' >"$var/log-service.json"
    echo '{"resolv_conf_file": "/etc/resolv.conf"}' >"$var/netcfg.json"
    chroot "$root" chown _openvpn: /var/lib/openvpn3/log-service.json /var/lib/openvpn3/netcfg.json
}

# daemon NAMESPACE LOG COMMAND...
daemon() {
    setsid nsenter --net="/run/netns/$1" chroot "$root" \
        env -i PATH="$PATH" LC_ALL="$LC_ALL" TZ="$TZ" "${@:3}" </dev/null >"$state/$2.log" 2>&1 &
}

bus() {
    running "$client" dbus-daemon && return
    rm -f "$root"/run/dbus/*
    daemon "$client" bus dbus-daemon --system --nofork --nopidfile
    wait_for test -S "$socket" || die "$name: no bus, see $state/bus.log"
}

servers() {
    local name
    for name in cert pass web; do
        running "$server" "/lab/server-$name.conf" && continue
        daemon "$server" "server-$name" openvpn --config "/lab/server-$name.conf"
        wait_for grep -q 'Initialization Sequence Completed' "$state/server-$name.log" ||
            die "$name: no VPN server, see $state/server-$name.log"
    done
}

# Imports a copy of each profile for each user, unless the profiles are unchanged since the last import.
import() {
    local sum user file name
    sum=$(cat "$state"/*.ovpn | sha256sum)
    [ "$(cat "$state/imported" 2>/dev/null)" = "$sum" ] && return
    for user in root alice bob carol; do
        for file in "$state"/*.ovpn; do
            name=$(basename "$file" .ovpn)
            as "$user" openvpn3 config-remove --force --config "$name" >/dev/null 2>&1 || true
            as "$user" openvpn3 config-import --persistent --name "$name" --config "/lab/$name.ovpn" >/dev/null
        done
    done
    echo "$sum" >"$state/imported"
}

mounts
network
configure
bus
servers
import
echo "$name: up, unix:path=$socket"
