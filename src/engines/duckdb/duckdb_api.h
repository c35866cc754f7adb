/* duckdb_api.h - the part of DuckDB's C API that this folder uses, resolved at run time.
 *
 * libduckdb is opened with dlopen when the first query needs it, so that a start without SQL does
 * not pay for it and a machine without it still runs everything else. Only what is used is declared
 * here: handles are opaque, enums list the values we look at, structs that are passed by value have
 * DuckDB's layout (C API reference of DuckDB 1.5, "Types", "Common Types"). The functions are those
 * marked stable in 1.5.6, and duckdb_pending_prepared_streaming, which is deprecated but the only
 * way to a result that is not materialised.
 */
#ifndef PYR_ENGINES_DUCKDB_API_H
#define PYR_ENGINES_DUCKDB_API_H

#include "base/error.h"

typedef struct dd_database_handle *dd_database;
typedef struct dd_connection_handle *dd_connection;
typedef struct dd_config_handle *dd_config;
typedef struct dd_prepared_handle *dd_prepared;
typedef struct dd_extracted_handle *dd_extracted;
typedef struct dd_pending_handle *dd_pending;
typedef struct dd_chunk_handle *dd_chunk;
typedef struct dd_vector_handle *dd_vector;
typedef struct dd_selection_handle *dd_selection;
typedef struct dd_type_handle *dd_type;
typedef struct dd_value_handle *dd_value;
typedef struct dd_error_handle *dd_error;
typedef struct dd_arrow_options_handle *dd_arrow_options;
typedef struct dd_arrow_schema_handle *dd_arrow_schema;
typedef struct dd_table_function_handle *dd_table_function;
typedef struct dd_scalar_function_handle *dd_scalar_function;
typedef struct dd_bind_handle *dd_bind_info;
typedef struct dd_init_handle *dd_init_info;
typedef struct dd_call_handle *dd_call_info;
typedef struct dd_replacement_handle *dd_replacement_info;

/* Passed by value, so the layout counts: three counters, columns, error text, internals. Zeroed
 * before use. */
typedef struct dd_result {
    uint64_t counters[3];
    void *columns;
    char *error;
    void *internal;
} dd_result;

typedef struct dd_hugeint {
    uint64_t lower;
    int64_t upper;
} dd_hugeint;
typedef struct dd_uhugeint {
    uint64_t lower;
    uint64_t upper;
} dd_uhugeint;
typedef struct dd_decimal {
    uint8_t width;
    uint8_t scale;
    dd_hugeint value;
} dd_decimal;
typedef struct dd_interval {
    int32_t months;
    int32_t days;
    int64_t micros;
} dd_interval;
/* Days, micro-, milli-, nanoseconds or seconds alone in a struct, as the API passes them. */
typedef struct dd_date {
    int32_t days;
} dd_date;
typedef struct dd_ticks {
    int64_t ticks;
} dd_ticks;

typedef enum dd_state { DD_SUCCESS = 0, DD_FAILURE = 1 } dd_state;

typedef enum dd_type_id {
    DD_TYPE_INVALID = 0,
    DD_TYPE_BOOLEAN = 1,
    DD_TYPE_TINYINT = 2,
    DD_TYPE_SMALLINT = 3,
    DD_TYPE_INTEGER = 4,
    DD_TYPE_BIGINT = 5,
    DD_TYPE_UTINYINT = 6,
    DD_TYPE_USMALLINT = 7,
    DD_TYPE_UINTEGER = 8,
    DD_TYPE_UBIGINT = 9,
    DD_TYPE_FLOAT = 10,
    DD_TYPE_DOUBLE = 11,
    DD_TYPE_TIMESTAMP = 12,
    DD_TYPE_DATE = 13,
    DD_TYPE_TIME = 14,
    DD_TYPE_INTERVAL = 15,
    DD_TYPE_HUGEINT = 16,
    DD_TYPE_VARCHAR = 17,
    DD_TYPE_BLOB = 18,
    DD_TYPE_DECIMAL = 19,
    DD_TYPE_TIMESTAMP_S = 20,
    DD_TYPE_TIMESTAMP_MS = 21,
    DD_TYPE_TIMESTAMP_NS = 22,
    DD_TYPE_ENUM = 23,
    DD_TYPE_LIST = 24,
    DD_TYPE_STRUCT = 25,
    DD_TYPE_MAP = 26,
    DD_TYPE_UUID = 27,
    DD_TYPE_UNION = 28,
    DD_TYPE_BIT = 29,
    DD_TYPE_TIME_TZ = 30,
    DD_TYPE_TIMESTAMP_TZ = 31,
    DD_TYPE_UHUGEINT = 32,
    DD_TYPE_ARRAY = 33,
    DD_TYPE_ANY = 34,
    DD_TYPE_BIGNUM = 35,
    DD_TYPE_SQLNULL = 36,
    DD_TYPE_TIME_NS = 39,
    DD_TYPE_GEOMETRY = 40,
    DD_TYPE_VARIANT = 41
} dd_type_id;

typedef enum dd_statement_type {
    DD_STATEMENT_INVALID = 0,
    DD_STATEMENT_SELECT = 1,
    DD_STATEMENT_EXPLAIN = 4,
    DD_STATEMENT_CREATE = 7,
    DD_STATEMENT_COPY = 11
} dd_statement_type;

typedef enum dd_error_type {
    DD_ERROR_INVALID = 0,
    DD_ERROR_OUT_OF_RANGE = 1,
    DD_ERROR_CONVERSION = 2,
    DD_ERROR_DECIMAL = 4,
    DD_ERROR_MISMATCH_TYPE = 5,
    DD_ERROR_DIVIDE_BY_ZERO = 6,
    DD_ERROR_NOT_IMPLEMENTED = 11,
    DD_ERROR_CATALOG = 13,
    DD_ERROR_PARSER = 14,
    DD_ERROR_CONSTRAINT = 18,
    DD_ERROR_SYNTAX = 22,
    DD_ERROR_BINDER = 24,
    DD_ERROR_IO = 28,
    DD_ERROR_INTERRUPT = 29,
    DD_ERROR_FATAL = 30,
    DD_ERROR_INTERNAL = 31,
    DD_ERROR_INVALID_INPUT = 32,
    DD_ERROR_OUT_OF_MEMORY = 33,
    DD_ERROR_PERMISSION = 34,
    DD_ERROR_PARAMETER_NOT_RESOLVED = 35,
    DD_ERROR_PARAMETER_NOT_ALLOWED = 36,
    DD_ERROR_HTTP = 38,
    DD_ERROR_MISSING_EXTENSION = 39,
    DD_ERROR_AUTOLOAD = 40
} dd_error_type;

typedef void (*dd_bind_function)(dd_bind_info info);
typedef void (*dd_init_function)(dd_init_info info);
typedef void (*dd_scan_function)(dd_call_info info, dd_chunk output);
typedef void (*dd_delete_function)(void *data);
typedef void *(*dd_copy_function)(void *data);
typedef void (*dd_scalar_callback)(dd_call_info info, dd_chunk input, dd_vector output);
typedef void (*dd_replacement_function)(dd_replacement_info info, const char *table_name,
                                        void *data);

/* X(return type, name without "duckdb_", parameters) */
#define PYR_DUCKDB_FUNCTIONS(X)                                                                  \
    X(const char *, library_version, (void))                                                     \
    X(dd_state, create_config, (dd_config *))                                                    \
    X(dd_state, set_config, (dd_config, const char *, const char *))                             \
    X(void, destroy_config, (dd_config *))                                                       \
    X(dd_state, open_ext, (const char *, dd_database *, dd_config, char **))                     \
    X(void, close, (dd_database *))                                                              \
    X(dd_state, connect, (dd_database, dd_connection *))                                         \
    X(void, disconnect, (dd_connection *))                                                       \
    X(void, interrupt, (dd_connection))                                                          \
    X(void, connection_get_arrow_options, (dd_connection, dd_arrow_options *))                   \
    X(void, destroy_arrow_options, (dd_arrow_options *))                                         \
    X(dd_state, query, (dd_connection, const char *, dd_result *))                               \
    X(void, destroy_result, (dd_result *))                                                       \
    X(const char *, result_error, (dd_result *))                                                 \
    X(uint64_t, column_count, (dd_result *))                                                     \
    X(const char *, column_name, (dd_result *, uint64_t))                                        \
    X(dd_type, column_logical_type, (dd_result *, uint64_t))                                     \
    X(dd_chunk, fetch_chunk, (dd_result))                                                        \
    X(void, free, (void *))                                                                      \
    X(uint64_t, vector_size, (void))                                                             \
    X(uint64_t, extract_statements, (dd_connection, const char *, dd_extracted *))               \
    X(const char *, extract_statements_error, (dd_extracted))                                    \
    X(dd_state, prepare_extracted_statement,                                                     \
      (dd_connection, dd_extracted, uint64_t, dd_prepared *))                                    \
    X(void, destroy_extracted, (dd_extracted *))                                                 \
    X(void, destroy_prepare, (dd_prepared *))                                                    \
    X(const char *, prepare_error, (dd_prepared))                                                \
    X(uint64_t, nparams, (dd_prepared))                                                          \
    X(dd_type, param_logical_type, (dd_prepared, uint64_t))                                      \
    X(dd_state, clear_bindings, (dd_prepared))                                                   \
    X(dd_state, bind_value, (dd_prepared, uint64_t, dd_value))                                   \
    X(dd_statement_type, prepared_statement_type, (dd_prepared))                                 \
    X(uint64_t, prepared_statement_column_count, (dd_prepared))                                  \
    X(const char *, prepared_statement_column_name, (dd_prepared, uint64_t))                     \
    X(dd_type, prepared_statement_column_logical_type, (dd_prepared, uint64_t))                  \
    X(dd_state, pending_prepared_streaming, (dd_prepared, dd_pending *))                         \
    X(dd_state, execute_pending, (dd_pending, dd_result *))                                      \
    X(const char *, pending_error, (dd_pending))                                                 \
    X(void, destroy_pending, (dd_pending *))                                                     \
    X(dd_type, create_logical_type, (dd_type_id))                                                \
    X(dd_type_id, get_type_id, (dd_type))                                                        \
    X(dd_type, create_list_type, (dd_type))                                                      \
    X(dd_type, list_type_child_type, (dd_type))                                                  \
    X(dd_type, array_type_child_type, (dd_type))                                                 \
    X(dd_type, map_type_key_type, (dd_type))                                                     \
    X(dd_type, map_type_value_type, (dd_type))                                                   \
    X(uint64_t, struct_type_child_count, (dd_type))                                              \
    X(dd_type, struct_type_child_type, (dd_type, uint64_t))                                      \
    X(uint64_t, union_type_member_count, (dd_type))                                              \
    X(dd_type, union_type_member_type, (dd_type, uint64_t))                                      \
    X(dd_type, create_struct_type, (dd_type *, const char **, uint64_t))                         \
    X(uint32_t, enum_dictionary_size, (dd_type))                                                 \
    X(char *, enum_dictionary_value, (dd_type, uint64_t))                                        \
    X(dd_type, create_enum_type, (const char **, uint64_t))                                      \
    X(char *, logical_type_get_alias, (dd_type))                                                 \
    X(void, destroy_logical_type, (dd_type *))                                                   \
    X(dd_error, to_arrow_schema,                                                                 \
      (dd_arrow_options, dd_type *, const char **, uint64_t, struct ArrowSchema *))              \
    X(dd_error, data_chunk_to_arrow, (dd_arrow_options, dd_chunk, struct ArrowArray *))          \
    X(dd_error, schema_from_arrow, (dd_connection, struct ArrowSchema *, dd_arrow_schema *))     \
    X(dd_error, data_chunk_from_arrow,                                                           \
      (dd_connection, struct ArrowArray *, dd_arrow_schema, dd_chunk *))                         \
    X(void, destroy_arrow_converted_schema, (dd_arrow_schema *))                                 \
    X(bool, error_data_has_error, (dd_error))                                                    \
    X(const char *, error_data_message, (dd_error))                                              \
    X(void, destroy_error_data, (dd_error *))                                                    \
    X(dd_chunk, create_data_chunk, (dd_type *, uint64_t))                                        \
    X(void, destroy_data_chunk, (dd_chunk *))                                                    \
    X(dd_vector, data_chunk_get_vector, (dd_chunk, uint64_t))                                    \
    X(uint64_t, data_chunk_get_size, (dd_chunk))                                                 \
    X(void, data_chunk_set_size, (dd_chunk, uint64_t))                                           \
    X(dd_type, vector_get_column_type, (dd_vector))                                              \
    X(void, vector_reference_vector, (dd_vector, dd_vector))                                     \
    X(dd_vector, create_vector, (dd_type, uint64_t))                                             \
    X(void, destroy_vector, (dd_vector *))                                                       \
    X(void *, vector_get_data, (dd_vector))                                                      \
    X(dd_vector, list_vector_get_child, (dd_vector))                                             \
    X(uint64_t, list_vector_get_size, (dd_vector))                                               \
    X(dd_vector, array_vector_get_child, (dd_vector))                                            \
    X(uint64_t, array_type_array_size, (dd_type))                                                \
    X(dd_vector, struct_vector_get_child, (dd_vector, uint64_t))                                 \
    X(uint64_t *, vector_get_validity, (dd_vector))                                              \
    X(void, vector_ensure_validity_writable, (dd_vector))                                        \
    X(void, vector_copy_sel, (dd_vector, dd_vector, dd_selection, uint64_t, uint64_t, uint64_t)) \
    X(void, slice_vector, (dd_vector, dd_selection, uint64_t))                                   \
    X(dd_selection, create_selection_vector, (uint64_t))                                         \
    X(void, destroy_selection_vector, (dd_selection))                                            \
    X(uint32_t *, selection_vector_get_data_ptr, (dd_selection))                                 \
    X(void, add_replacement_scan,                                                                \
      (dd_database, dd_replacement_function, void *, dd_delete_function))                        \
    X(void, replacement_scan_set_function_name, (dd_replacement_info, const char *))             \
    X(void, replacement_scan_add_parameter, (dd_replacement_info, dd_value))                     \
    X(void, replacement_scan_set_error, (dd_replacement_info, const char *))                     \
    X(dd_table_function, create_table_function, (void))                                          \
    X(void, destroy_table_function, (dd_table_function *))                                       \
    X(void, table_function_set_name, (dd_table_function, const char *))                          \
    X(void, table_function_add_parameter, (dd_table_function, dd_type))                          \
    X(void, table_function_add_named_parameter, (dd_table_function, const char *, dd_type))      \
    X(void, table_function_set_extra_info, (dd_table_function, void *, dd_delete_function))      \
    X(void, table_function_set_bind, (dd_table_function, dd_bind_function))                      \
    X(void, table_function_set_init, (dd_table_function, dd_init_function))                      \
    X(void, table_function_set_local_init, (dd_table_function, dd_init_function))                \
    X(void, table_function_set_function, (dd_table_function, dd_scan_function))                  \
    X(void, table_function_supports_projection_pushdown, (dd_table_function, bool))              \
    X(dd_state, register_table_function, (dd_connection, dd_table_function))                     \
    X(void, bind_add_result_column, (dd_bind_info, const char *, dd_type))                       \
    X(uint64_t, bind_get_parameter_count, (dd_bind_info))                                        \
    X(dd_value, bind_get_parameter, (dd_bind_info, uint64_t))                                    \
    X(dd_value, bind_get_named_parameter, (dd_bind_info, const char *))                          \
    X(void *, bind_get_extra_info, (dd_bind_info))                                               \
    X(void, bind_set_bind_data, (dd_bind_info, void *, dd_delete_function))                      \
    X(void, bind_set_cardinality, (dd_bind_info, uint64_t, bool))                                \
    X(void, bind_set_error, (dd_bind_info, const char *))                                        \
    X(void *, init_get_bind_data, (dd_init_info))                                                \
    X(void, init_set_init_data, (dd_init_info, void *, dd_delete_function))                      \
    X(uint64_t, init_get_column_count, (dd_init_info))                                           \
    X(uint64_t, init_get_column_index, (dd_init_info, uint64_t))                                 \
    X(void, init_set_max_threads, (dd_init_info, uint64_t))                                      \
    X(void, init_set_error, (dd_init_info, const char *))                                        \
    X(void *, function_get_init_data, (dd_call_info))                                            \
    X(void *, function_get_local_init_data, (dd_call_info))                                      \
    X(void, function_set_error, (dd_call_info, const char *))                                    \
    X(dd_scalar_function, create_scalar_function, (void))                                        \
    X(void, destroy_scalar_function, (dd_scalar_function *))                                     \
    X(void, scalar_function_set_name, (dd_scalar_function, const char *))                        \
    X(void, scalar_function_add_parameter, (dd_scalar_function, dd_type))                        \
    X(void, scalar_function_set_return_type, (dd_scalar_function, dd_type))                      \
    X(void, scalar_function_set_volatile, (dd_scalar_function))                                  \
    X(void, scalar_function_set_bind, (dd_scalar_function, dd_bind_function))                    \
    X(void, scalar_function_set_bind_data, (dd_bind_info, void *, dd_delete_function))           \
    X(void, scalar_function_set_bind_data_copy, (dd_bind_info, dd_copy_function))                \
    X(void, scalar_function_bind_set_error, (dd_bind_info, const char *))                        \
    X(void *, scalar_function_get_bind_data, (dd_call_info))                                     \
    X(void, scalar_function_set_extra_info, (dd_scalar_function, void *, dd_delete_function))    \
    X(void *, scalar_function_get_extra_info, (dd_call_info))                                    \
    X(void, scalar_function_set_error, (dd_call_info, const char *))                             \
    X(void, scalar_function_set_function, (dd_scalar_function, dd_scalar_callback))              \
    X(dd_state, register_scalar_function, (dd_connection, dd_scalar_function))                   \
    X(void, destroy_value, (dd_value *))                                                         \
    X(dd_value, create_null_value, (void))                                                       \
    X(dd_value, create_bool, (bool))                                                             \
    X(dd_value, create_int8, (int8_t))                                                           \
    X(dd_value, create_int16, (int16_t))                                                         \
    X(dd_value, create_int32, (int32_t))                                                         \
    X(dd_value, create_int64, (int64_t))                                                         \
    X(dd_value, create_uint8, (uint8_t))                                                         \
    X(dd_value, create_uint16, (uint16_t))                                                       \
    X(dd_value, create_uint32, (uint32_t))                                                       \
    X(dd_value, create_uint64, (uint64_t))                                                       \
    X(dd_value, create_float, (float))                                                           \
    X(dd_value, create_double, (double))                                                         \
    X(dd_value, create_decimal, (dd_decimal))                                                    \
    X(dd_value, create_varchar_length, (const char *, uint64_t))                                 \
    X(dd_value, create_blob, (const uint8_t *, uint64_t))                                        \
    X(dd_value, create_uuid, (dd_uhugeint))                                                      \
    X(dd_value, create_date, (dd_date))                                                          \
    X(dd_value, create_time, (dd_ticks))                                                         \
    X(dd_value, create_time_ns, (dd_ticks))                                                      \
    X(dd_value, create_timestamp, (dd_ticks))                                                    \
    X(dd_value, create_timestamp_tz, (dd_ticks))                                                 \
    X(dd_value, create_timestamp_s, (dd_ticks))                                                  \
    X(dd_value, create_timestamp_ms, (dd_ticks))                                                 \
    X(dd_value, create_timestamp_ns, (dd_ticks))                                                 \
    X(dd_value, create_interval, (dd_interval))                                                  \
    X(dd_value, create_list_value, (dd_type, dd_value *, uint64_t))                              \
    X(dd_value, create_struct_value, (dd_type, dd_value *))                                      \
    X(dd_type, get_value_type, (dd_value))                                                       \
    X(bool, is_null_value, (dd_value))                                                           \
    X(bool, get_bool, (dd_value))                                                                \
    X(char *, get_varchar, (dd_value))

typedef struct pyr_duckdb_api {
    void *library; /* dlopen's handle; never closed: DuckDB keeps threads and thread-local state */
#define PYR_DUCKDB_MEMBER(type, name, parameters) __typeof__(type parameters) *(name);
    PYR_DUCKDB_FUNCTIONS(PYR_DUCKDB_MEMBER)
#undef PYR_DUCKDB_MEMBER
} pyr_duckdb_api;

/* Looks for libduckdb in this order: the file named by the environment's PYRALOG_DUCKDB_LIBRARY,
 * the one the build found, lib/pyralog/ beside the program's folder, the system's own. Fails with
 * PYR_ERROR_NOT_SUPPORTED: not found (where was looked and how to get it), or a function is missing
 * (its name and the library's version); a later call tries again. Thread-safe.
 *
 * The table is the process's, frozen once it is filled: DuckDB's callbacks are given nothing from
 * which it could be reached without it. */
PYR_MUST_CHECK pyr_status pyr_duckdb_api_load(const pyr_duckdb_api **out, pyr_error *error);
/* Inside a callback of DuckDB's: never NULL. */
const pyr_duckdb_api *pyr_duckdb_api_loaded(void);

#endif
