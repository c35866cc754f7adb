/* table_read.c - a batch of a table: coordinates repeated, variables as their chunks have them.
 *
 * A chunk that has several batches is decoded by whoever needs it first; others wait for it, and it
 * goes when each batch has had it, or when its slot is needed.
 */
#include "formats/zarr/table_internal.h"

#include "base/mapping.h"

#include <stdlib.h>
#include <string.h>

typedef struct reading {
    pyr_zarr_table *table;
    table_part part;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    pyr_error *error;
} reading;

/* ---- Coordinates. ---- */

/* Calls for each run of rows of the part that have one place along a dimension. */
typedef struct runs {
    int64_t stride, length; /* rows a place, places */
    int64_t row, end;
} runs;

static runs runs_of(const reading *r, int32_t dimension) {
    runs all = {1, r->part.shape[dimension], r->part.first, r->part.first + r->part.count};
    for (int32_t i = dimension + 1; i < r->table->rank; ++i) {
        all.stride *= r->part.shape[i];
    }
    return all;
}

static bool next_run(runs *all, int64_t *place, int64_t *count) {
    if (all->row == all->end) {
        return false;
    }
    int64_t run_end = (all->row / all->stride + 1) * all->stride;
    *place = all->row / all->stride % all->length;
    *count = (run_end < all->end ? run_end : all->end) - all->row;
    all->row += *count;
    return true;
}

static pyr_status read_positions(reading *r, int32_t column, pyr_array **out) {
    runs all = runs_of(r, column);
    int64_t place, count, start = r->part.start[column];
    pyr_buffer *buffers[2] = {NULL, NULL};
    size_t size = (size_t)r->part.count * sizeof(int64_t);
    PYR_TRY(pyr_buffer_create_raw(size, r->budget, &buffers[1], r->error));
    int64_t *to = (int64_t *)(void *)pyr_buffer_mutable(buffers[1]);
    while (next_run(&all, &place, &count)) {
        for (int64_t i = 0; i < count; ++i) {
            *to++ = start + place;
        }
    }
    pyr_ledger_add_copy(r->ledger, PYR_COPY_CONVERT, (int64_t)size);
    pyr_status status = pyr_array_create(r->table->schema->fields[column], r->part.count, 0, 0,
                                         buffers, 2, NULL, 0, NULL, out, r->error);
    pyr_buffer_release(buffers[1]);
    return status;
}

static pyr_status read_coordinate(reading *r, int32_t column, pyr_array **out) {
    const table_dimension *dimension = &r->table->dimensions[column];
    runs all = runs_of(r, column);
    int64_t place, count, start = r->part.start[column];
    pyr_buffer *indices;
    if (r->table->rank == 1) { /* a row a place: nothing to repeat */
        return pyr_array_slice(dimension->values, start + r->part.first, r->part.count, out,
                               r->error);
    }
    PYR_TRY(pyr_buffer_create_raw((size_t)r->part.count * sizeof(int32_t), r->budget, &indices,
                                  r->error));
    int32_t *index = (int32_t *)(void *)pyr_buffer_mutable(indices), *to = index;
    while (next_run(&all, &place, &count)) {
        for (int64_t i = 0; i < count; ++i) {
            *to++ = (int32_t)(start + place);
        }
    }
    pyr_status status = pyr_array_take(dimension->values, index, r->part.count, PYR_COPY_CONVERT,
                                       r->ledger, r->budget, out, r->error);
    pyr_buffer_release(indices);
    if (status == PYR_OK) { /* the coordinate may lie in a mapping, what was taken does not */
        status = pyr_array_check_mappings(dimension->values, r->error);
        if (status != PYR_OK) {
            pyr_array_release(*out);
            *out = NULL;
        }
    }
    return status;
}

/* ---- Variables. ---- */

static bool has_grid_of_base(const pyr_zarr_table *table, const pyr_zarr_array *array) {
    return memcmp(array->info.chunk_shape, table->base->info.chunk_shape,
                  (size_t)table->rank * sizeof(int64_t)) == 0;
}

static pyr_status read_block(reading *r, int32_t variable, pyr_zarr_chunk *out) {
    pyr_zarr_array *array = r->table->variables[variable];
    return has_grid_of_base(r->table, array)
               ? pyr_zarr_read_chunk(array, r->part.place, r->ledger, r->budget, out, r->error)
               : pyr_zarr_read_region(array, r->part.start, r->part.shape, r->ledger, r->budget,
                                      out, r->error);
}

static void share(const pyr_zarr_chunk *chunk, pyr_zarr_chunk *out) {
    *out = *chunk;
    out->bytes = pyr_buffer_retain(chunk->bytes);
    out->values = pyr_array_retain(chunk->values);
}

/* The slot of a block; NULL: it has none. Under the lock. */
static table_block *find_slot(pyr_zarr_table *table, int32_t variable, int64_t chunk) {
    for (int32_t i = 0; i < TABLE_BLOCKS_CACHED; ++i) {
        table_block *slot = &table->blocks[i];
        if (slot->variable == variable && slot->chunk == chunk) {
            return slot;
        }
    }
    return NULL;
}

/* A free slot, or the one not used for longest; NULL: all are being loaded. Under the lock; what
 * was in it moves to *before. */
static table_block *take_slot(pyr_zarr_table *table, const reading *r, int32_t variable,
                              pyr_zarr_chunk *before) {
    table_block *best = NULL;
    for (int32_t i = 0; i < TABLE_BLOCKS_CACHED; ++i) {
        table_block *slot = &table->blocks[i];
        if (slot->variable < 0) {
            best = slot;
            break;
        }
        if (!slot->loading && (best == NULL || slot->used < best->used)) {
            best = slot;
        }
    }
    if (best != NULL) {
        *before = best->block;
        memset(best, 0, sizeof(*best));
        best->variable = variable;
        best->chunk = r->part.chunk;
        best->parts_left = r->part.parts;
        best->loading = true;
    }
    return best;
}

/* One more batch has had the block. Under the lock; the block moves to *before where it goes. */
static void count_part(table_block *slot, pyr_zarr_chunk *before) {
    if (--slot->parts_left <= 0) {
        *before = slot->block;
        memset(slot, 0, sizeof(*slot));
        slot->variable = -1;
    }
}

/* Loads the block into the slot that is marked as loading. */
static pyr_status load_slot(reading *r, int32_t variable, table_block *slot, pyr_zarr_chunk *out) {
    pyr_zarr_table *table = r->table;
    pyr_zarr_chunk loaded, before = {0};
    pyr_status status = read_block(r, variable, &loaded);
    pthread_mutex_lock(&table->lock);
    slot->loading = false;
    slot->used = ++table->clock;
    if (status == PYR_OK) {
        share(&loaded, out);
        slot->block = loaded;
        count_part(slot, &before);
    } else {
        slot->variable = -1;
    }
    pthread_cond_broadcast(&table->loaded);
    pthread_mutex_unlock(&table->lock);
    pyr_zarr_chunk_deinit(&before);
    return status;
}

static pyr_status shared_block(reading *r, int32_t variable, pyr_zarr_chunk *out) {
    pyr_zarr_table *table = r->table;
    pyr_zarr_chunk before = {0};
    if (r->part.parts == 1) {
        return read_block(r, variable, out);
    }
    pthread_mutex_lock(&table->lock);
    table_block *slot = find_slot(table, variable, r->part.chunk);
    while (slot != NULL && slot->loading) {
        pthread_cond_wait(&table->loaded, &table->lock);
        slot = find_slot(table, variable, r->part.chunk);
    }
    if (slot != NULL) {
        share(&slot->block, out);
        slot->used = ++table->clock;
        count_part(slot, &before);
        pthread_mutex_unlock(&table->lock);
        pyr_zarr_chunk_deinit(&before);
        return PYR_OK;
    }
    slot = take_slot(table, r, variable, &before);
    pthread_mutex_unlock(&table->lock);
    pyr_zarr_chunk_deinit(&before);
    return slot != NULL ? load_slot(r, variable, slot, out) : read_block(r, variable, out);
}

static pyr_status read_variable(reading *r, int32_t variable, pyr_array **out) {
    pyr_zarr_chunk chunk;
    PYR_TRY(shared_block(r, variable, &chunk));
    pyr_status status =
        pyr_zarr_chunk_values(r->table->variables[variable], &chunk, r->part.first, r->part.count,
                              r->table->decode_cf, r->ledger, r->budget, out, r->error);
    pyr_zarr_chunk_deinit(&chunk);
    return status;
}

/* ---- Batches. ---- */

static pyr_status read_column(reading *r, int32_t column, pyr_array **out) {
    *out = NULL;
    if (column >= r->table->rank) {
        return read_variable(r, column - r->table->rank, out);
    }
    return r->table->dimensions[column].values != NULL ? read_coordinate(r, column, out)
                                                       : read_positions(r, column, out);
}

static pyr_status make_batch(reading *r, const int32_t *columns, int32_t count, pyr_array **arrays,
                             pyr_batch **out) {
    pyr_schema *schema = NULL;
    if (columns == NULL) {
        schema = pyr_schema_retain(r->table->schema);
    } else {
        PYR_TRY(pyr_schema_project(r->table->schema, columns, count, &schema, r->error));
    }
    pyr_status status = pyr_batch_create(schema, r->part.count, arrays, count, NULL, out, r->error);
    pyr_schema_release(schema);
    return status;
}

pyr_status pyr_zarr_table_read(pyr_zarr_table *table, int64_t batch, const int32_t *columns,
                               int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                               pyr_batch **out, pyr_error *error) {
    reading r = {.table = table, .ledger = ledger, .budget = budget, .error = error};
    int32_t count = columns != NULL ? columns_count : table->schema->fields_count;
    *out = NULL;
    pyr_zarr_table_part(table, batch, &r.part);
    pyr_array **arrays = calloc((size_t)count + 1, sizeof(*arrays));
    if (arrays == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*arrays));
    }
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < count; ++i) {
        status = read_column(&r, columns != NULL ? columns[i] : i, &arrays[i]);
    }
    if (status == PYR_OK) {
        status = make_batch(&r, columns, count, arrays, out);
    }
    for (int32_t i = 0; i < count; ++i) {
        pyr_array_release(arrays[i]);
    }
    free(arrays);
    return status;
}
