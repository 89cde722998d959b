#!/bin/bash
# From a fresh Debian 12 to a running gate: installs, builds, starts a demo mail server, easgate-mdm and
# easgate on the loopback interface, and tells with simulated phones what passes and what doesn't.
#
#   scripts/quickstart.sh          stays up until Ctrl-C
#   scripts/quickstart.sh --once   ends after the story: 0 if everything went as it must, else 1
#
# Environment: EASGATE_SKIP_INSTALL=1, EASGATE_BIN_DIR=DIR (programs that are built already), JOBS.
# Everything it makes is in a temporary folder that is removed at the end (kept where something failed).
# shellcheck disable=SC2015,SC2317 # `A && B || give_up` is meant; functions are called by name
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
ROOT=$PWD
# shellcheck source=scripts/quickstart-story.sh
. scripts/quickstart-story.sh

ONCE=""
case "${1:-}" in
"") ;;
--once) ONCE=1 ;;
*) echo "usage: scripts/quickstart.sh [--once]" >&2; exit 64 ;;
esac

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
    BOLD='' GREEN='' RED='' DIM='' PLAIN=''
fi

FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/easgate-quickstart.XXXXXX")
PASSED=0 FAILED=0
declare -A PIDS=() # what runs, by name

# Ends one child by its process id and waits for it: politely, then not.
stop() {
    local pid=${PIDS[$1]:-}
    [ -n "$pid" ] || return 0
    unset "PIDS[$1]"
    kill -TERM "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    return 0
}

clean_up() {
    local name
    for name in "${!PIDS[@]}"; do
        stop "$name"
    done
    if [ "$FAILED" = 0 ] && [ -n "${STORY_TOLD:-}" ]; then
        rm -rf "$FOLDER"
    else
        echo "Logs are kept in $FOLDER"
    fi
}
trap clean_up EXIT
trap 'echo; exit 130' INT
trap 'exit 143' TERM

give_up() {
    FAILED=$((FAILED + 1))
    printf '%s\n' "${RED}✘${PLAIN} $1"
    [ -n "${2:-}" ] && [ -s "$2" ] && tail -n 20 "$2" | sed 's/^/    | /'
    exit 1
}

# Says every second (every 20 s where nobody watches) that LABEL goes on, and the last line of LOG.
show_progress() {
    local label=$1 log=$2 begin=$SECONDS last
    while sleep 1; do
        last=$(tail -c 300 "$log" | tr '\r' '\n' | tail -n 1 | cut -c 1-60 | tr -cd '[:print:]')
        if [ -t 1 ]; then
            printf '\r\e[K  %s … %d s  %s' "$label" $((SECONDS - begin)) "$DIM$last$PLAIN"
        elif [ $(((SECONDS - begin) % 20)) = 0 ]; then
            printf '  %s … %d s  %s\n' "$label" $((SECONDS - begin)) "$last"
        fi
    done
}

# long LABEL LOG COMMAND...: runs it with its output in LOG, and shows that time passes.
long() {
    local label=$1 log=$2 begin=$SECONDS status=0
    shift 2
    : >"$log"
    show_progress "$label" "$log" &
    PIDS[progress]=$!
    "$@" >"$log" 2>&1 </dev/null || status=$?
    stop progress
    [ -t 1 ] && printf '\r\e[K'
    [ "$status" = 0 ] || give_up "$label failed" "$log"
    printf '%s %s (%d s)\n' "${GREEN}✔${PLAIN}" "$label" $((SECONDS - begin))
}

# start NAME COMMAND...: in the background, with its output in NAME.log; Ctrl-C doesn't reach it, `stop` does.
start() {
    local name=$1
    shift
    setsid "$@" >"$FOLDER/$name.log" 2>&1 </dev/null &
    PIDS[$name]=$!
}

# ask PORT TARGET [METHOD]: an HTTP answer, whole, from a plain port of this machine.
ask() (
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf '%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' \
        "${3:-GET}" "$2" >&3
    cat <&3
) 2>/dev/null

# wait_until SECONDS COMMAND...: until it succeeds.
wait_until() {
    local patience=$1 begin=$SECONDS
    shift
    until "$@"; do
        [ $((SECONDS - begin)) -lt "$patience" ] || return 1
        sleep 0.05
    done
}

running() { [ -n "${PIDS[$1]:-}" ] && kill -0 "${PIDS[$1]}" 2>/dev/null; }
is_ready() { ! running easgate || [[ $(ask "$ADMIN_PORT" /readyz) == "HTTP/1.1 200"* ]]; }
mdm_listens() { ! running mdm || (exec 3<>"/dev/tcp/127.0.0.1/$MDM_PORT") 2>/dev/null; }
mail_listens() { ! running mail || [ -s "$FOLDER/mail.log" ]; }

free_ports() {
    /usr/bin/python3 -c '
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in held))' "$1"
}

build_programs() {
    cmake --preset release &&
        cmake --build --preset release --target easgate easgate-mdm ${JOBS:+-j "$JOBS"}
}

write_configuration() {
    cat >"$FOLDER/mdm.yaml" <<YAML
listen: 127.0.0.1:$MDM_PORT
database: mdm.db
certificate_file: certs/server.crt
private_key_file: certs/server.key
log:
  directory: ""                 # to standard error
YAML
    cat >"$FOLDER/easgate.yaml" <<YAML
node:
  name: quickstart
  admin: 127.0.0.1:$ADMIN_PORT
  drain_timeout: 2s
mdm:
  url: https://127.0.0.1:$MDM_PORT
  ca_file: certs/ca.crt
  state_file: state/devices.state
tls:
  certificate_file: certs/server.crt
  private_key_file: certs/server.key
log:
  directory: log
instances:
  - name: demo
    type: eas-proxy
    listen: 127.0.0.1:$GATE_PORT
    activesync_server: 127.0.0.1:$MAIL_PORT
    backend_ca_file: certs/ca.crt
    identity_certificate_file: certs/identity-demo.crt
    identity_private_key_file: certs/identity-demo.key
YAML
    mkdir -p "$FOLDER/state" "$FOLDER/log"
    chmod 640 "$FOLDER/easgate.yaml" "$FOLDER/mdm.yaml"
}

mdm() { "$BIN/easgate-mdm" --config "$FOLDER/mdm.yaml" "$@"; }

# A number from the line of JSON with which the mail server says that it listens.
mail_number() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$FOLDER/mail.log" | head -n 1; }

start_mail_server() {
    start mail /usr/bin/python3 "$ROOT/tests/support/demo_mail_server.py" --port 0 --control 0 \
        --cert "$FOLDER/certs/server.crt" --key "$FOLDER/certs/server.key" --log "$FOLDER/mail-requests.jsonl"
    wait_until 20 mail_listens && running mail || give_up "the demo mail server doesn't start" "$FOLDER/mail.log"
    MAIL_PORT=$(mail_number port) MAIL_CONTROL=$(mail_number control)
}

start_mdm() {
    start mdm "$BIN/easgate-mdm" --config "$FOLDER/mdm.yaml" run
    wait_until 20 mdm_listens && running mdm || give_up "easgate-mdm doesn't start" "$FOLDER/mdm.log"
}

fill_mdm() {
    mdm init && mdm instance add demo --certificate "$FOLDER/certs/identity-demo.crt" &&
        mdm device add ALICEPHONE1 --user alice && mdm device add BOBPHONE1 --user bob
}

start_gate() {
    "$BIN/easgate" check --config "$FOLDER/easgate.yaml" >"$FOLDER/check.log" 2>&1 ||
        give_up "easgate check doesn't like the configuration" "$FOLDER/check.log"
    start easgate "$BIN/easgate" run --config "$FOLDER/easgate.yaml"
    wait_until 20 is_ready && running easgate || give_up "easgate doesn't get ready" "$FOLDER/easgate.log"
}

# What must be there.
if [ -z "${EASGATE_SKIP_INSTALL:-}" ]; then
    long "packages" "$FOLDER/install.log" scripts/install-deps.sh
fi
if [ -z "${EASGATE_BIN_DIR:-}" ]; then
    long "build" "$FOLDER/build.log" build_programs
fi
BIN=${EASGATE_BIN_DIR:-$ROOT/build/release/bin}

# What runs.
long "certificates" "$FOLDER/certs.log" scripts/demo-certs.sh "$FOLDER/certs" demo
start_mail_server
read -r GATE_PORT ADMIN_PORT MDM_PORT < <(free_ports 3)
URL=https://127.0.0.1:$GATE_PORT
write_configuration
fill_mdm >"$FOLDER/fill.log" 2>&1 || give_up "easgate-mdm can't be filled" "$FOLDER/fill.log"
start_mdm
start_gate
echo "${GREEN}✔${PLAIN} running: mail server on port $MAIL_PORT, easgate-mdm on $MDM_PORT, easgate on $GATE_PORT"

tell_story
STORY_TOLD=1
echo
if [ "$FAILED" = 0 ]; then
    echo "${BOLD}All $PASSED checks went as they must.${PLAIN}"
else
    echo "${BOLD}${RED}$FAILED of $((PASSED + FAILED)) checks went wrong.${PLAIN}"
fi
if [ -n "$ONCE" ]; then
    [ "$FAILED" = 0 ]
    exit
fi
tell_how_to_go_on
while running easgate && running mail; do
    sleep 1
done
give_up "a server has ended by itself" "$FOLDER/easgate.log"
