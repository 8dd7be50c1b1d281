#pragma once

#include <memory>
#include <memory_resource>

#include "core/space.h"

namespace amg {

// Where a call runs: what makes the space of the call.
class Device {
 public:
  virtual ~Device() = default;

  virtual std::unique_ptr<Space> space(Workspace& workspace) const = 0;
  virtual std::pmr::memory_resource* memory() const = 0;
  // Tells devices apart: what is set up on one is of no use on another.
  virtual int id() const = 0;
};

}  // namespace amg
