#include "backends/host/memory.h"

#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace amg {

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;

class HostMemory final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (bytes < 2 * huge_page) return ::operator new(bytes, std::align_val_t(alignment));
    void* const block = ::operator new(bytes, std::align_val_t(huge_page));
#ifdef __linux__
    madvise(block, bytes, MADV_HUGEPAGE);  // a wish: nothing is lost where it is not granted
#endif
    return block;
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    ::operator delete(block, std::align_val_t(bytes < 2 * huge_page ? alignment : huge_page));
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

}  // namespace

std::pmr::memory_resource* host_memory() {
  static HostMemory memory;
  return &memory;
}

}  // namespace amg
