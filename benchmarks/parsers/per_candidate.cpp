// The loop most hand-written parsers have: candidate by candidate, class by class. Compiled as -DNAME=... with the
// flags that are to be compared.
#include <cstddef>

extern "C" float NAME(const float* values, unsigned count, unsigned channels, size_t c, size_t a, float limit);

extern "C" float NAME(const float* values, unsigned count, unsigned channels, size_t c, size_t a, float limit) {
  float sum = 0;
  for (unsigned i = 0; i < count; ++i) {
    float best = -1e30f;
    unsigned best_class = 0;
    for (unsigned k = 0; k < channels; ++k) {
      const float value = values[k * c + i * a];
      if (value > best) {
        best = value;
        best_class = k;
      }
    }
    if (best > limit) sum += best + static_cast<float>(best_class);
  }
  return sum;
}
