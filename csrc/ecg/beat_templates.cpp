#include "ecg/beat_templates.hpp"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

// 80 ms on either side, every second sample: the slopes are limited to about 25 Hz.
constexpr std::int64_t kHalfWidth = 20;
constexpr std::int64_t kStride = 2;
constexpr std::size_t kWidth = 2 * kHalfWidth / kStride + 1;
constexpr std::int64_t kMostShift = 4;
// A beat this like a template belongs to it.
constexpr double kSameKind = 0.52;
constexpr double kRate = 0.131;

double dot(const double* a, const double* b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < kWidth; ++i) sum += a[i] * b[i];
    return sum;
}

double inverse_norm(const double* values) {
    const double square = dot(values, values);
    return square > 0.0 ? 1.0 / std::sqrt(square) : 0.0;
}

}  // namespace

BeatTemplates::BeatTemplates(std::size_t n_leads)
    : n_leads_(n_leads), window_(n_leads * kWidth), window_norms_(n_leads) {
    for (Template& kind : kinds_) {
        kind.slopes.resize(n_leads * kWidth);
        kind.inverse_norms.resize(n_leads);
    }
}

void BeatTemplates::cut(std::span<const RingBuffer> slopes, std::int64_t index,
                        std::vector<double>& into) const {
    for (std::size_t lead = 0; lead < n_leads_; ++lead) {
        const RingBuffer& signal = slopes[lead];
        double* const out = into.data() + lead * kWidth;
        const std::int64_t first = index - kHalfWidth;
        if (first >= signal.begin() && index + kHalfWidth < signal.end()) {
            for (std::size_t i = 0; i < kWidth; ++i) {
                out[i] = signal[first + static_cast<std::int64_t>(i) * kStride];
            }
        } else {
            std::fill_n(out, kWidth, 0.0);
        }
    }
}

void BeatTemplates::normalise(Template& kind) const {
    for (std::size_t lead = 0; lead < n_leads_; ++lead) {
        kind.inverse_norms[lead] = inverse_norm(kind.slopes.data() + lead * kWidth);
    }
}

BeatTemplates::Match BeatTemplates::match(std::span<const RingBuffer> slopes,
                                          std::span<const double> weights, std::int64_t index) {
    Match best{n_kinds_ == 0 ? 0.0 : -1.0, 0, 0};
    for (std::int64_t shift = -kMostShift; shift <= kMostShift; shift += kStride) {
        cut(slopes, index + shift, window_);
        for (std::size_t lead = 0; lead < n_leads_; ++lead) {
            window_norms_[lead] = weights[lead] * inverse_norm(window_.data() + lead * kWidth);
        }
        for (std::size_t k = 0; k < n_kinds_; ++k) {
            double correlation = 0.0;
            for (std::size_t lead = 0; lead < n_leads_; ++lead) {
                if (window_norms_[lead] <= 0.0) continue;
                correlation +=
                    dot(window_.data() + lead * kWidth, kinds_[k].slopes.data() + lead * kWidth) *
                    window_norms_[lead] * kinds_[k].inverse_norms[lead];
            }
            if (correlation > best.correlation) best = {correlation, k, shift};
        }
    }
    return best;
}

void BeatTemplates::learn(std::span<const RingBuffer> slopes, std::int64_t index,
                          const Match& match) {
    if (n_kinds_ > 0 && match.correlation >= kSameKind) {
        Template& kind = kinds_[match.kind];
        cut(slopes, index + match.shift, window_);
        for (std::size_t i = 0; i < window_.size(); ++i) {
            kind.slopes[i] += kRate * (window_[i] - kind.slopes[i]);
        }
        kind.last_seen = index;
        normalise(kind);
        return;
    }
    Template& kind = n_kinds_ < kKinds
                         ? kinds_[n_kinds_++]
                         : *std::ranges::min_element(kinds_, {}, &Template::last_seen);
    cut(slopes, index, kind.slopes);
    kind.last_seen = index;
    normalise(kind);
}

}  // namespace ecg
