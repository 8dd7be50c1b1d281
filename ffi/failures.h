#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "amg/info.h"
#include "core/matrix.h"

namespace amg {

// What a call does about right-hand sides that it could not solve, besides telling their status.
enum class OnFailure : std::uint8_t { report, warn, raise, nan };

OnFailure named(std::string_view name);

// The right-hand sides of one call that were not solved.
class Failures {
 public:
  // `before`: right-hand sides of the call that come before these.
  void add(const SolveInfo& info, std::int64_t before);
  // Raises Error, or warns in Python (which makes an error of it if the user's filters say so). Of a singular matrix it
  // always warns.
  void act(OnFailure on_failure, Mode mode) const;

 private:
  std::string message(Mode mode) const;

  bool is_singular_ = false;
  std::int64_t solves_ = 0;
  std::int64_t failed_ = 0;
  std::string first_;
};

}  // namespace amg
