#!/bin/sh
# Takes the words that Flink's image takes and starts the one binary. IRMAK_PROPERTIES or FLINK_PROPERTIES hold `key: value` lines.
set -eu

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
