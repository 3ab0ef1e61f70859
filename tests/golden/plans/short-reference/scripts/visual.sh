#!/bin/sh
# Step visual of short, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec ref-deepstream-app -c models/short/config/deepstream_app_visual_short.txt
