# What every target of sluice is built with, and the two functions that name a folder and its tests.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(SLUICE_SANITIZE "ASan, UBSan and the counters that fuzzers steer by" OFF)
option(SLUICE_TSAN "TSan" OFF)
option(SLUICE_COVERAGE "Source coverage" OFF)
option(SLUICE_WERROR "Warnings are errors" ON)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # The precompiled header is only cacheable with these two; base_dir lets several checkouts share a cache.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(fmt REQUIRED)

add_library(sluice_settings INTERFACE)
target_include_directories(sluice_settings INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(sluice_settings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
    -Wno-missing-field-initializers -Wswitch-enum
    $<$<BOOL:${SLUICE_WERROR}>:-Werror> -Xclang -fno-pch-timestamp -fcolor-diagnostics)
# An optional or a container that is read where nothing is ends the process, optimised too: the cluster is read again.
target_compile_definitions(sluice_settings INTERFACE
    _GLIBCXX_ASSERTIONS BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
    SLUICE_VERSION="${PROJECT_VERSION}")
target_link_libraries(sluice_settings INTERFACE
    Boost::headers Boost::json Boost::url fmt::fmt OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
# What an idle controller has in memory is mostly its own code: unused code goes, templates that come out alike are kept
# once, and relocations are packed (glibc 2.36).
target_link_options(sluice_settings INTERFACE -fuse-ld=lld
    $<$<CONFIG:Release>:-Wl,--gc-sections,--icf=safe,-z,pack-relative-relocs>)
if(SLUICE_SANITIZE)
    # With libFuzzer's counters, so that the fuzzers link the same objects as the tests do. A null pointer ends the process in
    # any case, and the two checks left out are a third of all code and of the time to compile it.
    target_compile_options(sluice_settings INTERFACE
        -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize=null,alignment -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    target_link_options(sluice_settings INTERFACE -fsanitize=address,undefined)
endif()
if(SLUICE_TSAN)
    target_compile_options(sluice_settings INTERFACE -fsanitize=thread)
    target_link_options(sluice_settings INTERFACE -fsanitize=thread)
endif()
if(SLUICE_COVERAGE)
    target_compile_options(sluice_settings INTERFACE -fprofile-instr-generate -fcoverage-mapping)
    target_link_options(sluice_settings INTERFACE -fprofile-instr-generate)
endif()

# One precompiled header for everything: Asio and Boost.JSON cost two seconds a file without it.
add_library(sluice_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(sluice_pch PUBLIC sluice_settings)
target_precompile_headers(sluice_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.hpp)

# Asio's own code and its TLS's, compiled once; everything sees Asio through the precompiled header, so everything links it.
add_library(sluice_asio STATIC ${CMAKE_SOURCE_DIR}/cmake/asio.cpp)
target_link_libraries(sluice_asio PUBLIC sluice_settings)
target_precompile_headers(sluice_asio REUSE_FROM sluice_pch)
add_library(sluice_flags INTERFACE)
target_link_libraries(sluice_flags INTERFACE sluice_settings sluice_asio)

# sluice_folder(NAME base_core SOURCES a.cpp b.cpp LINKS base_core): the static library of one folder of src/.
function(sluice_folder)
    cmake_parse_arguments(F "" "NAME" "SOURCES;LINKS;PACKAGES" ${ARGN})
    add_library(sluice_${F_NAME} STATIC ${F_SOURCES})
    target_link_libraries(sluice_${F_NAME} PUBLIC sluice_flags ${F_PACKAGES})
    foreach(link ${F_LINKS})
        target_link_libraries(sluice_${F_NAME} PUBLIC sluice_${link})
    endforeach()
    target_precompile_headers(sluice_${F_NAME} REUSE_FROM sluice_pch)
endfunction()

# sluice_test(NAME unit_net SOURCES x_test.cpp LINKS net): one doctest program, one ctest entry. It gives way to those that wait
# for a real clock: REAL_CLOCK, and the stories of tests/e2e.
function(sluice_test)
    cmake_parse_arguments(T "REAL_CLOCK" "NAME;TIMEOUT" "SOURCES;LINKS;PACKAGES;ARGUMENTS" ${ARGN})
    add_executable(${T_NAME} ${T_SOURCES} $<TARGET_OBJECTS:sluice_test_main>)
    target_link_libraries(${T_NAME} PRIVATE sluice_flags ${T_PACKAGES})
    target_include_directories(${T_NAME} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_compile_definitions(${T_NAME} PRIVATE SLUICE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    foreach(link ${T_LINKS})
        target_link_libraries(${T_NAME} PRIVATE sluice_${link})
    endforeach()
    target_precompile_headers(${T_NAME} REUSE_FROM sluice_pch)
    if(NOT T_TIMEOUT)
        set(T_TIMEOUT 600)
    endif()
    set(gives_way nice)
    if(T_REAL_CLOCK)
        set(gives_way "")
    endif()
    add_test(NAME ${T_NAME} COMMAND ${gives_way} $<TARGET_FILE:${T_NAME}> ${T_ARGUMENTS})
    set_tests_properties(${T_NAME} PROPERTIES TIMEOUT ${T_TIMEOUT})
endfunction()
