/* row_writer.c - see rows.h. Rows of a table with CHECKs wait until there are many, are looked at
 * by an engine as they stand, and go on only then: what is checked is what is stored, whichever
 * statement it came from. */
#include "session/rows.h"

#include <stdlib.h>

struct pyr_row_writer {
    pyr_execution *execution; /* borrowed */
    pyr_table *table;         /* retained */
    pyr_appender *appender;
    bool checked; /* the table has CHECKs */
    pyr_batch **waiting;
    size_t count, capacity;
    int64_t rows;
};

pyr_status pyr_row_writer_create(pyr_execution *execution, pyr_table *table, pyr_change *change,
                                 pyr_row_writer **out, pyr_error *error) {
    *out = NULL;
    pyr_row_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        return pyr_error_memory(error, sizeof(*writer));
    }
    writer->execution = execution;
    writer->table = pyr_table_retain(table);
    writer->checked = table->constraints != NULL && table->constraints->checks_count > 0;
    pyr_appender_options options = {.change = change};
    pyr_status status =
        pyr_appender_create(execution->connection->db->catalog, table->schema_name, table->name,
                            table->schema, &options, &execution->ledger, &writer->appender, error);
    if (status != PYR_OK) {
        pyr_row_writer_destroy(writer);
        return status;
    }
    *out = writer;
    return PYR_OK;
}

static void drop_waiting(pyr_row_writer *writer) {
    for (size_t i = 0; i < writer->count; ++i) {
        pyr_batch_release(writer->waiting[i]);
    }
    writer->count = 0;
    writer->rows = 0;
}

void pyr_row_writer_destroy(pyr_row_writer *writer) {
    if (writer == NULL) {
        return;
    }
    drop_waiting(writer);
    free(writer->waiting);
    pyr_appender_destroy(writer->appender);
    pyr_table_release(writer->table);
    free(writer);
}

static pyr_status append(pyr_row_writer *writer, pyr_batch *batch, pyr_error *error) {
    PYR_TRY(pyr_appender_batch(writer->appender, batch, error));
    /* A source mapping that was cut while it was read must not become rows of ours. */
    return pyr_batch_check_mappings(batch, error);
}

static pyr_status wait(pyr_row_writer *writer, pyr_batch *batch, pyr_error *error) {
    if (writer->count == writer->capacity) {
        size_t wanted = writer->capacity > 0 ? writer->capacity * 2 : 16;
        pyr_batch **grown = realloc(writer->waiting, wanted * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, wanted * sizeof(*grown));
        }
        writer->waiting = grown;
        writer->capacity = wanted;
    }
    writer->waiting[writer->count++] = pyr_batch_retain(batch);
    writer->rows += pyr_batch_selected(batch);
    return PYR_OK;
}

pyr_status pyr_row_writer_batch(pyr_row_writer *writer, pyr_batch *batch, pyr_error *error) {
    if (!writer->checked) {
        return append(writer, batch, error);
    }
    PYR_TRY(wait(writer, batch, error));
    return writer->rows >= PYR_SEGMENT_BATCH_ROWS ? pyr_row_writer_flush(writer, error) : PYR_OK;
}

static pyr_status check_waiting(pyr_row_writer *writer, pyr_error *error) {
    pyr_staged staged = {0};
    pyr_status status = pyr_staged_init(&staged, writer->execution, writer->table->schema, error);
    for (size_t i = 0; status == PYR_OK && i < writer->count; ++i) {
        status = pyr_staged_add(&staged, writer->waiting[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_staged_show(&staged, error);
    }
    if (status == PYR_OK) {
        status = pyr_checks_run(writer->execution, writer->table, error);
    }
    pyr_staged_deinit(&staged);
    return status;
}

pyr_status pyr_row_writer_flush(pyr_row_writer *writer, pyr_error *error) {
    if (writer->rows == 0) {
        drop_waiting(writer);
        return PYR_OK;
    }
    pyr_status status = check_waiting(writer, error);
    for (size_t i = 0; status == PYR_OK && i < writer->count; ++i) {
        status = append(writer, writer->waiting[i], error);
    }
    drop_waiting(writer);
    return status;
}

pyr_status pyr_row_writer_commit(pyr_row_writer *writer, int64_t *rows, pyr_error *error) {
    PYR_TRY(pyr_row_writer_flush(writer, error));
    return pyr_appender_commit(writer->appender, rows, error);
}
