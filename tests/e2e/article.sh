#!/usr/bin/env bash
# The article, lived through with real kubectl, hey and Prometheus (mesh-and-dashboard.md part 8, items 1 to 6 and 8).
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

start_lab --drain-delay 3s
apply_the_article 5s >"$scratch/apply" 2>&1 || fail "applying the manifests: $(cat "$scratch/apply")"
kubectl -n test wait canary/podinfo --for=condition=promoted --timeout=90s >/dev/null 2>&1 || fail "not initialized"
phase_is Initialized || fail "phase is not Initialized"

# 1. The log lines of the article.
log | grep -q '"msg":"Connected to metrics server http://smm-prometheus.smm-system.svc.cluster.local:59090/prometheus"' ||
    fail "no Connected to metrics server"
messages | grep -qx 'Initialization done! podinfo.test' || fail "no Initialization done"

# 2. The gateway's address leads to the primary.
address=$(kubectl get istiomeshgateways.servicemesh.cisco.com -n test test-imgw -o jsonpath='{.status.GatewayAddress[0]}')
[[ $address == 127.* ]] || fail "gateway address «$address»"
eventually 20 "the gateway answers" curl -sf "$(gateway)"
curl -s "$(gateway)" | grep -q '"version": *"6.0.0"' || fail "not version 6.0.0: $(curl -s "$(gateway)")"
curl -s "$(gateway)" | grep -q '"hostname": *"podinfo-primary-' || fail "not answered by the primary"

# 3. The objects.
for object in deployment/podinfo-primary hpa/podinfo-primary service/podinfo service/podinfo-canary service/podinfo-primary \
    destinationrule/podinfo-canary destinationrule/podinfo-primary virtualservice/podinfo; do
    kubectl -n test get "$object" >/dev/null || fail "$object is missing"
done
expect "hosts" '["*"]' "$(jsonpath virtualservice/podinfo '{.spec.hosts}')"
expect "gateways" '["public-gateway"]' "$(jsonpath virtualservice/podinfo '{.spec.gateways}')"
expect "target's replicas" 0 "$(jsonpath deployment/podinfo '{.spec.replicas}')"
expect "table" "NAME STATUS WEIGHT SUSPENDED FAILEDCHECKS INTERVAL MIRROR STEPWEIGHT STEPWEIGHTS MAXWEIGHT LASTTRANSITIONTIME" \
    "$(kubectl get canaries -n test -o wide | head -1 | xargs)"

# 4. Twenty requests a second, all of them well.
send_traffic 130
well_served() {
    rate=$(ask 'sum(rate(istio_requests_total{reporter="source",source_workload="test-imgw",destination_workload="podinfo-primary"}[10s]))')
    failed=$(ask 'sum(istio_requests_total{reporter="source",response_code!="200"})')
    echo "rate at the primary: $rate, failed: ${failed:-0}"
    awk -v r="$rate" -v f="${failed:-0}" 'BEGIN { exit !(r > 19 && r < 21 && f == 0) }'
}
sleep 12
# A machine that stands still for a second bends one window; the next ones are straight again.
eventually 25 "twenty requests a second" well_served

# 5. The good version, with the share measured at every step.
# Requests to the canary and to the primary so far, from the mesh itself: what Prometheus has of it is up to a scrape old, and in a
# window of 60 requests that moves the share by more than the tolerance.
mesh=$(sed -n 's/.*targets: \["\([^"]*\)"\].*/\1/p' "$lab_dir/run/prometheus/prometheus.yml" | head -1)
answered() {
    curl -s "http://$mesh/stats/prometheus" | awk '/^istio_requests_total{/ && /reporter="source"/ {
        if (/destination_workload="podinfo"/) canary += $NF
        if (/destination_workload="podinfo-primary"/) primary += $NF } END { print canary + 0, primary + 0 }'
}
kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:6.1.0 >/dev/null || fail "set image"
for step in 20 40 60 80; do
    eventually 40 "weight $step" eval '[ "$(weight)" = $step ]'
    sleep 1
    before=$(answered)
    sleep 3.4
    share=$(awk -v before="$before" -v after="$(answered)" 'BEGIN {
        split(before, b); split(after, a); canary = a[1] - b[1]; primary = a[2] - b[2]
        printf "%.1f", 100 * canary / (canary + primary) }')
    [ "$(weight)" = $step ] || continue
    echo "weight $step: $share% of the requests"
    awk -v s="$share" -v w=$step 'BEGIN { exit !(s > w - 3 && s < w + 3) }' || fail "share $share at weight $step"
done
eventually 60 "promoted" phase_is Succeeded
curl -s "$(gateway)" | grep -q '"version": *"6.1.0"' || fail "not version 6.1.0 after the promotion"
cat >"$scratch/wanted" <<'EOT'
New revision detected! Scaling up podinfo.test
Starting canary analysis for podinfo.test
Advance podinfo.test canary weight 20
Advance podinfo.test canary weight 40
Advance podinfo.test canary weight 60
Advance podinfo.test canary weight 80
Copying podinfo.test template spec to podinfo-primary.test
HorizontalPodAutoscaler v2 podinfo-primary.test updated
Routing all traffic to primary
Promotion completed! Scaling down podinfo.test
EOT
messages | sed -n '/^New revision/,$p' | grep -v 'not ready: waiting for rollout' >"$scratch/got"
diff "$scratch/wanted" "$scratch/got" || fail "the promotion's messages differ"

# 6. A bad version: three Halts, and back.
kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:6.1.1-slow >/dev/null || fail "set image"
eventually 90 "rolled back" phase_is Failed
messages | sed -n '/^Promotion completed/,$p' | grep -v 'not ready: waiting for rollout' >"$scratch/got"
expect "Halts" 3 "$(grep -c '^Halt podinfo.test advancement request duration .* > 500ms$' "$scratch/got")"
expect "end" "Rolling back podinfo.test failed checks threshold reached 3;Canary failed! Scaling down podinfo.test" \
    "$(tail -2 "$scratch/got" | paste -sd';')"
for _ in $(seq 40); do
    took=$(curl -s -o /dev/null -w '%{time_total}' "$(gateway)")
    awk -v t="$took" 'BEGIN { exit !(t < 0.5) }' || fail "a slow request after the rollback: $took s"
done
wait "${background[0]}"
background=()
grep -A3 'Status code distribution' "$scratch/hey"
grep -q '\[200\]' "$scratch/hey" || fail "hey saw no 200"
grep 'Status code distribution' -A5 "$scratch/hey" | grep '\[[0-9]*\]' | grep -v '\[200\]' && fail "users saw failures"

# 8. Cleaning up leaves nothing.
kubectl delete -n test canaries.flagger.app podinfo >/dev/null || fail "delete canary"
kubectl delete -n test gateways.networking.istio.io public-gateway >/dev/null || fail "delete gateway"
kubectl delete -n test istiomeshgateways.servicemesh.cisco.com test-imgw >/dev/null || fail "delete mesh gateway"
kubectl delete -n test deployment podinfo >/dev/null || fail "delete deployment"
kubectl delete namespace test --timeout=60s >/dev/null || fail "delete namespace"
curl -s --max-time 2 "http://$address/" >/dev/null && fail "the gateway still answers"
pid=$(cat "$lab_dir/lab.lock")
"$sluice" lab down --dir "$lab_dir" >/dev/null || fail "lab down"
eventually 15 "the lab's process ends" eval '! grep -q "^State:.*[RSD]" /proc/$pid/status 2>/dev/null'
[ -e "$lab_dir" ] && fail "files are left: $(find "$lab_dir")"
echo "the article was lived through"
