#!/usr/bin/env bash
# One app under a provider that the lab's proxy follows beside Istio: a good version promoted and a bad one rolled back, with the
# traffic split measured at every step. Requests come a hundred at a time, in one file, so the lab's deck makes each share exact.
# usage: routes.sh SLUICE PROVIDER
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

examples=$source_dir/examples
host=podinfo.example.com
interval=6s
provider=${2:?"usage: $0 SLUICE PROVIDER"}

canary_weight() { jsonpath canary/podinfo '{.status.canaryWeight}'; }
phase() { jsonpath canary/podinfo '{.status.phase}'; }
iterations() { jsonpath canary/podinfo '{.status.iterations}'; }

# hundred VERSION URL [CURL FLAG…]: a hundred requests, and how many of them VERSION answered.
hundred() {
    local version=$1 url=$2
    shift 2
    curl -s --max-time 20 "$@" "$url?[1-100]" >"$scratch/answers" || fail "curl $url"
    expect "answers of $url" 100 "$(grep -cE '"version":|broken by its tag' "$scratch/answers")"
    # A fault's answer names no version: only the bad one has it.
    if [[ $version == *-broken ]]; then
        grep -cE "\"version\": *\"$version\"|broken by its tag" "$scratch/answers"
    else
        grep -cE "\"version\": *\"$version\"" "$scratch/answers"
    fi
    return 0
}

apply() { sed "s/^    interval: 30s\$/    interval: $interval/; $1" "$2" | kubectl apply -f - >"$scratch/apply" 2>&1 || fail "applying $2: $(cat "$scratch/apply")"; }
set_image() { kubectl -n test set image deployment/podinfo "podinfod=stefanprodan/podinfo:$1" >/dev/null || fail "set image $1"; }

# steps VERSION WEIGHTS END: follows a release to its end. At each weight three hundred requests are sent and each hundred is counted,
# and then none until the next step: a new weight begins a new deck, and so each share is exact. Sets `measured` to the weights.
steps() {
    local version=$1 wanted=$2 end=$3 limit=$((SECONDS + 150)) weight last=0 round share shares is_split=0 is_exact
    measured=
    while [ "$(phase)" != "$end" ]; do
        [ $SECONDS -lt $limit ] || fail "$provider: $version is not $end: $(phase) at $(canary_weight)"
        weight=$(canary_weight)
        [ "$(phase)" = Progressing ] && [ "${weight:-0}" -gt 0 ] && [ "$weight" != "$last" ] || { sleep 0.2; continue; }
        shares=
        is_exact=$((1 - is_split))
        is_split=0
        for round in 1 2 3; do
            share=$(hundred "$version" "$url" -H "Host: $host")
            # On a machine that stands still the next step may come while a hundred is under way: it shares two decks.
            if [ "$(canary_weight)" != "$weight" ]; then is_split=1; break; fi
            if [ $is_exact = 1 ]; then
                expect "$provider: of a hundred requests at weight $weight" "$weight" "$share"
            else
                [ "$share" -gt $((weight - 10)) ] && [ "$share" -lt $((weight + 10)) ] || fail "$provider: $share of a hundred at weight $weight"
            fi
            shares="$shares${shares:+,}$share"
            [ $round = 3 ] || sleep 0.7
        done
        echo "$provider: weight $weight: $version answered $shares of a hundred"
        measured="$measured${measured:+ }$weight"
        last=$weight
    done
    [[ $measured == $wanted ]] || fail "$provider: the steps of $version: «$measured», expected «$wanted»"
}

# One promotion and one rollback.
by_weight() {
    kubectl -n test wait canary/podinfo --for=condition=promoted --timeout=60s >/dev/null 2>&1 || fail "$provider is not initialized"
    eventually 10 "$provider: the way in answers" curl -sf -H "Host: $host" "$url"
    expect "$provider: 6.0.0 before" 100 "$(hundred 6.0.0 "$url" -H "Host: $host")"
    set_image 6.1.0
    steps 6.1.0 "15 30 45 60" Succeeded
    expect "$provider: 6.1.0 after its promotion" 100 "$(hundred 6.1.0 "$url" -H "Host: $host")"
    set_image 6.1.1-broken
    steps 6.1.1-broken "15*" Failed
    expect "$provider: 6.1.0 after the rollback" 100 "$(hundred 6.1.0 "$url" -H "Host: $host")"
    messages | grep -q '^Halt podinfo.test advancement success rate 9[0-9.]*% < 99%$' || fail "$provider: $(messages | tail -5)"
    messages | grep -qx 'Rolling back podinfo.test failed checks threshold reached 3' || fail "$provider: $(messages | tail -5)"
    expect "whoever names another host" 404 "$(curl -s -o /dev/null -w '%{http_code}' -H 'Host: other.example.com' "$url")"
}

through_the_gateway_api() {
    kubectl apply -f "$examples/gateway-api/01-gateway.yaml" >/dev/null || fail "gateway"
    kubectl -n test wait gateways.gateway.networking.k8s.io/public --for=condition=Programmed --timeout=20s >/dev/null ||
        fail "the Gateway has no address"
    url=$("$sluice" lab url --dir "$lab_dir" test/public)
    apply "s/gatewayapi:v1\$/$provider/" "$examples/gateway-api/02-canary.yaml"
    by_weight
    expect "the HTTPRoute is accepted" True \
        "$(jsonpath httproute/podinfo '{.status.parents[0].conditions[?(@.type=="Accepted")].status}')"
    expect "of its present generation" "$(jsonpath httproute/podinfo '{.metadata.generation}')" \
        "$(jsonpath httproute/podinfo '{.status.parents[0].conditions[?(@.type=="Accepted")].observedGeneration}')"
}

through_nginx() {
    kubectl apply -f "$examples/nginx/01-ingress.yaml" >/dev/null || fail "ingress"
    eventually 20 "the Ingress has an address" eval '[ -n "$(jsonpath ingress/podinfo "{.status.loadBalancer.ingress[0].ip}")" ]'
    url=$("$sluice" lab url --dir "$lab_dir" ingress-nginx/ingress-nginx-controller)
    apply '' "$examples/nginx/02-canary.yaml"
    by_weight
}

# blue_green VERSION OLD END: users stay on OLD while VERSION is tested beside them.
blue_green() {
    local version=$1 old=$2 end=$3 limit=$((SECONDS + 120)) rounds=0 tested stayed
    while [ "$(phase)" != "$end" ]; do
        [ $SECONDS -lt $limit ] || fail "$provider: $version is not $end: $(phase)"
        [ "$(phase)" = Progressing ] && [ "$(iterations)" -gt 0 ] || { sleep 0.2; continue; }
        tested=$(hundred "$version" "$tests" -x "$proxy")
        stayed=$(hundred "$old" "$users" -x "$proxy")
        [ "$(phase)" = Progressing ] || continue
        echo "$provider: iteration $(iterations), $version answered $tested of 100 tests, $old $stayed of 100 users"
        expect "$provider: tests that $version answered" 100 "$tested"
        expect "$provider: users who stayed on $old" 100 "$stayed"
        rounds=$((rounds + 1))
        sleep 1
    done
    [ $rounds -gt 0 ] || fail "$provider: $version was not measured"
}

without_a_mesh() {
    proxy=$(sed -n 's/^ *proxy: *//p' "$lab_dir/kubeconfig")
    [ -n "$proxy" ] || fail "no proxy in the kubeconfig"
    apply 's/^    iterations: 10$/    iterations: 3/' "$examples/no-mesh/02-canary.yaml"
    kubectl -n test wait canary/podinfo --for=condition=promoted --timeout=60s >/dev/null 2>&1 || fail "not initialized"
    users=http://podinfo.test:9898/
    tests=http://podinfo-canary.test:9898/
    set_image 6.1.0
    blue_green 6.1.0 6.0.0 Succeeded
    expect "$provider: 6.1.0 after its promotion" 100 "$(hundred 6.1.0 "$users" -x "$proxy")"
    set_image 6.1.1-broken
    blue_green 6.1.1-broken 6.1.0 Failed
    expect "$provider: 6.1.0 after the rollback" 100 "$(hundred 6.1.0 "$users" -x "$proxy")"
    messages | grep -qx 'Rolling back podinfo.test failed checks threshold reached 3' || fail "$provider: $(messages | tail -5)"
}

start_lab --drain-delay 2s
kubectl apply -f "$examples/no-mesh/01-podinfo.yaml" >/dev/null || fail "podinfo"
case $provider in
    gatewayapi:*) through_the_gateway_api ;;
    nginx) through_nginx ;;
    kubernetes) without_a_mesh ;;
    *) fail "no story of provider $provider" ;;
esac
echo "$provider: the good version was promoted, the bad one rolled back"
