/* row_writer.c - see rows.h. Rows of a table with CHECKs wait until there are many, are looked at
 * by an engine as they stand, and go on only then: what is checked is what is stored, whichever
 * statement it came from. */
#include "session/model_registry.h"

#include <stdlib.h>

struct pyr_row_writer {
    pyr_execution *execution; /* borrowed */
    pyr_table *table;         /* retained */
    pyr_row_writer_options options;
    pyr_returning *returning; /* borrowed; NULL: nobody asks for the rows */
    bool checked;             /* the table has CHECKs */
    bool generates;           /* and columns that are computed here */
    pyr_appender *appender;   /* of a table without keys */
    pyr_own_change own;       /* of one with keys, where the options have none */
    pyr_keyed_counts counts;
    bool registry;      /* the table is model_registry: */
    pyr_models *models; /* its rows, once they were needed */
    pyr_kept_batches waiting;
    int64_t rows; /* that wait */
};

static pyr_status open_keyed(pyr_row_writer *writer, pyr_error *error) {
    pyr_execution *execution = writer->execution;
    writer->registry = pyr_registry_is_seen(writer->table);
    if (writer->options.change == NULL || writer->options.change == execution->change) {
        PYR_TRY(pyr_registry_ready(execution, writer->table, error));
    }
    if (writer->options.change != NULL) {
        return PYR_OK;
    }
    PYR_TRY(pyr_own_change_begin(execution, &writer->own, error));
    writer->options.change = writer->own.change;
    return PYR_OK;
}

static pyr_status open_appender(pyr_row_writer *writer, pyr_error *error) {
    /* The table as the statement sees it: what was altered meanwhile is 40001 at the commit. */
    const pyr_table *table = writer->table;
    const pyr_appender_options options = {.change = writer->options.change,
                                          .base = writer->execution->snapshot};
    return pyr_appender_create(writer->execution->connection->db->catalog, table->schema_name,
                               table->name, table->schema, &options, &writer->execution->ledger,
                               &writer->appender, error);
}

pyr_status pyr_row_writer_create(pyr_execution *execution, pyr_table *table,
                                 const pyr_row_writer_options *options, pyr_row_writer **out,
                                 pyr_error *error) {
    *out = NULL;
    pyr_row_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        return pyr_error_memory(error, sizeof(*writer));
    }
    writer->execution = execution;
    writer->options = *options;
    writer->table = pyr_table_retain(table);
    writer->checked = table->constraints != NULL && table->constraints->checks_count > 0;
    writer->generates = pyr_table_has_generated(table);
    pyr_status status =
        pyr_table_is_keyed(table) ? open_keyed(writer, error) : open_appender(writer, error);
    if (status != PYR_OK) {
        pyr_row_writer_destroy(writer);
        return status;
    }
    *out = writer;
    return PYR_OK;
}

void pyr_row_writer_set_returning(pyr_row_writer *writer, pyr_returning *returning) {
    writer->returning = returning;
}

static void drop_waiting(pyr_row_writer *writer) {
    pyr_kept_batches_clear(&writer->waiting);
    writer->rows = 0;
}

void pyr_row_writer_destroy(pyr_row_writer *writer) {
    if (writer == NULL) {
        return;
    }
    pyr_kept_batches_deinit(&writer->waiting);
    pyr_appender_destroy(writer->appender);
    pyr_own_change_deinit(&writer->own);
    pyr_models_destroy(writer->models);
    pyr_table_release(writer->table);
    free(writer);
}

static pyr_status write_keyed(pyr_row_writer *writer, pyr_batch *batch, pyr_error *error) {
    pyr_execution *execution = writer->execution;
    const pyr_keyed_write_options options = {.mode = writer->options.mode,
                                             .conflict_key = writer->options.conflict_key,
                                             .ledger = &execution->ledger,
                                             .budget = execution->budget};
    pyr_batch *written = NULL;
    pyr_batch **wanted = writer->returning != NULL ? &written : NULL;
    pyr_status status = writer->registry
                            ? pyr_registry_write(execution, writer->options.change, writer->table,
                                                 batch, writer->options.anew, &options,
                                                 &writer->models, &writer->counts, wanted, error)
                            : pyr_keyed_write(writer->options.change, writer->table, batch,
                                              &options, &writer->counts, wanted, error);
    if (status == PYR_OK && written != NULL) {
        status = pyr_returning_batch(writer->returning, written, error);
    }
    pyr_batch_release(written);
    return status;
}

static pyr_status append(pyr_row_writer *writer, pyr_batch *batch, pyr_error *error) {
    if (writer->appender == NULL) {
        PYR_TRY(write_keyed(writer, batch, error));
    } else {
        PYR_TRY(pyr_appender_batch(writer->appender, batch, error));
        PYR_TRY(pyr_returning_batch(writer->returning, batch, error));
    }
    /* A source mapping that was cut while it was read must not become rows of ours. */
    return pyr_batch_check_mappings(batch, error);
}

pyr_status pyr_row_writer_batch(pyr_row_writer *writer, pyr_batch *batch, pyr_error *error) {
    bool hold = writer->options.hold && writer->appender == NULL;
    if (!writer->checked && !writer->generates && !hold) {
        return append(writer, batch, error);
    }
    PYR_TRY(pyr_kept_batches_add(&writer->waiting, batch, error));
    writer->rows += pyr_batch_selected(batch);
    return !hold && writer->rows >= PYR_SEGMENT_BATCH_ROWS ? pyr_row_writer_flush(writer, error)
                                                           : PYR_OK;
}

static pyr_status check_waiting(pyr_row_writer *writer, pyr_error *error) {
    pyr_staged staged = {0};
    pyr_status status = pyr_staged_init(&staged, writer->execution, writer->table->schema, error);
    for (size_t i = 0; status == PYR_OK && i < writer->waiting.count; ++i) {
        status = pyr_staged_add(&staged, writer->waiting.items[i], error);
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

/* What waits is replaced by the same rows with their generated columns. */
static pyr_status compute_waiting(pyr_row_writer *writer, pyr_error *error) {
    pyr_kept_batches computed = {0};
    pyr_status status =
        pyr_generated_compute(writer->execution, writer->table, writer->waiting.items,
                              writer->waiting.count, &computed, error);
    pyr_kept_batches_deinit(&writer->waiting);
    writer->waiting = computed;
    return status;
}

pyr_status pyr_row_writer_flush(pyr_row_writer *writer, pyr_error *error) {
    if (writer->rows == 0) {
        drop_waiting(writer);
        return PYR_OK;
    }
    pyr_status status = writer->generates ? compute_waiting(writer, error) : PYR_OK;
    if (status == PYR_OK && writer->checked) {
        status = check_waiting(writer, error);
    }
    for (size_t i = 0; status == PYR_OK && i < writer->waiting.count; ++i) {
        status = append(writer, writer->waiting.items[i], error);
    }
    drop_waiting(writer);
    return status;
}

pyr_status pyr_row_writer_commit(pyr_row_writer *writer, int64_t *rows, pyr_error *error) {
    PYR_TRY(pyr_row_writer_flush(writer, error));
    if (writer->appender != NULL) {
        return pyr_appender_commit(writer->appender, rows, error);
    }
    PYR_TRY(pyr_own_change_commit(&writer->own, writer->table, error));
    if (rows != NULL) {
        *rows = writer->counts.inserted + writer->counts.replaced;
    }
    return PYR_OK;
}
