#include "ecg/quality_windows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <stdexcept>
#include <utility>

#include "ecg/median_network.hpp"

namespace ecg {
namespace {

constexpr double kWindowSeconds = 1.0;
// Samples are averaged to cells at about this rate, enough for muscle noise and both mains.
constexpr double kCellRateHz = 250.0;
// 50 ms: a QRS complex fills two or three pieces, so that most lie between beats; two pieces
// hold whole periods of 50 and of 60 Hz.
constexpr std::size_t kPieces = 20;
constexpr std::size_t kBlocks = kPieces / 2;
// Difference of two adjacent means of 20 ms: greatest response (0.72) at 18.5 Hz, zero at 50 Hz,
// 0.09 at 60 Hz.
constexpr double kQrsBandSeconds = 0.020;
constexpr std::array<double, 2> kMainsHz{50.0, 60.0};
// Nearer to half the rate, hum is no longer told from its image.
constexpr double kHighestMainsShare = 0.48;
// Sum of the squared weights of a second difference, 1 - 2 + 1: its response to white noise.
constexpr double kSecondDifferencePower = 6.0;
// Beyond any electrode potential; keeps squares finite.
constexpr double kLargestMv = 1e9;
// Windows that one thread measures in a row.
constexpr std::size_t kPieceWindows = 600;

/// Mean, power in the QRS band and power of what is fast, piece by piece.
enum : std::size_t { kMean, kQrs, kFast };
using Pieces = std::array<Four, kPieces>;

std::size_t samples_per_cell(SamplingRate rate) {
    return static_cast<std::size_t>(
        std::max<std::int64_t>(1, std::llround(rate.hz() / kCellRateHz)));
}

/// Smallest and largest of finite samples; four of each at a time, as they do not wait for one
/// another.
std::pair<double, double> extremes(std::span<const double> samples) {
    std::array<double, 4> low{};
    std::array<double, 4> high{};
    low.fill(samples[0]);
    high.fill(samples[0]);
    const std::size_t whole = samples.size() / 4 * 4;
    for (std::size_t i = 0; i < whole; i += 4) {
        for (std::size_t k = 0; k < 4; ++k) {
            const double x = samples[i + k];
            low[k] = x < low[k] ? x : low[k];
            high[k] = x > high[k] ? x : high[k];
        }
    }
    for (std::size_t i = whole; i < samples.size(); ++i) {
        low[0] = std::min(low[0], samples[i]);
        high[0] = std::max(high[0], samples[i]);
    }
    return {*std::ranges::min_element(low), *std::ranges::max_element(high)};
}

float share_equal(std::span<const double> samples, double value) {
    std::int64_t n = 0;
    for (const double x : samples) n += x == value ? 1 : 0;
    return static_cast<float>(n) / static_cast<float>(samples.size());
}

/// Measures one window after the other; owns the memory that takes.
class WindowMeter {
  public:
    explicit WindowMeter(SamplingRate rate);

    WindowFeatures measure(std::span<const double> samples_mv);

  private:
    void prepare_hum(SamplingRate rate);
    std::span<const double> filled(std::span<const double> samples_mv, WindowFeatures& features);
    void average_into_cells(std::span<const double> samples_mv);
    void measure_means(Pieces& pieces, WindowFeatures& features) const;
    void measure_qrs_band(Pieces& pieces) const;
    void measure_fast(Pieces& pieces) const;
    void summarise(const Pieces& pieces, WindowFeatures& features) const;
    [[nodiscard]] std::array<double, 2> hum_amplitudes() const;

    std::size_t per_cell_;
    double cell_rate_hz_;
    std::size_t reach_;
    std::vector<double> filled_;
    std::vector<double> cells_;
    std::vector<double> differences_;
    std::array<std::size_t, kPieces + 1> edges_{};
    std::vector<Four> mains_;  // cosine and sine at 50, then at 60 Hz
    std::array<double, 2> amplitude_of_hum_{};
    std::array<double, 2> hum_in_high_{};
};

WindowMeter::WindowMeter(SamplingRate rate)
    : per_cell_(samples_per_cell(rate)),
      cell_rate_hz_(rate.hz() / static_cast<double>(per_cell_)),
      reach_(static_cast<std::size_t>(
          std::max<std::int64_t>(1, std::llround(kQrsBandSeconds * cell_rate_hz_)))),
      filled_(quality_window_samples(rate)),
      cells_(filled_.size() / per_cell_),
      differences_(cells_.size()) {
    for (std::size_t i = 0; i <= kPieces; ++i) edges_[i] = i * cells_.size() / kPieces;
    prepare_hum(rate);
}

void WindowMeter::prepare_hum(SamplingRate rate) {
    mains_.resize(cells_.size());
    for (std::size_t m = 0; m < kMainsHz.size(); ++m) {
        if (kMainsHz[m] > kHighestMainsShare * cell_rate_hz_) continue;
        const double omega = 2.0 * std::numbers::pi * kMainsHz[m] / cell_rate_hz_;
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            mains_[i][2 * m] = std::cos(omega * static_cast<double>(i));
            mains_[i][2 * m + 1] = std::sin(omega * static_cast<double>(i));
        }
        // What the mean over a cell and one difference leave of the hum's amplitude.
        const double half = std::numbers::pi * kMainsHz[m] / rate.hz();
        const auto n = static_cast<double>(per_cell_);
        const double of_cell = std::sin(n * half) / (n * std::sin(half));
        const double of_difference = 2.0 * std::sin(omega / 2.0);
        amplitude_of_hum_[m] = 2.0 / (of_difference * of_cell);
        hum_in_high_[m] = std::pow(of_difference * of_difference * of_cell, 2) / 2.0;
    }
}

WindowFeatures WindowMeter::measure(std::span<const double> samples_mv) {
    WindowFeatures features;
    const auto samples = filled(samples_mv, features);
    if (!features.is_measured()) return features;
    const auto [lowest, highest] = extremes(samples);
    features.lowest = static_cast<float>(lowest);
    features.highest = static_cast<float>(highest);
    features.at_lowest = share_equal(samples, lowest);
    features.at_highest = share_equal(samples, highest);
    average_into_cells(samples);
    if (edges_[1] < 2) return features;
    Pieces pieces{};
    measure_means(pieces, features);
    measure_qrs_band(pieces);
    measure_fast(pieces);
    summarise(pieces, features);
    return features;
}

/// The window with the last value held where samples are missing or the recording is over.
std::span<const double> WindowMeter::filled(std::span<const double> samples_mv,
                                            WindowFeatures& features) {
    std::int64_t n_bad = 0;
    for (const double x : samples_mv) n_bad += std::abs(x) <= kLargestMv ? 0 : 1;
    if (n_bad == 0 && samples_mv.size() == filled_.size()) {
        features.missing = 0.0F;
        return samples_mv;
    }
    const auto is_there = [](double x) { return std::isfinite(x); };
    const auto first = std::ranges::find_if(samples_mv, is_there);
    if (first == samples_mv.end()) return {};
    double last = 0.0;
    std::size_t n_missing = 0;
    const auto take = [&](double x) {
        if (is_there(x)) last = std::clamp(x, -kLargestMv, kLargestMv);
        return last;
    };
    take(*first);
    for (std::size_t i = 0; i < samples_mv.size(); ++i) {
        n_missing += is_there(samples_mv[i]) ? 0 : 1;
        filled_[i] = take(samples_mv[i]);
    }
    std::fill(filled_.begin() + static_cast<std::ptrdiff_t>(samples_mv.size()), filled_.end(),
              last);
    features.missing = static_cast<float>(n_missing) / static_cast<float>(samples_mv.size());
    return filled_;
}

void WindowMeter::average_into_cells(std::span<const double> samples_mv) {
    const double scale = 1.0 / static_cast<double>(per_cell_);
    const double* in = samples_mv.data();
    for (double& cell : cells_) {
        double sum = 0.0;
        for (std::size_t i = 0; i < per_cell_; ++i) sum += in[i];
        cell = sum * scale;
        in += per_cell_;
    }
    for (std::size_t i = 1; i < cells_.size(); ++i) differences_[i] = cells_[i] - cells_[i - 1];
}

void WindowMeter::measure_means(Pieces& pieces, WindowFeatures& features) const {
    constexpr double kMiddle = (kPieces - 1) / 2.0;
    constexpr double kSpan = kPieces * (kPieces * kPieces - 1.0) / 12.0;
    double mean = 0.0;
    double slope = 0.0;
    for (std::size_t p = 0; p < kPieces; ++p) {
        double sum = 0.0;
        for (std::size_t i = edges_[p]; i < edges_[p + 1]; ++i) sum += cells_[i];
        pieces[p][kMean] = sum / static_cast<double>(edges_[p + 1] - edges_[p]);
        mean += pieces[p][kMean] / kPieces;
        slope += (static_cast<double>(p) - kMiddle) * pieces[p][kMean] / kSpan;
    }
    double power = 0.0;
    double jump = 0.0;
    for (std::size_t p = 0; p < kPieces; ++p) {
        const double line = mean + slope * (static_cast<double>(p) - kMiddle);
        const double off_line = pieces[p][kMean] - line;
        power += off_line * off_line;
        if (p < 2) continue;
        const double change = pieces[p][kMean] - pieces[p - 2][kMean];
        if (std::abs(change) > std::abs(jump)) jump = change;
    }
    features.motion = static_cast<float>(std::sqrt(power / kPieces));
    features.jump = static_cast<float>(jump);
}

void WindowMeter::measure_qrs_band(Pieces& pieces) const {
    double before = 0.0;
    double after = 0.0;
    for (std::size_t i = 0; i < reach_; ++i) {
        before += cells_[i];
        after += cells_[i + reach_];
    }
    const std::size_t end = cells_.size() - reach_;
    std::size_t i = reach_;
    for (std::size_t p = 0; p < kPieces; ++p) {
        const std::size_t from = i;
        double sum = 0.0;
        for (const std::size_t to = std::min(edges_[p + 1], end); i < to; ++i) {
            const double difference = after - before;
            sum += difference * difference;
            before += cells_[i] - cells_[i - reach_];
            after += cells_[i + reach_] - cells_[i];
        }
        if (i > from) pieces[p][kQrs] = sum / static_cast<double>(i - from);
    }
}

/// Second differences leave little of the waves between QRS complexes.
void WindowMeter::measure_fast(Pieces& pieces) const {
    for (std::size_t p = 0; p < kPieces; ++p) {
        const std::size_t from = std::max<std::size_t>(2, edges_[p]);
        double sum = 0.0;
        for (std::size_t i = from; i < edges_[p + 1]; ++i) {
            const double second = differences_[i] - differences_[i - 1];
            sum += second * second;
        }
        if (edges_[p + 1] > from)
            pieces[p][kFast] = sum / static_cast<double>(edges_[p + 1] - from);
    }
}

void WindowMeter::summarise(const Pieces& pieces, WindowFeatures& features) const {
    const auto rms = [](double power, double gain) {
        return static_cast<float>(std::sqrt(std::max(0.0, power)) / gain);
    };
    const Four medians = medians_of(pieces);
    const auto strongest =
        std::ranges::max_element(pieces, {}, [](const Four& p) { return p[kQrs]; });
    const auto reach = static_cast<double>(reach_);
    const auto [hum_50, hum_60] = hum_amplitudes();
    const double without_hum =
        medians[kFast] - hum_in_high_[0] * hum_50 * hum_50 - hum_in_high_[1] * hum_60 * hum_60;
    features.level = static_cast<float>(medians[kMean]);
    features.first = static_cast<float>(pieces.front()[kMean]);
    features.last = static_cast<float>(pieces.back()[kMean]);
    features.peak = rms((*strongest)[kQrs], reach);
    features.median = rms(medians[kQrs], reach);
    features.high = rms(without_hum, std::sqrt(kSecondDifferencePower));
    features.hum_50 = static_cast<float>(hum_50);
    features.hum_60 = static_cast<float>(hum_60);
}

/// Amplitudes of steady hum, on differences so that wander does not leak in: medians over blocks of
/// 100 ms of its in-phase and quadrature parts, which neither beats (few blocks) nor noise (no
/// steady phase) have.
std::array<double, 2> WindowMeter::hum_amplitudes() const {
    std::array<Four, kBlocks> parts{};
    for (std::size_t b = 0; b < kBlocks; ++b) {
        const std::size_t from = std::max<std::size_t>(1, edges_[2 * b]);
        Four sums{};
        for (std::size_t i = from; i < edges_[2 * b + 2]; ++i) {
            for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += differences_[i] * mains_[i][k];
        }
        for (std::size_t k = 0; k < sums.size(); ++k) {
            parts[b][k] = sums[k] / static_cast<double>(edges_[2 * b + 2] - from);
        }
    }
    const Four steady = medians_of(parts);
    return {amplitude_of_hum_[0] * std::hypot(steady[0], steady[1]),
            amplitude_of_hum_[1] * std::hypot(steady[2], steady[3])};
}

}  // namespace

std::size_t quality_window_samples(SamplingRate rate) {
    const auto per_cell = samples_per_cell(rate);
    const auto n_cells = std::llround(kWindowSeconds * rate.hz() / static_cast<double>(per_cell));
    return static_cast<std::size_t>(std::max<std::int64_t>(2, n_cells)) * per_cell;
}

std::size_t n_quality_windows(std::size_t n_samples, std::size_t window_samples) {
    return (n_samples + window_samples - 1) / window_samples;
}

std::vector<WindowFeatures> quality_windows(Leads leads_mv, SamplingRate rate,
                                            ThreadCount threads) {
    if (leads_mv.empty() || leads_mv.front().empty()) return {};
    const std::size_t n_samples = leads_mv.front().size();
    if (std::ranges::any_of(leads_mv, [&](const auto& l) { return l.size() != n_samples; })) {
        throw std::invalid_argument("the leads must have the same number of samples");
    }
    const std::size_t width = std::min(quality_window_samples(rate), n_samples);
    const std::size_t n_windows = n_quality_windows(n_samples, width);
    const std::size_t n_pieces = (n_windows + kPieceWindows - 1) / kPieceWindows;
    std::vector<WindowFeatures> windows(leads_mv.size() * n_windows);
    std::vector<WindowMeter> meters(threads.value(), WindowMeter(rate));
    fan_out(leads_mv.size() * n_pieces, threads, [&](std::size_t piece, std::size_t thread) {
        const std::size_t lead = piece / n_pieces;
        const std::size_t first = piece % n_pieces * kPieceWindows;
        for (std::size_t w = first; w < std::min(first + kPieceWindows, n_windows); ++w) {
            const std::size_t from = std::min(w * width, n_samples - width);
            windows[lead * n_windows + w] =
                meters[thread].measure(leads_mv[lead].subspan(from, width));
        }
    });
    return windows;
}

}  // namespace ecg
