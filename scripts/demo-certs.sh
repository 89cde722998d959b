#!/bin/bash
# Makes certificates for trying easgate out: an authority, servers, instance identities, clients.
#
#   scripts/demo-certs.sh FOLDER [INSTANCE...]
#
#   ca.crt ca.key              the authority of everything below
#   server.crt server.key      for localhost, 127.0.0.1 and ::1: the gate, the MDM and the mail server
#   identity-INSTANCE.crt/.key  one for each INSTANCE (default: demo), self-signed, as
#                              an instance makes its own: shown to the MDM server
#   client-alice.crt/.key      a phone's certificate with the mail address alice@corp.example; also bob
#
# What exists is kept, so that a second run changes nothing. Valid for 30 days. For demonstrations only:
# the keys have no password.
set -euo pipefail

if [ $# -lt 1 ] || [[ $1 == -* ]]; then
    echo "usage: scripts/demo-certs.sh FOLDER [INSTANCE...]" >&2
    exit 64
fi
mkdir -p "$1"
cd "$1"
shift
[ $# -gt 0 ] || set -- demo
umask 077
DAYS=30

new_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

# self_signed NAME SUBJECT EXTENSION...
self_signed() {
    local name=$1 subject=$2 extension options=()
    shift 2
    for extension in "$@"; do
        options+=(-addext "$extension")
    done
    new_key "$name.key"
    openssl req -x509 -new -key "$name.key" -subj "$subject" -days "$DAYS" -sha256 "${options[@]}" -out "$name.crt"
}

# issued NAME SUBJECT EXTENSION...
issued() {
    local name=$1 subject=$2
    shift 2
    new_key "$name.key"
    openssl req -new -key "$name.key" -subj "$subject" -out "$name.csr"
    openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" \
        -days "$DAYS" -sha256 -extfile <(printf '%s\n' "basicConstraints=CA:FALSE" "$@") \
        -out "$name.crt" 2>/dev/null
    rm -f "$name.csr"
}

[ -f ca.crt ] || self_signed ca "/O=easgate demonstration/CN=easgate demo authority" \
    "basicConstraints=critical,CA:TRUE" "keyUsage=critical,keyCertSign,cRLSign"
[ -f server.crt ] || issued server "/O=easgate demonstration/CN=localhost" \
    "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1" "extendedKeyUsage=serverAuth" \
    "keyUsage=critical,digitalSignature"
for instance in "$@"; do
    [ -f "identity-$instance.crt" ] || self_signed "identity-$instance" "/O=easgate demonstration/CN=$instance" \
        "extendedKeyUsage=clientAuth" "keyUsage=critical,digitalSignature" "basicConstraints=critical,CA:FALSE"
done
for user in alice bob; do
    [ -f "client-$user.crt" ] || issued "client-$user" "/O=easgate demonstration/CN=$user" \
        "subjectAltName=email:$user@corp.example" "extendedKeyUsage=clientAuth" "keyUsage=critical,digitalSignature"
done
chmod 644 ./*.crt
