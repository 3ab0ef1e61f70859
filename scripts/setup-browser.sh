#!/bin/sh
# What the second CI stage opens pages and PDFs with: Chromium and its driver, poppler's tools; selenium and playwright
# in the virtual environment $1. Debian packages are installed only as root; otherwise their names are printed.
set -eu
VENV=$1
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v chromedriver >/dev/null 2>&1 || missing="$missing chromium-driver"
command -v pdftoppm >/dev/null 2>&1 || missing="$missing poppler-utils"
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -q
    # shellcheck disable=SC2086 # one word per package
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
  else
    echo "please install these packages first (Debian names):$missing" >&2
    exit 1
  fi
fi
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check 'selenium>=4.20' playwright
