/* http2_output.c - a connection's pieces of output, written by writev from where they lie. */
#include "base/mapping.h"
#include "flight/http2_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define SMALL_BYTES ((size_t)16 << 10)
#define SPANS_MAX 512

static uint8_t zeros[1 << 16];

void pyr_http2_output_deinit(pyr_http2_output *output) {
    for (size_t i = 0; i < output->count; ++i) {
        pyr_buffer_release(output->pieces[(output->head + i) % output->capacity].owner);
    }
    free(output->pieces);
    pyr_buffer_release(output->small);
    memset(output, 0, sizeof(*output));
}

static pyr_http2_piece *piece_at(const pyr_http2_output *output, size_t index) {
    return &output->pieces[(output->head + index) % output->capacity];
}

static bool reserve(pyr_http2_output *output) {
    if (output->count < output->capacity) {
        return true;
    }
    size_t capacity = output->capacity > 0 ? output->capacity * 2 : 64;
    pyr_http2_piece *pieces = calloc(capacity, sizeof(*pieces));
    if (pieces == NULL) {
        return false;
    }
    for (size_t i = 0; i < output->count; ++i) {
        pieces[i] = *piece_at(output, i);
    }
    free(output->pieces);
    output->pieces = pieces;
    output->capacity = capacity;
    output->head = 0;
    return true;
}

bool pyr_http2_output_share(pyr_http2_output *output, pyr_buffer *owner, const uint8_t *data,
                            size_t size_bytes, int32_t stream_id) {
    if (size_bytes == 0) {
        return true;
    }
    if (!reserve(output)) {
        return false;
    }
    *piece_at(output, output->count) =
        (pyr_http2_piece){pyr_buffer_retain(owner), data, size_bytes, stream_id};
    ++output->count;
    output->bytes += size_bytes;
    return true;
}

bool pyr_http2_output_copy(pyr_http2_output *output, const uint8_t *bytes, size_t size_bytes) {
    while (size_bytes > 0) {
        if (output->small == NULL || output->small_used == SMALL_BYTES) {
            pyr_buffer *fresh = NULL;
            if (pyr_buffer_create_raw(SMALL_BYTES, NULL, &fresh, NULL) != PYR_OK) {
                return false;
            }
            pyr_buffer_release(output->small);
            output->small = fresh;
            output->small_used = 0;
        }
        size_t room = SMALL_BYTES - output->small_used;
        size_t take = size_bytes < room ? size_bytes : room;
        /* Shared already, but nobody reads behind small_used. */
        uint8_t *to = (uint8_t *)(uintptr_t)output->small->data + output->small_used;
        memcpy(to, bytes, take);
        /* Bytes that follow the last piece's join it. */
        pyr_http2_piece *last = output->count > 0 ? piece_at(output, output->count - 1) : NULL;
        if (last != NULL && last->owner == output->small && last->data + last->size_bytes == to) {
            last->size_bytes += take;
            output->bytes += take;
        } else if (!pyr_http2_output_share(output, output->small, to, take, 0)) {
            return false;
        }
        output->small_used += take;
        bytes += take;
        size_bytes -= take;
    }
    return true;
}

static void advance(pyr_http2_output *output, size_t written) {
    output->bytes -= written;
    while (written > 0) {
        pyr_http2_piece *front = piece_at(output, 0);
        if (written < front->size_bytes) {
            front->data += written;
            front->size_bytes -= written;
            return;
        }
        written -= front->size_bytes;
        pyr_buffer_release(front->owner);
        output->head = (output->head + 1) % output->capacity;
        --output->count;
    }
}

pyr_http2_flush pyr_http2_output_flush(pyr_http2_output *output, int fd) {
    size_t spans_max = SPANS_MAX;
    while (output->count > 0) {
        struct iovec spans[SPANS_MAX];
        size_t count = 0;
        for (; count < output->count && count < spans_max; ++count) {
            const pyr_http2_piece *piece = piece_at(output, count);
            spans[count] = (struct iovec){(void *)(uintptr_t)piece->data, piece->size_bytes};
        }
        struct msghdr message = {.msg_iov = spans, .msg_iovlen = count};
        ssize_t written = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written > 0) {
            advance(output, (size_t)written);
            spans_max = SPANS_MAX;
        } else if (written < 0 && errno == EINTR) {
            continue;
        } else if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return PYR_HTTP2_FLUSH_BLOCKED;
        } else if (written < 0 && errno == EFAULT && count > 1) {
            /* Any of the pieces may be the one; sent alone, the front one is known to be. */
            spans_max = 1;
        } else if (written < 0 && errno == EFAULT) {
            return PYR_HTTP2_FLUSH_FAULT;
        } else {
            return PYR_HTTP2_FLUSH_FAILED;
        }
    }
    return PYR_HTTP2_FLUSH_DONE;
}

/* The pieces again, those of mapping as zeros. The mapping's own buffers may go with them: it is
 * only compared. */
static bool rebuild(pyr_http2_output *output, const pyr_mapping *mapping) {
    pyr_http2_output fresh = {.small = output->small, .small_used = output->small_used};
    for (size_t i = 0; i < output->count; ++i) {
        pyr_http2_piece *piece = piece_at(output, i);
        bool faulty = piece->owner != NULL && piece->owner->mapping == mapping;
        size_t left = piece->size_bytes;
        while (left > 0) {
            size_t size = !faulty || left < sizeof(zeros) ? left : sizeof(zeros);
            if (!pyr_http2_output_share(&fresh, faulty ? NULL : piece->owner,
                                        faulty ? zeros : piece->data, size, piece->stream_id)) {
                fresh.small = NULL;
                pyr_http2_output_deinit(&fresh);
                return false;
            }
            left -= size;
        }
    }
    output->small = NULL;
    pyr_http2_output_deinit(output);
    *output = fresh;
    return true;
}

bool pyr_http2_output_replace_fault(pyr_http2_output *output,
                                    void (*visit)(void *context, const pyr_mapping *mapping,
                                                  int32_t stream_id),
                                    void *context) {
    const pyr_buffer *owner = output->count > 0 ? piece_at(output, 0)->owner : NULL;
    pyr_mapping *mapping = owner != NULL ? owner->mapping : NULL;
    if (mapping == NULL) {
        return false;
    }
    pyr_mapping_set_faulted(mapping);
    int32_t last = 0;
    for (size_t i = 0; i < output->count; ++i) {
        const pyr_http2_piece *piece = piece_at(output, i);
        if (piece->owner != NULL && piece->owner->mapping == mapping && piece->stream_id != last) {
            last = piece->stream_id;
            visit(context, mapping, last);
        }
    }
    return rebuild(output, mapping);
}
