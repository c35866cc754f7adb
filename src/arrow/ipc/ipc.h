/* ipc.h - Arrow IPC: encapsulated messages, streams and files (Arrow Columnar Format 1.5,
 * "Serialization and Interprocess Communication (IPC)"). Metadata versions V4 and V5 are read (V4
 * unions had a validity bitmap), V5 is written; flatbuffers are read with checked offsets by our
 * own code (slots: Schema.fbs, Message.fbs, File.fbs).
 *
 * Reading is by view: arrays point into the buffer given, which they retain, unless the body is
 * compressed (counted as decoded), of foreign endianness (PYR_COPY_BYTE_SWAP) or misaligned for its
 * type by less than 8 bytes (PYR_COPY_ALIGN).
 */
#ifndef PYR_ARROW_IPC_IPC_H
#define PYR_ARROW_IPC_IPC_H

#include "arrow/batch.h"

/* Bounds for bytes from outside. pyr_ipc_limits_default gives the defaults. */
typedef struct pyr_ipc_limits {
    size_t metadata_bytes_max; /* one message's flatbuffer; default 256 MiB */
    int64_t body_bytes_max;    /* one body, also after decompression; default 1 TiB for files (it is
                                  mapped) */
    int64_t decoded_bytes_max; /* decompressed bytes of one batch; default 4 GiB */
    int64_t rows_max;          /* of one batch; default 2^40 */
    int32_t depth_max;         /* default PYR_TYPE_DEPTH_MAX */
} pyr_ipc_limits;
pyr_ipc_limits pyr_ipc_limits_default(void);

typedef enum pyr_ipc_compression {
    PYR_IPC_UNCOMPRESSED,
    PYR_IPC_LZ4_FRAME,
    PYR_IPC_ZSTD
} pyr_ipc_compression;

/* ---- Messages: the piece that files, streams, segments and Flight share. ---- */

typedef enum pyr_ipc_message_type {
    PYR_IPC_SCHEMA = 1,
    PYR_IPC_DICTIONARY_BATCH = 2,
    PYR_IPC_RECORD_BATCH = 3
} pyr_ipc_message_type;

/* One encoded message. metadata: the bare Message flatbuffer, padded with zeros to a multiple of 8
 * (what Flight calls data_header; a stream puts 0xFFFFFFFF and the length in front). body: spans in
 * order, by reference to the batch's buffers, padding spans included; their sizes add up to
 * body_bytes, a multiple of 64. */
typedef struct pyr_ipc_span {
    pyr_buffer *buffer; /* retained; NULL: padding zeros */
    const uint8_t *data;
    size_t size_bytes;
} pyr_ipc_span;
typedef struct pyr_ipc_message {
    pyr_ipc_message_type type;
    pyr_buffer *metadata;
    size_t spans_count;
    pyr_ipc_span *spans;
    int64_t body_bytes;
    int64_t rows;
} pyr_ipc_message;
void pyr_ipc_message_deinit(pyr_ipc_message *message);

/* An encoder turns batches of one schema into messages. It remembers the dictionaries it has sent:
 * a batch whose dictionary grew gives a delta, one whose dictionary changed a replacement
 * (allow_replacement false, as in files before the last batch: PYR_ERROR_NOT_SUPPORTED naming the
 * field). One thread. */
typedef struct pyr_ipc_encoder pyr_ipc_encoder;
typedef struct pyr_ipc_write_options {
    pyr_ipc_compression compression; /* bodies; a buffer that would not shrink stays plain, with the
                                        length prefix -1 */
    int32_t compression_level;       /* 0: the codec's default */
    bool allow_replacement;          /* streams: true */
    int32_t alignment;               /* of body buffers; 8 or 64; 0 means 64 */
    pyr_query_ledger *ledger;        /* counts copies made for dictionaries; NULL allowed */
    const char
        *crc_key; /* static; NULL: none. The CRC-32C of a batch's body, padding included, is added
                     to its custom_metadata under this key as 8 hex digits; dictionaries too */
} pyr_ipc_write_options;
PYR_MUST_CHECK pyr_status pyr_ipc_encoder_create(pyr_schema *schema,
                                                 const pyr_ipc_write_options *options,
                                                 pyr_ipc_encoder **out, pyr_error *error);
void pyr_ipc_encoder_destroy(pyr_ipc_encoder *encoder); /* NULL allowed */
PYR_MUST_CHECK pyr_status pyr_ipc_encode_schema(pyr_ipc_encoder *encoder, pyr_ipc_message *out,
                                                pyr_error *error);
/* Takes the next pending dictionary message of batch, PYR_OK and out->type 0 when there is none
 * left: call until then, then pyr_ipc_encode_batch. */
PYR_MUST_CHECK pyr_status pyr_ipc_encode_dictionary(pyr_ipc_encoder *encoder, pyr_batch *batch,
                                                    pyr_ipc_message *out, pyr_error *error);
/* batch is dense. metadata: the message's custom_metadata, NULL for none. Sliced columns are sent
 * as views where the layout allows it: bitmaps whose offset is not a multiple of 8 and offsets
 * buffers of nested or sliced arrays that must be rebased are copied (PYR_COPY_ALIGN). */
PYR_MUST_CHECK pyr_status pyr_ipc_encode_batch(pyr_ipc_encoder *encoder, pyr_batch *batch,
                                               pyr_metadata *metadata, pyr_query_ledger *ledger,
                                               pyr_ipc_message *out, pyr_error *error);
/* Bytes behind a batch's columns in its message's body, each padded to 64: nothing in the message
 * tells of them, and readers pass over them ("IPC streaming format": a body is bodyLength long,
 * whatever its buffers name). Who knows where they begin from the body's end finds them again by
 * pyr_ipc_file_tail. They are in the body's CRC. */
#define PYR_IPC_EXTRAS_MAX 128
typedef struct pyr_ipc_extras {
    pyr_buffer *buffers[PYR_IPC_EXTRAS_MAX];
    size_t count;
} pyr_ipc_extras;
static inline size_t pyr_ipc_extra_bytes(size_t size_bytes) {
    return (size_bytes + 63) & ~(size_t)63;
}
/* As pyr_ipc_encode_batch; extras NULL: none. */
PYR_MUST_CHECK pyr_status pyr_ipc_encode_batch_with(pyr_ipc_encoder *encoder, pyr_batch *batch,
                                                    pyr_metadata *metadata,
                                                    const pyr_ipc_extras *extras,
                                                    pyr_query_ledger *ledger, pyr_ipc_message *out,
                                                    pyr_error *error);
/* The schema alone, as an encapsulated message with prefix (Flight's schema fields), heap buffer.
 */
PYR_MUST_CHECK pyr_status pyr_ipc_schema_serialize(pyr_schema *schema, pyr_buffer **out,
                                                   pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_ipc_schema_deserialize(pyr_buffer *bytes, pyr_schema **out,
                                                     pyr_error *error);

/* A decoder takes messages in order and gives batches. One thread. */
typedef struct pyr_ipc_decoder pyr_ipc_decoder;
PYR_MUST_CHECK pyr_status pyr_ipc_decoder_create(const pyr_ipc_limits *limits,
                                                 pyr_validation validation,
                                                 pyr_query_ledger *ledger, pyr_budget *budget,
                                                 pyr_ipc_decoder **out, pyr_error *error);
void pyr_ipc_decoder_destroy(pyr_ipc_decoder *decoder);
/* metadata: a Message flatbuffer; body: exactly bodyLength bytes or more (NULL where 0). A record
 * batch gives *out; schema and dictionary messages give *out NULL. The first message must be a
 * schema; a second schema message is PYR_ERROR_CORRUPT. */
PYR_MUST_CHECK pyr_status pyr_ipc_decode(pyr_ipc_decoder *decoder, pyr_buffer *metadata,
                                         pyr_buffer *body, pyr_batch **out, pyr_error *error);
/* NULL until the schema message was taken. Borrowed. */
pyr_schema *pyr_ipc_decoder_schema(const pyr_ipc_decoder *decoder);
/* bodyLength and type of a message, for readers that must fetch the body. */
PYR_MUST_CHECK pyr_status pyr_ipc_message_peek(const uint8_t *metadata, size_t size_bytes,
                                               const pyr_ipc_limits *limits,
                                               pyr_ipc_message_type *type, int64_t *body_bytes,
                                               pyr_error *error);

/* ---- Files. ---- */

/* An Arrow file over a buffer (a mapping). Immutable once open: any number of threads may take
 * batches. Reference-counted; batches keep the mapping, not the file. */
typedef struct pyr_ipc_file pyr_ipc_file;
/* Reads footer and schema only. name: for messages. Dictionaries are read on the first batch. */
PYR_MUST_CHECK pyr_status pyr_ipc_file_open(pyr_buffer *bytes, const char *name,
                                            const pyr_ipc_limits *limits, pyr_ipc_file **out,
                                            pyr_error *error);
/* The same, bytes being the mapping of fd, which stays the caller's. The last 16 KiB of the file
 * are read, not mapped: a footer in there costs one system call instead of two page faults and
 * their unmapping (a third of the time of an open). */
PYR_MUST_CHECK pyr_status pyr_ipc_file_open_fd(int fd, pyr_buffer *bytes, const char *name,
                                               const pyr_ipc_limits *limits, pyr_ipc_file **out,
                                               pyr_error *error);
/* Maps path and opens it; path is its name. Errors are pyr_mapping_open's too. */
PYR_MUST_CHECK pyr_status pyr_ipc_file_open_path(const char *path, const pyr_ipc_limits *limits,
                                                 pyr_ipc_file **out, pyr_error *error);
pyr_ipc_file *pyr_ipc_file_retain(pyr_ipc_file *file);
void pyr_ipc_file_release(pyr_ipc_file *file);                 /* NULL allowed */
pyr_schema *pyr_ipc_file_schema(const pyr_ipc_file *file);     /* borrowed */
pyr_metadata *pyr_ipc_file_metadata(const pyr_ipc_file *file); /* the footer's, borrowed, or NULL */
size_t pyr_ipc_file_batches(const pyr_ipc_file *file);
/* Where batch index stands, for `inspect` and CRCs: the block's start in the file, its metadata and
 * body sizes. */
void pyr_ipc_file_block(const pyr_ipc_file *file, size_t index, int64_t *offset,
                        int64_t *metadata_bytes, int64_t *body_bytes);
/* columns: top-level columns wanted, in that order; NULL: all. Columns not wanted are not touched,
 * and the message's own metadata, which is about all of them, is given with all alone. validation
 * applies to the columns wanted. ledger, budget: NULL allowed. */
PYR_MUST_CHECK pyr_status pyr_ipc_file_batch(pyr_ipc_file *file, size_t index,
                                             const int32_t *columns, int32_t columns_count,
                                             pyr_validation validation, pyr_query_ledger *ledger,
                                             pyr_budget *budget, pyr_batch **out, pyr_error *error);
/* Row count and custom_metadata of a batch from its message alone: the body is not touched.
 * *metadata is retained for the caller, NULL where there is none. */
PYR_MUST_CHECK pyr_status pyr_ipc_file_batch_head(pyr_ipc_file *file, size_t index, int64_t *rows,
                                                  pyr_metadata **metadata, pyr_error *error);
/* size_bytes of a batch's body that begin before_end in front of its end, a view of the file;
 * PYR_ERROR_CORRUPT where the body is shorter. */
PYR_MUST_CHECK pyr_status pyr_ipc_file_tail(pyr_ipc_file *file, size_t index, int64_t before_end,
                                            int64_t size_bytes, pyr_buffer **out, pyr_error *error);
/* The same for the file's dictionary messages, in the order of the footer, for CRCs. */
size_t pyr_ipc_file_dictionaries(const pyr_ipc_file *file);
void pyr_ipc_file_dictionary_block(const pyr_ipc_file *file, size_t index, int64_t *offset,
                                   int64_t *metadata_bytes, int64_t *body_bytes);
PYR_MUST_CHECK pyr_status pyr_ipc_file_dictionary_head(pyr_ipc_file *file, size_t index,
                                                       pyr_metadata **metadata, pyr_error *error);
/* true when bytes begin as an Arrow file does ("ARROW1\0\0"). */
bool pyr_ipc_file_detect(const uint8_t *bytes, size_t size_bytes);

/* ---- Streams. ---- */

/* A stream over a buffer, by view. Takes a reference. Ends at the end-of-stream marker or at the
 * end of the bytes; a torn message is PYR_ERROR_CORRUPT. */
PYR_MUST_CHECK pyr_status pyr_ipc_stream_open(pyr_buffer *bytes, const char *name,
                                              const pyr_ipc_limits *limits,
                                              pyr_validation validation, pyr_query_ledger *ledger,
                                              pyr_budget *budget, pyr_stream **out,
                                              pyr_error *error);
/* From a descriptor (stdin, a socket): bodies are read into buffers of their own
 * (PYR_COPY_RECEIVE). fd stays the caller's. */
PYR_MUST_CHECK pyr_status pyr_ipc_stream_open_fd(int fd, const char *name,
                                                 const pyr_ipc_limits *limits,
                                                 pyr_validation validation,
                                                 pyr_query_ledger *ledger, pyr_budget *budget,
                                                 pyr_stream **out, pyr_error *error);

/* ---- Writers to a descriptor. ---- */

typedef struct pyr_ipc_writer pyr_ipc_writer;
typedef enum pyr_ipc_framing { PYR_IPC_STREAM, PYR_IPC_FILE } pyr_ipc_framing;
/* Writes the magic (file) and the schema. fd and path (for messages) stay the caller's. Bytes are
 * gathered and written in writes of about 16 MiB where the data allows (folio size decides the
 * fault cost of a later mapping: engine-notes.md). */
PYR_MUST_CHECK pyr_status pyr_ipc_writer_create(int fd, const char *path, pyr_schema *schema,
                                                pyr_ipc_framing framing,
                                                const pyr_ipc_write_options *options,
                                                pyr_query_ledger *ledger, pyr_ipc_writer **out,
                                                pyr_error *error);
/* The same into memory: nothing is written, all of it is gathered until pyr_ipc_writer_take. */
PYR_MUST_CHECK pyr_status pyr_ipc_writer_create_memory(const char *name, pyr_schema *schema,
                                                       pyr_ipc_framing framing,
                                                       const pyr_ipc_write_options *options,
                                                       pyr_query_ledger *ledger,
                                                       pyr_ipc_writer **out, pyr_error *error);
/* After finish, of a writer into memory: everything in one buffer of its own, counted by the
 * caller. */
PYR_MUST_CHECK pyr_status pyr_ipc_writer_take(pyr_ipc_writer *writer, pyr_buffer **out,
                                              pyr_error *error);
/* batch dense or not (made dense). metadata: the message's custom_metadata or NULL. */
PYR_MUST_CHECK pyr_status pyr_ipc_writer_batch(pyr_ipc_writer *writer, pyr_batch *batch,
                                               pyr_metadata *metadata, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_ipc_writer_batch_with(pyr_ipc_writer *writer, pyr_batch *batch,
                                                    pyr_metadata *metadata,
                                                    const pyr_ipc_extras *extras, pyr_error *error);
/* Writes what is gathered, which lets go of the batches that it lies in. */
PYR_MUST_CHECK pyr_status pyr_ipc_writer_flush(pyr_ipc_writer *writer, pyr_error *error);
/* End-of-stream marker, footer (with metadata, NULL for none), and everything gathered is written.
 */
PYR_MUST_CHECK pyr_status pyr_ipc_writer_finish(pyr_ipc_writer *writer, pyr_metadata *metadata,
                                                pyr_error *error);
int64_t pyr_ipc_writer_bytes(const pyr_ipc_writer *writer); /* written and gathered so far */
void pyr_ipc_writer_destroy(pyr_ipc_writer *writer);        /* NULL allowed; finishes nothing */

#endif
