#include "ecg/lead_grid.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ecg/pacing_spikes.hpp"
#include "ecg/windowed_sinc.hpp"

namespace ecg {
namespace {

constexpr int kOrder = 2;
// Below about 90 Hz of sampling the upper edge gives way.
constexpr double kHighestShareOfNyquist = 0.9;
// A stretch is filtered with a block more on either side. What the filter remembers fades by half
// in 0.36 s: after a block less the reach, 14 s, to 1e-12.
constexpr Seconds kBlock{15.0};
constexpr std::size_t kBlocksOfStretch = 16;
constexpr std::size_t kNoStretch = std::numeric_limits<std::size_t>::max();

std::int64_t grid_width(std::size_t n_samples, double samples_per_cell) {
    if (n_samples == 0) return 0;
    return static_cast<std::int64_t>(static_cast<double>(n_samples - 1) / samples_per_cell) + 1;
}

}  // namespace

LeadGrid::LeadGrid(std::span<const std::span<const double>> leads_mv, SamplingRate rate, Band band,
                   ThreadCount threads)
    : rate_(rate),
      n_samples_(leads_mv.empty() ? 0 : leads_mv.front().size()),
      samples_per_cell_(rate.hz() / kGridRateHz),
      width_(grid_width(n_samples_, samples_per_cell_)),
      block_(static_cast<std::size_t>(std::max<std::int64_t>(1, rate.samples_in(kBlock)))) {
    const double high = std::min(band.high.value, kHighestShareOfNyquist * rate.nyquist_hz());
    sections_ = butterworth_band_pass(kOrder, band.low, Hertz{high}, rate);
    leads_.assign(leads_mv.size(), BridgedLead({}, block_));
    fan_out(leads_mv.size(), threads, [&](std::size_t lead, std::size_t /*thread*/) {
        leads_[lead] = BridgedLead(leads_mv[lead], block_);
    });
}

GridStretch::GridStretch(const LeadGrid& grid)
    : grid_(&grid), loaded_(kNoStretch), samples_(grid.n_leads()) {}

std::span<const double> GridStretch::around(std::size_t lead, std::int64_t cell,
                                            std::int64_t before, std::int64_t after) {
    const double position = static_cast<double>(cell) * grid_->samples_per_cell_;
    const std::size_t stretch =
        static_cast<std::size_t>(position) / (kBlocksOfStretch * grid_->block_);
    if (stretch != loaded_) load(stretch);
    const auto first = static_cast<std::size_t>(cell - before - first_cell_);
    return std::span(values_).subspan(lead * n_cells_ + first,
                                      static_cast<std::size_t>(before + after + 1));
}

void GridStretch::load(std::size_t stretch) {
    const std::size_t block = grid_->block_;
    const std::size_t n = grid_->n_samples_;
    const std::size_t own = stretch * kBlocksOfStretch;
    const std::size_t first_block = own > 0 ? own - 1 : 0;
    const std::size_t from = first_block * block;
    const std::size_t to = std::min(n, (own + kBlocksOfStretch + 1) * block);
    for (std::size_t lead = 0; lead < samples_.size(); ++lead) {
        samples_[lead].resize(to - from);
        grid_->leads_[lead].read(first_block, samples_[lead]);
    }
    remove_pacing_spikes(samples_, grid_->leads_, grid_->rate_, steps_);

    const auto cell_of = [&](std::size_t sample) {
        return static_cast<std::int64_t>(static_cast<double>(sample) / grid_->samples_per_cell_);
    };
    first_cell_ = cell_of(own * block) - kReach - 1;
    const std::int64_t last_cell =
        cell_of(std::min(n, (own + kBlocksOfStretch) * block)) + kReach + 1;
    n_cells_ = static_cast<std::size_t>(last_cell - first_cell_ + 1);
    values_.resize(samples_.size() * n_cells_);
    lanes_.resize(to - from);
    for (std::size_t lead = 0; lead < samples_.size(); lead += Lanes::kWidth) filter(lead, from);
    loaded_ = stretch;
}

/// Filters Lanes::kWidth leads and writes their cells; `first_sample` is the index of the first
/// sample loaded.
void GridStretch::filter(std::size_t first_lead, std::size_t first_sample) {
    const std::size_t n_lanes = std::min(Lanes::kWidth, samples_.size() - first_lead);
    static_assert(Lanes::kWidth == 4);
    std::array<const double*, Lanes::kWidth> in{};  // a lane too many takes the last lead again
    for (std::size_t lane = 0; lane < in.size(); ++lane) {
        in[lane] = samples_[first_lead + std::min(lane, n_lanes - 1)].data();
    }
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        lanes_[i] = {in[0][i], in[1][i], in[2][i], in[3][i]};
    }
    filtfilt(grid_->sections_, lanes_);
    for (std::size_t c = 0; c < n_cells_; ++c) {
        const std::int64_t cell = std::clamp<std::int64_t>(
            first_cell_ + static_cast<std::int64_t>(c), 0, grid_->width_ - 1);
        const double position = static_cast<double>(cell) * grid_->samples_per_cell_;
        const auto i = std::min(static_cast<std::size_t>(position), grid_->n_samples_ - 1);
        const Lanes value = between(i - first_sample, position - static_cast<double>(i));
        double* const out = values_.data() + first_lead * n_cells_ + c;
        for (std::size_t lane = 0; lane < n_lanes; ++lane) out[lane * n_cells_] = value[lane];
    }
}

/// What lies `share` behind loaded sample i; beyond the ends the nearest sample goes on.
Lanes GridStretch::between(std::size_t i, double share) const {
    if (!(share > 0.0)) return lanes_[i];
    static const BetweenSamples kBetween;
    const BetweenSamples::Weights& weights = kBetween.at(share);
    constexpr std::size_t kBefore = BetweenSamples::kReach - 1;
    Lanes sum;
    if (i >= kBefore && i - kBefore + weights.size() <= lanes_.size()) {
        const Lanes* const samples = lanes_.data() + (i - kBefore);
        for (std::size_t k = 0; k < weights.size(); ++k) sum = sum + weights[k] * samples[k];
        return sum;
    }
    for (std::size_t k = 0; k < weights.size(); ++k) {
        const std::size_t at = i + k < kBefore ? 0 : std::min(i + k - kBefore, lanes_.size() - 1);
        sum = sum + weights[k] * lanes_[at];
    }
    return sum;
}

}  // namespace ecg
