#!/bin/sh
# The last frames of a video, five seconds apart, as frame_1.png to frame_3.png.
# Usage: sh extract-frames.sh VIDEO FOLDER
set -eu
unset CDPATH
[ "$#" = 2 ] || { echo "usage: sh extract-frames.sh VIDEO FOLDER" >&2; exit 1; }
exec <"$1"
cd -- "$2"

has() {
  gst-inspect-1.0 --exists "$1" >/dev/null 2>&1
}

has pngenc || { echo "GStreamer element pngenc not found (gstreamer1.0-plugins-good)"; exit 0; }
# Decoders of a GPU give frames in its memory, which only NVIDIA's converter takes.
convert=videoconvert
if has nvvideoconvert; then
  convert=nvvideoconvert
fi
rm -f -- frame_*.png
gst-launch-1.0 filesrc location=/dev/stdin ! decodebin ! 'video/x-raw(ANY)' ! queue ! "$convert" \
  ! video/x-raw,format=RGBA ! queue ! videorate ! video/x-raw,framerate=1/5 ! queue ! videoconvert ! pngenc \
  ! multifilesink location=frame_%05d.new max-files=3
number=0
for picture in frame_*.new; do
  [ -s "$picture" ] || continue
  number=$((number + 1))
  mv -- "$picture" "frame_$number.png"
done
[ "$number" -gt 0 ] || { echo "the video has no frame"; exit 1; }
