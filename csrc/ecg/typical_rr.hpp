#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ecg {

/// The usual interval between beats: the median of the last eight, pauses left out, in samples
/// of the QRS envelope.
class TypicalRr {
  public:
    TypicalRr();

    /// Takes the next interval. A single long one is a pause and teaches nothing; two in a row
    /// are a slow rhythm.
    void learn(std::int64_t rr);

    [[nodiscard]] double samples() const noexcept { return typical_; }

  private:
    static constexpr std::size_t kMemory = 8;
    std::array<double, kMemory> recent_{};
    std::size_t n_learned_ = 0;
    double typical_;
    std::int64_t previous_ = 0;
};

}  // namespace ecg
