#include "ecg/beat_candidates.hpp"

#include <algorithm>

#include "ecg/envelope_levels.hpp"

namespace ecg {

void BeatCandidates::find(const EnvelopeHistory& fused, std::int64_t from,
                          std::vector<BeatCandidate>& found) {
    const std::int64_t end = fused.end();
    std::int64_t index = from;
    while (index < end) {
        if (pending_.index < 0) {
            const auto height = static_cast<double>(fused[index]);
            if (height > 0.0) pending_ = {index, height};
            ++index;
            continue;
        }
        // From one maximum to the next: of what the pending one has to tower over, the greatest.
        const std::int64_t reach_end = pending_.index + kReach + 1;
        const auto ahead = fused.between(index, std::min(reach_end, end));
        const double greatest = maximum(ahead);
        if (greatest > pending_.height) {
            const auto at = std::ranges::find(ahead, static_cast<float>(greatest));
            index += at - ahead.begin();
            pending_ = {index, greatest};
            ++index;
        } else {
            if (end >= reach_end) confirm(fused, found);
            index = std::min(reach_end, end);
        }
    }
}

void BeatCandidates::finish(const EnvelopeHistory& fused, std::vector<BeatCandidate>& found) {
    if (pending_.index >= 0) confirm(fused, found);
}

void BeatCandidates::confirm(const EnvelopeHistory& fused, std::vector<BeatCandidate>& found) {
    const BeatCandidate candidate = pending_;
    pending_ = {};
    if (maximum(fused, candidate.index - kReach, candidate.index) < candidate.height) {
        found.push_back(candidate);
    }
}

}  // namespace ecg
