#!/bin/sh
# Step ds-run2 of centerface, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec timeout --foreground --preserve-status -s INT -k 30 20 ref-deepstream-app -c models/centerface/benchmarks/ds/deepstream_app_run2.txt
