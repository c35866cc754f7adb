/* changed_rows.c - see rows.h: row numbers of a table to bitmaps of its segments, row keys to
 * deletions. */
#include "arrow/cast.h"
#include "session/model_registry.h"

#include <stdlib.h>
#include <string.h>

void pyr_changed_rows_init(pyr_changed_rows *self, const pyr_table *table, pyr_change *change) {
    memset(self, 0, sizeof(*self));
    self->table = table;
    self->change = change;
}

void pyr_changed_rows_deinit(pyr_changed_rows *self) {
    for (size_t i = 0; i < self->count; ++i) {
        pyr_row_bitmap_builder_destroy(self->segments[i].builder);
    }
    free(self->segments);
}

/* Row numbers come segment after segment: the last one used is found at once. */
static pyr_status builder_of(pyr_changed_rows *self, uint64_t number, pyr_row_bitmap_builder **out,
                             pyr_error *error) {
    for (size_t i = self->count; i > 0; --i) {
        if (self->segments[i - 1].number == number) {
            *out = self->segments[i - 1].builder;
            return PYR_OK;
        }
    }
    if (self->count == self->capacity) {
        size_t wanted = self->capacity > 0 ? self->capacity * 2 : 8;
        pyr_segment_rows *grown = realloc(self->segments, wanted * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, wanted * sizeof(*grown));
        }
        self->segments = grown;
        self->capacity = wanted;
    }
    PYR_TRY(pyr_row_bitmap_builder_create(NULL, out, error));
    self->segments[self->count++] = (pyr_segment_rows){number, *out};
    return PYR_OK;
}

/* A statement's own view does not see what it has deleted, so that need not wait. */
static pyr_status delete_keys(pyr_changed_rows *self, pyr_array *rowids, pyr_error *error) {
    pyr_field *field = NULL;
    pyr_array *keys = NULL;
    pyr_table *target = NULL;
    int64_t deleted = 0;
    PYR_TRY(pyr_keyed_row_key_field(&field, error));
    pyr_status status = pyr_array_cast(rowids, field, NULL, NULL, &keys, error);
    if (status == PYR_OK) {
        status = pyr_registry_target(self->change, self->table, &target, error);
    }
    if (status == PYR_OK && target != NULL) {
        status = pyr_keyed_delete(self->change, target, keys, &deleted, error);
    }
    self->deleted += deleted;
    pyr_table_release(target);
    pyr_array_release(keys);
    pyr_field_release(field);
    return status;
}

pyr_status pyr_changed_rows_take(pyr_changed_rows *self, pyr_array *rowids, pyr_error *error) {
    self->taken += rowids->length;
    if (pyr_table_is_keyed(self->table)) {
        return delete_keys(self, rowids, error);
    }
    for (int64_t i = 0; i < rowids->length; ++i) {
        uint64_t rowid = (uint64_t)pyr_array_int64(rowids, i);
        int64_t row = (int64_t)(rowid & UINT32_MAX);
        pyr_row_bitmap_builder *builder = NULL;
        PYR_TRY(builder_of(self, rowid >> 32, &builder, error));
        PYR_TRY(pyr_row_bitmap_builder_rows(builder, &row, 1, error));
    }
    return PYR_OK;
}

pyr_status pyr_changed_rows_delete(pyr_changed_rows *self, int64_t *rows, pyr_error *error) {
    *rows = self->deleted;
    for (size_t i = 0; i < self->count; ++i) {
        pyr_row_bitmap *bitmap = NULL;
        PYR_TRY(pyr_row_bitmap_builder_finish(self->segments[i].builder, &bitmap, error));
        *rows += pyr_row_bitmap_cardinality(bitmap);
        pyr_status status =
            pyr_change_delete(self->change, self->table, self->segments[i].number, bitmap, error);
        pyr_row_bitmap_release(bitmap);
        PYR_TRY(status);
    }
    return PYR_OK;
}

static pyr_status delete_all_keys(pyr_changed_rows *self, pyr_error *error) {
    pyr_table *target = NULL;
    PYR_TRY(pyr_registry_target(self->change, self->table, &target, error));
    pyr_status status =
        target != NULL ? pyr_keyed_delete_all(self->change, target, &self->deleted, error) : PYR_OK;
    pyr_table_release(target);
    return status;
}

pyr_status pyr_changed_rows_take_all(pyr_changed_rows *self, pyr_error *error) {
    const pyr_table *table = self->table;
    if (pyr_table_is_keyed(table)) {
        return delete_all_keys(self, error);
    }
    for (size_t i = 0; i < table->segments_count; ++i) {
        const pyr_segment_info *info = pyr_segment_get_info(table->segments[i]);
        pyr_row_bitmap_builder *builder = NULL;
        pyr_row_bitmap_kept kept;
        int64_t start;
        int64_t length;
        PYR_TRY(builder_of(self, info->number, &builder, error));
        pyr_row_bitmap_kept_init(&kept, pyr_table_deleted(table, i), 0, info->rows);
        while (pyr_row_bitmap_kept_next(&kept, &start, &length)) {
            PYR_TRY(pyr_row_bitmap_builder_range(builder, start, start + length, error));
        }
    }
    return PYR_OK;
}
