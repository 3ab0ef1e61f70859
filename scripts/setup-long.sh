#!/bin/sh
# Tools of the second CI stage (`make test-long`): clang with its sanitizer runtimes, a cross compiler, GStreamer with
# its base and good plugins, and shellcheck.
# Installed only as root; otherwise the Debian packages' names are printed.
set -eu
missing=""
command -v clang++ >/dev/null 2>&1 || missing="$missing clang"
command -v aarch64-linux-gnu-g++ >/dev/null 2>&1 || missing="$missing g++-aarch64-linux-gnu"
command -v gst-launch-1.0 >/dev/null 2>&1 || missing="$missing gstreamer1.0-tools"
gst-inspect-1.0 --exists theoraenc >/dev/null 2>&1 || missing="$missing gstreamer1.0-plugins-base"
gst-inspect-1.0 --exists qtdemux >/dev/null 2>&1 || missing="$missing gstreamer1.0-plugins-good"
command -v shellcheck >/dev/null 2>&1 || missing="$missing shellcheck"

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
command -v clang++ >/dev/null 2>&1 && command -v aarch64-linux-gnu-g++ >/dev/null 2>&1 && has_runtimes &&
  gst-inspect-1.0 --exists theoraenc && gst-inspect-1.0 --exists qtdemux && command -v shellcheck >/dev/null 2>&1 || {
  echo "please install these packages first (Debian names): clang, libclang-rt-VERSION-dev, g++-aarch64-linux-gnu," \
    "gstreamer1.0-tools, gstreamer1.0-plugins-base, gstreamer1.0-plugins-good, shellcheck" >&2
  exit 1
}
