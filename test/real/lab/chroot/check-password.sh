#!/bin/sh
# auth-user-pass-verify FILE: with a static challenge, the password has the form SCRV1:password:answer, both in base64.
{
    read -r user
    read -r password
} <"$1"
secret=$(printf secret | base64)
pin=$(printf 123456 | base64)
[ "$user" = vpnuser ] && { [ "$password" = secret ] || [ "$password" = "SCRV1:$secret:$pin" ]; }
