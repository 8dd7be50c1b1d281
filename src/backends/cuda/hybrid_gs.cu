#include "backends/cuda/cuda_space.h"
#include "backends/cuda/node_rows.cuh"
#include "setup/diagonal_row.h"

namespace amg {

namespace {

// One team of a warp to a block of rows and a lane: the members share the entries of a row, the rows wait for one
// another. No __ldg on y, which the team itself is writing.
template <class T, int width>
__global__ void __launch_bounds__(cuda::block_threads)
    hybrid_gs_kernel(Matrix A, const T* inverse, double omega, bool backwards, const T* b, const T* x, T* y,
                     std::int64_t lanes) {
  const cuda::WarpTeam<width> team;
  const std::int64_t block =
      (static_cast<std::int64_t>(blockIdx.x) * cuda::block_threads + threadIdx.x) / width;
  const std::int64_t begin = block * hybrid_block_rows, lane = blockIdx.y;
  if (begin >= A.rows) return;
  const std::int64_t end = min(begin + hybrid_block_rows, A.rows);
  team.for_each(begin, end, [&](std::int64_t i) { y[i * lanes + lane] = x[i * lanes + lane]; });
  for (std::int64_t k = 0; k < end - begin; ++k) {
    const std::int64_t i = backwards ? end - 1 - k : begin + k;
    double sum = 0;
    team.for_each(A.offsets[i], A.offsets[i + 1], [&](std::int64_t e) {
      const std::int64_t j = A.columns[e];
      const T* z = j >= begin && j < end ? y : x;
      sum += static_cast<double>(A.as<T>()[e]) * static_cast<double>(z[j * lanes + lane]);
    });
    sum = team.sum(sum);
    if (team.leads()) {
      const std::int64_t at = i * lanes + lane;
      const double step = omega * static_cast<double>(inverse[i]) * (static_cast<double>(b[at]) - sum);
      y[at] = static_cast<T>(static_cast<double>(y[at]) + step);
    }
    team.sync();
  }
}

template <class T, int width>
void launch_hybrid_gs(cudaStream_t stream, const Matrix& A, const T* inverse, double omega, bool backwards,
                      ConstVector b, ConstVector x, Vector y) {
  const std::int64_t blocks = (A.rows + hybrid_block_rows - 1) / hybrid_block_rows;
  const dim3 grid(cuda::blocks_for(blocks * width), static_cast<unsigned>(b.lanes));
  hybrid_gs_kernel<T, width><<<grid, cuda::block_threads, 0, stream>>>(
      A, inverse, omega, backwards, b.as<T>(), x.as<T>(), y.as<T>(), b.lanes);
  cuda::check_launch("hybrid_gs_sweep");
}

// In a group of nodes, what the group has written so far.
template <class T>
struct GroupOrOld {
  std::int64_t begin, end;
  const T* now;
  const T* old;
  __device__ const T* operator()(std::int64_t j) const { return j >= begin && j < end ? now : old; }
};

template <class T>
void hybrid_nodes(CudaSpace& space, const Matrix& A, const BlockDiagonal& inverse, double omega,
                  bool backwards, ConstVector b, ConstVector x, Vector y) {
  const std::int64_t k = A.block_dim, lanes = b.lanes, nodes = A.nodes(), size = hybrid_block_nodes(k);
  const T* const old = x.as<T>();
  T* const now = y.as<T>();
  const cuda::EntriesOf<T> rhs{b.as<T>()};
  const cuda::MoveBy<T> move{omega, now, now};
  cuda::for_each_with_scratch(space, (nodes + size - 1) / size * lanes, cuda::blocks_per_row(A), k,
                              "hybrid_gs_sweep", [=] __device__(auto team, std::int64_t at, double* r) {
                                const std::int64_t begin = at / lanes * size, lane = at % lanes;
                                const std::int64_t end = min(begin + size, nodes);
                                const GroupOrOld<T> from{begin, end, now, old};
                                team.for_each(begin * k, end * k, [&](std::int64_t row) {
                                  now[row * lanes + lane] = old[row * lanes + lane];
                                });
                                for (std::int64_t n = begin; n < end; ++n)
                                  node_step<0, T>(team, A, inverse, backwards ? end - 1 - (n - begin) : n,
                                                  lanes, lane, r, from, rhs, move);
                              });
}

}  // namespace

// Traffic as on the host.
void CudaSpace::hybrid_gs_sweep(const Operator& op, const BlockDiagonal& inverse, double omega,
                                bool backwards, ConstVector b, ConstVector x, Vector y) {
  const Matrix& A = op.by_rows();
  if (A.rows == 0) return;
  visit(b.dtype, [&]<class T>() {
    if (inverse.block_dim > 1) return hybrid_nodes<T>(*this, A, inverse, omega, backwards, b, x, y);
    const T* inv = static_cast<const T*>(inverse.values);
    if (A.entries <= 16 * A.rows)
      launch_hybrid_gs<T, 8>(stream_, A, inv, omega, backwards, b, x, y);
    else
      launch_hybrid_gs<T, 32>(stream_, A, inv, omega, backwards, b, x, y);
  });
}

}  // namespace amg
