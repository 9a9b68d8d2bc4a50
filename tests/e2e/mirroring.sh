#!/usr/bin/env bash
# Blue/green with mirrored traffic: the canary is judged by copies, and no user hears of it before the switch.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

start_lab --drain-delay 3s
apply_the_article 5s >"$scratch/apply" 2>&1 || fail "applying the manifests: $(cat "$scratch/apply")"
kubectl -n test patch canary podinfo --type json -p '[{"op": "replace", "path": "/spec/analysis", "value": {"interval": "5s", "threshold": 3,
    "iterations": 4, "mirror": true, "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "10s"}]}}]' \
    >"$scratch/patch" 2>&1 || fail "patching the Canary: $(cat "$scratch/patch")"
kubectl -n test wait canary/podinfo --for=condition=promoted --timeout=150s >/dev/null 2>&1 || fail "not initialized"
eventually 20 "the gateway answers" curl -sf "$(gateway)"
send_traffic 130

# Requests that the canary's own proxy has seen, and those of users that went to it.
mesh=$(sed -n 's/.*targets: \["\([^"]*\)"\].*/\1/p' "$lab_dir/run/prometheus/prometheus.yml" | head -1)
at_canary() {
    curl -s "http://$mesh/stats/prometheus" | awk -v reporter="$1" '/^istio_requests_total{/ && /destination_workload="podinfo"/ &&
        index($0, "reporter=\"" reporter "\"") { count += $NF } END { print count + 0 }'
}
mirrored() { [ "$(jsonpath virtualservice/podinfo '{.spec.http[0].mirror.host}')" = podinfo-canary ]; }
copies_arrive() { [ "$(at_canary destination)" -gt 20 ]; }

kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:6.1.0 >/dev/null || fail "set image"
eventually 40 "the route mirrors" mirrored
eventually 20 "copies arrive at the canary" copies_arrive
expect "users at the canary while it gets copies" 0 "$(at_canary source)"
expect "weight while it gets copies" 0 "$(weight)"
curl -s "$(gateway)" | grep -q '"version": *"6.0.0"' || fail "a user sees the canary"
eventually 90 "promoted" phase_is Succeeded
[ -z "$(jsonpath virtualservice/podinfo '{.spec.http[0].mirror}')" ] || fail "the route mirrors after the release"
curl -s "$(gateway)" | grep -q '"version": *"6.1.0"' || fail "not version 6.1.0 after the promotion"
messages | sed -n '/^New revision/,$p' | grep -v 'not ready: waiting for rollout' >"$scratch/got"
for wanted in 'Start traffic mirroring' 'Advance podinfo.test canary iteration 4/4' \
    'Stop traffic mirroring and route all traffic to canary' 'Promotion completed! Scaling down podinfo.test'; do
    grep -qx "$wanted" "$scratch/got" || fail "no «$wanted» among: $(cat "$scratch/got")"
done
echo "copies at the canary: $(at_canary destination), users' requests: $(at_canary source)"

# A version whose answers are errors is found by its copies alone.
kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:6.1.2-broken >/dev/null || fail "set image"
eventually 90 "rolled back" phase_is Failed
wait "${background[0]}"
background=()
grep 'Status code distribution' -A5 "$scratch/hey" | grep '\[[0-9]*\]' | grep -v '\[200\]' && fail "users saw failures"
echo "a canary was judged by copies alone"
