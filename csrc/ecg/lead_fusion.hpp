#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/qrs_envelope.hpp"

namespace ecg {

/// Adds the QRS envelopes of several leads up to one, in which a usual beat is about 1 high. Each
/// lead counts by how far its beats stand out of what lies between them.
class LeadFusion {
  public:
    LeadFusion(std::size_t n_leads, std::size_t n_kept, std::size_t max_block);

    /// Takes the next samples of a lead's envelope, of each lead as many.
    void push(std::size_t lead, std::span<const float> envelope) {
        leads_[lead].envelope.push(envelope);
    }

    /// One past the last sample taken.
    [[nodiscard]] std::int64_t end() const noexcept { return leads_.front().envelope.end(); }

    /// Whether any lead shows something from sample `from` up to `to`.
    [[nodiscard]] bool shows_something(std::int64_t from, std::int64_t to) const;

    /// Sets the levels of every lead from the samples from `from` up to `to`, at least half a
    /// second; false when all leads are flat there.
    bool learn(std::int64_t from, std::int64_t to);

    /// The first sample that will be fused; those before count as 0.
    void begin_at(std::int64_t from) noexcept { fused_.begin_at(from); }

    /// Forgets what was fused from `from` on, to fuse it again.
    void rewind_to(std::int64_t from) noexcept { fused_.rewind_to(from); }

    /// Fuses the samples from `from`, where the last call ended, up to `to`.
    void fuse(std::int64_t from, std::int64_t to);

    /// Leaves out leads that have shown nothing for longer than `most_silence`; to be asked
    /// every kListenEvery samples.
    void listen(std::int64_t now, double most_silence);

    /// Samples between two looks at which leads are silent (200 ms).
    static constexpr std::int64_t kListenEvery = 50;

    /// Raises the levels when the maxima of every lead have been far above them for eight
    /// seconds: the signal has become larger, or they were learned from something else. To be
    /// asked every kRaiseEvery samples; whether it has.
    bool raise_levels(std::int64_t now);

    /// Samples between two looks at whether levels are far too low (2 s).
    static constexpr std::int64_t kRaiseEvery = 500;

    /// Learns what happened from `from` to `to`, between two beats of which `beat` is the
    /// second; a lead that hardly shows it counts as noise.
    void learn_between(std::int64_t from, std::int64_t to, std::int64_t beat);

    /// Learns the height of the beat at `beat`.
    void learn_beat(std::int64_t beat);

    [[nodiscard]] const EnvelopeHistory& fused() const noexcept { return fused_; }

    /// Shares of the leads, adding up to 1 unless all are flat.
    [[nodiscard]] std::span<const double> weights() const noexcept { return weights_; }

  private:
    struct Lead {
        EnvelopeHistory envelope;
        double beat_level = 0.0;        // mV
        double background_level = 0.0;  // mV: the greatest activity between two beats
        std::int64_t last_active = 0;
        bool is_silent = false;
        double contrast = 0.0;  // what it would weigh, before the shares add up to 1
        float gain = 0.0F;      // 1/mV, in the fusion
        float most_mv = 0.0F;   // what it adds at most, before the gain
        std::array<double, 4> window_maxima{};  // of the last windows, see raise_levels
    };

    static void update_contrast(Lead& lead);
    void weigh();
    [[nodiscard]] static double height_at(const Lead& lead, std::int64_t beat);

    std::vector<Lead> leads_;
    std::vector<double> weights_;
    EnvelopeHistory fused_;
};

}  // namespace ecg
