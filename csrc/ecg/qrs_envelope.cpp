#include "ecg/qrs_envelope.hpp"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

// Means over 6 and 4 cells (24 and 16 ms): half at 17 Hz, zeros at 41.7, 62.5 and 83.3 Hz.
constexpr std::size_t kSmoothTaps = 9;
// Centre of the quadrature pair and its reach, +-3 * kOddReach cells.
constexpr std::ptrdiff_t kOddReach = 4;
constexpr std::ptrdiff_t kEvenReach = 8;
constexpr std::size_t kQuadratureTaps = 6 * kOddReach + 1;
// Peak responses 8/3 and 4; the odd one counts 1.7 times as much.
constexpr double kOddWeight = 1.575;
constexpr double kEvenWeight = 0.25;
// Integration over 80 ms, the width of a normal QRS complex, as 5 sums of 4.
constexpr std::size_t kPartial = 4;
constexpr std::size_t kPartials = 5;
constexpr std::size_t kIntegrated = kPartial * kPartials;

static_assert((kSmoothTaps - 1) + (kQuadratureTaps - 1) + (kIntegrated - 1) ==
              2 * QrsEnvelope::kDelay - 1);

// A gap longer than this may hide a change of the baseline; the step is then removed.
constexpr double kMaxHoldSeconds = 0.020;
// Beyond any electrode potential; keeps squares finite.
constexpr double kLargestMv = 1e9;

void smooth(const double* cells, double* out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        const double* const c = cells + i;
        out[i] = ((c[0] + c[-8]) + 2.0 * (c[-1] + c[-7]) + 3.0 * (c[-2] + c[-6]) +
                  4.0 * (c[-3] + c[-4] + c[-5])) /
                 24.0;
    }
}

/// Magnitude of a quadrature pair: an odd third difference (response sin^3) and an even second
/// difference (sin^2), both greatest at 15.6 Hz; like a Hilbert envelope it does not depend on
/// whether the complex is R, QS or biphasic.
void magnitude(const double* smoothed, double* out, std::size_t n) {
    constexpr std::ptrdiff_t kCentre = 3 * kOddReach;
    for (std::size_t i = 0; i < n; ++i) {
        const double* const s = smoothed + i - kCentre;
        const double odd =
            (s[kOddReach] - s[-kOddReach]) - (s[3 * kOddReach] - s[-3 * kOddReach]) / 3.0;
        const double even = 2.0 * s[0] - (s[kEvenReach] + s[-kEvenReach]);
        out[i] = std::sqrt(kOddWeight * odd * odd + kEvenWeight * even * even);
    }
}

void sum_of_4(const double* in, double* out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        const double* const x = in + i;
        out[i] = (x[0] + x[-1]) + (x[-2] + x[-3]);
    }
}

void integrate(const double* partial, double* out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        const double* const p = partial + i;
        out[i] = ((p[0] + p[-4]) + (p[-8] + p[-12]) + p[-16]) / static_cast<double>(kIntegrated);
    }
}

/// Slope over 3 cells, as late as the envelope.
void slope_at_delay(const double* smoothed, double* out, std::size_t n) {
    constexpr auto kLag = static_cast<std::ptrdiff_t>(kQuadratureTaps - 4);
    for (std::size_t i = 0; i < n; ++i) {
        const double* const s = smoothed + i - kLag;
        out[i] = s[0] - s[-3];
    }
}

std::size_t most_cells(double samples_per_cell) {
    return static_cast<std::size_t>(
               std::ceil(static_cast<double>(QrsEnvelope::kMaxBlock) / samples_per_cell)) +
           1;
}

}  // namespace

QrsEnvelope::QrsEnvelope(SamplingRate rate)
    : samples_per_cell_(rate.hz() / kEnvelopeRateHz),
      max_hold_samples_(rate.samples_in(Seconds{kMaxHoldSeconds})),
      n_missing_(max_hold_samples_ + 1),
      max_cells_(most_cells(samples_per_cell_)),
      new_cells_(max_cells_),
      cells_(kSmoothTaps - 1, max_cells_),
      smooth_(kQuadratureTaps - 1, max_cells_),
      magnitude_(kPartial - 1, max_cells_),
      partial_sum_(kPartial * (kPartials - 1), max_cells_),
      envelope_(max_cells_),
      slope_(max_cells_) {}

double QrsEnvelope::without_steps(double sample_mv) noexcept {
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

/// Means over cells of 4 ms: the integral of the signal, each sample taken to last until the
/// next, divided among the cells.
std::size_t QrsEnvelope::average_into_cells(std::span<const double> samples_mv) {
    std::size_t n = 0;
    for (const double sample_mv : samples_mv) {
        const double x = without_steps(sample_mv);
        double from = static_cast<double>(n_samples_);
        const double to = static_cast<double>(++n_samples_);
        double cell_end = static_cast<double>(n_cells_ + 1) * samples_per_cell_;
        while (cell_end <= to) {
            new_cells_[n++] = (cell_sum_ + x * (cell_end - from)) / samples_per_cell_;
            cell_sum_ = 0.0;
            from = cell_end;
            ++n_cells_;
            cell_end = static_cast<double>(n_cells_ + 1) * samples_per_cell_;
        }
        cell_sum_ += x * (to - from);
    }
    return n;
}

QrsEnvelope::Block QrsEnvelope::push(std::span<const double> samples_mv) {
    const std::size_t n = average_into_cells(samples_mv);
    double* const cells = cells_.append(n);
    std::copy_n(new_cells_.begin(), n, cells);
    double* const smoothed = smooth_.append(n);
    smooth(cells, smoothed, n);
    double* const magnitudes = magnitude_.append(n);
    magnitude(smoothed, magnitudes, n);
    double* const partial = partial_sum_.append(n);
    sum_of_4(magnitudes, partial, n);
    integrate(partial, envelope_.data(), n);
    slope_at_delay(smoothed, slope_.data(), n);
    return {{envelope_.data(), n}, {slope_.data(), n}};
}

}  // namespace ecg
