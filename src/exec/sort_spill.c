/* sort_spill.c - sorts beyond the memory limit.
 *
 * A run that grows too large is written in its order, with its keys as a column more, and read back
 * by mapping. The order of all rows is a merge of the runs, one row after the other of each, and is
 * written to a mapped file, too: whoever reads the sorted rows finds them as if all were in memory.
 */
#include "exec/run_internal.h"
#include "exec/sort_internal.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_BATCH_ROWS = 2 * PYR_VECTOR_ROWS };

void pyr_sort_file_deinit(pyr_sort_file *file) {
    pyr_spill_destroy(file->spill);
    free(file->ends);
    memset(file, 0, sizeof(*file));
}

/* ---- Writing a run. ---- */

static pyr_status file_schema(const pyr_sort_sink *sink, pyr_schema **out, pyr_error *error) {
    int32_t columns = sink->schema->fields_count;
    pyr_field **fields = calloc((size_t)columns + 1, sizeof(pyr_field *));
    *out = NULL;
    if (fields == NULL) {
        return pyr_error_memory(error, (size_t)columns * sizeof(pyr_field *));
    }
    if (columns > 0) {
        memcpy(fields, sink->schema->fields, (size_t)columns * sizeof(pyr_field *));
    }
    pyr_status status =
        pyr_sql_type_field(pyr_sql_type_of(PYR_SQL_BLOB), "key", &fields[columns], error);
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, columns + 1, NULL, out, error);
        pyr_field_release(fields[columns]);
    }
    free(fields);
    return status;
}

/* A key as the file has it: its bytes, or those of its prefix. */
static void put_keys(const pyr_row_key *keys, int32_t count, uint8_t (*room)[8], pyr_string *out) {
    for (int32_t i = 0; i < count; ++i) {
        if (keys[i].bytes != NULL) {
            out[i] = (pyr_string){keys[i].bytes, keys[i].length};
            continue;
        }
        for (int b = 0; b < 8; ++b) {
            room[i][b] = (uint8_t)(keys[i].prefix >> (8 * (7 - b)));
        }
        out[i] = (pyr_string){room[i], 8};
    }
}

typedef struct run_writer {
    const pyr_sort_sink *sink;
    pyr_sort_file *file;
    pyr_row_gather *gather;
    pyr_batch_maker *maker;
    pyr_vector *vectors; /* the columns, then the key */
    uint32_t batches[PYR_VECTOR_ROWS], rows[PYR_VECTOR_ROWS];
    uint8_t room[PYR_VECTOR_ROWS][8];
    pyr_string keys[PYR_VECTOR_ROWS];
} run_writer;

/* Takes batch, NULL allowed. */
static pyr_status write_batch(run_writer *self, pyr_batch *batch, pyr_error *error) {
    if (batch == NULL) {
        return PYR_OK;
    }
    pyr_status status = pyr_spill_add(self->file->spill, batch, error);
    pyr_batch_release(batch);
    self->file->batches_count += status == PYR_OK;
    return status;
}

static pyr_status write_rows(run_writer *self, const pyr_row_key *keys, int32_t count,
                             pyr_error *error) {
    int32_t columns = self->sink->node->columns_count;
    pyr_batch *full = NULL;
    for (int32_t i = 0; i < count; ++i) {
        self->batches[i] = keys[i].batch;
        self->rows[i] = keys[i].row;
    }
    pyr_row_gather_rows(self->gather, self->batches, self->rows, count, self->vectors);
    put_keys(keys, count, self->room, self->keys);
    self->vectors[columns] = (pyr_vector){.physical = PYR_PHYSICAL_STRING, .data = self->keys};
    pyr_chunk chunk = {
        .rows = count, .selected = count, .columns_count = columns + 1, .columns = self->vectors};
    PYR_TRY(pyr_batch_maker_add(self->maker, &chunk, &full, error));
    return write_batch(self, full, error);
}

static pyr_status write_run(run_writer *self, const pyr_sort_run *run, pyr_error *error) {
    const pyr_sort_sink *sink = self->sink;
    pyr_schema *schema = NULL;
    PYR_TRY(file_schema(sink, &schema, error));
    pyr_status status = PYR_OK;
    if (self->file->spill == NULL) {
        status = pyr_spill_create(sink->exec, sink->node->id, schema, &self->file->spill, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_maker_create(schema, FILE_BATCH_ROWS, PYR_COPY_SORT, sink->exec->ledger,
                                        sink->exec->budget, &self->maker, error);
    }
    pyr_schema_release(schema);
    PYR_TRY(status);
    PYR_TRY(pyr_row_gather_create(run->batches, run->batches_count, sink->node->columns,
                                  sink->node->columns_count, sink->exec->budget, &self->gather,
                                  error));
    for (int64_t at = 0; at < run->count; at += PYR_VECTOR_ROWS) {
        int64_t left = run->count - at;
        PYR_TRY(pyr_cancel_flag_check(sink->exec->cancel, error));
        PYR_TRY(write_rows(self, run->keys + at,
                           (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS), error));
    }
    pyr_batch *last = NULL;
    PYR_TRY(pyr_batch_maker_finish(self->maker, &last, error));
    return write_batch(self, last, error);
}

static pyr_status note_end(pyr_sort_file *file, pyr_error *error) {
    if (file->runs_count == file->runs_capacity) {
        size_t larger = 2 * file->runs_capacity + 16;
        size_t *grown = realloc(file->ends, larger * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, larger * sizeof(*grown));
        }
        file->ends = grown;
        file->runs_capacity = larger;
    }
    file->ends[file->runs_count++] = file->batches_count;
    return PYR_OK;
}

pyr_status pyr_sort_run_write(const pyr_sort_sink *sink, pyr_sort_run *run, pyr_sort_file *file,
                              pyr_error *error) {
    run_writer *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->sink = sink;
    self->file = file;
    self->vectors = calloc((size_t)sink->node->columns_count + 1, sizeof(*self->vectors));
    pyr_status status = self->vectors != NULL ? write_run(self, run, error)
                                              : pyr_error_memory(error, sizeof(*self->vectors));
    pyr_row_gather_destroy(self->gather);
    pyr_batch_maker_destroy(self->maker);
    free(self->vectors);
    free(self);
    PYR_TRY(status);
    pyr_sort_run_deinit(run);
    pyr_sort_run_init(run, sink->exec->budget);
    return note_end(file, error);
}

/* ---- Merging. ---- */

/* A run's next row. Its batches are [batch, batch_end) of all. */
typedef struct run_cursor {
    pyr_row_key key;
    const pyr_row_key *keys; /* in memory; NULL: in a file */
    int64_t left;            /* in memory: rows behind this one */
    uint32_t batch, batch_end, row;
    uint32_t first_batch; /* in memory: of the run's first */
} run_cursor;

typedef struct merging {
    pyr_sort_sink *sink;
    bool is_long;
    uint32_t short_length; /* of keys that are not */
    run_cursor *heap;
    size_t count;
} merging;

static void read_key(const merging *self, run_cursor *cursor) {
    const pyr_batch *batch = self->sink->all.batches[cursor->batch];
    const pyr_array *keys = batch->columns[self->sink->node->columns_count];
    const int32_t *offsets =
        (const int32_t *)(const void *)keys->buffers[1]->data + keys->offset + cursor->row;
    const uint8_t *bytes = keys->buffers[2]->data + offsets[0];
    uint32_t length = (uint32_t)(offsets[1] - offsets[0]);
    uint64_t prefix = 0;
    for (uint32_t i = 0; i < 8; ++i) {
        prefix = (prefix << 8) | (i < length ? bytes[i] : 0);
    }
    cursor->key = (pyr_row_key){.prefix = prefix,
                                .bytes = self->is_long ? bytes : NULL,
                                .length = self->is_long ? length : self->short_length,
                                .batch = cursor->batch,
                                .row = cursor->row};
}

/* false: the run has ended. */
static bool advance(const merging *self, run_cursor *cursor) {
    if (cursor->keys != NULL) {
        if (cursor->left == 0) {
            return false;
        }
        cursor->key = *cursor->keys++;
        cursor->key.batch += cursor->first_batch;
        --cursor->left;
        return true;
    }
    if (cursor->row + 1 < (uint64_t)self->sink->all.batches[cursor->batch]->rows) {
        ++cursor->row;
    } else if (cursor->batch + 1 < cursor->batch_end) {
        ++cursor->batch;
        cursor->row = 0;
    } else {
        return false;
    }
    read_key(self, cursor);
    return true;
}

static void sift_down(merging *self, size_t at) {
    run_cursor moved = self->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= self->count) {
            break;
        }
        if (child + 1 < self->count &&
            pyr_row_key_order(&self->heap[child + 1].key, &self->heap[child].key) < 0) {
            ++child;
        }
        if (pyr_row_key_order(&moved.key, &self->heap[child].key) <= 0) {
            break;
        }
        self->heap[at] = self->heap[child];
        at = child;
    }
    self->heap[at] = moved;
}

/* The batches of a file to all of them, and a cursor for each of its runs. */
static pyr_status add_file(merging *self, pyr_sort_file *file, pyr_error *error) {
    pyr_sort_run *all = &self->sink->all;
    uint32_t first = (uint32_t)all->batches_count;
    file->first = first;
    PYR_TRY(pyr_spill_open(file->spill, error));
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_spill_next(file->spill, &batch, error));
        if (batch == NULL) {
            break;
        }
        PYR_TRY(pyr_sort_run_add_batch(all, batch, error));
    }
    for (size_t i = 0; i < file->runs_count; ++i) {
        run_cursor *cursor = &self->heap[self->count];
        uint32_t begin = first + (i > 0 ? (uint32_t)file->ends[i - 1] : 0);
        *cursor = (run_cursor){.batch = begin, .batch_end = first + (uint32_t)file->ends[i]};
        if (cursor->batch < cursor->batch_end) {
            read_key(self, cursor);
            ++self->count;
        }
    }
    return PYR_OK;
}

static pyr_status add_run(merging *self, const pyr_sort_run *run, pyr_error *error) {
    pyr_sort_run *all = &self->sink->all;
    run_cursor *cursor = &self->heap[self->count];
    *cursor = (run_cursor){
        .keys = run->keys, .left = run->count, .first_batch = (uint32_t)all->batches_count};
    for (size_t i = 0; i < run->batches_count; ++i) {
        PYR_TRY(pyr_sort_run_add_batch(all, pyr_batch_retain(run->batches[i]), error));
    }
    if (run->count > 0 && advance(self, cursor)) {
        ++self->count;
    }
    return PYR_OK;
}

static pyr_status add_all(merging *self, int64_t *rows, pyr_error *error) {
    pyr_sort_sink *sink = self->sink;
    *rows = 0;
    for (size_t i = 0; i < sink->files_count; ++i) {
        *rows += pyr_spill_rows(sink->files[i].spill);
        PYR_TRY(add_file(self, &sink->files[i], error));
    }
    for (size_t i = 0; i < sink->runs_count; ++i) {
        *rows += sink->runs[i].count;
        PYR_TRY(add_run(self, &sink->runs[i], error));
    }
    for (size_t i = self->count / 2; i > 0; --i) {
        sift_down(self, i - 1);
    }
    return PYR_OK;
}

static pyr_status merge(merging *self, pyr_error *error) {
    enum { CHECK_ROWS = 1 << 16 };
    pyr_sort_run *all = &self->sink->all;
    int64_t rows = 0;
    void *keys = NULL;
    PYR_TRY(add_all(self, &rows, error));
    if (rows == 0) {
        return PYR_OK;
    }
    size_t bytes = (size_t)rows * sizeof(*all->keys);
    PYR_TRY(pyr_spill_map(self->sink->exec, self->sink->node->id, bytes, &keys, error));
    all->keys = keys;
    all->mapped_bytes = bytes;
    for (all->count = 0; all->count < rows && self->count > 0; ++all->count) {
        if (all->count % CHECK_ROWS == 0) {
            PYR_TRY(pyr_cancel_flag_check(self->sink->exec->cancel, error));
        }
        all->keys[all->count] = self->heap[0].key;
        if (!advance(self, &self->heap[0])) {
            self->heap[0] = self->heap[--self->count];
        }
        sift_down(self, 0);
    }
    return PYR_OK;
}

pyr_status pyr_sort_merge_files(pyr_sort_sink *sink, pyr_error *error) {
    merging self = {.sink = sink,
                    .is_long = pyr_sort_keys_long(sink->columns, sink->columns_count),
                    .short_length = pyr_sort_keys_length(sink->columns, sink->columns_count)};
    size_t runs = sink->runs_count;
    for (size_t i = 0; i < sink->files_count; ++i) {
        runs += sink->files[i].runs_count;
    }
    self.heap = calloc(runs + 1, sizeof(*self.heap));
    if (self.heap == NULL) {
        return pyr_error_memory(error, runs * sizeof(*self.heap));
    }
    pyr_status status = merge(&self, error);
    free(self.heap);
    return status;
}
