#include "backends/host/host_space.h"
#include "core/arena.h"
#include "setup/scaling_row.h"
#include "setup/serial_team.h"

namespace amg {

// Traffic: A + 2 vectors
void HostSpace::row_scales(const Matrix& A, RowScale kind, void* scale, void* inverse) {
  visit(A.dtype, [&]<class T>() {
    parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const double of_row = row_scale<T>(SerialTeam(), A, kind, i);
        static_cast<T*>(scale)[i] = static_cast<T>(of_row);
        static_cast<T*>(inverse)[i] = static_cast<T>(1 / of_row);
      }
    });
  });
}

// Traffic: A + its values + 2 vectors
void HostSpace::scale_matrix(const Matrix& A, const void* left, const void* right, void* values) {
  visit(A.dtype, [&]<class T>() {
    parallel_for(A.rows, block_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        scale_row<T>(SerialTeam(), A, static_cast<const T*>(left), static_cast<const T*>(right),
                     static_cast<T*>(values), i);
    });
  });
}

}  // namespace amg
