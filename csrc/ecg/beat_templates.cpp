#include "ecg/beat_templates.hpp"

#include <algorithm>
#include <cmath>

#include "ecg/lanes.hpp"

namespace ecg {
namespace {

// 80 ms on either side, every second sample: the slopes are limited to about 25 Hz.
constexpr std::int64_t kHalfWidth = 20;
constexpr std::int64_t kStride = 2;
constexpr std::size_t kWidth = 2 * kHalfWidth / kStride + 1;
constexpr std::int64_t kMostShift = 4;
constexpr std::size_t kShifts = 2 * kMostShift / kStride + 1;
constexpr std::size_t kSearched = kWidth + kShifts - 1;
// Slopes whose squares add up to less are rounding.
constexpr float kFlatMv = 1e-4F;

// A beat this like a template belongs to it, and changes it by an eighth.
constexpr double kSameKind = 0.5;
constexpr double kRate = 0.125;

using Shifts = std::array<float, kShifts>;
static_assert(kShifts == 5);  // four side by side, and the last

/// Products of a template with the slopes at each shift.
Shifts products(const float* kind, const float* slopes) {
    Float4 first{};
    float last = 0.0F;
    for (std::size_t i = 0; i < kWidth; ++i) {
        first += kind[i] * load<Float4>(slopes + i);
        last += kind[i] * slopes[i + 4];
    }
    return {first[0], first[1], first[2], first[3], last};
}

float inverse_norm(float square) {
    return square > kFlatMv * kFlatMv ? 1.0F / std::sqrt(square) : 0.0F;
}

/// One over the norm of the slopes at each shift.
Shifts inverse_norms(const float* slopes) {
    Float4 first{};
    float last = 0.0F;
    for (std::size_t i = 0; i < kWidth; ++i) {
        const auto four = load<Float4>(slopes + i);
        first += four * four;
        last += slopes[i + 4] * slopes[i + 4];
    }
    return {inverse_norm(first[0]), inverse_norm(first[1]), inverse_norm(first[2]),
            inverse_norm(first[3]), inverse_norm(last)};
}

}  // namespace

BeatTemplates::BeatTemplates(std::size_t n_leads)
    : n_leads_(n_leads), window_(n_leads * kSearched) {
    for (Template& kind : kinds_) {
        kind.slopes.resize(n_leads * kWidth);
        kind.inverse_norms.resize(n_leads);
    }
}

/// Reads the slopes that any shift may touch; zeros at the end of the signal.
void BeatTemplates::cut(std::span<const EnvelopeHistory> slopes, std::int64_t index) {
    constexpr std::int64_t kReach = kHalfWidth + kMostShift;
    for (std::size_t lead = 0; lead < n_leads_; ++lead) {
        const EnvelopeHistory& signal = slopes[lead];
        float* const out = window_.data() + lead * kSearched;
        if (index + kReach >= signal.end()) {
            std::fill_n(out, kSearched, 0.0F);
            continue;
        }
        const auto in = signal.between(index - kReach, index + kReach + 1);
        for (std::size_t i = 0; i < kSearched; ++i) out[i] = in[i * kStride];
    }
}

BeatTemplates::Match BeatTemplates::match(std::span<const EnvelopeHistory> slopes,
                                          std::span<const double> weights, std::int64_t index) {
    Match best{-1.0, 0, kShifts / 2};
    cut(slopes, index);
    std::array<Shifts, kKinds> correlations{};
    float heard = 0.0F;
    for (std::size_t lead = 0; lead < n_leads_; ++lead) {
        if (weights[lead] <= 0.0) continue;
        const float* const window = window_.data() + lead * kSearched;
        const Shifts norms = inverse_norms(window);
        if (norms[kShifts / 2] > 0.0F) heard += static_cast<float>(weights[lead]);
        for (std::size_t k = 0; k < n_kinds_; ++k) {
            const float scale = static_cast<float>(weights[lead]) * kinds_[k].inverse_norms[lead];
            const Shifts sums = products(kinds_[k].slopes.data() + lead * kWidth, window);
            for (std::size_t shift = 0; shift < kShifts; ++shift) {
                correlations[k][shift] += scale * norms[shift] * sums[shift];
            }
        }
    }
    if (heard <= 0.0F) return best;
    for (std::size_t shift = 0; shift < kShifts; ++shift) {
        for (std::size_t k = 0; k < n_kinds_; ++k) {
            correlations[k][shift] /= heard;
            if (static_cast<double>(correlations[k][shift]) > best.correlation) {
                best = {static_cast<double>(correlations[k][shift]), k, shift};
            }
        }
    }
    return best;
}

void BeatTemplates::learn(std::span<const EnvelopeHistory> slopes, std::int64_t index,
                          const Match& match) {
    cut(slopes, index);
    const bool is_known = n_kinds_ > 0 && match.correlation >= kSameKind;
    Template& kind = is_known ? kinds_[match.kind]
                     : n_kinds_ < kKinds
                         ? kinds_[n_kinds_++]
                         : *std::ranges::min_element(kinds_, {}, &Template::last_seen);
    const std::size_t shift = is_known ? match.shift : kShifts / 2;
    const auto rate = static_cast<float>(is_known ? kRate : 1.0);
    for (std::size_t lead = 0; lead < n_leads_; ++lead) {
        const float* const window = window_.data() + lead * kSearched + shift;
        float* const mean = kind.slopes.data() + lead * kWidth;
        float square = 0.0F;
        for (std::size_t i = 0; i < kWidth; ++i) {
            mean[i] += rate * (window[i] - mean[i]);
            square += mean[i] * mean[i];
        }
        kind.inverse_norms[lead] = inverse_norm(square);
    }
    kind.last_seen = index;
}

}  // namespace ecg
