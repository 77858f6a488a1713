{{/* The name of the program: the chart's, unless another is given. */}}
{{- define "ringtap.program" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end }}

{{/* The name of the objects: the release's, with the program's where it is not in it. */}}
{{- define "ringtap.name" -}}
{{- $program := include "ringtap.program" . -}}
{{- $usual := contains $program .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $program) -}}
{{- .Values.fullnameOverride | default $usual | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "ringtap.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end }}

{{/* What selects the agent's pods. Never changes in the life of a release: a DaemonSet's selector cannot. */}}
{{- define "ringtap.selector" -}}
app.kubernetes.io/name: {{ include "ringtap.program" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ringtap.labels" -}}
{{ include "ringtap.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The metadata of an object of the release; further labels and annotations by the caller. */}}
{{- define "ringtap.metadata" -}}
name: {{ include "ringtap.name" . }}
namespace: {{ include "ringtap.namespace" . }}
labels:
  {{- include "ringtap.labels" . | nindent 2 }}
{{- end }}

{{- define "ringtap.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- define "ringtap.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "ringtap.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{/* The scheme of the endpoint, in lower case. */}}
{{- define "ringtap.scheme" -}}
{{- ternary "https" "http" .Values.web.tls -}}
{{- end }}

{{/* The configuration file: `config`, and what follows from other values. Keys are dotted where those of `config` may be nested. */}}
{{- define "ringtap.config" -}}
{{- $own := dict "web.listen-address" (list (printf ":%v" .Values.web.port)) -}}
{{- if .Values.web.configSecret -}}
{{- $_ := set $own "web.config.file" "/etc/ringtap-web/web.yml" -}}
{{- end -}}
{{- merge $own .Values.config | toYaml -}}
{{- end }}

{{/* "true" unless `config` forbids to ask the API server, else nothing. */}}
{{- define "ringtap.mayAsk" -}}
{{- if ne "off" (dig "kubernetes" "enabled" "auto" .Values.config) -}}true{{- end -}}
{{- end }}

{{/* "true" when series are labelled with what only the API server knows of this node's pods, else nothing. */}}
{{- define "ringtap.readsPods" -}}
{{- $labels := .Values.config.labels | default list -}}
{{- $others := without $labels "namespace" "pod" "container" "workload" -}}
{{- $isAsked := or (lt (len $others) (len $labels)) (dig "kubernetes" "pod-labels" list .Values.config) -}}
{{- if and $isAsked (include "ringtap.mayAsk" .) -}}true{{- end -}}
{{- end }}

{{/* "true" when the other ends of connections are to be named, else nothing. */}}
{{- define "ringtap.readsPeers" -}}
{{- if and (dig "peer" "labels" list .Values.config) (include "ringtap.mayAsk" .) -}}true{{- end -}}
{{- end }}

{{- define "ringtap.readsApi" -}}
{{- or (include "ringtap.readsPods" .) (include "ringtap.readsPeers" .) -}}
{{- end }}

{{- define "ringtap.telemetryPath" -}}
{{- dig "web" "telemetry-path" "/metrics" .Values.config -}}
{{- end }}

{{/*
The part of `config` that the agent reads only at its start; changes of the rest are applied while it runs (docs/flags.md). Of the labels that is
whether one of them needs control groups; those that need the API server change the pod itself.
*/}}
{{- define "ringtap.startConfig" -}}
{{- $config := omit .Values.config "series-limit" "scrape-interval" "series-retention" "total-series-limit" "body-limit" "identity-limit" "labels" -}}
{{- $_ := set $config "needsCgroups" (without (.Values.config.labels | default list) "pid" "comm" | empty | not) -}}
{{- $_ := set $config "log" (omit (dig "log" dict .Values.config) "level") -}}
{{- $_ := set $config "syscall" (omit (dig "syscall" dict .Values.config) "min-duration" "errors-only" "names" "pids" "comms") -}}
{{- toYaml $config -}}
{{- end }}
