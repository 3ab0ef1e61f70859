// Calls one parser with generated tensors. Build with -DSOURCE="parser.cpp" -DFUNCTION=name and sanitizers; with
// clang's -fsanitize=fuzzer and -DLIBFUZZER for a libFuzzer target, else the program takes a number of calls.
#include SOURCE

#include <cstdlib>
#include <memory>
#include <random>
#include <string>

namespace {

// Every buffer has exactly the tensor's size, so that one element too far is found.
struct Buffers {
  std::vector<std::unique_ptr<unsigned char[]>> owned;
  std::vector<NvDsInferLayerInfo> layers;
  std::vector<std::string> names;
};

size_t size_of(int type) {
  switch (type) {
    case kHalf:
      return 2;
    case kInt64:
      return 8;
    case kUint8:
      return 1;
    default:
      return 4;
  }
}

float number(std::mt19937& random, unsigned style) {
  static const float hostile[] = {0.0f, -0.0f, 1.0f, -1.0f, 1e-40f, 3e38f, -3e38f, INFINITY, -INFINITY, NAN, 0.25f};
  if (style == 0 || random() % 16 == 0) return hostile[random() % (sizeof hostile / sizeof hostile[0])];
  return static_cast<float>(random() % 4096) / (style == 1 ? 4096.0f : 64.0f) - (style == 3 ? 32.0f : 0.0f);
}

void fill(unsigned char* bytes, const Expected& expected, int type, std::mt19937& random) {
  const unsigned style = random() % 5;
  for (size_t i = 0; i < expected.size; ++i) {
    if (style == 4 || type != kFloat) {
      for (size_t b = 0; b < size_of(type); ++b) bytes[i * size_of(type) + b] = static_cast<unsigned char>(random());
    } else {
      const float value = number(random, style);
      std::memcpy(bytes + i * 4, &value, 4);
    }
  }
}

Buffers make(std::mt19937& random) {
  static const int types[] = {kFloat, kFloat, kFloat, kFloat, kHalf, kInt32, kInt64, kUint8, 2, 77};
  Buffers out;
  out.names.reserve(kTensors);
  for (const Expected& expected : kExpected) {
    int type = kFloat;
    if (random() % 4 == 0) type = types[random() % (sizeof types / sizeof types[0])];
    if (!accepts(expected, type)) type = random() % 8 == 0 ? type : kFloat;
    out.owned.emplace_back(new unsigned char[expected.size * size_of(type)]);
    fill(out.owned.back().get(), expected, type, random);
    NvDsInferLayerInfo layer = {};
    layer.dataType = static_cast<NvDsInferDataType>(type % 6);
    layer.inferDims.numDims = expected.rank;
    std::copy(expected.dims, expected.dims + expected.rank, layer.inferDims.d);
    if (random() % 64 == 0) layer.inferDims.numDims = random() % 9;
    if (random() % 64 == 0) layer.inferDims.d[random() % 8] = static_cast<unsigned>(random());
    out.names.emplace_back(random() % 64 == 0 ? "other" : expected.name);
    layer.layerName = random() % 128 == 0 ? nullptr : out.names.back().c_str();
    layer.buffer = random() % 128 == 0 ? nullptr : out.owned.back().get();
    out.layers.push_back(layer);
  }
  return out;
}

void call(unsigned seed) {
  std::mt19937 random(seed);
  const Buffers buffers = make(random);
  NvDsInferParseDetectionParams params{kClasses, {}, {}};
  params.perClassPreclusterThreshold.resize(random() % (kClasses + 2));
  for (float& each : params.perClassPreclusterThreshold) each = number(random, random() % 4);
  const NvDsInferNetworkInfo network = {random() % 64 == 0 ? 1 : kWidth, kHeight, 3};
  static std::vector<Object> objects;
  objects.clear();
  if (!FUNCTION(buffers.layers, network, params, objects)) std::abort();
  for (const Object& object : objects) {
    const bool sound = object.classId < kClasses && object.left >= 0 && object.top >= 0 && object.width > 0 &&
                       object.height > 0 && object.left + object.width <= kWidth * 1.0001f &&
                       object.top + object.height <= kHeight && std::isfinite(object.detectionConfidence);
    if (!sound) std::abort();
  }
}

}  // namespace

#ifdef LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  unsigned seed = 0;
  std::memcpy(&seed, data, std::min(size, sizeof seed));
  call(seed);
  return 0;
}
#else
int main(int argc, char** argv) {
  const unsigned calls = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 1000;
  const unsigned first = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 0;
  for (unsigned i = 0; i < calls; ++i) call(first + i);
  std::printf("%u calls\n", calls);
  return 0;
}
#endif
