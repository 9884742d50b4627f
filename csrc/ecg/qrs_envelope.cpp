#include "ecg/qrs_envelope.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "ecg/lanes.hpp"

namespace ecg {
namespace {

// Means over 6 and 4 cells (24 and 16 ms): half at 17 Hz, zeros at 41.7, 62.5 and 83.3 Hz.
constexpr std::size_t kSmoothTaps = 9;
// Centre of the quadrature pair and its reach, +-3 * kOddReach cells.
constexpr std::ptrdiff_t kOddReach = 4;
constexpr std::ptrdiff_t kEvenReach = 8;
constexpr std::size_t kQuadratureTaps = 6 * kOddReach + 1;
// Peak responses 8/3 and 4; the odd one counts 1.7 times as much.
constexpr float kOddWeight = 1.575F;
constexpr float kEvenWeight = 0.25F;
// Integration over 80 ms, the width of a normal QRS complex, as 5 sums of 4.
constexpr std::size_t kPartial = 4;
constexpr std::size_t kPartials = 5;
constexpr std::size_t kIntegrated = kPartial * kPartials;

static_assert((kSmoothTaps - 1) + (kQuadratureTaps - 1) + (kIntegrated - 1) ==
              2 * QrsEnvelope::kDelay - 1);

// A gap longer than this may hide a change of the baseline; the step is then removed.
constexpr double kMaxHoldSeconds = 0.020;
// An envelope below half a microvolt is a flat line.
constexpr float kFlatMv = 5e-4F;
// Beyond any electrode potential; keeps squares finite.
constexpr double kLargestMv = 1e9;

void smooth(const float* cells, float* out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        const float* const c = cells + i;
        out[i] = ((c[0] + c[-8]) + 2.0F * (c[-1] + c[-7]) + 3.0F * (c[-2] + c[-6]) +
                  4.0F * (c[-3] + c[-4] + c[-5])) *
                 (1.0F / 24.0F);
    }
}

/// Magnitude of a quadrature pair: an odd third difference (response sin^3) and an even second
/// difference (sin^2), both greatest at 15.6 Hz; like a Hilbert envelope it does not depend on
/// whether the complex is R, QS or biphasic.
void magnitude(const float* smoothed, float* out, std::size_t n) {
    constexpr std::ptrdiff_t kCentre = 3 * kOddReach;
    for (std::size_t i = 0; i < n; ++i) {
        const float* const s = smoothed + i - kCentre;
        const float odd =
            (s[kOddReach] - s[-kOddReach]) - (s[3 * kOddReach] - s[-3 * kOddReach]) * (1.0F / 3.0F);
        const float even = 2.0F * s[0] - (s[kEvenReach] + s[-kEvenReach]);
        out[i] = std::sqrt(kOddWeight * odd * odd + kEvenWeight * even * even);
    }
}

void sum_of_4(const float* in, float* out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        const float* const x = in + i;
        out[i] = (x[0] + x[-1]) + (x[-2] + x[-3]);
    }
}

void integrate(const float* partial, float* out, std::size_t n) {
    constexpr float kMean = 1.0F / static_cast<float>(kIntegrated);
    for (std::size_t i = 0; i < n; ++i) {
        const float* const p = partial + i;
        const float mean = ((p[0] + p[-4]) + (p[-8] + p[-12]) + p[-16]) * kMean;
        out[i] = mean > kFlatMv ? mean : 0.0F;
    }
}

/// Slope over 3 cells, as late as the envelope.
void slope_at_delay(const float* smoothed, float* out, std::size_t n) {
    constexpr auto kLag = static_cast<std::ptrdiff_t>(kQuadratureTaps - 4);
    for (std::size_t i = 0; i < n; ++i) {
        const float* const s = smoothed + i - kLag;
        out[i] = s[0] - s[-3];
    }
}

/// Whether all are finite and even their sum is not beyond any electrode potential.
bool are_usual(std::span<const double> samples_mv) {
    const double* const x = samples_mv.data();
    const std::size_t n_paired = samples_mv.size() / 2 * 2;
    Double2 sums{};
    for (std::size_t i = 0; i < n_paired; i += 2) {
        const auto two = load<Double2>(x + i);
        sums += greater(two, -two);
    }
    const double last = n_paired < samples_mv.size() ? std::abs(samples_mv.back()) : 0.0;
    return sums[0] + sums[1] + last <= kLargestMv;
}

}  // namespace

std::size_t QrsEnvelope::most_cells(SamplingRate rate) {
    const double cells = static_cast<double>(kMaxBlock) * kEnvelopeRateHz / rate.hz();
    return static_cast<std::size_t>(std::ceil(cells)) + 1;
}

QrsEnvelope::QrsEnvelope(SamplingRate rate, double memory_seconds)
    : samples_per_cell_(rate.hz() / kEnvelopeRateHz),
      max_hold_samples_(rate.samples_in(Seconds{kMaxHoldSeconds})),
      n_missing_(max_hold_samples_ + 1),
      max_cells_(most_cells(rate)),
      samples_(kMaxBlock + static_cast<std::size_t>(std::ceil(samples_per_cell_)) + 1 +
                   static_cast<std::size_t>(rate.samples_in(Seconds{memory_seconds})),
               kMaxBlock),
      first_sample_(max_cells_ + 1),
      begun_(max_cells_ + 1),
      cells_(kSmoothTaps - 1, max_cells_),
      smooth_(kQuadratureTaps - 1, max_cells_),
      magnitude_(kPartial - 1, max_cells_),
      partial_sum_(kPartial * (kPartials - 1), max_cells_),
      envelope_(max_cells_),
      slope_(max_cells_) {}

/// Holds missing samples, and removes the step after a long gap.
void QrsEnvelope::clean(std::span<const double> samples_mv, double* cleaned) {
    const std::size_t n = samples_mv.size();
    if (n_missing_ == 0 && n > 0 && are_usual(samples_mv)) {
        const double offset_mv = offset_mv_;
        const double* const given = samples_mv.data();
        for (std::size_t i = 0; i < n; ++i) cleaned[i] = given[i] - offset_mv;
        previous_mv_ = cleaned[n - 1];
    } else {
        std::ranges::transform(samples_mv, cleaned, [this](double x) { return without_step(x); });
    }
}

double QrsEnvelope::without_step(double sample_mv) noexcept {
    if (!std::isfinite(sample_mv)) {
        ++n_missing_;
        return previous_mv_;
    }
    const double clamped = std::clamp(sample_mv, -kLargestMv, kLargestMv);
    if (n_missing_ > max_hold_samples_) offset_mv_ = clamped - previous_mv_;
    n_missing_ = 0;
    previous_mv_ = clamped - offset_mv_;
    return previous_mv_;
}

/// Finds the cells of 4 ms that end among the newest samples: a cell comes when the sample in which
/// it ends is there. Where they begin is told in samples since `cell_origin_`, whole ones and the
/// rest.
std::size_t QrsEnvelope::find_cells(std::size_t n_samples) {
    const auto end = static_cast<double>(samples_.end());
    auto last = static_cast<std::int64_t>(end / samples_per_cell_) + 1;
    while (static_cast<double>(last) * samples_per_cell_ >= end) --last;
    const auto n = static_cast<std::size_t>(std::max<std::int64_t>(last - n_cells_, 0));
    cell_origin_ = samples_.end() - static_cast<std::int64_t>(n_samples) -
                   static_cast<std::int64_t>(samples_per_cell_) - 1;
    const auto first = static_cast<double>(n_cells_);
    const auto origin = static_cast<double>(cell_origin_);
    const double spacing = samples_per_cell_;
    for (std::size_t i = 0; i <= n; ++i) {
        // Small integers become doubles two at a time, large ones do not.
        const double cell = first + static_cast<double>(static_cast<std::int32_t>(i));
        const double start = cell * spacing - origin;
        first_sample_[i] = static_cast<std::int32_t>(start);
        begun_[i] = start - static_cast<double>(first_sample_[i]);
    }
    n_cells_ += static_cast<std::int64_t>(n);
    return n;
}

/// Means over the first n cells found: the integral of the signal, each sample taken to last until
/// the next, divided among the cells.
void QrsEnvelope::average_cells(std::size_t n, float* means) const {
    const double* const samples = samples_.between(cell_origin_, samples_.end()).data();
    const double per_sample = 1.0 / samples_per_cell_;
    // A cell ends in the sample so many after the one in which it begins, or in the next.
    const auto average = [&](const auto least_step) {
        for (std::size_t i = 0; i < n; ++i) {
            const double* const x = samples + first_sample_[i];
            const std::int32_t step = first_sample_[i + 1] - first_sample_[i];
            double sum = begun_[i + 1] * x[step] - begun_[i] * x[0];
            for (std::int32_t k = 0; k < least_step; ++k) sum += x[k];
            // Times 0 or 1: a branch that nothing could predict would take longer.
            sum += static_cast<double>(step - least_step) * x[least_step];
            means[i] = static_cast<float>(sum * per_sample);
        }
    };
    // At usual rates the number of samples is known to the compiler.
    switch (const auto least_step = static_cast<std::int32_t>(samples_per_cell_)) {
        case 1:
            average(std::integral_constant<std::int32_t, 1>{});
            break;
        case 2:
            average(std::integral_constant<std::int32_t, 2>{});
            break;
        default:
            average(least_step);
    }
}

QrsEnvelope::Block QrsEnvelope::push(std::span<const double> samples_mv) {
    clean(samples_mv, samples_.append(samples_mv.size()));
    const std::size_t n = find_cells(samples_mv.size());
    float* const cells = cells_.append(n);
    average_cells(n, cells);
    float* const smoothed = smooth_.append(n);
    smooth(cells, smoothed, n);
    float* const magnitudes = magnitude_.append(n);
    magnitude(smoothed, magnitudes, n);
    float* const partial = partial_sum_.append(n);
    sum_of_4(magnitudes, partial, n);
    integrate(partial, envelope_.data(), n);
    slope_at_delay(smoothed, slope_.data(), n);
    return {{envelope_.data(), n}, {slope_.data(), n}};
}

}  // namespace ecg
