#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <utility>

namespace amg {

// Uninitialised bytes owned in the memory of one execution space.
class Buffer {
 public:
  static constexpr std::size_t alignment = 64;

  Buffer() = default;
  Buffer(std::pmr::memory_resource* memory, std::size_t bytes)
      : memory_(memory), bytes_(bytes), data_(bytes ? memory->allocate(bytes, alignment) : nullptr) {}
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() {
    if (data_) memory_->deallocate(data_, bytes_, alignment);
  }

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    std::swap(data_, other.data_);
  }

  std::pmr::memory_resource* memory_ = nullptr;
  std::size_t bytes_ = 0;
  void* data_ = nullptr;
};

// An uninitialised, owned array of trivial elements in the memory of one execution space.
template <class T>
class Array {
 public:
  Array() = default;
  Array(std::pmr::memory_resource* memory, std::int64_t size)
      : buffer_(memory, static_cast<std::size_t>(size) * sizeof(T)), size_(size) {}
  // A moved-from array is empty.
  Array(Array&& other) noexcept : buffer_(std::move(other.buffer_)), size_(std::exchange(other.size_, 0)) {}
  Array& operator=(Array&& other) noexcept {
    buffer_ = std::move(other.buffer_);
    std::swap(size_, other.size_);
    return *this;
  }

  T* data() const { return static_cast<T*>(buffer_.data()); }
  std::int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t bytes() const { return buffer_.bytes(); }
  // Only where the memory is the host's:
  T& operator[](std::int64_t i) const { return data()[i]; }
  std::span<T> span() const { return {data(), static_cast<std::size_t>(size_)}; }

 private:
  Buffer buffer_;
  std::int64_t size_ = 0;
};

}  // namespace amg
