/* join_probe.c - the probe side of a hash join as a stage, and what FULL has left.
 *
 * Where no build key has two rows, a probe row has at most one match: the left side's vectors go on
 * as they are, the right side's are gathered beside them, and the mask says who matched. Else, and
 * where a residual has to be tested, pairs are made and both sides gathered.
 */
#include "exec/join_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct join_stage {
    pyr_stage stage;
    pyr_exec *exec;
    const pyr_node *node;
    pyr_join_sink *build;
} join_stage;

typedef struct join_state {
    pyr_arena arena;
    pyr_eval *keys;
    pyr_eval *residual; /* NULL: none */
    pyr_vector *key_vectors;
    pyr_vector *columns; /* left, then right; MARK: then the mark */
    pyr_vector_buffer *left;
    pyr_row_gather *right;
    pyr_key_room room;
    pyr_vector_buffer mark;
    uint64_t mask[PYR_VECTOR_WORDS];
    uint64_t matched[PYR_VECTOR_WORDS]; /* of the probe chunk's rows */
    uint16_t rows[PYR_VECTOR_ROWS];     /* that may match */
    uint32_t groups[PYR_VECTOR_ROWS];
    /* Pairs */
    int32_t pairs;
    uint16_t pair_left[PYR_VECTOR_ROWS];
    uint32_t pair_right[PYR_VECTOR_ROWS]; /* build rows, or PYR_NO_ROW */
    uint32_t batches[PYR_VECTOR_ROWS], batch_rows[PYR_VECTOR_ROWS];
} join_state;

static int32_t left_count(const join_stage *stage) {
    return stage->node->input->columns_count;
}

/* ---- A worker's state. ---- */

static void worker_destroy(pyr_stage *stage, void *state) {
    join_state *self = state;
    (void)stage;
    pyr_eval_destroy(self->keys);
    pyr_eval_destroy(self->residual);
    pyr_row_gather_destroy(self->right);
    pyr_arena_deinit(&self->room.encoded);
    pyr_arena_deinit(&self->arena);
    free(self);
}

static pyr_status make_room(const join_stage *of, join_state *self, pyr_error *error) {
    size_t left = (size_t)left_count(of);
    size_t all = left + (size_t)of->node->right->columns_count + 1;
    self->key_vectors = pyr_arena_array(&self->arena, (size_t)of->node->as.join.keys_count + 1,
                                        sizeof(*self->key_vectors));
    self->columns = pyr_arena_array(&self->arena, all, sizeof(*self->columns));
    self->left = pyr_arena_array(&self->arena, left + 1, sizeof(*self->left));
    if (self->key_vectors == NULL || self->columns == NULL || self->left == NULL) {
        return pyr_arena_error(&self->arena, error);
    }
    for (size_t i = 0; i < left; ++i) {
        PYR_TRY(pyr_vector_buffer_init(&self->left[i],
                                       pyr_sql_type_physical(of->node->input->columns[i].type),
                                       &self->arena, error));
    }
    return pyr_vector_buffer_init(&self->mark, PYR_PHYSICAL_BIT, &self->arena, error);
}

static pyr_status worker_create(pyr_stage *stage, void **state, pyr_error *error) {
    const join_stage *of = (const join_stage *)stage;
    join_state *self = calloc(1, sizeof(*self));
    *state = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    pyr_arena_init(&self->arena, of->exec->budget);
    pyr_arena_init(&self->room.encoded, of->exec->budget);
    PYR_TRY(make_room(of, self, error));
    PYR_TRY(pyr_row_gather_create(of->build->batches.items, of->build->batches.count,
                                  of->node->right->columns, of->node->right->columns_count,
                                  of->exec->budget, &self->right, error));
    PYR_TRY(pyr_eval_create(of->node->as.join.left_keys, of->node->as.join.keys_count,
                            of->exec->scalars, of->exec->budget, &self->keys, error));
    if (of->node->as.join.residual == NULL) {
        return PYR_OK;
    }
    return pyr_eval_create((pyr_bound_expr *const *)&of->node->as.join.residual, 1,
                           of->exec->scalars, of->exec->budget, &self->residual, error);
}

/* ---- Columns. ---- */

static void gather_one(const pyr_vector *from, const uint16_t *rows, int32_t count,
                       pyr_vector_buffer *buffer, pyr_vector *out) {
    *out = (pyr_vector){.physical = from->physical, .data = buffer->data};
    if (from->constant) {
        *out = *from;
        return;
    }
    if (from->physical == PYR_PHYSICAL_STRING) {
        pyr_string *to = buffer->data;
        for (int32_t i = 0; i < count; ++i) {
            to[i] = pyr_vector_is_null(from, rows[i]) ? (pyr_string){NULL, 0}
                                                      : pyr_vector_string(from, rows[i]);
        }
    } else if (from->physical == PYR_PHYSICAL_BIT) {
        uint64_t *to = buffer->data;
        memset(to, 0, PYR_VECTOR_WORDS * sizeof(*to));
        for (int32_t i = 0; i < count; ++i) {
            uint64_t bit = (((const uint64_t *)from->data)[rows[i] >> 6] >> (rows[i] & 63)) & 1;
            to[i >> 6] |= bit << (i & 63);
        }
    } else {
        size_t width = pyr_physical_bytes(from->physical);
        pyr_kernels_get()->gather[__builtin_ctzl(width)](from->data, rows, count, buffer->data);
    }
    if (from->validity != NULL) {
        memset(buffer->validity, 0, PYR_VECTOR_WORDS * sizeof(uint64_t));
        for (int32_t i = 0; i < count; ++i) {
            uint64_t bit = (from->validity[rows[i] >> 6] >> (rows[i] & 63)) & 1;
            buffer->validity[i >> 6] |= bit << (i & 63);
        }
        out->validity = buffer->validity;
    }
}

/* The right side's columns of count build rows, PYR_NO_ROW for NULLs. */
static void gather_right(const join_stage *of, join_state *self, const uint32_t *build_rows,
                         int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        bool none = build_rows[i] == PYR_NO_ROW;
        self->batches[i] = none ? UINT32_MAX : of->build->rows[build_rows[i]].batch;
        self->batch_rows[i] = none ? 0 : of->build->rows[build_rows[i]].row;
    }
    pyr_row_gather_rows(self->right, self->batches, self->batch_rows, count,
                        self->columns + left_count(of));
}

static bool keeps_unmatched(pyr_join_type type) {
    return type == PYR_JOIN_TYPE_LEFT || type == PYR_JOIN_TYPE_FULL || type == PYR_JOIN_TYPE_SINGLE;
}

static bool gives_pairs(pyr_join_type type) {
    return type == PYR_JOIN_TYPE_INNER || keeps_unmatched(type);
}

static void note_match(const join_stage *of, join_state *self, int32_t probe, uint32_t build_row) {
    self->matched[probe >> 6] |= UINT64_C(1) << (probe & 63);
    if (of->node->as.join.type == PYR_JOIN_TYPE_FULL) {
        atomic_store_explicit(&of->build->matched[build_row], 1, memory_order_relaxed);
    }
}

static pyr_status two_matches(pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "21000", -1,
                             "more than one row returned by a subquery used as an expression");
}

/* ---- Pairs. ---- */

/* Tests and gives out the pairs there are. */
static pyr_status flush_pairs(const join_stage *of, join_state *self, pyr_worker *worker,
                              const pyr_chunk *chunk, pyr_error *error) {
    int32_t count = self->pairs;
    int32_t left = left_count(of);
    self->pairs = 0;
    if (count == 0) {
        return PYR_OK;
    }
    pyr_chunk out = {.rows = count,
                     .selected = count,
                     .columns_count = left + of->node->right->columns_count,
                     .columns = self->columns};
    if (self->residual != NULL || gives_pairs(of->node->as.join.type)) {
        for (int32_t i = 0; i < left; ++i) {
            gather_one(&chunk->columns[i], self->pair_left, count, &self->left[i],
                       &self->columns[i]);
        }
        gather_right(of, self, self->pair_right, count);
    }
    if (self->residual != NULL) {
        PYR_TRY(pyr_eval_filter(self->residual, &out, 0, error));
    }
    for (int32_t i = 0; i < count; ++i) {
        if (out.mask == NULL || ((out.mask[i >> 6] >> (i & 63)) & 1) != 0) {
            int32_t probe = self->pair_left[i];
            if (of->node->as.join.type == PYR_JOIN_TYPE_SINGLE &&
                ((self->matched[probe >> 6] >> (probe & 63)) & 1) != 0) {
                return two_matches(error);
            }
            note_match(of, self, probe, self->pair_right[i]);
        }
    }
    return gives_pairs(of->node->as.join.type) && out.selected > 0
               ? pyr_worker_emit(worker, &out, error)
               : PYR_OK;
}

static pyr_status make_pairs(const join_stage *of, join_state *self, pyr_worker *worker,
                             const pyr_chunk *chunk, int32_t count, pyr_error *error) {
    bool first_only = self->residual == NULL && !gives_pairs(of->node->as.join.type);
    self->pairs = 0;
    for (int32_t i = 0; i < count; ++i) {
        uint32_t row =
            self->groups[i] == UINT32_MAX ? PYR_NO_ROW : of->build->heads[self->groups[i]];
        while (row != PYR_NO_ROW) {
            self->pair_left[self->pairs] = self->rows[i];
            self->pair_right[self->pairs++] = row;
            if (self->pairs == PYR_VECTOR_ROWS) {
                PYR_TRY(flush_pairs(of, self, worker, chunk, error));
            }
            row = first_only ? PYR_NO_ROW : of->build->rows[row].next;
        }
    }
    return flush_pairs(of, self, worker, chunk, error);
}

/* ---- Chunks that go on with the probe side's own rows. ---- */

/* The rows of chunk that did (or did not) match, as self->mask; how many. */
static int32_t mask_rows(join_state *self, const pyr_chunk *chunk, bool matched) {
    int32_t words = (chunk->rows + 63) / 64;
    for (int32_t w = 0; w < words; ++w) {
        uint64_t all = chunk->mask != NULL ? chunk->mask[w] : ~UINT64_C(0);
        self->mask[w] = all & (matched ? self->matched[w] : ~self->matched[w]);
    }
    if ((chunk->rows & 63) != 0) {
        self->mask[words - 1] &= (UINT64_C(1) << (chunk->rows & 63)) - 1;
    }
    return (int32_t)pyr_kernels_get()->mask_count(self->mask, chunk->rows);
}

static pyr_status emit_masked(const join_stage *of, join_state *self, pyr_worker *worker,
                              const pyr_chunk *chunk, bool matched, int32_t columns_count,
                              pyr_error *error) {
    int32_t left = left_count(of);
    pyr_chunk out = *chunk;
    out.selected = mask_rows(self, chunk, matched);
    out.mask = out.selected < out.rows ? self->mask : NULL;
    out.list = NULL;
    if (left > 0) {
        memcpy(self->columns, chunk->columns, (size_t)left * sizeof(*self->columns));
    }
    out.columns = self->columns;
    out.columns_count = columns_count;
    return out.selected > 0 ? pyr_worker_emit(worker, &out, error) : PYR_OK;
}

/* Each probe row with its one match, or with NULLs. */
static pyr_status emit_unique(const join_stage *of, join_state *self, pyr_worker *worker,
                              const pyr_chunk *chunk, int32_t count, pyr_error *error) {
    uint32_t build_rows[PYR_VECTOR_ROWS];
    int32_t all = left_count(of) + of->node->right->columns_count;
    memset(build_rows, 0xff, (size_t)chunk->rows * sizeof(*build_rows));
    for (int32_t i = 0; i < count; ++i) {
        if (self->groups[i] != UINT32_MAX) {
            build_rows[self->rows[i]] = of->build->heads[self->groups[i]];
            note_match(of, self, self->rows[i], build_rows[self->rows[i]]);
        }
    }
    gather_right(of, self, build_rows, chunk->rows);
    if (!keeps_unmatched(of->node->as.join.type)) {
        return emit_masked(of, self, worker, chunk, true, all, error);
    }
    memset(self->matched, 0xff, sizeof(self->matched));
    return emit_masked(of, self, worker, chunk, true, all, error);
}

static pyr_status emit_unmatched(const join_stage *of, join_state *self, pyr_worker *worker,
                                 const pyr_chunk *chunk, pyr_error *error) {
    uint32_t none[PYR_VECTOR_ROWS];
    memset(none, 0xff, sizeof(none));
    gather_right(of, self, none, chunk->rows);
    return emit_masked(of, self, worker, chunk, false,
                       left_count(of) + of->node->right->columns_count, error);
}

/* NOT IN: a NULL on either side makes the answer unknown, unless the right side is empty. */
static pyr_status emit_anti_null(const join_stage *of, join_state *self, pyr_worker *worker,
                                 const pyr_chunk *chunk, int32_t may_match, pyr_error *error) {
    if (of->build->rows_count > 0) {
        if (of->build->has_null) {
            return PYR_OK;
        }
        uint64_t known[PYR_VECTOR_WORDS] = {0};
        for (int32_t i = 0; i < may_match; ++i) {
            known[self->rows[i] >> 6] |= UINT64_C(1) << (self->rows[i] & 63);
        }
        for (int32_t w = 0; w < PYR_VECTOR_WORDS; ++w) {
            self->matched[w] |= ~known[w];
        }
    }
    return emit_masked(of, self, worker, chunk, false, left_count(of), error);
}

/* All rows, and whether each has a match: false, too, where a key is NULL. EXISTS wants that; IN of
 * what may be NULL is no MARK. */
static pyr_status emit_mark(const join_stage *of, join_state *self, pyr_worker *worker,
                            const pyr_chunk *chunk, pyr_error *error) {
    int32_t left = left_count(of);
    memcpy(self->mark.data, self->matched, sizeof(self->matched));
    self->columns[left] = (pyr_vector){.physical = PYR_PHYSICAL_BIT, .data = self->mark.data};
    memset(self->matched, 0xff, sizeof(self->matched));
    return emit_masked(of, self, worker, chunk, true, left + 1, error);
}

/* ---- A chunk. ---- */

static pyr_status push_chunk(pyr_stage *stage, void *state, pyr_worker *worker, pyr_chunk *chunk,
                             pyr_error *error) {
    const join_stage *of = (const join_stage *)stage;
    join_state *self = state;
    uint16_t room[PYR_VECTOR_ROWS + 16];
    pyr_key_batch keys;
    pyr_join_type type = of->node->as.join.type;
    PYR_TRY(pyr_eval_run(self->keys, chunk, self->key_vectors, error));
    const uint16_t *rows = chunk->selected < chunk->rows ? pyr_chunk_rows(chunk, room) : NULL;
    int32_t count =
        pyr_join_key_rows(of->build, self->key_vectors, rows, chunk->selected, self->rows);
    memset(self->matched, 0, sizeof(self->matched));
    if (count > 0) {
        PYR_TRY(pyr_group_keys_encode(&of->build->encoding, self->key_vectors, self->rows, count,
                                      &self->room, &keys, error));
        pyr_group_table_look_up(&of->build->table, &keys, self->groups);
    }
    if (of->build->unique && self->residual == NULL && gives_pairs(type)) {
        return emit_unique(of, self, worker, chunk, count, error);
    }
    PYR_TRY(make_pairs(of, self, worker, chunk, count, error));
    switch (type) {
    case PYR_JOIN_TYPE_SEMI:
        return emit_masked(of, self, worker, chunk, true, left_count(of), error);
    case PYR_JOIN_TYPE_ANTI:
        return emit_masked(of, self, worker, chunk, false, left_count(of), error);
    case PYR_JOIN_TYPE_ANTI_NULL:
        return emit_anti_null(of, self, worker, chunk, count, error);
    case PYR_JOIN_TYPE_MARK:
        return emit_mark(of, self, worker, chunk, error);
    case PYR_JOIN_TYPE_INNER:
        return PYR_OK;
    default:
        return emit_unmatched(of, self, worker, chunk, error);
    }
}

static pyr_status push(pyr_stage *stage, void *state, pyr_worker *worker, pyr_chunk *chunk,
                       pyr_error *error) {
    PYR_TRY(push_chunk(stage, state, worker, chunk, error));
    return pyr_join_check_files(((const join_stage *)stage)->build, error);
}

static void destroy(pyr_stage *stage) {
    free(stage);
}

static const pyr_stage_ops ops = {worker_create, worker_destroy, push, destroy};

pyr_status pyr_join_stage_create(pyr_exec *exec, const pyr_node *join, pyr_sink *build,
                                 pyr_stage **out, pyr_error *error) {
    *out = NULL;
    join_stage *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->stage.ops = &ops;
    self->stage.node = join->id;
    self->exec = exec;
    self->node = join;
    self->build = (pyr_join_sink *)build;
    *out = &self->stage;
    return PYR_OK;
}
