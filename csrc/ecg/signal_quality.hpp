#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/quality_windows.hpp"
#include "ecg/r_peaks.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// What is wrong with one second of one lead; bits of a sum.
enum QualityFlag : std::uint8_t {
    kMissingSamples = 1,  ///< half of the samples or more
    kFlat = 2,
    kSaturated = 4,  ///< cut off at the largest or smallest value of the lead
    kMainsHum = 8,
    kBaselineWander = 16,
    kMuscleNoise = 32,
    kElectrodePop = 64,
    kNotAnEcg = 128,
};

/// Judgement of every window, in order of time, lead after lead.
struct QualityJudgement {
    std::size_t n_leads = 0;
    std::size_t n_windows = 0;
    std::vector<std::uint8_t> flags;
    /// 0 (worthless) to 1: `contrast` times how free it is of fast noise and wander.
    std::vector<float> index;
    /// 0 (none) to 1: how far QRS complexes, and no burst, stand out of what lies
    /// between them.
    std::vector<float> contrast;
    /// Share of the samples of each lead that are not finite.
    std::vector<float> missing;
    /// 50, 60 or 0: which hum is the stronger in each lead, where there is any.
    std::vector<float> mains_hz;
};

/// Judges all windows of all leads. Errors as `quality_windows`.
[[nodiscard]] QualityJudgement judge_quality(Leads leads_mv, SamplingRate rate,
                                             ThreadCount threads = ThreadCount{});

}  // namespace ecg
