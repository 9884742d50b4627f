#include "ecg/lead_fusion.hpp"

#include <algorithm>
#include <cmath>

#include "ecg/envelope_levels.hpp"

namespace ecg {
namespace {

// Times are envelope samples of 4 ms.
constexpr std::int64_t kSecond = 250;

// Learning: the maxima of windows of one second tell the level of the beats, the median of the
// envelope that of what lies between them.
constexpr double kLeastShareOfMaximum = 0.5;
constexpr double kBackgroundOverMedian = 3.0;
constexpr double kLeastFirstBackground = 0.3;

// A lead weighs (beat level / background level) to the power 1.5; no lead adds more than kClip of
// its share to a candidate, so that a burst in one lead alone does not make a beat.
constexpr double kLeastBackground = 0.05;
constexpr double kClip = 1.3;
// A lead that shows less than this share of a beat shows nothing.
constexpr double kActiveShare = 0.3;

// How fast levels follow, per beat: one that is far higher or lower than usual counts as if it
// were kMostStep or kLeastStep times as high. A missed beat raises the background slowly.
constexpr double kBeatRate = 0.03;
constexpr double kLeastStep = 0.4;
constexpr double kMostStep = 1.6;
constexpr double kBackgroundRate = 0.3;
constexpr double kMissRate = 0.05;

// No gap between beats counts for more than this share of a beat.
constexpr double kMostBackground = 1.5;

// Levels that are far too low: four windows of two seconds, each with a beat at 30 a minute.
constexpr double kFarAbove = 3.0;

// A beat's height is the greatest within 40 ms.
constexpr std::int64_t kHalfComplex = 10;

/// Median of the maxima of windows of one second, or half the greatest, whichever is more; windows
/// without a beat do not count.
double typical_maximum(const EnvelopeHistory& signal, std::int64_t from, std::int64_t to) {
    std::vector<float> maxima;
    for (; from + kSecond / 2 <= to; from += kSecond) {
        const double greatest = maximum(signal, from, std::min(from + kSecond, to));
        maxima.push_back(static_cast<float>(greatest));
    }
    const auto greatest = static_cast<double>(*std::ranges::max_element(maxima));
    return std::max(median(std::move(maxima)), kLeastShareOfMaximum * greatest);
}

}  // namespace

LeadFusion::LeadFusion(std::size_t n_leads, std::size_t n_kept, std::size_t max_block)
    : leads_(n_leads, Lead{.envelope = EnvelopeHistory(n_kept, max_block)}),
      weights_(n_leads, 0.0),
      fused_(n_kept, max_block) {}

bool LeadFusion::shows_something(std::int64_t from, std::int64_t to) const {
    return std::ranges::any_of(
        leads_, [&](const Lead& lead) { return maximum(lead.envelope, from, to) > 0.0; });
}

bool LeadFusion::learn(std::int64_t from, std::int64_t to) {
    bool any = false;
    for (Lead& lead : leads_) {
        const auto activity = lead.envelope.between(from, to);
        const double usual = median({activity.begin(), activity.end()});
        lead.beat_level = typical_maximum(lead.envelope, from, to);
        lead.background_level =
            std::clamp(kBackgroundOverMedian * usual, kLeastFirstBackground * lead.beat_level,
                       lead.beat_level);
        lead.last_active = to;
        lead.is_silent = false;
        update_contrast(lead);
        any = any || lead.beat_level > 0.0;
    }
    weigh();
    return any;
}

bool LeadFusion::raise_levels(std::int64_t now) {
    bool all_above = true;
    for (Lead& lead : leads_) {
        auto& maxima = lead.window_maxima;
        std::rotate(maxima.begin(), maxima.begin() + 1, maxima.end());
        maxima.back() = maximum(lead.envelope, now - kRaiseEvery, now);
        const double least = *std::ranges::min_element(maxima);
        all_above = all_above && (lead.beat_level <= 0.0 || least > kFarAbove * lead.beat_level);
    }
    if (!all_above) return false;
    for (Lead& lead : leads_) {
        if (lead.beat_level <= 0.0) continue;
        const double raised = *std::ranges::min_element(lead.window_maxima);
        lead.background_level *= raised / lead.beat_level;
        lead.beat_level = raised;
    }
    weigh();
    return true;
}

void LeadFusion::update_contrast(Lead& lead) {
    lead.contrast = 0.0;
    if (lead.beat_level <= 0.0) return;
    const double background = lead.background_level + kLeastBackground * lead.beat_level;
    const double ratio = lead.beat_level / background;
    lead.contrast = ratio * std::sqrt(ratio);
}

/// Shares by contrast, of the leads that are not silent or, if all are, of all.
void LeadFusion::weigh() {
    const auto is_out = [](const Lead& lead) { return lead.is_silent || lead.contrast <= 0.0; };
    const bool all_out = std::ranges::all_of(leads_, is_out);
    double sum = 0.0;
    for (std::size_t i = 0; i < leads_.size(); ++i) {
        weights_[i] = all_out || !is_out(leads_[i]) ? leads_[i].contrast : 0.0;
        sum += weights_[i];
    }
    for (std::size_t i = 0; i < leads_.size(); ++i) {
        Lead& lead = leads_[i];
        if (weights_[i] > 0.0) weights_[i] /= sum;
        lead.gain = weights_[i] > 0.0 ? static_cast<float>(weights_[i] / lead.beat_level) : 0.0F;
        lead.most_mv = static_cast<float>(kClip * lead.beat_level);
    }
}

void LeadFusion::listen(std::int64_t now, double most_silence) {
    for (Lead& lead : leads_) {
        const double greatest = maximum(lead.envelope, now - kListenEvery, now);
        if (greatest > 0.0 && greatest >= kActiveShare * lead.beat_level) {
            lead.last_active = now - kListenEvery;
        }
        lead.is_silent = static_cast<double>(now - lead.last_active) > most_silence;
    }
    weigh();
}

void LeadFusion::fuse(std::int64_t from, std::int64_t to) {
    const auto n = static_cast<std::size_t>(to - from);
    float* const fused = fused_.append(n);
    std::fill_n(fused, n, 0.0F);
    for (const Lead& lead : leads_) {
        if (lead.gain <= 0.0F) continue;
        const float* const envelope = lead.envelope.between(from, to).data();
        const float gain = lead.gain;
        const float most = lead.most_mv;
        for (std::size_t i = 0; i < n; ++i) {
            fused[i] += gain * (envelope[i] < most ? envelope[i] : most);
        }
    }
}

void LeadFusion::learn_beat(std::int64_t beat) {
    for (Lead& lead : leads_) {
        const double height = height_at(lead, beat);
        double& level = lead.beat_level;
        if (level <= 0.0) {
            level = lead.background_level = height;
        } else {
            approach(level, std::clamp(height, kLeastStep * level, kMostStep * level), kBeatRate);
        }
        update_contrast(lead);
    }
    weigh();
}

void LeadFusion::learn_between(std::int64_t from, std::int64_t to, std::int64_t beat) {
    for (Lead& lead : leads_) {
        const double most = kMostBackground * lead.beat_level;
        const bool misses_beat = height_at(lead, beat) < kActiveShare * lead.beat_level;
        const double activity = misses_beat ? most : maximum(lead.envelope, from, to);
        approach(lead.background_level, std::min(activity, most),
                 misses_beat ? kMissRate : kBackgroundRate);
    }
}

double LeadFusion::height_at(const Lead& lead, std::int64_t beat) {
    return maximum(lead.envelope, beat - kHalfComplex, beat + kHalfComplex + 1);
}

}  // namespace ecg
