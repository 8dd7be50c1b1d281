#pragma once

#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

namespace amg::host {

// Scratch that the chunks of one kernel hand on to each other: no more copies are made than chunks run at
// once, and none outlives the kernel.
template <class Make>
class ScratchPool {
 public:
  using Scratch = std::invoke_result_t<Make&>;

  explicit ScratchPool(Make make) : make_(std::move(make)) {}

  // A scratch, in the state its last user left it in, lent for the lifetime of what is returned.
  auto lease() {
    const auto give_back = [this](Scratch* scratch) noexcept {
      const std::lock_guard lock(mutex_);
      free_.emplace_back(scratch);  // there is room: see take()
    };
    return std::unique_ptr<Scratch, decltype(give_back)>(take().release(), give_back);
  }

 private:
  std::unique_ptr<Scratch> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      free_.reserve(++made_);
      return std::make_unique<Scratch>(make_());
    }
    auto scratch = std::move(free_.back());
    free_.pop_back();
    return scratch;
  }

  Make make_;
  std::mutex mutex_;
  std::size_t made_ = 0;
  std::vector<std::unique_ptr<Scratch>> free_;
};

}  // namespace amg::host
