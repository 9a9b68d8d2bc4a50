#!/usr/bin/env bash
# A canary that nobody but its load tester calls is promoted by that traffic, a local sink is told of it, and gates are opened and
# closed by hand.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

start_lab --drain-delay 1s
kubectl apply -f "$source_dir/examples/podinfo/01-namespace.yaml" >/dev/null || fail "apply"
"$sluice" inject on test >/dev/null || fail "inject"
kubectl apply -f "$source_dir/examples/podinfo/02-podinfo.yaml" -f "$source_dir/examples/podinfo/03-gateway.yaml" \
    -f "$source_dir/examples/podinfo/05-loadtester.yaml" >/dev/null || fail "apply"
kubectl -n test rollout status deployment/flagger-loadtester --timeout=20s >/dev/null || fail "the load tester does not start"

# What a chat would be posted, one line each.
perl -MIO::Socket::INET -e '
    my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die "no port";
    $| = 1;
    print $listener->sockport, "\n";
    while (my $caller = $listener->accept) {
        my $size = 0;
        while (<$caller>) { $size = $1 if /^content-length: (\d+)/i; last if /^\r?\n$/; }
        read($caller, my $body, $size);
        print "$body\n";
        print $caller "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
        close $caller;
    }' >"$scratch/sink" &
background+=($!)
eventually 5 "the sink listens" test -s "$scratch/sink"
kubectl -n test create secret generic chat --from-literal=address="http://127.0.0.1:$(head -1 "$scratch/sink")/T0/B0" >/dev/null || fail "secret"
kubectl apply -f - >/dev/null <<'YAML' || fail "apply"
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: chat, namespace: test}
spec: {type: slack, channel: releases, secretRef: {name: chat}}
YAML

cat >"$scratch/canary.yaml" <<'YAML'
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: podinfo, namespace: test}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}
  service: {port: 9898}
  analysis:
    interval: 3s
    threshold: 3
    maxWeight: 50
    stepWeight: 25
    metrics:
      - {name: request-success-rate, thresholdRange: {min: 99}, interval: 10s}
    alerts:
      - {name: chat, severity: info, providerRef: {name: chat}}
    webhooks:
      - name: smoke
        type: pre-rollout
        url: http://flagger-loadtester.test/
        metadata: {type: bash, cmd: "curl -sf http://podinfo-canary.test:9898/version"}
      - name: load
        url: http://flagger-loadtester.test/
        metadata: {cmd: "hey -z 20s -q 10 -c 2 http://podinfo-canary.test:9898/"}
YAML
kubectl apply -f "$scratch/canary.yaml" >/dev/null || fail "apply"
eventually 20 "phase Initialized" phase_is Initialized
kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:6.1.0 >/dev/null
eventually 45 "phase Succeeded" phase_is Succeeded
kubectl -n test logs deployment/flagger-loadtester >"$scratch/tester"
for line in 'command finished curl -sf http://podinfo-canary.test:9898/version' 'task starting hey -z 20s'; do
    grep -qF "$line" "$scratch/tester" || fail "the load tester did not say «$line»: $(cat "$scratch/tester")"
done
sent=$(ask 'sum(istio_requests_total{reporter="destination",destination_workload="podinfo",destination_service_name="podinfo-canary"})')
[ "${sent%.*}" -gt 20 ] || fail "the canary was asked ${sent:-not} times: $(ask 'sum(istio_requests_total) by (destination_workload)')"

told() {
    grep -qF "\"text\":\"$1\"" "$scratch/sink"
}
for text in 'New Deployment detected, initialization completed.' 'New revision detected, progressing canary analysis.' \
    'Canary analysis completed successfully, promotion finished.'; do
    eventually 5 "an alert: $text" told "$text"
    expect "how often it was told: $text" 1 "$(grep -cF "$text" "$scratch/sink")"
done
kubectl -n smm-system logs deployment/flagger | grep -F "/T0/B0" && fail "the log shows a secret"

# The gates, and what the lab's load tester does not run; called as a hook calls them, by the lab's proxy.
proxy=$(grep -o '"proxy": *"[^"]*"\|proxy: [^ ]*' "$KUBECONFIG" | head -1 | sed 's/.*\(http[^"]*\).*/\1/')
[ -n "$proxy" ] || fail "the kubeconfig names no proxy: $(cat "$KUBECONFIG")"
tester() { curl -s -x "$proxy" -w ' %{http_code}' "http://flagger-loadtester.test$1" -d "${2:-{\"name\":\"podinfo\",\"namespace\":\"test\"\}}"; }
expect "a gate nobody opened" "Forbidden 403" "$(tester /gate/check)"
expect "opening it" " 202" "$(tester /gate/open)"
expect "an open gate" "Approved 200" "$(tester /gate/check)"
expect "closing it" " 202" "$(tester /gate/close)"
expect "a command the lab does not run" "command not allowed: rm is none of curl, hey, wrk 400" \
    "$(tester / '{"name":"a","namespace":"test","metadata":{"cmd":"rm -rf /tmp/x"}}')"

# A gate in front of the promotion, opened by hand.
kubectl -n test patch canary podinfo --type json -p '[{"op": "add", "path": "/spec/analysis/webhooks/-", "value":
    {"name": "ship", "type": "confirm-promotion", "url": "http://flagger-loadtester.test/gate/check"}}]' >/dev/null || fail "patch"
kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:6.2.0 >/dev/null
eventually 45 "phase WaitingPromotion" phase_is WaitingPromotion
eventually 5 "an alert of the gate" told 'Canary promotion is waiting for approval.'
expect "opening the gate" " 202" "$(tester /gate/open)"
eventually 30 "phase Succeeded" phase_is Succeeded
echo "the load tester drove a canary, the chat was told of it, and gates open and close"
