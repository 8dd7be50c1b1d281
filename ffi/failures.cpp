#include "failures.h"

#include <nanobind/nanobind.h>

#include "amg/error.h"

namespace amg {

namespace {

const char* word(Status status) {
  switch (status) {
    case Status::success:
      return "solved";
    case Status::failed:
      return "failed";
    case Status::diverged:
      return "diverged";
    case Status::not_converged:
      return "not converged";
  }
  return "";
}

void warn(PyObject* category, const std::string& message) {
  if (PyErr_WarnEx(category, ("jaxamg: " + message).c_str(), 1) == 0) return;
  PyErr_Clear();
  throw Error(message);
}

}  // namespace

OnFailure named(std::string_view name) {
  using enum OnFailure;
  return name == "warn" ? warn : name == "raise" ? raise : name == "nan" ? nan : report;
}

void Failures::add(const SolveInfo& info, std::int64_t before) {
  solves_ += static_cast<std::int64_t>(info.status.size());
  for (std::size_t l = 0; l < info.status.size(); ++l) {
    is_singular_ = is_singular_ || info.reason[l] == Reason::singular;
    if (info.status[l] == Status::success || ++failed_ > 1) continue;
    const std::string why = explain(info.reason[l]);
    first_ = "right-hand side " + std::to_string(before + static_cast<std::int64_t>(l)) + ": " +
             word(info.status[l]) + " after " + std::to_string(info.iterations[l]) + " iterations" +
             (why.empty() ? "" : ", " + why);
  }
}

std::string Failures::message(Mode mode) const {
  return std::string(mode == Mode::plain ? "solve" : "transposed solve") + ": " + std::to_string(failed_) +
         " of " + std::to_string(solves_) + " right-hand sides not solved; " + first_;
}

void Failures::act(OnFailure on_failure, Mode mode) const {
  if (is_singular_) {
    const nanobind::gil_scoped_acquire acquire;
    warn(nanobind::module_::import_("jaxamg").attr("NullSpaceWarning").ptr(), explain(Reason::singular));
  }
  if (failed_ == 0) return;
  if (on_failure == OnFailure::raise) throw Error(message(mode));
  if (on_failure != OnFailure::warn) return;
  const nanobind::gil_scoped_acquire acquire;
  warn(PyExc_RuntimeWarning, message(mode));
}

}  // namespace amg
