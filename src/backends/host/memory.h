#pragma once

#include <memory_resource>

namespace amg {

// The host's memory. Large blocks ask for huge pages: what a setup allocates is touched once or twice, so that with
// small pages the faults alone take some tenths of a second a gigabyte.
std::pmr::memory_resource* host_memory();

}  // namespace amg
