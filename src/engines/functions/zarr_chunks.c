/* zarr_chunks.c - zarr_chunks(p): every chunk of every array, where its bytes are and how many.
 *
 * A chunk that the store has not got (all of it is the fill value) has NULL for its place. Where
 * chunks are is looked up where location, offset_bytes or size_bytes are asked for.
 */
#include "engines/functions/functions_internal.h"
#include "engines/functions/row_maker.h"
#include "engines/functions/zarr_files.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

enum { ARRAY, CHUNK, LOCATION, OFFSET_BYTES, SIZE_BYTES, CODECS, COLUMNS };
static const pyr_made_column columns_of_table[COLUMNS] = {
    {"array", PYR_TYPE_UTF8},         {"chunk", PYR_TYPE_LIST},       {"location", PYR_TYPE_UTF8},
    {"offset_bytes", PYR_TYPE_INT64}, {"size_bytes", PYR_TYPE_INT64}, {"codecs", PYR_TYPE_UTF8}};

#define BATCH_CHUNKS 2048

/* Batches [first, next part's first) are of one array. */
typedef struct part {
    pyr_zarr_array *array;
    int64_t first;
} part;

typedef struct chunks_source {
    pyr_segment_source source;
    pyr_zarr_files files;
    part *parts;
    size_t parts_count;
} chunks_source;

static void destroy(pyr_segment_source *source) {
    chunks_source *self = (chunks_source *)source;
    free(self->parts);
    pyr_zarr_files_close(&self->files);
    pyr_schema_release(source->schema);
    free(self);
}

static const part *part_of(const chunks_source *self, size_t batch) {
    size_t low = 0;
    size_t high = self->parts_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if ((size_t)self->parts[middle].first <= batch) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &self->parts[low];
}

static int64_t first_chunk(const part *of, size_t batch) {
    return ((int64_t)batch - of->first) * BATCH_CHUNKS;
}

static int64_t batch_rows(const pyr_segment_source *source, size_t index) {
    const part *of = part_of((const chunks_source *)source, index);
    int64_t rest = pyr_zarr_array_info(of->array)->chunks - first_chunk(of, index);
    return rest < BATCH_CHUNKS ? rest : BATCH_CHUNKS;
}

/* ---- Rows. ---- */

static pyr_status add_place(pyr_zarr_array *array, const int64_t *place, pyr_row_maker *maker,
                            pyr_query_ledger *ledger, pyr_error *error) {
    pyr_zarr_placement found;
    PYR_TRY(pyr_zarr_locate_chunk(array, place, ledger, &found, error));
    if (found.present) {
        pyr_row_maker_text(maker, LOCATION, found.location);
        pyr_row_maker_int64(maker, OFFSET_BYTES, found.offset_bytes);
        pyr_row_maker_int64(maker, SIZE_BYTES, found.size_bytes);
    } else {
        pyr_row_maker_null(maker, LOCATION);
        pyr_row_maker_null(maker, OFFSET_BYTES);
        pyr_row_maker_null(maker, SIZE_BYTES);
    }
    pyr_zarr_placement_deinit(&found);
    return maker->status;
}

static pyr_status add_row(pyr_zarr_array *array, int64_t chunk, bool places, pyr_row_maker *maker,
                          pyr_query_ledger *ledger, pyr_error *error) {
    const pyr_zarr_info *info = pyr_zarr_array_info(array);
    int64_t place[PYR_ZARR_RANK_MAX];
    pyr_zarr_chunk_place(array, chunk, place);
    pyr_row_maker_text(maker, ARRAY, info->path);
    pyr_row_maker_int64s(maker, CHUNK, place, info->rank);
    pyr_row_maker_text(maker, CODECS, info->codecs);
    return places && maker->status == PYR_OK ? add_place(array, place, maker, ledger, error)
                                             : maker->status;
}

static pyr_status batch(pyr_segment_source *source, size_t index, const int32_t *columns,
                        int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                        pyr_batch **out, pyr_error *error) {
    const part *of = part_of((const chunks_source *)source, index);
    int64_t rows = batch_rows(source, index);
    int64_t first = first_chunk(of, index);
    pyr_row_maker maker;
    pyr_row_maker_init(&maker, source->schema, columns, columns_count, budget, error);
    bool places = pyr_row_maker_wants(&maker, LOCATION) ||
                  pyr_row_maker_wants(&maker, OFFSET_BYTES) ||
                  pyr_row_maker_wants(&maker, SIZE_BYTES);
    for (int64_t i = 0; i < rows && maker.status == PYR_OK; ++i) {
        maker.status = add_row(of->array, first + i, places, &maker, ledger, error);
    }
    return pyr_row_maker_finish(&maker, rows, ledger, out);
}

static const pyr_segment_source_ops ops = {destroy, batch, batch_rows, NULL};

/* ---- Opening. ---- */

/* Arrays that cannot be read say where their chunks would be to nobody. */
static pyr_status list_parts(chunks_source *self, pyr_error *error) {
    int64_t count = pyr_zarr_arrays_count(self->files.zarr);
    int64_t batches = 0;
    self->parts = calloc((size_t)count + 1, sizeof(*self->parts));
    if (self->parts == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*self->parts));
    }
    for (int64_t i = 0; i < count; ++i) {
        pyr_zarr_array *array = pyr_zarr_get_array(self->files.zarr, i);
        const pyr_zarr_info *info = pyr_zarr_array_info(array);
        if (info->problem != NULL || info->chunks == 0) {
            continue;
        }
        self->parts[self->parts_count++] = (part){array, batches};
        int64_t more = (info->chunks - 1) / BATCH_CHUNKS + 1;
        if (!pyr_add_i64(batches, more, &batches) || batches > PYR_ZARR_SOURCE_BATCHES_MAX) {
            return pyr_error_set(error, PYR_ERROR_LIMIT,
                                 "zarr_chunks: array \"%s\" has %lld chunks, more than are listed",
                                 info->path, (long long)info->chunks);
        }
    }
    self->source.batches = (size_t)batches;
    return PYR_OK;
}

static pyr_status fill(pyr_segment_source *source, const pyr_function_call *call,
                       int64_t *mapped_bytes, pyr_error *error) {
    chunks_source *self = (chunks_source *)source;
    PYR_TRY(pyr_made_schema(columns_of_table, COLUMNS, &source->schema, error));
    PYR_TRY(pyr_zarr_files_open(call, &call->values[0], NULL, "zarr_chunks", &self->files, error));
    *mapped_bytes = self->files.mapped_bytes;
    return list_parts(self, error);
}

static pyr_status open_table(const pyr_function_call *call, pyr_table **out, pyr_error *error) {
    return pyr_function_source_table(call, "zarr_chunks", call->values[0].text, &ops,
                                     sizeof(chunks_source), fill, out, error);
}

const pyr_table_function pyr_function_zarr_chunks = {
    .name = "zarr_chunks",
    .parameters_count = 1,
    .parameters = {{.name = "path", .type = PYR_ARGUMENT_TEXT}},
    .columns = columns_of_table,
    .columns_count = COLUMNS,
    .open = open_table,
};
