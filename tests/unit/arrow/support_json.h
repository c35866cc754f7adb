/* support_json.h - Arrow's integration JSON ("Integration Testing", "JSON test data format") to
 * batches, independent of the IPC reader: what the golden files are compared with.
 */
#ifndef PYR_TESTS_SUPPORT_JSON_H
#define PYR_TESTS_SUPPORT_JSON_H

#include "arrow/batch.h"

typedef struct json_table {
    pyr_schema *schema;
    pyr_batch **batches;
    size_t batches_count;
} json_table;

/* A gzipped file. Fails the running test on anything unexpected. */
void json_table_load(const char *path, json_table *out);
void json_table_deinit(json_table *table);

#endif
