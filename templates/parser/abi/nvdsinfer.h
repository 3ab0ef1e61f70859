// What a bounding-box parser needs of DeepStream's nvdsinfer.h, for machines without the SDK.
// Written from the published interface: names, order and sizes are those of the SDK, nothing else is.
// DSIMPORT_DS_MAJOR is the DeepStream release (9 unless given): objects have a rotation angle since 9.0.
#ifndef DSIMPORT_NVDSINFER_H
#define DSIMPORT_NVDSINFER_H

#include <cstddef>

#ifndef DSIMPORT_DS_MAJOR
#define DSIMPORT_DS_MAJOR 9
#endif

#define NVDSINFER_MAX_DIMS 8

struct NvDsInferDims {
  unsigned int numDims;
  unsigned int d[NVDSINFER_MAX_DIMS];
  unsigned int numElements;
};

enum NvDsInferDataType { FLOAT = 0, HALF = 1, INT8 = 2, INT32 = 3, INT64 = 4, UINT8 = 5 };

struct NvDsInferLayerInfo {
  NvDsInferDataType dataType;
  NvDsInferDims inferDims;  // without the batch dimension
  int bindingIndex;
  const char* layerName;
  void* buffer;
  int isInput;
};

struct NvDsInferNetworkInfo {
  unsigned int width;
  unsigned int height;
  unsigned int channels;
};

struct NvDsInferObjectDetectionInfo {
  unsigned int classId;
  float left;
  float top;
  float width;
  float height;
  float detectionConfidence;
#if DSIMPORT_DS_MAJOR >= 9
  float rotation_angle;
#endif
};

static_assert(sizeof(NvDsInferDims) == 40, "NvDsInferDims");
static_assert(offsetof(NvDsInferDims, d) == 4, "NvDsInferDims::d");
static_assert(offsetof(NvDsInferDims, numElements) == 36, "NvDsInferDims::numElements");
static_assert(sizeof(NvDsInferDataType) == 4, "NvDsInferDataType");
static_assert(sizeof(NvDsInferLayerInfo) == 72, "NvDsInferLayerInfo");
static_assert(offsetof(NvDsInferLayerInfo, inferDims) == 4, "NvDsInferLayerInfo::inferDims");
static_assert(offsetof(NvDsInferLayerInfo, bindingIndex) == 44, "NvDsInferLayerInfo::bindingIndex");
static_assert(offsetof(NvDsInferLayerInfo, layerName) == 48, "NvDsInferLayerInfo::layerName");
static_assert(offsetof(NvDsInferLayerInfo, buffer) == 56, "NvDsInferLayerInfo::buffer");
static_assert(offsetof(NvDsInferLayerInfo, isInput) == 64, "NvDsInferLayerInfo::isInput");
static_assert(sizeof(NvDsInferNetworkInfo) == 12, "NvDsInferNetworkInfo");
static_assert(offsetof(NvDsInferObjectDetectionInfo, detectionConfidence) == 20, "detectionConfidence");
static_assert(sizeof(NvDsInferObjectDetectionInfo) == (DSIMPORT_DS_MAJOR >= 9 ? 28 : 24), "object");

#endif
