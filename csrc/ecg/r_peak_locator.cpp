#include "ecg/r_peak_locator.hpp"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

constexpr double kHalfSearchSeconds = 0.080;
// The baseline is the line through the means of 40 ms at +-110 ms of the complex.
constexpr double kHalfWindowSeconds = 0.110;
constexpr double kHalfEdgeSeconds = 0.020;
// Mean over about 10 ms: against noise, without moving the peak.
constexpr double kHalfSmoothSeconds = 0.004;
// How much greater a deflection against the habit of the lead must be.
constexpr double kAgainstHabit = 1.2;
constexpr double kHabitRate = 0.2;

}  // namespace

RPeakLocator::RPeakLocator(SamplingRate rate, double memory_seconds)
    : half_search_(rate.samples_in(Seconds{kHalfSearchSeconds})),
      half_window_(rate.samples_in(Seconds{kHalfWindowSeconds})),
      half_edge_(rate.samples_in(Seconds{kHalfEdgeSeconds})),
      half_smooth_(rate.samples_in(Seconds{kHalfSmoothSeconds})),
      samples_(static_cast<std::size_t>(rate.samples_in(Seconds{memory_seconds}) + 1)) {}

void RPeakLocator::push(std::span<const double> samples_mv) noexcept {
    for (const double sample_mv : samples_mv) {
        if (std::isfinite(sample_mv)) previous_mv_ = sample_mv;
        samples_.push(previous_mv_);
    }
}

double RPeakLocator::mean(std::int64_t from, std::int64_t to) const noexcept {
    const std::int64_t first = std::max(from, samples_.begin());
    const std::int64_t last = std::min(to, samples_.end() - 1);
    double sum = 0.0;
    for (std::int64_t i = first; i <= last; ++i) sum += samples_[i];
    return sum / static_cast<double>(last - first + 1);
}

std::optional<std::int64_t> RPeakLocator::locate(std::int64_t near) {
    const std::int64_t first = std::max(samples_.begin(), near - half_search_);
    const std::int64_t last = std::min(samples_.end() - 1, near + half_search_);
    const auto edge = [&](std::int64_t middle) {
        const auto inside = std::clamp(middle, samples_.begin(), samples_.end() - 1);
        return mean(inside - half_edge_, inside + half_edge_);
    };
    const double before = edge(near - half_window_);
    const double after = edge(near + half_window_);
    double up = 0.0;
    double down = 0.0;
    std::int64_t up_index = near;
    std::int64_t down_index = near;
    for (std::int64_t i = first; i <= last; ++i) {
        const double share =
            static_cast<double>(i - (near - half_window_)) / static_cast<double>(2 * half_window_);
        const double deflection =
            mean(i - half_smooth_, i + half_smooth_) - std::lerp(before, after, share);
        if (deflection > up) {
            up = deflection;
            up_index = i;
        }
        if (-deflection > down) {
            down = -deflection;
            down_index = i;
        }
    }
    if (up <= 0.0 && down <= 0.0) return std::nullopt;
    const bool is_up = dominance_ >= 0.0 ? kAgainstHabit * up >= down : up > kAgainstHabit * down;
    dominance_ += kHabitRate * ((is_up ? 1.0 : -1.0) - dominance_);
    return is_up ? up_index : down_index;
}

}  // namespace ecg
