# Run by HyggeAssets.cmake: writes OUT, a C++ file with the files of PAIRS, `function=file|function=file…`.
string(REPLACE "|" ";" pairs "${PAIRS}")
set(text "// Written by cmake/write_assets.cmake.\n#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n")
foreach(pair IN LISTS pairs)
  string(REGEX MATCH "^([^=]*)=(.*)$" _ "${pair}")
  set(function "${CMAKE_MATCH_1}")
  file(READ "${CMAKE_MATCH_2}" bytes)
  # A source map is another file, which some browsers would ask for.
  string(FIND "${bytes}" "\n//# sourceMappingURL=" map REVERSE)
  if(NOT map EQUAL -1)
    string(SUBSTRING "${bytes}" 0 ${map} bytes)
  endif()
  file(WRITE "${OUT}.asset" "${bytes}")
  file(SHA256 "${OUT}.asset" sha256)
  file(READ "${OUT}.asset" hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," array "${hex}")
  string(APPEND text "\nnamespace {\nconstexpr unsigned char k_${function}[] = {\n${array}\n};\n}  // namespace\n"
    "Asset ${function}() {\n"
    "  return {{reinterpret_cast<const char*>(k_${function}), sizeof(k_${function})}, \"${sha256}\"};\n}\n")
endforeach()
file(REMOVE "${OUT}.asset")
file(WRITE "${OUT}" "${text}\n}  // namespace ${NAMESPACE}\n")
