# Sourced by the other scripts: names, paths, checks and helpers.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TZ=UTC
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=${1-}                       # a Debian suite, or its second lab: sid, sid-2
suite=${name%-2}
labs=$(realpath -m "${OVPN3_LAB_DIR:-/var/tmp/ovpn3-lab}")
root=$labs/$name                 # the chroot
state=$root/lab                  # our files, /lab inside the chroot
socket=$root/run/dbus/system_bus_socket
client=ovpn3-$name-c             # the network namespace of the bus and the services
server=ovpn3-$name-s             # the network namespace of the VPN servers

die() {
    echo "$*" >&2
    exit 1
}

check_host() {
    case $suite in sid | trixie) ;; *) die "usage: $(basename "$0") sid|sid-2|trixie|trixie-2" ;; esac
    [ "$(. /etc/os-release 2>/dev/null && echo "${ID-}")" = debian ] || die 'The lab requires Debian, because it installs OpenVPN 3 Linux from there.'
    [ "$(id -u)" = 0 ] || die 'The lab requires root for a chroot and network namespaces.'
    local tool package missing=()
    while read -r tool package; do
        command -v "$tool" >/dev/null || missing+=("$package")
    done <<<$'debootstrap debootstrap\nip iproute2'
    [ ${#missing[@]} = 0 ] || die "The lab requires packages: apt-get install ${missing[*]}"
}

# Runs one script at a time for each lab. With -o, daemons do not inherit the lock.
with_lock() {
    [ "${OVPN3_LAB_LOCK-}" = "$name" ] && return
    mkdir -p "$labs"
    OVPN3_LAB_LOCK=$name exec flock -o "$labs/$name.lock" "$0" "$name"
}

in_namespace() { nsenter --net="/run/netns/$1" "${@:2}"; }

clean_env() { env -i PATH="$PATH" LC_ALL="$LC_ALL" TZ="$TZ" TERM=dumb "$@"; }

# as USER COMMAND...: runs a command in the chroot and the network namespace of the services
as() {
    local home=/home/$1
    [ "$1" = root ] && home=/root
    in_namespace "$client" chroot --userspec="$1:" "$root" \
        env -i PATH="$PATH" LC_ALL="$LC_ALL" TZ="$TZ" TERM=dumb HOME="$home" USER="$1" LOGNAME="$1" "${@:2}"
}

# All processes in our network namespaces belong to the lab.
pids() { [ ! -e "/run/netns/$1" ] || ip netns pids "$1" 2>/dev/null; }

# running NAMESPACE WORD: whether a process in the namespace has WORD in its command line
running() {
    local pid
    for pid in $(pids "$1"); do
        tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$2" && return
    done
    return 1
}

wait_for() {
    local _
    for _ in {1..100}; do
        "$@" && return
        sleep 0.05
    done
    return 1
}

unmount_all() {
    local mount
    # Innermost mounts first.
    awk -v dir="$1/" 'index($5, dir) == 1 {print $5}' /proc/self/mountinfo | sort -r |
        while read -r mount; do umount -l "$mount"; done
}
