# amg_with_cuda: whether the CUDA execution space is built. amg_cuda: what its sources and users are compiled and linked
# with. The runtime is linked statically, so that nothing but the driver has to be found at run time.
set(amg_with_cuda OFF)
string(TOUPPER "${AMG_CUDA}" AMG_CUDA)
if(AMG_CUDA STREQUAL "OFF")
  return()
endif()

# sm_80, sm_90 and sm_100, and PTX for what comes after them.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES "80-real;90-real;100")
endif()
if(NOT CMAKE_CUDA_COMPILER)
  find_program(nvcc nvcc HINTS /usr/local/cuda/bin)
  if(nvcc)
    set(CMAKE_CUDA_COMPILER "${nvcc}")
  elseif(AMG_CUDA STREQUAL "AUTO")
    message(STATUS "CUDA: nvcc not found, building for CPUs only")
    return()
  endif()
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
set(amg_with_cuda ON)

add_library(amg_cuda INTERFACE)
target_compile_definitions(amg_cuda INTERFACE AMG_WITH_CUDA)
target_link_libraries(amg_cuda INTERFACE CUDA::cudart_static)
# The standard by hand: CMake 3.25 does not know that nvcc has it.
target_compile_options(amg_cuda INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>)
# 554: a conversion of Vector to ConstVector that is never called for ConstVector itself, as its constraint says.
target_compile_options(amg_cuda INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:--extended-lambda --expt-relaxed-constexpr -lineinfo
                                          -diag-suppress=554>)
