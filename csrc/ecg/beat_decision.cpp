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
// An envelope below half a microvolt is a flat line.
constexpr double kFlatMv = 5e-4;

// Threshold between noise and beat level, falling with the time since the last beat.
constexpr double kEarlyShare = 0.38;
constexpr double kExpectedShare = 0.30;
constexpr double kLateShare = 0.25;
constexpr double kEarlyUntilRr = 0.7;
constexpr double kLeastOverNoise = 1.7;
constexpr double kLeastOfBeat = 0.08;

// No two ventricular depolarisations follow each other faster.
constexpr std::int64_t kRefractory = 54;
// T waves: what usually follows a beat within this time must be exceeded.
constexpr std::int64_t kTWaveEnd = 140;
constexpr double kLeastOverT = 1.11;

constexpr double kBeatRate = 0.10;
constexpr double kNoiseRate = 0.20;
constexpr double kBackgroundRate = 0.19;
constexpr double kTRate = 0.127;

// Quality weighting: (beat level / background level) to this power.
constexpr double kWeightPower = 2.27;
constexpr double kLeastBackground = 0.05;
constexpr double kClip = 1.567;
constexpr double kActiveShare = 0.3;
constexpr double kInactiveAfterRr = 2.0;

constexpr double kSearchBackRr = 1.53;
constexpr double kSearchBackShare = 0.22;
constexpr double kSearchBackOverNoise = 1.12;
constexpr std::int64_t kSearchBackGap = 75;

constexpr std::int64_t kBlankAfter = 48;
constexpr std::int64_t kBlankBefore = 35;
constexpr std::int64_t kHalfComplex = 10;
constexpr std::int64_t kLongestInterval = 5 * kSecond;
constexpr std::int64_t kLongestRr = 400;
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

BeatDecision::BeatDecision(std::size_t n_leads) : leads_(n_leads) {
    recent_rr_.reserve(kRrMemory);
    passed_over_.reserve(static_cast<std::size_t>(kMemory / kReach + 2));
}

void BeatDecision::push(std::span<const double> envelopes, std::vector<std::int64_t>& beats) {
    for (std::size_t i = 0; i < leads_.size(); ++i) leads_[i].envelope.push(envelopes[i]);
    if (!learned_) {
        const std::int64_t n = end() - kLearning;
        if (n >= 0 && n % kSecond == 0) start(kLearning, beats);
        return;
    }
    fuse(end() - 1);
    find_candidates(end() - 1, beats);
}

void BeatDecision::finish(std::vector<std::int64_t>& beats) {
    if (!learned_ && end() >= kShortestLearning) start(std::min(end(), kLearning), beats);
    if (pending_.index >= 0) confirm_pending(beats);
}

/// Learns from the last n samples, then decides on them; stays as it is when they are flat.
void BeatDecision::start(std::int64_t n, std::vector<std::int64_t>& beats) {
    learned_ = learn(n);
    if (!learned_) return;
    while (fused_.end() < end() - n) fused_.push(0.0);
    for (std::int64_t i = fused_.end(); i < end(); ++i) {
        fuse(i);
        find_candidates(i, beats);
    }
}

/// Sets the levels of each lead from its last n samples; false when all of them are flat.
bool BeatDecision::learn(std::int64_t n) {
    bool any = false;
    for (Lead& lead : leads_) {
        std::vector<double> maxima;
        for (std::int64_t from = end() - n; from + kSecond / 2 <= end(); from += kSecond) {
            maxima.push_back(maximum(lead.envelope, from, from + kSecond));
        }
        const double greatest = *std::max_element(maxima.begin(), maxima.end());
        const double level = std::max(median(maxima), kLeastShareOfMaximum * greatest);
        lead.beat_level = level > kFlatMv ? level : 0.0;
        lead.background_level = kFirstBackground * level;
        lead.last_active = end();
        any = any || lead.beat_level > 0.0;
    }
    weigh_leads();
    return any;
}

void BeatDecision::weigh_leads() {
    const std::int64_t oldest =
        end() - static_cast<std::int64_t>(kInactiveAfterRr * typical_rr_);
    const bool none_active = std::ranges::none_of(leads_, [&](const Lead& lead) {
        return lead.beat_level > 0.0 && lead.last_active >= oldest;
    });
    double sum = 0.0;
    for (Lead& lead : leads_) {
        lead.gain = 0.0;
        if (lead.beat_level <= 0.0 || (lead.last_active < oldest && !none_active)) continue;
        lead.gain = std::pow(
            lead.beat_level / (lead.background_level + kLeastBackground * lead.beat_level),
            kWeightPower);
        sum += lead.gain;
    }
    if (sum <= 0.0) return;
    for (Lead& lead : leads_) {
        if (lead.gain > 0.0) lead.gain /= sum * lead.beat_level;
    }
}

void BeatDecision::fuse(std::int64_t index) {
    if (index % 25 == 0) weigh_leads();
    double fused = 0.0;
    for (Lead& lead : leads_) {
        const double envelope = lead.envelope[index];
        if (envelope >= kActiveShare * lead.beat_level && envelope > kFlatMv) {
            lead.last_active = index;
        }
        if (envelope > kFlatMv) {
            fused += lead.gain * std::min(envelope, kClip * lead.beat_level);
        }
    }
    fused_.push(fused);
}

void BeatDecision::find_candidates(std::int64_t index, std::vector<std::int64_t>& beats) {
    if (has_beat_) search_back(index - kReach, beats);
    learn_again(index);
    const double height = fused_[index];
    if (pending_.index < 0 ? height > 0.0 : height > pending_.height) {
        pending_ = {index, height};
    } else if (pending_.index >= 0 && index - pending_.index >= kReach) {
        confirm_pending(beats);
    }
}

void BeatDecision::confirm_pending(std::vector<std::int64_t>& beats) {
    const Candidate candidate = pending_;
    pending_ = {-1, 0.0};
    const std::int64_t from = std::max(fused_.begin(), candidate.index - kReach);
    for (std::int64_t i = from; i < candidate.index; ++i) {
        if (fused_[i] >= candidate.height) return;
    }
    if (is_beat(candidate)) {
        accept(candidate, beats);
    } else {
        approach(noise_level_, std::min(candidate.height, beat_level_), kNoiseRate);
        passed_over_.push_back(candidate);
    }
}

bool BeatDecision::is_beat(Candidate candidate) const {
    double share = kLateShare;
    if (has_beat_) {
        const std::int64_t since = candidate.index - last_beat_;
        if (since <= kRefractory) return false;
        if (since < kTWaveEnd && candidate.height < kLeastOverT * t_level_) return false;
        const double elapsed = static_cast<double>(since) / typical_rr_;
        if (elapsed <= kEarlyUntilRr) {
            share = kEarlyShare;
        } else if (elapsed < 1.0) {
            share = std::lerp(kEarlyShare, kExpectedShare,
                              (elapsed - kEarlyUntilRr) / (1.0 - kEarlyUntilRr));
        } else {
            share = std::lerp(kExpectedShare, kLateShare, std::min(elapsed - 1.0, 1.0));
        }
    }
    const double threshold =
        std::max({noise_level_ + share * (beat_level_ - noise_level_),
                  kLeastOverNoise * noise_level_, kLeastOfBeat * beat_level_});
    return candidate.height > threshold;
}

void BeatDecision::search_back(std::int64_t now, std::vector<std::int64_t>& beats) {
    if (static_cast<double>(now - last_beat_) <= kSearchBackRr * typical_rr_) return;
    const double least =
        std::max(kSearchBackShare * beat_level_, kSearchBackOverNoise * noise_level_);
    auto best = passed_over_.end();
    for (auto it = passed_over_.begin(); it != passed_over_.end(); ++it) {
        if (it->index <= last_beat_ + kSearchBackGap || it->height <= least) continue;
        if (best == passed_over_.end() || it->height > best->height) best = it;
    }
    if (best == passed_over_.end()) return;
    const Candidate beat = *best;
    std::vector<Candidate> later(best + 1, passed_over_.end());
    accept(beat, beats);
    passed_over_ = std::move(later);
}

/// A long silence of a signal that still beats, only smaller: learns the levels anew.
void BeatDecision::learn_again(std::int64_t now) {
    const std::int64_t silence = now - last_beat_;
    if (!has_beat_ || silence < kLearnAgainAfter || silence % kSecond != 0) return;
    const double height = maximum(fused_, now - kLearning, now + 1);
    std::vector<double> window;
    for (std::int64_t i = now - kLearning; i <= now; ++i) window.push_back(fused_[i]);
    if (height < kLeastLevelLeft * beat_level_ || height < kLeastCrest * median(window)) return;
    if (learn(kLearning)) noise_level_ = kFirstNoise;
}

void BeatDecision::accept(Candidate beat, std::vector<std::int64_t>& beats) {
    if (has_beat_) {
        learn_rr(beat.index - last_beat_);
        learn_between(last_beat_ + kBlankAfter, beat.index - kBlankBefore);
    }
    learn_beat(beat);
    last_beat_ = beat.index;
    has_beat_ = true;
    passed_over_.clear();
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
        approach(lead.background_level, std::min(activity, 1.5 * lead.beat_level),
                 kBackgroundRate);
    }
    const std::int64_t t_end = std::min(to, from - kBlankAfter + kTWaveEnd);
    approach(t_level_, std::min(maximum(fused_, from, t_end), beat_level_), kTRate);
}

void BeatDecision::learn_beat(Candidate beat) {
    for (Lead& lead : leads_) {
        const double height = maximum(lead.envelope, beat.index - kHalfComplex,
                                      beat.index + kHalfComplex + 1);
        if (lead.beat_level <= 0.0) {
            if (height > kFlatMv) lead.beat_level = lead.background_level = height;
            continue;
        }
        approach(lead.beat_level,
                 std::clamp(height, 0.4 * lead.beat_level, 1.6 * lead.beat_level), kBeatRate);
    }
    approach(beat_level_, std::clamp(beat.height, 0.3 * beat_level_, 1.6 * beat_level_),
             kBeatRate);
}

}  // namespace ecg
