#!/bin/sh
# auth-user-pass-verify: sends every user to a web page. The file /lab/web-ok stands for an authentication on that page.
printf '60\nwebauth\nWEB_AUTH::https://vpn.lab.example/auth?id=42\n' >"$auth_pending_file"
(
    tries=0
    while [ "$tries" -lt 600 ]; do
        # OpenVPN removes the file when the client disconnects.
        [ -e "$auth_control_file" ] || exit
        [ ! -e /lab/web-ok ] || break
        tries=$((tries + 1))
        sleep 0.1
    done
    if [ -e /lab/web-ok ]; then printf 1; else printf 0; fi >"$auth_control_file"
) </dev/null >/dev/null 2>&1 &
exit 2 # decided later
