#!/bin/sh
# Copies the files and the dumps of the databases into a backup, or brings back what the newest one has, or that of a stamp.
#   TRIVET_BACKUP_FILES=REMOTE:BUCKET TRIVET_BACKUP_TO=REMOTE:PLACE files.sh ahead | backup DUMPS | restore DUMPS [STAMP]
# TRIVET_BACKUP_FILES is the bucket of the artifact service, as rclone calls it. Dumps are kept for TRIVET_BACKUP_KEEP_DAYS, 30 where
# that is not set. What is in the bucket never changes, so that a backup copies what is new alone; it never removes a file. `ahead`,
# before the databases are dumped, copies files alone, so that little is left to copy after it.
set -eu
what=${1:-} dumps=${2:-}
case "$what,$dumps" in ahead, | backup,?* | restore,?*) ;; *)
  echo "usage: TRIVET_BACKUP_FILES=… TRIVET_BACKUP_TO=… files.sh ahead | backup DUMPS | restore DUMPS [STAMP]" >&2
  exit 2
  ;;
esac
files=${TRIVET_BACKUP_FILES:?} kept=${TRIVET_BACKUP_TO:?}

have_dumps() {
  for service in registry tracking artifacts; do
    [ -s "$dumps/$service.dump" ] || { echo "there is no $dumps/$service.dump: $1" >&2; exit 1; }
  done
}

if [ "$what" = ahead ]; then
  rclone copy --immutable --size-only "$files" "$kept/files"
elif [ "$what" = backup ]; then
  have_dumps "databases.sh dump makes it"
  stamp=$(date -u +%Y-%m-%dT%H-%M-%SZ)
  rclone copy --immutable --size-only "$files" "$kept/files"
  # After the files, so that dumps which are there name none that is not; what is not complete has no file of that name.
  rclone copy --include '*.dump' "$dumps" "$kept/dumps/$stamp"
  echo "$stamp" | rclone rcat "$kept/dumps/$stamp/complete"
  echo "backup $stamp is complete"
  # Whose credentials may not delete has the store do that.
  rclone delete --min-age "${TRIVET_BACKUP_KEEP_DAYS:-30}d" "$kept/dumps" || echo "old dumps are still there" >&2
else
  stamp=${3:-$(rclone lsf --recursive --files-only --include '*/complete' "$kept/dumps" | sort | tail -n 1)}
  stamp=${stamp%/complete}
  [ -n "$stamp" ] || { echo "there is no complete backup in $kept" >&2; exit 1; }
  # A list, because rclone finds nothing wrong with reading what S3 has not got.
  [ -n "$(rclone lsf --include complete "$kept/dumps/$stamp")" ] ||
    { echo "there is no complete backup $stamp in $kept" >&2; exit 1; }
  rm -f "$dumps/registry.dump" "$dumps/tracking.dump" "$dumps/artifacts.dump" # those of another backup
  rclone copy --include '*.dump' "$kept/dumps/$stamp" "$dumps"
  have_dumps "the backup $stamp is damaged"
  rclone copy --immutable --size-only "$kept/files" "$files"
  echo "backup $stamp: files are restored, and its dumps are in $dumps"
fi
