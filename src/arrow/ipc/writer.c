/* writer.c - Arrow streams and files to a descriptor.
 *
 * Messages are gathered as spans that hold their buffers' references, and written by writev once
 * about 16 MiB came together, up to a multiple of 2 MiB of the file: Linux keeps what one call
 * writes in page-cache folios as large as it can, and maps one of 2 MiB by one entry. A scan then
 * has a page fault and an address to look up for 2 MiB, not for 4 or 64 KiB. Column bytes are never
 * copied here. Bodies begin at multiples of 64 in the output, so that a mapping of it has aligned
 * columns.
 */
#include "arrow/ipc/ipc_internal.h"

#include "base/file.h"
#include "base/mapping.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { GATHER_BYTES = 16 << 20, GATHER_SPANS = 4096, FOLIO_BYTES = 2 << 20 };

typedef struct block {
    int64_t offset;
    int32_t metadata_bytes;
    int32_t padding;
    int64_t body_bytes;
} block;
_Static_assert(sizeof(block) == PYR_FBS_BLOCK_BYTES, "the struct Block of File.fbs");

typedef struct blocks {
    block *items;
    size_t count, capacity;
} blocks;

struct pyr_ipc_writer {
    int fd; /* -1: into memory */
    char *path;
    pyr_ipc_framing framing;
    pyr_query_ledger *ledger;
    pyr_schema *schema;
    pyr_ipc_encoder *encoder;
    int64_t feature; /* of the schema, see pyr_ipc_schema_write */
    blocks dictionaries, batches;
    struct iovec *spans; /* gathered */
    pyr_buffer **owners; /* of each span, NULL for static bytes */
    size_t spans_count, spans_capacity, owners_capacity;
    size_t gathered_bytes;
    int64_t position;
    bool failed; /* what is on the descriptor is torn: nothing more may follow */
};

static const uint8_t zeros[64];
static const uint8_t file_start[8] = {'A', 'R', 'R', 'O', 'W', '1', 0, 0};
static const uint8_t stream_end[8] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};

/* Pages of a source that vanished were written as zeros. */
static pyr_status check_sources(const pyr_ipc_writer *w, size_t count, pyr_error *error) {
    for (size_t i = 0; i < count; ++i) {
        if (w->owners[i] != NULL) {
            PYR_TRY(pyr_mapping_check(w->owners[i]->mapping, error));
        }
    }
    return PYR_OK;
}

/* The first `count`. */
static void drop_spans(pyr_ipc_writer *w, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        pyr_buffer_release(w->owners[i]);
    }
    w->spans_count -= count;
    if (w->spans_count > 0) {
        memmove(w->spans, w->spans + count, w->spans_count * sizeof *w->spans);
        memmove(w->owners, w->owners + count, w->spans_count * sizeof *w->owners);
    }
}

/* Writes all but the last kept_bytes of what was gathered; a span may be cut in two. */
static pyr_status write_gathered(pyr_ipc_writer *w, size_t kept_bytes, pyr_error *error) {
    size_t whole = w->spans_count; /* spans that are written whole */
    size_t behind = 0;             /* bytes from there on */
    while (behind < kept_bytes) {
        behind += w->spans[--whole].iov_len;
    }
    size_t cut = behind - kept_bytes; /* of the next one */
    struct iovec next = cut > 0 ? w->spans[whole] : (struct iovec){NULL, 0};
    if (cut > 0) {
        w->spans[whole].iov_len = cut;
    }
    size_t count = whole + (cut > 0);
    PYR_TRY(pyr_file_writev(w->fd, w->path, w->spans, count, error));
    PYR_TRY(check_sources(w, count, error));
    if (cut > 0) {
        w->spans[whole] = (struct iovec){(uint8_t *)next.iov_base + cut, next.iov_len - cut};
    }
    drop_spans(w, whole);
    w->gathered_bytes = kept_bytes;
    return PYR_OK;
}

static pyr_status flush(pyr_ipc_writer *w, pyr_error *error) {
    return w->fd < 0 ? PYR_OK : write_gathered(w, 0, error);
}

static pyr_status flush_folios(pyr_ipc_writer *w, pyr_error *error) {
    size_t rest = (size_t)(w->position % FOLIO_BYTES);
    return w->fd < 0 ? PYR_OK : write_gathered(w, rest < w->gathered_bytes ? rest : 0, error);
}

static pyr_status gather(pyr_ipc_writer *w, pyr_buffer *owner, const uint8_t *data,
                         size_t size_bytes, pyr_error *error) {
    if (size_bytes == 0) {
        return PYR_OK;
    }
    if (!pyr_ipc_grow((void **)&w->spans, &w->spans_capacity, w->spans_count + 1,
                      sizeof *w->spans) ||
        !pyr_ipc_grow((void **)&w->owners, &w->owners_capacity, w->spans_count + 1,
                      sizeof *w->owners)) {
        return pyr_error_memory(error, (w->spans_count + 1) * sizeof *w->spans);
    }
    w->spans[w->spans_count].iov_base = (void *)data; /* only read: writev takes no const */
    w->spans[w->spans_count].iov_len = size_bytes;
    w->owners[w->spans_count] = pyr_buffer_retain(owner);
    ++w->spans_count;
    w->gathered_bytes += size_bytes;
    w->position += (int64_t)size_bytes;
    if (w->gathered_bytes >= GATHER_BYTES || w->spans_count >= GATHER_SPANS) {
        return flush_folios(w, error);
    }
    return PYR_OK;
}

/* A small piece of framing, copied into a buffer of its own. */
static pyr_status gather_copy(pyr_ipc_writer *w, const void *data, size_t size_bytes,
                              pyr_error *error) {
    pyr_buffer *buffer;
    PYR_TRY(pyr_buffer_create_raw(size_bytes, NULL, &buffer, error));
    memcpy(pyr_buffer_mutable(buffer), data, size_bytes);
    pyr_status status = gather(w, buffer, buffer->data, size_bytes, error);
    pyr_buffer_release(buffer);
    return status;
}

static pyr_status note_block(blocks *list, const block *item, pyr_error *error) {
    if (!pyr_ipc_grow((void **)&list->items, &list->capacity, list->count + 1,
                      sizeof *list->items)) {
        return pyr_error_memory(error, (list->count + 1) * sizeof *list->items);
    }
    list->items[list->count++] = *item;
    return PYR_OK;
}

/* The metadata is padded so that the body begins at a multiple of 64. */
static pyr_status write_message(pyr_ipc_writer *w, const pyr_ipc_message *message,
                                pyr_error *error) {
    int64_t start = w->position;
    size_t size_bytes = PYR_IPC_CONTINUATION_BYTES + message->metadata->size_bytes;
    size_t padding = (64 - (((size_t)start + size_bytes) & 63)) & 63;
    if (size_bytes + padding > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "%s: a message of 2 GiB of metadata", w->path);
    }
    uint32_t prefix[2] = {UINT32_MAX, (uint32_t)(message->metadata->size_bytes + padding)};
    PYR_TRY(gather_copy(w, prefix, sizeof prefix, error));
    PYR_TRY(gather(w, message->metadata, message->metadata->data, message->metadata->size_bytes,
                   error));
    PYR_TRY(gather(w, NULL, zeros, padding, error));
    for (size_t i = 0; i < message->spans_count; ++i) {
        const pyr_ipc_span *span = &message->spans[i];
        PYR_TRY(gather(w, span->buffer, span->data, span->size_bytes, error));
    }
    block item = {start, (int32_t)(size_bytes + padding), 0, message->body_bytes};
    if (message->type == PYR_IPC_DICTIONARY_BATCH) {
        return note_block(&w->dictionaries, &item, error);
    }
    return message->type == PYR_IPC_RECORD_BATCH ? note_block(&w->batches, &item, error) : PYR_OK;
}

static pyr_status begin(pyr_ipc_writer *w, pyr_error *error) {
    if (w->framing == PYR_IPC_FILE) {
        PYR_TRY(gather(w, NULL, file_start, sizeof file_start, error));
    }
    pyr_ipc_message message;
    PYR_TRY(pyr_ipc_encode_schema(w->encoder, &message, error));
    pyr_status status = write_message(w, &message, error);
    pyr_ipc_message_deinit(&message);
    return status;
}

static pyr_status create(int fd, const char *path, pyr_schema *schema, pyr_ipc_framing framing,
                         const pyr_ipc_write_options *options, pyr_query_ledger *ledger,
                         pyr_ipc_writer **out, pyr_error *error) {
    *out = NULL;
    pyr_ipc_write_options adjusted = {.allow_replacement = true};
    if (options != NULL) {
        adjusted = *options;
    }
    if (framing == PYR_IPC_FILE) {
        adjusted.allow_replacement = false;
    }
    if (adjusted.ledger == NULL) {
        adjusted.ledger = ledger;
    }
    pyr_ipc_writer *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return pyr_error_memory(error, sizeof *w);
    }
    w->fd = fd;
    w->framing = framing;
    w->ledger = ledger;
    w->schema = pyr_schema_retain(schema);
    w->feature = adjusted.compression == PYR_IPC_UNCOMPRESSED ? 0 : PYR_FBS_FEATURE_COMPRESSED_BODY;
    w->path = strdup(path);
    pyr_status status = w->path != NULL ? PYR_OK : pyr_error_memory(error, strlen(path) + 1);
    if (status == PYR_OK) {
        status = pyr_ipc_encoder_create(schema, &adjusted, &w->encoder, error);
    }
    if (status == PYR_OK) {
        status = begin(w, error);
    }
    if (status != PYR_OK) {
        pyr_ipc_writer_destroy(w);
        return status;
    }
    *out = w;
    return PYR_OK;
}

pyr_status pyr_ipc_writer_create(int fd, const char *path, pyr_schema *schema,
                                 pyr_ipc_framing framing, const pyr_ipc_write_options *options,
                                 pyr_query_ledger *ledger, pyr_ipc_writer **out, pyr_error *error) {
    assert(fd >= 0);
    return create(fd, path, schema, framing, options, ledger, out, error);
}

pyr_status pyr_ipc_writer_create_memory(const char *name, pyr_schema *schema,
                                        pyr_ipc_framing framing,
                                        const pyr_ipc_write_options *options,
                                        pyr_query_ledger *ledger, pyr_ipc_writer **out,
                                        pyr_error *error) {
    return create(-1, name, schema, framing, options, ledger, out, error);
}

pyr_status pyr_ipc_writer_take(pyr_ipc_writer *w, pyr_buffer **out, pyr_error *error) {
    PYR_TRY(pyr_buffer_create_raw(w->gathered_bytes, NULL, out, error));
    uint8_t *to = pyr_buffer_mutable(*out);
    for (size_t i = 0; i < w->spans_count; ++i) {
        memcpy(to, w->spans[i].iov_base, w->spans[i].iov_len);
        to += w->spans[i].iov_len;
    }
    pyr_status status = check_sources(w, w->spans_count, error);
    if (status != PYR_OK) {
        pyr_buffer_release(*out);
        *out = NULL;
    }
    drop_spans(w, w->spans_count);
    w->gathered_bytes = 0;
    return status;
}

static pyr_status write_batch(pyr_ipc_writer *w, pyr_batch *batch, pyr_metadata *metadata,
                              const pyr_ipc_extras *extras, pyr_error *error) {
    pyr_ipc_message message;
    for (;;) {
        PYR_TRY(pyr_ipc_encode_dictionary(w->encoder, batch, &message, error));
        if (message.type == 0) {
            break;
        }
        pyr_status status = write_message(w, &message, error);
        pyr_ipc_message_deinit(&message);
        PYR_TRY(status);
    }
    PYR_TRY(
        pyr_ipc_encode_batch_with(w->encoder, batch, metadata, extras, w->ledger, &message, error));
    pyr_status status = write_message(w, &message, error);
    pyr_ipc_message_deinit(&message);
    return status;
}

static pyr_status check_alive(const pyr_ipc_writer *w, pyr_error *error) {
    return w->failed
               ? pyr_error_set(error, PYR_ERROR_IO,
                               "%s: an earlier write failed, nothing more can follow", w->path)
               : PYR_OK;
}

pyr_status pyr_ipc_writer_batch(pyr_ipc_writer *w, pyr_batch *batch, pyr_metadata *metadata,
                                pyr_error *error) {
    return pyr_ipc_writer_batch_with(w, batch, metadata, NULL, error);
}

pyr_status pyr_ipc_writer_batch_with(pyr_ipc_writer *w, pyr_batch *batch, pyr_metadata *metadata,
                                     const pyr_ipc_extras *extras, pyr_error *error) {
    PYR_TRY(check_alive(w, error));
    pyr_batch *dense;
    PYR_TRY(pyr_batch_dense(batch, w->ledger, NULL, &dense, error));
    pyr_status status = write_batch(w, dense, metadata, extras, error);
    pyr_batch_release(dense);
    w->failed = status != PYR_OK;
    return status;
}

static pyr_status write_footer(pyr_ipc_writer *w, const pyr_metadata *metadata, pyr_error *error) {
    pyr_fbb builder;
    pyr_fbb_init(&builder);
    pyr_fbb_ref schema;
    pyr_buffer *footer = NULL;
    pyr_status status = pyr_ipc_schema_write(&builder, w->schema, w->feature, &schema, error);
    if (status == PYR_OK) {
        pyr_fbb_ref batches =
            pyr_fbb_vector(&builder, w->batches.items, w->batches.count, PYR_FBS_BLOCK_BYTES, 8);
        pyr_fbb_ref dictionaries = pyr_fbb_vector(&builder, w->dictionaries.items,
                                                  w->dictionaries.count, PYR_FBS_BLOCK_BYTES, 8);
        pyr_fbb_ref pairs = pyr_ipc_metadata_write(&builder, metadata);
        pyr_fbb_table_begin(&builder);
        pyr_fbb_add_ref(&builder, PYR_FBS_FOOTER_SCHEMA, schema);
        pyr_fbb_add_ref(&builder, PYR_FBS_FOOTER_DICTIONARIES, dictionaries);
        pyr_fbb_add_ref(&builder, PYR_FBS_FOOTER_BATCHES, batches);
        pyr_fbb_add_ref(&builder, PYR_FBS_FOOTER_METADATA, pairs);
        pyr_fbb_add_i16(&builder, PYR_FBS_FOOTER_VERSION, PYR_IPC_V5);
        status = pyr_fbb_finish(&builder, pyr_fbb_table_end(&builder), &footer, error);
    }
    if (status == PYR_OK) {
        status = gather(w, footer, footer->data, footer->size_bytes, error);
    }
    if (status == PYR_OK) {
        uint8_t trailer[10];
        uint32_t size_bytes = (uint32_t)footer->size_bytes;
        memcpy(trailer, &size_bytes, 4);
        memcpy(trailer + 4, file_start, 6);
        status = gather_copy(w, trailer, sizeof trailer, error);
    }
    pyr_buffer_release(footer);
    pyr_fbb_deinit(&builder);
    return status;
}

pyr_status pyr_ipc_writer_flush(pyr_ipc_writer *w, pyr_error *error) {
    PYR_TRY(check_alive(w, error));
    pyr_status status = flush(w, error);
    w->failed = status != PYR_OK;
    return status;
}

pyr_status pyr_ipc_writer_finish(pyr_ipc_writer *w, pyr_metadata *metadata, pyr_error *error) {
    PYR_TRY(check_alive(w, error));
    pyr_status status = gather(w, NULL, stream_end, sizeof stream_end, error);
    if (status == PYR_OK && w->framing == PYR_IPC_FILE) {
        status = write_footer(w, metadata, error);
    }
    if (status == PYR_OK) {
        status = flush(w, error);
    }
    w->failed = true; /* finished: nothing may follow either */
    return status;
}

int64_t pyr_ipc_writer_bytes(const pyr_ipc_writer *w) {
    return w->position;
}

void pyr_ipc_writer_destroy(pyr_ipc_writer *w) {
    if (w == NULL) {
        return;
    }
    drop_spans(w, w->spans_count);
    free(w->spans);
    free(w->owners);
    free(w->dictionaries.items);
    free(w->batches.items);
    pyr_ipc_encoder_destroy(w->encoder);
    pyr_schema_release(w->schema);
    free(w->path);
    free(w);
}
