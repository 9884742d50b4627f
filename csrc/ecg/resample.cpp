#include "ecg/resample.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "ecg/windowed_sinc.hpp"
#include "ecg/zero_phase.hpp"

namespace ecg {
namespace {

constexpr double kLargestRatio = 100.0;
constexpr std::size_t kZeroCrossings = 10;

/// Dot product in four running sums: fixed order of addition, and the loop vectorises.
double dot(std::span<const double> taps, std::span<const double> samples) {
    std::array<double, 4> sums{};
    const std::size_t whole = taps.size() / 4 * 4;
    for (std::size_t i = 0; i < whole; i += 4) {
        for (std::size_t j = 0; j < 4; ++j) sums[j] += taps[i + j] * samples[i + j];
    }
    for (std::size_t i = whole; i < taps.size(); ++i) sums[0] += taps[i] * samples[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/// The same where taps reach beyond the ends: the nearest sample stands in.
double dot_clamped(std::span<const double> taps, std::span<const double> samples,
                   std::int64_t first) {
    const auto last = static_cast<std::int64_t>(samples.size()) - 1;
    double sum = 0.0;
    for (const double tap : taps) {
        sum += tap * samples[static_cast<std::size_t>(std::clamp<std::int64_t>(first, 0, last))];
        ++first;
    }
    return sum;
}

}  // namespace

RateRatio rate_ratio(SamplingRate from, SamplingRate to) {
    const double target = to.hz() / from.hz();
    if (!(target <= kLargestRatio && target >= 1.0 / kLargestRatio)) {
        throw std::invalid_argument("the new sampling rate must be 1/100 to 100 times the old one");
    }
    // Convergents p/q of the continued fraction (Khinchin 1964), the last one replaced by the
    // largest intermediate fraction within the limit when that is nearer.
    double rest = target;
    RateRatio previous{1, 0};
    RateRatio best{static_cast<std::size_t>(rest), 1};
    constexpr double kExact = 1e-12;
    const auto error = [target](RateRatio r) {
        return std::abs(static_cast<double>(r.up) / static_cast<double>(r.down) - target) / target;
    };
    while (error(best) > kExact) {
        rest = 1.0 / (rest - std::floor(rest));
        const auto room = [](std::size_t used, std::size_t step) {
            return step == 0 ? kMaxRateTerm : (kMaxRateTerm - used) / step;
        };
        const std::size_t most =
            std::min(room(previous.up, best.up), room(previous.down, best.down));
        const bool fits = rest < static_cast<double>(most) + 1.0;
        const std::size_t digit = fits ? static_cast<std::size_t>(rest) : most;
        const RateRatio next{digit * best.up + previous.up, digit * best.down + previous.down};
        if (!fits) return error(next) < error(best) ? next : best;
        previous = best;
        best = next;
    }
    return best;
}

Resampler::Resampler(SamplingRate from, SamplingRate to) : ratio_(rate_ratio(from, to)) {
    const auto [up, down] = ratio_;
    const std::size_t period = std::max(up, down);
    const std::size_t half_length = kZeroCrossings * period;
    taps_before_ = half_length / up;
    n_taps_ = taps_before_ + 1 + (half_length + up - 1) / up;
    taps_.resize(up * n_taps_);
    for (std::size_t phase = 0; phase < up; ++phase) {
        const std::span<double> taps = std::span(taps_).subspan(phase * n_taps_, n_taps_);
        const double nearest = static_cast<double>(phase) + static_cast<double>(up * taps_before_);
        for (std::size_t i = 0; i < n_taps_; ++i) {
            taps[i] = windowed_sinc(nearest - static_cast<double>(up * i),
                                    static_cast<double>(period), static_cast<double>(half_length));
        }
        const double sum = std::accumulate(taps.begin(), taps.end(), 0.0);
        for (double& tap : taps) tap /= sum;
    }
}

std::size_t Resampler::output_length(std::size_t n_samples) const noexcept {
    return (n_samples * ratio_.up + ratio_.down - 1) / ratio_.down;
}

void Resampler::convolve(std::span<const double> samples, std::span<double> resampled) const {
    const auto [up, down] = ratio_;
    std::size_t left = 0;   // k * down / up, the sample at or left of the output
    std::size_t phase = 0;  // k * down % up
    for (double& output : resampled) {
        const auto taps = std::span(taps_).subspan(phase * n_taps_, n_taps_);
        const bool inside = left >= taps_before_ && left - taps_before_ + n_taps_ <= samples.size();
        output = inside ? dot(taps, samples.subspan(left - taps_before_, n_taps_))
                        : dot_clamped(taps, samples,
                                      static_cast<std::int64_t>(left) -
                                          static_cast<std::int64_t>(taps_before_));
        left += down / up;
        phase += down % up;
        if (phase >= up) {
            phase -= up;
            ++left;
        }
    }
}

void Resampler::resample(std::span<const double> samples, std::span<double> resampled) const {
    if (resampled.size() != output_length(samples.size())) {
        throw std::invalid_argument("the resampled signal must have the output length");
    }
    const auto missing = [](double x) { return !std::isfinite(x); };
    if (std::ranges::none_of(samples, missing)) {
        if (ratio_.up == ratio_.down) {
            std::ranges::copy(samples, resampled.begin());
        } else {
            convolve(samples, resampled);
        }
        return;
    }
    std::vector<double> bridged(samples.begin(), samples.end());
    bridge_gaps(bridged);
    if (missing(bridged.front())) {
        std::ranges::fill(resampled, std::numeric_limits<double>::quiet_NaN());
        return;
    }
    convolve(bridged, resampled);
    for (std::size_t k = 0; k < resampled.size(); ++k) {
        const std::size_t nearest = (2 * k * ratio_.down + ratio_.up) / (2 * ratio_.up);
        if (missing(samples[std::min(nearest, samples.size() - 1)])) {
            resampled[k] = std::numeric_limits<double>::quiet_NaN();
        }
    }
}

}  // namespace ecg
