/* zarr.h - Zarr v2 and v3 hierarchies: metadata, chunks, and a group as a table.
 *
 * Sources: the Zarr v2 specification; Zarr v3 core with the codecs bytes, transpose and
 * sharding_indexed; numcodecs' names of filters; xarray's conventions for dimensions and the CF
 * conventions ("Packed Data", "Missing Data", "Time Coordinate").
 *
 * Everything in a store is hostile: metadata is held against limits, chunks against the sizes that
 * metadata gives. What is opened is immutable: any number of threads may read it at once; the
 * caller parallelises over chunks or batches.
 */
#ifndef PYR_FORMATS_ZARR_ZARR_H
#define PYR_FORMATS_ZARR_ZARR_H

#include "arrow/batch.h"
#include "formats/zarr/store.h"

#define PYR_ZARR_RANK_MAX 32
#define PYR_ZARR_ARRAYS_MAX 10000               /* of one hierarchy */
#define PYR_ZARR_METADATA_BYTES_MAX (64u << 20) /* of one document */
#define PYR_ZARR_CHUNK_BYTES_MAX ((int64_t)1 << 31)
#define PYR_ZARR_BATCH_ROWS_MAX ((int64_t)1 << 20)

/* ---- Hierarchies. ---- */

typedef struct pyr_zarr pyr_zarr;
typedef struct pyr_zarr_array pyr_zarr_array;

typedef enum pyr_zarr_format { PYR_ZARR_ANY, PYR_ZARR_V2 = 2, PYR_ZARR_V3 = 3 } pyr_zarr_format;

/* Opens the array or group at path ("": the root) and finds every array below it: by consolidated
 * metadata where there is some, else by listing. A root without metadata of its own whose folders
 * have some is a group. format ANY: where a place has both kinds of metadata, v3. No chunk is read.
 * An array of a group that cannot be read (broken metadata, an unknown codec) does not fail the
 * group: reading it gives its error, and info->problem says so. store is retained. budget (NULL
 * allowed) is retained. NOT_FOUND: nothing of Zarr there; CORRUPT, NOT_SUPPORTED, LIMIT name the
 * key. */
PYR_MUST_CHECK pyr_status pyr_zarr_open(pyr_zarr_store *store, const char *path,
                                        pyr_zarr_format format, pyr_budget *budget, pyr_zarr **out,
                                        pyr_error *error);
pyr_zarr *pyr_zarr_retain(pyr_zarr *zarr);
void pyr_zarr_release(pyr_zarr *zarr); /* NULL allowed */
bool pyr_zarr_is_group(const pyr_zarr *zarr);
pyr_zarr_format pyr_zarr_get_format(const pyr_zarr *zarr); /* of what was opened */
pyr_zarr_store *pyr_zarr_get_store(const pyr_zarr *zarr);  /* borrowed */
/* The attributes of what was opened as JSON text, "{}" where there are none. */
const char *pyr_zarr_attributes(const pyr_zarr *zarr);
/* By path. An opened array is the one there. Borrowed: they live as long as zarr. */
int64_t pyr_zarr_arrays_count(const pyr_zarr *zarr);
pyr_zarr_array *pyr_zarr_get_array(const pyr_zarr *zarr, int64_t index);

/* ---- Arrays. ---- */

typedef enum pyr_zarr_kind {
    PYR_ZARR_BOOL, /* one byte a value, 0 or 1 */
    PYR_ZARR_INT,
    PYR_ZARR_UINT,
    PYR_ZARR_FLOAT,
    PYR_ZARR_COMPLEX,   /* two floats; Arrow: fixed_size_list[2] */
    PYR_ZARR_RAW,       /* V, r*: fixed_size_binary */
    PYR_ZARR_BYTES,     /* S: zero bytes at the end are padding; Arrow: binary */
    PYR_ZARR_UTF32,     /* U: Arrow: utf8 */
    PYR_ZARR_DATETIME,  /* int64 of a unit since 1970; NaT is null; Arrow: timestamp */
    PYR_ZARR_TIMEDELTA, /* Arrow: duration */
    PYR_ZARR_STRING,    /* of any length: utf8 */
    PYR_ZARR_BINARY,    /* of any length: binary */
    PYR_ZARR_JSON       /* v2 objects by json2: texts as they are, all else as JSON text */
} pyr_zarr_kind;

typedef struct pyr_zarr_info {
    const char *path; /* in the store, "" for its root */
    const char *name; /* the last part of path */
    const char
        *problem; /* why it cannot be read, or NULL; then only what stands above is certain */
    pyr_zarr_format format;
    pyr_zarr_kind kind;
    int32_t item_bytes;     /* of a value in a chunk's block; 0 where values have any length */
    const char *data_type;  /* as the metadata has it: "<f4", "float32", a JSON object */
    const char *codecs;     /* in the order of writing: "transpose, bytes, zstd" */
    const char *attributes; /* JSON text */
    bool sharded;
    int32_t rank;
    const int64_t *shape;
    const int64_t *chunk_shape;    /* what is read at once: of sharded arrays the inner chunks */
    const int64_t *grid;           /* chunks along each dimension */
    int64_t chunks;                /* of the whole grid */
    int64_t count;                 /* values */
    const char *const *dimensions; /* rank names, an entry may be NULL; or NULL */
} pyr_zarr_info;
const pyr_zarr_info *pyr_zarr_array_info(const pyr_zarr_array *array);
/* The Arrow field of the values, named as asked; nullable. decode_cf: see the table's options. */
PYR_MUST_CHECK pyr_status pyr_zarr_array_field(pyr_zarr_array *array, const char *name,
                                               bool decode_cf, pyr_field **out, pyr_error *error);

/* A chunk's part inside of its array, C order, the last dimension fastest. */
typedef struct pyr_zarr_chunk {
    int64_t shape[PYR_ZARR_RANK_MAX];
    int64_t count;
    bool missing;      /* not in the store: every value is the fill value; nothing was allocated */
    bool referenced;   /* bytes lie where the store has them */
    pyr_buffer *bytes; /* count * item_bytes, little-endian; NULL where missing */
    pyr_array *values; /* kinds of any length, instead of bytes: UTF8 or BINARY */
} pyr_zarr_chunk;
void pyr_zarr_chunk_deinit(pyr_zarr_chunk *chunk);

/* Reads the chunk at a place of the grid (rank numbers, in range: an assertion). Bytes by reference
 * where nothing had to be done to them; else decoded, counted as decoded, copies (transposing, byte
 * order, cutting a ragged end) with their reason. The caller checks the mapping of bytes
 * (pyr_mapping_check) before it acts on them; pyr_zarr_chunk_values does. CORRUPT names array and
 * chunk; NOT_SUPPORTED, MEMORY, IO. */
PYR_MUST_CHECK pyr_status pyr_zarr_read_chunk(pyr_zarr_array *array, const int64_t *place,
                                              pyr_query_ledger *ledger, pyr_budget *budget,
                                              pyr_zarr_chunk *out, pyr_error *error);
/* A box of the array (start + extent within shape: an assertion) as one dense block of fixed-width
 * values, or an array: chunk's fields as above, never missing. One chunk's own box is that chunk.
 */
PYR_MUST_CHECK pyr_status pyr_zarr_read_region(pyr_zarr_array *array, const int64_t *start,
                                               const int64_t *extent, pyr_query_ledger *ledger,
                                               pyr_budget *budget, pyr_zarr_chunk *out,
                                               pyr_error *error);
/* Values [first, first + count) of a chunk as an Arrow array of pyr_zarr_array_field's type: by
 * reference where the bytes are Arrow's already and aligned. A missing chunk gives a slice of a
 * block that all of the array's missing chunks share. Where v2 metadata has no fill value (null)
 * the specification leaves missing values open: they are NaT or zero, as zarr-python has them, and
 * null where values have any length, by chunk as by box. */
PYR_MUST_CHECK pyr_status pyr_zarr_chunk_values(pyr_zarr_array *array, const pyr_zarr_chunk *chunk,
                                                int64_t first, int64_t count, bool decode_cf,
                                                pyr_query_ledger *ledger, pyr_budget *budget,
                                                pyr_array **out, pyr_error *error);

/* Where a chunk's bytes are, for zarr_chunks(p). No chunk is decoded; shards' indices are read. */
typedef struct pyr_zarr_placement {
    bool present;
    char *location;       /* malloc'ed: the file, or the key in the zip */
    int64_t offset_bytes; /* from the start of that file (of the zip file, of the shard's file) */
    int64_t size_bytes;   /* as stored */
} pyr_zarr_placement;
void pyr_zarr_placement_deinit(pyr_zarr_placement *placement);
PYR_MUST_CHECK pyr_status pyr_zarr_locate_chunk(pyr_zarr_array *array, const int64_t *place,
                                                pyr_query_ledger *ledger, pyr_zarr_placement *out,
                                                pyr_error *error);
/* The place of the n-th chunk of the grid in C order; index in range. */
void pyr_zarr_chunk_place(const pyr_zarr_array *array, int64_t index, int64_t *place);

/* ---- A group, or an array, as a table. ---- */

typedef struct pyr_zarr_table_options {
    /* CF: scale_factor and add_offset (float64 then), _FillValue and missing_value (null), and
     * "UNIT since TIME" of the standard calendars (timestamp[us]); in v2 the fill value is the
     * _FillValue where there is none, as xarray reads it. Off: values as they are stored. */
    bool decode_cf;
} pyr_zarr_table_options;

/* One row a cell. Of an opened array: columns dim_0.. (or its dimensions' names) and value. Of a
 * group: among its own arrays, those that have the same dimensions (names and lengths) are the
 * variables; where there are several such sets, the one that has most values in all, then the first
 * by name. Columns: the dimensions first, each by the values of the 1-d array that is called like
 * it, or by its position (int64) where there is none; then the variables by name, "_1" behind those
 * that are called like a column before. Rows come chunk after chunk of the first variable's grid,
 * in C order within one; a batch is a chunk or PYR_ZARR_BATCH_ROWS_MAX of its rows. */
typedef struct pyr_zarr_table pyr_zarr_table;
/* Reads the coordinate arrays. NOT_SUPPORTED: no array in the group can be read. LIMIT: coordinates
 * of more than 2^28 values, more than 2^28 batches. zarr is retained. */
PYR_MUST_CHECK pyr_status pyr_zarr_table_create(pyr_zarr *zarr,
                                                const pyr_zarr_table_options *options,
                                                pyr_query_ledger *ledger, pyr_budget *budget,
                                                pyr_zarr_table **out, pyr_error *error);
void pyr_zarr_table_destroy(pyr_zarr_table *table);             /* NULL allowed */
pyr_schema *pyr_zarr_table_schema(const pyr_zarr_table *table); /* borrowed */
int64_t pyr_zarr_table_rows(const pyr_zarr_table *table);
int64_t pyr_zarr_table_batches(const pyr_zarr_table *table);
int64_t pyr_zarr_table_batch_rows(const pyr_zarr_table *table, int64_t batch);
/* The group's own arrays that are no column; reason: why not. */
int64_t pyr_zarr_table_left_out(const pyr_zarr_table *table);
const char *pyr_zarr_table_left_out_get(const pyr_zarr_table *table, int64_t index,
                                        const char **reason);

/* What is known of a coordinate column in a batch without reading a variable. Fields as those of
 * the zone maps of segments. */
typedef struct pyr_zarr_zone {
    bool known;      /* false: nothing is: variables, texts */
    bool has_bounds; /* false: no value that is neither null nor NaN */
    bool has_nan;
    int64_t null_count;
    union {
        int64_t i64; /* signed integers, timestamps, durations, bool */
        uint64_t u64;
        double f64; /* floats of any width */
    } min, max;
} pyr_zarr_zone;
/* O(1) where the coordinate is sorted, else in the batch's extent along its dimension. Unknown
 * where the coordinate's file could not be read. */
void pyr_zarr_table_zone(const pyr_zarr_table *table, int64_t batch, int32_t column,
                         pyr_zarr_zone *out);
/* The columns wanted (NULL: all) of a batch. Chunks of variables that are not wanted are not read.
 * Variables are by reference where their chunk is; coordinates are repeated (PYR_COPY_CONVERT). A
 * chunk of more than one batch is decoded once as long as its batches are read about the same time.
 */
PYR_MUST_CHECK pyr_status pyr_zarr_table_read(pyr_zarr_table *table, int64_t batch,
                                              const int32_t *columns, int32_t columns_count,
                                              pyr_query_ledger *ledger, pyr_budget *budget,
                                              pyr_batch **out, pyr_error *error);

#endif
