#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ecg {

/// The last samples of an endless signal, contiguous in memory and addressed by their index since
/// its beginning; before that lie zeros. Samples come in blocks of at most `max_block`; `n_kept`
/// earlier ones can always be read. Nothing is allocated after construction.
template <typename T>
class SampleHistory {
  public:
    SampleHistory(std::size_t n_kept, std::size_t max_block)
        : n_kept_(n_kept), values_(2 * n_kept + 4 * max_block), used_(n_kept) {}

    /// Room for the next n samples, to be written by the caller; [-n_kept, n) may be read.
    T* append(std::size_t n) {
        if (used_ + n > values_.size()) {
            std::copy_n(values_.data() + used_ - n_kept_, n_kept_, values_.data());
            used_ = n_kept_;
        }
        T* const block = values_.data() + used_;
        used_ += n;
        end_ += static_cast<std::int64_t>(n);
        return block;
    }

    void push(std::span<const T> samples) { std::ranges::copy(samples, append(samples.size())); }

    /// Begins at `index` instead of 0; only while nothing has been appended.
    void begin_at(std::int64_t index) noexcept { end_ = index; }

    /// Forgets the newest samples, from `index` on; so many fewer earlier ones can be read.
    void rewind_to(std::int64_t index) noexcept {
        used_ -= static_cast<std::size_t>(end_ - index);
        end_ = index;
    }

    /// One past the index of the newest sample.
    [[nodiscard]] std::int64_t end() const noexcept { return end_; }

    [[nodiscard]] T operator[](std::int64_t index) const noexcept { return *at(index); }

    /// Samples from `from` up to `to`, which must lie in [end() - n_kept, end()].
    [[nodiscard]] std::span<const T> between(std::int64_t from, std::int64_t to) const noexcept {
        return {at(from), static_cast<std::size_t>(to - from)};
    }

  private:
    [[nodiscard]] const T* at(std::int64_t index) const noexcept {
        return values_.data() + (static_cast<std::int64_t>(used_) - end_ + index);
    }

    std::size_t n_kept_;
    std::vector<T> values_;
    std::size_t used_;
    std::int64_t end_ = 0;
};

}  // namespace ecg
