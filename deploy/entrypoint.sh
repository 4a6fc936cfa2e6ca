#!/bin/sh
# Takes the words that Flink's image takes and starts the one binary. IRMAK_PROPERTIES or FLINK_PROPERTIES hold `key: value` lines.
set -eu

# The container starts as root, and Irmak does not stay it: files in /opt/flink/data belong to the owner of the mounted folder, so that
# the person who mounted it can delete them; where root owns it (docker makes a missing folder so), it is given to `irmak`.
if [ "$(id -u)" = 0 ]; then
    owner=$(stat -c %u /opt/flink/data)
    group=$(stat -c %g /opt/flink/data)
    if [ "$owner" = 0 ]; then
        owner=$(id -u irmak)
        group=$(id -g irmak)
        chown "$owner:$group" /opt/flink/data
    fi
    [ "$(stat -c %u /opt/irmak/data)" = "$owner" ] || chown -R "$owner:$group" /opt/irmak/data
    exec setpriv --reuid="$owner" --regid="$group" --clear-groups --no-new-privs "$0" "$@"
fi

case "${1:-help}" in
    jobmanager)
        shift
        # In a container the other processes are on other hosts: everything is bound wide, which the configuration must allow
        # (irmak.security.allow-unauthenticated); files are read and written below /opt/flink/data and /opt/irmak/data only.
        exec irmak jobmanager \
            -D jobmanager.bind-host=0.0.0.0 -D rest.bind-address=0.0.0.0 \
            -D jobmanager.data-dir=/opt/irmak/data/jobmanager \
            -D "irmak.security.file-roots=/opt/flink/data;/opt/irmak/data" "$@"
        ;;
    taskmanager)
        shift
        exec irmak taskmanager \
            -D taskmanager.bind-host=0.0.0.0 -D "taskmanager.host=$(hostname -i | cut -d' ' -f1)" \
            -D taskmanager.data.port=6121 \
            -D "irmak.security.file-roots=/opt/flink/data;/opt/irmak/data" "$@"
        ;;
    help)
        exec irmak --help
        ;;
    *)
        exec irmak "$@"
        ;;
esac
