{{/* Parts of the agent's pod. */}}

{{- define "ringtap.containerSecurityContext" -}}
{{- $given := .Values.securityContext -}}
# Root without root's powers: Kubernetes gives capabilities to no other user.
runAsUser: 0
runAsGroup: 0
{{- if $given.privileged }}
privileged: true
{{- else }}
privileged: false
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
  # BPF: loading programs and making maps. PERFMON: their reading kernel memory. The agent gives up what it no longer needs
  # once they are attached; docs/security.md#capabilities has the others that may be wanted.
  add:
    {{- toYaml $given.capabilities | nindent 4 }}
{{- end }}
readOnlyRootFilesystem: true
{{- with $given.seccompProfile }}
seccompProfile:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $given.seLinuxOptions }}
seLinuxOptions:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* How the kubelet asks for a path: a list of the root context and the path. */}}
{{- define "ringtap.probe" -}}
{{- $root := index . 0 -}}
{{- if eq $root.Values.probes.type "tcp" -}}
tcpSocket:
  port: metrics
{{- else -}}
httpGet:
  path: {{ index . 1 }}
  port: metrics
  scheme: {{ include "ringtap.scheme" $root | upper }}
{{- end -}}
{{- end }}
