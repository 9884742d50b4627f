#include "ecg/signal_quality.hpp"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

// Least significant bit of common carts and Holters (IEC 60601-2-25: at most 5 uV).
constexpr float kFlatMv = 0.005F;
// A window with this share of the lead's usual range carries no beat.
constexpr float kFlatShare = 0.005F;
// A beat cut off by the amplifier stays at the rail for 12 ms or more; the top of an R peak of
// 1 mV, 10 ms wide, stays within 5 uV for 4 ms.
constexpr float kSaturatedShare = 0.012F;
// Rails lie away from the baseline, where a recorder without noise repeats its values too.
constexpr float kRailDistance = 0.4F;
// The signal of two levels.
constexpr float kTwoLevels = 0.2F;
// Tenth of the QRS complexes in their band. Measured: hum in LUDB at most 7 % (99th percentile),
// noise at most 7 %; below the floor no reader sees it (0.01 mV is a tenth of a small square).
constexpr float kNoiseShare = 0.1F;
constexpr float kNoiseFloorMv = 0.010F;
// White noise alone makes a hum of 0.2 of its RMS.
constexpr float kHumOverNoise = 0.5F;
// Half of a normal R wave within 3 s; 90th percentile of LUDB's leads 0.15 mV in 1 s, of
// MIT-BIH's 0.4 mV.
constexpr float kWanderMv = 0.5F;
// A pop is a change that lasts, most of it within 100 ms, and no QRS complex on wander: half of
// the usual range of a second.
constexpr float kPopMv = 0.5F;
constexpr float kPopRange = 0.5F;
constexpr float kPopShare = 0.7F;
// QRS complexes are judged against the noise of about ten seconds, the length of a standard ECG.
constexpr std::size_t kBlockWindows = 10;

// How far the strongest 50 ms of a second stand out of its median, in the QRS band: noise of any
// colour 1.6-2.2, a sine below 1.5, fibrillating ventricles 1.7-3.6 (vfdb, 1st to 99th
// percentile), beats 3.1 and more (MIT-BIH, 1st percentile), 5.1 (LUDB).
constexpr float kContrastOfNoise = 2.2F;
constexpr float kContrastOfTones = 1.5F;
// Slow motion over QRS band: 0.2-0.35 in noise up to 40 Hz, 0.56-1.5 in fibrillating ventricles
// (1st to 99th percentile), 4 in a sine below 1 Hz.
constexpr float kLeastMotion = 0.4F;
constexpr float kMostMotion = 2.5F;
// QRS band over what is faster: 1 in white noise, 3 in pink noise, 6 and more in fibrillating
// ventricles, 7 and more in beats (1st percentiles).
constexpr float kFasterThanNoise = 3.3F;
constexpr float kOnlyFast = 1.2F;
// Weaker than the QRS complexes of 99 of 100 leads of LUDB (0.073 mV in their band): noise in
// an asystole, perhaps, and no reason to call it no electrocardiogram.
constexpr float kAsystoleMv = 0.05F;
// The same, against the beats in the rest of the lead.
constexpr float kAsystoleShare = 0.2F;

// From 0 to 1, on a logarithmic scale: contrast of noise to that of a clean lead (5th percentile
// of LUDB), fast noise from a fifth of the QRS complexes to 1/30 (5th percentile of MIT-BIH),
// wander, and bursts above the usual QRS complex.
constexpr float kWorstContrast = 2.0F;
constexpr float kBestContrast = 10.0F;
constexpr float kWorstOverFast = 5.0F;
constexpr float kBestOverFast = 30.0F;
constexpr float kWorstWanderMv = 5.0F;
constexpr float kBestBurst = 3.0F;
constexpr float kWorstBurst = 10.0F;

/// 0 at `worst`, 1 at `best`, linear in the logarithm between.
float grade(float value, float worst, float best) {
    if (!(value > 0.0F)) return worst < best ? 0.0F : 1.0F;
    return std::clamp(std::log(value / worst) / std::log(best / worst), 0.0F, 1.0F);
}

float median_of(std::vector<float>& values) {
    if (values.empty()) return 0.0F;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// What is usual in the QRS band of a stretch of a lead.
struct Usual {
    float peak = 0.0F;
    float median = 0.0F;
    float high = 0.0F;
    float motion = 0.0F;
};

/// Limits of one lead as a whole.
struct Range {
    float lowest = 0.0F;
    float highest = 0.0F;
    float level = 0.0F;
    float peak = 0.0F;  // usual strongest 50 ms of a second in the QRS band
    float flat = 0.0F;
    float pop = 0.0F;
};

/// Judges one lead after the other; keeps the memory for medians.
class LeadJudge {
  public:
    LeadJudge(std::span<const WindowFeatures> windows, std::span<std::uint8_t> flags,
              std::span<float> index, std::span<float> contrast)
        : windows_(windows), flags_(flags), index_(index), contrast_(contrast) {}

    void judge() {
        measure_range();
        for (std::size_t w = 0; w < windows_.size(); ++w) judge_window(w);
        for (std::size_t w = 0; w < windows_.size(); ++w) judge_wander(w);
        const std::size_t n_blocks = std::max<std::size_t>(1, windows_.size() / kBlockWindows);
        for (std::size_t b = 0; b < n_blocks; ++b) {
            const std::size_t from = b * kBlockWindows;
            judge_block(from, b + 1 == n_blocks ? windows_.size() : from + kBlockWindows);
        }
    }

  private:
    [[nodiscard]] bool carries_signal(std::size_t w) const {
        return (flags_[w] & kMissingSamples) == 0 && (flags_[w] & kFlat) == 0;
    }

    template <typename Value>
    float median_over(std::size_t from, std::size_t to, Value value) {
        values_.clear();
        for (std::size_t w = from; w < to; ++w) {
            if (carries_signal(w)) values_.push_back(value(windows_[w]));
        }
        return median_of(values_);
    }

    void measure_range() {
        bool first = true;
        values_.clear();
        for (std::size_t w = 0; w < windows_.size(); ++w) {
            const auto& window = windows_[w];
            flags_[w] = window.is_measured() ? 0 : kMissingSamples;
            if (!window.is_measured()) continue;
            range_.lowest = first ? window.lowest : std::min(range_.lowest, window.lowest);
            range_.highest = first ? window.highest : std::max(range_.highest, window.highest);
            first = false;
            if (window.highest > window.lowest) values_.push_back(window.highest - window.lowest);
        }
        const float usual = median_of(values_);
        range_.flat = std::max(kFlatMv, kFlatShare * usual);
        range_.pop = std::max(kPopMv, kPopRange * usual);
        range_.level = median_over(0, windows_.size(), [](const auto& w) { return w.level; });
        range_.peak = median_over(0, windows_.size(), [](const auto& w) { return w.peak; });
    }

    void judge_window(std::size_t w) {
        const auto& window = windows_[w];
        if (!window.is_measured()) return;
        if (window.highest - window.lowest <= range_.flat) flags_[w] |= kFlat;
        const float above = range_.highest - range_.level;
        const float below = range_.level - range_.lowest;
        const float rail = std::max(range_.flat, kRailDistance * std::max(above, below));
        const bool at_top = above >= rail && window.highest >= range_.highest &&
                            window.at_highest >= kSaturatedShare;
        const bool at_bottom =
            below >= rail && window.lowest <= range_.lowest && window.at_lowest >= kSaturatedShare;
        if (at_top || at_bottom) flags_[w] |= kSaturated;
    }

    /// Levels of the seconds before and after; of this one where there is no such second.
    [[nodiscard]] float level_near(std::size_t w, std::ptrdiff_t step) const {
        const auto other = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(w) + step);
        const bool there = other < windows_.size() && windows_[other].is_measured();
        return windows_[there ? other : w].level;
    }

    void judge_wander(std::size_t w) {
        const auto& window = windows_[w];
        if (!window.is_measured()) return;
        const float before = level_near(w, -1);
        const float after = level_near(w, 1);
        const float change = after - before;
        float jump = window.jump;
        if (w > 0 && windows_[w - 1].is_measured()) {
            const float at_border = window.first - windows_[w - 1].last;
            if (std::abs(at_border) > std::abs(jump)) jump = at_border;
        }
        if (std::abs(change) >= range_.pop && jump * change > 0.0F &&
            std::abs(jump) >= kPopShare * std::abs(change)) {
            flags_[w] |= kElectrodePop;
        }
        if (wander_mv(w) >= kWanderMv) flags_[w] |= kBaselineWander;
    }

    [[nodiscard]] float wander_mv(std::size_t w) const {
        const auto [low, high] =
            std::minmax({windows_[w].level, level_near(w, -1), level_near(w, 1)});
        return high - low;
    }

    void judge_block(std::size_t from, std::size_t to) {
        const Usual usual{
            .peak = median_over(from, to, [](const auto& w) { return w.peak; }),
            .median = median_over(from, to, [](const auto& w) { return w.median; }),
            .high = median_over(from, to, [](const auto& w) { return w.high; }),
            .motion = median_over(from, to, [](const auto& w) { return w.motion; }),
        };
        const bool alien = is_alien(usual);
        // In an asystole, noise is measured by the beats that were.
        const float beats = std::max(usual.peak, range_.peak);
        const float noticeable = std::max(kNoiseFloorMv, kNoiseShare * beats);
        for (std::size_t w = from; w < to; ++w) {
            if (!carries_signal(w)) continue;
            const auto& window = windows_[w];
            const bool two_levels =
                window.at_lowest >= kTwoLevels && window.at_highest >= kTwoLevels;
            if (alien || two_levels) flags_[w] |= kNotAnEcg;
            const float hum = std::max(window.hum_50, window.hum_60);
            if (hum > std::max(noticeable, kHumOverNoise * window.high)) flags_[w] |= kMainsHum;
            if (window.high > noticeable) flags_[w] |= kMuscleNoise;
            if ((flags_[w] & kNotAnEcg) == 0) grade_window(w, usual);
        }
    }

    /// Nothing the heart does looks like this, fibrillation included.
    [[nodiscard]] bool is_alien(const Usual& usual) const {
        const float asystole = std::max(kAsystoleMv, kAsystoleShare * range_.peak);
        if (std::max(usual.peak, usual.high) < asystole) return false;
        const float contrast = usual.peak / usual.median;
        const float over_fast = usual.peak / usual.high;
        const float motion = usual.motion / usual.peak;
        if (contrast < kContrastOfTones || over_fast < kOnlyFast) return true;
        return contrast < kContrastOfNoise &&
               (motion < kLeastMotion || motion > kMostMotion || over_fast < kFasterThanNoise);
    }

    void grade_window(std::size_t w, const Usual& usual) {
        const auto& window = windows_[w];
        const float beats = std::max(usual.peak, range_.peak);
        contrast_[w] = grade(usual.peak / window.median, kWorstContrast, kBestContrast) *
                       grade(window.peak / beats, kWorstBurst, kBestBurst);
        index_[w] = contrast_[w] * grade(beats / window.high, kWorstOverFast, kBestOverFast) *
                    grade(wander_mv(w), kWorstWanderMv, kWanderMv);
    }

    std::span<const WindowFeatures> windows_;
    std::span<std::uint8_t> flags_;
    std::span<float> index_;
    std::span<float> contrast_;
    Range range_;
    std::vector<float> values_;
};

float missing_share(std::span<const double> lead_mv) {
    std::int64_t n = 0;
    for (const double x : lead_mv) n += std::isfinite(x) ? 0 : 1;
    return lead_mv.empty() ? 1.0F : static_cast<float>(n) / static_cast<float>(lead_mv.size());
}

float stronger_mains(std::span<const WindowFeatures> windows) {
    double balance = 0.0;
    for (const auto& w : windows) balance += std::tanh(w.hum_50 - w.hum_60);
    return balance == 0.0 ? 0.0F : (balance > 0.0 ? 50.0F : 60.0F);
}

}  // namespace

QualityJudgement judge_quality(Leads leads_mv, SamplingRate rate, ThreadCount threads) {
    const auto windows = quality_windows(leads_mv, rate, threads);
    QualityJudgement judgement;
    judgement.n_leads = leads_mv.size();
    judgement.n_windows = leads_mv.empty() ? 0 : windows.size() / leads_mv.size();
    judgement.flags.resize(windows.size());
    judgement.index.resize(windows.size());
    judgement.contrast.resize(windows.size());
    judgement.missing.resize(leads_mv.size());
    judgement.mains_hz.resize(leads_mv.size());
    fan_out(leads_mv.size(), threads, [&](std::size_t lead, std::size_t /*thread*/) {
        const std::size_t from = lead * judgement.n_windows;
        const auto row = [&](auto& values) {
            return std::span(values).subspan(from, judgement.n_windows);
        };
        LeadJudge(row(windows), row(judgement.flags), row(judgement.index), row(judgement.contrast))
            .judge();
        judgement.missing[lead] = missing_share(leads_mv[lead]);
        judgement.mains_hz[lead] = stronger_mains(row(windows));
    });
    return judgement;
}

}  // namespace ecg
