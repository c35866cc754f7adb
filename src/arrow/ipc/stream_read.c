/* stream_read.c - Arrow streams ("IPC Streaming Format") from a buffer, by view, and from a
 * descriptor. Both fetch one message after the other and leave the rest to a decoder.
 */
#include "arrow/ipc/ipc_internal.h"

#include "base/cursor.h"
#include "base/mapping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct ipc_stream {
    pyr_stream base;
    pyr_ipc_limits limits;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    pyr_ipc_decoder *decoder;
    pyr_buffer *bytes; /* NULL: from fd */
    size_t position;
    int fd;
    bool ended;
    int64_t messages; /* taken so far, for messages to the user */
    char name[];
} ipc_stream;

/* ---- From a buffer ---- */

static pyr_status torn(pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT, "the stream ends within a message");
}

static pyr_status check_metadata_bytes(const ipc_stream *s, int32_t size_bytes, pyr_error *error) {
    if (size_bytes < 0) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "not an Arrow stream: a message of %d bytes of metadata", size_bytes);
    }
    if ((size_t)size_bytes > s->limits.metadata_bytes_max) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "a message of %d bytes of metadata, the limit is %zu", size_bytes,
                             s->limits.metadata_bytes_max);
    }
    return PYR_OK;
}

static pyr_status slice_next(ipc_stream *s, size_t size_bytes, pyr_buffer **out, pyr_error *error) {
    if (size_bytes > s->bytes->size_bytes - s->position) {
        return torn(error);
    }
    PYR_TRY(pyr_buffer_slice(s->bytes, s->position, size_bytes, out, error));
    s->position += size_bytes;
    return PYR_OK;
}

/* *metadata NULL: the end. *body may stay NULL. */
static pyr_status fetch_from_buffer(ipc_stream *s, pyr_buffer **metadata, pyr_buffer **body,
                                    pyr_error *error) {
    size_t left = s->bytes->size_bytes - s->position;
    size_t prefix;
    int32_t size_bytes;
    if (left == 0) {
        return PYR_OK;
    }
    if (!pyr_ipc_prefix_read(s->bytes->data + s->position, left, &prefix, &size_bytes)) {
        return torn(error);
    }
    s->position += prefix;
    if (size_bytes == 0) {
        return PYR_OK;
    }
    PYR_TRY(check_metadata_bytes(s, size_bytes, error));
    PYR_TRY(slice_next(s, (size_t)size_bytes, metadata, error));
    pyr_ipc_message_type type;
    int64_t body_bytes;
    PYR_TRY(pyr_ipc_message_peek((*metadata)->data, (*metadata)->size_bytes, &s->limits, &type,
                                 &body_bytes, error));
    if (body_bytes > 0) {
        PYR_TRY(slice_next(s, (size_t)body_bytes, body, error));
    }
    return PYR_OK;
}

/* ---- From a descriptor ---- */

/* Reads up to size_bytes; fewer only at the end of the input. */
static pyr_status read_some(const ipc_stream *s, uint8_t *to, size_t size_bytes, size_t *got,
                            pyr_error *error) {
    *got = 0;
    while (*got < size_bytes) {
        ssize_t count = read(s->fd, to + *got, size_bytes - *got);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return pyr_error_set_errno(error, errno, "read", s->name);
        }
        if (count == 0) {
            break;
        }
        *got += (size_t)count;
    }
    return PYR_OK;
}

/* Memory is taken as bytes arrive: a length that was only announced costs nothing. */
static pyr_status read_buffer(const ipc_stream *s, size_t size_bytes, pyr_buffer **out,
                              pyr_error *error) {
    size_t capacity = (size_t)64 << 20;
    capacity = size_bytes < capacity ? size_bytes : capacity;
    size_t filled = 0;
    pyr_buffer *buffer;
    *out = NULL;
    PYR_TRY(pyr_buffer_create_raw(capacity, s->budget, &buffer, error));
    for (;;) {
        size_t got;
        pyr_status status =
            read_some(s, pyr_buffer_mutable(buffer) + filled, capacity - filled, &got, error);
        filled += got;
        if (status == PYR_OK && filled < capacity) {
            status = torn(error);
        }
        pyr_buffer *larger = NULL;
        if (status == PYR_OK && filled < size_bytes) {
            capacity = size_bytes - capacity < capacity ? size_bytes : capacity * 2;
            status = pyr_buffer_create_raw(capacity, s->budget, &larger, error);
        }
        if (status != PYR_OK) {
            pyr_buffer_release(buffer);
            return status;
        }
        if (larger == NULL) {
            break;
        }
        pyr_ledger_copy(s->ledger, PYR_COPY_RECEIVE, pyr_buffer_mutable(larger), buffer->data,
                        filled);
        pyr_buffer_release(buffer);
        buffer = larger;
    }
    *out = buffer;
    return PYR_OK;
}

static pyr_status fetch_from_fd(ipc_stream *s, pyr_buffer **metadata, pyr_buffer **body,
                                pyr_error *error) {
    uint8_t start[8];
    size_t got, prefix, more;
    int32_t size_bytes;
    PYR_TRY(read_some(s, start, 4, &got, error));
    if (got == 0) {
        return PYR_OK;
    }
    if (got == 4 && pyr_load_u32(start) == UINT32_MAX) {
        PYR_TRY(read_some(s, start + 4, 4, &more, error));
        got += more;
    }
    if (!pyr_ipc_prefix_read(start, got, &prefix, &size_bytes)) {
        return torn(error);
    }
    if (size_bytes == 0) {
        return PYR_OK;
    }
    PYR_TRY(check_metadata_bytes(s, size_bytes, error));
    PYR_TRY(read_buffer(s, (size_t)size_bytes, metadata, error));
    pyr_ipc_message_type type;
    int64_t body_bytes;
    PYR_TRY(pyr_ipc_message_peek((*metadata)->data, (*metadata)->size_bytes, &s->limits, &type,
                                 &body_bytes, error));
    if (body_bytes > 0) {
        PYR_TRY(read_buffer(s, (size_t)body_bytes, body, error));
        pyr_ledger_add_copy(s->ledger, PYR_COPY_RECEIVE, body_bytes);
    }
    return PYR_OK;
}

/* ---- Both ---- */

static pyr_status take_message(ipc_stream *s, pyr_batch **out, pyr_error *error) {
    pyr_buffer *metadata = NULL;
    pyr_buffer *body = NULL;
    pyr_status status = s->bytes != NULL ? fetch_from_buffer(s, &metadata, &body, error)
                                         : fetch_from_fd(s, &metadata, &body, error);
    if (status == PYR_OK && metadata == NULL) {
        s->ended = true;
    } else if (status == PYR_OK) {
        status = pyr_ipc_decode(s->decoder, metadata, body, out, error);
        ++s->messages;
    }
    pyr_buffer_release(metadata);
    pyr_buffer_release(body);
    if (status != PYR_OK) {
        status =
            pyr_error_context(error, status, "%s: message %lld", s->name, (long long)s->messages);
    }
    if (s->bytes != NULL) {
        status = pyr_mapping_explain(s->bytes->mapping, status, error);
    }
    if (status != PYR_OK) {
        pyr_batch_release(*out);
        *out = NULL;
    }
    return status;
}

static pyr_status stream_next(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    ipc_stream *s = (ipc_stream *)stream;
    *out = NULL;
    while (!s->ended && *out == NULL) {
        PYR_TRY(take_message(s, out, error));
    }
    return PYR_OK;
}

static void stream_destroy(pyr_stream *stream) {
    ipc_stream *s = (ipc_stream *)stream;
    pyr_ipc_decoder_destroy(s->decoder);
    pyr_schema_release(s->base.schema);
    pyr_buffer_release(s->bytes);
    pyr_budget_release(s->budget);
    free(s);
}

static const pyr_stream_ops ops = {stream_next, stream_destroy};

static pyr_status open_stream(pyr_buffer *bytes, int fd, const char *name,
                              const pyr_ipc_limits *limits, pyr_validation validation,
                              pyr_query_ledger *ledger, pyr_budget *budget, pyr_stream **out,
                              pyr_error *error) {
    *out = NULL;
    size_t length = strlen(name);
    ipc_stream *s = calloc(1, sizeof *s + length + 1);
    if (s == NULL) {
        return pyr_error_memory(error, sizeof *s + length + 1);
    }
    s->base.ops = &ops;
    s->limits = limits != NULL ? *limits : pyr_ipc_limits_default();
    s->ledger = ledger;
    s->budget = budget != NULL ? pyr_budget_retain(budget) : NULL;
    s->bytes = pyr_buffer_retain(bytes);
    s->fd = fd;
    memcpy(s->name, name, length + 1);
    pyr_batch *none = NULL;
    pyr_status status =
        pyr_ipc_decoder_create(&s->limits, validation, ledger, budget, &s->decoder, error);
    if (status == PYR_OK) {
        status = take_message(s, &none, error);
    }
    pyr_schema *schema = status == PYR_OK ? pyr_ipc_decoder_schema(s->decoder) : NULL;
    if (status == PYR_OK && schema == NULL) {
        status = pyr_error_set(error, PYR_ERROR_CORRUPT,
                               "%s: an Arrow stream without a schema: it is empty", name);
    }
    if (status != PYR_OK) {
        stream_destroy(&s->base);
        return status;
    }
    s->base.schema = pyr_schema_retain(schema);
    *out = &s->base;
    return PYR_OK;
}

pyr_status pyr_ipc_stream_open(pyr_buffer *bytes, const char *name, const pyr_ipc_limits *limits,
                               pyr_validation validation, pyr_query_ledger *ledger,
                               pyr_budget *budget, pyr_stream **out, pyr_error *error) {
    return open_stream(bytes, -1, name, limits, validation, ledger, budget, out, error);
}

pyr_status pyr_ipc_stream_open_fd(int fd, const char *name, const pyr_ipc_limits *limits,
                                  pyr_validation validation, pyr_query_ledger *ledger,
                                  pyr_budget *budget, pyr_stream **out, pyr_error *error) {
    return open_stream(NULL, fd, name, limits, validation, ledger, budget, out, error);
}
