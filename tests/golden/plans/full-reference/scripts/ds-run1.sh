#!/bin/sh
# Step ds-run1 of full, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec timeout --foreground --preserve-status -s INT -k 30 40 ref-deepstream-app -c models/full/benchmarks/ds/deepstream_app_run1.txt
