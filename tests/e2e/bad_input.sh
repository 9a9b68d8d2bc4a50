#!/usr/bin/env bash
# What people get wrong, and the one line that they get for it.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

# says WANTED COMMAND… : the command fails and its output has the words.
says() {
    local wanted=$1
    shift
    if "$@" >"$scratch/out" 2>&1; then fail "succeeded: $*"; fi
    grep -qF -- "$wanted" "$scratch/out" || fail "$*: wanted «$wanted», got «$(cat "$scratch/out")»"
    [ "$(wc -l <"$scratch/out")" -le 3 ] || fail "$*: more than a line: $(cat "$scratch/out")"
}
warns() { eventually 20 "a Warning: $1" eval "kubectl -n test get events --field-selector type=Warning | grep -qF -- '$1'"; }
canary() { sed "s/^    interval: 30s\$/    interval: 5s/; $1" "$source_dir/examples/podinfo/04-canary.yaml"; }

# Wrong words: one line that names them and says where to read more, and code 2.
refuses() {
    local wanted=$1 code
    shift
    "$@" >"$scratch/out" 2>&1
    code=$?
    expect "exit code of $*" 2 $code
    expect "$*" "$wanted" "$(cat "$scratch/out")"
}
refuses "sluice: the following argument was not expected: nosuch; see sluice --help" "$sluice" nosuch
refuses "sluice demo: the following argument was not expected: --nosuch; see sluice demo --help" "$sluice" demo --nosuch
refuses "sluice lab up: --port: Value 70000 not in range 0 to 65535; see sluice lab up --help" "$sluice" lab up --port 70000
refuses "sluice lab up: --split: x not in {deck,random}; see sluice lab up --help" "$sluice" lab up --split x
refuses "sluice inject: NAMESPACE is required; see sluice inject --help" "$sluice" inject on
refuses "sluice inject: VERB: maybe not in {on,off,status}; see sluice inject --help" "$sluice" inject maybe test
refuses "sluice install: --namespace A B: not a namespace's name" "$sluice" install --namespace "A B"
refuses "sluice install: --metrics-server prometheus:9090: not a URL (such as http://prometheus:9090)" \
    "$sluice" install --metrics-server prometheus:9090
refuses "sluice controller: flag provided but not defined: -nosuch" "$sluice" controller --nosuch
says "no lab runs in $lab_dir" "$sluice" lab url --dir "$lab_dir"
says "no lab runs in $lab_dir" "$sluice" lab status --dir "$lab_dir"
says "--image a=b: write GLOB=APP, where APP is podinfo, echo, loadtester or bad" "$sluice" lab up --dir "$lab_dir" --image a=b
says "--min-interval soon: not a duration" "$sluice" lab up --dir "$lab_dir" --min-interval soon
says "prometheus is not installed" env PATH=/nonexistent "$sluice" lab up --dir "$lab_dir"
[ -e "$lab_dir" ] && fail "a lab that did not start left $(find "$lab_dir")"

start_lab --drain-delay 1s
port=$(kubectl config view -o jsonpath='{.clusters[0].cluster.server}' | sed 's/.*://')
says "127.0.0.1:$port: address already in use" "$sluice" lab up --dir "$scratch/other" --port "$port"
says "a lab runs in $lab_dir already" "$sluice" lab up --dir "$lab_dir"
says "$scratch/nowhere" "$sluice" inject status test --kubeconfig "$scratch/nowhere"
says 'namespaces "nowhere" not found' "$sluice" inject on nowhere
sed "s|server: .*|server: http://127.0.0.1:9|" "$KUBECONFIG" >"$scratch/away"
says "reading namespace test: connecting to 127.0.0.1:9: connection refused" "$sluice" inject status test --kubeconfig "$scratch/away"
says "listing IstioMeshGateways: connecting to 127.0.0.1:9: connection refused" env KUBECONFIG="$scratch/away" "$sluice" lab url

kubectl apply -f "$source_dir/examples/podinfo/01-namespace.yaml" >/dev/null
printf 'kind: Canary\n  spec: [\n' >"$scratch/broken.yaml"
says "error" kubectl apply -f "$scratch/broken.yaml"

# Refused by the schema.
canary 's/interval: 5s$/interval: soon/' >"$scratch/c.yaml"
says "spec.analysis.interval" kubectl apply -f "$scratch/c.yaml"
canary '/threshold: 3/d' >"$scratch/c.yaml"
says "must validate one and only one schema (oneOf)" kubectl apply -f "$scratch/c.yaml"
canary 's/  progressDeadlineSeconds/  provider: envoy\n  progressDeadlineSeconds/' >"$scratch/c.yaml"
says 'Unsupported value: "envoy"' kubectl apply -f "$scratch/c.yaml"

# Accepted by the schema, and said by the controller.
canary 's/^    name: podinfo$/    name: nobody/' | kubectl apply -f - >/dev/null || fail "apply"
warns 'deployment nobody.test get query error'
kubectl delete canary -n test podinfo >/dev/null
canary 's/  progressDeadlineSeconds/  provider: traefik\n  progressDeadlineSeconds/' | kubectl apply -f - >/dev/null || fail "apply"
warns 'provider traefik is not supported; known:'
kubectl delete canary -n test podinfo >/dev/null
kubectl apply -f "$source_dir/examples/podinfo/02-podinfo.yaml" >/dev/null
canary 's#apiVersion: apps/v1#apiVersion: serving.knative.dev/v1#; s/kind: Deployment/kind: Service/' | kubectl apply -f - >/dev/null || fail "apply"
warns 'spec.targetRef.kind: Service of serving.knative.dev/v1 is not built yet'
expect "nothing was written" 1 "$(kubectl get deployments -n test -o name | wc -l)"
kubectl delete canary -n test podinfo >/dev/null

# A namespace that another label decides for.
kubectl label namespace test istio-injection=enabled >/dev/null
says "namespace test has the label istio-injection=enabled, which wins over istio.io/rev: --force removes it" "$sluice" inject on test
says "namespace test has the label istio-injection=enabled: --force removes it" "$sluice" inject off test
kubectl label namespace test istio-injection- >/dev/null

# The namespace is not in the mesh.
canary '' | kubectl apply -f - >/dev/null || fail "apply"
warns 'sluice inject on test'
echo "every mistake got its line"
