#!/bin/sh
# Boxes of full drawn on one stream. Encoder: NVENC, else theoraenc, else no video; the last lines say which.
# Usage: sh ds-single-stream.sh [VIDEO]
set -eu
unset CDPATH
VIDEO=recipes/clips/street.mp4
if [ "$#" -gt 0 ]; then
  case $1 in
    /*) VIDEO=$1 ;;
    *) VIDEO=$PWD/$1 ;;
  esac
fi
cd -- "$(dirname -- "$0")/../../.."
CONFIG=models/full/config/config_infer_primary_full.txt
BASE=models/full/samples/full_single_stream

done_with() {
  echo "DS_SINGLE_STREAM_MODE=$1"
  echo "DS_SINGLE_STREAM_OUTPUT=$2"
  exit 0
}

has() {
  gst-inspect-1.0 --exists "$1" >/dev/null 2>&1
}

# An encoder's element is there on GPUs that have none: a few frames tell.
nvenc_works() {
  has nvv4l2h264enc && timeout 60 gst-launch-1.0 videotestsrc num-buffers=8 ! nvvideoconvert \
    ! 'video/x-raw(memory:NVMM),format=NV12,width=640,height=480' ! nvv4l2h264enc ! fakesink </dev/null
}

# pipeline OUTPUT ELEMENTS...: from the clip through nvinfer and the OSD into OUTPUT.
# decodebin finds demuxer, parser and decoder for the clip's container and codec. The clip comes as standard input, so
# no character of its name means anything to GStreamer. Queues do not leak: every frame is to be seen.
pipeline() {
  output=$1
  shift
  status=0
  gst-launch-1.0 -e nvstreammux name=mux batch-size=1 width=1280 height=720 batched-push-timeout=-1 \
    ! queue ! nvinfer config-file-path="$CONFIG" interval=0 \
    ! queue ! nvvideoconvert ! queue ! nvdsosd ! queue ! nvvideoconvert ! "$@" ! queue ! filesink location="$output" \
    filesrc location=/dev/stdin ! decodebin ! 'video/x-raw(ANY)' ! queue ! nvvideoconvert \
    ! 'video/x-raw(memory:NVMM),format=NV12' ! queue ! mux.sink_0 <"$VIDEO" || status=$?
  # gst-launch can end well without having written anything.
  if [ "$status" = 0 ] && [ ! -s "$output" ]; then
    echo "the pipeline ended with exit code 0 and wrote nothing"
    status=1
  fi
  if [ "$status" != 0 ]; then
    rm -f -- "$output"
    exit "$status"
  fi
}

command -v gst-launch-1.0 >/dev/null 2>&1 || { echo "gst-launch-1.0 not found"; done_with skipped ""; }
has nvinfer || { echo "GStreamer element nvinfer not found"; done_with skipped ""; }

rm -f -- "$BASE.mp4" "$BASE.ogv"
if nvenc_works; then
  pipeline "$BASE.mp4" 'video/x-raw(memory:NVMM),format=NV12' \
    ! queue ! nvv4l2h264enc ! queue ! h264parse ! queue ! qtmux
  done_with nvenc-primary "$BASE.mp4"
fi
if has theoraenc && has oggmux; then
  pipeline "$BASE.ogv" 'video/x-raw,format=I420' ! queue ! theoraenc quality=48 ! queue ! oggmux
  done_with theoraenc-fallback "$BASE.ogv"
fi
echo "neither NVENC nor theoraenc with oggmux can be used"
done_with skipped ""
