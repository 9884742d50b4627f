#include "ecg/envelope_levels.hpp"

#include <algorithm>
#include <cstddef>

#include "ecg/lanes.hpp"

namespace ecg {

double maximum(std::span<const float> values) {
    const std::size_t n = values.size();
    const float* const x = values.data();
    float most = 0.0F;
    if (n < 8) {
        for (const float value : values) most = std::max(most, value);
        return static_cast<double>(most);
    }
    // The last eight may come twice.
    auto even = load<Float4>(x + n - 8);
    auto odd = load<Float4>(x + n - 4);
    for (std::size_t i = 0; i + 8 < n; i += 8) {
        even = greater(even, load<Float4>(x + i));
        odd = greater(odd, load<Float4>(x + i + 4));
    }
    const Float4 four = greater(even, odd);
    for (int i = 0; i < 4; ++i) most = std::max(most, four[i]);
    return static_cast<double>(most);
}

double maximum(const EnvelopeHistory& signal, std::int64_t from, std::int64_t to) {
    if (to <= from) return 0.0;
    return maximum(signal.between(from, std::min(to, signal.end())));
}

double median(std::vector<float> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return static_cast<double>(*middle);
}

}  // namespace ecg
