#!/usr/bin/env bash
# Makes an authority and a certificate of it for each server of overlays/multi-team, where there is no cert-manager to do so.
# Each of FOLDER/{tracking,artifacts,registry,gateway} has what a Secret of cert-manager has: tls.crt, tls.key, ca.crt. An authority
# that FOLDER has already signs again: that is how certificates are renewed.
#
#   deploy/k8s/certificates.sh FOLDER [NAME ...]      NAME: by which browsers reach the gateway
#   NAMESPACE=trivet DAYS=365 deploy/k8s/certificates.sh FOLDER trivet.example.org
#
# Keep FOLDER/ca.key where nobody reads it, and out of Git.
set -euo pipefail
umask 077
folder=$1
shift
namespace=${NAMESPACE:-trivet}
days=${DAYS:-365}
key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

mkdir -p "$folder"
[ -f "$folder/ca.crt" ] ||
  openssl req -x509 "${key[@]}" -days 3650 -subj "/CN=trivet authority" -keyout "$folder/ca.key" -out "$folder/ca.crt" 2>/dev/null

for server in tracking artifacts registry gateway; do
  names=()
  for service in "trivet-$server" "trivet-vip-$server"; do
    names+=("$service" "$service.$namespace" "$service.$namespace.svc" "$service.$namespace.svc.cluster.local")
  done
  [ "$server" != gateway ] || names+=("$@")
  own=$folder/$server
  mkdir -p "$own"
  openssl req "${key[@]}" -subj "/CN=trivet-$server" -keyout "$own/tls.key" -out "$folder/tls.csr" 2>/dev/null
  printf 'subjectAltName=%s\n' "$(printf ',DNS:%s' "${names[@]}" | cut -c2-)" >"$folder/names"
  openssl x509 -req -in "$folder/tls.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -CAcreateserial -days "$days" \
    -extfile "$folder/names" -out "$own/tls.crt" 2>/dev/null
  cp "$folder/ca.crt" "$own/ca.crt"
done
rm "$folder/tls.csr" "$folder/names"
