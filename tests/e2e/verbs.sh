#!/usr/bin/env bash
# A release steered by hand: aborted, retried, paused, resumed, promoted; and explained to somebody who was asleep.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

# says WANTED COMMAND… : the command succeeds and its output has the words.
says() {
    local wanted=$1
    shift
    "$@" >"$scratch/out" 2>&1 || fail "$* ended with $?: $(cat "$scratch/out")"
    grep -qF -- "$wanted" "$scratch/out" || fail "$*: wanted «$wanted», got «$(cat "$scratch/out")»"
}
# refuses CODE WANTED COMMAND…
refuses() {
    local code=$1 wanted=$2 got
    shift 2
    "$@" >"$scratch/out" 2>&1
    got=$?
    expect "exit code of $* ($(cat "$scratch/out"))" "$code" $got
    grep -qF -- "$wanted" "$scratch/out" || fail "$*: wanted «$wanted», got «$(cat "$scratch/out")»"
}

canary=$source_dir/examples/podinfo/04-canary.yaml
says "0 errors" "$sluice" lint -f "$canary"
says "    try: make the interval at least four scrape intervals" "$sluice" lint -f "$canary"
sed 's/stepWeight: 20/stepWeight: 0/' "$canary" >"$scratch/stuck.yaml"
refuses 1 "the weights never advance" "$sluice" lint -f "$scratch/stuck.yaml"
refuses 1 '"ruleId": "Canary"' "$sluice" lint -f "$scratch/stuck.yaml" -o sarif
refuses 2 "xml not in {json,yaml,sarif}" "$sluice" lint -f "$canary" -o xml
says "Succeeded: podinfo is scaled to zero" "$sluice" plan -f "$canary"

start_lab --drain-delay 1s --image '*/missing:*=bad'
apply_the_article 3s >/dev/null || fail "applying the article's manifests"
says "podinfo.test Initialized" "$sluice" status podinfo -n test --watch --timeout 40s
refuses 1 "podinfo.test is Initialized: no release is under way" "$sluice" abort podinfo -n test
refuses 3 'canaries.flagger.app "nobody" not found' "$sluice" status nobody -n test
ln -s "$sluice" "$scratch/kubectl-sluice"
PATH=$scratch:$PATH says "podinfo" kubectl sluice list -A
send_traffic 120

kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:6.1.0 >/dev/null || fail "set image"
eventually 20 "it progresses" phase_is Progressing
says "is asked to be rolled back" "$sluice" abort podinfo -n test
refuses 1 "podinfo.test Failed" "$sluice" status podinfo -n test --watch --timeout 20s
says "Rolling back podinfo.test aborted by hand" "$sluice" explain podinfo -n test

says "is judged again" "$sluice" retry podinfo -n test
eventually 20 "weight 20" eval '[ "$(weight)" = 20 ]'
says "canary.flagger.app/podinfo paused" "$sluice" pause podinfo -n test
paused_at=$(jsonpath canary/podinfo '{.status.canaryWeight}')
refuses 5 "somebody to resume it" "$sluice" status podinfo -n test
sleep 5
expect "the weight while it is paused" "$paused_at" "$(jsonpath canary/podinfo '{.status.canaryWeight}')"
says "canary.flagger.app/podinfo resumed" "$sluice" resume podinfo -n test
eventually 20 "weight 40" eval '[ "$(weight)" -ge 40 ]'
says "is promoted without further checks" "$sluice" promote podinfo -n test
says "podinfo.test Succeeded" "$sluice" status podinfo -n test --watch --timeout 30s
expect "what is promoted" stefanprodan/podinfo:6.1.0 "$(jsonpath deployment/podinfo-primary '{.spec.template.spec.containers[0].image}')"

says "request-success-rate over" "$sluice" explain podinfo -n test
grep -qF "wanted at least 99 (%)" "$scratch/out" || fail "no threshold: $(cat "$scratch/out")"
grep -qF "Promotion completed! Canary analysis was skipped for podinfo.test" "$scratch/out" || fail "no end: $(cat "$scratch/out")"
expect "decisions that are kept" true "$("$sluice" explain podinfo -n test -o json | grep -q '"checks"' && echo true)"

# Whoever is woken reads why the pods are not ready.
kubectl -n test set image deployment/podinfo podinfod=example/missing:1 >/dev/null || fail "set image"
# status ends with 5 while the release is under way.
why_is() { { "$sluice" "$1" podinfo -n test -o json || true; } | grep -qE '"podsWaitFor": "(ErrImagePull|ImagePullBackOff): .*example/missing:1.* \([12] pods?\)"'; }
eventually 30 "explain says why the pods are not ready" why_is explain
eventually 10 "status says why the pods are not ready" why_is status
eventually 10 "explain says it in a sentence" eval '"$sluice" explain podinfo -n test | grep -qE "^Waits for the pods of podinfo to be ready: .*example/missing:1"'
echo "steered by hand, and explained"
