#!/bin/bash
# bootstrap.sh LAB: creates the chroot if it does not exist. An incomplete chroot has another name, so the chroot itself
# is always complete.
set -euo pipefail
. "$(dirname "$0")/common.sh"
check_host
with_lock
[ -e "$root" ] && exit

half=$root.half
unmount_all "$half"
rm -rf --one-file-system "$half"
trap 'unmount_all "$half"' EXIT

if [ "$name" != "$suite" ]; then
    "$here/bootstrap.sh" "$suite"
    # Exclude the other lab's mounts, keys and profiles.
    cp -ax "$labs/$suite" "$half"
    rm -rf "$half/lab" "$half"/run/dbus/* "$half"/var/lib/openvpn3/{*.json,configs/*}
    mv "$half" "$root"
    exit
fi

export DEBIAN_FRONTEND=noninteractive
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || die 'The lab requires a package: apt-get install debian-archive-keyring'
mirror=$(apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sort -u | head -n 1)
[ -n "$mirror" ] || die 'apt has no Debian mirror: apt-get update'

debootstrap --variant=minbase --keyring="$keyring" "$suite" "$half" "$mirror"

printf '#!/bin/sh\nexit 101\n' >"$half/usr/sbin/policy-rc.d"
chmod 755 "$half/usr/sbin/policy-rc.d"
cp -L /etc/resolv.conf "$half/etc/resolv.conf"
mount -t proc proc "$half/proc"
# A frozen mirror has an expired index of sid. Signatures are still checked.
apt=(chroot "$half" apt-get -q -o Acquire::Check-Valid-Until=false)
"${apt[@]}" update
# Standalone sysusers and tmpfiles avoid systemd: with systemd, a backend waits 15 s for hostname1.
"${apt[@]}" -y --no-install-recommends install \
    dbus dbus-bin dbus-daemon iputils-ping openssl openvpn openvpn3-client \
    systemd-standalone-sysusers systemd-standalone-tmpfiles
"${apt[@]}" clean
for user in alice:6001 bob:6002 carol:6003; do
    chroot "$half" useradd -m -s /bin/sh -u "${user#*:}" "${user%:*}"
done
unmount_all "$half"
mv "$half" "$root"
