#!/usr/bin/env bash
# What `sluice install` prints is accepted whole by a cluster.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

start_lab --controller=off
"$sluice" install --namespace smm-system --metrics-server http://prometheus.istio-system:9090 >"$scratch/manifests" || fail "install"
kubectl apply -f "$scratch/manifests" >"$scratch/applied" 2>/dev/null || fail "apply: $(cat "$scratch/applied")"
for object in crd/canaries.flagger.app crd/metrictemplates.flagger.app crd/alertproviders.flagger.app clusterrole/sluice \
    clusterrolebinding/sluice serviceaccount/sluice deployment/sluice service/sluice; do
    kubectl -n smm-system get "$object" >/dev/null || fail "$object is missing"
done
grep -q '\${' "$scratch/manifests" && fail "something was not filled in: $(grep -m1 '\${' "$scratch/manifests")"
expect "metrics server" "-metrics-server=http://prometheus.istio-system:9090" \
    "$(kubectl -n smm-system get deployment/sluice -o jsonpath='{.spec.template.spec.containers[0].args[2]}')"
echo "the manifests were applied"
