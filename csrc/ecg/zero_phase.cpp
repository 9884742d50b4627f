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

/// What lies below is dropped, lane by lane.
void drop_negligible(double& x) noexcept {
    if (std::abs(x) < kNegligible) x = 0.0;
}

void drop_negligible(Lanes& lanes) noexcept {
    for (std::size_t lane = 0; lane < Lanes::kWidth; ++lane) drop_negligible(lanes[lane]);
}

/// Sections one after the other, with what they remember.
template <typename Sample>
class Cascade {
  public:
    Cascade(std::span<const Biquad> sections, Sample settled_at) : sections_(sections) {
        for (std::size_t i = 0; i < sections_.size(); ++i) {
            states_[i] = BiquadState<Sample>::settled(sections_[i], settled_at);
            settled_at = sections_[i].dc_gain() * settled_at;
        }
    }

    /// Filters a run of samples in place, from whichever end the iterators begin.
    template <typename Iterator>
    void run(Iterator at, const Iterator& end) noexcept {
        while (at != end) {
            const Iterator stop = at + std::min<std::ptrdiff_t>(kBlock, end - at);
            std::size_t i = 0;
            for (; i + 2 <= sections_.size(); i += 2) run_sections<2>(i, at, stop);
            if (i < sections_.size()) run_sections<1>(i, at, stop);
            at = stop;
        }
    }

  private:
    /// A fixed number of sections, so that what they remember stays in registers.
    template <std::size_t N, typename Iterator>
    void run_sections(std::size_t first, Iterator at, const Iterator& stop) noexcept {
        std::array<Biquad, N> sections{};
        std::array<BiquadState<Sample>, N> states{};
        std::copy_n(sections_.begin() + static_cast<std::ptrdiff_t>(first), N, sections.begin());
        std::copy_n(states_.begin() + first, N, states.begin());
        for (; at != stop; ++at) {
            Sample x = *at;
            for (std::size_t i = 0; i < N; ++i) x = states[i].step(sections[i], x);
            *at = x;
        }
        for (auto& state : states) {
            drop_negligible(state.z1);
            drop_negligible(state.z2);
        }
        std::copy_n(states.begin(), N, states_.begin() + first);
    }

    std::span<const Biquad> sections_;
    std::array<BiquadState<Sample>, kMaxSections> states_{};
};

/// Samples added at each end: three times the length of the difference equation.
std::size_t pad_length(std::span<const Biquad> sections, std::size_t n_samples) {
    const std::size_t taps = 2 * sections.size() + 1;
    return std::min(3 * taps, n_samples - 1);
}

template <typename Sample>
void run_both_ways(std::span<const Biquad> sections, std::span<Sample> samples) {
    if (sections.size() > kMaxSections) {
        throw std::invalid_argument("too many second-order sections");
    }
    if (samples.empty() || sections.empty()) return;
    const std::size_t pad = pad_length(sections, samples.size());
    const std::size_t last = samples.size() - 1;

    std::vector<Sample> head(pad);
    std::vector<Sample> tail(pad);
    for (std::size_t i = 0; i < pad; ++i) {
        head[i] = 2.0 * samples[0] - samples[pad - i];
        tail[i] = 2.0 * samples[last] - samples[last - 1 - i];
    }
    Cascade<Sample> forward(sections, pad > 0 ? head.front() : samples[0]);
    forward.run(head.begin(), head.end());
    forward.run(samples.begin(), samples.end());
    forward.run(tail.begin(), tail.end());

    Cascade<Sample> backward(sections, pad > 0 ? tail.back() : samples[last]);
    backward.run(tail.rbegin(), tail.rend());
    backward.run(samples.rbegin(), samples.rend());
}

}  // namespace

void filtfilt(std::span<const Biquad> sections, std::span<double> samples) {
    run_both_ways(sections, samples);
}

void filtfilt(std::span<const Biquad> sections, std::span<Lanes> samples) {
    run_both_ways(sections, samples);
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
