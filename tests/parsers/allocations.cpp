// Counts what one parser allocates. Build with -DSOURCE="parser.cpp" -DFUNCTION=name. Calls it with frames full of
// objects and with emptier ones, FP32 and FP16, and prints the objects of all frames, the allocations of the first round
// over them and those of nine more.
#include SOURCE

#include <cstdlib>
#include <new>

namespace {
unsigned long allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

constexpr float kFloats[] = {0.8f, 0.1f, 0.5f, 9.0f, -9.0f, 30.0f};
constexpr std::uint16_t kHalves[] = {0x3a66, 0x2e66, 0x3800, 0x4880, 0xc880, 0x4f80};  // the same in FP16, nearly

// One frame whose elements are, in turn, the values with the indices first, first + step, ...
struct HostFrame {
  std::vector<std::vector<unsigned char>> data;
  std::vector<NvDsInferLayerInfo> layers;

  HostFrame(bool half, unsigned first, unsigned step) {
    for (const Expected& expected : kExpected) {
      data.emplace_back(expected.size * (half ? 2 : 4));
      for (unsigned i = 0; i < expected.size; ++i) {
        const unsigned which = (first + i * step) % 6;
        if (half) std::memcpy(data.back().data() + i * 2, &kHalves[which], 2);
        if (!half) std::memcpy(data.back().data() + i * 4, &kFloats[which], 4);
      }
      NvDsInferLayerInfo layer = {};
      layer.dataType = static_cast<NvDsInferDataType>(half ? kHalf : kFloat);
      layer.inferDims.numDims = expected.rank;
      std::copy(expected.dims, expected.dims + expected.rank, layer.inferDims.d);
      layer.layerName = expected.name;
      layers.push_back(layer);
    }
    for (unsigned i = 0; i < kTensors; ++i) layers[i].buffer = data[i].data();
  }
};

}  // namespace

int main() {
  std::vector<HostFrame> frames;
  frames.reserve(8);
  for (unsigned i = 0; i < 8; ++i) frames.emplace_back(i % 2 == 1, i / 2, i / 4);
  const NvDsInferParseDetectionParams params{kClasses, std::vector<float>(kClasses, kDefaultThreshold), {}};
  const NvDsInferNetworkInfo network = {kWidth, kHeight, 3};
  std::vector<Object> objects;
  unsigned long found = 0, first = 0, before = allocations;
  for (unsigned round = 0; round < 10; ++round) {
    for (const HostFrame& frame : frames) {
      objects.clear();
      FUNCTION(frame.layers, network, params, objects);
      found += objects.size();
    }
    if (round == 0) {
      first = allocations - before;
      before = allocations;
    }
  }
  std::printf("%lu %lu %lu\n", found, first, allocations - before);
  return 0;
}
