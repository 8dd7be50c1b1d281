// The Python module jaxamg._engine: XLA's handlers, configurations, the solver cache, and a solver without JAX.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <cstring>
#include <type_traits>
#include <variant>

#include "amg/config.h"
#include "amg/error.h"
#include "amg/solver.h"
#include "backends/host/host_space.h"
#include "core/arena.h"
#include "handlers.h"
#include "linear_solver.h"
#include "matrix/column_coloring.h"
#include "matrix/matrix_facts.h"
#include "operations.h"
#include "registry.h"
#include "solver_cache.h"

namespace nb = nanobind;

namespace {

template <class T>
using Array1 = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
std::span<const T> span_of(const Array1<T>& array) {
  return {array.data(), array.size()};
}

template <class T>
auto numpy_array(std::vector<T> values) {
  auto owned = std::make_unique<std::vector<T>>(std::move(values));
  T* const data = owned->data();
  const std::size_t size = owned->size();
  const nb::capsule owner(owned.release(), [](void* p) noexcept {
    const std::unique_ptr<std::vector<T>> taken_back(static_cast<std::vector<T>*>(p));
  });
  return nb::ndarray<nb::numpy, T>(data, {size}, owner);
}

template <class Handler>
nb::capsule capsule(Handler* handler) {
  return nb::capsule(reinterpret_cast<void*>(handler));  // NOLINT(bugprone-casting-through-void)
}

amg::ConfigValue config_value(nb::handle value, const std::string& path) {
  if (nb::isinstance<nb::bool_>(value)) return nb::cast<bool>(value);
  if (nb::isinstance<nb::int_>(value)) return nb::cast<std::int64_t>(value);
  if (nb::isinstance<nb::float_>(value)) return nb::cast<double>(value);
  if (nb::isinstance<nb::str>(value)) return nb::cast<std::string>(value);
  if (!nb::isinstance<nb::dict>(value))
    throw amg::ConfigError(path + ": expected a number, a string or a dict, not " +
                           nb::cast<std::string>(nb::type_name(value.type())));
  amg::ConfigValue::Object object;
  for (const auto& [key, member] : nb::cast<nb::dict>(value)) {
    if (!nb::isinstance<nb::str>(key)) throw amg::ConfigError(path + ": keys are strings");
    const auto name = nb::cast<std::string>(key);
    object.push_back({name, config_value(member, path + "." + name)});
  }
  return object;
}

nb::dict config_info(const std::string& text) {
  const amg::Config config = amg::Config::parse(text);
  const amg::LinearSolver solver(config);
  nb::dict info;
  info["method"] = config.outer().method;
  info["max_iters"] = solver.max_iters();
  info["tolerance"] = solver.tolerance();
  info["unread"] = config.unread();
  return info;
}

const char* word(amg::ParameterInfo::Type type) {
  using Type = amg::ParameterInfo::Type;
  switch (type) {
    case Type::integer:
    case Type::size:
      return "integer";
    case Type::real:
      return "real";
    case Type::text:
    case Type::enumeration:
      return "text";
    case Type::solver:
      return "solver";
  }
  return "";
}

const char* word(amg::ParameterInfo::Role role) {
  using Role = amg::ParameterInfo::Role;
  switch (role) {
    case Role::algorithm:
      return "algorithm";
    case Role::resource:
      return "resource";
    case Role::global:
      return "global";
  }
  return "";
}

// What src/config/parameters.def says, key by key.
nb::list parameters() {
  nb::list all;
  for (const amg::ParameterInfo& parameter : amg::parameters()) {
    nb::dict row;
    row["name"] = std::string(parameter.name);
    row["type"] = word(parameter.type);
    std::visit(
        [&](auto value) {
          if constexpr (std::is_same_v<decltype(value), std::string_view>)
            row["default"] = std::string(value);
          else
            row["default"] = value;
        },
        parameter.default_value);
    row["allowed"] = std::string(parameter.allowed);
    row["role"] = word(parameter.role);
    row["meaning"] = std::string(parameter.meaning);
    all.append(row);
  }
  return all;
}

// What src/registry.def says, name by name.
nb::list registry() {
  nb::list all;
  for (const amg::RegisteredName& entry : amg::registered_names()) {
    nb::dict row;
    row["key"] = entry.key;
    row["name"] = entry.name;
    row["meaning"] = entry.meaning;
    row["source"] = entry.source;
    all.append(row);
  }
  return all;
}

nb::dict cache_info() {
  using Cache = amg::SolverCache;
  const Cache::Info cache = Cache::instance().info();
  nb::list solvers;
  for (const Cache::EntryInfo& entry : cache.entries) {
    nb::dict row;
    row["rows"] = entry.rows;
    row["nonzeros"] = entry.entries;
    row["dtype"] = entry.dtype == amg::DType::f64 ? "float64" : "float32";
    row["bytes"] = entry.bytes;
    row["calls"] = entry.calls;
    row["last_use"] = std::chrono::duration<double>(entry.last_use.time_since_epoch()).count();
    row["config"] = entry.config;
    solvers.append(row);
  }
  nb::dict info;
  info["entries"] = cache.entries.size();
  info["capacity"] = cache.capacity;
  info["bytes"] = cache.bytes;
  if (cache.byte_capacity == Cache::unlimited)
    info["byte_capacity"] = nb::none();
  else
    info["byte_capacity"] = cache.byte_capacity;
  info["hits"] = cache.hits;
  info["misses"] = cache.misses;
  info["setups"] = cache.setups;
  info["refreshes"] = cache.refreshes;
  info["rebuilds"] = cache.rebuilds;
  info["evictions"] = cache.evictions;
  info["solvers"] = solvers;
  return info;
}

// (colours of the columns, their number)
nb::tuple column_coloring(const Array1<std::int64_t>& offsets, const Array1<std::int32_t>& columns,
                          std::int32_t column_count) {
  amg::ColumnColoring coloring;
  {
    const nb::gil_scoped_release release;
    coloring = amg::color_columns(span_of(offsets), span_of(columns), column_count);
  }
  return nb::make_tuple(numpy_array(std::move(coloring.colors)), coloring.count);
}

template <class T>
nb::dict matrix_facts(const Array1<std::int64_t>& offsets, const Array1<std::int32_t>& columns,
                      const Array1<T>& values, std::int32_t block_dim) {
  amg::MatrixFacts facts;
  {
    const nb::gil_scoped_release release;
    facts = amg::matrix_facts(span_of(offsets), span_of(columns), span_of(values), block_dim);
  }
  nb::dict result;
  result["one_sign"] = facts.one_sign;
  result["mean_coupling"] = facts.mean_coupling;
  result["largest_coupling"] = facts.largest_coupling;
  result["same_sign"] = facts.same_sign;
  result["unevenness"] = facts.unevenness;
  result["symmetric"] = facts.symmetric;
  return result;
}

// (steps, jumps)
template <class T>
nb::tuple distance_across(const Array1<std::int64_t>& offsets, const Array1<std::int32_t>& columns,
                          const Array1<T>& values, std::int32_t block_dim, std::int64_t limit) {
  amg::Distance distance;
  {
    const nb::gil_scoped_release release;
    distance = amg::distance_across(span_of(offsets), span_of(columns), span_of(values), block_dim, limit);
  }
  return nb::make_tuple(distance.steps, distance.jumps);
}

nb::dict solve_info(const amg::SolveInfo& solve) {
  std::vector<int> status, reason;
  for (const amg::Status s : solve.status) status.push_back(static_cast<int>(s));
  for (const amg::Reason r : solve.reason) reason.push_back(static_cast<int>(r));
  nb::dict info;
  info["iterations"] = solve.iterations;
  info["status"] = status;
  info["reason"] = reason;
  info["residual"] = solve.residual;
  info["history"] = solve.history;
  return info;
}

nb::list levels(const amg::SolverReport& report) {
  nb::list levels;
  for (const amg::LevelInfo& level : report.grid.levels) {
    nb::dict row;
    row["rows"] = level.rows;
    row["entries"] = level.entries;
    row["smoother"] = level.smoother;
    levels.append(row);
  }
  return levels;
}

using HostArray = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

amg::IndexArray index_array(const HostArray& array) {
  const bool wide = array.dtype() == nb::dtype<std::int64_t>();
  if (!wide && array.dtype() != nb::dtype<std::int32_t>())
    throw amg::Error("indices: expected int32 or int64");
  return {array.data(), static_cast<std::int64_t>(array.size()), wide};
}

// Of the cached solver for this matrix; one that is not cached any more is set up.
amg::SolverReport cached_report(const std::string& config, std::string_view format,
                                const HostArray& row_index, const HostArray& col_index,
                                const HostArray& values, std::int64_t rows, const HostArray& near_nullspace,
                                const std::string& reuse_setup, [[maybe_unused]] bool on_gpu) {
  const bool is_double = values.dtype() == nb::dtype<double>();
  if (!is_double && values.dtype() != nb::dtype<float>())
    throw amg::Error("values: expected float32 or float64");
  amg::SolveRequest request;
  request.config = config;
  request.reuse = amg::reuse_named(reuse_setup);
  request.A = {
      .format = amg::format_named(format),
      .rows = rows,
      .row_index = index_array(row_index),
      .col_index = index_array(col_index),
      .dtype = is_double ? amg::DType::f64 : amg::DType::f32,
      .values = values.data(),
      .stored = static_cast<std::int64_t>(values.size()),
  };
  if (near_nullspace.size() > 0) {
    if (near_nullspace.dtype() != values.dtype()) throw amg::Error("near_nullspace: dtype differs from A's");
    request.near_nullspace = {near_nullspace.data(), request.A.dtype, rows,
                              static_cast<std::int32_t>(near_nullspace.shape(1))};
  }
  const nb::gil_scoped_release release;
#ifdef AMG_WITH_CUDA
  if (on_gpu) return amg::report_on_gpu(request);
#endif
  return amg::SolverCache::instance().report(amg::HostDevice(), request);
}

std::unique_ptr<amg::Device> device_of([[maybe_unused]] int id) {
#ifdef AMG_WITH_CUDA
  if (id != amg::HostDevice().id()) return amg::cuda_device(id);
#endif
  return std::make_unique<amg::HostDevice>();
}

// (row offsets, columns, values as bytes, dtype, (rows, columns)) of a matrix of a held hierarchy
nb::tuple held_matrix(std::int64_t number, std::size_t level, const std::string& which) {
  using enum amg::LevelMatrix;
  amg::HostMatrix matrix;
  {
    const nb::gil_scoped_release release;
    const amg::SolverCache& cache = amg::SolverCache::instance();
    matrix = cache.matrix(*device_of(cache.device_id(number)), number, level,
                          which == "A"   ? A
                          : which == "P" ? P
                                         : R);
  }
  const std::size_t rows = matrix.offsets.size() - 1;
  return nb::make_tuple(numpy_array(std::move(matrix.offsets)), numpy_array(std::move(matrix.columns)),
                        numpy_array(std::move(matrix.values)),
                        matrix.dtype == amg::DType::f64 ? "float64" : "float32",
                        nb::make_tuple(rows, matrix.cols));
}

// amg::Solver for Python, with the time its last calls took.
class Solver {
 public:
  explicit Solver(const std::string& config) : solver_(amg::Config::parse(config)) {}

  template <class T>
  void setup(const Array1<std::int64_t>& offsets, const Array1<std::int32_t>& columns,
             const Array1<T>& values) {
    const nb::gil_scoped_release release;
    setup_time = timed([&] { solver_.setup({span_of(offsets), span_of(columns), span_of(values)}); });
  }

  template <class T>
  nb::tuple solve(const Array1<T>& b, const std::optional<Array1<T>>& x0,
                  const std::optional<nb::callable>& observer, bool transposed) {
    std::vector<T> x(b.size(), T{0});
    if (x0) {
      if (x0->size() != b.size()) throw amg::Error("x0: its size differs from b's");
      std::memcpy(x.data(), x0->data(), b.size() * sizeof(T));
    }
    amg::SolveOptions options;
    options.transposed = transposed;
    if (observer)
      options.observer = [&](int iteration, std::span<const double> residual) {
        const nb::gil_scoped_acquire acquire;
        (*observer)(iteration, std::vector<double>(residual.begin(), residual.end()));
      };
    amg::SolveInfo info;
    {
      const nb::gil_scoped_release release;
      solve_time = timed([&] { info = solver_.solve(span_of(b), std::span<T>(x), options); });
    }
    return nb::make_tuple(numpy_array(std::move(x)), solve_info(info));
  }

  amg::SolverReport report() const { return {solver_.grid(), solver_.bytes()}; }

  double setup_time = 0.0;
  double solve_time = 0.0;

 private:
  template <class F>
  static double timed(F&& f) {
    const auto start = std::chrono::steady_clock::now();
    f();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  amg::Solver solver_;
};

}  // namespace

NB_MODULE(_engine, m) {
  m.doc() = "The C++ engine of jaxamg. Private: use the functions of the package.";
  const nb::exception<amg::Error> error(m, "EngineError", PyExc_ValueError);

  // {platform: {target: handler}}
  m.def("registrations", [] {
    nb::dict cpu;
    cpu["jaxamg_solve"] = capsule(jaxamg_solve);
    cpu["jaxamg_setup"] = capsule(jaxamg_setup);
    cpu["jaxamg_apply"] = capsule(jaxamg_apply);
    cpu["jaxamg_multiply"] = capsule(jaxamg_multiply);
    cpu["jaxamg_outer"] = capsule(jaxamg_outer);
    nb::dict platforms;
    platforms["cpu"] = cpu;
#ifdef AMG_WITH_CUDA
    nb::dict cuda;
    cuda["jaxamg_solve"] = capsule(jaxamg_solve_cuda);
    cuda["jaxamg_setup"] = capsule(jaxamg_setup_cuda);
    cuda["jaxamg_apply"] = capsule(jaxamg_apply_cuda);
    cuda["jaxamg_multiply"] = capsule(jaxamg_multiply_cuda);
    cuda["jaxamg_outer"] = capsule(jaxamg_outer_cuda);
    platforms["CUDA"] = cuda;
#endif
    return platforms;
  });

  m.def("canonical_config", [](const nb::dict& tree) {
    return amg::Config::from_tree(config_value(tree, "config")).canonical();
  });
  m.def("config_info", &config_info);
  m.def("methods", &amg::registered_methods);
  m.def("parameters", &parameters);
  m.def("registry", &registry);
  m.def("explain", [](int reason) { return amg::explain(static_cast<amg::Reason>(reason)); });

  m.def("column_coloring", &column_coloring, nb::arg("offsets"), nb::arg("columns"), nb::arg("column_count"));
  m.def("matrix_facts", &matrix_facts<float>, nb::arg("offsets"), nb::arg("columns"),
        nb::arg("values").noconvert(), nb::arg("block_dim"));
  m.def("matrix_facts", &matrix_facts<double>, nb::arg("offsets"), nb::arg("columns"),
        nb::arg("values").noconvert(), nb::arg("block_dim"));
  m.def("distance_across", &distance_across<float>, nb::arg("offsets"), nb::arg("columns"),
        nb::arg("values").noconvert(), nb::arg("block_dim"), nb::arg("limit"));
  m.def("distance_across", &distance_across<double>, nb::arg("offsets"), nb::arg("columns"),
        nb::arg("values").noconvert(), nb::arg("block_dim"), nb::arg("limit"));
  m.def("held_report", [](std::int64_t number) { return amg::SolverCache::instance().report(number); });
  m.def("held_matrix", &held_matrix, nb::arg("number"), nb::arg("level"), nb::arg("which"));
  m.def("let_go", [](std::int64_t number) { amg::SolverCache::instance().let_go(number); });
  m.def("finalize", [] { amg::SolverCache::instance().finalize(); });
  m.def("cache_info", &cache_info);
  m.def("clear_cache", [] { amg::SolverCache::instance().clear(); });
  m.def("num_threads", [] { return amg::Arena::instance().threads(); });
  m.def("set_num_threads", [](int threads) { amg::Arena::instance().resize(threads); });

  nb::class_<amg::SolverReport>(m, "SolverReport")
      .def_prop_ro("levels", &levels)
      .def_prop_ro("operator_complexity",
                   [](const amg::SolverReport& report) { return report.grid.operator_complexity(); })
      .def_prop_ro("grid_complexity",
                   [](const amg::SolverReport& report) { return report.grid.grid_complexity(); })
      .def_ro("bytes", &amg::SolverReport::bytes);
  m.def("cached_report", &cached_report, nb::arg("config"), nb::arg("format"), nb::arg("row_index"),
        nb::arg("col_index"), nb::arg("values"), nb::arg("rows"), nb::arg("near_nullspace"),
        nb::arg("reuse_setup"), nb::arg("on_gpu"));

  nb::class_<Solver>(m, "Solver")
      .def(nb::init<const std::string&>(), nb::arg("config"))
      .def("setup", &Solver::setup<float>, nb::arg("offsets"), nb::arg("columns"),
           nb::arg("values").noconvert())
      .def("setup", &Solver::setup<double>, nb::arg("offsets"), nb::arg("columns"),
           nb::arg("values").noconvert())
      .def("solve", &Solver::solve<float>, nb::arg("b").noconvert(), nb::arg("x0") = nb::none(),
           nb::arg("observer") = nb::none(), nb::arg("transposed") = false)
      .def("solve", &Solver::solve<double>, nb::arg("b").noconvert(), nb::arg("x0") = nb::none(),
           nb::arg("observer") = nb::none(), nb::arg("transposed") = false)
      .def("report", &Solver::report)
      .def_ro("setup_time", &Solver::setup_time)
      .def_ro("solve_time", &Solver::solve_time);
}
