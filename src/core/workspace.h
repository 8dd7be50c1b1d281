#pragma once

#include <cstddef>
#include <map>
#include <memory_resource>
#include <utility>
#include <vector>

#include "core/buffer.h"
#include "core/vector.h"

namespace amg {

// The temporaries of one running call, kept for the next: a solver that asks for the same sizes in the same
// order gets the same memory, without a page fault (host) or an allocation inside a captured graph (GPU).
class Workspace {
 public:
  explicit Workspace(std::pmr::memory_resource* memory) : memory_(memory) {}

  Buffer take(std::size_t bytes) {
    auto& free = free_[bytes];
    if (free.empty()) return Buffer(memory_, bytes);
    Buffer buffer = std::move(free.back());
    free.pop_back();
    return buffer;
  }
  void give(Buffer buffer) { free_[buffer.bytes()].push_back(std::move(buffer)); }

 private:
  std::pmr::memory_resource* memory_;
  std::map<std::size_t, std::vector<Buffer>> free_;
};

// A vector borrowed from a workspace.
class WorkVector {
 public:
  WorkVector(Workspace& workspace, std::int64_t rows, std::int32_t lanes, DType dtype)
      : workspace_(&workspace),
        buffer_(workspace.take(static_cast<std::size_t>(rows * lanes) * size_of(dtype))),
        view_{buffer_.data(), dtype, rows, lanes} {}
  WorkVector(WorkVector&& other) noexcept
      : workspace_(std::exchange(other.workspace_, nullptr)),
        buffer_(std::move(other.buffer_)),
        view_(other.view_) {}
  WorkVector& operator=(const WorkVector&) = delete;
  ~WorkVector() {
    if (workspace_) workspace_->give(std::move(buffer_));
  }

  operator Vector() const { return view_; }
  operator ConstVector() const { return view_; }

 private:
  Workspace* workspace_;
  Buffer buffer_;
  Vector view_;
};

}  // namespace amg
