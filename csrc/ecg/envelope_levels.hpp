#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ecg/qrs_envelope.hpp"

namespace ecg {

/// Greatest of the values, at least 0.
[[nodiscard]] double maximum(std::span<const float> values);

/// Greatest of the samples from `from` up to `to`, at least 0.
[[nodiscard]] double maximum(const EnvelopeHistory& signal, std::int64_t from, std::int64_t to);

/// Upper median of at least one value.
[[nodiscard]] double median(std::vector<float> values);

/// Moves a level a part of the way to a value.
inline void approach(double& level, double value, double rate) {
    level += rate * (value - level);
}

}  // namespace ecg
