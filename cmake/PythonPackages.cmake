# What the Python module is built with comes from Python packages: nanobind, XLA's FFI headers (in jaxlib) and, where the
# system has none, Eigen (cmeel-eigen). They are located, not imported: importing jaxlib would load 200 MB of XLA.
find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)

function(find_python_package name directory_variable)
  execute_process(
    COMMAND
      "${Python_EXECUTABLE}" -c
      "import importlib.util as u; s = u.find_spec('${name}'); print(s.submodule_search_locations[0] if s else '', end='')"
    OUTPUT_VARIABLE directory COMMAND_ERROR_IS_FATAL ANY)
  set(${directory_variable} "${directory}" PARENT_SCOPE)
endfunction()

find_python_package(nanobind nanobind_package)
find_package(nanobind CONFIG REQUIRED HINTS "${nanobind_package}/cmake")

find_python_package(jaxlib jaxlib_package)
if(NOT EXISTS "${jaxlib_package}/include/xla/ffi/api/ffi.h")
  message(FATAL_ERROR "XLA's FFI headers not found for ${Python_EXECUTABLE}: pip install jaxlib")
endif()
add_library(xla_ffi INTERFACE)
target_include_directories(xla_ffi SYSTEM INTERFACE "${jaxlib_package}/include")

# cmeel packages live beside the module `cmeel`, in a prefix of their own.
find_python_package(cmeel cmeel_package)
if(cmeel_package)
  cmake_path(GET cmeel_package PARENT_PATH site_packages)
  list(APPEND CMAKE_PREFIX_PATH "${site_packages}/cmeel.prefix")
endif()
