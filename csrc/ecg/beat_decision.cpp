#include "ecg/beat_decision.hpp"

#include <algorithm>
#include <cmath>

#include "ecg/envelope_levels.hpp"

namespace ecg {
namespace {

// All times are envelope samples of 4 ms. Adaptive levels, refractory time, T wave test and search
// back are those of Pan & Tompkins 1985 (doi:10.1109/TBME.1985.325532) in another form. Values are
// round; a fifth more or less of one changes few decisions. The fitted ones are elsewhere
// (detector_constants.hpp).
constexpr std::int64_t kSecond = 250;
constexpr std::int64_t kShortestLearning = kSecond;
constexpr double kFirstNoise = 0.2;
constexpr double kFirstT = 0.3;

// The threshold falls from soon after a beat, 30 % of an RR interval, until the next is due.
constexpr double kEarlyUntilRr = 0.3;
// It stays above the noise, but not above what is surely a beat: without a way out the noise level
// could rise above every beat. Where the noise has long been strong, it would take beats with it;
// there less is enough, false beats being the lesser evil.
constexpr double kLeastOverNoise = 2.5;
constexpr double kSurelyBeat = 1.2;
constexpr double kSurelyBeatInNoise = 0.4;
// Lasting noise, as a share of a beat: the mean over about 100 candidates, some 40 s.
constexpr double kUnrestRate = 0.01;
constexpr double kCalm = 0.3;
constexpr double kNoisy = 0.6;

// No two ventricular depolarisations follow each other faster (200 ms, 300 a minute).
constexpr std::int64_t kRefractory = 50;
// T waves: within 620 ms after a beat, and before 70 % of an RR interval, a candidate must
// clearly exceed what usually follows a beat.
constexpr std::int64_t kTWaveEnd = 155;
constexpr double kTWaveEndRr = 0.7;
constexpr double kLeastOverT = 3.5;
// Where the noise has long been strong nothing tells what follows a beat: so high is enough, from
// somewhat more noise on than lowers the threshold.
constexpr double kSurelyNoTWaveInNoise = 0.5;
constexpr double kTWavesStandOut = 0.4;

// An unlikely shape lowers a candidate less than a likely one raises it: ectopic beats.
constexpr double kGainUnlike = 0.3;

// How fast levels follow, per beat or candidate, and how far a height may be from the level.
constexpr double kBeatRate = 0.03;
constexpr double kLeastStep = 0.4;
constexpr double kMostStep = 1.6;
constexpr double kNoiseRate = 0.2;
constexpr double kTRate = 0.1;

// A beat found by searching back follows the last by 320 ms, and exceeds most of the noise.
constexpr std::int64_t kSearchBackGap = 80;
constexpr double kSearchBackOverNoise = 0.75;

// A lead that shows nothing for this long is not listened to until it does.
constexpr double kInactiveAfterRr = 3.0;

// What lies between two beats: from 100 ms after one to 140 ms before the next.
constexpr std::int64_t kBlankAfter = 25;
constexpr std::int64_t kBlankBefore = 35;
constexpr std::int64_t kLongestInterval = 5 * kSecond;
// Levels are trusted once so many beats in a row have looked like those before. Until then they may
// be an artefact's: three complexes or more of about one height and at about even intervals within
// the last 2.5 s, none of them a beat, are reason to learn anew.
constexpr int kTrustedAfter = 8;
constexpr std::int64_t kDoubtWindow = 5 * kSecond / 2;
constexpr double kAboutAsHigh = 0.5;
constexpr std::size_t kLeastInARow = 3;
constexpr std::int64_t kMostUneven = 2;
static_assert(kDoubtWindow + kRefractory < BeatDecision::kMemory);

// As far back as anything is looked up: from a beat found late to the one before.
constexpr std::size_t kHistory =
    BeatDecision::kMemory + kLongestInterval + 2 * kSecond + kDoubtWindow;

// After 8 s without a beat, longer than any pause in the records, smaller complexes are accepted
// if they stand out from what is between them.
constexpr std::int64_t kLearnAgainAfter = 8 * kSecond;
constexpr double kLeastCrest = 4.0;
constexpr double kLeastLevelLeft = 0.05;

static_assert(BeatDecision::kLearning % BeatDecision::kStep == 0);
static_assert(kSecond % BeatDecision::kStep == 0);

/// Whether the signal shows a row of complexes that stand out: alike in height, evenly spaced.
bool shows_rhythm(const EnvelopeHistory& signal, std::int64_t from) {
    std::vector<BeatCandidate> found;
    BeatCandidates().find(signal, from, found);
    if (found.empty()) return false;
    const double greatest = std::ranges::max(found, {}, &BeatCandidate::height).height;
    const auto window = signal.between(from, signal.end());
    if (greatest < kLeastCrest * median({window.begin(), window.end()})) return false;
    std::erase_if(found,
                  [&](const BeatCandidate& c) { return c.height < kAboutAsHigh * greatest; });
    if (found.size() < kLeastInARow) return false;
    std::int64_t shortest = kDoubtWindow;
    std::int64_t longest = 0;
    for (std::size_t i = 1; i < found.size(); ++i) {
        const std::int64_t interval = found[i].index - found[i - 1].index;
        shortest = std::min(shortest, interval);
        longest = std::max(longest, interval);
    }
    return shortest > kRefractory && longest <= kMostUneven * shortest;
}

}  // namespace

BeatDecision::BeatDecision(std::size_t n_leads, std::size_t max_block,
                           const DetectorConstants& constants)
    : c_(constants),
      fusion_(n_leads, kHistory + max_block, max_block),
      slopes_(n_leads, EnvelopeHistory(kHistory + max_block, max_block)),
      templates_(n_leads),
      most_likeness_(std::exp(c_.shape_gain * (1.0 - c_.usual_likeness))),
      noise_level_(kFirstNoise),
      t_level_(kFirstT) {
    const auto most_candidates = static_cast<std::size_t>(kMemory / BeatCandidates::kReach + 2);
    undecided_.reserve(most_candidates);
    passed_over_.reserve(most_candidates);
}

void BeatDecision::push(std::span<const QrsEnvelope::Block> leads,
                        std::vector<std::int64_t>& beats) {
    for (std::size_t i = 0; i < leads.size(); ++i) {
        fusion_.push(i, leads[i].envelope);
        slopes_[i].push(leads[i].slope);
    }
    while (next_step_ <= fusion_.end()) {
        const std::int64_t from = next_step_ - kStep;
        const std::int64_t whole_steps = (fusion_.end() - from) / kStep * kStep;
        const std::int64_t to = learned_ ? next_decision(from, from + whole_steps) : next_step_;
        step(from, to, beats);
        next_step_ = to + kStep;
    }
}

void BeatDecision::step(std::int64_t from, std::int64_t now, std::vector<std::int64_t>& beats) {
    if (learned_) {
        decide_on(from, now, beats);
        doubt_levels(now, beats);
        return;
    }
    if (first_shown_ < 0 && fusion_.shows_something(from, now)) first_shown_ = from;
    if (first_shown_ < 0) return;
    const std::int64_t waited = now - first_shown_ - kLearning;
    if (waited >= 0 && waited % kSecond == 0) start(now - kLearning, now, beats);
}

void BeatDecision::finish(std::vector<std::int64_t>& beats) {
    const std::int64_t now = fusion_.end();
    if (learned_) {
        decide_on_all(next_step_ - kStep, now, beats);
    } else if (first_shown_ >= 0 && now - first_shown_ >= kShortestLearning) {
        start(std::max(first_shown_, now - kLearning), now, beats);
    }
    candidates_.finish(fusion_.fused(), undecided_);
    decide_until(now, beats);
}

/// Learns from samples, then decides on them; stays as it is when they are flat.
void BeatDecision::start(std::int64_t from, std::int64_t to, std::vector<std::int64_t>& beats) {
    learned_ = fusion_.learn(from, to);
    if (!learned_) return;
    last_beat_ = from;
    fusion_.begin_at(from);
    decide_on_all(from, to, beats);
}

void BeatDecision::decide_on_all(std::int64_t from, std::int64_t to,
                                 std::vector<std::int64_t>& beats) {
    while (from < to) {
        const std::int64_t end = next_decision(from, to);
        decide_on(from, end, beats);
        from = end;
    }
}

/// One past the samples after `from`, at most up to `to`, at which something is decided or learned:
/// the end of a step. Fusing all before at once gives the same as step by step, because no
/// candidate among them is due yet.
std::int64_t BeatDecision::next_decision(std::int64_t from, std::int64_t to) const {
    constexpr std::int64_t kDelay = BeatCandidates::kReach + kLookahead;
    static_assert(LeadFusion::kListenEvery <= kDelay - BeatCandidates::kReach);
    std::int64_t next = (from / LeadFusion::kListenEvery + 1) * LeadFusion::kListenEvery;
    if (!undecided_.empty()) next = std::min(next, undecided_.front().index + kDelay);
    if (has_beat_ && !passed_over_.empty()) {
        const double pause = c_.search_back_rr * rr_.samples();
        next = std::min(next, last_beat_ + kDelay + static_cast<std::int64_t>(pause) + 1);
    }
    const std::int64_t n_steps = std::max<std::int64_t>((next - from + kStep - 1) / kStep, 1);
    return std::min(from + n_steps * kStep, to);
}

void BeatDecision::decide_on(std::int64_t from, std::int64_t to, std::vector<std::int64_t>& beats) {
    if (from % LeadFusion::kRaiseEvery == 0 && fusion_.raise_levels(from)) {
        noise_level_ = kFirstNoise;
        n_alike_ = 0;
    }
    if (from % LeadFusion::kListenEvery == 0) {
        fusion_.listen(from, kInactiveAfterRr * rr_.samples());
    }
    fusion_.fuse(from, to);
    candidates_.find(fusion_.fused(), from, undecided_);
    learn_again(to);
    decide_until(to - BeatCandidates::kReach - kLookahead, beats);
}

/// A long silence of a signal that still beats, only smaller: learns the levels anew.
void BeatDecision::learn_again(std::int64_t now) {
    const std::int64_t silence = now - last_beat_;
    if (silence < kLearnAgainAfter || now % kSecond != 0) return;
    const auto window = fusion_.fused().between(now - kLearning, now);
    const double height = *std::ranges::max_element(window);
    if (height < kLeastLevelLeft * beat_level_ ||
        height < kLeastCrest * median({window.begin(), window.end()})) {
        return;
    }
    if (fusion_.learn(now - kLearning, now)) noise_level_ = kFirstNoise;
}

/// A rhythm too small for levels that no row of beats has confirmed: learns from it, and decides
/// on it once more.
void BeatDecision::doubt_levels(std::int64_t now, std::vector<std::int64_t>& beats) {
    const std::int64_t from = now - kDoubtWindow;
    if (n_alike_ >= kTrustedAfter || from < last_beat_ + kRefractory || now < next_doubt_ ||
        now % LeadFusion::kListenEvery != 0 || !shows_rhythm(fusion_.fused(), from) ||
        !fusion_.learn(from, now)) {
        return;
    }
    next_doubt_ = now + kDoubtWindow;
    beat_level_ = 1.0;
    noise_level_ = kFirstNoise;
    t_level_ = kFirstT;
    rr_ = {};
    candidates_ = {};
    undecided_.clear();
    passed_over_.clear();
    fusion_.rewind_to(from);
    decide_on_all(from, now, beats);
}

void BeatDecision::decide_until(std::int64_t now, std::vector<std::int64_t>& beats) {
    if (has_beat_) search_back(now, beats);
    while (!undecided_.empty() && undecided_.front().index <= now) {
        const BeatCandidate candidate = undecided_.front();
        undecided_.erase(undecided_.begin());
        decide(candidate, beats);
    }
}

BeatTemplates::Match BeatDecision::match(std::int64_t index) {
    return templates_.match(slopes_, fusion_.weights(), index);
}

void BeatDecision::decide(BeatCandidate candidate, std::vector<std::int64_t>& beats) {
    // Before the first beat nothing is known to be noise.
    const double noise = has_beat_ ? std::min(candidate.height, beat_level_) : noise_level_;
    approach(unrest_, noise_level_ / beat_level_, kUnrestRate);
    if (has_beat_ && candidate.index - last_beat_ <= kRefractory) {
        approach(noise_level_, noise, kNoiseRate);
        return;
    }
    const double least = threshold(candidate.index);
    if (candidate.height * most_likeness_ < std::min(least, least_to_search_back())) {
        approach(noise_level_, noise, kNoiseRate);
        return;
    }
    const auto shape = match(candidate.index);
    const double unlike = templates_.empty() ? 0.0 : shape.correlation - c_.usual_likeness;
    candidate.likeness = std::exp((unlike > 0.0 ? 1.0 : kGainUnlike) * c_.shape_gain * unlike);
    if (candidate.height * candidate.likeness > least && !is_t_wave(candidate) &&
        !precedes_greater(candidate)) {
        accept(candidate, shape, beats);
        return;
    }
    approach(noise_level_, noise, kNoiseRate);
    candidate.likeness = std::exp(c_.shape_gain * unlike);
    std::erase_if(passed_over_,
                  [&](const BeatCandidate& c) { return c.index < candidate.index - kMemory; });
    passed_over_.push_back(candidate);
}

double BeatDecision::threshold(std::int64_t index) const {
    double share = c_.late_share;
    if (has_beat_) {
        const double elapsed = static_cast<double>(index - last_beat_) / rr_.samples();
        const double late = (elapsed - kEarlyUntilRr) / (1.0 - kEarlyUntilRr);
        share = std::lerp(c_.early_share, c_.late_share, std::clamp(late, 0.0, 1.0));
    }
    const double least =
        std::max(std::lerp(noise_level_, beat_level_, share), kLeastOverNoise * noise_level_);
    const double surely = std::lerp(kSurelyBeat, kSurelyBeatInNoise, noisiness(kCalm));
    return std::min(least, surely * beat_level_);
}

/// How far lasting noise is beyond a level: 0 up to it, 1 where it is strong.
double BeatDecision::noisiness(double level) const {
    return std::clamp((unrest_ - level) / (kNoisy - level), 0.0, 1.0);
}

bool BeatDecision::is_t_wave(const BeatCandidate& candidate) const {
    if (!has_beat_) return false;
    const double since = static_cast<double>(candidate.index - last_beat_);
    if (since >= std::min(static_cast<double>(kTWaveEnd), kTWaveEndRr * rr_.samples())) {
        return false;
    }
    const double surely_none =
        std::lerp(c_.surely_no_t_wave, kSurelyNoTWaveInNoise, noisiness(kTWavesStandOut));
    return candidate.height * candidate.likeness <
           std::min(kLeastOverT * t_level_, surely_none * beat_level_);
}

bool BeatDecision::precedes_greater(const BeatCandidate& candidate) const {
    return std::ranges::any_of(undecided_, [&](const BeatCandidate& next) {
        return next.index <= candidate.index + kLookahead &&
               next.height > candidate.height * candidate.likeness;
    });
}

double BeatDecision::least_to_search_back() const {
    return std::max(c_.search_back_share * beat_level_, kSearchBackOverNoise * noise_level_);
}

void BeatDecision::search_back(std::int64_t now, std::vector<std::int64_t>& beats) {
    if (static_cast<double>(now - last_beat_) <= c_.search_back_rr * rr_.samples()) return;
    const auto height = [&](const BeatCandidate& c) {
        return c.index - last_beat_ > kSearchBackGap ? c.height * c.likeness : 0.0;
    };
    const auto best = std::ranges::max_element(passed_over_, {}, height);
    if (best == passed_over_.end() || height(*best) <= least_to_search_back()) return;
    const BeatCandidate beat = *best;
    accept(beat, match(beat.index), beats);
}

void BeatDecision::accept(const BeatCandidate& beat, const BeatTemplates::Match& match,
                          std::vector<std::int64_t>& beats) {
    if (has_beat_) {
        rr_.learn(beat.index - last_beat_);
        learn_between(last_beat_, beat.index);
    }
    fusion_.learn_beat(beat.index);
    approach(beat_level_,
             std::clamp(beat.height, kLeastStep * beat_level_, kMostStep * beat_level_), kBeatRate);
    templates_.learn(slopes_, beat.index, match);
    if (n_alike_ < kTrustedAfter) {
        n_alike_ = match.correlation >= c_.usual_likeness ? n_alike_ + 1 : 0;
    }
    last_beat_ = beat.index;
    has_beat_ = true;
    std::erase_if(passed_over_, [&](const BeatCandidate& c) { return c.index <= beat.index; });
    beats.push_back(beat.index);
}

void BeatDecision::learn_between(std::int64_t last_beat, std::int64_t beat) {
    const std::int64_t from = last_beat + kBlankAfter;
    const std::int64_t to = beat - kBlankBefore;
    if (to <= from || to - from >= kLongestInterval) return;
    fusion_.learn_between(from, to, beat);
    const std::int64_t t_end = std::min(to, last_beat + kTWaveEnd);
    if (t_end > from) {
        approach(t_level_, std::min(maximum(fusion_.fused(), from, t_end), beat_level_), kTRate);
    }
}

}  // namespace ecg
