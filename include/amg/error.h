// What the engine throws. Misuse is an exception with the path and the remedy; a solve that fails is a
// status.
#pragma once

#include <stdexcept>

namespace amg {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A configuration that cannot be accepted. The message starts with the path of the key at fault.
class ConfigError : public Error {
 public:
  using Error::Error;
};

}  // namespace amg
