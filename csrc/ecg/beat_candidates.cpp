#include "ecg/beat_candidates.hpp"

#include <algorithm>

#include "ecg/envelope_levels.hpp"

namespace ecg {

void BeatCandidates::find(const EnvelopeHistory& fused, std::int64_t from,
                          std::vector<BeatCandidate>& found) {
    const auto heights = fused.between(from, fused.end());
    std::int64_t index = from;
    for (const float value : heights) {
        const auto height = static_cast<double>(value);
        if (height > pending_.height) {
            pending_ = {index, height};
        } else if (pending_.index >= 0 && index - pending_.index >= kReach) {
            confirm(fused, found);
        }
        ++index;
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
