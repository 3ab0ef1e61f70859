// What a bounding-box parser needs of DeepStream's nvdsinfer_custom_impl.h, for machines without the SDK.
#ifndef DSIMPORT_NVDSINFER_CUSTOM_IMPL_H
#define DSIMPORT_NVDSINFER_CUSTOM_IMPL_H

#include <cstddef>
#include <vector>

#include "nvdsinfer.h"

struct NvDsInferParseDetectionParams {
  unsigned int numClassesConfigured;
  std::vector<float> perClassPreclusterThreshold;
  std::vector<float> perClassPostclusterThreshold;
  std::vector<float>& perClassThreshold = perClassPreclusterThreshold;  // older name, kept by the SDK
};

// A function with C linkage in a library that nvinfer opens with dlopen; the arguments are C++ all the same.
typedef bool (*NvDsInferParseCustomFunc)(std::vector<NvDsInferLayerInfo> const& outputLayersInfo,
                                         NvDsInferNetworkInfo const& networkInfo,
                                         NvDsInferParseDetectionParams const& detectionParams,
                                         std::vector<NvDsInferObjectDetectionInfo>& objectList);

static_assert(sizeof(std::vector<float>) == 24, "libstdc++'s vector");
static_assert(sizeof(NvDsInferParseDetectionParams) == 64, "NvDsInferParseDetectionParams");

#endif
