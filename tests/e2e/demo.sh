#!/usr/bin/env bash
# The demo ended early, by each of the ways in which people do it: it takes its lab down and leaves nothing.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

export TMPDIR=$scratch
left() { find "$scratch" -path '*demo-*' | head -3; }

for signal in INT TERM HUP; do
    timeout --preserve-status -s $signal 4 "$sluice" demo >"$scratch/out" 2>"$scratch/err"
    expect "exit code after SIG$signal" 130 $?
    expect "standard error after SIG$signal" "" "$(cat "$scratch/err")"
    expect "last line after SIG$signal" "ended before its end; nothing of it is left running" "$(tail -1 "$scratch/out")"
    grep -q 'Initialization done! podinfo.test' "$scratch/out" || fail "it did not come far: $(cat "$scratch/out")"
    grep -q $'\033' "$scratch/out" && fail "escape codes in a file"
    expect "files left after SIG$signal" "" "$(left)"
    pgrep -f "$scratch/" >/dev/null && fail "processes left after SIG$signal: $(pgrep -af "$scratch/")"
done

# Nobody reads any more.
"$sluice" demo 2>"$scratch/err" | head -1 >"$scratch/out"
grep -q '^sluice demo' "$scratch/out" || fail "no first line: $(cat "$scratch/out" "$scratch/err")"
expect "files left by a closed pipe" "" "$(left)"

# One that was killed: what it left goes with the next.
"$sluice" demo >/dev/null 2>&1 &
sleep 3
kill -KILL $!
wait $! 2>/dev/null
[ -n "$(left)" ] || fail "a killed demo left nothing to clean up"
timeout --preserve-status -s INT 3 "$sluice" demo >/dev/null 2>&1
expect "files left after a kill and the next start" "" "$(left)"
echo "the demo ended cleanly each time"
