// What the GPU's space does beside its words: recording, and running out of memory.
#include <cstdint>
#include <new>
#include <thread>
#include <vector>

#include "spaces.h"

namespace amg {
namespace {

class CudaSpaceTest : public CudaTest {};

// XLA's stream is shared by threads. What another one launches there while this one records must run, and be no part of
// the recording.
TEST_F(CudaSpaceTest, WorkOfOtherThreadsIsNotRecorded) {
  const cudaStream_t stream = device().stream();
  const auto others = device().array<std::int32_t>(1);
  const auto others_value = [&] { return to_host(device(), others).front(); };
  const auto set_others = [&](int byte) {
    cuda::check(cudaMemsetAsync(others.data(), byte, others.bytes(), stream), "set");
  };
  const WorkVector x = device().vector(1000, 1, DType::f64);
  device().fill(x, 1.0);
  set_others(0);
  Recording recording(true);
  const auto step = [&] {
    device().replay(recording, [&] {
      device().combine(x, {{2.0, x}}, {});
      if (recording.calls == 2) std::thread([&] { set_others(1); }).join();
    });
  };
  step();
  step();
  ASSERT_TRUE(recording.graph);
  EXPECT_EQ(others_value(), 0x01010101);
  set_others(0);
  step();
  EXPECT_EQ(others_value(), 0);
  const auto values = to_host(device(), static_cast<ConstVector>(x).as<double>(), 1000);
  EXPECT_EQ(values, std::vector<double>(1000, 8.0));
}

TEST_F(CudaSpaceTest, WantOfMemoryIsAnExceptionAndLeavesTheSpaceUsable) {
  EXPECT_THROW(device().array<double>(std::int64_t{1} << 45), std::bad_alloc);
  const WorkVector x = device().vector(1000, 1, DType::f64);
  device().fill(x, 3.0);
  EXPECT_EQ(to_host(device(), static_cast<ConstVector>(x).as<double>(), 1000),
            std::vector<double>(1000, 3.0));
}

}  // namespace
}  // namespace amg
