#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/beat_templates.hpp"
#include "ecg/ring_buffer.hpp"

namespace ecg {

/// Decides which maxima of the QRS envelopes of several leads are beats. One sample of every
/// lead goes in at a time; beats come out as envelope indices, strictly increasing, kReach +
/// kLookahead samples later, or when a pause shows that a small one was passed over.
class BeatDecision {
  public:
    explicit BeatDecision(std::size_t n_leads);

    /// Envelope samples that a candidate must tower over on both sides (124 ms).
    static constexpr std::int64_t kReach = 31;
    /// Further samples in which a greater one, whose P wave it is, may follow (220 ms).
    static constexpr std::int64_t kLookahead = 55;
    /// Envelope samples from which the first levels are learned; the first decisions wait.
    static constexpr std::int64_t kLearning = 750;
    /// No beat is found further back than this.
    static constexpr std::int64_t kMemory = 2048;

    /// Takes one sample of each lead's envelope (finite, not negative) and slope; appends beats.
    void push(std::span<const double> envelopes, std::span<const double> slopes,
              std::vector<std::int64_t>& beats);
    /// The signal has ended: learns from what there is and appends the last beats.
    void finish(std::vector<std::int64_t>& beats);

  private:
    struct Lead {
        RingBuffer envelope{static_cast<std::size_t>(kMemory)};
        double beat_level = 0.0;        // mV
        double background_level = 0.0;  // mV: the greatest activity between two beats
        std::int64_t last_active = 0;
        std::array<double, 4> window_maxima{};  // of the last windows, see raise_levels
    };
    struct Candidate {
        std::int64_t index;
        double height;
        double likeness;  // factor by which its shape raises or lowers its height
    };

    [[nodiscard]] std::int64_t end() const noexcept { return leads_.front().envelope.end(); }
    void start(std::int64_t n_samples, std::vector<std::int64_t>& beats);
    bool learn(std::int64_t n_samples);
    void raise_levels();
    void learn_again(std::int64_t now);
    void weigh_leads();
    void step(std::int64_t index, std::vector<std::int64_t>& beats);
    void fuse(std::int64_t index);
    void find_candidate(std::int64_t index);
    void confirm_pending();
    void decide_until(std::int64_t now, std::vector<std::int64_t>& beats);
    void decide(Candidate candidate, std::vector<std::int64_t>& beats);
    void search_back(std::int64_t now, std::vector<std::int64_t>& beats);
    void accept(Candidate beat, std::vector<std::int64_t>& beats);
    void learn_rr(std::int64_t rr);
    void learn_between(std::int64_t last_beat, std::int64_t beat);
    void learn_beat(Candidate beat);
    [[nodiscard]] static double height_at(const Lead& lead, std::int64_t beat);
    [[nodiscard]] double threshold(std::int64_t index) const;
    [[nodiscard]] bool is_t_wave(const Candidate& candidate) const;
    [[nodiscard]] bool precedes_greater(const Candidate& candidate) const;

    std::vector<Lead> leads_;
    std::vector<RingBuffer> slopes_;
    std::vector<double> weights_;  // shares of the leads in the fusion
    std::vector<double> gains_;    // weights over beat levels, 1/mV
    RingBuffer fused_{static_cast<std::size_t>(kMemory)};
    BeatTemplates templates_;
    std::int64_t n_not_flat_ = 0;
    bool learned_ = false;
    bool has_beat_ = false;
    double beat_level_ = 1.0;  // of the fused envelope, as are the next two
    double noise_level_;
    double t_level_;
    double typical_rr_;
    std::vector<double> recent_rr_;
    std::int64_t previous_rr_ = 0;
    std::int64_t last_beat_ = 0;
    Candidate pending_{-1, 0.0, 1.0};
    std::vector<Candidate> undecided_;
    std::vector<Candidate> passed_over_;
};

}  // namespace ecg
