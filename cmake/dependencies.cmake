# Third-party libraries, all from the system's packages (tools/deps installs them). libduckdb is not
# here: src/engines/duckdb loads it at run time, so that a start without SQL does not pay for it.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(BLOSC REQUIRED IMPORTED_TARGET blosc)
pkg_check_modules(LZMA REQUIRED IMPORTED_TARGET liblzma)
find_package(BZip2 REQUIRED)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(EDIT REQUIRED IMPORTED_TARGET libedit)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
find_package(ZLIB)
pkg_check_modules(CMOCKA IMPORTED_TARGET cmocka)
pkg_check_modules(SQLITE3 IMPORTED_TARGET sqlite3) # a peer in bench/
find_program(PROTOC_C NAMES protoc-c REQUIRED)

# RocksDB's C API lives in the C++ library.
find_library(ROCKSDB_LIBRARY NAMES rocksdb REQUIRED)
find_path(ROCKSDB_INCLUDE_DIR NAMES rocksdb/c.h REQUIRED)
add_library(RocksDB INTERFACE IMPORTED)
target_include_directories(RocksDB SYSTEM INTERFACE ${ROCKSDB_INCLUDE_DIR})
target_link_libraries(RocksDB INTERFACE ${ROCKSDB_LIBRARY})

# An installed libduckdb is preferred; else the one tools/deps put under third_party/.
set(PYRALOG_DUCKDB_LIBRARY "")
if(PYRALOG_DUCKDB)
  find_library(DUCKDB_LIBRARY NAMES duckdb PATHS ${CMAKE_SOURCE_DIR}/third_party/duckdb)
  if(DUCKDB_LIBRARY)
    set(PYRALOG_DUCKDB_LIBRARY ${DUCKDB_LIBRARY})
  else()
    message(STATUS "libduckdb not found: run tools/deps, or configure with -DPYRALOG_DUCKDB=OFF")
  endif()
endif()
