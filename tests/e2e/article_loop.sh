#!/usr/bin/env bash
# The article's own rollback (mesh-and-dashboard.md part 8, item 6b), shortened: while a version is judged, somebody asks for slow and
# broken answers. With rounds of 5 s instead of 30 s the loop asks as much more often, so that chance decides nothing.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

start_lab --drain-delay 3s
apply_the_article 5s >"$scratch/apply" 2>&1 || fail "applying the manifests: $(cat "$scratch/apply")"
kubectl -n test wait canary/podinfo --for=condition=promoted --timeout=90s >/dev/null 2>&1 || fail "not initialized"
eventually 20 "the gateway answers" curl -sf "$(gateway)"
url=$(gateway)
send_traffic 40

kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:6.1.0 >/dev/null || fail "set image"
eventually 30 "weight 20" eval '[ "$(weight)" = 20 ]'
for _ in 1 2 3 4; do
    while curl -s -o /dev/null --max-time 10 "${url}delay/1" && curl -s -o /dev/null --max-time 10 "${url}status/500"; do :; done &
    background+=($!)
done
eventually 60 "rolled back" phase_is Failed

# Three Halts, each of duration or of success rate (which comes first is chance; the first may come before Prometheus has
# scraped the new pods twice), and the article's end.
messages | sed -n '/^New revision/,$p' >"$scratch/got"
expect "Halts" 3 "$(grep -c '^Halt ' "$scratch/got")"
expect "Halts of another kind" 0 \
    "$(grep '^Halt ' "$scratch/got" | grep -cvE '^Halt podinfo.test advancement (request duration [0-9.]+m?s > 500ms|success rate [0-9.]+% < 99%)$|^Halt advancement no values found for istio metric request-success-rate ')"
expect "end" "Rolling back podinfo.test failed checks threshold reached 3;Canary failed! Scaling down podinfo.test" \
    "$(tail -2 "$scratch/got" | paste -sd';')"
grep '^Halt ' "$scratch/got"

# No request reaches the canary any more.
sleep 2
at_the_canary() { ask 'sum(istio_requests_total{reporter="source",destination_workload="podinfo"})'; }
before=$(at_the_canary)
for _ in $(seq 30); do
    curl -s "$url" | grep -q '"version": *"6.0.0"' || fail "not answered by 6.0.0"
done
sleep 2
expect "requests to the canary after the rollback" "$before" "$(at_the_canary)"

# Those who did not ask for trouble saw none.
wait "${background[0]}"
grep 'Status code distribution' -A5 "$scratch/hey" | grep '\[[0-9]*\]' >"$scratch/codes"
grep -q '\[200\]' "$scratch/codes" || fail "hey saw no 200"
grep -v '\[200\]' "$scratch/codes" && fail "users saw failures"
echo "the article's loop took the version back"
