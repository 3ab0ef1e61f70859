#!/bin/sh
# Step ds-run2 of detr, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec timeout --foreground --preserve-status -s INT -k 30 60 deepstream-app -c models/detr/benchmarks/ds/deepstream_app_run2.txt
