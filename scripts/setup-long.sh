#!/bin/sh
# Tools of the second CI stage (`make test-long`): clang with its sanitizer runtimes, a cross compiler, GStreamer with
# its plugins, GLib, shellcheck, Chromium. Installed only as root; otherwise the Debian packages' names are printed.
# The Python package that drives the browser goes into the virtual environment $1.
set -eu

program() {
  command -v "$1" >/dev/null 2>&1 || printf ' %s' "$2"
}

plugin() {
  gst-inspect-1.0 --exists "$1" >/dev/null 2>&1 || printf ' %s' "$2"
}

# Debian packages of what is not there.
missing() {
  program clang++ clang
  program aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
  program shellcheck shellcheck
  program chromium chromium
  program gst-launch-1.0 gstreamer1.0-tools
  plugin theoraenc gstreamer1.0-plugins-base
  plugin qtdemux gstreamer1.0-plugins-good
  plugin h265parse gstreamer1.0-plugins-bad
  plugin avdec_h264 gstreamer1.0-libav
  ldconfig -p | grep -q 'libglib-2\.0\.so' || printf ' %s' libglib2.0-0
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

install() {
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  wanted=$(missing)
  # shellcheck disable=SC2086 # one word per package
  [ -z "$wanted" ] || install $wanted
  has_runtimes || install "libclang-rt-$(clang++ -dumpversion | cut -d. -f1)-dev"
fi
wanted=$(missing)
has_runtimes || wanted="$wanted libclang-rt-VERSION-dev"
[ -z "$wanted" ] || {
  echo "please install these packages first (Debian names):$wanted" >&2
  exit 1
}
