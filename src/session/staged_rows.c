/* staged_rows.c - see rows.h. A segment in memory, in a snapshot of the execution's own, which the
 * engines read like any other. */
#include "session/rows.h"

#include <stdlib.h>
#include <string.h>

/* Without the ids of an altered table's columns: others, which have none, stand beside them. */
static pyr_status nullable_schema(const pyr_schema *schema, pyr_schema **out, pyr_error *error) {
    size_t count = (size_t)schema->fields_count;
    pyr_field **fields = calloc(count + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(*fields));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = pyr_field_with(schema->fields[i], NULL, true, schema->fields[i]->metadata,
                                &fields[i], error);
    }
    pyr_schema *nullable = NULL;
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, schema->fields_count, NULL, &nullable, error);
    }
    if (status == PYR_OK) {
        status = pyr_catalog_own_schema(nullable, out, error);
    }
    pyr_schema_release(nullable);
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

pyr_status pyr_staged_init(pyr_staged *staged, pyr_execution *execution, const pyr_schema *schema,
                           pyr_error *error) {
    memset(staged, 0, sizeof(*staged));
    staged->execution = execution;
    PYR_TRY(nullable_schema(schema, &staged->schema, error));
    return pyr_segment_writer_create(NULL, staged->schema, PYR_IPC_UNCOMPRESSED, &execution->ledger,
                                     &staged->writer, error);
}

pyr_status pyr_staged_add(pyr_staged *staged, pyr_batch *batch, pyr_error *error) {
    pyr_execution *execution = staged->execution;
    if (pyr_batch_selected(batch) == 0) {
        return PYR_OK;
    }
    pyr_batch *dense = NULL;
    PYR_TRY(pyr_batch_dense(batch, &execution->ledger, execution->budget, &dense, error));
    pyr_status status = pyr_segment_writer_append(staged->writer, dense, error);
    pyr_batch_release(dense);
    return status;
}

pyr_status pyr_staged_show(pyr_staged *staged, pyr_error *error) {
    pyr_execution *execution = staged->execution;
    pyr_table *table = NULL;
    pyr_snapshot *with = NULL;
    PYR_TRY(pyr_segment_writer_finish(staged->writer, false, &staged->segment, error));
    pyr_status status = pyr_table_over_segment(PYR_SYSTEM_SCHEMA, "staged_rows", staged->schema,
                                               staged->segment, &table, error);
    if (status == PYR_OK) {
        status = pyr_snapshot_with(execution->snapshot, table, &with, error);
    }
    pyr_table_release(table);
    if (status == PYR_OK) {
        staged->before = execution->snapshot;
        execution->snapshot = with;
    }
    return status;
}

void pyr_staged_deinit(pyr_staged *staged) {
    if (staged->before != NULL) {
        pyr_snapshot_release(staged->execution->snapshot);
        staged->execution->snapshot = staged->before;
    }
    pyr_segment_writer_destroy(staged->writer);
    pyr_segment_release(staged->segment);
    pyr_schema_release(staged->schema);
    memset(staged, 0, sizeof(*staged));
}
