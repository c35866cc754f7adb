# tests/unit/<folder>/<name>_test.c: one cmocka program each, linked to its folder and those below.
# `all_tests` builds them; CTest runs them. Labels: the folder's name.
add_custom_target(all_tests)
set(PYRALOG_CORPORA "${CMAKE_SOURCE_DIR}/../shared/corpora" CACHE PATH
    "Conformance data; tests that need it say visibly when they skip")
if(NOT "$ENV{PYRALOG_CORPORA}" STREQUAL "")
  set(PYRALOG_CORPORA "$ENV{PYRALOG_CORPORA}") # over what an earlier run found
endif()
# LeakSanitizer cannot see into RocksDB's and DuckDB's own static caches.
set(PYR_TEST_ENVIRONMENT
    "PYRALOG_CORPORA=${PYRALOG_CORPORA}"
    "PYRALOG_SOURCE=${CMAKE_SOURCE_DIR}"
    "PYRALOG_BUILD=${CMAKE_BINARY_DIR}"
    "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0"
    "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp:halt_on_error=1")

file(GLOB pyr_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/*/*_test.c)
foreach(source ${pyr_tests})
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(folder ${source} DIRECTORY)
  file(GLOB support CONFIGURE_DEPENDS ${folder}/support_*.c)
  get_filename_component(folder ${folder} NAME)
  if(NOT TARGET pyr_${folder} OR NOT CMOCKA_FOUND)
    continue()
  endif()
  # A file of tests or support whose name says duckdb needs that engine.
  if(NOT PYRALOG_DUCKDB)
    list(FILTER support EXCLUDE REGEX "/support_duckdb[^/]*$")
    if(name MATCHES "duckdb")
      continue()
    endif()
  endif()
  set(target ${folder}_${name})
  add_executable(${target} EXCLUDE_FROM_ALL ${source} ${support})
  target_link_libraries(${target} PRIVATE pyr_${folder} PkgConfig::CMOCKA PkgConfig::JANSSON ZLIB::ZLIB)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  # <name>_test.wrap: functions that the test stands in for (--wrap), a word each. Only what is
  # linked statically is wrapped: our own code, not the libraries below it.
  string(REGEX REPLACE "\\.c$" ".wrap" wrap ${source})
  if(EXISTS ${wrap})
    file(STRINGS ${wrap} wrapped)
    foreach(function ${wrapped})
      target_link_options(${target} PRIVATE "LINKER:--wrap=${function}")
    endforeach()
  endif()
  add_dependencies(all_tests ${target})
  if(NOT TARGET ${folder}_tests)
    add_custom_target(${folder}_tests)
  endif()
  add_dependencies(${folder}_tests ${target})
  add_test(NAME unit/${folder}/${name} COMMAND ${target})
  set_tests_properties(unit/${folder}/${name} PROPERTIES
    LABELS "unit;${folder}" TIMEOUT 300 ENVIRONMENT "${PYR_TEST_ENVIRONMENT}")
endforeach()

# fuzz/<folder>_<decoder>_fuzz.c: LLVMFuzzerTestOneInput. With PYRALOG_FUZZ (clang) a libFuzzer
# program; otherwise linked to fuzz/replay.c and run by CTest over fuzz/corpus/<folder>_<decoder>/
# and, where present, the conformance corpus named by fuzz/<...>_fuzz.corpora.
option(PYRALOG_FUZZ "Build the fuzzers with libFuzzer (clang)" OFF)
file(GLOB pyr_fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/*_fuzz.c)
foreach(source ${pyr_fuzzers})
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "_.*" "" folder ${name})
  string(REGEX REPLACE "_fuzz$" "" stem ${name})
  if(NOT TARGET pyr_${folder})
    continue()
  endif()
  if(PYRALOG_FUZZ)
    add_executable(${name} ${source})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${name} PRIVATE pyr_${folder})
  else()
    add_executable(${name} EXCLUDE_FROM_ALL ${source} ${CMAKE_SOURCE_DIR}/fuzz/replay.c)
    target_link_libraries(${name} PRIVATE pyr_${folder})
    add_dependencies(all_tests ${name})
    set(corpora ${CMAKE_SOURCE_DIR}/fuzz/corpus/${stem})
    if(EXISTS ${CMAKE_SOURCE_DIR}/fuzz/${name}.corpora)
      file(STRINGS ${CMAKE_SOURCE_DIR}/fuzz/${name}.corpora extra)
      foreach(line ${extra})
        list(APPEND corpora ${PYRALOG_CORPORA}/${line})
      endforeach()
    endif()
    add_test(NAME fuzz/${stem} COMMAND ${name} ${corpora})
    set_tests_properties(fuzz/${stem} PROPERTIES
      LABELS "fuzz" TIMEOUT 300 ENVIRONMENT "${PYR_TEST_ENVIRONMENT}")
  endif()
endforeach()

# The checks that need no build.
add_test(NAME check/layers COMMAND ${CMAKE_SOURCE_DIR}/tools/check-layers)
if(TARGET pyralog_library)
  add_test(NAME check/symbols
           COMMAND ${CMAKE_SOURCE_DIR}/tools/check-symbols $<TARGET_FILE:pyralog_library>)
endif()

if(TARGET pyralog_program)
  add_test(NAME check/install COMMAND ${CMAKE_SOURCE_DIR}/tools/check-install ${CMAKE_BINARY_DIR})
endif()

# The examples are compiled and run, in a folder of their own each.
if(TARGET example_query)
  set(examples ingest tensors)
  if(PYRALOG_DUCKDB)
    list(APPEND examples query zero_copy)
  endif()
  foreach(example ${examples})
    add_test(NAME examples/${example}
             COMMAND ${CMAKE_SOURCE_DIR}/tests/examples/run $<TARGET_FILE:example_${example}>)
    set_tests_properties(examples/${example} PROPERTIES
      LABELS "examples" TIMEOUT 120 ENVIRONMENT "${PYR_TEST_ENVIRONMENT}")
  endforeach()
endif()

# pytest suites: real clients and the real program, in the private .venv that tools/deps makes.
set(PYR_PYTHON ${CMAKE_SOURCE_DIR}/.venv/bin/python)
if(TARGET pyralog_program AND EXISTS ${PYR_PYTHON})
  set(suites cli:tests/cli interop_flight:tests/interop/flight interop_arrow_ipc:tests/interop/arrow_ipc
      interop_safetensors:tests/interop/safetensors)
  if(EXISTS ${CMAKE_SOURCE_DIR}/tests/interop/arrow_ipc/ipc_tool.c)
    add_executable(ipc_tool EXCLUDE_FROM_ALL tests/interop/arrow_ipc/ipc_tool.c)
    add_dependencies(all_tests ipc_tool)
    target_link_libraries(ipc_tool PRIVATE pyr_arrow)
  endif()
  add_executable(safetensors_tool EXCLUDE_FROM_ALL tests/interop/safetensors/safetensors_tool.c)
  add_dependencies(all_tests safetensors_tool)
  target_link_libraries(safetensors_tool PRIVATE pyr_formats)
  foreach(suite ${suites})
    string(REPLACE ":" ";" parts ${suite})
    list(GET parts 0 name)
    list(GET parts 1 path)
    if(EXISTS ${CMAKE_SOURCE_DIR}/${path})
      add_test(NAME pytest/${name} COMMAND ${PYR_PYTHON} -m pytest -q -p no:cacheprovider
               ${CMAKE_SOURCE_DIR}/${path})
      set_tests_properties(pytest/${name} PROPERTIES LABELS "interop;${name}" TIMEOUT 600
        ENVIRONMENT "${PYR_TEST_ENVIRONMENT};PYRALOG_PROGRAM=$<TARGET_FILE:pyralog_program>;PYRALOG_IPC_TOOL=${CMAKE_BINARY_DIR}/ipc_tool;PYRALOG_SAFETENSORS_TOOL=${CMAKE_BINARY_DIR}/safetensors_tool")
    endif()
  endforeach()
endif()

# The Python package over the shared library. A sanitizer wants its runtime in a process from the
# start, and libstdc++ beside it for what C++ libraries throw; CPython leaks by design.
set(pyr_python_environment "PYRALOG_LIBRARY=$<TARGET_FILE:pyralog_library>")
set(pyr_python_tested ON)
if(PYRALOG_SANITIZE MATCHES "address" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libasan.so
                  OUTPUT_VARIABLE pyr_asan OUTPUT_STRIP_TRAILING_WHITESPACE)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libstdc++.so.6
                  OUTPUT_VARIABLE pyr_stdcxx OUTPUT_STRIP_TRAILING_WHITESPACE)
  list(APPEND pyr_python_environment "LD_PRELOAD=${pyr_asan}:${pyr_stdcxx}"
       "ASAN_OPTIONS=detect_leaks=0")
elseif(PYRALOG_SANITIZE)
  set(pyr_python_tested OFF)
endif()
if(TARGET pyralog_library AND EXISTS ${PYR_PYTHON} AND pyr_python_tested)
  add_test(NAME pytest/python COMMAND ${PYR_PYTHON} -m pytest -q -rs -p no:cacheprovider
           ${CMAKE_SOURCE_DIR}/python/tests)
  set_tests_properties(pytest/python PROPERTIES LABELS "interop;python" TIMEOUT 600
    ENVIRONMENT "${PYR_TEST_ENVIRONMENT};${pyr_python_environment}")
endif()

# Zarr as zarr-python writes it, by a tool of the reader alone.
if(EXISTS ${CMAKE_SOURCE_DIR}/tests/interop/zarr/zarr_tool.c AND TARGET pyr_formats)
  add_executable(zarr_tool EXCLUDE_FROM_ALL tests/interop/zarr/zarr_tool.c)
  add_dependencies(all_tests zarr_tool)
  target_link_libraries(zarr_tool PRIVATE pyr_formats)
  if(EXISTS ${PYR_PYTHON})
    add_test(NAME pytest/interop_zarr COMMAND ${PYR_PYTHON} -m pytest -q -p no:cacheprovider
             ${CMAKE_SOURCE_DIR}/tests/interop/zarr)
    set_tests_properties(pytest/interop_zarr PROPERTIES LABELS "interop;interop_zarr" TIMEOUT 600
      ENVIRONMENT "${PYR_TEST_ENVIRONMENT};PYRALOG_ZARR_TOOL=${CMAKE_BINARY_DIR}/zarr_tool")
  endif()
endif()

# sqllogictest files of two dialects through the façade: tests/sqllogic/README.md. The list of files
# that pass is a test; `make sqllogictest` prints the score of all.
file(GLOB pyr_sqllogic CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/sqllogic/*.c)
if(pyr_sqllogic AND TARGET pyr_session AND PYRALOG_DUCKDB AND ZLIB_FOUND)
  add_executable(sqllogictest ${pyr_sqllogic})
  target_link_libraries(sqllogictest PRIVATE pyr_session ZLIB::ZLIB)
  add_dependencies(all_tests sqllogictest)
  # The runner on files of its own, tests/sql (ours), and the corpora's files that pass.
  file(GLOB pyr_slt_passes CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/sqllogic/selftest/pass_*.test)
  file(GLOB pyr_slt_fails CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/sqllogic/selftest/fail_*.test)
  file(GLOB pyr_slt_ours CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/sql/*.test)
  add_test(NAME sqllogic/runner_passes COMMAND sqllogictest --expect passed ${pyr_slt_passes})
  add_test(NAME sqllogic/runner_fails COMMAND sqllogictest --expect failed ${pyr_slt_fails})
  add_test(NAME sqllogic/ours COMMAND sqllogictest --expect passed ${pyr_slt_ours})
  add_test(NAME sqllogic/passing COMMAND sqllogictest --expect passed --timeout 200
           --list ${CMAKE_SOURCE_DIR}/tests/sqllogic/passing.txt)
  set_tests_properties(sqllogic/runner_passes sqllogic/runner_fails sqllogic/ours sqllogic/passing
    PROPERTIES LABELS "sqllogic" TIMEOUT 600 SKIP_RETURN_CODE 77
    ENVIRONMENT "${PYR_TEST_ENVIRONMENT}")
  set_tests_properties(sqllogic/passing PROPERTIES PROCESSORS 2)
endif()

# The native engine against DuckDB and itself: tests/differential/README.md.
file(GLOB pyr_differential CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/differential/*.c)
if(TARGET pyr_session AND PYRALOG_DUCKDB)
  add_executable(differential EXCLUDE_FROM_ALL ${pyr_differential})
  target_link_libraries(differential PRIVATE pyr_session)
  add_dependencies(all_tests differential)
  foreach(seed 1 2) # 10,000 statements, as two tests: they are the longest
    add_test(NAME differential/seed${seed} COMMAND differential --seed ${seed} --statements 5000)
    set_tests_properties(differential/seed${seed} PROPERTIES LABELS "differential" TIMEOUT 900
      COST 1000 SKIP_RETURN_CODE 77 ENVIRONMENT "${PYR_TEST_ENVIRONMENT}")
  endforeach()
endif()

# tests/fault: storage that never loses a row, see the folder's README.md. Short runs here, the long
# ones are `make soak`.
if(TARGET pyr_session AND PYRALOG_DUCKDB)
  add_library(pyr_fault STATIC EXCLUDE_FROM_ALL tests/fault/fault_db.c tests/fault/fault_ingest.c)
  target_link_libraries(pyr_fault PUBLIC pyr_session ${CMAKE_DL_LIBS})
  if(PYRALOG_DUCKDB_LIBRARY)
    target_compile_definitions(pyr_fault PRIVATE PYRALOG_DUCKDB_LIBRARY="${PYRALOG_DUCKDB_LIBRARY}")
  endif()
  add_custom_target(fault_tests)
  add_dependencies(all_tests fault_tests)
  function(pyr_fault_program name)
    add_executable(fault_${name} EXCLUDE_FROM_ALL ${ARGN})
    target_link_libraries(fault_${name} PRIVATE pyr_fault)
    add_dependencies(fault_tests fault_${name})
  endfunction()
  set(pyr_kill tests/fault/kill_model.c tests/fault/kill_writer.c tests/fault/kill_look.c)
  pyr_fault_program(kill tests/fault/kill_test.c ${pyr_kill})
  pyr_fault_program(power tests/fault/power_test.c ${pyr_kill} tests/fault/shim.c
    tests/fault/power.c)
  pyr_fault_program(oracle tests/fault/oracle_test.c tests/fault/oracle_model.c
    tests/fault/oracle_make.c tests/fault/oracle_print.c)
  pyr_fault_program(files tests/fault/files_test.c tests/fault/files_work.c tests/fault/shim.c
    tests/fault/power.c)
  pyr_fault_program(memory tests/fault/memory_test.c tests/fault/files_work.c)
  foreach(function malloc calloc realloc aligned_alloc strdup strndup asprintf vasprintf)
    target_link_options(fault_memory PRIVATE "LINKER:--wrap=${function}")
  endforeach()
  add_test(NAME fault/kill COMMAND fault_kill --rounds 50)
  add_test(NAME fault/oracle COMMAND fault_oracle --seeds 5 --steps 200)
  add_test(NAME fault/files COMMAND fault_files --stride 97)
  add_test(NAME fault/memory COMMAND fault_memory --stride 23)
  add_test(NAME fault/power COMMAND fault_power --rounds 20)
  set(pyr_faults fault/kill fault/power fault/oracle fault/files fault/memory)
  if(TARGET pyralog_program AND EXISTS ${PYR_PYTHON})
    add_test(NAME fault/duckdb COMMAND ${PYR_PYTHON} ${CMAKE_SOURCE_DIR}/tests/fault/duckdb_oracle.py
             $<TARGET_FILE:pyralog_program> --seeds 2 --statements 200)
    list(APPEND pyr_faults fault/duckdb)
  endif()
  set_tests_properties(${pyr_faults} PROPERTIES LABELS "fault" TIMEOUT 600 SKIP_RETURN_CODE 77
    ENVIRONMENT "${PYR_TEST_ENVIRONMENT}")
endif()
