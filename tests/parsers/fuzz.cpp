// Calls one parser with generated tensors. Build with -DSOURCE="parser.cpp" -DFUNCTION=name and sanitizers; with
// clang's -fsanitize=fuzzer and -DLIBFUZZER for a libFuzzer target, else the program takes a number of calls and the
// seed of the first.
#include SOURCE

#include <cstdlib>
#include <memory>

namespace {

// Choices: first the fuzzer's bytes, so that it can learn what they do, then splitmix64, which costs next to nothing.
class Random {
 public:
  Random(const unsigned char* data, size_t size, std::uint64_t seed) : data_(data), left_(size), state_(seed) {}

  std::uint32_t operator()() {
    if (left_ >= 2) {
      const std::uint32_t value = data_[0] | static_cast<std::uint32_t>(data_[1]) << 8;
      data_ += 2;
      left_ -= 2;
      return value;
    }
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<std::uint32_t>(z >> 32);
  }

  bool one_in(unsigned n) { return (*this)() % n == 0; }

 private:
  const unsigned char* data_;
  size_t left_;
  std::uint64_t state_;
};

// Every buffer has exactly the tensor's size, so that one element too far is found.
struct Buffers {
  std::vector<std::unique_ptr<unsigned char[]>> owned;
  std::vector<NvDsInferLayerInfo> layers;
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

float number(Random& random, unsigned style) {
  static const float hostile[] = {0.0f, -0.0f, 1.0f, -1.0f, 1e-40f, 3e38f, -3e38f, INFINITY, -INFINITY, NAN, 0.25f};
  const std::uint32_t drawn = random();
  if (style == 0 || drawn % 16 == 0) return hostile[(drawn >> 4) % (sizeof hostile / sizeof hostile[0])];
  return static_cast<float>((drawn >> 4) % 4096) / (style == 1 ? 4096.0f : 64.0f) - (style == 3 ? 32.0f : 0.0f);
}

void fill(unsigned char* bytes, const Expected& expected, int type, Random& random) {
  const unsigned style = random() % 5;
  if (style != 4 && type == kFloat) {
    for (size_t i = 0; i < expected.size; ++i) {
      const float value = number(random, style);
      std::memcpy(bytes + i * 4, &value, 4);
    }
    return;
  }
  for (size_t i = 0; i < expected.size * size_of(type); ++i) bytes[i] = static_cast<unsigned char>(random());
}

Buffers make(Random& random) {
  static const int types[] = {kFloat, kFloat, kFloat, kFloat, kHalf, kInt32, kInt64, kUint8, 2, 77};
  Buffers out;
  for (const Expected& expected : kExpected) {
    int type = kFloat;
    if (random.one_in(4)) type = types[random() % (sizeof types / sizeof types[0])];
    if (!accepts(expected, type)) type = random.one_in(8) ? type : static_cast<int>(kFloat);
    out.owned.emplace_back(new unsigned char[expected.size * size_of(type)]);
    fill(out.owned.back().get(), expected, type, random);
    NvDsInferLayerInfo layer = {};
    layer.dataType = static_cast<NvDsInferDataType>(type % 6);
    layer.inferDims.numDims = expected.rank;
    std::copy(expected.dims, expected.dims + expected.rank, layer.inferDims.d);
    if (random.one_in(64)) layer.inferDims.numDims = random() % 9;
    if (random.one_in(64)) layer.inferDims.d[random() % 8] = random();
    layer.layerName = random.one_in(64) ? "other" : random.one_in(128) ? nullptr : expected.name;
    layer.buffer = random.one_in(128) ? nullptr : out.owned.back().get();
    out.layers.push_back(layer);
  }
  if (random.one_in(8)) out.layers.insert(out.layers.begin(), NvDsInferLayerInfo());  // an output nobody asked for
  return out;
}

void call(Random random) {
  const Buffers buffers = make(random);
  NvDsInferParseDetectionParams params{kClasses, {}, {}};
  params.perClassPreclusterThreshold.resize(random() % (kClasses + 2));
  for (float& each : params.perClassPreclusterThreshold) each = number(random, random() % 4);
  const NvDsInferNetworkInfo network = {random.one_in(64) ? 1 : kWidth, kHeight, 3};
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
  call(Random(data, size, size));
  return 0;
}
#else
int main(int argc, char** argv) {
  const unsigned long calls = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1000;
  const unsigned long first = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  for (unsigned long i = 0; i < calls; ++i) call(Random(nullptr, 0, (first + i) << 32));
  std::printf("%lu calls\n", calls);
  return 0;
}
#endif
