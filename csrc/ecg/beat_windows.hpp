#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/units.hpp"

namespace ecg {

/// How many samples a window has on either side of its R peak, which is the first of `after`.
struct WindowShape {
    std::size_t before;
    std::size_t after;

    /// Durations rounded to samples. Negative, not finite, longer than 60 s together, or no
    /// sample at all: std::invalid_argument.
    static WindowShape of(Seconds before, Seconds after, SamplingRate rate);

    [[nodiscard]] std::size_t width() const noexcept { return before + after; }
};

/// One window a beat into the rows of `windows` (n_beats * width values): the samples from
/// `before` ahead of the R peak up to `after` behind it, the nearest sample repeated beyond the
/// ends; NaN stays NaN. An R peak outside the lead or a wrong size: std::invalid_argument.
void copy_beat_windows(std::span<const double> lead, std::span<const std::int64_t> r_peak_indices,
                       WindowShape shape, std::span<double> windows);

}  // namespace ecg
