/* ipc_internal.h - what the files of this folder share. See README.md for how they fit together.
 *
 * Terms: a node is one FieldNode of a record batch (one a field, in pre-order, not going into
 * dictionaries); an ordinal numbers the dictionary-encoded fields of a schema in pre-order, going
 * into dictionaries' own children too; a slot is one dictionary id of a reader.
 */
#ifndef PYR_ARROW_IPC_INTERNAL_H
#define PYR_ARROW_IPC_INTERNAL_H

#include "arrow/ipc/flatbuf_build.h"
#include "arrow/ipc/flatbuf_read.h"
#include "arrow/ipc/ipc.h"

#include <pthread.h>

/* Little-endian hosts only: foreign data is swapped, never our own. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "big-endian hosts are not supported");

/* Slots and tags of Schema.fbs, Message.fbs and File.fbs. */
enum {
    PYR_IPC_V4 = 3,
    PYR_IPC_V5 = 4,
    PYR_IPC_CONTINUATION_BYTES = 8, /* 0xFFFFFFFF and the metadata's length */

    PYR_FBS_SCHEMA_ENDIANNESS = 0,
    PYR_FBS_SCHEMA_FIELDS = 1,
    PYR_FBS_SCHEMA_METADATA = 2,
    PYR_FBS_SCHEMA_FEATURES = 3,

    PYR_FBS_FIELD_NAME = 0,
    PYR_FBS_FIELD_NULLABLE = 1,
    PYR_FBS_FIELD_TYPE_TAG = 2,
    PYR_FBS_FIELD_TYPE = 3,
    PYR_FBS_FIELD_DICTIONARY = 4,
    PYR_FBS_FIELD_CHILDREN = 5,
    PYR_FBS_FIELD_METADATA = 6,

    PYR_FBS_MESSAGE_VERSION = 0,
    PYR_FBS_MESSAGE_HEADER_TAG = 1,
    PYR_FBS_MESSAGE_HEADER = 2,
    PYR_FBS_MESSAGE_BODY_LENGTH = 3,
    PYR_FBS_MESSAGE_METADATA = 4,

    PYR_FBS_BATCH_LENGTH = 0,
    PYR_FBS_BATCH_NODES = 1,
    PYR_FBS_BATCH_BUFFERS = 2,
    PYR_FBS_BATCH_COMPRESSION = 3,
    PYR_FBS_BATCH_VARIADIC = 4,

    PYR_FBS_DICTIONARY_ID = 0,
    PYR_FBS_DICTIONARY_DATA = 1,
    PYR_FBS_DICTIONARY_IS_DELTA = 2,

    PYR_FBS_FOOTER_VERSION = 0,
    PYR_FBS_FOOTER_SCHEMA = 1,
    PYR_FBS_FOOTER_DICTIONARIES = 2,
    PYR_FBS_FOOTER_BATCHES = 3,
    PYR_FBS_FOOTER_METADATA = 4,

    PYR_FBS_BLOCK_BYTES = 24 /* int64 offset, int32 metadata length, 4 of padding, int64 body */
};
typedef enum pyr_fbs_type {
    PYR_FBS_NULL = 1,
    PYR_FBS_INT,
    PYR_FBS_FLOAT,
    PYR_FBS_BINARY,
    PYR_FBS_UTF8,
    PYR_FBS_BOOL,
    PYR_FBS_DECIMAL,
    PYR_FBS_DATE,
    PYR_FBS_TIME,
    PYR_FBS_TIMESTAMP,
    PYR_FBS_INTERVAL,
    PYR_FBS_LIST,
    PYR_FBS_STRUCT,
    PYR_FBS_UNION,
    PYR_FBS_FIXED_SIZE_BINARY,
    PYR_FBS_FIXED_SIZE_LIST,
    PYR_FBS_MAP,
    PYR_FBS_DURATION,
    PYR_FBS_LARGE_BINARY,
    PYR_FBS_LARGE_UTF8,
    PYR_FBS_LARGE_LIST,
    PYR_FBS_RUN_END_ENCODED,
    PYR_FBS_BINARY_VIEW,
    PYR_FBS_UTF8_VIEW,
    PYR_FBS_LIST_VIEW,
    PYR_FBS_LARGE_LIST_VIEW
} pyr_fbs_type;

/* ---- schema_read.c ---- */

/* A dictionary-encoded field, by ordinal. */
typedef struct pyr_ipc_ordinal {
    int64_t id;
    pyr_field *field; /* the DICTIONARY field, borrowed from the schema */
    int32_t end;      /* the first ordinal that is not nested in this one's values */
} pyr_ipc_ordinal;
/* What stands in a record batch before a top-level column; one more entry holds the totals. */
typedef struct pyr_ipc_column {
    int64_t nodes;
    int64_t buffers; /* fixed ones, as V5 lays them out */
    int64_t unions;  /* V4 gave each one more buffer */
    int64_t views;   /* fields with a variadic buffer count */
    int32_t ordinals;
} pyr_ipc_column;
typedef struct pyr_ipc_schema {
    pyr_schema *schema;
    bool swap; /* big-endian data */
    pyr_ipc_column *columns;
    pyr_ipc_ordinal *ordinals;
    int32_t ordinals_count;
} pyr_ipc_schema;
PYR_MUST_CHECK pyr_status pyr_ipc_schema_read(pyr_fb_table table, const pyr_ipc_limits *limits,
                                              pyr_ipc_schema *out, pyr_error *error);
void pyr_ipc_schema_deinit(pyr_ipc_schema *schema);
/* NULL where the vector is empty. */
PYR_MUST_CHECK pyr_status pyr_ipc_metadata_read(pyr_fb_table table, int slot, pyr_metadata **out,
                                                pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_ipc_check_version(int16_t version, pyr_error *error);
/* PYR_ERROR_CORRUPT with the input's fault. */
PYR_MUST_CHECK pyr_status pyr_ipc_fault(const pyr_fb *input, const char *what, pyr_error *error);

/* ---- schema_write.c ---- */

/* The ids are ordinals. features: 0, or PYR_FBS_FEATURE_COMPRESSED_BODY. */
enum { PYR_FBS_FEATURE_REPLACEMENT = 1, PYR_FBS_FEATURE_COMPRESSED_BODY = 2 };
PYR_MUST_CHECK pyr_status pyr_ipc_schema_write(pyr_fbb *builder, const pyr_schema *schema,
                                               int64_t feature, pyr_fbb_ref *out, pyr_error *error);
pyr_fbb_ref pyr_ipc_metadata_write(pyr_fbb *builder, const pyr_metadata *metadata);
/* The Message table around header; the finished flatbuffer. */
PYR_MUST_CHECK pyr_status pyr_ipc_message_write(pyr_fbb *builder, pyr_ipc_message_type type,
                                                pyr_fbb_ref header, int64_t body_bytes,
                                                pyr_fbb_ref metadata, pyr_buffer **out,
                                                pyr_error *error);

/* ---- message_read.c ---- */

/* One message where it stands. Buffers are borrowed here, retained in a dictionary's chunk. */
typedef struct pyr_ipc_source {
    pyr_buffer *metadata; /* the flatbuffer is [metadata_offset, + metadata_bytes) of it */
    size_t metadata_offset;
    size_t metadata_bytes;
    pyr_buffer *body; /* NULL where body_bytes is 0 */
    size_t body_offset;
    size_t body_bytes; /* what is there; the message's bodyLength may be less */
} pyr_ipc_source;
/* Self-referential (tables point at input): not to be moved. */
typedef struct pyr_ipc_head {
    pyr_fb input;
    pyr_fb_table message;
    pyr_fb_table header;
    int16_t version;
    pyr_ipc_message_type type;
    int64_t body_bytes;
} pyr_ipc_head;
PYR_MUST_CHECK pyr_status pyr_ipc_head_read(const uint8_t *metadata, size_t size_bytes,
                                            const pyr_ipc_limits *limits, pyr_ipc_head *out,
                                            pyr_error *error);
typedef struct pyr_ipc_batch_head {
    int64_t rows;
    pyr_fb_vector nodes, buffers, variadic;
    pyr_ipc_compression compression;
} pyr_ipc_batch_head;
PYR_MUST_CHECK pyr_status pyr_ipc_batch_head_read(pyr_fb_table table, const pyr_ipc_limits *limits,
                                                  pyr_ipc_batch_head *out, pyr_error *error);
/* The prefix of an encapsulated message at data: with 0xFFFFFFFF or, before format 0.15, without.
 * false: fewer than prefix bytes are there. *metadata_bytes 0: end of the stream; it may be
 * negative (the caller refuses). */
bool pyr_ipc_prefix_read(const uint8_t *data, size_t size_bytes, size_t *prefix_bytes,
                         int32_t *metadata_bytes);

/* ---- batch_read.c ---- */

typedef struct pyr_ipc_dictionaries pyr_ipc_dictionaries;
/* What a read works with; all borrowed. */
typedef struct pyr_ipc_read {
    const pyr_ipc_limits *limits;
    pyr_validation validation;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    const pyr_ipc_schema *schema;
    pyr_ipc_dictionaries *dictionaries;
    pthread_mutex_t *lock; /* of the dictionaries; NULL: held already, or one thread */
} pyr_ipc_read;
/* head: of a RECORD_BATCH message. columns NULL: all, and the message's own metadata. */
PYR_MUST_CHECK pyr_status pyr_ipc_batch_read(const pyr_ipc_read *read, pyr_ipc_head *head,
                                             const pyr_ipc_source *source, const int32_t *columns,
                                             int32_t columns_count, pyr_batch **out,
                                             pyr_error *error);
/* head: of a DICTIONARY_BATCH message for the dictionary of ordinal. Validated. */
PYR_MUST_CHECK pyr_status pyr_ipc_dictionary_read(const pyr_ipc_read *read, pyr_ipc_head *head,
                                                  const pyr_ipc_source *source, int32_t ordinal,
                                                  pyr_array **out, pyr_error *error);

/* ---- byteswap.c ---- */

/* How one buffer of a layout is made of numbers: for alignment and for foreign endianness. */
typedef enum pyr_ipc_element {
    PYR_IPC_ELEMENT_BYTES, /* no order, alignment 1 */
    PYR_IPC_ELEMENT_2,
    PYR_IPC_ELEMENT_4,
    PYR_IPC_ELEMENT_8,
    PYR_IPC_ELEMENT_16,
    PYR_IPC_ELEMENT_32,
    PYR_IPC_ELEMENT_DAY_TIME,       /* two int32 */
    PYR_IPC_ELEMENT_MONTH_DAY_NANO, /* two int32, one int64 */
    PYR_IPC_ELEMENT_VIEW            /* the 16 bytes of a view */
} pyr_ipc_element;
pyr_ipc_element pyr_ipc_element_of(const pyr_field *field, pyr_buffer_kind kind);
size_t pyr_ipc_element_alignment(pyr_ipc_element element);
/* From big-endian into new memory; a rest shorter than one element is copied as it is. */
void pyr_ipc_swap(pyr_ipc_element element, uint8_t *to, const uint8_t *from, size_t size_bytes);

/* ---- compress.c ---- */

/* Contexts of the codecs, made on first use. One thread. */
typedef struct pyr_ipc_codec {
    void *lz4_decoder, *zstd_decoder, *zstd_encoder;
} pyr_ipc_codec;
void pyr_ipc_codec_deinit(pyr_ipc_codec *codec);
/* Exactly to_bytes come out, else PYR_ERROR_CORRUPT. */
PYR_MUST_CHECK pyr_status pyr_ipc_decompress(pyr_ipc_codec *codec, pyr_ipc_compression compression,
                                             const uint8_t *from, size_t from_bytes, uint8_t *to,
                                             size_t to_bytes, pyr_error *error);
/* false where to_bytes can never come out of from_bytes: found before memory is taken. */
bool pyr_ipc_decompress_plausible(pyr_ipc_compression compression, size_t from_bytes,
                                  size_t to_bytes);
/* *out: 8 bytes of length and the compressed bytes; NULL where that would not be smaller. */
PYR_MUST_CHECK pyr_status pyr_ipc_compress(pyr_ipc_codec *codec, pyr_ipc_compression compression,
                                           int32_t level, const uint8_t *from, size_t from_bytes,
                                           pyr_buffer **out, pyr_error *error);

/* ---- dictionaries.c ---- */

/* The dictionaries of one reader. allow_replacement false: files. One thread. */
PYR_MUST_CHECK pyr_status pyr_ipc_dictionaries_create(const pyr_ipc_schema *schema,
                                                      bool allow_replacement,
                                                      pyr_ipc_dictionaries **out, pyr_error *error);
void pyr_ipc_dictionaries_destroy(pyr_ipc_dictionaries *dictionaries);
/* Takes note of a dictionary message; it is decoded when a batch needs it. Retains the buffers. */
PYR_MUST_CHECK pyr_status pyr_ipc_dictionaries_add(pyr_ipc_dictionaries *dictionaries,
                                                   const pyr_ipc_limits *limits,
                                                   const pyr_ipc_source *source, pyr_error *error);
bool pyr_ipc_dictionaries_has(const pyr_ipc_dictionaries *dictionaries, int32_t ordinal);
/* The dictionary of ordinal, borrowed until the next call with these dictionaries. read->lock is
 * the caller's to hold. */
PYR_MUST_CHECK pyr_status pyr_ipc_dictionaries_get(pyr_ipc_dictionaries *dictionaries,
                                                   const pyr_ipc_read *read, int32_t ordinal,
                                                   pyr_array **out, pyr_error *error);

/* ---- batch_write.c ---- */

/* One column or dictionary on its way into spans, nodes and buffers. */
typedef struct pyr_ipc_body {
    pyr_ipc_compression compression;
    int32_t level;
    size_t alignment;
    pyr_query_ledger *ledger;
    pyr_ipc_codec *codec;
    int64_t *nodes; /* pairs: length, null count */
    size_t nodes_count, nodes_capacity;
    int64_t *buffers; /* pairs: offset, length */
    size_t buffers_count, buffers_capacity;
    int64_t *variadic;
    size_t variadic_count, variadic_capacity;
    pyr_ipc_span *spans;
    size_t spans_count, spans_capacity;
    int64_t size_bytes;
    const char *crc_key; /* see pyr_ipc_write_options */
} pyr_ipc_body;
void pyr_ipc_body_deinit(pyr_ipc_body *body);
PYR_MUST_CHECK pyr_status pyr_ipc_body_add(pyr_ipc_body *body, const pyr_array *array,
                                           pyr_error *error);
/* Pads to a multiple of 64. */
PYR_MUST_CHECK pyr_status pyr_ipc_body_end(pyr_ipc_body *body, pyr_error *error);
pyr_fbb_ref pyr_ipc_body_write(const pyr_ipc_body *body, pyr_fbb *builder, int64_t rows);

/* body_spans.c: the parts batch_write.c is made of. */
PYR_MUST_CHECK pyr_status pyr_ipc_body_node(pyr_ipc_body *body, int64_t length, int64_t null_count,
                                            pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_ipc_body_variadic(pyr_ipc_body *body, int64_t count,
                                                pyr_error *error);
/* A buffer of the batch: [offset, + size_bytes) of buffer by reference; buffer NULL or size 0: an
 * empty one. */
PYR_MUST_CHECK pyr_status pyr_ipc_body_buffer(pyr_ipc_body *body, pyr_buffer *buffer,
                                              int64_t offset, int64_t size_bytes, pyr_error *error);
/* size_bytes (at most 64) of zeros: the offsets of an empty array. */
PYR_MUST_CHECK pyr_status pyr_ipc_body_zeros(pyr_ipc_body *body, int64_t size_bytes,
                                             pyr_error *error);

/* Bytes that no buffer of the batch names, padded to 64. */
PYR_MUST_CHECK pyr_status pyr_ipc_body_extra(pyr_ipc_body *body, pyr_buffer *buffer,
                                             pyr_error *error);

/* ---- file_read.c, stream_read.c ---- */

/* Growth by doubling; false when out of memory. */
bool pyr_ipc_grow(void **items, size_t *capacity, size_t count, size_t item_bytes);

#endif
