#!/bin/bash
# Builds everything and runs every test.
#
#   scripts/test.sh            unit, wire, golden, fuzz corpora, tidy, system tests, the quickstart
#   scripts/test.sh --quick    only what needs no running servers: unit, wire, golden, corpora, tidy
#   scripts/test.sh --full     also sanitizers, fuzzing, SOGo, Horde, a million devices
#
# Environment: JOBS (compiler jobs), FUZZ_SECONDS (a fuzzer, default 60), EASGATE_SKIP_INSTALL=1.
# What each step printed is in build/test-logs/. The last line is `N passed, N failed`; the exit status
# is 0 only if something ran and nothing failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

TIER=default
case "${1:-}" in
"") ;;
--quick) TIER=quick ;;
--full) TIER=full ;;
*) echo "usage: scripts/test.sh [--quick|--full]" >&2; exit 64 ;;
esac

JOBS=${JOBS:-$(nproc)}
FUZZ_SECONDS=${FUZZ_SECONDS:-60}
LOGS=build/test-logs
rm -rf "$LOGS"
mkdir -p "$LOGS"
export CCACHE_NOHASHDIR=1 PYTHONDONTWRITEBYTECODE=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:exitcode=99:second_deadlock_stack=1}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
    GREEN='' RED='' DIM='' PLAIN=''
fi

NUMBER=0
# step KIND NAME COMMAND...: runs the command with its output in a log of its own.
#   build  counts only if it fails       one  counts as one test
#   ctest  counted from NAME.xml         pytest  counted from NAME.xml
step() {
    local kind=$1 name=$2 begin=$SECONDS status=0
    shift 2
    NUMBER=$((NUMBER + 1))
    local log
    log=$(printf '%s/%02d-%s.log' "$LOGS" "$NUMBER" "$name")
    printf '%s%2d%s %-28s ' "$DIM" "$NUMBER" "$PLAIN" "$name"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    printf '%s\t%s\t%s\n' "$kind" "$name" "$status" >>"$LOGS/steps"
    if [ "$status" = 0 ]; then
        printf '%sok%s      %4d s\n' "$GREEN" "$PLAIN" $((SECONDS - begin))
    else
        printf '%sFAILED%s  %4d s   %s\n' "$RED" "$PLAIN" $((SECONDS - begin)) "$log"
        tail -n 40 "$log" | sed 's/^/     | /'
    fi
    return "$status"
}

# build PRESET [TARGET...]
build() {
    local preset=$1
    shift
    step build "configure-$preset" cmake --preset "$preset" &&
        step build "build-$preset" cmake --build --preset "$preset" -j "$JOBS" ${1:+--target "$@"}
}

# run_ctest PRESET [ctest options...]
run_ctest() {
    local preset=$1
    shift
    step ctest "ctest-$preset" ctest --test-dir "build/$preset" --output-on-failure --no-tests=error \
        --timeout 600 -j "$JOBS" --test-output-size-passed 4000000 --test-output-size-failed 4000000 \
        --output-junit "$PWD/$LOGS/ctest-$preset.xml" "$@"
}

# run_pytest NAME PRESET [pytest options...]
run_pytest() {
    local name=$1 preset=$2
    shift 2
    step pytest "$name" env EASGATE_BIN_DIR="$PWD/build/$preset/bin" /usr/bin/python3 -m pytest \
        -q -p no:cacheprovider --junit-xml "$LOGS/$name.xml" "$@"
}

# fuzz_one BINARY: its inputs go on from the last run; what it found stays in build/fuzz/found.
fuzz_one() {
    local what=${1##*/fuzz_}
    mkdir -p "build/fuzz/found/$what"
    "$1" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/found/$what-" "build/fuzz/found/$what" "tests/fuzz/corpus/$what"
}

# JOBS fuzzers at a time; each is a step of its own afterwards.
fuzz_all() {
    local binary found=() status what
    for binary in build/fuzz/bin/fuzz_*; do
        case $binary in *_replay) continue ;; esac
        [ -x "$binary" ] && found+=("$binary")
    done
    [ "${#found[@]}" != 0 ] || { step one fuzz-targets false; return; }
    mkdir -p "$LOGS/fuzz"
    for binary in "${found[@]}"; do
        while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n; done
        what=${binary##*/fuzz_}
        { status=0; fuzz_one "$binary" >"$LOGS/fuzz/$what.log" 2>&1 </dev/null || status=$?
          echo "$status" >"$LOGS/fuzz/$what.status"; } &
    done
    wait
    for binary in "${found[@]}"; do
        what=${binary##*/fuzz_}
        step one "fuzz-$what" sh -c 'tail -n 60 "$1.log"; exit "$(cat "$1.status")"' - "$LOGS/fuzz/$what"
    done
}

if [ -z "${EASGATE_SKIP_INSTALL:-}" ]; then
    INSTALL_TIER=--test
    [ "$TIER" = full ] && INSTALL_TIER=--full
    step build "install$INSTALL_TIER" scripts/install-deps.sh "$INSTALL_TIER"
fi

step one format scripts/format.sh --check
build dev && run_ctest dev

if [ "$TIER" != quick ]; then
    if build release easgate easgate-mdm; then
        run_pytest scripts release tests/scripts
        run_pytest system release tests/system -m "not full"
        step one quickstart env EASGATE_SKIP_INSTALL=1 EASGATE_BIN_DIR="$PWD/build/release/bin" scripts/quickstart.sh --once
    fi
fi

if [ "$TIER" = full ]; then
    # The programs of the bench: some of the large runs need them as well.
    step build configure-bench cmake --preset release -DEASGATE_BENCH=ON &&
        step build build-bench cmake --build --preset release -j "$JOBS" --target easgate easgate-mdm bench-programs
    run_pytest system-full release tests/system -m full
    step one bench-instructions bench/micro/count.py
    step one bench-syscalls bench/syscalls.py
    step one bench-smoke bench/run.py --smoke
    build asan && run_ctest asan -LE tidy && run_pytest system-asan asan tests/system -m "not full and not timing"
    build tsan && run_ctest tsan -LE tidy && run_pytest system-tsan tsan tests/system -m "not full and not timing"
    build fuzz fuzzers && fuzz_all
fi

exec scripts/count-tests.py "$LOGS"
