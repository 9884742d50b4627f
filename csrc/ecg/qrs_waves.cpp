#include "ecg/qrs_waves.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace ecg {
namespace {

// Farthest onset and offset from the R peak, and never past half way to the neighbour.
constexpr int kFarthestOnset = 27;
constexpr int kFarthestOffset = 48;
// Where the steepest slope is looked for.
constexpr int kSteepBefore = 28;
constexpr int kSteepAfter = 25;
// All columns that count.
constexpr int kFirst = kBeatBefore - std::max(kFarthestOnset, kSteepBefore);
constexpr int kLast = kBeatBefore + std::max(kFarthestOffset, kSteepAfter);
// Shares of the steepest slope: what is surely QRS, and what no longer is, for all leads together
// and for each. Three-digit values here, as for P and T, by random search on LUDB.
constexpr double kSureOnsetShare = 0.3;
constexpr double kSureOffsetShare = 0.366;
constexpr double kOnsetShareAll = 0.0453;
constexpr double kOffsetShareAll = 0.094;
constexpr double kOnsetShareLead = 0.0669;
constexpr double kOffsetShareLead = 0.0892;
constexpr int kQuietBefore = 1;
constexpr int kQuietAfter = 4;
// Weight of the activity of all leads against the median of the leads.
constexpr double kCommonOnset = 0.95;
constexpr double kCommonOffset = 0.6;
constexpr double kOwnOnset = 0.276;
constexpr double kOwnOffset = 0.207;
constexpr double kMostOwn = 17.3;
constexpr double kOnsetBias = 1.3;
constexpr double kOffsetBias = -0.65;

/// How steep the columns from kFirst on are.
using Activity = std::array<double, kLast - kFirst + 1>;

struct Limits {
    int first;
    int last;
};

double steepest(const Activity& activity) {
    const auto r_peak = activity.begin() + kBeatBefore - kFirst;
    return *std::max_element(r_peak - kSteepBefore, r_peak + kSteepAfter + 1);
}

double at(const Activity& activity, int column) {
    return activity[static_cast<std::size_t>(column - kFirst)];
}

/// From the first surely steep column backwards to where it has become quiet.
double onset(const Activity& activity, double greatest, double share, Limits limits) {
    int k = limits.first;
    while (k < limits.last && at(activity, k) < kSureOnsetShare * greatest) ++k;
    int quiet = 0;
    for (; k > limits.first && quiet < kQuietBefore; --k) {
        quiet = at(activity, k) < share * greatest ? quiet + 1 : 0;
    }
    return k + quiet;
}

double offset(const Activity& activity, double greatest, double share, Limits limits) {
    int k = limits.last;
    while (k > limits.first && at(activity, k) < kSureOffsetShare * greatest) --k;
    int quiet = 0;
    for (; k < limits.last && quiet < kQuietAfter; ++k) {
        quiet = at(activity, k) < share * greatest ? quiet + 1 : 0;
    }
    return k - quiet;
}

int peak(std::span<const double> lead, double from, double to) {
    const int first = static_cast<int>(std::clamp(from, 0.0, kBeatWidth - 1.0));
    const int last = static_cast<int>(std::clamp(to, 0.0, kBeatWidth - 1.0));
    const double level = lead[static_cast<std::size_t>(first)];
    int greatest = kBeatBefore;
    double height = -1.0;
    for (int k = first; k <= last; ++k) {
        const double deflection = std::abs(lead[static_cast<std::size_t>(k)] - level);
        if (deflection > height) {
            height = deflection;
            greatest = k;
        }
    }
    return greatest;
}

}  // namespace

QrsWaves delineate_qrs(const MeanBeats& beats) {
    const Limits limits{kBeatBefore - std::min(kFarthestOnset, beats.rr_before() / 2),
                        kBeatBefore + std::min(kFarthestOffset, beats.rr_after() / 2)};
    QrsWaves qrs{{}, WaveOfLeads(beats.n_leads())};
    Activity all{};
    Activity one{};
    for (std::size_t lead = 0; lead < beats.n_leads(); ++lead) {
        const auto slope = beats.slope(lead).subspan(kFirst, one.size());
        std::ranges::transform(slope, one.begin(), [](double s) { return std::abs(s); });
        const double greatest = steepest(one);
        qrs.leads[lead] = {onset(one, greatest, kOnsetShareLead, limits), 0.0,
                           offset(one, greatest, kOffsetShareLead, limits)};
        if (greatest <= 0.0) continue;
        for (std::size_t k = 0; k < all.size(); ++k) {
            all[k] += (one[k] / greatest) * (one[k] / greatest);
        }
    }
    for (double& activity : all) activity = std::sqrt(activity);
    const double greatest = steepest(all);
    const double median_onset = median_of(qrs.leads, &Wave::onset);
    const double median_offset = median_of(qrs.leads, &Wave::offset);
    qrs.bounds = {
        std::lerp(median_onset, onset(all, greatest, kOnsetShareAll, limits), kCommonOnset) +
            kOnsetBias,
        kBeatBefore,
        std::lerp(median_offset, offset(all, greatest, kOffsetShareAll, limits), kCommonOffset) +
            kOffsetBias};
    for (std::size_t lead = 0; lead < beats.n_leads(); ++lead) {
        Wave& wave = qrs.leads[lead];
        wave.onset = qrs.bounds.onset +
                     std::clamp(kOwnOnset * (wave.onset - median_onset), -kMostOwn, kMostOwn);
        wave.offset = qrs.bounds.offset +
                      std::clamp(kOwnOffset * (wave.offset - median_offset), -kMostOwn, kMostOwn);
        wave.peak = peak(beats.mean(lead), wave.onset, wave.offset);
    }
    return qrs;
}

}  // namespace ecg
