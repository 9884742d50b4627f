#include "ecg/beat_windows.hpp"

#include <algorithm>
#include <stdexcept>

namespace ecg {
namespace {

constexpr double kLongestSeconds = 60.0;

/// Copies the window whose first sample is `first` (which may lie before the lead).
void copy_window(std::span<const double> lead, std::int64_t first, std::span<double> window) {
    const auto n = static_cast<std::int64_t>(lead.size());
    const auto width = static_cast<std::int64_t>(window.size());
    const std::int64_t ahead = std::clamp<std::int64_t>(-first, 0, width);
    const std::int64_t inside = std::clamp<std::int64_t>(n - first, ahead, width);
    std::fill(window.begin(), window.begin() + ahead, lead.front());
    std::copy(lead.begin() + (first + ahead), lead.begin() + (first + inside),
              window.begin() + ahead);
    std::fill(window.begin() + inside, window.end(), lead.back());
}

}  // namespace

WindowShape WindowShape::of(Seconds before, Seconds after, SamplingRate rate) {
    if (!(before.value >= 0.0) || !(after.value >= 0.0) ||
        before.value + after.value > kLongestSeconds) {
        throw std::invalid_argument("a beat window must span 0 to 60 s around the R peak");
    }
    const WindowShape shape{static_cast<std::size_t>(rate.samples_in(before)),
                            static_cast<std::size_t>(rate.samples_in(after))};
    if (shape.width() == 0) throw std::invalid_argument("a beat window must hold a sample");
    return shape;
}

void copy_beat_windows(std::span<const double> lead, std::span<const std::int64_t> r_peak_indices,
                       WindowShape shape, std::span<double> windows) {
    const std::size_t width = shape.width();
    if (windows.size() != r_peak_indices.size() * width) {
        throw std::invalid_argument("the windows must hold one row a beat");
    }
    const auto n = static_cast<std::int64_t>(lead.size());
    for (std::size_t beat = 0; beat < r_peak_indices.size(); ++beat) {
        const std::int64_t r_peak = r_peak_indices[beat];
        if (r_peak < 0 || r_peak >= n) {
            throw std::invalid_argument("an R peak lies outside the lead");
        }
        copy_window(lead, r_peak - static_cast<std::int64_t>(shape.before),
                    windows.subspan(beat * width, width));
    }
}

}  // namespace ecg
