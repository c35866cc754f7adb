/* scan_source.c - a SCAN node as a source: a morsel is a record batch of a segment.
 *
 * Batches that zone maps exclude are left out before any worker runs. Columns that conditions need
 * are looked at first, the others only in chunks where a row is left. A table with keys has its
 * rows in the key-value store: one morsel, read in key order.
 */
#include "catalog/keyed.h"
#include "exec/exec_internal.h"
#include "exec/operator.h"
#include "storage/kept_rows.h"

#include <stdlib.h>
#include <string.h>

typedef struct morsel {
    uint32_t segment;
    uint32_t batch;
    int64_t first;    /* row of the segment that it begins with */
    uint64_t prefix;  /* of a top-n: the least that a row may have */
    uint64_t certain; /* conjuncts that hold for each of its rows */
} morsel;

typedef struct scan_source {
    pyr_morsel_source source;
    pyr_exec *exec;
    const pyr_node *node;
    pyr_exec_context context;
    bool *filtered;         /* the output columns that conditions need */
    pyr_source_order order; /* bound NULL: none */
    int64_t count, capacity;
    morsel *morsels;
} scan_source;

typedef struct scan_state {
    pyr_batch_cursor cursor;
    pyr_batch *batch;
    pyr_eval *filter;   /* NULL: no conditions */
    uint64_t certain;   /* of the batch */
    pyr_operator *rows; /* of a table with keys */
} scan_state;

/* ---- Which batches. ---- */

static void note_columns(const pyr_bound_expr *expression, bool *columns) {
    if (expression->kind == PYR_BOUND_COLUMN) {
        columns[expression->column] = true;
    }
    for (int32_t i = 0; i < expression->arguments_count; ++i) {
        note_columns(expression->arguments[i], columns);
    }
}

static pyr_status add_morsel(scan_source *self, morsel added, pyr_error *error) {
    if (self->count == self->capacity) {
        int64_t larger = self->capacity == 0 ? 64 : 2 * self->capacity;
        morsel *grown = realloc(self->morsels, (size_t)larger * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, (size_t)larger * sizeof(*grown));
        }
        self->morsels = grown;
        self->capacity = larger;
    }
    self->morsels[self->count++] = added;
    return PYR_OK;
}

static pyr_status prefix_of(const scan_source *self, pyr_segment *segment, size_t batch,
                            const pyr_zone *kept, uint64_t *prefix, pyr_error *error) {
    pyr_zone zone;
    if (kept == NULL) {
        PYR_TRY(pyr_segment_zone(segment, batch, self->node->as.scan.columns[self->order.column],
                                 &zone, error));
    }
    *prefix = pyr_scan_order_prefix(&self->order, kept != NULL ? &kept[batch] : &zone);
    return PYR_OK;
}

/* What zone maps tell of the batches of a segment that are looked at together. */
typedef struct batches_told {
    uint64_t skipped;
    uint64_t certain[PYR_ZONE_FILTER_CERTAIN]; /* of each conjunct */
} batches_told;

static pyr_status ask_zones(const scan_source *self, pyr_segment *segment, size_t first, size_t end,
                            batches_told *out, pyr_error *error) {
    pyr_bound_expr *const *filters = self->node->as.scan.filters;
    int32_t count = self->node->as.scan.filters_count;
    const int32_t *columns = self->node->as.scan.columns;
    PYR_TRY(
        pyr_zone_filter_skips(filters, count, columns, segment, first, end, &out->skipped, error));
    return pyr_zone_filter_certain(filters, count, columns, segment, first, end, out->skipped,
                                   out->certain, error);
}

/* Bit i: conjunct i holds for each row of the batch that is bit `at` of those. */
static uint64_t certain_of(const scan_source *self, const batches_told *told, size_t at) {
    uint64_t certain = 0;
    for (int32_t i = 0; i < self->node->as.scan.filters_count && i < PYR_ZONE_FILTER_CERTAIN; ++i) {
        certain |= ((told->certain[i] >> at) & 1) << i;
    }
    return certain;
}

/* The batches of a segment that zone maps leave; *rows: of all. */
static pyr_status add_segment(scan_source *self, uint32_t number, size_t batches, int64_t *rows,
                              pyr_error *error) {
    pyr_segment *segment = self->node->as.scan.table->segments[number];
    const int64_t *kept_rows;
    const pyr_zone *kept_zones = NULL;
    batches_told told = {0};
    PYR_TRY(pyr_segment_kept_rows(segment, &kept_rows, error));
    if (self->order.bound != NULL) {
        PYR_TRY(pyr_segment_kept_zones(segment, self->node->as.scan.columns[self->order.column],
                                       &kept_zones, error));
    }
    for (size_t i = 0; i < batches; ++i) {
        morsel added = {number, (uint32_t)i, *rows, 0, 0};
        int64_t of_batch = 0;
        size_t at = i % PYR_ZONE_FILTER_BATCHES;
        if (at == 0 && !self->exec->all_batches) {
            PYR_TRY(ask_zones(self, segment, i, batches, &told, error));
        }
        if (kept_rows != NULL) {
            of_batch = kept_rows[i];
        } else {
            PYR_TRY(pyr_segment_batch_rows(segment, i, &of_batch, error));
        }
        *rows += of_batch;
        if (((told.skipped >> at) & 1) != 0) {
            continue;
        }
        added.certain = certain_of(self, &told, at);
        if (self->order.bound != NULL) {
            PYR_TRY(prefix_of(self, segment, i, kept_zones, &added.prefix, error));
        }
        PYR_TRY(add_morsel(self, added, error));
    }
    return PYR_OK;
}

static pyr_status list_batches(scan_source *self, pyr_error *error) {
    const pyr_table *table = self->node->as.scan.table;
    int64_t all = 0;
    int64_t rows = 0;
    bool made = false; /* a few rows may be long in the making */
    for (size_t i = 0; i < table->segments_count; ++i) {
        size_t batches = 0;
        int64_t of_segment = 0;
        PYR_TRY(pyr_segment_batches(table->segments[i], self->exec->ledger, &batches, error));
        PYR_TRY(add_segment(self, (uint32_t)i, batches, &of_segment, error));
        all += (int64_t)batches;
        rows += of_segment;
        made = made || pyr_segment_is_made(table->segments[i]);
    }
    self->source.rows = made ? 0 : rows;
    pyr_ledger_add_skipped(self->exec->ledger, all - self->count);
    pyr_ledger_plan_batches(self->exec->ledger, self->count);
    if (self->exec->metrics != NULL) {
        pyr_node_metrics *metrics = &self->exec->metrics[self->source.node];
        metrics->batches += self->count;
        metrics->batches_skipped += all - self->count;
    }
    return PYR_OK;
}

static int compare_prefixes(const void *left, const void *right) {
    const morsel *a = left;
    const morsel *b = right;
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    return a->segment != b->segment ? (a->segment > b->segment) - (a->segment < b->segment)
                                    : (a->batch > b->batch) - (a->batch < b->batch);
}

/* Of a table that has grown with what it is ordered by the batches are in that order, or turned
 * round. */
static void order_batches(scan_source *self) {
    int64_t rises = 0;
    int64_t falls = 0;
    for (int64_t i = 1; i < self->count; ++i) {
        rises += self->morsels[i - 1].prefix < self->morsels[i].prefix;
        falls += self->morsels[i - 1].prefix > self->morsels[i].prefix;
    }
    if (rises > 0 && falls > 0) {
        qsort(self->morsels, (size_t)self->count, sizeof(*self->morsels), compare_prefixes);
        return;
    }
    for (int64_t i = 0, j = self->count - 1; falls > 0 && i < j; ++i, --j) {
        morsel swap = self->morsels[i];
        self->morsels[i] = self->morsels[j];
        self->morsels[j] = swap;
    }
}

pyr_status pyr_scan_batches(const pyr_node *scan, int64_t *kept, int64_t *all, pyr_error *error) {
    const pyr_table *table = scan->as.scan.table;
    *kept = 0;
    *all = 0;
    for (size_t i = 0; i < table->segments_count; ++i) {
        size_t batches = 0;
        PYR_TRY(pyr_segment_batches(table->segments[i], NULL, &batches, error));
        for (size_t j = 0; j < batches; j += PYR_ZONE_FILTER_BATCHES) {
            uint64_t skipped = 0;
            PYR_TRY(pyr_zone_filter_skips(scan->as.scan.filters, scan->as.scan.filters_count,
                                          scan->as.scan.columns, table->segments[i], j, batches,
                                          &skipped, error));
            *kept -= __builtin_popcountll(skipped);
        }
        *kept += (int64_t)batches;
        *all += (int64_t)batches;
    }
    return PYR_OK;
}

static pyr_status start(pyr_morsel_source *source, int64_t *morsels, pyr_error *error) {
    scan_source *self = (scan_source *)source;
    if (pyr_table_is_keyed(self->node->as.scan.table)) {
        self->count = 1;
    } else {
        PYR_TRY(list_batches(self, error));
        if (self->order.bound != NULL && self->count > 1) {
            order_batches(self);
        }
    }
    *morsels = self->count;
    return PYR_OK;
}

/* ---- A worker. ---- */

static void worker_destroy(pyr_morsel_source *source, void *state) {
    scan_state *self = state;
    (void)source;
    pyr_batch_cursor_deinit(&self->cursor);
    pyr_batch_release(self->batch);
    pyr_eval_destroy(self->filter);
    pyr_operator_destroy(self->rows);
    free(self);
}

static pyr_status worker_create(pyr_morsel_source *source, void **state, pyr_error *error) {
    const scan_source *of = (const scan_source *)source;
    scan_state *self = calloc(1, sizeof(*self));
    *state = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    PYR_TRY(pyr_batch_cursor_init(&self->cursor, of->node->columns_count, error));
    if (of->node->as.scan.filters_count == 0) {
        return PYR_OK;
    }
    return pyr_eval_create(of->node->as.scan.filters, of->node->as.scan.filters_count,
                           of->exec->scalars, of->exec->budget, &self->filter, error);
}

/* Tables grow with time: who asks for the greatest values first begins at the end. */
static void set_batch(const scan_source *of, scan_state *self, pyr_batch *batch) {
    pyr_batch_release(self->batch);
    self->batch = batch;
    pyr_batch_cursor_open(&self->cursor, batch, of->order.bound != NULL && of->order.descending);
}

static pyr_status open_keyed(scan_source *self, scan_state *state, pyr_error *error) {
    const pyr_node *node = self->node;
    return pyr_scan_keyed_create(node->as.scan.table, node->as.scan.columns, node->columns_count,
                                 NULL, 0, &self->context, &state->rows, error);
}

static pyr_status open_morsel(pyr_morsel_source *source, void *state, int64_t number,
                              pyr_error *error) {
    scan_source *self = (scan_source *)source;
    pyr_table *table = self->node->as.scan.table;
    if (pyr_table_is_keyed(table)) {
        return open_keyed(self, state, error);
    }
    const morsel *at = &self->morsels[number];
    if (self->order.bound != NULL &&
        at->prefix > atomic_load_explicit(self->order.bound, memory_order_relaxed)) {
        set_batch(self, state, NULL);
        pyr_ledger_add_skipped(self->exec->ledger, 1);
        return PYR_OK;
    }
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_segment_batch(table->segments[at->segment], at->batch, self->node->as.scan.columns,
                              self->node->columns_count, self->exec->ledger, self->exec->budget,
                              &batch, error));
    PYR_TRY(pyr_batch_without_deleted(batch, pyr_table_deleted(table, at->segment), at->first,
                                      self->exec->budget, &batch, error));
    set_batch(self, state, batch);
    ((scan_state *)state)->certain = at->certain;
    return PYR_OK;
}

/* The next chunk of rows that pass, of this batch; rows 0 at its end. */
static pyr_status next_of_batch(const scan_source *self, scan_state *state, pyr_chunk *chunk,
                                pyr_error *error) {
    pyr_batch_cursor_next(&state->cursor, self->filtered, chunk);
    if (state->filter == NULL || chunk->selected == 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_eval_filter(state->filter, chunk, state->certain, error));
    if (chunk->selected > 0) {
        pyr_batch_cursor_rest(&state->cursor, self->filtered);
    }
    return PYR_OK;
}

static pyr_status next(pyr_morsel_source *source, void *state, pyr_chunk *chunk, pyr_error *error) {
    const scan_source *self = (const scan_source *)source;
    scan_state *of = state;
    for (;;) {
        PYR_TRY(next_of_batch(self, of, chunk, error));
        if (chunk->rows > 0) {
            chunk->columns_count = self->node->as.scan.visible_count;
            return PYR_OK;
        }
        if (of->rows == NULL) {
            pyr_ledger_finish_batch(self->exec->ledger);
            return PYR_OK;
        }
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_operator_next(of->rows, &batch, error));
        set_batch(self, of, batch);
        if (batch == NULL) {
            return PYR_OK;
        }
    }
}

static void destroy(pyr_morsel_source *source) {
    scan_source *self = (scan_source *)source;
    free(self->filtered);
    free(self->morsels);
    free(self);
}

static const pyr_morsel_source_ops ops = {start,       worker_create, worker_destroy,
                                          open_morsel, next,          destroy};

void pyr_scan_source_set_order(pyr_morsel_source *source, const pyr_source_order *order) {
    ((scan_source *)source)->order = *order;
}

pyr_status pyr_scan_source_create(pyr_exec *exec, const pyr_node *scan, pyr_morsel_source **out,
                                  pyr_error *error) {
    *out = NULL;
    scan_source *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->source.ops = &ops;
    self->source.node = scan->id;
    self->exec = exec;
    self->node = scan;
    self->context = (pyr_exec_context){exec->ledger, exec->budget, exec->cancel, NULL};
    if (scan->as.scan.filters_count > 0) {
        self->filtered = calloc((size_t)scan->columns_count + 1, sizeof(*self->filtered));
        if (self->filtered == NULL) {
            free(self);
            return pyr_error_memory(error, (size_t)scan->columns_count);
        }
        for (int32_t i = 0; i < scan->as.scan.filters_count; ++i) {
            note_columns(scan->as.scan.filters[i], self->filtered);
        }
    }
    *out = &self->source;
    return PYR_OK;
}
