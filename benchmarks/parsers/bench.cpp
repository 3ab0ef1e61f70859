// Times one emitted parser against reading its score tensor once with a vectorised maximum, and against the usual
// loop over candidates (`per_candidate`, compiled apart, with the flags under test). Prints medians in nanoseconds per
// frame.
#include SOURCE

#include <chrono>
#include <cstdlib>
#include <utility>

#define LOOP(name) \
  extern "C" float name(const float* values, unsigned count, unsigned channels, size_t c, size_t a, float limit)
LOOP(per_candidate_o0);
LOOP(per_candidate_o2);

namespace {

constexpr int kRounds = 1001;
constexpr int kLoopRounds = 101;
constexpr int kBatchRounds = 9;

template <typename Work>
double nanoseconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

double middle(std::vector<double>& values) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// Two pieces of work in turn, so that what else the machine does meets both.
template <typename First, typename Second>
std::pair<double, double> medians(int rounds, First first, Second second) {
  std::vector<double> firsts, seconds;
  for (int i = 0; i < rounds; ++i) {
    firsts.push_back(nanoseconds(first));
    seconds.push_back(nanoseconds(second));
  }
  return {middle(firsts), middle(seconds)};
}

using Four = float __attribute__((vector_size(16)));

// What any parser has to do at least: four independent vector maxima per step, as fast as the memory gives.
__attribute__((noinline)) float read_once(const float* values, size_t size) {
  Four tops[4];
  std::memcpy(tops, values, sizeof tops);
  Four a = tops[0], b = tops[1], c = tops[2], d = tops[3];
  for (size_t i = 0; i + 16 <= size; i += 16) {
    Four next[4];
    std::memcpy(next, values + i, sizeof next);
    a = next[0] > a ? next[0] : a;
    b = next[1] > b ? next[1] : b;
    c = next[2] > c ? next[2] : c;
    d = next[3] > d ? next[3] : d;
  }
  a = a > b ? a : b;
  c = c > d ? c : d;
  a = a > c ? a : c;
  return std::max(std::max(a[0], a[1]), std::max(a[2], a[3]));
}

// One frame's tensors as the host passes them.
struct HostFrame {
  std::vector<std::vector<unsigned char>> data;
  std::vector<NvDsInferLayerInfo> layers;
};

std::vector<unsigned char> read_file(const char* path, size_t size) {
  std::vector<unsigned char> bytes(size);
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr || std::fread(bytes.data(), 1, size, file) != size) std::exit(2);
  std::fclose(file);
  return bytes;
}

// files: one per expected tensor. bytes: of one value, 4 (float32) or 2 (HALF).
HostFrame load_frame(char** files, size_t bytes) {
  HostFrame frame;
  for (unsigned i = 0; i < kTensors; ++i) {
    frame.data.push_back(read_file(files[i], kExpected[i].size * bytes));
    NvDsInferLayerInfo layer = {};
    layer.dataType = static_cast<NvDsInferDataType>(bytes == 2 ? kHalf : kFloat);
    layer.inferDims.numDims = kExpected[i].rank;
    std::copy(kExpected[i].dims, kExpected[i].dims + kExpected[i].rank, layer.inferDims.d);
    layer.layerName = kExpected[i].name;
    frame.layers.push_back(layer);
  }
  for (unsigned i = 0; i < kTensors; ++i) frame.layers[i].buffer = frame.data[i].data();
  return frame;
}

}  // namespace

// Arguments: one file of float32 and then one of float16 per expected tensor, then where the loops find class scores:
// tensor, first element, candidates, channel stride, candidate stride, limit; and the frames of a batch, 0 for the
// parser and one reading alone.
int main(int argc, char** argv) {
  if (argc != static_cast<int>(2 * kTensors) + 8) return 2;
  const HostFrame frame = load_frame(argv + 1, 4), halves = load_frame(argv + 1 + kTensors, 2);
  char** rest = argv + 1 + 2 * kTensors;
  const unsigned tensor = static_cast<unsigned>(std::strtoul(rest[0], nullptr, 10));
  const size_t first = std::strtoul(rest[1], nullptr, 10), channel = std::strtoul(rest[3], nullptr, 10);
  const unsigned count = static_cast<unsigned>(std::strtoul(rest[2], nullptr, 10));
  const size_t step = std::strtoul(rest[4], nullptr, 10);
  const float limit = std::strtof(rest[5], nullptr);
  const unsigned frames = static_cast<unsigned>(std::strtoul(rest[6], nullptr, 10));
  const auto scores_of = [&](const HostFrame& of) { return reinterpret_cast<const float*>(of.data[tensor].data()); };
  const size_t size = kExpected[tensor].size;
  NvDsInferParseDetectionParams params{kClasses, std::vector<float>(kClasses, kDefaultThreshold), {}};
  const NvDsInferNetworkInfo network = {kWidth, kHeight, 3};
  std::vector<Object> objects;
  const auto parse_frame = [&](const HostFrame& of) {
    objects.clear();
    FUNCTION(of.layers, network, params, objects);
  };
  volatile float sink = 0;
  const float* scores = scores_of(frame);
  const auto parse = [&] { parse_frame(frame); };
  const auto parser_once = medians(kRounds, parse, [&] { sink = read_once(scores, size); });
  const size_t found = objects.size();
  if (frames == 0) {
    std::printf("%zu %.0f %.0f\n", found, parser_once.first, parser_once.second);
    return sink > 1e38f ? 1 : 0;
  }
  const auto loops = medians(
      kLoopRounds, [&] { sink = per_candidate_o0(scores + first, count, kClasses, channel, step, limit); },
      [&] { sink = per_candidate_o2(scores + first, count, kClasses, channel, step, limit); });
  const auto float_half = medians(kRounds, parse, [&] { parse_frame(halves); });
  // A batch as nvinfer hands it over: frame after frame, none of them in a cache any more where the tensors are large.
  std::vector<HostFrame> batch;
  for (unsigned i = 0; i < frames; ++i) batch.push_back(load_frame(argv + 1, 4));
  const auto batched = medians(
      kBatchRounds,
      [&] {
        for (const HostFrame& each : batch) parse_frame(each);
      },
      [&] {
        for (const HostFrame& each : batch) sink = read_once(scores_of(each), size);
      });
  std::printf("%zu %.0f %.0f %.0f %.0f %.0f %.0f %.0f\n", found, parser_once.first, parser_once.second, loops.first,
              loops.second, float_half.second, batched.first / frames, batched.second / frames);
  return sink > 1e38f ? 1 : 0;
}
