#include "ecg/beat_ring.hpp"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

constexpr int kColumnsBefore = kBeatBefore + kMostShift;
constexpr int kColumnsAfter = kBeatAfter + kMostShift;
static_assert(std::max(kColumnsBefore, kColumnsAfter) <= GridStretch::kReach);

template <typename Sample>
Sample range_of(std::span<const Sample> values) {
    Sample low = values[0];
    Sample high = values[0];
    for (const Sample x : values) {
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    return high - low;
}

}  // namespace

double qrs_amplitude(GridStretch& stretch, std::size_t lead, std::int64_t r_peak) {
    return range_of(stretch.around(lead, r_peak, BeatRing::kQrsBefore, BeatRing::kQrsAfter));
}

BeatRing::BeatRing(GridStretch& stretch, std::span<const std::int64_t> r_peaks,
                   std::span<const double> typical_mv)
    : stretch_(stretch),
      r_peaks_(r_peaks),
      typical_mv_(typical_mv),
      slots_((2 * kNeighbours + 1) * typical_mv.size()),
      next_(0) {}

void BeatRing::move_to(std::size_t beat) {
    next_ = std::max(next_, beat - std::min(beat, kNeighbours));
    for (; next_ < std::min(r_peaks_.size(), beat + kNeighbours + 1); ++next_) read(next_);
}

void BeatRing::read(std::size_t beat) {
    for (std::size_t lead = 0; lead < typical_mv_.size(); ++lead) {
        Slot& in_lead = slots_[slot(beat, lead)];
        std::ranges::transform(stretch_.around(lead, r_peaks_[beat], kColumnsBefore, kColumnsAfter),
                               in_lead.values.begin(),
                               [](double x) { return static_cast<float>(x); });
        prepare(in_lead, typical_mv_[lead]);
    }
}

void BeatRing::prepare(Slot& slot, double typical_mv) noexcept {
    const float* const earliest = slot.values.data() + kColumnsBefore - kQrsBefore - kMostShift;
    slot.amplitude_mv = range_of(std::span<const float>{earliest + kMostShift, kQrsWidth});
    const auto scale = static_cast<float>(1.0 / typical_mv);
    for (std::size_t i = 0; i < slot.qrs.size(); ++i) slot.qrs[i] = earliest[i] * scale;
    Shifts sums{};
    Shifts squares{};
    for (std::size_t k = 0; k < kQrsWidth; ++k) {
        for (std::size_t s = 0; s < kShiftLanes; ++s) {
            const float x = slot.qrs[k + s];
            sums[s] += x;
            squares[s] += x * x;
        }
    }
    slot.sums = sums;
    for (std::size_t s = 0; s < kShiftLanes; ++s) {
        slot.powers[s] = squares[s] - sums[s] * sums[s] / kQrsWidth;
    }
}

Alignment BeatRing::align(std::size_t beat, std::size_t other,
                          std::span<const std::size_t> leads) const noexcept {
    float own_power = 0.0F;
    Shifts powers{};
    Shifts common{};
    for (const std::size_t lead : leads) {
        const Slot& a = slots_[slot(beat, lead)];
        const Slot& b = slots_[slot(other, lead)];
        Shifts products{};
        for (std::size_t k = 0; k < kQrsWidth; ++k) {
            for (std::size_t s = 0; s < kShiftLanes; ++s) {
                products[s] += a.qrs[k + kMostShift] * b.qrs[k + s];
            }
        }
        const float sum = a.sums[kMostShift];
        for (std::size_t s = 0; s < kShiftLanes; ++s) {
            common[s] += products[s] - sum * b.sums[s] / kQrsWidth;
            powers[s] += b.powers[s];
        }
        own_power += a.powers[kMostShift];
    }
    Alignment best{-1.0, 0};
    for (int s = 0; s < kShifts; ++s) {
        const auto i = static_cast<std::size_t>(s);
        if (own_power <= 0.0F || powers[i] <= 0.0F) continue;
        const double similarity =
            common[i] / std::sqrt(static_cast<double>(own_power) * static_cast<double>(powers[i]));
        if (similarity > best.similarity) best = {similarity, s - kMostShift};
    }
    return best;
}

}  // namespace ecg
