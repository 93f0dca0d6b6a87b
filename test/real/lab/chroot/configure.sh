#!/bin/sh
# Runs in the chroot and creates keys, servers and profiles in /lab.
set -eu
cd /lab

make_keys() {
    new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }
    certify() {
        new_key "$1"
        printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=%s\n' "$2" >"$1.ext"
        openssl req -new -key "$1.key" -subj "/CN=$1" |
            openssl x509 -req -CA ca.crt -CAkey ca.key -days 3650 -extfile "$1.ext" -out "$1.crt"
    }
    new_key ca
    openssl req -x509 -new -key ca.key -subj '/CN=Lab CA' -days 3650 -out ca.crt
    certify server serverAuth
    certify client clientAuth
    openssl pkcs8 -topk8 -v2 aes-256-cbc -in client.key -passout pass:opensesame -out encrypted.key
    openvpn --genkey tls-crypt-v2-server server.tc2
    openvpn --tls-crypt-v2 server.tc2 --genkey tls-crypt-v2-client client.tc2
}

if [ ! -e pki ]; then
    rm -rf pki.half
    mkdir -m 700 pki.half
    (cd pki.half && make_keys) 2>pki.log
    mv pki.half pki
fi

# server NAME PORT NETWORK [LINE...]
server() {
    name=$1 port=$2 network=$3
    shift 3
    cat >"server-$name.conf" <<CONF
dev tun-$name
dev-type tun
topology subnet
proto udp4
local 10.99.0.1
port $port
server $network 255.255.255.0
ca /lab/pki/ca.crt
cert /lab/pki/server.crt
key /lab/pki/server.key
tls-crypt-v2 /lab/pki/server.tc2
dh none
data-ciphers AES-256-GCM:CHACHA20-POLY1305
keepalive 5 30
duplicate-cn
max-clients 200
explicit-exit-notify 1
disable-dco
tmp-dir /lab/tmp
script-security 2
verb 3
CONF
    [ $# = 0 ] || printf '%s\n' "$@" >>"server-$name.conf"
}

# profile NAME REMOTE KEY [LINE...]
profile() {
    name=$1 remote=$2 key=$3
    shift 3
    {
        printf '%s\n' client 'dev tun' "remote $remote udp" nobind 'remote-cert-tls server' \
            'data-ciphers AES-256-GCM:CHACHA20-POLY1305' "$@"
        echo '<ca>' && cat pki/ca.crt && echo '</ca>'
        echo '<cert>' && cat pki/client.crt && echo '</cert>'
        echo '<key>' && cat "pki/$key.key" && echo '</key>'
        echo '<tls-crypt-v2>' && cat pki/client.tc2 && echo '</tls-crypt-v2>'
    } >"$name.ovpn"
}

server cert 1194 10.8.0.0 'push "dhcp-option DNS 10.8.0.1"' 'push "dhcp-option DOMAIN lab.example"'
server pass 1195 10.8.1.0 'auth-user-pass-verify /lab/check-password.sh via-file'
server web 1196 10.8.2.0 'auth-user-pass-verify /lab/check-web.sh via-file'

profile cert '10.99.0.1 1194' client
profile cert2 '10.99.0.1 1194' client
profile key '10.99.0.1 1194' encrypted
profile pass '10.99.0.1 1195' client auth-user-pass
profile chal '10.99.0.1 1195' client auth-user-pass 'static-challenge "Enter the PIN" 1'
profile web '10.99.0.1 1196' client auth-user-pass
profile dead '10.99.66.1 1194' client
