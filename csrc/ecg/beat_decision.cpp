#include "ecg/beat_decision.hpp"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

constexpr std::int64_t kSecond = 250;

// Learning: the maxima of windows of one second.
constexpr std::int64_t kShortestLearning = kSecond;
constexpr double kLeastShareOfMaximum = 0.5;
constexpr double kFirstBackground = 0.3;
constexpr double kFirstNoise = 0.2;
constexpr double kFirstT = 0.3;
constexpr double kFirstRr = 200.0;
// An envelope below half a microvolt is a flat line.
constexpr double kFlatMv = 5e-4;

// Threshold between noise and beat level, falling with the time since the last beat.
constexpr double kEarlyShare = 0.479;
constexpr double kExpectedShare = 0.369;
constexpr double kLateShare = 0.257;
constexpr double kEarlyUntilRr = 0.545;
constexpr double kLeastOverNoise = 2.217;
constexpr double kLeastOfBeat = 0.081;

// No two ventricular depolarisations follow each other faster.
constexpr std::int64_t kRefractory = 59;
// T waves: what usually follows a beat within this time must be exceeded.
constexpr std::int64_t kTWaveEnd = 103;
constexpr double kLeastOverT = 1.17;
// P waves: a candidate below this share of one soon after it.
constexpr double kLeastOfNext = 0.71;

// Shape: exp(gain * (correlation with a template - kNeutralCorrelation)).
constexpr double kNeutralCorrelation = 0.6;
constexpr double kGainAlike = 0.731;
constexpr double kGainUnlike = 0.274;
constexpr double kGainSearchBack = 1.016;
constexpr double kSurelyBeat = 3.0;

constexpr double kBeatRate = 0.049;
constexpr double kNoiseRate = 0.207;
constexpr double kBackgroundRate = 0.261;
constexpr double kTRate = 0.14;

// Quality weighting: (beat level / background level) to this power.
constexpr double kWeightPower = 2.28;
constexpr double kLeastBackground = 0.05;
constexpr double kClip = 1.562;
// A lead that shows nothing for this long is not listened to until it does.
constexpr double kActiveShare = 0.3;
constexpr double kInactiveAfterRr = 2.0;
constexpr std::int64_t kWeighEvery = 25;

constexpr double kSearchBackRr = 1.528;
constexpr double kSearchBackShare = 0.22;
constexpr double kSearchBackOverNoise = 0.953;
constexpr std::int64_t kSearchBackGap = 75;

constexpr std::int64_t kBlankAfter = 58;
constexpr std::int64_t kBlankBefore = 35;
constexpr std::int64_t kHalfComplex = 10;
constexpr std::int64_t kLongestInterval = 5 * kSecond;
constexpr std::int64_t kLongestRr = 350;
constexpr std::size_t kRrMemory = 8;

constexpr std::int64_t kLearnAgainAfter = 8 * kSecond;
constexpr double kLeastCrest = 4.0;
constexpr double kLeastLevelLeft = 0.05;

double maximum(const RingBuffer& signal, std::int64_t from, std::int64_t to) {
    double greatest = 0.0;
    for (std::int64_t i = std::max(from, signal.begin()); i < std::min(to, signal.end()); ++i) {
        greatest = std::max(greatest, signal[i]);
    }
    return greatest;
}

void approach(double& level, double value, double rate) {
    level += rate * (value - level);
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace

BeatDecision::BeatDecision(std::size_t n_leads)
    : leads_(n_leads),
      slopes_(n_leads, RingBuffer(static_cast<std::size_t>(kMemory))),
      weights_(n_leads, 0.0),
      gains_(n_leads, 0.0),
      templates_(n_leads),
      noise_level_(kFirstNoise),
      t_level_(kFirstT),
      typical_rr_(kFirstRr) {
    const auto most_candidates = static_cast<std::size_t>(kMemory / kReach + 2);
    recent_rr_.reserve(kRrMemory);
    undecided_.reserve(most_candidates);
    passed_over_.reserve(most_candidates);
}

void BeatDecision::push(std::span<const double> envelopes, std::span<const double> slopes,
                        std::vector<std::int64_t>& beats) {
    for (std::size_t i = 0; i < leads_.size(); ++i) {
        leads_[i].envelope.push(envelopes[i]);
        slopes_[i].push(slopes[i]);
    }
    if (learned_) {
        step(end() - 1, beats);
        return;
    }
    const std::int64_t n = end() - kLearning;
    if (n >= 0 && n % kSecond == 0) start(kLearning, beats);
}

void BeatDecision::finish(std::vector<std::int64_t>& beats) {
    if (!learned_ && end() >= kShortestLearning) start(std::min(end(), kLearning), beats);
    if (pending_.index >= 0) confirm_pending();
    decide_until(end(), beats);
}

/// Learns from the last n samples, then decides on them; stays as it is when they are flat.
void BeatDecision::start(std::int64_t n, std::vector<std::int64_t>& beats) {
    learned_ = learn(n);
    if (!learned_) return;
    while (fused_.end() < end() - n) fused_.push(0.0);
    for (std::int64_t i = fused_.end(); i < end(); ++i) step(i, beats);
}

/// Sets the levels of each lead from its last n samples; false when all of them are flat.
bool BeatDecision::learn(std::int64_t n) {
    bool any = false;
    for (Lead& lead : leads_) {
        std::vector<double> maxima;
        for (std::int64_t from = end() - n; from + kSecond / 2 <= end(); from += kSecond) {
            maxima.push_back(maximum(lead.envelope, from, from + kSecond));
        }
        const double greatest = *std::ranges::max_element(maxima);
        const double level = std::max(median(maxima), kLeastShareOfMaximum * greatest);
        lead.beat_level = level > kFlatMv ? level : 0.0;
        lead.background_level = kFirstBackground * level;
        lead.last_active = end();
        any = any || lead.beat_level > 0.0;
    }
    weigh_leads();
    return any;
}

/// A long silence of a signal that still beats, only smaller: learns the levels anew.
void BeatDecision::learn_again(std::int64_t now) {
    const std::int64_t silence = now - last_beat_;
    if (!has_beat_ || silence < kLearnAgainAfter || silence % kSecond != 0) return;
    std::vector<double> window;
    for (std::int64_t i = now - kLearning; i <= now; ++i) window.push_back(fused_[i]);
    const double height = *std::ranges::max_element(window);
    if (height < kLeastLevelLeft * beat_level_ || height < kLeastCrest * median(window)) return;
    if (learn(kLearning)) noise_level_ = kFirstNoise;
}

void BeatDecision::weigh_leads() {
    const std::int64_t oldest = end() - static_cast<std::int64_t>(kInactiveAfterRr * typical_rr_);
    const auto is_active = [oldest](const Lead& lead) {
        return lead.beat_level > 0.0 && lead.last_active >= oldest;
    };
    const bool none_active = std::ranges::none_of(leads_, is_active);
    double sum = 0.0;
    for (std::size_t i = 0; i < leads_.size(); ++i) {
        const Lead& lead = leads_[i];
        weights_[i] = 0.0;
        if (lead.beat_level <= 0.0 || !(none_active || is_active(lead))) continue;
        weights_[i] =
            std::pow(lead.beat_level / (lead.background_level + kLeastBackground * lead.beat_level),
                     kWeightPower);
        sum += weights_[i];
    }
    for (std::size_t i = 0; i < leads_.size(); ++i) {
        if (weights_[i] > 0.0) weights_[i] /= sum;
        gains_[i] = weights_[i] > 0.0 ? weights_[i] / leads_[i].beat_level : 0.0;
    }
}

void BeatDecision::step(std::int64_t index, std::vector<std::int64_t>& beats) {
    fuse(index);
    find_candidate(index);
    learn_again(index);
    decide_until(index - kReach - kLookahead, beats);
}

void BeatDecision::fuse(std::int64_t index) {
    if (index % kWeighEvery == 0) weigh_leads();
    double fused = 0.0;
    for (std::size_t i = 0; i < leads_.size(); ++i) {
        Lead& lead = leads_[i];
        const double envelope = lead.envelope[index];
        if (envelope <= kFlatMv) continue;
        if (envelope >= kActiveShare * lead.beat_level) lead.last_active = index;
        fused += gains_[i] * std::min(envelope, kClip * lead.beat_level);
    }
    fused_.push(fused);
}

void BeatDecision::find_candidate(std::int64_t index) {
    const double height = fused_[index];
    if (pending_.index < 0 ? height > 0.0 : height > pending_.height) {
        pending_ = {index, height, 1.0};
    } else if (pending_.index >= 0 && index - pending_.index >= kReach) {
        confirm_pending();
    }
}

void BeatDecision::confirm_pending() {
    const Candidate candidate = pending_;
    pending_ = {-1, 0.0, 1.0};
    const std::int64_t from = std::max(fused_.begin(), candidate.index - kReach);
    for (std::int64_t i = from; i < candidate.index; ++i) {
        if (fused_[i] >= candidate.height) return;
    }
    undecided_.push_back(candidate);
}

void BeatDecision::decide_until(std::int64_t now, std::vector<std::int64_t>& beats) {
    if (has_beat_) search_back(now, beats);
    while (!undecided_.empty() && undecided_.front().index <= now) {
        const Candidate candidate = undecided_.front();
        undecided_.erase(undecided_.begin());
        decide(candidate, beats);
    }
}

void BeatDecision::decide(Candidate candidate, std::vector<std::int64_t>& beats) {
    const double noise = std::min(candidate.height, beat_level_);
    if (has_beat_ && candidate.index - last_beat_ <= kRefractory) {
        approach(noise_level_, noise, kNoiseRate);
        return;
    }
    const double least = threshold(candidate.index);
    double correlation = kNeutralCorrelation;
    if (!templates_.empty() && candidate.height < kSurelyBeat * least) {
        correlation = templates_.match(slopes_, weights_, candidate.index).correlation;
    }
    const double unlike = correlation - kNeutralCorrelation;
    candidate.likeness = std::exp((unlike > 0.0 ? kGainAlike : kGainUnlike) * unlike);
    if (candidate.height * candidate.likeness > least && !is_t_wave(candidate) &&
        !precedes_greater(candidate)) {
        accept(candidate, beats);
        return;
    }
    approach(noise_level_, noise, kNoiseRate);
    candidate.likeness = std::exp(kGainSearchBack * unlike);
    passed_over_.push_back(candidate);
}

double BeatDecision::threshold(std::int64_t index) const {
    double share = kLateShare;
    if (has_beat_) {
        const double elapsed = static_cast<double>(index - last_beat_) / typical_rr_;
        if (elapsed <= kEarlyUntilRr) {
            share = kEarlyShare;
        } else if (elapsed < 1.0) {
            share = std::lerp(kEarlyShare, kExpectedShare,
                              (elapsed - kEarlyUntilRr) / (1.0 - kEarlyUntilRr));
        } else {
            share = std::lerp(kExpectedShare, kLateShare, std::min(elapsed - 1.0, 1.0));
        }
    }
    return std::max({std::lerp(noise_level_, beat_level_, share), kLeastOverNoise * noise_level_,
                     kLeastOfBeat * beat_level_});
}

bool BeatDecision::is_t_wave(const Candidate& candidate) const {
    return has_beat_ && candidate.index - last_beat_ < kTWaveEnd &&
           candidate.height * candidate.likeness < kLeastOverT * t_level_;
}

bool BeatDecision::precedes_greater(const Candidate& candidate) const {
    return std::ranges::any_of(undecided_, [&](const Candidate& next) {
        return next.index <= candidate.index + kLookahead &&
               kLeastOfNext * next.height > candidate.height * candidate.likeness;
    });
}

void BeatDecision::search_back(std::int64_t now, std::vector<std::int64_t>& beats) {
    if (static_cast<double>(now - last_beat_) <= kSearchBackRr * typical_rr_) return;
    const double least =
        std::max(kSearchBackShare * beat_level_, kSearchBackOverNoise * noise_level_);
    const auto height = [&](const Candidate& c) {
        return c.index > last_beat_ + kSearchBackGap ? c.height * c.likeness : 0.0;
    };
    const auto best = std::ranges::max_element(passed_over_, {}, height);
    if (best == passed_over_.end() || height(*best) <= least) return;
    const Candidate beat = *best;
    passed_over_.erase(passed_over_.begin(), best + 1);
    accept(beat, beats);
}

void BeatDecision::accept(Candidate beat, std::vector<std::int64_t>& beats) {
    if (has_beat_) {
        learn_rr(beat.index - last_beat_);
        learn_between(last_beat_ + kBlankAfter, beat.index - kBlankBefore);
    }
    learn_beat(beat);
    last_beat_ = beat.index;
    has_beat_ = true;
    std::erase_if(passed_over_, [&](const Candidate& c) { return c.index < beat.index; });
    beats.push_back(beat.index);
    weigh_leads();
}

void BeatDecision::learn_rr(std::int64_t rr) {
    if (rr >= kLongestRr) return;
    if (recent_rr_.size() == kRrMemory) recent_rr_.erase(recent_rr_.begin());
    recent_rr_.push_back(static_cast<double>(rr));
    typical_rr_ = median(recent_rr_);
}

void BeatDecision::learn_between(std::int64_t from, std::int64_t to) {
    if (to <= from || to - from >= kLongestInterval) return;
    for (Lead& lead : leads_) {
        const double activity = maximum(lead.envelope, from, to);
        approach(lead.background_level, std::min(activity, 1.5 * lead.beat_level), kBackgroundRate);
    }
    const std::int64_t t_end = std::min(to, from - kBlankAfter + kTWaveEnd);
    if (t_end > from) {
        approach(t_level_, std::min(maximum(fused_, from, t_end), beat_level_), kTRate);
    }
}

void BeatDecision::learn_beat(Candidate beat) {
    for (Lead& lead : leads_) {
        const double height =
            maximum(lead.envelope, beat.index - kHalfComplex, beat.index + kHalfComplex + 1);
        if (lead.beat_level <= 0.0) {
            if (height > kFlatMv) lead.beat_level = lead.background_level = height;
            continue;
        }
        approach(lead.beat_level, std::clamp(height, 0.4 * lead.beat_level, 1.6 * lead.beat_level),
                 kBeatRate);
    }
    approach(beat_level_, std::clamp(beat.height, 0.3 * beat_level_, 1.6 * beat_level_), kBeatRate);
    const auto match = templates_.match(slopes_, weights_, beat.index);
    templates_.learn(slopes_, beat.index, match);
}

}  // namespace ecg
