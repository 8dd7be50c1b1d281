#pragma once

#include <array>
#include <cstddef>

#include "core/space.h"

namespace amg {

// The scalars of one iteration:
//   const ScalarSet<3> scalars(space, lanes);
//   const Scalar alpha = scalars[0], beta = scalars[1], rho = scalars[2];
template <std::size_t count>
class ScalarSet {
 public:
  ScalarSet(Space& space, std::int32_t lanes)
      : storage_(space.vector(static_cast<std::int64_t>(count), lanes, DType::f64)) {
    double* data = static_cast<Vector>(storage_).as<double>();
    for (Scalar& scalar : scalars_) {
      scalar = {data, lanes};
      data += lanes;
    }
  }

  const Scalar& operator[](std::size_t i) const { return scalars_[i]; }
  const std::array<Scalar, count>& all() const { return scalars_; }

 private:
  WorkVector storage_;
  std::array<Scalar, count> scalars_;
};

// The same where their number is known at run time only.
class ScalarArray {
 public:
  ScalarArray(Space& space, int count, std::int32_t lanes)
      : storage_(space.vector(count, lanes, DType::f64)), lanes_(lanes) {}

  Scalar operator[](int i) const {
    return {static_cast<Vector>(storage_).as<double>() + std::ptrdiff_t{i} * lanes_, lanes_};
  }
  void clear(Space& space) const { space.fill(storage_, 0.0); }

 private:
  WorkVector storage_;
  std::int32_t lanes_;
};

}  // namespace amg
