#!/bin/sh
# Tools of the second CI stage (`make test-long`): clang with its sanitizer runtimes, a cross compiler, GStreamer with
# its plugins, and shellcheck.
# Installed only as root; otherwise the Debian packages' names are printed.
set -eu

has() {
  gst-inspect-1.0 --exists "$1" >/dev/null 2>&1
}

missing=""
command -v clang++ >/dev/null 2>&1 || missing="$missing clang"
command -v aarch64-linux-gnu-g++ >/dev/null 2>&1 || missing="$missing g++-aarch64-linux-gnu"
command -v gst-launch-1.0 >/dev/null 2>&1 || missing="$missing gstreamer1.0-tools"
has theoraenc || missing="$missing gstreamer1.0-plugins-base"
has qtdemux || missing="$missing gstreamer1.0-plugins-good"
has h265parse || missing="$missing gstreamer1.0-plugins-bad"
has avdec_h264 || missing="$missing gstreamer1.0-libav"
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
all_there() {
  command -v clang++ && command -v aarch64-linux-gnu-g++ && command -v shellcheck && has_runtimes &&
    has theoraenc && has qtdemux && has h265parse && has avdec_h264
}

all_there >/dev/null || {
  echo "please install these packages first (Debian names): clang, libclang-rt-VERSION-dev, g++-aarch64-linux-gnu," \
    "gstreamer1.0-tools, gstreamer1.0-plugins-base, -good and -bad, gstreamer1.0-libav, shellcheck" >&2
  exit 1
}
