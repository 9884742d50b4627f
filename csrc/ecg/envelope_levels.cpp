#include "ecg/envelope_levels.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace ecg {

double maximum(const EnvelopeHistory& signal, std::int64_t from, std::int64_t to) {
    if (to <= from) return 0.0;
    const auto values = signal.between(from, std::min(to, signal.end()));
    // Eight at a time, so that none waits for the one before.
    std::array<float, 8> greatest{};
    std::size_t i = 0;
    for (; i + greatest.size() <= values.size(); i += greatest.size()) {
        for (std::size_t k = 0; k < greatest.size(); ++k) {
            greatest[k] = values[i + k] > greatest[k] ? values[i + k] : greatest[k];
        }
    }
    for (; i < values.size(); ++i) greatest[0] = std::max(greatest[0], values[i]);
    return static_cast<double>(*std::ranges::max_element(greatest));
}

double median(std::vector<float> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return static_cast<double>(*middle);
}

}  // namespace ecg
