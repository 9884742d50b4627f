#include "ecg/t_waves.hpp"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

// Search: from 64 ms after the J point to 0.534 * sqrt(RR) seconds after R, RR at most 1.5 s, and
// no nearer than 212 ms to the next R peak.
constexpr int kAfterJ = 16;
constexpr double kLongestRoot = 0.534;
constexpr int kLongestRr = 375;
constexpr int kBeforeNext = 53;
constexpr int kShortestWindow = 11;
// A T wave is a bump of +-80 ms of at least 1.65 % of the QRS amplitude.
constexpr int kReach = 20;
constexpr double kLeastHeight = 0.0165;
constexpr int kLeadsApart = 19;

constexpr int kFlank = 20;
constexpr int kLongestTail = 65;
constexpr int kLongestRise = 40;
constexpr double kOffsetShare = 0.175;
constexpr double kOnsetShare = 0.124;
// The end lies this far from where the slope has faded towards where the steepest tangent meets
// the baseline; SD of the error on LUDB 22.5 ms, of threshold and tangent alone 22.8 and 23.2 ms.
constexpr double kTangentShare = 0.288;

constexpr Agreement kOnset{0.431, 6.0};
constexpr Agreement kPeak{1.07, -0.137};
constexpr Agreement kOffset{0.502, -0.8};

struct Window {
    int first;
    int last;
    int flank_first;
    int flank_last;
};

double at(std::span<const double> lead, int column) {
    return lead[static_cast<std::size_t>(column)];
}

double find_onset(std::span<const double> slope, Extremum peak, const Window& window) {
    const int first = std::max(window.flank_first, peak.column - kLongestRise);
    int k = peak.column;
    double greatest = 0.0;
    for (int i = peak.column; i >= std::max(first, peak.column - kFlank); --i) {
        if (peak.sign * at(slope, i) > greatest) {
            greatest = peak.sign * at(slope, i);
            k = i;
        }
    }
    while (k > first && peak.sign * at(slope, k) > kOnsetShare * greatest) --k;
    return k;
}

double find_offset(std::span<const double> lead, std::span<const double> slope, Extremum peak,
                   const Window& window) {
    const int last = std::min({window.last + 10, peak.column + kLongestTail, window.flank_last});
    int steepest = peak.column;
    double fall = 0.0;
    for (int i = peak.column; i <= std::min(last, peak.column + kFlank); ++i) {
        if (-peak.sign * at(slope, i) > fall) {
            fall = -peak.sign * at(slope, i);
            steepest = i;
        }
    }
    if (fall <= 0.0) return last;
    double lowest = peak.sign * at(lead, steepest);
    for (int i = steepest; i <= last; ++i) lowest = std::min(lowest, peak.sign * at(lead, i));
    const double tangent =
        std::min(steepest + (peak.sign * at(lead, steepest) - lowest) / fall, last + 10.0);
    int k = steepest;
    while (k < last && -peak.sign * at(slope, k) > kOffsetShare * fall) ++k;
    return std::lerp(static_cast<double>(k), tangent, kTangentShare);
}

}  // namespace

WaveOfLeads delineate_t(const MeanBeats& beats, const QrsWaves& qrs) {
    const double rr = std::min(beats.rr_after(), kLongestRr);
    const int longest = static_cast<int>(kLongestRoot * std::sqrt(rr * kGridRateHz));
    const int j = std::clamp(static_cast<int>(qrs.bounds.offset), 2, kBeatWidth - 3);
    const int end = std::min(beats.last_column(), kBeatWidth - 3);
    const Window window{
        j + kAfterJ,
        std::min({kBeatBefore + longest, kBeatBefore + beats.rr_after() - kBeforeNext, end}), j,
        end};
    if (window.last - window.first < kShortestWindow) return {};
    const Bump t = greatest_bump(beats, kReach, window.first, window.last, window.flank_first,
                                 window.flank_last);
    if (t.height <= kLeastHeight) return {};

    WaveOfLeads waves(beats.n_leads());
    for (std::size_t lead = 0; lead < beats.n_leads(); ++lead) {
        const Extremum peak =
            extremum_near(beats.mean(lead), t.column, kLeadsApart, kReach, window.first,
                          window.last, window.flank_first, window.flank_last);
        waves[lead] = {find_onset(beats.slope(lead), peak, window),
                       static_cast<double>(peak.column),
                       find_offset(beats.mean(lead), beats.slope(lead), peak, window)};
    }
    agree(waves, &Wave::onset, kOnset);
    agree(waves, &Wave::peak, kPeak);
    agree(waves, &Wave::offset, kOffset);
    return waves;
}

}  // namespace ecg
