#pragma once

#include <cstdint>
#include <vector>

#include "ecg/qrs_envelope.hpp"

namespace ecg {

/// A maximum of the fused envelope that may be a beat.
struct BeatCandidate {
    std::int64_t index = -1;
    double height = 0.0;
    double likeness = 1.0;  // factor by which its shape raises or lowers its height
};

/// Finds the maxima that tower over their surroundings.
class BeatCandidates {
  public:
    /// Samples on either side over which a candidate towers (124 ms).
    static constexpr std::int64_t kReach = 31;

    /// Looks at the samples from `from` on, the first not seen yet; appends what it is sure of.
    void find(const EnvelopeHistory& fused, std::int64_t from, std::vector<BeatCandidate>& found);

    /// The signal has ended.
    void finish(const EnvelopeHistory& fused, std::vector<BeatCandidate>& found);

  private:
    void confirm(const EnvelopeHistory& fused, std::vector<BeatCandidate>& found);

    BeatCandidate pending_;
};

}  // namespace ecg
