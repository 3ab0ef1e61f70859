#!/bin/sh
# Compilers of the second CI stage (`make test-long`): clang with its sanitizer runtimes, a cross compiler, and GLib.
# Installed only as root; otherwise the Debian packages' names are printed.
set -eu
missing=""
command -v clang++ >/dev/null 2>&1 || missing="$missing clang"
command -v aarch64-linux-gnu-g++ >/dev/null 2>&1 || missing="$missing g++-aarch64-linux-gnu"
ldconfig -p | grep -q 'libglib-2\.0\.so' || missing="$missing libglib2.0-0"

install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# Whether clang can link a libFuzzer target: its runtimes are a package of their own, named after the major version.
has_runtimes() {
  probe=$(mktemp -d)
  printf 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }\n' >"$probe/probe.cpp"
  status=0
  clang++ -fsanitize=fuzzer,address "$probe/probe.cpp" -o "$probe/probe" >/dev/null 2>&1 || status=1
  rm -rf "$probe"
  return "$status"
}

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  # shellcheck disable=SC2086 # one word per package
  [ -z "$missing" ] || { apt-get update -q && install $missing; }
  has_runtimes || {
    apt-get update -q
    install "libclang-rt-$(clang++ -dumpversion | cut -d. -f1)-dev"
  }
fi
command -v clang++ >/dev/null 2>&1 && command -v aarch64-linux-gnu-g++ >/dev/null 2>&1 && has_runtimes || {
  echo "please install these packages first (Debian names): clang, libclang-rt-VERSION-dev, g++-aarch64-linux-gnu, libglib2.0-0" >&2
  exit 1
}
