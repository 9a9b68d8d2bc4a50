#!/usr/bin/env bash
# Prometheus stopped, and killed, in the middle of a release (mesh-and-dashboard.md part 8, item 9).
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

start_lab --drain-delay 3s
apply_the_article 10s >"$scratch/apply" 2>&1 || fail "applying the manifests: $(cat "$scratch/apply")"
kubectl -n test wait canary/podinfo --for=condition=promoted --timeout=90s >/dev/null 2>&1 || fail "not initialized"
eventually 20 "the gateway answers" curl -sf "$(gateway)"
send_traffic 200
child() { pgrep -f "storage.tsdb.path=$lab_dir/"; }
[ -n "$(child)" ] || fail "no Prometheus of this lab"

kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:6.1.0 >/dev/null || fail "set image"
eventually 40 "weight 20" eval '[ "$(weight)" = 20 ]'

# Stopped: each round counts one failed check, and no weight moves.
kill -STOP "$(child)"
eventually 40 "a failed check" eval 'messages | grep -q "Prometheus query failed: running query failed: .*timed out\|Prometheus query failed.*5s"'
expect "weight while Prometheus is stopped" 20 "$(weight)"
kill -CONT "$(child)"
eventually 60 "weight 40" eval '[ "$(weight)" = 40 ]'

# Killed: started again on the same data.
before=$(ask 'count(istio_requests_total)')
kill -KILL "$(child)"
eventually 30 "Prometheus is back" eval '[ -n "$(ask "count(istio_requests_total offset 15s)")" ]'
[ -n "$before" ] || fail "no series before the kill"
eventually 120 "promoted" phase_is Succeeded
echo "Prometheus went away twice and the release ended as without it"
