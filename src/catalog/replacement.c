/* replacement.c - see replacement.h. */
#include "catalog/replacement.h"

#include <stdlib.h>
#include <string.h>

static bool make_arrays(pyr_replacement *self, size_t old_count, size_t new_count) {
    self->old_numbers = calloc(old_count + 1, sizeof(*self->old_numbers));
    self->left_out = calloc(old_count + 1, sizeof(*self->left_out));
    self->old_first = calloc(old_count + 1, sizeof(*self->old_first));
    self->new_numbers = calloc(new_count + 1, sizeof(*self->new_numbers));
    self->new_rows = calloc(new_count + 1, sizeof(*self->new_rows));
    return self->old_numbers != NULL && self->left_out != NULL && self->old_first != NULL &&
           self->new_numbers != NULL && self->new_rows != NULL;
}

pyr_status pyr_replacement_create(pyr_segment *const *old_segments, pyr_row_bitmap *const *left_out,
                                  size_t old_count, pyr_segment *const *new_segments,
                                  size_t new_count, bool ordered, pyr_replacement **out,
                                  pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    atomic_init(&(*out)->references, 1);
    (*out)->ordered = ordered;
    if (!make_arrays(*out, old_count, new_count)) {
        pyr_replacement_release(*out);
        *out = NULL;
        return pyr_error_memory(error, (old_count + new_count) * sizeof(uint64_t));
    }
    int64_t first = 0;
    for (size_t i = 0; i < old_count; ++i) {
        const pyr_segment_info *info = pyr_segment_get_info(old_segments[i]);
        (*out)->old_numbers[i] = info->number;
        (*out)->left_out[i] = pyr_row_bitmap_retain(left_out[i]);
        (*out)->old_first[i] = first;
        first += info->rows - pyr_row_bitmap_cardinality(left_out[i]);
    }
    (*out)->old_count = old_count;
    (*out)->kept_rows = first;
    for (size_t i = 0; i < new_count; ++i) {
        (*out)->new_numbers[i] = pyr_segment_get_info(new_segments[i])->number;
        (*out)->new_rows[i] = pyr_segment_get_info(new_segments[i])->rows;
    }
    (*out)->new_count = new_count;
    return PYR_OK;
}

pyr_replacement *pyr_replacement_retain(pyr_replacement *replacement) {
    atomic_fetch_add_explicit(&replacement->references, 1, memory_order_relaxed);
    return replacement;
}

void pyr_replacement_release(pyr_replacement *replacement) {
    if (replacement == NULL ||
        atomic_fetch_sub_explicit(&replacement->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < replacement->old_count; ++i) {
        pyr_row_bitmap_release(replacement->left_out[i]);
    }
    free(replacement->old_numbers);
    free(replacement->left_out);
    free(replacement->old_first);
    free(replacement->new_numbers);
    free(replacement->new_rows);
    free(replacement);
}

bool pyr_replacement_keeps_rows(const pyr_replacement *replacement) {
    int64_t rows = 0;
    for (size_t i = 0; i < replacement->new_count; ++i) {
        rows += replacement->new_rows[i];
    }
    return rows == replacement->kept_rows;
}

/* ---- Translating. ---- */

typedef struct translation {
    const pyr_row_bitmap *left_out;
    int64_t first;     /* output row of the old segment's first kept row */
    int64_t from, end; /* output rows of the new segment */
    pyr_row_bitmap_builder *builder;
} translation;

/* Rows [start, end) of the old segment are set: those that are not left out follow each other in
 * the output. */
static pyr_status translate_run(translation *self, int64_t start, int64_t end, pyr_error *error) {
    pyr_row_bitmap_kept kept;
    int64_t at;
    int64_t length;
    pyr_row_bitmap_kept_init(&kept, self->left_out, start, end);
    while (pyr_row_bitmap_kept_next(&kept, &at, &length)) {
        int64_t out = self->first + at - pyr_row_bitmap_count_range(self->left_out, 0, at);
        int64_t low = out > self->from ? out : self->from;
        int64_t high = out + length < self->end ? out + length : self->end;
        if (low < high) {
            PYR_TRY(pyr_row_bitmap_builder_range(self->builder, low - self->from, high - self->from,
                                                 error));
        }
    }
    return PYR_OK;
}

/* The runs of set rows are the gaps between those that are not. */
static pyr_status translate(translation *self, const pyr_row_bitmap *rows, pyr_error *error) {
    int64_t left = pyr_row_bitmap_cardinality(rows);
    int64_t position = 0;
    int64_t start;
    int64_t length;
    pyr_row_bitmap_kept kept;
    pyr_row_bitmap_kept_init(&kept, rows, 0, PYR_ROW_BITMAP_ROWS_MAX);
    while (left > 0 && pyr_row_bitmap_kept_next(&kept, &start, &length)) {
        PYR_TRY(translate_run(self, position, start, error));
        left -= start - position;
        position = start + length;
    }
    return PYR_OK;
}

pyr_status pyr_replacement_translate(const pyr_replacement *replacement, size_t index,
                                     const pyr_row_bitmap *rows, size_t place, pyr_row_bitmap **out,
                                     pyr_error *error) {
    translation self = {.left_out = replacement->left_out[index],
                        .first = replacement->old_first[index]};
    *out = NULL;
    for (size_t i = 0; i < place; ++i) {
        self.from += replacement->new_rows[i];
    }
    self.end = self.from + replacement->new_rows[place];
    PYR_TRY(pyr_row_bitmap_builder_create(NULL, &self.builder, error));
    pyr_status status = translate(&self, rows, error);
    if (status == PYR_OK) {
        status = pyr_row_bitmap_builder_finish(self.builder, out, error);
    }
    pyr_row_bitmap_builder_destroy(self.builder);
    return status;
}
