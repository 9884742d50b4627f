#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/beat_candidates.hpp"
#include "ecg/beat_templates.hpp"
#include "ecg/detector_constants.hpp"
#include "ecg/lead_fusion.hpp"
#include "ecg/qrs_envelope.hpp"
#include "ecg/typical_rr.hpp"

namespace ecg {

/// Decides which maxima of the QRS envelopes of several leads are beats. Beats come out as
/// envelope indices, strictly increasing, at most kReach + kLookahead + kStep samples later, or
/// when a pause shows that a small one was passed over.
class BeatDecision {
  public:
    BeatDecision(std::size_t n_leads, std::size_t max_block, const DetectorConstants& constants);

    /// Samples that are decided on together, counted from the beginning (40 ms).
    static constexpr std::int64_t kStep = 10;
    /// Samples after a candidate in which a greater one, whose P wave it is, may follow (220 ms).
    static constexpr std::int64_t kLookahead = 55;
    /// Samples from which the first levels are learned; the first decisions wait.
    static constexpr std::int64_t kLearning = 750;
    /// No beat is found further back than this.
    static constexpr std::int64_t kMemory = 1500;

    /// Takes the next samples of every lead, of each as many, at most max_block; appends beats.
    void push(std::span<const QrsEnvelope::Block> leads, std::vector<std::int64_t>& beats);
    /// The signal has ended: learns from what there is and appends the last beats.
    void finish(std::vector<std::int64_t>& beats);

  private:
    void step(std::int64_t from, std::int64_t now, std::vector<std::int64_t>& beats);
    void start(std::int64_t from, std::int64_t to, std::vector<std::int64_t>& beats);
    void decide_on_all(std::int64_t from, std::int64_t to, std::vector<std::int64_t>& beats);
    [[nodiscard]] std::int64_t next_decision(std::int64_t from, std::int64_t to) const;
    void decide_on(std::int64_t from, std::int64_t to, std::vector<std::int64_t>& beats);
    void learn_again(std::int64_t now);
    void doubt_levels(std::int64_t now, std::vector<std::int64_t>& beats);
    void decide_until(std::int64_t now, std::vector<std::int64_t>& beats);
    void decide(BeatCandidate candidate, std::vector<std::int64_t>& beats);
    void search_back(std::int64_t now, std::vector<std::int64_t>& beats);
    void accept(const BeatCandidate& beat, const BeatTemplates::Match& match,
                std::vector<std::int64_t>& beats);
    void learn_between(std::int64_t last_beat, std::int64_t beat);
    [[nodiscard]] BeatTemplates::Match match(std::int64_t index);
    [[nodiscard]] double noisiness(double level) const;
    [[nodiscard]] double threshold(std::int64_t index) const;
    [[nodiscard]] double least_to_search_back() const;
    [[nodiscard]] bool is_t_wave(const BeatCandidate& candidate) const;
    [[nodiscard]] bool precedes_greater(const BeatCandidate& candidate) const;

    DetectorConstants c_;
    LeadFusion fusion_;
    std::vector<EnvelopeHistory> slopes_;
    BeatTemplates templates_;
    BeatCandidates candidates_;
    TypicalRr rr_;
    double most_likeness_;
    std::int64_t next_step_ = kStep;
    std::int64_t first_shown_ = -1;
    bool learned_ = false;
    bool has_beat_ = false;
    double beat_level_ = 1.0;  // of the fused envelope, as are the next two
    double noise_level_;
    double t_level_;
    double unrest_ = 0.0;
    int n_alike_ = 0;  // beats in a row like those before, since levels were learned
    std::int64_t next_doubt_ = 0;
    std::int64_t last_beat_ = 0;  // or, while there is none, where deciding began
    std::vector<BeatCandidate> undecided_;
    std::vector<BeatCandidate> passed_over_;
};

}  // namespace ecg
