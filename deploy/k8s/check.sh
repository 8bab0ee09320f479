#!/usr/bin/env bash
# Asks a real API server whether it would take the manifests: admission, defaults and Pod Security included, which no check
# without a server knows. Nothing is started and nothing stays: objects are sent as a dry run, and a namespace that has to be
# made for it is removed at the end. What the server warns of is an error.
#
#   deploy/k8s/check.sh [OVERLAY ...]      default: deploy/k8s/overlays/dev
#   KUBECTL='kubectl --context kind-trivet' deploy/k8s/check.sh
#
# Needs kubectl and a context whose user may make namespaces.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kubectl=${KUBECTL:-kubectl}
[ $# -gt 0 ] || set -- "$here/overlays/dev"

made=()
remove() { for namespace in "${made[@]}"; do $kubectl delete namespace "$namespace" --wait=false >/dev/null; done; }
trap remove EXIT

for overlay in "$@"; do
  manifests=$($kubectl kustomize "$overlay")
  # A dry run does not make the namespace that the other objects of it need.
  for namespace in $(awk '/^  namespace: / { print $2 }' <<<"$manifests" | sort -u); do
    $kubectl get namespace "$namespace" >/dev/null 2>&1 && continue
    made+=("$namespace")
    $kubectl apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Namespace
metadata:
  name: $namespace
  labels: {pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/warn: restricted}
YAML
  done
  $kubectl apply --dry-run=server --validate=strict --warnings-as-errors -f - <<<"$manifests"
  echo "$overlay: the server takes it."
done
