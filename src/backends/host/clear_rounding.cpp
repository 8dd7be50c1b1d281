#include "backends/host/host_space.h"
#include "core/arena.h"
#include "setup/rounding_row.h"
#include "setup/serial_team.h"

namespace amg {

// Traffic: C's offsets; of short rows also what they are made of
void HostSpace::clear_rounding(const Matrix& A, const Matrix& R, CsrMatrix& C) {
  visit(A.dtype, [&]<class T>() {
    parallel_for_each(C.rows(), block_rows, [&, view = C.view()](std::int64_t i) {
      clear_if_rounding(SerialTeam(), A, R, view, i, C.as<T>());
    });
  });
}

}  // namespace amg
