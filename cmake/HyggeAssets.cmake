# hygge_assets(TARGET NAME HEADER NAMESPACE FUNCTION=FILE…): files compiled into a target. Each becomes a function of
# NAMESPACE, declared in HEADER, that gives the file's bytes and their SHA-256. As arrays: compilers bound the length of
# a literal.
function(hygge_assets target name header namespace)
  set(out "${PROJECT_BINARY_DIR}/assets/${name}.cc")
  set(files "")
  foreach(pair IN LISTS ARGN)
    string(REGEX REPLACE "^[^=]*=" "" file "${pair}")
    list(APPEND files "${file}")
  endforeach()
  string(REPLACE ";" "|" pairs "${ARGN}")
  add_custom_command(OUTPUT "${out}"
    COMMAND ${CMAKE_COMMAND} "-DOUT=${out}" "-DHEADER=${header}" "-DNAMESPACE=${namespace}" "-DPAIRS=${pairs}"
      -P "${PROJECT_SOURCE_DIR}/cmake/write_assets.cmake"
    DEPENDS ${files} "${PROJECT_SOURCE_DIR}/cmake/write_assets.cmake" VERBATIM)
  target_sources(${target} PRIVATE "${out}")
endfunction()
