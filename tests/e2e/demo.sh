#!/usr/bin/env bash
# The demo ended early, by each of the ways in which people do it: it takes its lab down and leaves nothing.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

export TMPDIR=$scratch
left() { find "$scratch" -path '*demo-*' | head -3; }

# start_demo: in the background, until its story has begun. A shell hides signals from what it starts so; env shows them again.
start_demo() {
    rm -f "$scratch/out"  # the one before has begun, too, and a signal sent so early is lost with the shell
    env --default-signal=INT,HUP "$sluice" demo >"$scratch/out" 2>"$scratch/err" &
    demo=$!
    background=("$demo")
    eventually 60 "the demo has begun" grep -q 'Initialization done! podinfo.test' "$scratch/out"
}
# ends_with CODE WHAT
ends_with() {
    wait "$demo"
    local code=$?
    [ "$code" = "$1" ] || fail "exit code after $2: expected $1, got $code, with $(tail -3 "$scratch/out" "$scratch/err")"
    background=()
    expect "files left after $2" "" "$(left)"
    pgrep -f "$scratch/" >/dev/null && fail "processes left after $2: $(pgrep -af "$scratch/")"
}

for signal in INT TERM HUP; do
    start_demo
    kill -$signal "$demo"
    ends_with 130 "SIG$signal"
    expect "standard error after SIG$signal" "" "$(cat "$scratch/err")"
    expect "last line after SIG$signal" "ended before its end; nothing of it is left running" "$(tail -1 "$scratch/out")"
    grep -q $'\033' "$scratch/out" && fail "escape codes in a file"
done

# Nobody reads any more.
"$sluice" demo 2>"$scratch/err" | head -1 >"$scratch/out"
grep -q '^sluice demo' "$scratch/out" || fail "no first line: $(cat "$scratch/out" "$scratch/err")"
expect "files left by a closed pipe" "" "$(left)"

# One that was killed: what it left goes with the next.
start_demo
kill -KILL "$demo"
wait "$demo" 2>/dev/null
[ -n "$(left)" ] || fail "a killed demo left nothing to clean up"
start_demo
kill -TERM "$demo"
ends_with 130 "a kill and the next start"
echo "the demo ended cleanly each time"
