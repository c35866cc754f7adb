/* join_build.c - the build side of a hash join: its rows in batches, its keys in a table. */
#include "exec/join_internal.h"
#include "exec/spill.h"

#include <stdlib.h>
#include <string.h>

/* Of the memory limit: beyond it a worker's rows go to a file. The table of keys stays. */
static const double SPILL_SHARE = 0.4;
enum {
    BATCH_ROWS = 30 * PYR_VECTOR_ROWS,
    LIMITED_BATCH_ROWS = 4 * PYR_VECTOR_ROWS, /* where memory is limited */
};

typedef struct build_state {
    pyr_eval *keys;
    pyr_vector *vectors; /* the right side's columns, then its keys */
    pyr_batch_maker *maker;
    pyr_batch_list batches;
    pyr_spill *spill; /* NULL: none */
} build_state;

int32_t pyr_join_key_rows(const pyr_join_sink *join, const pyr_vector *keys, const uint16_t *rows,
                          int32_t count, uint16_t *out) {
    int32_t kept = 0;
    for (int32_t i = 0; i < count; ++i) {
        int32_t row = rows != NULL ? rows[i] : i;
        bool null = false;
        for (int32_t k = 0; k < join->node->as.join.keys_count; ++k) {
            bool equal =
                join->node->as.join.nulls_equal != NULL && join->node->as.join.nulls_equal[k];
            null |= !equal && pyr_vector_is_null(&keys[k], row);
        }
        out[kept] = (uint16_t)row;
        kept += !null;
    }
    return kept;
}

/* ---- A worker collects. ---- */

static void worker_destroy(pyr_sink *sink, void *state) {
    build_state *self = state;
    (void)sink;
    pyr_eval_destroy(self->keys);
    pyr_batch_maker_destroy(self->maker);
    pyr_batch_list_deinit(&self->batches);
    pyr_spill_destroy(self->spill);
    free(self->vectors);
    free(self);
}

static pyr_status worker_create(pyr_sink *sink, unsigned worker, void **state, pyr_error *error) {
    const pyr_join_sink *of = (const pyr_join_sink *)sink;
    build_state *self = calloc(1, sizeof(*self));
    (void)worker;
    *state = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    size_t columns = (size_t)of->schema->fields_count;
    self->vectors = calloc(columns + 1, sizeof(*self->vectors));
    if (self->vectors == NULL) {
        return pyr_error_memory(error, columns * sizeof(*self->vectors));
    }
    int64_t rows = pyr_spill_possible(of->exec) ? LIMITED_BATCH_ROWS : BATCH_ROWS;
    PYR_TRY(pyr_batch_maker_create(of->schema, rows, PYR_COPY_GATHER, of->exec->ledger,
                                   of->exec->budget, &self->maker, error));
    return pyr_eval_create(of->node->as.join.right_keys, of->node->as.join.keys_count,
                           of->exec->scalars, of->exec->budget, &self->keys, error);
}

/* Rows go to a file, which is opened where there is none. */
static pyr_status write_out(const pyr_join_sink *of, pyr_batch_list *rows, pyr_spill **spill,
                            pyr_error *error) {
    if (*spill == NULL) {
        PYR_TRY(pyr_spill_create(of->exec, of->node->id, of->schema, spill, error));
    }
    for (size_t i = 0; i < rows->count; ++i) {
        PYR_TRY(pyr_spill_add(*spill, rows->items[i], error));
    }
    pyr_batch_list_deinit(rows);
    return PYR_OK;
}

/* And come back by mapping, behind the sink's other rows. The file is open. */
static pyr_status read_back(pyr_join_sink *of, pyr_spill *spill, pyr_error *error) {
    for (bool first = true;; first = false) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_spill_next(spill, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        pyr_status status = pyr_batch_list_add(&of->batches, batch, error);
        if (status == PYR_OK && first) {
            status = pyr_batch_list_add(&of->files, pyr_batch_retain(batch), error);
        }
        PYR_TRY(status);
    }
}

pyr_status pyr_join_check_files(const pyr_join_sink *join, pyr_error *error) {
    for (size_t i = 0; i < join->files.count; ++i) {
        PYR_TRY(pyr_batch_check_mappings(join->files.items[i], error));
    }
    return PYR_OK;
}

static pyr_status keep_batch(const pyr_join_sink *of, build_state *self, pyr_batch *batch,
                             pyr_error *error) {
    PYR_TRY(pyr_batch_list_add(&self->batches, batch, error));
    return self->spill != NULL || pyr_spill_wanted(of->exec, 0, SPILL_SHARE)
               ? write_out(of, &self->batches, &self->spill, error)
               : PYR_OK;
}

static pyr_status consume(pyr_sink *sink, void *state, int64_t morsel, pyr_chunk *chunk,
                          pyr_error *error) {
    build_state *self = state;
    int32_t right = ((const pyr_join_sink *)sink)->node->right->columns_count;
    pyr_batch *full = NULL;
    (void)morsel;
    PYR_TRY(pyr_eval_run(self->keys, chunk, self->vectors + right, error));
    if (right > 0) {
        memcpy(self->vectors, chunk->columns, (size_t)right * sizeof(*self->vectors));
    }
    pyr_chunk whole = *chunk;
    whole.columns = self->vectors;
    whole.columns_count = right + ((const pyr_join_sink *)sink)->node->as.join.keys_count;
    PYR_TRY(pyr_batch_maker_add(self->maker, &whole, &full, error));
    return full != NULL ? keep_batch((const pyr_join_sink *)sink, self, full, error) : PYR_OK;
}

static pyr_status combine(pyr_sink *sink, void *state, pyr_error *error) {
    pyr_join_sink *of = (pyr_join_sink *)sink;
    build_state *self = state;
    pyr_batch *last = NULL;
    PYR_TRY(pyr_batch_maker_finish(self->maker, &last, error));
    if (last != NULL) {
        PYR_TRY(keep_batch(of, self, last, error));
    }
    if (self->spill != NULL) {
        PYR_TRY(pyr_spill_open(self->spill, error));
    }
    pthread_mutex_lock(&of->lock);
    pyr_status status = self->spill != NULL ? read_back(of, self->spill, error) : PYR_OK;
    for (size_t i = 0; i < self->batches.count && status == PYR_OK; ++i) {
        status = pyr_batch_list_add(&of->held, pyr_batch_retain(self->batches.items[i]), error);
    }
    pthread_mutex_unlock(&of->lock);
    return status;
}

/* ---- The table. ---- */

/* What is allocated beside tables and batches counts, too; given back when the sink goes. */
static pyr_status take_budget(pyr_join_sink *self, size_t size_bytes, pyr_error *error) {
    if (self->exec->budget != NULL && !pyr_budget_take(self->exec->budget, size_bytes)) {
        return pyr_error_set(error, PYR_ERROR_MEMORY, "%u rows to join with pass the memory limit",
                             self->rows_count);
    }
    self->budget_bytes += size_bytes;
    return PYR_OK;
}

/* Puts the rows of one chunk of keys under their groups. */
static pyr_status link_rows(pyr_join_sink *self, const pyr_vector *keys, int32_t rows,
                            uint32_t first, pyr_key_room *room, uint32_t *heads_capacity,
                            pyr_error *error) {
    uint16_t kept[PYR_VECTOR_ROWS];
    uint32_t groups[PYR_VECTOR_ROWS];
    pyr_key_batch batch;
    int32_t count = pyr_join_key_rows(self, keys, NULL, rows, kept);
    self->has_null |= count < rows;
    if (count == 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_group_keys_encode(&self->encoding, keys, kept, count, room, &batch, error));
    batch.brief_from = 0;
    batch.brief_to = UINTPTR_MAX;
    PYR_TRY(pyr_group_table_find(&self->table, &batch, groups, error));
    if (self->table.capacity > *heads_capacity) {
        PYR_TRY(take_budget(
            self, (size_t)(self->table.capacity - *heads_capacity) * sizeof(*self->heads), error));
        uint32_t *grown = realloc(self->heads, (size_t)self->table.capacity * sizeof(*self->heads));
        if (grown == NULL) {
            return pyr_error_memory(error, (size_t)self->table.capacity * sizeof(*self->heads));
        }
        memset(grown + *heads_capacity, 0xff,
               (size_t)(self->table.capacity - *heads_capacity) * sizeof(*grown));
        self->heads = grown;
        *heads_capacity = self->table.capacity;
    }
    for (int32_t i = count; i > 0; --i) { /* so that a chain is in the order of its chunk */
        uint32_t row = first + kept[i - 1];
        self->rows[row].next = self->heads[groups[i - 1]];
        self->unique &= self->rows[row].next == PYR_NO_ROW;
        self->heads[groups[i - 1]] = row;
    }
    return PYR_OK;
}

static pyr_status link_batches(pyr_join_sink *self, pyr_batch_cursor *cursor, pyr_key_room *room,
                               pyr_error *error) {
    int32_t right = self->node->right->columns_count;
    uint32_t heads_capacity = 0;
    uint32_t first = self->rows_count;
    /* From the last to the first: each row goes before those that are there. */
    for (size_t b = self->batches.count; b > 0; --b) {
        pyr_batch *batch = self->batches.items[b - 1];
        first -= (uint32_t)batch->rows;
        pyr_batch_cursor_open(cursor, batch, false);
        for (uint32_t at = first;;) {
            pyr_chunk chunk;
            PYR_TRY(pyr_cancel_flag_check(self->exec->cancel, error));
            pyr_batch_cursor_next(cursor, NULL, &chunk);
            if (chunk.rows == 0) {
                break;
            }
            for (int32_t i = 0; i < chunk.rows; ++i) {
                self->rows[at + (uint32_t)i] =
                    (pyr_build_row){PYR_NO_ROW, (uint32_t)(b - 1), at - first + (uint32_t)i};
            }
            PYR_TRY(link_rows(self, chunk.columns + right, chunk.rows, at, room, &heads_capacity,
                              error));
            at += (uint32_t)chunk.rows;
        }
    }
    return PYR_OK;
}

static int64_t list_rows(const pyr_batch_list *list) {
    int64_t rows = 0;
    for (size_t i = 0; i < list->count; ++i) {
        rows += list->items[i]->rows;
    }
    return rows;
}

/* Rows that are in memory stay there if the table of total keys has room beside them. */
static pyr_status place_rows(pyr_join_sink *self, uint32_t total, pyr_error *error) {
    size_t each = sizeof(*self->rows) + sizeof(*self->heads) + sizeof(*self->matched);
    size_t table = pyr_group_table_growth(&self->table, total) + total * each;
    if (self->held.count > 0 && pyr_spill_wanted(self->exec, table, 1.0)) {
        pyr_spill *spill = NULL;
        pyr_status status = write_out(self, &self->held, &spill, error);
        if (status == PYR_OK) {
            status = pyr_spill_open(spill, error);
        }
        if (status == PYR_OK) {
            status = read_back(self, spill, error);
        }
        pyr_spill_destroy(spill);
        return status;
    }
    for (size_t i = 0; i < self->held.count; ++i) {
        PYR_TRY(pyr_batch_list_add(&self->batches, pyr_batch_retain(self->held.items[i]), error));
    }
    pyr_batch_list_deinit(&self->held);
    return PYR_OK;
}

static pyr_status finish(pyr_sink *sink, pyr_error *error) {
    pyr_join_sink *self = (pyr_join_sink *)sink;
    int64_t total = list_rows(&self->held) + list_rows(&self->batches);
    if (total >= PYR_NO_ROW) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "more than 4 billion rows to join with");
    }
    PYR_TRY(place_rows(self, (uint32_t)total, error));
    self->rows_count = (uint32_t)total;
    self->unique = true;
    bool full = self->node->as.join.type == PYR_JOIN_TYPE_FULL;
    PYR_TRY(take_budget(self, (size_t)total * (sizeof(*self->rows) + (full ? 1 : 0)), error));
    self->rows = malloc(((size_t)total + 1) * sizeof(*self->rows));
    self->matched = full ? calloc((size_t)total + 1, sizeof(*self->matched)) : NULL;
    pyr_key_room *room = calloc(1, sizeof(*room));
    pyr_batch_cursor cursor = {0};
    pyr_status status = PYR_OK;
    if (self->rows == NULL || (full && self->matched == NULL) || room == NULL) {
        status = pyr_error_memory(error, (size_t)total * sizeof(*self->rows));
    }
    if (status == PYR_OK) {
        status = pyr_batch_cursor_init(&cursor, self->schema->fields_count, error);
    }
    if (status == PYR_OK) {
        pyr_arena_init(&room->encoded, self->exec->budget);
        status = link_batches(self, &cursor, room, error);
        pyr_arena_deinit(&room->encoded);
        pyr_ledger_add_copy(self->exec->ledger, PYR_COPY_GROUP_TABLE,
                            (int64_t)self->table.count * (int64_t)self->table.key_bytes +
                                (int64_t)self->table.strings.used_bytes);
    }
    if (status == PYR_OK) {
        status = pyr_join_check_files(self, error);
    }
    pyr_batch_cursor_deinit(&cursor);
    free(room);
    return status;
}

/* ---- The sink. ---- */

static void destroy(pyr_sink *sink) {
    pyr_join_sink *self = (pyr_join_sink *)sink;
    pyr_batch_list_deinit(&self->held);
    pyr_batch_list_deinit(&self->batches);
    pyr_batch_list_deinit(&self->files);
    pyr_group_table_deinit(&self->table);
    pyr_group_keys_deinit(&self->encoding);
    pthread_mutex_destroy(&self->lock);
    pyr_schema_release(self->schema);
    free(self->key_types);
    free(self->rows);
    free(self->heads);
    free((void *)self->matched);
    if (self->exec->budget != NULL) {
        pyr_budget_give(self->exec->budget, self->budget_bytes);
    }
    free(self);
}

static const pyr_sink_ops ops = {
    .worker_create = worker_create,
    .worker_destroy = worker_destroy,
    .consume = consume,
    .combine = combine,
    .finish = finish,
    .destroy = destroy,
};

/* The right side's columns and keys as fields. */
static pyr_status make_schema(pyr_join_sink *self, pyr_error *error) {
    const pyr_node *right = self->node->right;
    size_t of_right = (size_t)right->columns_count;
    size_t count = of_right + (size_t)self->node->as.join.keys_count;
    pyr_plan_column *columns = calloc(count + 1, sizeof(*columns));
    if (columns == NULL) {
        return pyr_error_memory(error, count * sizeof(*columns));
    }
    for (size_t i = 0; i < count; ++i) {
        columns[i] = i < of_right
                         ? right->columns[i]
                         : (pyr_plan_column){.name = "", .type = self->key_types[i - of_right]};
    }
    pyr_status status = pyr_plan_columns_schema(columns, (int32_t)count, &self->schema, error);
    free(columns);
    return status;
}

static pyr_status init(pyr_join_sink *self, pyr_error *error) {
    size_t keys = (size_t)self->node->as.join.keys_count;
    bool *never_null = calloc(keys + 1, sizeof(*never_null));
    self->key_types = calloc(keys + 1, sizeof(*self->key_types));
    if (never_null == NULL || self->key_types == NULL) {
        free(never_null);
        return pyr_error_memory(error, keys * sizeof(*self->key_types));
    }
    for (size_t i = 0; i < keys; ++i) {
        self->key_types[i] = self->node->as.join.right_keys[i]->type;
        never_null[i] =
            self->node->as.join.nulls_equal == NULL || !self->node->as.join.nulls_equal[i];
    }
    pyr_status status =
        pyr_group_keys_init(&self->encoding, self->key_types, never_null, (int32_t)keys, error);
    free(never_null);
    PYR_TRY(status);
    pyr_group_table_init(&self->table, self->encoding.layout, 0, self->exec->budget);
    return make_schema(self, error);
}

pyr_status pyr_join_sink_create(pyr_exec *exec, const pyr_node *join, pyr_sink **out,
                                pyr_error *error) {
    *out = NULL;
    pyr_join_sink *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->sink.ops = &ops;
    self->sink.node = join->id;
    self->exec = exec;
    self->node = join;
    pthread_mutex_init(&self->lock, NULL);
    pyr_status status = init(self, error);
    if (status != PYR_OK) {
        destroy(&self->sink);
        return status;
    }
    *out = &self->sink;
    return PYR_OK;
}
