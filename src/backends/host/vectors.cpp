#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "backends/host/host_space.h"
#include "backends/host/memory.h"
#include "backends/host/reduction.h"
#include "core/row_hash.h"

namespace amg {

using host::for_blocks_with_dots;

void HostSpace::fill(Vector x, double value) {
  visit(x.dtype, [&]<class T>() {
    parallel_for(x.size(), block_rows, [&](std::int64_t begin, std::int64_t end) {
      std::fill(x.as<T>() + begin, x.as<T>() + end, static_cast<T>(value));
    });
  });
}

void HostSpace::identity(Vector x) {
  fill(x, 0.0);
  visit(x.dtype, [&]<class T>() {
    parallel_for(x.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) x.as<T>()[i * x.lanes + i % x.lanes] = 1;
    });
  });
}

void HostSpace::random(Vector x, std::uint64_t seed) {
  visit(x.dtype, [&]<class T>() {
    parallel_for(x.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        std::fill_n(x.as<T>() + i * x.lanes, x.lanes, static_cast<T>(random_number(i, seed)));
    });
  });
}

void HostSpace::convert(Coefficient c, ConstVector x, Vector y) {
  visit(x.dtype, [&]<class From>() {
    visit(y.dtype, [&]<class To>() {
      parallel_for(x.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
        for (std::int32_t l = 0; l < x.lanes; ++l) {
          const double factor = c.of_lane(l);
          for (std::int64_t at = begin * x.lanes + l; at < end * x.lanes; at += x.lanes)
            y.as<To>()[at] =
                factor == 0.0 ? To{0} : static_cast<To>(factor * static_cast<double>(x.as<From>()[at]));
        }
      });
    });
  });
}

void HostSpace::copy(ConstVector x, Vector y) {
  const auto bytes = static_cast<std::size_t>(x.size()) * size_of(x.dtype);
  copy_bytes({static_cast<const std::byte*>(x.data), bytes}, y.data);
}

void HostSpace::copy_bytes(std::span<const std::byte> from, void* to) {
  constexpr std::int64_t grain = 1 << 15;
  parallel_for(static_cast<std::int64_t>(from.size()), grain, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(static_cast<std::byte*>(to) + begin, from.data() + begin,
                static_cast<std::size_t>(end - begin));
  });
}

namespace {

// y = Σ c v over [begin, end) for a fixed number of terms, so that the loop vectorises.
template <std::size_t terms, class T>
void combine_block(T* y, const std::array<const T*, 4>& v, const std::array<T, 4>& c, std::int64_t begin,
                   std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    T sum = 0;
    for (std::size_t k = 0; k < terms; ++k) sum += c[k] * v[k][i];
    y[i] = sum;
  }
}

template <class T>
void combine_one_lane(T* y, std::initializer_list<Term> terms, std::int64_t begin, std::int64_t end) {
  std::array<const T*, 4> v{};
  std::array<T, 4> c{};
  std::size_t count = 0;
  for (const Term& term : terms) {
    const double factor = term.c.of_lane(0);
    if (factor == 0.0) continue;
    v[count] = term.v.as<T>();
    c[count++] = static_cast<T>(factor);
  }
  switch (count) {
    case 0:
      return combine_block<0>(y, v, c, begin, end);
    case 1:
      return combine_block<1>(y, v, c, begin, end);
    case 2:
      return combine_block<2>(y, v, c, begin, end);
    case 3:
      return combine_block<3>(y, v, c, begin, end);
    default:
      return combine_block<4>(y, v, c, begin, end);
  }
}

// The lanes [first, first + width), whose coefficients are in registers. Where one is zero its term is not looked at.
template <std::int32_t width, class T>
void combine_tile(T* y, std::initializer_list<Term> terms, std::int64_t begin, std::int64_t end,
                  std::int32_t lanes, std::int32_t first) {
  std::array<std::array<T, width>, 4> c{};
  std::array<const T*, 4> v{};
  std::size_t count = 0;
  bool any_zero = false;
  for (const Term& term : terms) {
    for (std::int32_t l = 0; l < width; ++l) {
      c[count][l] = static_cast<T>(term.c.of_lane(first + l));
      any_zero = any_zero || c[count][l] == 0;
    }
    v[count++] = term.v.as<T>() + first;
  }
  const auto rows = [&](auto&& times) {
    for (std::int64_t at = begin * lanes; at < end * lanes; at += lanes) {
      std::array<T, width> sum{};
      for (std::size_t k = 0; k < count; ++k)
        for (std::int32_t l = 0; l < width; ++l) times(c[k][l], v[k][at + l], sum[l]);
      for (std::int32_t l = 0; l < width; ++l) y[at + first + l] = sum[l];
    }
  };
  if (any_zero)
    rows([](T factor, const T& value, T& sum) { factor != 0 ? void(sum += factor * value) : void(); });
  else
    rows([](T factor, const T& value, T& sum) { sum += factor * value; });
}

template <class T>
void combine_lanes(T* y, std::initializer_list<Term> terms, std::int64_t begin, std::int64_t end,
                   std::int32_t lanes) {
  std::int32_t first = 0;
  for (; first + 8 <= lanes; first += 8) combine_tile<8>(y, terms, begin, end, lanes, first);
  for (; first < lanes; ++first) combine_tile<1>(y, terms, begin, end, lanes, first);
}

}  // namespace

void HostSpace::combine(Vector y, std::initializer_list<Term> terms, Dots dots) {
  if (terms.size() > 4) throw std::logic_error("combine: at most four terms");
  visit(y.dtype, [&]<class T>() {
    for_blocks_with_dots(y.rows, block_rows, y.lanes, y.as<T>(), dots, partials_,
                         [&](std::int64_t begin, std::int64_t end) {
                           if (y.lanes == 1)
                             combine_one_lane(y.as<T>(), terms, begin, end);
                           else
                             combine_lanes(y.as<T>(), terms, begin, end, y.lanes);
                         });
  });
}

void HostSpace::dot(ConstVector y, Dots dots) {
  visit(y.dtype, [&]<class T>() {
    for_blocks_with_dots(y.rows, block_rows, y.lanes, y.as<T>(), dots, partials_,
                         [](std::int64_t, std::int64_t) {});
  });
}

void HostSpace::norm(ConstVector x, Norm kind, Scalar out) {
  const std::int32_t lanes = x.lanes;
  if (kind == Norm::L2) {
    dot(x, {{x, out}});
    for (std::int32_t l = 0; l < lanes; ++l) out.data[l] = std::sqrt(out.data[l]);
    return;
  }
  // max(a, NaN) would lose a NaN, which must reach the caller.
  const auto join = [kind](double a, double b) {
    return kind == Norm::L1 || std::isnan(b) ? a + b : (b > a ? b : a);
  };
  visit(x.dtype, [&]<class T>() {
    for (std::int32_t l = 0; l < lanes; ++l)
      out.data[l] = parallel_reduce(
          x.rows, block_rows, 0.0,
          [&](std::int64_t begin, std::int64_t end) {
            double sum = 0.0;
            for (std::int64_t i = begin; i < end; ++i)
              sum = join(sum, std::abs(static_cast<double>(x.as<T>()[i * lanes + l])));
            return sum;
          },
          join);
  });
}

void HostSpace::compute(Scalar active, std::span<const ScalarAssignment> program) {
  for (const auto& [out, value] : program)
    for (std::int32_t l = 0; l < out.lanes; ++l) out.data[l] = active.data[l] == 0.0 ? 0.0 : value.of_lane(l);
}

std::vector<double> HostSpace::read(std::span<const Scalar> scalars) {
  std::vector<double> values;
  for (const Scalar& s : scalars) values.insert(values.end(), s.data, s.data + s.lanes);
  return values;
}

void HostSpace::write(Scalar scalar, std::span<const double> values) {
  std::copy(values.begin(), values.end(), scalar.data);
}

std::pmr::memory_resource* HostSpace::memory() { return host_memory(); }

// Not memcpy, which takes no null pointer, even for nothing.
void HostSpace::upload(std::span<const std::byte> host, void* to) {
  std::ranges::copy(host, static_cast<std::byte*>(to));
}

void HostSpace::download(const void* from, std::span<std::byte> host) {
  std::copy_n(static_cast<const std::byte*>(from), host.size(), host.data());
}

}  // namespace amg
