#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "backends/cuda/check.h"
#include "backends/cuda/cuda_space.h"
#include "backends/cuda/launch.h"

namespace amg {

using cuda::check;

CudaSpace::CudaSpace(Workspace& workspace, cudaStream_t stream)
    : Space(workspace), stream_(stream), memory_scope_(stream) {}

CudaDevice::CudaDevice(cudaStream_t stream) : stream_(stream), ordinal_(0) {
  check(cudaGetDevice(&ordinal_), "current device");
}

void CudaSpace::upload(std::span<const std::byte> host, void* to) {
  check(cudaMemcpyAsync(to, host.data(), host.size(), cudaMemcpyHostToDevice, stream_), "copy to device");
  check(cudaStreamSynchronize(stream_), "wait for the stream");  // the caller may reuse its memory
}

void CudaSpace::download(const void* from, std::span<std::byte> host) {
  check(cudaMemcpyAsync(host.data(), from, host.size(), cudaMemcpyDeviceToHost, stream_), "copy to host");
  check(cudaStreamSynchronize(stream_), "wait for the stream");
}

void CudaSpace::copy_bytes(std::span<const std::byte> from, void* to) {
  check(cudaMemcpyAsync(to, from.data(), from.size(), cudaMemcpyDeviceToDevice, stream_), "copy");
}

namespace {

// A stream to record on. The space's own may be XLA's, on which other threads launch work: it would be recorded too,
// and replayed on memory that is long gone.
class RecordingStream {
 public:
  RecordingStream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "make a stream"); }
  ~RecordingStream() { cudaStreamDestroy(stream_); }
  RecordingStream(const RecordingStream&) = delete;
  RecordingStream& operator=(const RecordingStream&) = delete;

  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace

// The first call runs as it is, so that the workspace has what the work borrows; the second is recorded.
void CudaSpace::replay(Recording& recording, FunctionRef<void()> work) {
  if (!recording.fixed || recording_ || recording.calls++ == 0) return work();
  if (!recording.graph) {
    const RecordingStream recorder;
    check(cudaStreamBeginCapture(recorder, cudaStreamCaptureModeThreadLocal), "begin capture");
    const cudaStream_t replays_on = std::exchange(stream_, recorder);
    const auto end = [&](cudaGraph_t* graph) {
      stream_ = replays_on;
      recording_ = false;
      return cudaStreamEndCapture(recorder, graph);
    };
    cudaGraph_t graph = nullptr;
    recording_ = true;
    try {
      work();
    } catch (...) {
      end(&graph);
      if (graph) cudaGraphDestroy(graph);
      throw;
    }
    check(end(&graph), "end capture");
    cudaGraphExec_t executable = nullptr;
    const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
    cudaGraphDestroy(graph);
    check(status, "instantiate a graph");
    recording.graph = std::shared_ptr<void>(
        executable, [](void* exec) { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(exec)); });
  }
  check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(recording.graph.get()), stream_), "launch a graph");
}

namespace {

constexpr std::size_t most_scalars = 16;

struct ScalarList {
  Scalar scalars[most_scalars];
  int count;
};

__global__ void gather_scalars(ScalarList list, double* out) {
  for (int k = 0; k < list.count; ++k) {
    const Scalar& scalar = list.scalars[k];
    for (std::int32_t l = static_cast<std::int32_t>(threadIdx.x); l < scalar.lanes; l += 256)
      out[l] = scalar.data[l];
    out += scalar.lanes;
  }
}

constexpr int values_per_launch = 32;

struct ValueList {
  double values[values_per_launch];
};

// Values travel as kernel arguments, which a recorded graph keeps.
__global__ void write_values(ValueList list, int count, double* out) {
  if (static_cast<int>(threadIdx.x) < count) out[threadIdx.x] = list.values[threadIdx.x];
}

}  // namespace

std::vector<double> CudaSpace::read(std::span<const Scalar> scalars) {
  std::size_t size = 0;
  for (const Scalar& scalar : scalars) size += static_cast<std::size_t>(scalar.lanes);
  std::vector<double> values(size);
  if (scalars.size() > most_scalars || size * sizeof(double) > cuda::PinnedMemory::bytes) {
    double* out = values.data();
    for (const Scalar& scalar : scalars) {
      const auto lanes = static_cast<std::size_t>(scalar.lanes);
      check(cudaMemcpyAsync(out, scalar.data, lanes * sizeof(double), cudaMemcpyDeviceToHost, stream_),
            "copy to host");
      out += lanes;
    }
    check(cudaStreamSynchronize(stream_), "wait for the stream");
    return values;
  }
  ScalarList list{};
  for (const Scalar& scalar : scalars) list.scalars[list.count++] = scalar;
  gather_scalars<<<1, 256, 0, stream_>>>(list, pinned_.as<double>());
  cuda::check_launch("gather_scalars");
  check(cudaStreamSynchronize(stream_), "wait for the stream");
  std::memcpy(values.data(), pinned_.as<double>(), size * sizeof(double));
  return values;
}

void CudaSpace::write(Scalar scalar, std::span<const double> values) {
  for (std::size_t first = 0; first < values.size(); first += values_per_launch) {
    const std::size_t count = std::min<std::size_t>(values_per_launch, values.size() - first);
    ValueList list{};
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(first), count, list.values);
    write_values<<<1, values_per_launch, 0, stream_>>>(list, static_cast<int>(count), scalar.data + first);
    cuda::check_launch("write_values");
  }
}

// Room for the partial sums of so many blocks; the counters are cleared when the room is made, and by every use.
cuda::Reduction CudaSpace::reduction(std::int64_t blocks, std::int64_t width) {
  constexpr std::size_t counters = 256;  // one for each tile of lanes
  const std::size_t bytes =
      counters * sizeof(unsigned) + static_cast<std::size_t>(blocks * width) * sizeof(double);
  if (partials_.empty() || partials_.back().bytes() < bytes) {
    // Not from the workspace: what a recorded piece of work finds free there must stay free for its replays.
    partials_.emplace_back(memory(), bytes);
    check(cudaMemsetAsync(partials_.back().data(), 0, counters * sizeof(unsigned), stream_), "clear");
  }
  auto* counter = static_cast<unsigned*>(partials_.back().data());
  return {counter, reinterpret_cast<double*>(counter + counters)};
}

}  // namespace amg
