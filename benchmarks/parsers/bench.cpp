// Times one emitted parser against reading its score tensor once with a vectorised maximum, and against the usual
// loop over candidates (`per_candidate`, compiled apart, with the flags under test). Prints medians in nanoseconds.
#include SOURCE

#include <chrono>
#include <cstdlib>

extern "C" float per_candidate_o0(const float* values, unsigned count, unsigned channels, size_t c, size_t a, float limit);
extern "C" float per_candidate_o2(const float* values, unsigned count, unsigned channels, size_t c, size_t a, float limit);

namespace {

constexpr int kRounds = 301;

template <typename Work>
double median(Work work) {
  std::vector<double> times;
  for (int i = 0; i < kRounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
  return times[kRounds / 2];
}

__attribute__((noinline)) float read_once(const float* __restrict values, size_t size) {
  float lanes[16];
  std::fill_n(lanes, 16, values[0]);
  for (size_t i = 0; i + 16 <= size; i += 16) {
    for (unsigned l = 0; l < 16; ++l) lanes[l] = values[i + l] > lanes[l] ? values[i + l] : lanes[l];
  }
  return *std::max_element(lanes, lanes + 16);
}

}  // namespace

// Arguments: one file of float32 per expected tensor, then the addressing of class scores for the loops: tensor,
// first element, candidates, channel stride, candidate stride, limit.
int main(int argc, char** argv) {
  std::vector<std::vector<float>> data;
  std::vector<NvDsInferLayerInfo> layers;
  if (argc != static_cast<int>(kTensors) + 7) return 2;
  for (unsigned i = 0; i < kTensors; ++i) {
    data.emplace_back(kExpected[i].size);
    std::FILE* file = std::fopen(argv[1 + i], "rb");
    if (file == nullptr || std::fread(data[i].data(), 4, data[i].size(), file) != data[i].size()) return 2;
    std::fclose(file);
    NvDsInferLayerInfo layer = {};
    layer.inferDims.numDims = kExpected[i].rank;
    std::copy(kExpected[i].dims, kExpected[i].dims + kExpected[i].rank, layer.inferDims.d);
    layer.layerName = kExpected[i].name;
    layer.buffer = data[i].data();
    layers.push_back(layer);
  }
  char** rest = argv + 1 + kTensors;
  const std::vector<float>& scores = data[std::strtoul(rest[0], nullptr, 10)];
  const size_t first = std::strtoul(rest[1], nullptr, 10), channel = std::strtoul(rest[3], nullptr, 10);
  const unsigned count = static_cast<unsigned>(std::strtoul(rest[2], nullptr, 10));
  const size_t step = std::strtoul(rest[4], nullptr, 10);
  const float limit = std::strtof(rest[5], nullptr);
  NvDsInferParseDetectionParams params{kClasses, std::vector<float>(kClasses, kDefaultThreshold), {}};
  const NvDsInferNetworkInfo network = {kWidth, kHeight, 3};
  std::vector<Object> objects;
  volatile float sink = 0;
  const double parser = median([&] {
    objects.clear();
    FUNCTION(layers, network, params, objects);
  });
  const double once = median([&] { sink = read_once(scores.data(), scores.size()); });
  const double o0 = median([&] { sink = per_candidate_o0(scores.data() + first, count, kClasses, channel, step, limit); });
  const double o2 = median([&] { sink = per_candidate_o2(scores.data() + first, count, kClasses, channel, step, limit); });
  std::printf("%zu %.0f %.0f %.0f %.0f\n", objects.size(), parser, once, o0, o2);
  return sink > 1e38f ? 1 : 0;
}
