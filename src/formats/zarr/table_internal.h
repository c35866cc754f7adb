/* table_internal.h - a group as a table, between table.c (what it is made of), table_batch.c (which
 * cells a batch has) and table_read.c.
 *
 * All but the cache is made before the table is handed out, and never changed.
 */
#ifndef PYR_FORMATS_ZARR_TABLE_INTERNAL_H
#define PYR_FORMATS_ZARR_TABLE_INTERNAL_H

#include "formats/zarr/zarr_internal.h"

#define TABLE_COORDINATE_VALUES_MAX ((int64_t)1 << 28)
#define TABLE_BATCHES_MAX ((int64_t)1 << 28)    /* readers go through them, and their zones */
#define TABLE_CHUNKS_CUT_MAX ((int64_t)1 << 24) /* chunks of more than one batch */
#define TABLE_BLOCKS_CACHED 16

typedef struct table_dimension {
    char *name;
    int64_t length;
    pyr_zarr_array *array; /* NULL: the position */
    pyr_array *values;     /* of array, decoded */
    bool rises, falls;     /* never the other way; without nulls and NaN */
} table_dimension;

typedef struct table_left_out {
    const char *name;
    const char *reason;
} table_left_out;

/* A chunk of several batches, while they are read. */
typedef struct table_block {
    int32_t variable; /* -1: the slot is free */
    bool loading;
    int64_t chunk;
    int64_t parts_left; /* batches that have not asked yet: then it goes */
    uint64_t used;
    pyr_zarr_chunk block;
} table_block;

struct pyr_zarr_table {
    pyr_zarr *zarr;
    bool decode_cf;
    int32_t rank;
    table_dimension *dimensions;
    int32_t variables_count;
    pyr_zarr_array **variables;
    pyr_zarr_array *base; /* whose grid gives the batches */
    pyr_schema *schema;
    int64_t rows, batches;
    int64_t *first_batch; /* of each chunk, and one behind; NULL: a batch is a chunk */
    int64_t left_out_count;
    table_left_out *left_out;
    pthread_mutex_t lock; /* of what follows; a chunk is read without it */
    pthread_cond_t loaded;
    uint64_t clock;
    table_block blocks[TABLE_BLOCKS_CACHED];
};

/* Rows [first, first + count) of a chunk, in C order of shape. */
typedef struct table_part {
    int64_t chunk; /* of the base's grid */
    int64_t parts; /* batches that the chunk has */
    int64_t place[PYR_ZARR_RANK_MAX];
    int64_t start[PYR_ZARR_RANK_MAX]; /* of the chunk in the array */
    int64_t shape[PYR_ZARR_RANK_MAX]; /* inside of it */
    int64_t first, count;
} table_part;
/* Sets batches, and first_batch where chunks have several. */
PYR_MUST_CHECK pyr_status pyr_zarr_table_plan(pyr_zarr_table *table, pyr_error *error);
void pyr_zarr_table_part(const pyr_zarr_table *table, int64_t batch, table_part *out);
/* Whether its values rise or fall; sets the two flags. */
void pyr_zarr_dimension_sort_order(table_dimension *dimension);

#endif
