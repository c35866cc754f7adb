/* scan.c - the segments of a table, batch after batch, without their deleted rows. */
#include "exec/operator.h"
#include "storage/kept_rows.h"

#include <stdlib.h>
#include <string.h>

/* Batches that are made ahead by the pool, of a segment that is made of a source. So many at most:
 * they are memory, and a reader that stops has them made for nothing; so it begins with one. */
enum { AHEAD_MAX = 8 };

typedef struct made_ahead {
    size_t first, count; /* which of the segment's batches; those given out are NULL */
    pyr_batch *batches[AHEAD_MAX];
    size_t window;
} made_ahead;

typedef struct scan_operator {
    pyr_operator op;
    pyr_table *table;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    pyr_cancel_flag *cancel;
    pyr_thread_pool *pool;
    made_ahead ahead;
    int32_t *columns; /* NULL: all */
    int32_t columns_count;
    size_t segment; /* the one read next */
    size_t batch;   /* the one read next in it */
    size_t batches; /* of the segment; known once it is opened */
    bool batches_known;
    int64_t first; /* row of the segment that the batch read next begins with */
} scan_operator;

static void drop_ahead(scan_operator *self) {
    for (size_t i = 0; i < self->ahead.count; ++i) {
        pyr_batch_release(self->ahead.batches[i]);
        self->ahead.batches[i] = NULL;
    }
    self->ahead.count = 0;
}

static void go_to_segment(scan_operator *self, size_t segment) {
    drop_ahead(self);
    self->ahead.window = 1;
    self->segment = segment;
    self->batch = 0;
    self->batches_known = false;
    self->first = 0;
}

static const pyr_row_bitmap *deleted_of(const scan_operator *self) {
    return pyr_table_deleted(self->table, self->segment);
}

/* The segment of the next batch, opened; NULL at the end. */
static pyr_status current_segment(scan_operator *self, pyr_segment **out, pyr_error *error) {
    *out = NULL;
    while (self->segment < self->table->segments_count) {
        pyr_segment *segment = self->table->segments[self->segment];
        if (!self->batches_known) {
            PYR_TRY(pyr_segment_batches(segment, self->ledger, &self->batches, error));
            self->batches_known = true;
        }
        if (self->batch < self->batches) {
            *out = segment;
            return PYR_OK;
        }
        go_to_segment(self, self->segment + 1);
    }
    return PYR_OK;
}

static pyr_status read_batch(const scan_operator *self, size_t index, pyr_batch **out,
                             pyr_error *error) {
    return pyr_segment_batch(self->table->segments[self->segment], index, self->columns,
                             self->columns_count, self->ledger, self->budget, out, error);
}

static pyr_status make_one(void *context, size_t index, pyr_error *error) {
    scan_operator *self = context;
    PYR_TRY(pyr_cancel_flag_check(self->cancel, error));
    return read_batch(self, self->ahead.first + index, &self->ahead.batches[index], error);
}

/* Twice as many the next time, unless much of the memory limit is taken. */
static size_t next_window(const scan_operator *self) {
    size_t limit = self->budget != NULL ? pyr_budget_limit(self->budget) : 0;
    if (limit != 0 && pyr_budget_used(self->budget) > limit / 4) {
        return 1;
    }
    return 2 * self->ahead.window < AHEAD_MAX ? 2 * self->ahead.window : AHEAD_MAX;
}

/* One of them failed: those before it are given out all the same, as if they had been read one by
 * one, and it fails again in its turn. false: it is the first. */
static bool keep_before_gap(made_ahead *ahead) {
    size_t kept = 0;
    while (kept < ahead->count && ahead->batches[kept] != NULL) {
        ++kept;
    }
    for (size_t i = kept; i < ahead->count; ++i) {
        pyr_batch_release(ahead->batches[i]);
        ahead->batches[i] = NULL;
    }
    ahead->count = kept;
    return kept > 0;
}

/* The batch that is next, one of some that the pool makes at once. */
static pyr_status next_made(scan_operator *self, pyr_batch **out, pyr_error *error) {
    made_ahead *ahead = &self->ahead;
    if (self->batch < ahead->first || self->batch >= ahead->first + ahead->count) {
        size_t left = self->batches - self->batch;
        drop_ahead(self);
        ahead->first = self->batch;
        ahead->count = ahead->window < left ? ahead->window : left;
        pyr_status status =
            pyr_thread_pool_for_each(self->pool, ahead->count, make_one, self, error);
        if (status != PYR_OK && !keep_before_gap(ahead)) {
            return status;
        }
        ahead->window = next_window(self);
    }
    *out = ahead->batches[self->batch - ahead->first];
    ahead->batches[self->batch - ahead->first] = NULL;
    return PYR_OK;
}

static pyr_status scan_next(pyr_operator *op, pyr_batch **out, pyr_error *error) {
    scan_operator *self = (scan_operator *)op;
    for (;;) {
        pyr_segment *segment = NULL;
        PYR_TRY(current_segment(self, &segment, error));
        if (segment == NULL) {
            return PYR_OK;
        }
        pyr_batch *batch = NULL;
        PYR_TRY(self->pool != NULL && pyr_segment_is_made(segment)
                    ? next_made(self, &batch, error)
                    : read_batch(self, self->batch, &batch, error));
        int64_t first = self->first;
        ++self->batch;
        self->first += batch->rows;
        PYR_TRY(
            pyr_batch_without_deleted(batch, deleted_of(self), first, self->budget, out, error));
        if (*out != NULL && (*out)->rows > 0) {
            return PYR_OK;
        }
        pyr_batch_release(*out);
        *out = NULL;
    }
}

/* A whole segment by what the catalog knows of it: its file is not even opened. */
static bool skip_segment(scan_operator *self, int64_t rows, int64_t *skipped) {
    if (self->batch > 0 || self->segment >= self->table->segments_count) {
        return false;
    }
    const pyr_segment_info *info = pyr_segment_get_info(self->table->segments[self->segment]);
    int64_t kept = info->rows - pyr_row_bitmap_cardinality(deleted_of(self));
    if (info->rows < 0 || kept > rows) {
        return false;
    }
    *skipped = kept;
    pyr_ledger_add_skipped(self->ledger, info->batches > 0 ? info->batches : 0);
    go_to_segment(self, self->segment + 1);
    return true;
}

static pyr_status scan_skip(pyr_operator *op, int64_t rows, int64_t *skipped, pyr_error *error) {
    scan_operator *self = (scan_operator *)op;
    *skipped = 0;
    while (*skipped < rows) {
        int64_t passed = 0;
        if (skip_segment(self, rows - *skipped, &passed)) {
            *skipped += passed;
            continue;
        }
        pyr_segment *segment = NULL;
        size_t before = self->segment;
        PYR_TRY(current_segment(self, &segment, error));
        if (segment == NULL) {
            return PYR_OK;
        }
        if (self->segment != before) {
            continue; /* a new segment may be passed over whole */
        }
        PYR_TRY(pyr_segment_batch_rows(segment, self->batch, &passed, error));
        int64_t end = self->first + passed;
        int64_t kept = passed - pyr_row_bitmap_count_range(deleted_of(self), self->first, end);
        if (kept > rows - *skipped) {
            return PYR_OK;
        }
        *skipped += kept;
        self->first = end;
        ++self->batch;
        pyr_ledger_add_skipped(self->ledger, 1);
    }
    return PYR_OK;
}

static void scan_destroy(pyr_operator *op) {
    scan_operator *self = (scan_operator *)op;
    drop_ahead(self);
    pyr_table_release(self->table);
    pyr_budget_release(self->budget);
    pyr_schema_release(op->schema);
    free(self->columns);
    free(self);
}

static const pyr_operator_ops scan_ops = {scan_next, scan_skip, scan_destroy};

pyr_status pyr_scan_create(pyr_table *table, const int32_t *columns, int32_t count,
                           const pyr_exec_context *context, pyr_operator **out, pyr_error *error) {
    *out = NULL;
    if (pyr_table_is_keyed(table)) {
        return pyr_scan_keyed_create(table, columns, count, NULL, 0, context, out, error);
    }
    scan_operator *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->op.ops = &scan_ops;
    self->table = pyr_table_retain(table);
    self->ledger = context->ledger;
    self->cancel = context->cancel;
    self->pool = context->pool;
    self->ahead.window = 1;
    self->budget = context->budget != NULL ? pyr_budget_retain(context->budget) : NULL;
    pyr_status status = PYR_OK;
    if (columns == NULL) {
        self->op.schema = pyr_schema_retain(table->schema);
    } else {
        self->columns_count = count;
        self->columns = calloc((size_t)count + 1, sizeof(*self->columns));
        if (self->columns == NULL) {
            status = pyr_error_memory(error, (size_t)count * sizeof(*columns));
        } else {
            memcpy(self->columns, columns, (size_t)count * sizeof(*columns));
            status = pyr_schema_project(table->schema, columns, count, &self->op.schema, error);
        }
    }
    if (status != PYR_OK) {
        scan_destroy(&self->op);
        return status;
    }
    *out = &self->op;
    return PYR_OK;
}
