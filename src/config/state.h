// What a Config holds: for each scope the keys that were given to it.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/value.h"

namespace amg {

struct ConfigState {
  static constexpr std::size_t default_scope = 0;

  struct Entry {
    Entry(Value value_, std::size_t opens_, std::string path_)
        : value(std::move(value_)), opens(opens_), path(std::move(path_)) {}

    Value value;
    std::size_t
        opens;  // the scope of the method that fills a slot; default_scope for a name, and for other keys
    std::string path;  // where it stands, as `solver.preconditioner.cycle`
    mutable std::atomic<bool> read = false;
  };
  using Entries = std::map<std::size_t, Entry>;  // by index into parameters()

  std::vector<Entries> scopes = std::vector<Entries>(1);
};

}  // namespace amg
