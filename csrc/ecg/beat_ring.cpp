#include "ecg/beat_ring.hpp"

#include <algorithm>
#include <cmath>

#include "ecg/lanes.hpp"

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
    for (std::size_t s = 0; s < kShiftLanes; s += 4) {
        Float4 sum{};
        Float4 squares{};
        for (std::size_t k = 0; k < kQrsWidth; ++k) {
            const auto x = load<Float4>(slot.qrs.data() + k + s);
            sum += x;
            squares += x * x;
        }
        store(sum, slot.sums.data() + s);
        store(squares - sum * sum / static_cast<float>(kQrsWidth), slot.powers.data() + s);
    }
}

/// Products of a QRS complex with another, summed up for each shift of the latter.
BeatRing::Shifts BeatRing::correlate(const float* own, const float* other) noexcept {
    std::array<Float4, kShiftLanes / 4> sums{};
    for (std::size_t k = 0; k < kQrsWidth; ++k) {
        const Float4 x{own[k], own[k], own[k], own[k]};
        for (std::size_t v = 0; v < sums.size(); ++v) {
            sums[v] += x * load<Float4>(other + k + 4 * v);
        }
    }
    Shifts products;
    for (std::size_t v = 0; v < sums.size(); ++v) store(sums[v], products.data() + 4 * v);
    return products;
}

Alignment BeatRing::align(std::size_t beat, std::size_t other,
                          std::span<const std::size_t> leads) const noexcept {
    float own_power = 0.0F;
    Shifts powers{};
    Shifts common{};
    for (const std::size_t lead : leads) {
        const Slot& a = slots_[slot(beat, lead)];
        const Slot& b = slots_[slot(other, lead)];
        const Shifts products = correlate(a.qrs.data() + kMostShift, b.qrs.data());
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
