#!/usr/bin/env bash
# Dumps the three databases into a folder, or brings them back from one: registry.dump, tracking.dump, artifacts.dump.
#   TRIVET_DATABASES=FOLDER databases.sh dump|restore FOLDER
# TRIVET_DATABASES has the URL of each service's database as SERVICE/url, as the Secrets have it, and perhaps as SERVICE/ca.crt the
# authority of its certificate. Needs PostgreSQL's own programs, of the server's major version or of a newer one. Servers may run while it dumps: each dump is of one moment. They must
# not run while it restores, into databases without Trivet's schemas; a database that cannot be restored stays as it was.
set -euo pipefail
what=${1:-} folder=${2:-}
if [[ $what != dump && $what != restore ]] || [[ -z $folder ]]; then
  echo "usage: TRIVET_DATABASES=FOLDER databases.sh dump|restore FOLDER" >&2
  exit 2
fi

# Sets `url` to what may stand on a command line, which everybody on a machine can read; the password goes by the environment.
read_url() {
  url=$(<"${TRIVET_DATABASES:?}/$1/url")
  local credentials=${url#*://}
  credentials=${credentials%%@*}
  unset PGPASSWORD
  if [[ $url == *@* && $credentials == *:* ]]; then
    local password=${credentials#*:}
    local escaped=${password//\\/\\\\}
    printf -v PGPASSWORD '%b' "${escaped//%/\\x}"
    export PGPASSWORD
    url=${url/":$password@"/@}
  fi
  # The URL names it where the servers have it; of two, the last one counts.
  local authority=$TRIVET_DATABASES/$1/ca.crt
  if [[ -f $authority ]]; then
    [[ $url == *\?* ]] && url+="&" || url+="?"
    url+="sslrootcert=$authority"
  fi
}

for service in registry tracking artifacts; do # whoever names something goes before the one that has it
  read_url "$service"
  file=$folder/$service.dump
  if [[ $what == dump ]]; then
    # Who owns what is the other database's own matter.
    pg_dump --format=custom --no-owner --no-privileges --schema="trivet_$service" --dbname="$url" --file="$file.part"
    mv "$file.part" "$file"
    echo "$service: $(stat --format=%s "$file") bytes are dumped"
  else
    pg_restore --single-transaction --exit-on-error --no-owner --no-privileges --dbname="$url" "$file"
    echo "$service: restored"
  fi
done
