#include "convergence/monitor.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace amg {

namespace {

constexpr double far_worse = 10;  // the swings of a residual that is not monotone are no failure
constexpr int look_every = 10;    // iterations

}  // namespace

Monitor::Monitor(Space& space, const StoppingRule& rule, ConstVector b, std::int32_t block_dim,
                 const Observer* observer)
    : space_(space),
      rule_(rule),
      dtype_(b.dtype),
      components_(rule.scalar_norm ? 1 : static_cast<std::size_t>(block_dim)),
      observer_(observer),
      lanes_(static_cast<std::size_t>(b.lanes)),
      scalars_(space, b.lanes),
      component_norms_(space, static_cast<std::int32_t>(components_) * b.lanes) {
  const std::size_t count = lanes_.size();
  info_.iterations.assign(count, 0);
  info_.status.assign(count, Status::not_converged);
  info_.reason.assign(count, Reason::none);
  info_.residual.assign(count, std::numeric_limits<double>::quiet_NaN());
  info_.inconsistency.assign(count, std::numeric_limits<double>::quiet_NaN());
  info_.history.assign(count, {});
  space_.write(active(), std::vector<double>(count, 1.0));
}

void Monitor::watch(const Operator& A, ConstVector b, Vector x) { system_ = {A, b, x}; }

bool Monitor::start(ConstVector r, Scalar rr) {
  if (!rule_.monitored) return rule_.max_iters == 0;
  if (started_) return check(r, rr, {}, false, true);

  started_ = true;
  const std::vector<double> values = norms(r, rr, {});
  for (std::size_t l = 0; l < lanes_.size(); ++l) {
    Lane& lane = lanes_[l];
    const double largest = largest_of(l, values);
    for (std::size_t c = 0; c < components_; ++c) {
      const double of_component = norm_of(c, l, values);
      lane.initial.push_back(of_component > epsilon(dtype_) * largest ? of_component : largest);
    }
    lane.largest = lane.initial;
    lane.best = largest;
    record(l, largest);
    if (!std::isfinite(largest))
      stop(l, Status::failed, Reason::nonfinite_rhs);
    else
      judge(l, values, false);
    if (lanes_[l].running && rule_.max_iters == 0) stop(l, Status::not_converged);
  }
  observe();
  const bool done = settle();
  if (system_.x.data && !done) space_.copy(system_.x, best_x_.emplace(space_.like(system_.x)));
  return done;
}

bool Monitor::advance(ConstVector r, Scalar rr, std::initializer_list<Scalar> pivots) {
  ++iteration_;
  if (!rule_.monitored) return iteration_ >= rule_.max_iters;
  const bool done = check(r, rr, pivots, true, false);
  observe();
  return done;
}

bool Monitor::half_step(ConstVector r, Scalar rr) {
  if (!rule_.monitored || !check(r, rr, {}, true, true)) return false;
  ++iteration_;  // nobody takes its second half
  observe();
  return true;
}

// One look at the residual. `counts`: it ends an iteration, for the lanes that stop here; `may_go_on`: lanes
// that don't stop are in mid-iteration, and leave no trace yet.
bool Monitor::check(ConstVector r, Scalar rr, std::initializer_list<Scalar> pivots, bool counts,
                    bool may_go_on) {
  const std::size_t count = lanes_.size();
  const std::vector<double> values = norms(r, rr, pivots);
  for (std::size_t l = 0; l < count; ++l) {
    Lane& lane = lanes_[l];
    if (!lane.running) continue;
    const auto pivot_is_zero = [&](std::size_t k) { return values[(components_ + k) * count + l] == 0.0; };
    bool broken = false;
    for (std::size_t k = 0; k < pivots.size(); ++k) broken = broken || pivot_is_zero(k);
    for (std::size_t c = 0; !may_go_on && c < components_; ++c)
      lane.largest[c] = std::max(lane.largest[c], norm_of(c, l, values));
    judge(l, values, broken);
    if (may_go_on && lane.running) continue;
    // A lane that was run again after others had gone on has fewer iterations than the monitor has seen.
    if (counts) {
      ++info_.iterations[l];
      record(l, largest_of(l, values));
      lane.recurred = true;
    }
    if (lane.running && info_.iterations[l] >= rule_.max_iters) stop(l, Status::not_converged);
  }
  if (!may_go_on && best_x_) keep_best(values, *best_x_);
  return settle();
}

// A look costs a product: one for each digit gained, and for fast methods none.
void Monitor::keep_best(const std::vector<double>& norms, Vector best_x) {
  std::vector<double> taken(lanes_.size(), 0.0);
  std::vector<double> values;
  for (std::size_t l = 0; l < lanes_.size(); ++l) {
    Lane& lane = lanes_[l];
    const bool is_due = info_.iterations[l] >= lane.looked_at + look_every;
    if (!lane.running || !is_due || largest_of(l, norms) > 0.1 * lane.best) continue;
    if (values.empty()) values = true_norms();
    lane.looked_at = info_.iterations[l];
    const double r_true = largest_of(l, values);
    if (!(r_true < lane.best)) continue;
    lane.best = r_true;
    taken[l] = 1.0;
  }
  replace(best_x, system_.x, std::move(taken));
}

bool Monitor::replace(Vector to, ConstVector from, std::vector<double> lanes) {
  if (std::ranges::find(lanes, 1.0) == lanes.end()) return false;
  const Scalar replaced = scalars_[1], kept = scalars_[2];
  space_.write(replaced, lanes);
  for (double& lane : lanes) lane = 1.0 - lane;
  space_.write(kept, lanes);
  space_.combine(to, {{kept, to}, {replaced, from}});
  return true;
}

std::vector<double> Monitor::true_norms() {
  const auto& [A, b, x] = system_;
  const WorkVector r = space_.like(b);
  space_.residual(A, b, x, r, {{r, scalars_[1]}});
  return norms(r, scalars_[1], {});
}

// The norms of r, component by component, then the pivots, lane by lane.
std::vector<double> Monitor::norms(ConstVector r, Scalar rr, std::initializer_list<Scalar> pivots) {
  const bool from_dot = rule_.norm == Norm::L2 && components_ == 1 && !rule_.weights;
  // Components side by side: (i k + c, l) of n rows and m lanes is (i, c m + l) of n / k rows and k m lanes.
  const auto k = static_cast<std::int32_t>(components_);
  const auto measure = [&](ConstVector v) {
    space_.norm({v.data, v.dtype, v.rows / k, v.lanes * k}, rule_.norm, component_norms_[0]);
  };
  if (rule_.weights) {
    const WorkVector weighted = space_.like(r);
    space_.scale_rows(rule_.weights, 1.0, r, weighted);
    measure(weighted);
  } else if (!from_dot) {
    measure(r);
  }
  std::vector<Scalar> scalars{from_dot ? rr : component_norms_[0]};
  scalars.insert(scalars.end(), pivots.begin(), pivots.end());
  std::vector<double> values = space_.read(scalars);
  if (from_dot)
    for (std::size_t l = 0; l < lanes_.size(); ++l) values[l] = std::sqrt(values[l]);
  return values;
}

double Monitor::largest_of(std::size_t l, const std::vector<double>& norms) const {
  double largest = 0.0;
  for (std::size_t c = 0; c < components_; ++c) {
    const double r = norm_of(c, l, norms);
    if (std::isnan(r)) return r;
    largest = std::max(largest, r);
  }
  return largest;
}

bool Monitor::met(std::size_t l, const std::vector<double>& norms) const {
  const Lane& lane = lanes_[l];
  for (std::size_t c = 0; c < components_; ++c)
    if (!rule_.met(norm_of(c, l, norms), lane.initial[c], lane.largest[c], dtype_)) return false;
  return true;
}

void Monitor::judge(std::size_t l, const std::vector<double>& norms, bool pivot_is_zero) {
  Lane& lane = lanes_[l];
  const double r = largest_of(l, norms);
  if (!std::isfinite(r))
    stop(l, Status::failed, Reason::breakdown);
  else if (met(l, norms)) {
    stop(l, Status::success);
    lane.claims = true;
  } else if (rule_.diverged(r, std::ranges::max(lane.initial)))
    stop(l, Status::diverged);
  else if (pivot_is_zero)
    stop(l, Status::not_converged, Reason::breakdown);
}

void Monitor::record(std::size_t l, double r) {
  info_.history[l].push_back(r);
  info_.residual[l] = r;
}

void Monitor::observe() const {
  if (observer_) (*observer_)(iteration_, info_.residual);
}

void Monitor::stop(std::size_t l, Status status, Reason reason) {
  lanes_[l].running = false;
  info_.status[l] = status;
  info_.reason[l] = reason;
}

// Tells the space which lanes still run; true when none does.
bool Monitor::settle() {
  std::vector<double> active(lanes_.size());
  std::ranges::transform(lanes_, active.begin(), [](const Lane& lane) { return lane.running ? 1.0 : 0.0; });
  if (std::ranges::find(active, 0.0) != active.end()) space_.write(this->active(), active);
  return std::ranges::find(active, 1.0) == active.end();
}

bool Monitor::reconsider() {
  const std::size_t count = lanes_.size();
  std::vector<double> doubtful(count), active(count, 0.0);
  for (std::size_t l = 0; l < count; ++l) {
    const bool may_err = info_.iterations[l] > 0 && (lanes_[l].recurred || lanes_[l].claims);
    doubtful[l] = may_err && info_.status[l] != Status::failed ? 1.0 : 0.0;
  }
  if (std::ranges::find(doubtful, 1.0) == doubtful.end()) return false;

  std::vector<double> values = true_norms();
  if (best_x_) restore_best(*best_x_, doubtful, values);
  std::vector<bool> rounding;  // needed only when a lane is short of its tolerance
  bool again = false;
  for (std::size_t l = 0; l < count; ++l) {
    if (doubtful[l] == 0.0) continue;
    Lane& lane = lanes_[l];
    const double r_true = largest_of(l, values);
    info_.residual[l] = info_.history[l].back() = r_true;
    lane.claims = lane.recurred = false;
    if (!std::isfinite(r_true)) {
      stop(l, Status::failed, Reason::breakdown);
      continue;
    }
    if (met(l, values)) {
      stop(l, Status::success);
      continue;
    }
    if (info_.status[l] == Status::diverged) continue;
    if (rounding.empty()) rounding = at_rounding_level(values);
    if (rounding[l]) {
      stop(l, Status::success, Reason::rounding);
      continue;
    }
    const bool helped = lane.last_true == 0.0 || r_true < 0.5 * lane.last_true;
    const Reason reason = info_.reason[l] == Reason::breakdown ? Reason::breakdown : Reason::stagnation;
    lane.last_true = r_true;
    if (helped && info_.iterations[l] < rule_.max_iters) {
      lane.running = again = true;
      active[l] = 1.0;
    } else {
      stop(l, Status::not_converged, helped ? Reason::none : reason);
    }
  }
  if (again) space_.write(this->active(), active);
  return again;
}

void Monitor::restore_best(ConstVector best_x, const std::vector<double>& doubtful,
                           std::vector<double>& norms) {
  std::vector<double> lost(lanes_.size(), 0.0);
  for (std::size_t l = 0; l < lanes_.size(); ++l) {
    Lane& lane = lanes_[l];
    if (doubtful[l] == 0.0 || info_.status[l] == Status::diverged || met(l, norms) ||
        largest_of(l, norms) <= far_worse * lane.best)
      continue;
    lost[l] = 1.0;
    lane.largest = lane.initial;  // what was larger is given up with its x
  }
  if (replace(system_.x, best_x, std::move(lost))) norms = true_norms();
}

// Whether b − A x is rounding of its own terms: no x of this precision does better than by luck. An x so large that the
// rounding of A x is like b itself is no solution, though.
std::vector<bool> Monitor::at_rounding_level(const std::vector<double>& norms_of_r) {
  const auto& [A, b, x] = system_;
  const Scalar rr = scalars_[1], scale = scalars_[2], bb = scalars_[3];
  space_.residual_scale(A, b, x, scale);
  const std::vector<double> values = space_.read(std::vector{rr, scale});
  space_.dot(b, {{b, bb}});
  const std::vector<double> norms_of_b = norms(b, bb, {});
  const std::size_t count = lanes_.size();
  std::vector<bool> rounding(count);
  for (std::size_t l = 0; l < count; ++l)
    rounding[l] = std::sqrt(values[l]) <= epsilon(dtype_) * values[count + l] &&
                  largest_of(l, norms_of_r) <= 0.1 * largest_of(l, norms_of_b);
  return rounding;
}

}  // namespace amg
