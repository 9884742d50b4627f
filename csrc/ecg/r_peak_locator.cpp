#include "ecg/r_peak_locator.hpp"

#include <algorithm>
#include <cmath>

#include "ecg/lanes.hpp"

namespace ecg {
namespace {

constexpr double kHalfSearchSeconds = 0.080;
// The baseline is the line through the means of 40 ms at +-110 ms of the complex.
constexpr double kHalfWindowSeconds = 0.110;
constexpr double kHalfEdgeSeconds = 0.020;
// Mean over about 10 ms: against noise, without moving the peak.
constexpr double kHalfSmoothSeconds = 0.004;
// Below a nanovolt it is rounding.
constexpr double kFlatMv = 1e-6;
// How much greater a deflection against the habit of the lead must be.
constexpr double kAgainstHabit = 1.2;
constexpr double kHabitRate = 0.2;
// How far back to the baseline a deflection that an end of the recording cuts off must have come.
constexpr double kWayBack = 0.5;

double mean(const SampleHistory<double>& samples, std::int64_t from, std::int64_t to) {
    const auto values =
        samples.between(std::max<std::int64_t>(from, 0), std::min(to + 1, samples.end()));
    double sum = 0.0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
}

struct Extremes {
    double least;
    double most;
};

/// The least and the greatest of the values, or 0 if that is beyond them.
Extremes extremes(std::span<const double> values) {
    const double* const x = values.data();
    const std::size_t n_paired = values.size() / 2 * 2;
    Double2 least{};
    Double2 most{};
    for (std::size_t i = 0; i < n_paired; i += 2) {
        const auto two = load<Double2>(x + i);
        least = lesser(least, two);
        most = greater(most, two);
    }
    Extremes found{std::min(least[0], least[1]), std::max(most[0], most[1])};
    for (const double last : values.subspan(n_paired)) {
        found = {std::min(found.least, last), std::max(found.most, last)};
    }
    return found;
}

}  // namespace

RPeakLocator::RPeakLocator(SamplingRate rate)
    : half_search_(rate.samples_in(Seconds{kHalfSearchSeconds})),
      half_window_(rate.samples_in(Seconds{kHalfWindowSeconds})),
      half_edge_(rate.samples_in(Seconds{kHalfEdgeSeconds})),
      half_smooth_(rate.samples_in(Seconds{kHalfSmoothSeconds})),
      deflections_(static_cast<std::size_t>(2 * half_search_ + 1)) {}

/// Deflections, times a constant, from `first` up to `last` of the smoothed signal from a line.
std::span<const double> RPeakLocator::deflections(const SampleHistory<double>& lead_mv,
                                                  std::int64_t first, std::int64_t last,
                                                  const Line& baseline) {
    const auto n = static_cast<std::size_t>(last - first);
    const auto n_smoothed = static_cast<double>(2 * half_smooth_ + 1);
    for (std::size_t i = 0; i < n; ++i) {
        const auto since = static_cast<double>(first - baseline.origin) + static_cast<double>(i);
        deflections_[i] = -n_smoothed * (baseline.level + baseline.slope * since);
    }
    for (std::int64_t shift = -half_smooth_; shift <= half_smooth_; ++shift) {
        const auto samples = lead_mv.between(first + shift, last + shift);
        for (std::size_t i = 0; i < n; ++i) deflections_[i] += samples[i];
    }
    return std::span(deflections_).first(n);
}

/// Through the levels before and behind the complex; where one of them lies outside the recording,
/// level with the other.
RPeakLocator::Line RPeakLocator::baseline(const SampleHistory<double>& lead_mv, std::int64_t near,
                                          std::int64_t n_samples) const {
    const auto edge = [&](std::int64_t middle) {
        const auto inside = std::clamp<std::int64_t>(middle, 0, n_samples - 1);
        return mean(lead_mv, inside - half_edge_, std::min(inside + half_edge_, n_samples - 1));
    };
    const double before = edge(near - half_window_);
    const double after = edge(near + half_window_);
    const bool from_before = near + half_window_ >= n_samples;
    const bool from_after = near < half_window_;
    if (from_before && !from_after) return {near - half_window_, before, 0.0};
    if (from_after && !from_before) return {near - half_window_, after, 0.0};
    return {near - half_window_, before, (after - before) / static_cast<double>(2 * half_window_)};
}

std::optional<std::int64_t> RPeakLocator::locate(const SampleHistory<double>& lead_mv,
                                                 std::int64_t near, std::int64_t n_samples) {
    const std::int64_t first = std::max(half_smooth_, near - half_search_);
    const std::int64_t last = std::min(n_samples - half_smooth_, near + half_search_ + 1);
    if (last <= first) return std::nullopt;
    const Line line = baseline(lead_mv, near, n_samples);
    const auto found = deflections(lead_mv, first, last, line);
    const double flat = kFlatMv * static_cast<double>(2 * half_smooth_ + 1);
    const auto [down, up] = extremes(found);
    if (up <= flat && -down <= flat) return near;
    const bool is_up = dominance_ >= 0.0 ? kAgainstHabit * up >= -down : up > kAgainstHabit * -down;
    dominance_ += kHabitRate * ((is_up ? 1.0 : -1.0) - dominance_);
    const double greatest = is_up ? up : down;
    const std::int64_t r_peak = first + (std::ranges::find(found, greatest) - found.begin());

    const double half = kWayBack * greatest / static_cast<double>(2 * half_smooth_ + 1);
    const auto comes_back = [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i) {
            const double level = line.level + line.slope * static_cast<double>(i - line.origin);
            const double deflection = lead_mv[i] - level;
            if (is_up ? deflection <= half : deflection >= half) return true;
        }
        return false;
    };
    if (near + half_search_ >= n_samples && !comes_back(r_peak, n_samples)) return std::nullopt;
    if (near < half_search_ && !comes_back(0, r_peak)) return std::nullopt;
    return r_peak;
}

}  // namespace ecg
