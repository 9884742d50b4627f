#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace ecg {

/// How many threads a call may work with, the calling one among them: 1 to 64, else
/// std::invalid_argument.
class ThreadCount {
  public:
    explicit ThreadCount(std::int64_t n = 1);
    [[nodiscard]] std::size_t value() const noexcept { return n_; }

  private:
    std::size_t n_;
};

/// Calls work(piece, thread) once for each of n pieces; `thread` counts from 0, for memory that a
/// thread keeps from piece to piece. Which thread takes which piece is left to chance: a result
/// does not depend on it where a piece writes only what is its own. Rethrows the first error once
/// all threads have stopped.
void fan_out(std::size_t n_pieces, ThreadCount threads,
             const std::function<void(std::size_t piece, std::size_t thread)>& work);

}  // namespace ecg
