# Install rules, find_package(hygge) and hygge.pc. tests/install builds the examples against the result.
include(CMakePackageConfigHelpers)

set(HYGGE_CONFIG_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/hygge")
set(HYGGE_INSTALLED hygge hygge_gorilla hygge_formats_library)
if(HYGGE_BUILD_SHARED)
  list(APPEND HYGGE_INSTALLED hygge_shared)
endif()

install(TARGETS ${HYGGE_INSTALLED} EXPORT hygge-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
# Apart, so that who does not ask for the server needs nothing of it.
if(HYGGE_BUILD_SERVER)
  install(TARGETS hygge_server_library EXPORT hygge-server-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT hygge-server-targets NAMESPACE hygge:: DESTINATION "${HYGGE_CONFIG_DIR}")
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/hygge" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT hygge-targets NAMESPACE hygge:: DESTINATION "${HYGGE_CONFIG_DIR}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/hygge")
if(TARGET hygge_command)
  install(TARGETS hygge_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/hygge-config.cmake.in"
  "${PROJECT_BINARY_DIR}/hygge-config.cmake" INSTALL_DESTINATION "${HYGGE_CONFIG_DIR}"
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/hygge-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/hygge-config.cmake" "${PROJECT_BINARY_DIR}/hygge-config-version.cmake"
  DESTINATION "${HYGGE_CONFIG_DIR}")

configure_file("${PROJECT_SOURCE_DIR}/cmake/hygge.pc.in" "${PROJECT_BINARY_DIR}/hygge.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/hygge.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
