#!/bin/sh
# Makes the virtual environment $1 with everything that `make demo` and `make test` need.
# Debian packages are installed only as root; otherwise their names are printed.
set -eu
VENV=$1
PYTHON=${PYTHON:-python3}

missing=""
command -v g++ >/dev/null 2>&1 || missing="$missing g++"
command -v make >/dev/null 2>&1 || missing="$missing make"
command -v timeout >/dev/null 2>&1 || missing="$missing coreutils"
command -v "$PYTHON" >/dev/null 2>&1 || missing="$missing python3"
"$PYTHON" -c "import venv, ensurepip" >/dev/null 2>&1 || missing="$missing python3-venv"
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

# Makes the reports' PDFs; without it WeasyPrint does, from PyPI.
if ! command -v wkhtmltopdf >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends wkhtmltopdf; } ||
      echo "wkhtmltopdf could not be installed: WeasyPrint will make the PDFs" >&2
  else
    echo "without the Debian package wkhtmltopdf, WeasyPrint will make the PDFs" >&2
  fi
fi

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
  echo "Python 3.10 or newer is needed; set PYTHON=/path/to/python3" >&2
  exit 1
}
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
# Where PYTHONDONTWRITEBYTECODE is set, every start would compile the package anew.
"$VENV/bin/python" -m compileall -q compiler runtime dsimport
