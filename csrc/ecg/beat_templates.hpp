#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/qrs_envelope.hpp"

namespace ecg {

/// What the recent beats looked like: the slopes of all leads around them, as up to three
/// templates, so that the dominant beat and two kinds of ectopic beats are remembered.
class BeatTemplates {
  public:
    explicit BeatTemplates(std::size_t n_leads);

    struct Match {
        double correlation;  // of the best template, mean over the leads that show anything
        std::size_t kind;
        std::size_t shift;
    };

    /// Compares the slopes around `index`, shifted by up to 16 ms, with every template.
    /// `weights` are the leads' shares, adding up to 1.
    [[nodiscard]] Match match(std::span<const EnvelopeHistory> slopes,
                              std::span<const double> weights, std::int64_t index);

    /// Takes the beat at `index` into the template it matches, or in place of the one not seen
    /// for longest.
    void learn(std::span<const EnvelopeHistory> slopes, std::int64_t index, const Match& match);

    [[nodiscard]] bool empty() const noexcept { return n_kinds_ == 0; }

  private:
    static constexpr std::size_t kKinds = 3;
    struct Template {
        std::vector<float> slopes;         // kWidth a lead
        std::vector<float> inverse_norms;  // of each lead, 0 for a flat one
        std::int64_t last_seen = 0;
    };

    void cut(std::span<const EnvelopeHistory> slopes, std::int64_t index);

    std::size_t n_leads_;
    std::size_t n_kinds_ = 0;
    std::array<Template, kKinds> kinds_;
    std::vector<float> window_;  // slopes around the beat in question, as far as shifts go
};

}  // namespace ecg
