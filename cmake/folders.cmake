# pyr_folder(NAME [LINKS libraries...]): every .c below src/NAME becomes the static library
# pyr_NAME, linked to all folders declared before it.
set(PYR_FOLDERS "" CACHE INTERNAL "")

function(pyr_folder name)
  cmake_parse_arguments(arg "" "" "LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
  if(NOT PYRALOG_DUCKDB)
    list(FILTER sources EXCLUDE REGEX "/engines/duckdb/")
  endif()
  list(FILTER sources EXCLUDE REGEX "/cli/main\\.c$")
  if(NOT sources)
    return()
  endif()
  set(target pyr_${name})
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
  if(PYRALOG_DUCKDB)
    target_compile_definitions(${target} PUBLIC PYRALOG_HAVE_DUCKDB=1)
  endif()
  # Files of one ISA get its flags, and on other machines compile to nothing.
  set(isa_sources "")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
    set(isa_sources ${sources})
  endif()
  foreach(source ${isa_sources})
    if(source MATCHES "_avx2\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-mavx2;-mbmi2;-mfma")
    elseif(source MATCHES "_avx512\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
        "-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mbmi2;-mfma")
    endif()
  endforeach()
  set(below ${PYR_FOLDERS})
  list(REVERSE below)
  target_link_libraries(${target} PUBLIC ${below} ${arg_LINKS})
  set(folders ${PYR_FOLDERS} ${target})
  set(PYR_FOLDERS ${folders} CACHE INTERNAL "")

  # Generated protobuf code: src/NAME/*.proto, compiled into the build tree.
  file(GLOB protos CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.proto)
  foreach(proto ${protos})
    get_filename_component(stem ${proto} NAME_WE)
    set(out ${CMAKE_BINARY_DIR}/generated/${name})
    add_custom_command(
      OUTPUT ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
      COMMAND ${PROTOC_C} --proto_path=${CMAKE_SOURCE_DIR}/src/${name} --c_out=${out} ${proto}
      DEPENDS ${proto})
    target_sources(${target} PRIVATE ${out}/${stem}.pb-c.c)
    set_source_files_properties(${out}/${stem}.pb-c.c PROPERTIES COMPILE_OPTIONS "-w")
    target_include_directories(${target} PUBLIC ${CMAKE_BINARY_DIR}/generated)
  endforeach()
endfunction()
