#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace ecg {

/// Samples appended in blocks, with at least `n_kept` earlier ones always readable just before
/// the block: what a finite impulse response needs of its input, contiguous in memory. Starts
/// with zeros. A block has at most `max_block` samples; nothing is allocated after construction.
class SampleHistory {
  public:
    SampleHistory(std::size_t n_kept, std::size_t max_block)
        : n_kept_(n_kept), values_(2 * n_kept + 4 * max_block, 0.0), end_(n_kept) {}

    /// Room for the next n samples, to be written by the caller; [-n_kept, n) may be read.
    double* append(std::size_t n) {
        if (end_ + n > values_.size()) {
            const auto kept = values_.begin() + static_cast<std::ptrdiff_t>(end_ - n_kept_);
            std::copy(kept, kept + static_cast<std::ptrdiff_t>(n_kept_), values_.begin());
            end_ = n_kept_;
        }
        double* const block = values_.data() + end_;
        end_ += n;
        return block;
    }

  private:
    std::size_t n_kept_;
    std::vector<double> values_;
    std::size_t end_;
};

}  // namespace ecg
