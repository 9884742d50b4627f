#include "ecg/lead_grid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ecg/biquad.hpp"
#include "ecg/pacing_spikes.hpp"
#include "ecg/zero_phase.hpp"

namespace ecg {
namespace {

constexpr int kOrder = 2;
// Between the usual 0.5-40 Hz and less noise; chosen with the wave bounds on LUDB.
constexpr double kLowHz = 0.435;
constexpr double kHighHz = 32.2;
// Below about 90 Hz of sampling the upper edge gives way.
constexpr double kHighestShareOfNyquist = 0.9;
// Beyond any electrode potential; keeps squares finite.
constexpr double kLargestMv = 1e9;

std::int64_t grid_width(std::size_t n_samples, double samples_per_cell) {
    if (n_samples == 0) return 0;
    return static_cast<std::int64_t>(static_cast<double>(n_samples - 1) / samples_per_cell) + 1;
}

/// A lead with its gaps bridged; zeros when it has no sample at all.
std::vector<double> without_gaps(std::span<const double> lead_mv) {
    std::vector<double> lead(lead_mv.size());
    std::ranges::transform(lead_mv, lead.begin(), [](double x) {
        return std::isfinite(x) ? std::clamp(x, -kLargestMv, kLargestMv)
                                : std::numeric_limits<double>::quiet_NaN();
    });
    bridge_gaps(lead);
    if (!lead.empty() && !std::isfinite(lead.front())) std::ranges::fill(lead, 0.0);
    return lead;
}

}  // namespace

LeadGrid::LeadGrid(std::span<const std::span<const double>> leads_mv, SamplingRate rate)
    : n_leads_(leads_mv.size()),
      samples_per_cell_(rate.hz() / kGridRateHz),
      width_(leads_mv.empty() ? 0 : grid_width(leads_mv.front().size(), samples_per_cell_)),
      values_(n_leads_ * static_cast<std::size_t>(width_), 0.0) {
    if (width_ == 0) return;
    const double high = std::min(kHighHz, kHighestShareOfNyquist * rate.nyquist_hz());
    const auto sections = butterworth_band_pass(kOrder, Hertz{kLowHz}, Hertz{high}, rate);
    const std::size_t n = leads_mv.front().size();
    std::vector<std::vector<double>> whole;
    whole.reserve(n_leads_);
    for (const auto& lead : leads_mv) whole.push_back(without_gaps(lead));
    remove_pacing_spikes(whole, rate);
    for (std::size_t lead = 0; lead < n_leads_; ++lead) {
        auto& filtered = whole[lead];
        filtfilt(sections, filtered);
        double* const out = values_.data() + lead * static_cast<std::size_t>(width_);
        for (std::int64_t k = 0; k < width_; ++k) {
            const double position = static_cast<double>(k) * samples_per_cell_;
            const auto i = std::min(static_cast<std::size_t>(position), n - 1);
            const auto next = std::min(i + 1, n - 1);
            out[k] = std::lerp(filtered[i], filtered[next], position - static_cast<double>(i));
        }
    }
}

}  // namespace ecg
