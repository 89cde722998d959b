#!/bin/bash
# Installs the Debian 12 packages that easgate needs. Does nothing, quickly, where all are there.
#
#   scripts/install-deps.sh          what the build needs
#   scripts/install-deps.sh --test   and what the tests and the quickstart need
#   scripts/install-deps.sh --full   and clang's tools, the bench's peers, SOGo and Horde with what they stand on (test.sh --full)
#
# Works as root or through sudo. No service is started by the installation.
set -euo pipefail

BUILD=(g++-12 cmake ninja-build pkg-config ccache libevent-dev libssl-dev libcurl4-openssl-dev
    libyaml-cpp-dev libfmt-dev doctest-dev libcli11-dev libjansson-dev libexpat1-dev libsoci-dev libboost-dev
    libsqlite3-dev zlib1g-dev openssl python3 ca-certificates)
TEST=(python3-pytest python3-cryptography nginx-light curl nghttp2-client libwbxml2-utils procps util-linux clang-format-19)
FULL=(clang-19 clang-tidy-19 libclang-rt-19-dev llvm-19 sogo sogo-activesync memcached dovecot-imapd
    postgresql-15 php-cli php-sqlite3 php-horde-activesync php-horde-db php-horde-rpc haproxy libbenchmark-dev valgrind)

usage() {
    echo "usage: scripts/install-deps.sh [--test] [--full]" >&2
    exit 64
}

WANTED=("${BUILD[@]}")
for argument in "$@"; do
    case "$argument" in
    --test) WANTED+=("${TEST[@]}") ;;
    --full) WANTED+=("${TEST[@]}" "${FULL[@]}") ;;
    *) usage ;;
    esac
done

missing() {
    # dpkg-query prints nothing for a package that it has never heard of, and fails.
    { dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${WANTED[@]}" 2>/dev/null || true; } |
        awk -v wanted="${WANTED[*]}" '
            $2 == "installed" { installed[$1] = 1 }
            END {
                count = split(wanted, names, " ")
                for (i = 1; i <= count; ++i) if (!(names[i] in installed)) print names[i]
            }'
}

mapfile -t MISSING < <(missing)
if [ "${#MISSING[@]}" = 0 ]; then
    echo "all packages are installed"
    exit 0
fi

AS_ROOT=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "These packages are missing, and neither root nor sudo is at hand: ${MISSING[*]}" >&2
        exit 1
    }
    AS_ROOT=(sudo)
fi

# Debian starts a service when its package is installed, unless policy-rc.d says no (101).
POLICY=/usr/sbin/policy-rc.d
SAVED=""
restore_policy() {
    if [ -n "$SAVED" ]; then
        "${AS_ROOT[@]}" mv -f "$SAVED" "$POLICY"
    else
        "${AS_ROOT[@]}" rm -f "$POLICY"
    fi
}
if [ -e "$POLICY" ]; then
    SAVED=$POLICY.before-easgate
    "${AS_ROOT[@]}" cp -p "$POLICY" "$SAVED"
fi
trap restore_policy EXIT
printf '#!/bin/sh\nexit 101\n' | "${AS_ROOT[@]}" tee "$POLICY" >/dev/null
"${AS_ROOT[@]}" chmod 755 "$POLICY"

echo "installing ${#MISSING[@]} packages: ${MISSING[*]}"
"${AS_ROOT[@]}" apt-get update -q
"${AS_ROOT[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 "${MISSING[@]}"
echo "all packages are installed"
