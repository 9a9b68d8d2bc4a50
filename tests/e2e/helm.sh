#!/usr/bin/env bash
# The chart, by a real Helm (on the PATH, or $HELM): with its default values it is what `sluice install` prints, and what a release
# of Flagger's chart was given works on it unchanged; what is not carried out is refused by its name.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"
helm=${HELM:-helm}
command -v "$helm" >/dev/null || skip "helm is not installed (\$HELM names one)"
export HELM_CONFIG_HOME=$scratch/helm/config HELM_CACHE_HOME=$scratch/helm/cache HELM_DATA_HOME=$scratch/helm/data
chart=$source_dir/deploy/chart/sluice

helm() { command "$helm" "$@" >"$scratch/helm.out" 2>"$scratch/helm.err"; }
told() { cat "$scratch/helm.out" "$scratch/helm.err"; }
# refuses TEXT FLAG… : rendering with the flags fails, and says so.
refuses() {
    local text=$1
    shift
    helm template sluice "$chart" "$@" && fail "$*: was not refused"
    grep -qF -- "$text" "$scratch/helm.err" || fail "$*: expected «$text», got «$(told)»"
}
# flags_with FLAG… : the controller's arguments, in one line.
flags_with() {
    helm template sluice "$chart" -s templates/deployment.yaml "$@" || fail "template $*: $(told)"
    sed -n '/^ *args:/,/^ *env:/s/^ *- //p' "$scratch/helm.out" | tail -n +2 | paste -sd' '
}

helm lint --strict "$chart" || fail "lint: $(told)"

# The flags that values become.
expect "default flags" "-log-level=info -metrics-server=http://prometheus:9090" "$(flags_with)"
expect "bundled Prometheus" "-log-level=info -metrics-server=http://sluice-prometheus:9090" \
    "$(flags_with --set prometheus.install=true,metricsServer=http://elsewhere)"
cat >"$scratch/values.yaml" <<'EOT'
logLevel: debug
meshProvider: gatewayapi:v1
metricsServer: http://prometheus.monitoring:9090
selectorLabels: app,component
includeLabelPrefix: example.com
configTracking: {enabled: false}
namespace: prod
noCrossNamespaceRefs: true
ingressAnnotationsPrefix: custom.ingress
eventWebhook: http://events
clusterName: east
slack: {url: https://slack/hook, user: releases, channel: ops, proxy: http://way}
msteams: {url: https://teams/hook, proxyUrl: http://other}
kubeconfigQPS: 50
kubeconfigBurst: 125
threadiness: 4
leaderElection: {enabled: false}
controlplane: {kubeconfig: {secretName: mesh, key: config}}
EOT
wanted="-log-level=debug -mesh-provider=gatewayapi:v1 -metrics-server=http://prometheus.monitoring:9090 \
-selector-labels=app,component -include-label-prefix=example.com -enable-config-tracking=false -namespace=prod \
-no-cross-namespace-refs=true -ingress-annotations-prefix=custom.ingress -event-webhook=http://events -cluster-name=east \
-slack-url=https://slack/hook -slack-user=releases -slack-channel=ops -slack-proxy-url=http://way -msteams-url=https://teams/hook \
-msteams-proxy-url=http://other -kubeconfig-qps=50 -kubeconfig-burst=125 -threadiness=4 \
-kubeconfig-service-mesh=/etc/sluice/controlplane/config -enable-leader-election=false"
got=$(flags_with -f "$scratch/values.yaml")
expect "flags" "$wanted" "$got"
grep -q 'secretName: mesh' "$scratch/helm.out" || fail "the mesh's kubeconfig is not mounted: $(told)"
expect "replicas without election" "replicas: 1" "$(grep -o 'replicas: .*' "$scratch/helm.out")"
# The controller itself takes every one of them: `-version` ends it once they are read.
# shellcheck disable=SC2086
"$sluice" controller $got -version >"$scratch/version" 2>&1 || fail "the controller refuses $got: $(cat "$scratch/version")"

refuses "rbac.pspEnabled: " --set rbac.pspEnabled=true
refuses "image.repository: ghcr.io/fluxcd/flagger is Flagger's image" --set image.repository=ghcr.io/fluxcd/flagger
refuses "ingressClass: contour" --set ingressClass=contour
refuses "leaderElection.replicaCount: " --set leaderElection.enabled=false,leaderElection.replicaCount=2
refuses "/meshProvider" --set meshProvider=linkerd
refuses "metricServer" --set metricServer=http://typo
refuses "'chanel'" --set slack.chanel=typo

# One truth: applied over what `sluice install` prints, the chart changes nothing but Helm's own labels.
start_lab --controller=off
"$sluice" install --namespace smm-system | kubectl apply -f - >"$scratch/applied" 2>&1 || fail "apply: $(cat "$scratch/applied")"
helm template sluice "$chart" --namespace smm-system --include-crds || fail "template: $(told)"
grep -v '^ *\(app.kubernetes.io/version\|app.kubernetes.io/managed-by\|helm.sh/chart\): ' "$scratch/helm.out" >"$scratch/rendered"
kubectl diff -f "$scratch/rendered" >"$scratch/diff" 2>&1 || fail "the chart and sluice install differ: $(cat "$scratch/diff")"
kinds() { sed -n 's/^kind: //p' "$1" | sort; }
diff <("$sluice" install | sed -n 's/^kind: //p' | sort) <(kinds "$scratch/rendered") || fail "other kinds"
kubectl delete -f "$scratch/rendered" >/dev/null 2>&1 || fail "delete"

# A release as of Flagger's chart: installed, changed, taken back, removed.
helm install flagger "$chart" --namespace flagger-system --create-namespace --wait --timeout 60s --set crd.create=false \
    --set meshProvider=istio --set metricsServer=http://prometheus.istio-system:9090 --set podDisruptionBudget.enabled=true \
    --set prometheus.install=true || fail "install: $(told)"
for object in crd/canaries.flagger.app clusterrole/flagger-sluice clusterrolebinding/flagger-sluice; do
    kubectl get "$object" >/dev/null || fail "$object is missing"
done
expect "ready" "2" "$(kubectl -n flagger-system get deployment/flagger-sluice -o jsonpath='{.status.readyReplicas}')"
expect "budget" "1" "$(kubectl -n flagger-system get pdb/flagger-sluice -o jsonpath='{.spec.minAvailable}')"
helm upgrade flagger "$chart" --namespace flagger-system --reuse-values --set logLevel=debug --wait --timeout 60s || fail "upgrade: $(told)"
level() { kubectl -n flagger-system get deployment/flagger-sluice -o jsonpath='{.spec.template.spec.containers[0].args[1]}'; }
expect "after the upgrade" -log-level=debug "$(level)"
helm rollback flagger 1 --namespace flagger-system --wait --timeout 60s || fail "rollback: $(told)"
expect "after the rollback" -log-level=info "$(level)"
helm history flagger --namespace flagger-system || fail "history: $(told)"
expect "revisions" 3 "$(grep -c sluice- "$scratch/helm.out")"
helm get manifest flagger --namespace flagger-system || fail "get manifest: $(told)"
kubectl diff -f "$scratch/helm.out" >"$scratch/diff" 2>&1 || fail "what runs is not what was released: $(cat "$scratch/diff")"
helm uninstall flagger --namespace flagger-system --wait || fail "uninstall: $(told)"
left=$(kubectl -n flagger-system get deployments,services,pdb,configmaps -o name | grep flagger)
expect "left over" "" "$left"
kubectl get crd/canaries.flagger.app >/dev/null || fail "the CRDs went with the release, and the Canaries with them"

# CRDs as part of a release: those that it made.
kubectl delete crd canaries.flagger.app metrictemplates.flagger.app alertproviders.flagger.app >/dev/null || fail "delete crds"
helm install flagger "$chart" --namespace flagger-system --skip-crds --set crd.create=true || fail "install with crd.create: $(told)"
expect "the CRD's release" flagger \
    "$(kubectl get crd/canaries.flagger.app -o jsonpath='{.metadata.annotations.meta\.helm\.sh/release-name}')"
helm uninstall flagger --namespace flagger-system --wait || fail "uninstall: $(told)"
kubectl get crd/canaries.flagger.app >/dev/null || fail "the CRDs went with the release, and the Canaries with them"
# And those that somebody else made stay, and that is said.
helm install other "$chart" --namespace flagger-system --set crd.create=true || fail "install over CRDs: $(told)"
grep -q "canaries.flagger.app is not this release's" "$scratch/helm.out" || fail "nothing was said of the CRDs: $(told)"
echo "$("$helm" version --short) installed the chart, and it is what sluice install prints"
