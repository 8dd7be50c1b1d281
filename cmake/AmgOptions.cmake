# amg_options: how everything of ours is compiled. One target for library, module and tests, since an inline function
# compiled with different flags in two of them is one symbol with two bodies, and the linker picks either.
add_library(amg_options INTERFACE)
target_compile_features(amg_options INTERFACE cxx_std_20)
# Clang counts signedness to -Wconversion, g++ does not: off, since our 64-bit indices meet size_t at every std::span.
target_compile_options(
  amg_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion>)
# False alarms of g++ 12 within its own headers: std::string (GCC PR 105329), std::variant, AVX-512 intrinsics (PR 105593).
target_compile_options(
  amg_options INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict -Wno-maybe-uninitialized>)
if(AMG_WERROR)
  target_compile_options(amg_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()

# Never -ffast-math: convergence tests and NaN checks rely on IEEE arithmetic. Contraction to FMA stays on: it depends on
# the binary, not on the number of threads, so the promise "same bits at any thread count" holds.
if(AMG_NATIVE)
  target_compile_options(amg_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=native>)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(amg_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=x86-64-v2>)
endif()

# Hidden symbols let the compiler inline across functions of one file in position-independent code, and keep the
# engine's names out of the Python module's exports, where another extension's could replace them.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_CXX_EXTENSIONS OFF)
