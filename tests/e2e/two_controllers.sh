#!/usr/bin/env bash
# Two controllers over one lab (list G, item 11): one leads. Stopped past its lease, or killed, it is replaced by the other one, which
# ends the release; what the first one does when it goes on is nothing.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

lease_time=60
retry=5

# start_controller NAME: in the background; its log is $scratch/NAME, its number ${pid[NAME]}.
declare -A pid
start_controller() {
    POD_NAMESPACE=smm-system "$sluice" controller --kubeconfig "$KUBECONFIG" --port 0 --min-interval 2s --drain-delay 3s \
        --metrics-server http://smm-prometheus.smm-system.svc.cluster.local:59090/prometheus 2>"$scratch/$1" &
    pid[$1]=$!
    background+=($!)
    eventually 20 "$1 starts" grep -q 'Starting leader election id: sluice namespace: smm-system' "$scratch/$1"
}
leads() { grep -q '"Acting as elected leader"' "$scratch/$1"; }
http() { curl -s --max-time 5 "http://127.0.0.1:$(sed -n 's/.*Starting HTTP server on port \([0-9]*\).*/\1/p' "$scratch/$1")$2"; }
log() { cat "$scratch/one" "$scratch/two" "$scratch/three" 2>/dev/null; }
has_weight() { [ "$(weight)" = "$1" ]; }
# taken_over NAME SINCE: it leads, within the lease's time and a retry period (and a second for a slow machine).
taken_over() {
    eventually $((lease_time + retry + 2)) "$1 takes over" leads "$1"
    local took=$((SECONDS - $2))
    echo "$1 led after $took s"
    [ $took -le $((lease_time + retry + 1)) ] || fail "$1 led only after $took s"
}

start_lab --controller=off
start_controller one
eventually 10 "one leads" leads one
start_controller two
apply_the_article 5s >"$scratch/apply" 2>&1 || fail "applying the manifests: $(cat "$scratch/apply")"
kubectl -n test wait canary/podinfo --for=condition=promoted --timeout=90s >/dev/null 2>&1 || fail "not initialized"
eventually 20 "the gateway answers" curl -sf "$(gateway)"
send_traffic 300

# Both serve HTTP; who stands by shows who it is, and no Canary.
for name in one two; do
    expect "$name /healthz" OK "$(http $name /healthz)"
    expect "$name /readyz" OK "$(http $name /readyz)"
    http $name /metrics >"$scratch/metrics"
    grep -q '^flagger_info{mesh_provider="istio",version="[0-9.]*"} 1$' "$scratch/metrics" || fail "no flagger_info of $name"
    grep -q '^process_cpu_seconds_total ' "$scratch/metrics" || fail "no process_cpu_seconds_total of $name"
done
grep '^flagger_canary' "$scratch/metrics" && fail "two stands by and shows Canaries"
http one /metrics | grep -q '^flagger_canary_weight{namespace="test",workload="podinfo-primary"} 100$' || fail "no weight of one"
leads two && fail "two leads"
grep -q '"canary"' "$scratch/two" && fail "two acted: $(grep -m1 '"canary"' "$scratch/two")"

# Stopped in the middle of the analysis, for longer than its lease lasts.
kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:6.1.0 >/dev/null || fail "set image"
eventually 60 "weight 20" has_weight 20
kill -STOP "${pid[one]}"
stopped=$SECONDS
taken_over two $stopped
lines=$(wc -l <"$scratch/one")
kill -CONT "${pid[one]}"
wait "${pid[one]}"
expect "one's exit code" 1 $?
sed -n "$((lines + 1)),\$p" "$scratch/one" >"$scratch/after"
grep -q 'Leadership lost' "$scratch/after" || fail "one did not see that it lost its lease: $(cat "$scratch/after")"
grep '"canary"' "$scratch/after" && fail "one went on acting"

# Killed.
start_controller three
eventually 40 "weight 60" has_weight 60
kill -9 "${pid[two]}"
killed=$SECONDS
wait "${pid[two]}" 2>/dev/null
taken_over three $killed
eventually 90 "promoted" phase_is Succeeded
curl -s "$(gateway)" | grep -q '"version": *"6.1.0"' || fail "not version 6.1.0 after the promotion"

# No step and no Event was lost, none came twice.
cat >"$scratch/wanted" <<'EOT'
1 podinfo.test is scaled to zero between releases: deleting this Canary leaves its users without pods unless spec.revertOnDeletion is true
1 New revision detected! Scaling up podinfo.test
1 Starting canary analysis for podinfo.test
1 Advance podinfo.test canary weight 20
1 Advance podinfo.test canary weight 40
1 Advance podinfo.test canary weight 60
1 Advance podinfo.test canary weight 80
1 Copying podinfo.test template spec to podinfo-primary.test
1 Routing all traffic to primary
1 Promotion completed! Scaling down podinfo.test
EOT
events() {
    kubectl -n test get events --field-selector involvedObject.kind=Canary -o jsonpath='{range .items[*]}{.count}{" "}{.message}{"\n"}{end}'
}
events | grep -v 'not ready:\|Initialization done\|metrics providers' | sort >"$scratch/got"
sort "$scratch/wanted" | diff - "$scratch/got" || fail "the Events differ"
kill "${pid[three]}"
wait "${pid[three]}"
expect "three's exit code" 0 $?
expect "the lease was given back" "" "$(kubectl -n smm-system get lease sluice -o jsonpath='{.spec.holderIdentity}')"
expect "the lease changed hands" 2 "$(kubectl -n smm-system get lease sluice -o jsonpath='{.spec.leaseTransitions}')"
echo "two leaders were lost and the release ended as with one"
