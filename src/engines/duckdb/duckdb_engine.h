/* duckdb_engine.h - what the DuckDB engine offers beside engine.h. */
#ifndef PYR_ENGINES_DUCKDB_ENGINE_H
#define PYR_ENGINES_DUCKDB_ENGINE_H

#include "engines/engine.h"

/* Runs query->sql (one query) and writes its rows to path in format ("csv", "parquet", "json"), in
 * DuckDB's own writers. options: further options of COPY as SQL text, each beginning with ", "
 * (`, "header" 'false'`), or "". *rows: rows written. The path is checked against query->files.
 * Errors are those of prepare and execute; PYR_ERROR_IO and DISK_FULL for the file. What was
 * written when it fails is removed by DuckDB. */
PYR_MUST_CHECK pyr_status pyr_duckdb_copy_to(pyr_engine_session *session,
                                             const pyr_engine_query *query, const char *path,
                                             const char *format, const char *options, int64_t *rows,
                                             pyr_error *error);

#endif
