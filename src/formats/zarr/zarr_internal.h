/* zarr_internal.h - what the files of this folder share: data types, pipelines of codecs, arrays.
 *
 * Invariants:
 *  1. What metadata says is checked when it is parsed: ranks, products of lengths, sizes of items.
 *     Later code multiplies shape, grid and chunk lengths without looking again.
 *  2. An array with a problem (status other than OK) has nothing but path, name and problem.
 *  3. Everything of a hierarchy but caches lies in its arena, and is not changed once opened.
 */
#ifndef PYR_FORMATS_ZARR_ZARR_INTERNAL_H
#define PYR_FORMATS_ZARR_ZARR_INTERNAL_H

#include "base/arena.h"
#include "formats/codecs/codecs.h"
#include "formats/zarr/zarr.h"

#include <jansson.h>
#include <pthread.h>

#define ZARR_ITEM_BYTES_MAX (1 << 20)
#define ZARR_STEPS_MAX 32
#define ZARR_SHARD_LEVELS_MAX 4
#define ZARR_SHARDS_CACHED 8

/* ---- json.c ---- */

/* A document, strict but for what Python's json writes: bare NaN and Infinity, and integers beyond
 * 64 bits, become texts. name: for messages. */
PYR_MUST_CHECK pyr_status pyr_zarr_json_load(const pyr_buffer *bytes, const char *name,
                                             json_t **out, pyr_error *error);
/* A key of an object that is a text; NULL where it is not there or something else. */
const char *pyr_zarr_json_string(const json_t *object, const char *key);
/* Compact text in the arena; NULL: out of memory. */
const char *pyr_zarr_json_text(const json_t *value, pyr_arena *arena);
/* RFC 4648 base 64 with or without padding; false: it is not, or longer than capacity. */
bool pyr_zarr_base64_decode(const char *text, uint8_t *out, size_t capacity, size_t *size_bytes);

/* ---- data_type.c ---- */

typedef enum zarr_unit { /* of numpy's datetime64 and timedelta64 */
                         ZARR_UNIT_YEAR,
                         ZARR_UNIT_MONTH,
                         ZARR_UNIT_WEEK,
                         ZARR_UNIT_DAY,
                         ZARR_UNIT_HOUR,
                         ZARR_UNIT_MINUTE,
                         ZARR_UNIT_SECOND,
                         ZARR_UNIT_MILLISECOND,
                         ZARR_UNIT_MICROSECOND,
                         ZARR_UNIT_NANOSECOND
} zarr_unit;

typedef struct zarr_type {
    pyr_zarr_kind kind;
    int32_t item_bytes; /* 0: any length */
    int32_t swap_bytes; /* what byte order is about: 1 where there is none */
    bool big_endian;    /* v2 alone; v3 has it in the codec "bytes" */
    bool object;        /* v2 "|O": kind is its filter's */
    zarr_unit unit;
    int64_t multiple; /* of the unit: 10 for datetime64[10ms] */
} zarr_type;

PYR_MUST_CHECK pyr_status pyr_zarr_type_parse_v2(const json_t *json, zarr_type *out,
                                                 pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_zarr_type_parse_v3(const json_t *json, zarr_type *out,
                                                 pyr_error *error);
/* "<f4" for a numeric type in memory; text has room for 16. For filters that want it so. */
void pyr_zarr_type_numpy(const zarr_type *type, char *text);

/* ---- fill_value.c ---- */

typedef struct zarr_fill {
    bool defined;         /* v2 null: not; then NaT or zero, or null where values have any length */
    const uint8_t *bytes; /* item_bytes, little-endian; or a text of any length */
    size_t size_bytes;
} zarr_fill;
PYR_MUST_CHECK pyr_status pyr_zarr_fill_parse(const json_t *json, pyr_zarr_format format,
                                              const zarr_type *type, pyr_arena *arena,
                                              zarr_fill *out, pyr_error *error);

/* A float as such, of a FLOAT type. */
PYR_MUST_CHECK pyr_status pyr_zarr_fill_float(double value, const zarr_type *type, pyr_arena *arena,
                                              zarr_fill *out, pyr_error *error);

/* ---- pipeline_parse.c ---- */

typedef enum zarr_step_kind {
    ZARR_STEP_CODEC,
    ZARR_STEP_SWAP, /* byte order */
    ZARR_STEP_DELTA,
    ZARR_STEP_SCALE_OFFSET
} zarr_step_kind;
typedef struct zarr_step {
    zarr_step_kind kind;
    pyr_codec codec;
    char type[16], stored_type[16]; /* numpy's names: DELTA, SCALE_OFFSET */
    int32_t item_bytes, stored_item_bytes;
    double scale, offset;
} zarr_step;

typedef enum zarr_serializer {
    ZARR_SERIALIZER_BYTES,
    ZARR_SERIALIZER_VLEN, /* of UTF-8 or of bytes: the same format */
    ZARR_SERIALIZER_JSON,
    ZARR_SERIALIZER_SHARDING
} zarr_serializer;

typedef struct zarr_pipeline zarr_pipeline;
typedef struct zarr_sharding {
    int64_t chunk_shape[PYR_ZARR_RANK_MAX]; /* in the order that transposing gave */
    zarr_pipeline *chunks;
    zarr_pipeline *index; /* of uint64 [chunks.., 2]: "bytes" and checksums */
    size_t index_extra_bytes;
    bool index_at_start;
} zarr_sharding;

/* Decoding, from the store's bytes to values: the steps in order, then the serializer, then
 * transposing. Dimension i of what was stored is dimension order[i] of the chunk. */
struct zarr_pipeline {
    int32_t steps_count;
    zarr_step steps[ZARR_STEPS_MAX];
    zarr_serializer serializer;
    zarr_sharding *sharding;
    bool transposed; /* order is not 0, 1, 2, ... */
    int32_t order[PYR_ZARR_RANK_MAX];
    const char *text; /* names, in the order of writing */
};
/* v2: order "C" or "F", filters and compressor (NULL or json null: none); sets the kind of an
 * object type. */
PYR_MUST_CHECK pyr_status pyr_zarr_pipeline_parse_v2(const json_t *filters,
                                                     const json_t *compressor, bool fortran,
                                                     int32_t rank, zarr_type *type,
                                                     pyr_arena *arena, zarr_pipeline **out,
                                                     pyr_error *error);
/* v3: of chunks of this shape. */
PYR_MUST_CHECK pyr_status pyr_zarr_pipeline_parse_v3(const json_t *codecs, const zarr_type *type,
                                                     int32_t rank, const int64_t *chunk_shape,
                                                     int32_t depth, pyr_arena *arena,
                                                     zarr_pipeline **out, pyr_error *error);

/* ---- Arrays. ---- */

typedef struct zarr_cf {
    bool packed; /* scale and offset apply */
    double scale, offset;
    int32_t missing_count;
    zarr_fill missing[2];
    bool time;
    int64_t unit_us;  /* of a step of time */
    int64_t epoch_us; /* where it is 0, since 1970 */
} zarr_cf;

typedef struct zarr_shard zarr_shard;
typedef struct zarr_shard_slot {
    int32_t level;
    int64_t index; /* of the shard in its level's grid */
    uint64_t used; /* the cache's clock; 0: the slot is empty */
    zarr_shard *shard;
} zarr_shard_slot;

/* A grid that chunks of one size make: level 0 is the store's, the last one that of info. */
typedef struct zarr_level {
    int64_t chunk_shape[PYR_ZARR_RANK_MAX];
    int64_t grid[PYR_ZARR_RANK_MAX];
    const zarr_pipeline *pipeline;
} zarr_level;

struct pyr_zarr_array {
    pyr_zarr_info info;
    pyr_status status;     /* OK, or why it cannot be read */
    pyr_zarr_store *store; /* the hierarchy's */
    pyr_budget *budget;    /* for what is cached; may be NULL */
    zarr_type type;
    zarr_fill fill;
    zarr_cf cf;
    bool key_v2; /* chunk keys: "0.1", else "c/0/1" */
    char separator;
    int32_t levels_count; /* 1, and one for each level of shards that is opened */
    zarr_level levels[ZARR_SHARD_LEVELS_MAX];
    pthread_mutex_t lock; /* of what follows; nothing is called while it is held but mallocs */
    uint64_t clock;
    zarr_shard_slot shards[ZARR_SHARDS_CACHED];
    pyr_array *fill_values[2]; /* as they are, and decoded by CF; at most a batch long */
};

/* metadata.c: parses metadata (of v2 .zarray, of v3 zarr.json) into array, whose path and name are
 * set. attributes: v2's, or NULL. */
PYR_MUST_CHECK pyr_status pyr_zarr_array_parse(pyr_zarr_array *array, pyr_zarr_format format,
                                               const json_t *metadata, const json_t *attributes,
                                               pyr_arena *arena, pyr_error *error);
/* metadata_v2.c, metadata_v3.c: what differs; shape, levels[0].chunk_shape, type, fill, pipeline.
 */
PYR_MUST_CHECK pyr_status pyr_zarr_metadata_v2(pyr_zarr_array *array, const json_t *metadata,
                                               const json_t *attributes, pyr_arena *arena,
                                               pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_zarr_metadata_v3(pyr_zarr_array *array, const json_t *metadata,
                                               pyr_arena *arena, pyr_error *error);
/* A list of rank lengths, each of at least `least`. */
PYR_MUST_CHECK pyr_status pyr_zarr_lengths_parse(const json_t *json, const char *what,
                                                 int64_t least, int32_t rank, int64_t *out,
                                                 pyr_error *error);
/* cf.c: what the attributes say of values; what is not understood is left out. */
PYR_MUST_CHECK pyr_status pyr_zarr_cf_parse(pyr_zarr_array *array, const json_t *attributes,
                                            pyr_arena *arena, pyr_error *error);
/* Array initialised for release by pyr_zarr_array_deinit; both once. */
PYR_MUST_CHECK pyr_status pyr_zarr_array_init(pyr_zarr_array *array, pyr_zarr_store *store,
                                              pyr_budget *budget, pyr_error *error);
void pyr_zarr_array_deinit(pyr_zarr_array *array);

/* hierarchy.c: the path that was opened. */
const char *pyr_zarr_root_path(const pyr_zarr *zarr);

/* ---- pipeline.c ---- */

/* Chunks of at most this shape by these codecs. */
typedef struct zarr_work {
    const zarr_type *type;
    int32_t rank;
    const zarr_fill *fill;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
} zarr_work;

/* The steps: out is a view of bytes, or new. plain_bytes: what must come out, or -1. copied: bytes
 * are not the store's any more. */
PYR_MUST_CHECK pyr_status pyr_zarr_steps_run(const zarr_pipeline *pipeline, const zarr_work *work,
                                             pyr_buffer *bytes, int64_t plain_bytes,
                                             pyr_buffer **out, bool *copied, pyr_error *error);

/* Strides of the chunk's dimensions as its values are stored, item_bytes each. */
void pyr_zarr_plain_strides(const zarr_pipeline *pipeline, int32_t rank, const int64_t *chunk_shape,
                            int32_t item_bytes, int64_t *out);
/* Where a box of a chunk goes: a dense C-order block of `shape`, from `to_start` on. */
typedef struct zarr_target {
    uint8_t *block;
    const int64_t *shape;
    const int64_t *to_start;
    const int64_t *from_start; /* in the chunk */
    const int64_t *extent;
} zarr_target;
/* The fill value in all of the target's box. */
void pyr_zarr_target_fill(const zarr_work *work, const zarr_target *target);
/* Decodes a chunk of fixed-width values (of chunk_shape, by pipeline) and puts a box of it into the
 * target, counted as reason. */
PYR_MUST_CHECK pyr_status pyr_zarr_chunk_put(const zarr_pipeline *pipeline, const zarr_work *work,
                                             const int64_t *chunk_shape, pyr_buffer *bytes,
                                             const zarr_target *target, pyr_copy_reason reason,
                                             pyr_error *error);
/* The part [0, extent) of a chunk as a block of its own; by reference where it lies so. */
PYR_MUST_CHECK pyr_status pyr_zarr_chunk_block(const zarr_pipeline *pipeline, const zarr_work *work,
                                               const int64_t *chunk_shape, const int64_t *extent,
                                               pyr_buffer *bytes, pyr_buffer **out, bool *copied,
                                               pyr_error *error);
/* The same of values of any length: an array of UTF8 or BINARY. */
PYR_MUST_CHECK pyr_status pyr_zarr_chunk_items(const zarr_pipeline *pipeline, const zarr_work *work,
                                               const int64_t *chunk_shape, const int64_t *extent,
                                               pyr_buffer *bytes, pyr_array **out,
                                               pyr_error *error);

/* ---- strided.c ---- */

/* Copies a box of extents between two places; strides in bytes. */
void pyr_zarr_strided_copy(int32_t rank, const int64_t *extent, int32_t item_bytes,
                           const uint8_t *from, const int64_t *from_strides, uint8_t *to,
                           const int64_t *to_strides);
void pyr_zarr_strided_fill(int32_t rank, const int64_t *extent, int32_t item_bytes,
                           const uint8_t *value, uint8_t *to, const int64_t *to_strides);
/* Of a dense C-order block. */
void pyr_zarr_strides(int32_t rank, const int64_t *shape, int32_t item_bytes, int64_t *out);
int64_t pyr_zarr_product(int32_t rank, const int64_t *lengths);
/* Whether value is all zero bytes. */
bool pyr_zarr_is_zero(const uint8_t *value, size_t size_bytes);

/* ---- shard.c ---- */

struct zarr_shard {
    atomic_size_t references;
    pyr_buffer *bytes;
    pyr_buffer *index; /* little-endian pairs of offset and size */
    int64_t count;
};
/* The index of a shard. NULL fields of errors: none of array or place. */
PYR_MUST_CHECK pyr_status pyr_zarr_shard_open(const zarr_sharding *sharding, int32_t rank,
                                              const int64_t *shard_shape, pyr_buffer *bytes,
                                              pyr_query_ledger *ledger, pyr_budget *budget,
                                              zarr_shard **out, pyr_error *error);
zarr_shard *pyr_zarr_shard_retain(zarr_shard *shard);
void pyr_zarr_shard_release(zarr_shard *shard); /* NULL allowed */
/* Where a chunk of it is; false in present: it has the fill value. CORRUPT: beyond the shard. */
PYR_MUST_CHECK pyr_status pyr_zarr_shard_find(const zarr_shard *shard, int64_t index, bool *present,
                                              size_t *offset, size_t *size_bytes, pyr_error *error);

/* ---- chunk_bytes.c ---- */

/* The bytes of a chunk of the innermost grid as they are stored, or *out NULL: missing. */
PYR_MUST_CHECK pyr_status pyr_zarr_chunk_bytes(pyr_zarr_array *array, const int64_t *place,
                                               pyr_query_ledger *ledger, pyr_budget *budget,
                                               pyr_buffer **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_zarr_array_check(const pyr_zarr_array *array, pyr_error *error);
static inline const zarr_level *pyr_zarr_inner(const pyr_zarr_array *array) {
    return &array->levels[array->levels_count - 1];
}
/* "STORE: a/b: " in front of the message that is there. */
pyr_status pyr_zarr_array_context(const pyr_zarr_array *array, pyr_status status, pyr_error *error);
/* "STORE: a/b: chunk [0,3]: " in front. */
pyr_status pyr_zarr_chunk_context(const pyr_zarr_array *array, const int64_t *place,
                                  pyr_status status, pyr_error *error);

/* ---- values_convert.c, cf.c ---- */

/* count values of the array's block, at bytes, as an Arrow array in new memory. */
PYR_MUST_CHECK pyr_status pyr_zarr_values_convert(const pyr_zarr_array *array, pyr_field *field,
                                                  const uint8_t *bytes, int64_t count,
                                                  pyr_query_ledger *ledger, pyr_budget *budget,
                                                  pyr_array **out, pyr_error *error);
/* Whether values must go through pyr_zarr_values_convert. */
bool pyr_zarr_values_need_converting(const zarr_type *type);
/* Days since 1970 in the proleptic Gregorian calendar; months and days from 1. */
int64_t pyr_zarr_days_of_date(int64_t year, int64_t month, int64_t day);
/* Which values are missing ones by CF. */
PYR_MUST_CHECK pyr_status pyr_zarr_cf_validity(const pyr_zarr_array *array, const uint8_t *bytes,
                                               int64_t count, pyr_budget *budget, pyr_buffer **out,
                                               int64_t *nulls, pyr_error *error);
/* Scale, offset and times. */
PYR_MUST_CHECK pyr_status pyr_zarr_cf_decode(const pyr_zarr_array *array, pyr_field *field,
                                             const uint8_t *bytes, int64_t count,
                                             pyr_query_ledger *ledger, pyr_budget *budget,
                                             pyr_array **out, pyr_error *error);

#endif
