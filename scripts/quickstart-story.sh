# shellcheck shell=bash disable=SC2154 # BIN, FOLDER and the like are quickstart.sh's
# The story that scripts/quickstart.sh tells. Each scene does something real and checks what came back.

scene() { printf '\n%s\n' "${BOLD}$1${PLAIN}"; }

# tick TEXT STATUS: one check; STATUS 0 means that it went as it must.
tick() {
    if [ "$2" = 0 ]; then
        PASSED=$((PASSED + 1))
        printf '  %s %s\n' "${GREEN}✔${PLAIN}" "$1"
    else
        FAILED=$((FAILED + 1))
        printf '  %s %s\n' "${RED}✘${PLAIN}" "$1"
    fi
}

show() { sed "s/^/    ${DIM}|${PLAIN} /" "$1"; }

# phone USER DEVICE OPTION...: `easgate phone`, as an administrator would call it. The password is in
# the environment, where the list of processes doesn't show it.
phone_command() {
    PHONE=(env EASGATE_PHONE_PASSWORD=secret "$BIN/easgate" phone "$URL" --user "$1" --device-id "$2"
        --ca "$FOLDER/certs/ca.crt" "${@:3}")
}
phone() {
    local PHONE
    phone_command "$@"
    "${PHONE[@]}"
}

# run_phone ...: the same, shown; its output is in phone.log and its exit status is returned.
run_phone() {
    local status=0
    phone "$@" >"$FOLDER/phone.log" 2>&1 || status=$?
    show "$FOLDER/phone.log"
    return "$status"
}

was_refused() { grep -q 'refused by the gate (403' "$FOLDER/phone.log"; }
reached_mail_server() { grep -q -- "$1" "$FOLDER/mail-requests.jsonl"; }
is_held() { ask "$MAIL_CONTROL" /state | grep -q "\"held\": {[^}]*/$1\""; }

# raw_request FILE: sends these bytes over TLS, as they are, and prints the first line of what comes back.
raw_request() {
    /usr/bin/python3 -c '
import pathlib, socket, ssl, sys
port, authority, file = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
with context.wrap_socket(socket.create_connection(("127.0.0.1", int(port)), 10), server_hostname="localhost") as gate:
    gate.sendall(pathlib.Path(file).read_bytes())
    print(gate.makefile("rb").readline().decode("latin-1").strip())
' "$GATE_PORT" "$FOLDER/certs/ca.crt" "$1" 2>>"$FOLDER/raw.log"
}

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# hold_ping SECONDS: Alice's phone holds a Ping in the background; true once it waits at the mail server.
hold_ping() {
    local PHONE
    phone_command alice ALICEPHONE1 --steps ping --ping "$1"
    "${PHONE[@]}" >"$FOLDER/ping.log" 2>&1 &
    PIDS[ping]=$!
    wait_until 10 is_held ALICEPHONE1
}

# Waits for that phone's end; its exit status.
ping_ends() {
    local status=0
    wait "${PIDS[ping]}" || status=$?
    unset "PIDS[ping]"
    show "$FOLDER/ping.log"
    return "$status"
}

tell_compliant_phone() {
    scene "Alice's phone is compliant: it signs in, provisions, syncs and sends mail"
    run_phone alice ALICEPHONE1 --steps options,provision,foldersync,sync,sendmail
    tick "a compliant phone gets its mail" $?
    run_phone bob BOBPHONE1 --steps options,provision,foldersync,sync --protocol 16.1 --base64
    tick "so does Bob's, with protocol 16.1 and the short form of the query" $?

    scene "It holds a Ping: the mail server answers only when mail comes"
    run_phone alice ALICEPHONE1 --steps sync >/dev/null # nothing is new any more
    if hold_ping 60; then
        sleep 1
        ask "$MAIL_CONTROL" "/deliver?user=alice" POST >/dev/null
        ping_ends && grep -q "there is new mail" "$FOLDER/ping.log"
        tick "the waiting Ping passes the gate and ends when mail comes" $?
    else
        ping_ends
        tick "the Ping never reached the mail server" 1
    fi
}

tell_strangers() {
    scene "An unknown phone, with Alice's right password"
    run_phone alice STRANGER1
    was_refused
    tick "refused by the gate" $?
    ! reached_mail_server STRANGER1
    tick "nothing of it reached the mail server" $?

    scene "Bob's phone, with Alice's name and password"
    run_phone alice BOBPHONE1
    was_refused
    tick "refused: the device is Bob's" $?
}

tell_change_of_state() {
    local begin took
    scene "Alice's phone falls out of compliance while it holds a Ping"
    run_phone alice ALICEPHONE1 --steps sync >/dev/null
    if ! hold_ping 30; then
        ping_ends
        tick "the Ping never reached the mail server" 1
        return
    fi
    echo "    easgate-mdm device set ALICEPHONE1 --state non_compliant"
    mdm device set ALICEPHONE1 --state non_compliant --reason "no passcode" >"$FOLDER/set.log" 2>&1 || show "$FOLDER/set.log"
    begin=$(milliseconds)
    ping_ends
    took=$(($(milliseconds) - begin))
    [ "$took" -lt 1000 ]
    tick "the held Ping ended $took ms after the change" $?
    ! is_held ALICEPHONE1
    tick "and the mail server holds it no longer" $?
    run_phone alice ALICEPHONE1 --steps foldersync
    was_refused
    tick "what it asks next is refused" $?
    echo "    easgate-mdm device set ALICEPHONE1 --state allow"
    mdm device set ALICEPHONE1 --state allow --reason "" >"$FOLDER/set.log" 2>&1 || show "$FOLDER/set.log"
    wait_until 5 phone_passes
    run_phone alice ALICEPHONE1 --steps sync
    tick "allowed again, it syncs again" $?
}

phone_passes() { phone alice ALICEPHONE1 --steps options,provision >/dev/null 2>&1; }

tell_mdm_off() {
    scene "The MDM server is switched off"
    stop mdm
    ! (exec 3<>"/dev/tcp/127.0.0.1/$MDM_PORT") 2>/dev/null
    tick "nobody listens on port $MDM_PORT any more" $?
    sleep 1 # long enough for the gate to notice
    run_phone alice ALICEPHONE1 --steps options,provision,foldersync,sync
    tick "mail goes on by the last known states" $?
    run_phone alice STRANGER1
    was_refused
    tick "and strangers are still refused" $?
    start_mdm
}

tell_attacks() {
    local target line
    scene "From outside: what isn't ActiveSync"
    for target in /owa/ /ecp/default.aspx /EWS/Exchange.asmx "/autodiscover/autodiscover.json?@x/owa" /; do
        printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$target" >"$FOLDER/raw"
        line=$(raw_request "$FOLDER/raw")
        [[ $line == "HTTP/1.1 403 "* ]]
        tick "GET $target  →  ${line:-no answer}" $?
    done

    scene "A smuggling attempt: two lengths that two parsers read differently"
    {
        printf 'POST /Microsoft-Server-ActiveSync?Cmd=Ping&User=alice&DeviceId=ALICEPHONE1&DeviceType=x HTTP/1.1\r\n'
        printf 'Host: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'
        printf '0\r\n\r\nPOST /owa/smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n'
    } >"$FOLDER/raw"
    line=$(raw_request "$FOLDER/raw")
    [[ $line == "HTTP/1.1 400 "* ]]
    tick "Content-Length and Transfer-Encoding together  →  ${line:-no answer}" $?
    ! reached_mail_server smuggled
    tick "nothing of it reached the mail server" $?
}

tell_story() {
    tell_compliant_phone
    tell_strangers
    tell_change_of_state
    tell_mdm_off
    tell_attacks
}

tell_how_to_go_on() {
    cat <<TEXT

Everything stays up until Ctrl-C. In another terminal:

  export EASGATE_PHONE_PASSWORD=secret
  $BIN/easgate phone $URL --user alice --device-id ALICEPHONE1 --ca $FOLDER/certs/ca.crt
  $BIN/easgate-mdm --config $FOLDER/mdm.yaml device list
  $BIN/easgate-mdm --config $FOLDER/mdm.yaml device set ALICEPHONE1 --state deny
  $BIN/easgate status --config $FOLDER/easgate.yaml
  $BIN/easgate explain --config $FOLDER/easgate.yaml 'GET /owa HTTP/1.1'
  curl http://127.0.0.1:$ADMIN_PORT/metrics
  curl -X POST 'http://127.0.0.1:$MAIL_CONTROL/deliver?user=alice'    # new mail
  less $FOLDER/log/EASProxy.log.*
TEXT
}
