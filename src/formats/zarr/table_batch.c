/* table_batch.c - which cells a batch has, and what is known of its coordinates before it is read.
 *
 * A batch is a chunk of the first variable's grid, or a run of the chunk's rows in C order where it
 * has more than PYR_ZARR_BATCH_ROWS_MAX.
 */
#include "formats/zarr/table_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t parts_of(int64_t rows) {
    return rows / PYR_ZARR_BATCH_ROWS_MAX + (rows % PYR_ZARR_BATCH_ROWS_MAX != 0);
}

static int64_t chunk_rows(const pyr_zarr_info *info, const int64_t *place) {
    int64_t rows = 1;
    for (int32_t i = 0; i < info->rank; ++i) {
        int64_t left = info->shape[i] - place[i] * info->chunk_shape[i];
        rows *= left < info->chunk_shape[i] ? left : info->chunk_shape[i];
    }
    return rows;
}

static pyr_status too_many_chunks(const pyr_zarr_array *array, int64_t most, pyr_error *error) {
    return pyr_zarr_array_context(
        array,
        pyr_error_set(error, PYR_ERROR_LIMIT, "%lld chunks, a table has at most %lld of their size",
                      (long long)array->info.chunks, (long long)most),
        error);
}

pyr_status pyr_zarr_table_plan(pyr_zarr_table *table, pyr_error *error) {
    const pyr_zarr_info *info = &table->base->info;
    static const int64_t first[PYR_ZARR_RANK_MAX] = {0};
    table->batches = table->rows > 0 ? info->chunks : 0;
    if (table->batches > TABLE_BATCHES_MAX) {
        return too_many_chunks(table->base, TABLE_BATCHES_MAX, error);
    }
    /* The first chunk is as large as any. */
    if (table->rows == 0 || chunk_rows(info, first) <= PYR_ZARR_BATCH_ROWS_MAX) {
        return PYR_OK;
    }
    if (info->chunks > TABLE_CHUNKS_CUT_MAX) {
        return too_many_chunks(table->base, TABLE_CHUNKS_CUT_MAX, error);
    }
    table->first_batch = calloc((size_t)info->chunks + 1, sizeof(*table->first_batch));
    if (table->first_batch == NULL) {
        return pyr_error_memory(error, (size_t)info->chunks * sizeof(*table->first_batch));
    }
    for (int64_t i = 0; i < info->chunks; ++i) {
        int64_t place[PYR_ZARR_RANK_MAX];
        pyr_zarr_chunk_place(table->base, i, place);
        table->first_batch[i + 1] = table->first_batch[i] + parts_of(chunk_rows(info, place));
    }
    table->batches = table->first_batch[info->chunks];
    return PYR_OK;
}

static int64_t chunk_of(const pyr_zarr_table *table, int64_t batch) {
    int64_t low = 0, high = table->base->info.chunks;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (table->first_batch[middle] <= batch) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

void pyr_zarr_table_part(const pyr_zarr_table *table, int64_t batch, table_part *out) {
    const pyr_zarr_info *info = &table->base->info;
    out->chunk = table->first_batch != NULL ? chunk_of(table, batch) : batch;
    pyr_zarr_chunk_place(table->base, out->chunk, out->place);
    int64_t rows = 1;
    for (int32_t i = 0; i < info->rank; ++i) {
        out->start[i] = out->place[i] * info->chunk_shape[i];
        int64_t left = info->shape[i] - out->start[i];
        out->shape[i] = left < info->chunk_shape[i] ? left : info->chunk_shape[i];
        rows *= out->shape[i];
    }
    out->parts = 1;
    out->first = 0;
    out->count = rows;
    if (table->first_batch != NULL) {
        out->parts = table->first_batch[out->chunk + 1] - table->first_batch[out->chunk];
        out->first = (batch - table->first_batch[out->chunk]) * PYR_ZARR_BATCH_ROWS_MAX;
        int64_t left = rows - out->first;
        out->count = left < PYR_ZARR_BATCH_ROWS_MAX ? left : PYR_ZARR_BATCH_ROWS_MAX;
    }
}

int64_t pyr_zarr_table_batch_rows(const pyr_zarr_table *table, int64_t batch) {
    table_part part;
    pyr_zarr_table_part(table, batch, &part);
    return part.count;
}

/* ---- Zones. ---- */

typedef enum zone_kind { ZONE_NONE, ZONE_SIGNED, ZONE_UNSIGNED, ZONE_FLOAT } zone_kind;

static zone_kind zone_kind_of(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_INT8:
    case PYR_TYPE_INT16:
    case PYR_TYPE_INT32:
    case PYR_TYPE_INT64:
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
    case PYR_TYPE_BOOL:
        return ZONE_SIGNED;
    case PYR_TYPE_UINT8:
    case PYR_TYPE_UINT16:
    case PYR_TYPE_UINT32:
    case PYR_TYPE_UINT64:
        return ZONE_UNSIGNED;
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
        return ZONE_FLOAT;
    default:
        return ZONE_NONE;
    }
}

/* Whether value a stands before value b. */
static bool is_below(const pyr_array *values, zone_kind kind, int64_t a, int64_t b) {
    if (kind == ZONE_FLOAT) {
        return pyr_array_double(values, a) < pyr_array_double(values, b);
    }
    int64_t left = pyr_array_int64(values, a), right = pyr_array_int64(values, b);
    return kind == ZONE_SIGNED ? left < right : (uint64_t)left < (uint64_t)right;
}

void pyr_zarr_dimension_sort_order(table_dimension *dimension) {
    const pyr_array *values = dimension->values;
    zone_kind kind = zone_kind_of(values->field);
    bool plain = kind != ZONE_NONE && pyr_array_null_count(dimension->values) == 0;
    dimension->rises = dimension->falls = plain;
    for (int64_t i = 0; plain && i < values->length; ++i) {
        if (kind == ZONE_FLOAT && isnan(pyr_array_double(values, i))) {
            dimension->rises = dimension->falls = plain = false;
        } else if (i > 0) {
            dimension->rises = dimension->rises && !is_below(values, kind, i, i - 1);
            dimension->falls = dimension->falls && !is_below(values, kind, i - 1, i);
            plain = dimension->rises || dimension->falls;
        }
    }
}

static void set_bound(const pyr_array *values, zone_kind kind, int64_t at, bool is_min,
                      pyr_zarr_zone *out) {
    if (kind == ZONE_FLOAT) {
        double value = pyr_array_double(values, at);
        *(is_min ? &out->min.f64 : &out->max.f64) = value;
    } else {
        int64_t value = pyr_array_int64(values, at);
        *(is_min ? &out->min.i64 : &out->max.i64) = value;
    }
}

typedef struct zone_state {
    int64_t lowest, highest; /* places of values; -1: none yet */
    int64_t looked_at, nulls;
    bool has_nan;
} zone_state;

/* Values [from, to). */
static void look_at(const table_dimension *dimension, zone_kind kind, int64_t from, int64_t to,
                    zone_state *state) {
    const pyr_array *values = dimension->values;
    int64_t step = (dimension->rises || dimension->falls) && to - from > 1 ? to - from - 1 : 1;
    state->looked_at += to - from;
    for (int64_t i = from; i < to; i += step) {
        if (pyr_array_is_null(values, i)) {
            ++state->nulls;
        } else if (kind == ZONE_FLOAT && isnan(pyr_array_double(values, i))) {
            state->has_nan = true;
        } else {
            state->lowest =
                state->lowest < 0 || is_below(values, kind, i, state->lowest) ? i : state->lowest;
            state->highest = state->highest < 0 || is_below(values, kind, state->highest, i)
                                 ? i
                                 : state->highest;
        }
    }
}

/* Places along a dimension that a batch has: one range, or two where it begins in the middle and
 * goes on from the start. Counted in the chunk. */
static int ranges_of(const table_part *part, int32_t rank, int32_t dimension, int64_t from[2],
                     int64_t to[2]) {
    int64_t length = part->shape[dimension], stride = 1;
    for (int32_t i = dimension + 1; i < rank; ++i) {
        stride *= part->shape[i];
    }
    int64_t first = part->first / stride, last = (part->first + part->count - 1) / stride;
    from[0] = 0;
    to[0] = length;
    if (last - first + 1 >= length) {
        return 1;
    }
    int64_t low = first % length, high = last % length;
    if (low <= high) {
        from[0] = low;
        to[0] = high + 1;
        return 1;
    }
    to[0] = high + 1;
    from[1] = low;
    to[1] = length;
    return 2;
}

void pyr_zarr_table_zone(const pyr_zarr_table *table, int64_t batch, int32_t column,
                         pyr_zarr_zone *out) {
    table_part part;
    int64_t from[2], to[2];
    memset(out, 0, sizeof(*out));
    if (column >= table->rank) {
        return;
    }
    const table_dimension *dimension = &table->dimensions[column];
    zone_kind kind =
        dimension->values != NULL ? zone_kind_of(dimension->values->field) : ZONE_SIGNED;
    if (kind == ZONE_NONE) {
        return;
    }
    pyr_zarr_table_part(table, batch, &part);
    int ranges = ranges_of(&part, table->rank, column, from, to);
    int64_t start = part.start[column];
    if (dimension->values == NULL) { /* positions */
        out->known = out->has_bounds = true;
        out->min.i64 = start + from[0];
        out->max.i64 = start + to[ranges - 1] - 1;
        return;
    }
    zone_state state = {.lowest = -1, .highest = -1};
    for (int i = 0; i < ranges; ++i) {
        look_at(dimension, kind, start + from[i], start + to[i], &state);
    }
    /* How often each place comes in a part of a chunk is not counted: some nulls are not told. */
    out->known = state.nulls == 0 || state.nulls == state.looked_at;
    out->null_count = state.nulls == 0 ? 0 : part.count;
    out->has_nan = state.has_nan;
    out->has_bounds = state.lowest >= 0;
    if (out->has_bounds) {
        set_bound(dimension->values, kind, state.lowest, true, out);
        set_bound(dimension->values, kind, state.highest, false, out);
    }
    /* Batches left out by the zeros of a page that had faulted would be missed by nobody. */
    if (pyr_array_check_mappings(dimension->values, NULL) != PYR_OK) {
        memset(out, 0, sizeof(*out));
    }
}
