#!/bin/sh
# Boxes of yolo drawn on one stream. Encoder: NVENC, else theoraenc, else no video; the last lines say which.
# Usage: sh ds-single-stream.sh [VIDEO]
set -eu
cd "$(dirname "$0")/../../.."
VIDEO=$(realpath -- "${1:-recipes/clips/street.mp4}")
CONFIG=models/yolo/config/config_infer_primary_yolo.txt
BASE=models/yolo/samples/yolo_single_stream

done_with() {
  echo "DS_SINGLE_STREAM_MODE=$1"
  echo "DS_SINGLE_STREAM_OUTPUT=$2"
  exit 0
}

has() {
  gst-inspect-1.0 --exists "$1" >/dev/null 2>&1
}

# pipeline OUTPUT ELEMENTS...: from the clip through nvinfer and the OSD into OUTPUT
pipeline() {
  output=$1
  shift
  rm -f -- "$output"
  gst-launch-1.0 -e nvstreammux name=mux batch-size=1 width=1280 height=720 batched-push-timeout=-1 \
    ! queue ! nvinfer config-file-path="$CONFIG" interval=0 \
    ! queue ! nvvideoconvert ! nvdsosd ! queue ! nvvideoconvert ! "$@" \
    ! filesink location="$output" \
    uridecodebin uri="file://$VIDEO" ! queue ! mux.sink_0 </dev/null
  # gst-launch can end well without having written anything
  test -s "$output"
}

command -v gst-launch-1.0 >/dev/null 2>&1 || { echo "gst-launch-1.0 not found"; done_with skipped ""; }
has nvinfer || { echo "GStreamer element nvinfer not found"; done_with skipped ""; }

if has nvv4l2h264enc; then
  if pipeline "$BASE.mp4" 'video/x-raw(memory:NVMM),format=NV12' ! nvv4l2h264enc ! h264parse ! qtmux; then
    done_with nvenc-primary "$BASE.mp4"
  fi
  echo "NVENC is there but did not encode"
  rm -f -- "$BASE.mp4"
fi
if has theoraenc && has oggmux; then
  pipeline "$BASE.ogv" 'video/x-raw,format=I420' ! theoraenc quality=48 ! oggmux
  done_with theoraenc-fallback "$BASE.ogv"
fi
echo "neither nvv4l2h264enc nor theoraenc with oggmux is installed"
done_with skipped ""
