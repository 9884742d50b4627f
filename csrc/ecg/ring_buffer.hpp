#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ecg {

/// The last samples of an endless signal, addressed by their index since its beginning.
/// Holds at least `min_capacity` of them; older ones are overwritten. Never allocates after
/// construction.
class RingBuffer {
  public:
    explicit RingBuffer(std::size_t min_capacity)
        : values_(std::bit_ceil(min_capacity)), mask_(values_.size() - 1) {}

    void push(double value) noexcept { values_[static_cast<std::size_t>(end_++) & mask_] = value; }

    /// Value at `index`, which must lie in [begin(), end()).
    [[nodiscard]] double operator[](std::int64_t index) const noexcept {
        return values_[static_cast<std::size_t>(index) & mask_];
    }

    /// Index of the oldest value still held.
    [[nodiscard]] std::int64_t begin() const noexcept {
        const auto capacity = static_cast<std::int64_t>(values_.size());
        return end_ > capacity ? end_ - capacity : 0;
    }

    /// One past the index of the newest value.
    [[nodiscard]] std::int64_t end() const noexcept { return end_; }

  private:
    std::vector<double> values_;
    std::size_t mask_;
    std::int64_t end_ = 0;
};

}  // namespace ecg
