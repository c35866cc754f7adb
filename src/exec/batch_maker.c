/* batch_maker.c - chunks made batches: by reference where whole runs of rows go on, else gathered.
 *
 * Of rows that are heavy - tensors, documents - a single run that a filter left of a chunk goes on
 * by reference, too, and is a batch however short it is.
 */
#include "exec/exec_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A run shorter than this is gathered with its neighbours rather than being a batch by itself;
 * unless its strings have so many bytes a row, which cost more to move than a batch does. */
enum { RUN_ROWS_MIN = 4 * PYR_VECTOR_ROWS, HEAVY_ROW_BYTES = 4096 };

struct pyr_batch_maker {
    pyr_schema *schema; /* retained */
    int64_t rows_max;
    pyr_budget *budget;
    int32_t columns;
    pyr_column_writer *writers;
    int64_t written; /* rows in the writers */
    /* The run: rows [run_first[i], + run_rows) of run[i], each retained. Never beside written rows.
     */
    pyr_array **run;
    int64_t *run_first;
    int64_t run_rows;
    bool run_heavy;
};

static void end_run(pyr_batch_maker *maker) {
    for (int32_t i = 0; i < maker->columns; ++i) {
        pyr_array_release(maker->run[i]);
        maker->run[i] = NULL;
    }
    maker->run_rows = 0;
}

void pyr_batch_maker_destroy(pyr_batch_maker *maker) {
    if (maker == NULL) {
        return;
    }
    if (maker->run != NULL) {
        end_run(maker);
    }
    for (int32_t i = 0; maker->writers != NULL && i < maker->columns; ++i) {
        pyr_column_writer_deinit(&maker->writers[i]);
    }
    pyr_schema_release(maker->schema);
    free(maker->writers);
    free(maker->run);
    free(maker->run_first);
    free(maker);
}

pyr_status pyr_batch_maker_create(pyr_schema *schema, int64_t rows_max, pyr_copy_reason reason,
                                  pyr_query_ledger *ledger, pyr_budget *budget,
                                  pyr_batch_maker **out, pyr_error *error) {
    *out = NULL;
    size_t columns = (size_t)schema->fields_count;
    pyr_batch_maker *maker = calloc(1, sizeof(*maker));
    if (maker == NULL) {
        return pyr_error_memory(error, sizeof(*maker));
    }
    maker->schema = pyr_schema_retain(schema);
    maker->rows_max = rows_max;
    maker->budget = budget;
    maker->writers = calloc(columns + 1, sizeof(*maker->writers));
    maker->run = calloc(columns + 1, sizeof(pyr_array *));
    maker->run_first = calloc(columns + 1, sizeof(*maker->run_first));
    if (maker->writers == NULL || maker->run == NULL || maker->run_first == NULL) {
        pyr_batch_maker_destroy(maker);
        return pyr_error_memory(error, columns * sizeof(*maker->writers));
    }
    maker->columns = schema->fields_count;
    for (int32_t i = 0; i < maker->columns; ++i) {
        pyr_sql_type type;
        bool native = pyr_sql_type_of_field(schema->fields[i], &type);
        assert(native);
        (void)native;
        pyr_column_writer_init(&maker->writers[i], schema->fields[i], pyr_sql_type_physical(type),
                               reason, ledger, budget);
        if (rows_max < maker->writers[i].first_rows) {
            maker->writers[i].first_rows = rows_max;
        }
    }
    *out = maker;
    return PYR_OK;
}

/* ---- Batches. ---- */

static pyr_status batch_of(pyr_batch_maker *maker, pyr_array **arrays, int64_t rows,
                           pyr_batch **out, pyr_error *error) {
    pyr_status status =
        pyr_batch_create(maker->schema, rows, arrays, maker->columns, NULL, out, error);
    for (int32_t i = 0; i < maker->columns; ++i) {
        pyr_array_release(arrays[i]);
    }
    free(arrays);
    return status;
}

static void release_some(pyr_array **arrays, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        pyr_array_release(arrays[i]);
    }
    free(arrays);
}

static pyr_status batch_of_writers(pyr_batch_maker *maker, pyr_batch **out, pyr_error *error) {
    pyr_array **arrays = calloc((size_t)maker->columns + 1, sizeof(pyr_array *));
    if (arrays == NULL) {
        return pyr_error_memory(error, (size_t)maker->columns * sizeof(pyr_array *));
    }
    for (int32_t i = 0; i < maker->columns; ++i) {
        pyr_status status = pyr_column_writer_finish(&maker->writers[i], &arrays[i], error);
        if (status != PYR_OK) {
            release_some(arrays, i);
            return status;
        }
    }
    int64_t rows = maker->written;
    maker->written = 0;
    return batch_of(maker, arrays, rows, out, error);
}

static pyr_status batch_of_run(pyr_batch_maker *maker, pyr_batch **out, pyr_error *error) {
    pyr_array **arrays = calloc((size_t)maker->columns + 1, sizeof(pyr_array *));
    if (arrays == NULL) {
        return pyr_error_memory(error, (size_t)maker->columns * sizeof(pyr_array *));
    }
    for (int32_t i = 0; i < maker->columns; ++i) {
        pyr_status status =
            pyr_array_slice(maker->run[i], maker->run_first[i], maker->run_rows, &arrays[i], error);
        if (status != PYR_OK) {
            release_some(arrays, i);
            return status;
        }
    }
    int64_t rows = maker->run_rows;
    end_run(maker);
    return batch_of(maker, arrays, rows, out, error);
}

/* ---- Chunks. ---- */

/* What is left of a chunk, where that is one run of rows that may go on by reference. */
typedef struct chunk_run {
    bool whole; /* it is one, and either all rows or heavy ones */
    bool heavy;
    int32_t first, rows; /* of the chunk */
} chunk_run;

static int64_t string_bytes(const pyr_vector *column, int32_t first, int32_t rows) {
    return column->offsets != NULL ? (int64_t)column->offsets[first + rows] - column->offsets[first]
                                   : 0;
}

/* rows: those selected, NULL: all. */
static chunk_run run_of(const pyr_batch_maker *maker, const pyr_chunk *chunk,
                        const uint16_t *rows) {
    chunk_run run = {.first = rows != NULL ? rows[0] : 0, .rows = chunk->selected};
    int64_t bytes = 0;
    if (rows != NULL && rows[chunk->selected - 1] - rows[0] != chunk->selected - 1) {
        return run;
    }
    for (int32_t i = 0; i < maker->columns; ++i) {
        const pyr_vector *column = &chunk->columns[i];
        if (column->array == NULL ||
            !pyr_field_type_equal(column->array->field, maker->schema->fields[i])) {
            return run;
        }
        bytes += string_bytes(column, run.first, run.rows);
    }
    run.heavy = bytes >= (int64_t)HEAVY_ROW_BYTES * run.rows;
    run.whole = rows == NULL || run.heavy;
    return run;
}

/* Whether it goes on where the maker's run ends, or may begin one. */
static bool continues_run(const pyr_batch_maker *maker, const pyr_chunk *chunk,
                          const chunk_run *run) {
    if (!run->whole || maker->written > 0 || maker->columns == 0 ||
        maker->run_rows + run->rows > maker->rows_max) {
        return false;
    }
    for (int32_t i = 0; i < maker->columns && maker->run_rows > 0; ++i) {
        const pyr_vector *column = &chunk->columns[i];
        if (column->array != maker->run[i] ||
            column->array_row + run->first != maker->run_first[i] + maker->run_rows) {
            return false;
        }
    }
    return true;
}

static void extend_run(pyr_batch_maker *maker, const pyr_chunk *chunk, const chunk_run *run) {
    for (int32_t i = 0; i < maker->columns && maker->run_rows == 0; ++i) {
        maker->run[i] = pyr_array_retain(chunk->columns[i].array);
        maker->run_first[i] = chunk->columns[i].array_row + run->first;
    }
    maker->run_heavy = run->heavy && (maker->run_rows == 0 || maker->run_heavy);
    maker->run_rows += run->rows;
}

static pyr_status write_columns(pyr_batch_maker *maker, const pyr_vector *columns,
                                const uint16_t *rows, int32_t count, pyr_error *error) {
    for (int32_t i = 0; i < maker->columns; ++i) {
        PYR_TRY(pyr_column_writer_add(&maker->writers[i], &columns[i], rows, count, error));
    }
    maker->written += count;
    return PYR_OK;
}

/* The rows of a run that is too short to be a batch. */
static pyr_status write_run(pyr_batch_maker *maker, pyr_error *error) {
    uint64_t room[2 * PYR_VECTOR_WORDS];
    for (int64_t at = 0; at < maker->run_rows; at += PYR_VECTOR_ROWS) {
        int64_t left = maker->run_rows - at;
        int32_t rows = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
        for (int32_t i = 0; i < maker->columns; ++i) {
            pyr_vector vector;
            pyr_vector_of_array(maker->run[i], maker->run_first[i] + at, rows, room, &vector);
            PYR_TRY(pyr_column_writer_add(&maker->writers[i], &vector, NULL, rows, error));
        }
        maker->written += rows;
    }
    end_run(maker);
    return PYR_OK;
}

static bool fits(const pyr_batch_maker *maker, const pyr_chunk *chunk, const uint16_t *rows) {
    if (maker->written + chunk->selected > maker->rows_max) {
        return false;
    }
    for (int32_t i = 0; i < maker->columns; ++i) {
        if (!pyr_column_writer_fits(&maker->writers[i], &chunk->columns[i], rows,
                                    chunk->selected)) {
            return false;
        }
    }
    return true;
}

/* Ends the run there is: as a batch, or gathered. */
static pyr_status leave_run(pyr_batch_maker *maker, pyr_batch **out, pyr_error *error) {
    if (maker->run_rows >= RUN_ROWS_MIN || (maker->run_rows > 0 && maker->run_heavy)) {
        return batch_of_run(maker, out, error);
    }
    return maker->run_rows > 0 ? write_run(maker, error) : PYR_OK;
}

pyr_status pyr_batch_maker_add(pyr_batch_maker *maker, pyr_chunk *chunk, pyr_batch **out,
                               pyr_error *error) {
    uint16_t room[PYR_VECTOR_ROWS + 16];
    *out = NULL;
    if (chunk->selected == 0) {
        return PYR_OK;
    }
    const uint16_t *rows = chunk->selected < chunk->rows ? pyr_chunk_rows(chunk, room) : NULL;
    chunk_run run = run_of(maker, chunk, rows);
    if (continues_run(maker, chunk, &run)) {
        extend_run(maker, chunk, &run);
        return PYR_OK;
    }
    PYR_TRY(leave_run(maker, out, error));
    pyr_status status = PYR_OK;
    if (maker->written > 0 && (run.heavy || !fits(maker, chunk, rows))) {
        status = batch_of_writers(maker, out, error);
    }
    if (status == PYR_OK && continues_run(maker, chunk, &run)) {
        extend_run(maker, chunk, &run);
    } else if (status == PYR_OK) {
        status = write_columns(maker, chunk->columns, rows, chunk->selected, error);
    }
    if (status != PYR_OK) {
        pyr_batch_release(*out);
        *out = NULL;
    }
    return status;
}

pyr_status pyr_batch_maker_finish(pyr_batch_maker *maker, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    if (maker->run_rows > 0) {
        return batch_of_run(maker, out, error);
    }
    return maker->written > 0 ? batch_of_writers(maker, out, error) : PYR_OK;
}
