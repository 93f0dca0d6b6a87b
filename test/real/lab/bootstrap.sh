#!/bin/bash
# bootstrap.sh LAB: makes the chroot, where there is none. What is half made stays at a name of its own, so the
# chroot itself is there as a whole or not at all.
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
    # Without what that lab has mounted, its keys and its profiles.
    cp -ax "$labs/$suite" "$half"
    rm -rf "$half/lab" "$half"/run/dbus/* "$half"/var/lib/openvpn3/{*.json,configs/*}
    mv "$half" "$root"
    exit
fi

export DEBIAN_FRONTEND=noninteractive
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || die 'The lab needs: apt-get install debian-archive-keyring'
mirror=$(apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sort -u | head -n 1)
[ -n "$mirror" ] || die 'Apt knows no Debian mirror yet: apt-get update'

debootstrap --variant=minbase --keyring="$keyring" "$suite" "$half" "$mirror"

printf '#!/bin/sh\nexit 101\n' >"$half/usr/sbin/policy-rc.d"
chmod 755 "$half/usr/sbin/policy-rc.d"
cp -L /etc/resolv.conf "$half/etc/resolv.conf"
mount -t proc proc "$half/proc"
# A mirror that stands still has an index of sid that is past its date. Signatures are still checked.
apt=(chroot "$half" apt-get -q -o Acquire::Check-Valid-Until=false)
"${apt[@]}" update
# Standalone sysusers and tmpfiles keep systemd out: with it, a backend waits 15 s for hostname1.
"${apt[@]}" -y --no-install-recommends install \
    dbus dbus-bin dbus-daemon iputils-ping openssl openvpn openvpn3-client \
    systemd-standalone-sysusers systemd-standalone-tmpfiles
"${apt[@]}" clean
for user in alice:6001 bob:6002 carol:6003; do
    chroot "$half" useradd -m -s /bin/sh -u "${user#*:}" "${user%:*}"
done
unmount_all "$half"
mv "$half" "$root"
