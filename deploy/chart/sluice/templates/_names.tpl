{{- define "sluice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "sluice.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "sluice.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "sluice.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sluice.selector" -}}
app.kubernetes.io/name: {{ include "sluice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sluice.labels" -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "sluice.account" -}}
{{- .Values.serviceAccount.name | default (ternary (include "sluice.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "sluice.prometheus" -}}
{{- printf "%s-prometheus" (include "sluice.fullname" . | trunc 52 | trimSuffix "-") -}}
{{- end -}}

{{- define "sluice.prometheus.selector" -}}
app.kubernetes.io/name: {{ include "sluice.name" . }}-prometheus
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sluice.prometheus.labels" -}}
{{ include "sluice.prometheus.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "sluice.replicas" -}}
{{- with .Values.leaderElection -}}
{{- if eq (toString .replicaCount) "" -}}{{ ternary 2 1 .enabled }}{{- else -}}{{ .replicaCount }}{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The controller's flags, one a line: only those that differ from what it does by itself. */ -}}
{{- define "sluice.flags" -}}
{{- $set := list -}}
{{- $set = append $set (printf "-log-level=%s" .Values.logLevel) -}}
{{- with .Values.meshProvider }}{{ $set = append $set (printf "-mesh-provider=%s" .) }}{{ end -}}
{{- if .Values.prometheus.install -}}
{{- $set = append $set (printf "-metrics-server=http://%s:9090" (include "sluice.prometheus" .)) -}}
{{- else -}}
{{- with .Values.metricsServer }}{{ $set = append $set (printf "-metrics-server=%s" .) }}{{ end -}}
{{- end -}}
{{- with .Values.selectorLabels }}{{ $set = append $set (printf "-selector-labels=%s" .) }}{{ end -}}
{{- with .Values.includeLabelPrefix }}{{ $set = append $set (printf "-include-label-prefix=%s" .) }}{{ end -}}
{{- if not .Values.configTracking.enabled }}{{ $set = append $set "-enable-config-tracking=false" }}{{ end -}}
{{- with .Values.namespace }}{{ $set = append $set (printf "-namespace=%s" .) }}{{ end -}}
{{- if .Values.noCrossNamespaceRefs }}{{ $set = append $set "-no-cross-namespace-refs=true" }}{{ end -}}
{{- with .Values.ingressAnnotationsPrefix }}{{ $set = append $set (printf "-ingress-annotations-prefix=%s" .) }}{{ end -}}
{{- with .Values.eventWebhook }}{{ $set = append $set (printf "-event-webhook=%s" .) }}{{ end -}}
{{- with .Values.clusterName }}{{ $set = append $set (printf "-cluster-name=%s" .) }}{{ end -}}
{{- with .Values.slack -}}
{{- with .url }}{{ $set = append $set (printf "-slack-url=%s" .) }}{{ end -}}
{{- if and .user (ne .user "flagger") }}{{ $set = append $set (printf "-slack-user=%s" .user) }}{{ end -}}
{{- with .channel }}{{ $set = append $set (printf "-slack-channel=%s" .) }}{{ end -}}
{{- with .proxyUrl | default .proxy }}{{ $set = append $set (printf "-slack-proxy-url=%s" .) }}{{ end -}}
{{- end -}}
{{- with .Values.msteams.url }}{{ $set = append $set (printf "-msteams-url=%s" .) }}{{ end -}}
{{- with .Values.msteams.proxyUrl }}{{ $set = append $set (printf "-msteams-proxy-url=%s" .) }}{{ end -}}
{{- with .Values.kubeconfigQPS }}{{ $set = append $set (printf "-kubeconfig-qps=%v" .) }}{{ end -}}
{{- with .Values.kubeconfigBurst }}{{ $set = append $set (printf "-kubeconfig-burst=%v" .) }}{{ end -}}
{{- with .Values.threadiness }}{{ $set = append $set (printf "-threadiness=%v" .) }}{{ end -}}
{{- if .Values.controlplane.kubeconfig.secretName -}}
{{- $set = append $set (printf "-kubeconfig-service-mesh=/etc/sluice/controlplane/%s" .Values.controlplane.kubeconfig.key) -}}
{{- end -}}
{{- if not .Values.leaderElection.enabled }}{{ $set = append $set "-enable-leader-election=false" }}{{ end -}}
{{- toYaml $set -}}
{{- end -}}
