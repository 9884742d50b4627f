#include "ecg/beat_decision.hpp"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

// All times are envelope samples of 4 ms. Adaptive levels, refractory time, T wave test and search
// back are those of Pan & Tompkins 1985 (doi:10.1109/TBME.1985.325532) in another form. Values with
// three digits were found by random search from round ones, for the fewest errors on the MIT-BIH
// arrhythmia records (both leads, the first alone, and a quarter of them with recorded noise
// added); the supraventricular records were kept for the test. Round values are by design.
constexpr std::int64_t kSecond = 250;

// Learning: the maxima of windows of one second tell the level of the beats, the median of the
// envelope that of what lies between them.
constexpr std::int64_t kShortestLearning = kSecond;
constexpr double kLeastShareOfMaximum = 0.5;
constexpr double kBackgroundOverMedian = 3.0;
constexpr double kLeastFirstBackground = 0.3;
constexpr double kFirstNoise = 0.2;
constexpr double kFirstT = 0.3;
constexpr double kFirstRr = 200.0;
// An envelope below half a microvolt is a flat line.
constexpr double kFlatMv = 5e-4;

// The threshold is this share of the way from noise to beat level: high just after a beat, lower
// when the next one is due.
constexpr double kEarlyShare = 0.543;
constexpr double kExpectedShare = 0.326;
constexpr double kLateShare = 0.352;
constexpr double kEarlyUntilRr = 0.308;
constexpr double kLeastOverNoise = 2.5;
constexpr double kLeastOfBeat = 0.105;
// However noisy it was: without a way out the noise level could rise above every beat.
constexpr double kSurelyOfBeat = 1.2;

// No two ventricular depolarisations follow each other faster (204 ms, 290 a minute).
constexpr std::int64_t kRefractory = 51;
// T waves: soon after a beat, and before 70 % of an RR interval, a candidate must clearly exceed
// what usually follows a beat; three quarters of a beat's height always suffice.
constexpr std::int64_t kTWaveEnd = 156;
constexpr double kTWaveEndRr = 0.7;
constexpr double kLeastOverT = 3.45;
constexpr double kMostForT = 0.751;
// P waves: a candidate is none when a greater one follows within kLookahead.
constexpr double kLeastOfNext = 1.0;

// Shape: a height counts exp(gain * (correlation with a template - kNeutralCorrelation)) times.
constexpr double kNeutralCorrelation = 0.638;
constexpr double kGainAlike = 1.04;
constexpr double kGainUnlike = 0.322;
constexpr double kGainSearchBack = 0.883;
// Candidates this far above the threshold need no look at their shape.
constexpr double kSurelyBeat = 3.0;

// How fast levels follow, per beat or candidate.
constexpr double kBeatRate = 0.0267;
constexpr double kNoiseRate = 0.222;
constexpr double kBackgroundRate = 0.291;
constexpr double kMissRate = 0.05;
constexpr double kTRate = 0.0878;

// A lead weighs (beat level / background level) to this power; no lead adds more than kClip of
// its share to a candidate, so that a burst in one lead alone does not make a beat.
constexpr double kWeightPower = 1.66;
constexpr double kLeastBackground = 0.05;
constexpr double kMostBackground = 1.5;
constexpr double kClip = 1.57;
// A lead that shows nothing for this long is not listened to until it does.
constexpr double kActiveShare = 0.3;
constexpr double kInactiveAfterRr = 3.0;
constexpr std::int64_t kWeighEvery = 25;
// Candidates are decided on in passing, every 20 ms.
constexpr std::int64_t kDecideEvery = 5;

// Levels that are far too low: four windows of two seconds, each with a beat at 30 a minute.
constexpr std::int64_t kRaiseWindow = 2 * kSecond;
constexpr double kFarAbove = 3.0;

// Search back, after a pause of so many RR intervals, for the best candidate passed over.
constexpr double kSearchBackRr = 1.52;
constexpr double kSearchBackShare = 0.255;
constexpr double kSearchBackOverNoise = 0.764;
constexpr std::int64_t kSearchBackGap = 75;

// What lies between two beats: from 100 ms after one to 140 ms before the next.
constexpr std::int64_t kBlankAfter = 25;
constexpr std::int64_t kBlankBefore = 35;
constexpr std::int64_t kHalfComplex = 10;
constexpr std::int64_t kLongestInterval = 5 * kSecond;
// A single interval above 1.19 s is a pause; none above 2.5 s is a rhythm (24 a minute).
constexpr std::int64_t kLongRr = 297;
constexpr std::int64_t kLongestRr = 625;
constexpr std::size_t kRrMemory = 8;

// After 8 s without a beat, longer than any pause in the records, smaller complexes are accepted
// if they stand out from what is between them.
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

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Median of the maxima of windows of the last n samples, or half the greatest, whichever is more;
/// windows without a beat do not count.
double typical_maximum(const RingBuffer& signal, std::int64_t n, std::int64_t window) {
    std::vector<double> maxima;
    for (std::int64_t from = signal.end() - n; from + window / 2 <= signal.end(); from += window) {
        maxima.push_back(maximum(signal, from, from + window));
    }
    const double greatest = *std::ranges::max_element(maxima);
    return std::max(median(std::move(maxima)), kLeastShareOfMaximum * greatest);
}

void approach(double& level, double value, double rate) {
    level += rate * (value - level);
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
    const bool flat = std::ranges::all_of(envelopes, [](double e) { return e <= kFlatMv; });
    if (n_not_flat_ > 0 || !flat) ++n_not_flat_;
    if (n_not_flat_ >= kLearning && (n_not_flat_ - kLearning) % kSecond == 0) {
        start(kLearning, beats);
    }
}

void BeatDecision::finish(std::vector<std::int64_t>& beats) {
    if (!learned_ && n_not_flat_ >= kShortestLearning) {
        start(std::min(n_not_flat_, kLearning), beats);
    }
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
        const double level = typical_maximum(lead.envelope, n, kSecond);
        std::vector<double> activity;
        for (std::int64_t i = end() - n; i < end(); ++i) activity.push_back(lead.envelope[i]);
        lead.beat_level = level > kFlatMv ? level : 0.0;
        lead.background_level = std::clamp(kBackgroundOverMedian * median(activity),
                                           kLeastFirstBackground * level, level);
        lead.last_active = end();
        any = any || lead.beat_level > 0.0;
    }
    weigh_leads();
    return any;
}

/// When the maxima of every lead have been far above the level of its beats for eight seconds,
/// the signal has become larger, or the levels were learned from something else.
void BeatDecision::raise_levels() {
    bool all_above = true;
    for (const Lead& lead : leads_) {
        const double least = *std::ranges::min_element(lead.window_maxima);
        all_above = all_above && (lead.beat_level <= 0.0 || least > kFarAbove * lead.beat_level);
    }
    for (Lead& lead : leads_) {
        const double raised = *std::ranges::min_element(lead.window_maxima);
        std::rotate(lead.window_maxima.begin(), lead.window_maxima.begin() + 1,
                    lead.window_maxima.end());
        lead.window_maxima.back() = 0.0;
        if (!all_above || lead.beat_level <= 0.0) continue;
        lead.background_level *= raised / lead.beat_level;
        lead.beat_level = raised;
    }
    if (all_above) noise_level_ = kFirstNoise;
}

/// A long silence of a signal that still beats, only smaller: learns the levels anew.
void BeatDecision::learn_again(std::int64_t now) {
    const std::int64_t silence = now - last_beat_;
    if (!has_beat_ || silence < kLearnAgainAfter || now % kSecond != 0) return;
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
    if (index % kWeighEvery == 0) weigh_leads();
    if (index % kRaiseWindow == 0) raise_levels();
    fuse(index);
    find_candidate(index);
    if (index % kDecideEvery != 0) return;
    learn_again(index);
    decide_until(index - kReach - kLookahead, beats);
}

void BeatDecision::fuse(std::int64_t index) {
    double fused = 0.0;
    for (std::size_t i = 0; i < leads_.size(); ++i) {
        Lead& lead = leads_[i];
        const double envelope = lead.envelope[index];
        if (envelope <= kFlatMv) continue;
        lead.window_maxima.back() = std::max(lead.window_maxima.back(), envelope);
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
    const double least = std::max({std::lerp(noise_level_, beat_level_, share),
                                   kLeastOverNoise * noise_level_, kLeastOfBeat * beat_level_});
    return std::min(least, kSurelyOfBeat * beat_level_);
}

bool BeatDecision::is_t_wave(const Candidate& candidate) const {
    if (!has_beat_) return false;
    const double since = static_cast<double>(candidate.index - last_beat_);
    if (since >= std::min(static_cast<double>(kTWaveEnd), kTWaveEndRr * typical_rr_)) return false;
    return candidate.height * candidate.likeness <
           std::min(kLeastOverT * t_level_, kMostForT * beat_level_);
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
        learn_between(last_beat_, beat.index);
    }
    learn_beat(beat);
    last_beat_ = beat.index;
    has_beat_ = true;
    std::erase_if(passed_over_, [&](const Candidate& c) { return c.index < beat.index; });
    beats.push_back(beat.index);
    weigh_leads();
}

/// A single long interval is a pause and teaches nothing; two in a row are a slow rhythm.
void BeatDecision::learn_rr(std::int64_t rr) {
    const bool is_pause = rr >= kLongRr && previous_rr_ < kLongRr;
    previous_rr_ = rr;
    if (is_pause || rr >= kLongestRr) return;
    if (recent_rr_.size() == kRrMemory) recent_rr_.erase(recent_rr_.begin());
    recent_rr_.push_back(static_cast<double>(rr));
    typical_rr_ = median(recent_rr_);
}

/// What happened between two beats; a lead that hardly shows the second one counts as noise.
void BeatDecision::learn_between(std::int64_t last_beat, std::int64_t beat) {
    const std::int64_t from = last_beat + kBlankAfter;
    const std::int64_t to = beat - kBlankBefore;
    if (to <= from || to - from >= kLongestInterval) return;
    for (Lead& lead : leads_) {
        const double most = kMostBackground * lead.beat_level;
        const bool misses_beat = height_at(lead, beat) < kActiveShare * lead.beat_level;
        const double activity = misses_beat ? most : maximum(lead.envelope, from, to);
        approach(lead.background_level, std::min(activity, most),
                 misses_beat ? kMissRate : kBackgroundRate);
    }
    const std::int64_t t_end = std::min(to, last_beat + kTWaveEnd);
    if (t_end > from) {
        approach(t_level_, std::min(maximum(fused_, from, t_end), beat_level_), kTRate);
    }
}

double BeatDecision::height_at(const Lead& lead, std::int64_t beat) {
    return maximum(lead.envelope, beat - kHalfComplex, beat + kHalfComplex + 1);
}

void BeatDecision::learn_beat(Candidate beat) {
    for (Lead& lead : leads_) {
        const double height = height_at(lead, beat.index);
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
