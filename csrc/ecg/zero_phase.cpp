#include "ecg/zero_phase.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace ecg {
namespace {

/// Memory that has decayed this far is dropped once a block: without it a flat line drives the
/// states into subnormal numbers, which some processors compute a hundred times slower.
constexpr double kNegligible = 1e-200;
constexpr std::size_t kBlock = 1024;

constexpr std::size_t kMaxSections = 2 * static_cast<std::size_t>(kMaxButterworthOrder);

/// Sections and their states side by side on the stack, so that the loops stay in registers.
class Series {
  public:
    Series(std::span<const Biquad> sections, double settled_at) : n_(sections.size()) {
        for (std::size_t i = 0; i < n_; ++i) {
            sections_[i] = sections[i];
            states_[i] = BiquadState::settled(sections[i], settled_at);
            settled_at *= sections[i].dc_gain();
        }
    }

    double step(double x) noexcept {
        for (std::size_t i = 0; i < n_; ++i) x = states_[i].step(sections_[i], x);
        return x;
    }

    /// Filters a run of samples in place, from whichever end the iterators begin.
    template <typename Iterator>
    void run(Iterator at, const Iterator& end) noexcept {
        while (at != end) {
            const auto block = std::min<std::ptrdiff_t>(kBlock, end - at);
            for (const Iterator stop = at + block; at != stop; ++at) *at = step(*at);
            drop_negligible();
        }
    }

  private:
    void drop_negligible() noexcept {
        for (BiquadState& state : states_) {
            if (std::abs(state.z1) < kNegligible) state.z1 = 0.0;
            if (std::abs(state.z2) < kNegligible) state.z2 = 0.0;
        }
    }

    std::size_t n_;
    std::array<Biquad, kMaxSections> sections_{};
    std::array<BiquadState, kMaxSections> states_{};
};

/// Samples added at each end: three times the length of the difference equation.
std::size_t pad_length(std::span<const Biquad> sections, std::size_t n_samples) {
    const std::size_t taps = 2 * sections.size() + 1;
    return std::min(3 * taps, n_samples - 1);
}

}  // namespace

void filtfilt(std::span<const Biquad> sections, std::span<double> samples) {
    if (sections.size() > kMaxSections) {
        throw std::invalid_argument("too many second-order sections");
    }
    if (samples.empty() || sections.empty()) return;
    const std::size_t pad = pad_length(sections, samples.size());
    const std::size_t last = samples.size() - 1;

    std::vector<double> tail(pad);
    for (std::size_t i = 0; i < pad; ++i) tail[i] = 2.0 * samples[last] - samples[last - 1 - i];

    const double first = samples[0];
    Series forward(sections, pad > 0 ? 2.0 * first - samples[pad] : first);
    for (std::size_t i = pad; i > 0; --i) forward.step(2.0 * first - samples[i]);
    forward.run(samples.begin(), samples.end());
    forward.run(tail.begin(), tail.end());

    Series backward(sections, pad > 0 ? tail.back() : samples[last]);
    backward.run(tail.rbegin(), tail.rend());
    backward.run(samples.rbegin(), samples.rend());
}

void bridge_gaps(std::span<double> samples) {
    const auto finite = [](double x) { return std::isfinite(x); };
    const auto begin = samples.begin();
    auto before = std::find_if(begin, samples.end(), finite);
    if (before == samples.end()) return;
    std::fill(begin, before, *before);
    while (true) {
        const auto gap = std::find_if_not(before, samples.end(), finite);
        if (gap == samples.end()) return;
        const auto after = std::find_if(gap, samples.end(), finite);
        const double from = *(gap - 1);
        if (after == samples.end()) {
            std::fill(gap, after, from);
            return;
        }
        const double step = 1.0 / static_cast<double>(after - gap + 1);
        for (auto it = gap; it != after; ++it) {
            *it = std::lerp(from, *after, step * static_cast<double>(it - gap + 1));
        }
        before = after;
    }
}

void filter_zero_phase(std::span<const Biquad> sections, std::span<const double> samples,
                       std::span<double> filtered) {
    if (filtered.size() != samples.size()) {
        throw std::invalid_argument("the filtered signal must have the length of the samples");
    }
    const auto finite = [](double x) { return std::isfinite(x); };
    std::ranges::copy(samples, filtered.begin());
    const bool whole = std::ranges::all_of(samples, finite);
    if (!whole) bridge_gaps(filtered);
    if (filtered.empty() || !finite(filtered.front())) {
        std::ranges::fill(filtered, std::numeric_limits<double>::quiet_NaN());
        return;
    }
    filtfilt(sections, filtered);
    if (whole) return;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        if (!finite(samples[i])) filtered[i] = std::numeric_limits<double>::quiet_NaN();
    }
}

std::vector<double> band_pass(std::span<const double> samples, SamplingRate rate, Hertz low,
                              Hertz high, int order) {
    std::vector<double> filtered(samples.size());
    filter_zero_phase(butterworth_band_pass(order, low, high, rate), samples, filtered);
    return filtered;
}

}  // namespace ecg
