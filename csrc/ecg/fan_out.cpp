#include "ecg/fan_out.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <stdexcept>
#include <thread>
#include <vector>

namespace ecg {

ThreadCount::ThreadCount(std::int64_t n) : n_(static_cast<std::size_t>(n)) {
    if (n < 1 || n > 64) throw std::invalid_argument("threads must be from 1 to 64");
}

void fan_out(std::size_t n_pieces, ThreadCount threads,
             const std::function<void(std::size_t piece, std::size_t thread)>& work) {
    const std::size_t n_working = std::max<std::size_t>(1, std::min(threads.value(), n_pieces));
    std::atomic<std::size_t> next = 0;
    std::vector<std::exception_ptr> errors(n_working);
    const auto take_pieces = [&](std::size_t thread) noexcept {
        try {
            for (std::size_t piece = next++; piece < n_pieces; piece = next++) work(piece, thread);
        } catch (...) {
            errors[thread] = std::current_exception();
            next = n_pieces;
        }
    };
    {
        std::vector<std::jthread> others;
        others.reserve(n_working - 1);
        for (std::size_t i = 1; i < n_working; ++i) others.emplace_back(take_pieces, i);
        take_pieces(0);
    }
    for (const auto& error : errors) {
        if (error) std::rethrow_exception(error);
    }
}

}  // namespace ecg
