#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/ring_buffer.hpp"

namespace ecg {

/// Decides which maxima of the QRS envelopes of several leads are beats. One envelope sample of
/// every lead goes in at a time; beats come out as envelope indices, strictly increasing, at most
/// kReach samples later, or when a pause shows that a small one was passed over.
class BeatDecision {
  public:
    explicit BeatDecision(std::size_t n_leads);

    /// Envelope samples a beat must tower over on both sides; also the delay of the decision.
    static constexpr std::int64_t kReach = 37;
    /// Envelope samples from which the first levels are learned; the first decisions wait.
    static constexpr std::int64_t kLearning = 750;
    /// No beat is found further back than this.
    static constexpr std::int64_t kMemory = 2048;

    /// Takes one envelope sample of each lead (finite, not negative); appends new beats.
    void push(std::span<const double> envelopes, std::vector<std::int64_t>& beats);
    /// The signal has ended: learns from what there is and appends the last beats.
    void finish(std::vector<std::int64_t>& beats);

  private:
    struct Lead {
        RingBuffer envelope{static_cast<std::size_t>(kMemory)};
        double beat_level = 0.0;        // mV
        double background_level = 0.0;  // mV: the greatest activity between two beats
        double gain = 0.0;              // factor in the fusion, 1/mV
        std::int64_t last_active = 0;
    };
    struct Candidate {
        std::int64_t index;
        double height;
    };

    [[nodiscard]] std::int64_t end() const noexcept { return leads_.front().envelope.end(); }
    void start(std::int64_t n_samples, std::vector<std::int64_t>& beats);
    bool learn(std::int64_t n_samples);
    void weigh_leads();
    void fuse(std::int64_t index);
    void find_candidates(std::int64_t index, std::vector<std::int64_t>& beats);
    void confirm_pending(std::vector<std::int64_t>& beats);
    void search_back(std::int64_t now, std::vector<std::int64_t>& beats);
    void learn_again(std::int64_t now);
    void accept(Candidate beat, std::vector<std::int64_t>& beats);
    void learn_rr(std::int64_t rr);
    void learn_between(std::int64_t from, std::int64_t to);
    void learn_beat(Candidate beat);
    [[nodiscard]] bool is_beat(Candidate candidate) const;

    std::vector<Lead> leads_;
    RingBuffer fused_{static_cast<std::size_t>(kMemory)};
    bool learned_ = false;
    bool has_beat_ = false;
    double beat_level_ = 1.0;  // of the fused envelope, as are the next two
    double noise_level_ = 0.2;
    double t_level_ = 0.3;
    double typical_rr_ = 200.0;
    std::vector<double> recent_rr_;
    std::int64_t last_beat_ = 0;
    Candidate pending_{-1, 0.0};
    std::vector<Candidate> passed_over_;
};

}  // namespace ecg
