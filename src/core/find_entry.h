#pragma once

#include <cstdint>

#include "core/matrix.h"

namespace amg {

// Which entry a_ij is, or −1 where it is not stored. A loop of our own: std::lower_bound gives wrong answers in device
// code (nvcc 13.0).
AMG_HD inline std::int64_t find_place(const Matrix& A, std::int64_t i, std::int64_t j) {
  std::int64_t low = A.offsets[i], high = A.offsets[i + 1];
  const std::int64_t end = high;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (A.columns[middle] < j)
      low = middle + 1;
    else
      high = middle;
  }
  return low < end && A.columns[low] == j ? low : -1;
}

// Where a_ij is stored, or null.
template <class T>
AMG_HD inline const T* find_entry(const Matrix& A, std::int64_t i, std::int64_t j) {
  const std::int64_t place = find_place(A, i, j);
  return place < 0 ? nullptr : A.as<T>() + place;
}

}  // namespace amg
