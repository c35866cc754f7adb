/* compact_rows.c - the rows of a run of segments, written once more. */
#include "catalog/compact_internal.h"

#include "base/clock.h"
#include "storage/kept_rows.h"

#include <stdlib.h>
#include <time.h>

typedef struct rewriting {
    const pyr_compaction *compaction;
    pyr_table *table;
    pyr_segment_output *output;
    bool sorting;
    pyr_batch **kept; /* to be sorted, retained */
    size_t kept_count, kept_capacity;
    int64_t started_ns;
    int64_t bytes;
} rewriting;

static pyr_status keep(rewriting *self, pyr_batch *dense, pyr_error *error) {
    if (self->kept_count == self->kept_capacity) {
        size_t capacity = self->kept_capacity > 0 ? self->kept_capacity * 2 : 16;
        pyr_batch **grown = realloc(self->kept, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        self->kept = grown;
        self->kept_capacity = capacity;
    }
    self->kept[self->kept_count++] = pyr_batch_retain(dense);
    return PYR_OK;
}

/* Counts what was read and waits where that was too fast. */
static void pace(rewriting *self, int64_t bytes) {
    const pyr_compaction *compaction = self->compaction;
    self->bytes += bytes;
    if (compaction->progress != NULL) {
        compaction->progress(compaction->context, bytes);
    }
    if (compaction->bytes_per_second <= 0) {
        return;
    }
    double due = (double)self->bytes / (double)compaction->bytes_per_second;
    double early = due - (double)(pyr_clock_monotonic_ns() - self->started_ns) / 1e9;
    if (early > 0.001) {
        early = early < 1 ? early : 1; /* closing waits for this at most */
        struct timespec pause = {(time_t)early, (long)((early - (double)(time_t)early) * 1e9)};
        nanosleep(&pause, NULL);
    }
}

/* Takes batch, which begins with row `first` of segment `index`. */
static pyr_status take_batch(rewriting *self, size_t index, int64_t first, pyr_batch *batch,
                             pyr_error *error) {
    int64_t bytes = pyr_batch_size_bytes(batch);
    pyr_batch *without = NULL;
    pyr_batch *dense = NULL;
    PYR_TRY(pyr_batch_without_deleted(batch, pyr_table_deleted(self->table, index), first, NULL,
                                      &without, error));
    if (without == NULL || without->rows == 0) {
        pyr_batch_release(without);
        pace(self, bytes);
        return PYR_OK;
    }
    pyr_status status = pyr_batch_dense(without, self->compaction->ledger, NULL, &dense, error);
    if (status == PYR_OK) { /* a source that was cut must not become rows of zeros */
        status = pyr_batch_check_mappings(without, error);
    }
    if (status == PYR_OK) {
        status = self->sorting ? keep(self, dense, error)
                               : pyr_segment_output_batch(self->output, dense, error);
    }
    pyr_batch_release(dense);
    pyr_batch_release(without);
    pace(self, bytes);
    return status;
}

static pyr_status read_segment(rewriting *self, size_t index, pyr_error *error) {
    pyr_segment *segment = self->table->segments[index];
    size_t batches = 0;
    int64_t first = 0;
    PYR_TRY(pyr_segment_batches(segment, self->compaction->ledger, &batches, error));
    for (size_t i = 0; i < batches; ++i) {
        pyr_batch *batch = NULL;
        if (self->compaction->cancel != NULL) {
            PYR_TRY(pyr_cancel_flag_check(self->compaction->cancel, error));
        }
        PYR_TRY(
            pyr_segment_batch(segment, i, NULL, 0, self->compaction->ledger, NULL, &batch, error));
        int64_t rows = batch->rows;
        PYR_TRY(take_batch(self, index, first, batch, error));
        first += rows;
    }
    return PYR_OK;
}

static pyr_status write_sorted(rewriting *self, pyr_error *error) {
    pyr_query_ledger *ledger = self->compaction->ledger;
    pyr_batch *all = NULL;
    pyr_batch *sorted = NULL;
    if (self->kept_count == 0) {
        return PYR_OK;
    }
    pyr_status status = pyr_batch_concat(self->kept, self->kept_count, ledger, NULL, &all, error);
    if (status == PYR_OK) {
        status = pyr_sort_by_key(all, pyr_table_get_option(self->table, "sort_key"), ledger,
                                 &sorted, error);
    }
    for (size_t i = 0; status == PYR_OK && i < self->kept_count; ++i) {
        status = pyr_batch_check_mappings(self->kept[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_segment_output_batch(self->output, sorted, error);
    }
    pyr_batch_release(sorted);
    pyr_batch_release(all);
    return status;
}

pyr_status pyr_compact_rows(pyr_table *table, pyr_compact_run run, const pyr_compaction *compaction,
                            pyr_segment_output *output, pyr_error *error) {
    rewriting self = {.compaction = compaction,
                      .table = table,
                      .output = output,
                      .sorting = pyr_table_has_sort_key(table),
                      .started_ns = pyr_clock_monotonic_ns()};
    pyr_status status = PYR_OK;
    output->sorted = self.sorting;
    for (size_t i = 0; status == PYR_OK && i < run.count; ++i) {
        status = read_segment(&self, run.first + i, error);
    }
    if (status == PYR_OK && self.sorting) {
        status = write_sorted(&self, error);
    }
    for (size_t i = 0; i < self.kept_count; ++i) {
        pyr_batch_release(self.kept[i]);
    }
    free(self.kept);
    return status == PYR_OK ? pyr_segment_output_seal(output, error) : status;
}
