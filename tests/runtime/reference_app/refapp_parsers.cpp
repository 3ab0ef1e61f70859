// Small parsers for the tests, against an own copy of nvinfer's structs (none of the project's headers).
#include <cstddef>
#include <cstring>
#include <vector>

struct Dims { unsigned numDims; unsigned d[8]; unsigned numElements; };
struct LayerInfo { int dataType; Dims inferDims; int bindingIndex; const char *layerName; void *buffer; int isInput; };
struct NetworkInfo { unsigned width, height, channels; };
struct DetectionParams {
  unsigned numClassesConfigured;
  std::vector<float> perClassPreclusterThreshold;
  std::vector<float> perClassPostclusterThreshold;
  std::vector<float> &perClassThreshold;
};
struct Object {
  unsigned classId;
  float left, top, width, height, detectionConfidence;
#if DS_MAJOR >= 9
  float rotation_angle;
#endif
};
static_assert(sizeof(LayerInfo) == 72 && sizeof(DetectionParams) == 64 && sizeof(Object) == (DS_MAJOR >= 9 ? 28 : 24), "");

#ifdef SAY_SIZE
extern "C" const unsigned dsimport_parser_object_size = SAY_SIZE;
#endif

typedef const std::vector<LayerInfo> Layers;
typedef std::vector<Object> Objects;

static Object object(unsigned classId, float left, float top, float width, float height, float confidence) {
  Object result = {};
  result.classId = classId;
  result.left = left;
  result.top = top;
  result.width = width;
  result.height = height;
  result.detectionConfidence = confidence;
  return result;
}

// Output "rows": one row of class, confidence, left, top, width, height per object.
extern "C" bool ParseRows(Layers &layers, const NetworkInfo &, const DetectionParams &, Objects &objects) {
  for (const LayerInfo &layer : layers) {
    if (std::strcmp(layer.layerName, "rows") != 0) continue;
    const float *row = static_cast<const float *>(layer.buffer);
    for (unsigned i = 0; i < layer.inferDims.d[0]; ++i, row += layer.inferDims.d[1])
      objects.push_back(object(static_cast<unsigned>(row[0]), row[2], row[3], row[4], row[5], row[1]));
  }
  return true;
}

extern "C" bool ParseFalse(Layers &, const NetworkInfo &, const DetectionParams &, Objects &) { return false; }

// Writes down what it was called with: objects of (kind; five numbers).
extern "C" bool ParseProbe(Layers &layers, const NetworkInfo &net, const DetectionParams &params, Objects &objects) {
  objects.push_back(object(1, net.width, net.height, net.channels, layers.size(), objects.capacity()));
  for (const LayerInfo &layer : layers) {
    const Dims &dims = layer.inferDims;
    objects.push_back(object(2, layer.dataType, dims.numDims, dims.d[0], dims.d[1], dims.numElements));
    objects.push_back(object(3, layer.bindingIndex, layer.isInput, std::strlen(layer.layerName), layer.layerName[0],
                             dims.numElements ? *static_cast<const unsigned char *>(layer.buffer) : 0));
  }
  for (unsigned i = 0; i < params.numClassesConfigured; ++i)
    objects.push_back(object(4, params.perClassPreclusterThreshold[i], params.perClassPostclusterThreshold[i],
                             params.perClassThreshold[i], params.perClassThreshold.size(),
                             &params.perClassThreshold == &params.perClassPreclusterThreshold));
  return true;
}

// As many objects as the first float of the first output says.
extern "C" bool ParseMany(Layers &layers, const NetworkInfo &, const DetectionParams &, Objects &objects) {
  const unsigned count = static_cast<unsigned>(*static_cast<const float *>(layers[0].buffer));
  for (unsigned i = 0; i < count; ++i) objects.push_back(object(0, i, 0, 1, 1, 0.5f));
  return true;
}
