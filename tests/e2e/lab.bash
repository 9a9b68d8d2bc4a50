# What the stories share: a lab of their own that ends with them, and checks that say what they expected.
set -uo pipefail

sluice=${1:?"usage: $0 path/to/sluice"}
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
lab_dir=$scratch/lab
background=()

skip() {
    echo "skipped: $*"
    exit 77
}
for tool in kubectl hey curl prometheus; do
    command -v $tool >/dev/null || skip "$tool is not installed"
done

cleanup() {
    for pid in "${background[@]}"; do kill "$pid" 2>/dev/null; done
    "$sluice" lab down --dir "$lab_dir" >/dev/null 2>&1
    rm -rf "$scratch"
}
trap cleanup EXIT

fail() {
    echo "FAILED: $*"
    if [ -n "${KUBECONFIG:-}" ] && [ -e "$KUBECONFIG" ]; then
        echo "--- the controller's last words"
        kubectl -n smm-system logs deployment/flagger --tail=20 2>&1
        kubectl get canaries -A -o wide 2>&1
        kubectl get pods -A 2>&1
    fi
    exit 1
}

# start_lab [FLAG…]
start_lab() {
    "$sluice" lab up --detach --dir "$lab_dir" "$@" >"$scratch/up" || fail "lab up: $(cat "$scratch/up")"
    eval "$(grep '^export KUBECONFIG=' "$scratch/up")"
}

# eventually SECONDS WHAT COMMAND… : until the command succeeds.
eventually() {
    local limit=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >"$scratch/last" 2>&1; do
        [ $SECONDS -lt $limit ] || fail "$what: $(cat "$scratch/last")"
        sleep 0.2
    done
}

# expect WHAT WANTED GOT
expect() { [ "$2" = "$3" ] || fail "$1: expected «$2», got «$3»"; }

jsonpath() { kubectl -n test get "$1" -o jsonpath="$2"; }
phase_is() { [ "$(jsonpath canary/podinfo '{.status.phase}')" = "$1" ]; }
weight() { jsonpath virtualservice/podinfo '{.spec.http[0].route[1].weight}'; }
log() { kubectl -n smm-system logs deployment/flagger; }
# The messages about the Canary, in their order.
messages() { log | sed -n 's/.*"msg":"\(.*\)","canary":"podinfo.test".*/\1/p'; }
gateway() { "$sluice" lab url --dir "$lab_dir" test-imgw; }

# The value of an instant query, rounded to three digits; empty without one.
prometheus_url() { grep -o 'metrics [^)]*' "$scratch/up" | cut -d' ' -f2; }
ask() {
    curl -s --max-time 5 -G "$(prometheus_url)/api/v1/query" --data-urlencode "query=$1" |
        sed -n 's/.*"value":\[[^,]*,"\([^"]*\)".*/\1/p'
}

# The article's manifests, with the interval given.
apply_the_article() {
    local interval=$1
    kubectl apply -f "$source_dir/examples/podinfo/01-namespace.yaml" || return 1
    "$sluice" inject on test || return 1
    kubectl apply -f "$source_dir/examples/podinfo/02-podinfo.yaml" || return 1
    kubectl apply -f "$source_dir/examples/podinfo/03-gateway.yaml" || return 1
    sed "s/^    interval: 30s\$/    interval: $interval/" "$source_dir/examples/podinfo/04-canary.yaml" | kubectl apply -f - || return 1
}

# send_traffic SECONDS: the article's hey, in the background.
send_traffic() {
    hey -z "${1}s" -q 10 -c 2 "$(gateway)" >"$scratch/hey" 2>&1 &
    background+=($!)
}
