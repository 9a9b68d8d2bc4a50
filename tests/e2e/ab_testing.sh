#!/usr/bin/env bash
# An A/B test by cookie, which a new content of a ConfigMap begins: who has the cookie meets the canary on every request, who has
# not on none.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

start_lab --drain-delay 1s
kubectl create namespace test >/dev/null || fail "namespace"
kubectl -n test create configmap settings --from-literal=PODINFO_UI_MESSAGE=old >/dev/null || fail "configmap"
"$sluice" inject on test >/dev/null || fail "inject"
examples=$source_dir/examples/podinfo
kubectl apply -f "$examples/02-podinfo.yaml" -f "$examples/03-gateway.yaml" >/dev/null || fail "apply"
kubectl -n test set env deployment/podinfo --from=configmap/settings >/dev/null || fail "set env"
kubectl patch --local -f "$examples/04-canary.yaml" --type json -o yaml -p '[{"op": "replace", "path": "/spec/analysis", "value": {
    "interval": "5s", "threshold": 3, "iterations": 4,
    "match": [{"headers": {"cookie": {"regex": "^(.*?;)?(\\s*type=insider)(;.*)?$"}}}],
    "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "10s"}]}}]' >"$scratch/canary" ||
    fail "patching the Canary"
kubectl apply -f "$scratch/canary" >/dev/null || fail "applying the Canary"
kubectl -n test wait canary/podinfo --for=condition=promoted --timeout=90s >/dev/null 2>&1 || fail "not initialized"
eventually 20 "the gateway answers" curl -sf "$(gateway)"
url=$(gateway)

# met COOKIE: whose pods answered forty requests.
met() {
    local i
    for i in $(seq 40); do
        curl -s --max-time 5 ${1:+-H "Cookie: $1"} "$url" | sed -n 's/.*"hostname": *"\(podinfo-primary\|podinfo\)-.*/\1/p'
    done | sort | uniq -c | sed 's/^ *//'
}
iterations_are() { [ "$(jsonpath canary/podinfo '{.status.iterations}')" = "$1" ]; }

expect "everybody at first" "40 podinfo-primary" "$(met theme=dark)"
hey -z 90s -q 5 -c 1 -H 'Cookie: theme=dark; type=insider' "$url" >"$scratch/insiders" 2>&1 &
background+=($!)
send_traffic 90
kubectl -n test create configmap settings --from-literal=PODINFO_UI_MESSAGE=new --dry-run=client -o yaml | kubectl apply -f - >/dev/null 2>&1 ||
    fail "changing the ConfigMap"
eventually 30 "the first iteration" iterations_are 1
expect "who has the cookie" "40 podinfo" "$(met 'theme=dark; type=insider')"
expect "who has another one" "40 podinfo-primary" "$(met theme=dark)"
expect "who has none" "40 podinfo-primary" "$(met)"
expect "the phase meanwhile" Progressing "$(jsonpath canary/podinfo '{.status.phase}')"
eventually 60 "promoted" phase_is Succeeded
expect "everybody in the end" "40 podinfo-primary" "$(met 'theme=dark; type=insider')"
expect "the primary's copy" new "$(jsonpath configmap/settings-primary '{.data.PODINFO_UI_MESSAGE}')"
log | grep -qi 'configmap settings.* has changed' || fail "the log does not say which ConfigMap: $(log)"
"$sluice" explain podinfo -n test >"$scratch/story" || fail "explain"
grep -q 'Advance podinfo.test canary iteration 4/4' "$scratch/story" || fail "explain does not tell of the iterations: $(cat "$scratch/story")"
echo "a new ConfigMap was tried on those who asked for it, and then given to all"
