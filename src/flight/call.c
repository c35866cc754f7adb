/* call.c - see call.h and call_internal.h. */
#include "flight/call_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Complete messages beyond this wait in the client: their bytes are not given back to the window.
 */
#define INPUT_BYTES_MAX ((size_t)8 << 20)

pyr_status pyr_call_create(struct pyr_http2_loop *loop, size_t message_bytes_max,
                           pyr_budget *budget, pyr_call **out, pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    pyr_call *call = *out;
    atomic_init(&call->references, 1);
    call->loop = loop;
    call->message_bytes_max = message_bytes_max;
    call->budget = pyr_budget_retain(budget);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&call->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&call->lock, NULL);
    return PYR_OK;
}

void pyr_call_retain(pyr_call *call) {
    atomic_fetch_add_explicit(&call->references, 1, memory_order_relaxed);
}

static void drop_output(pyr_call *call) {
    while (call->out_first != NULL) {
        pyr_queued *first = call->out_first;
        call->out_first = first->next;
        pyr_outgoing_destroy(first->outgoing);
        free(first);
    }
    call->out_last = NULL;
    call->out_bytes = 0;
}

void pyr_call_release(pyr_call *call) {
    if (atomic_fetch_sub_explicit(&call->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    drop_output(call);
    while (call->in_first != NULL) {
        pyr_received *first = call->in_first;
        call->in_first = first->next;
        pyr_buffer_release(first->message);
        free(first);
    }
    pyr_buffer_release(call->partial);
    pyr_budget_release(call->budget);
    free(call->ledger);
    pthread_cond_destroy(&call->changed);
    pthread_mutex_destroy(&call->lock);
    free(call);
}

const char *pyr_call_path(const pyr_call *call) {
    return call->path;
}

int64_t pyr_call_deadline_ns(const pyr_call *call) {
    return call->deadline_ns;
}

void pyr_call_limit_deadline(pyr_call *call, int64_t deadline_ns) {
    if (call->deadline_ns == 0 || deadline_ns < call->deadline_ns) {
        call->deadline_ns = deadline_ns;
    }
}

/* ---- The handler's side. ---- */

/* With the lock held: waits for a change, or finds out why not. */
static pyr_status wait_for_change(pyr_call *call, pyr_error *error) {
    if (call->cancelled) {
        return pyr_error_set(error, PYR_ERROR_CANCELLED, "the client went away");
    }
    if (call->deadline_ns == 0) {
        pthread_cond_wait(&call->changed, &call->lock);
        return PYR_OK;
    }
    struct timespec until = {call->deadline_ns / 1000000000, call->deadline_ns % 1000000000};
    if (pthread_cond_timedwait(&call->changed, &call->lock, &until) == ETIMEDOUT) {
        return pyr_error_set(error, PYR_ERROR_TIMEOUT, "the call's deadline has passed");
    }
    return PYR_OK;
}

pyr_status pyr_call_receive(pyr_call *call, pyr_buffer **out, pyr_error *error) {
    *out = NULL;
    pyr_status status = PYR_OK;
    pyr_received *first = NULL;
    pthread_mutex_lock(&call->lock);
    while (status == PYR_OK && (first = call->in_first) == NULL &&
           (!call->in_closed || call->finished)) {
        if (call->finished) {
            status = pyr_error_set(error, PYR_ERROR_CANCELLED, "the call has ended");
        } else {
            status = wait_for_change(call, error);
        }
    }
    bool notify = false;
    if (first != NULL) {
        call->in_first = first->next;
        call->in_last = call->in_first != NULL ? call->in_last : NULL;
        call->in_bytes -= first->message->size_bytes;
        notify = call->in_unconsumed > 0 && call->in_bytes <= INPUT_BYTES_MAX;
    }
    pthread_mutex_unlock(&call->lock);
    if (notify) {
        pyr_http2_loop_notify(call->loop, call);
    }
    if (first != NULL) {
        *out = first->message;
        free(first);
    }
    return status;
}

bool pyr_call_has_message(pyr_call *call) {
    pthread_mutex_lock(&call->lock);
    bool has = call->in_first != NULL || call->in_closed;
    pthread_mutex_unlock(&call->lock);
    return has;
}

bool pyr_call_is_over(pyr_call *call) {
    pthread_mutex_lock(&call->lock);
    bool over = call->cancelled || call->finished;
    pthread_mutex_unlock(&call->lock);
    return over;
}

pyr_status pyr_call_send(pyr_call *call, pyr_outgoing *outgoing, pyr_error *error) {
    pyr_queued *entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        pyr_outgoing_destroy(outgoing);
        return pyr_error_memory(error, sizeof(*entry));
    }
    entry->outgoing = outgoing;
    pyr_status status = PYR_OK;
    pthread_mutex_lock(&call->lock);
    while (status == PYR_OK && call->out_bytes >= PYR_CALL_QUEUE_BYTES) {
        status = wait_for_change(call, error);
    }
    if (status == PYR_OK && call->cancelled) {
        status = pyr_error_set(error, PYR_ERROR_CANCELLED, "the client went away");
    }
    if (status == PYR_OK && call->finished) {
        status = call->status.code;
        if (error != NULL) {
            *error = call->status;
        }
    }
    if (status == PYR_OK) {
        *(call->out_last != NULL ? &call->out_last->next : &call->out_first) = entry;
        call->out_last = entry;
        call->out_bytes += outgoing->size_bytes;
    }
    pthread_mutex_unlock(&call->lock);
    if (status != PYR_OK) {
        pyr_outgoing_destroy(outgoing);
        free(entry);
        return status;
    }
    pyr_http2_loop_notify(call->loop, call);
    return PYR_OK;
}

void pyr_call_set_ledger(pyr_call *call, const char *json) {
    pthread_mutex_lock(&call->lock);
    if (!call->finished) {
        free(call->ledger);
        call->ledger = strdup(json); /* without memory there is no trailer */
    }
    pthread_mutex_unlock(&call->lock);
}

void pyr_call_finish(pyr_call *call, const pyr_error *error) {
    pthread_mutex_lock(&call->lock);
    if (!call->finished) {
        call->finished = true;
        if (error != NULL) {
            call->status = *error;
        }
    }
    pthread_mutex_unlock(&call->lock);
    pyr_http2_loop_notify(call->loop, call);
}

void pyr_call_on_cancel(pyr_call *call, void (*cancel)(void *context), void *context) {
    pthread_mutex_lock(&call->lock);
    call->cancel = cancel;
    call->cancel_context = context;
    if ((call->cancelled || call->finished) && cancel != NULL) {
        cancel(context);
    }
    pthread_mutex_unlock(&call->lock);
}

/* ---- The I/O thread's side. ---- */

static pyr_status begin_message(pyr_call *call, pyr_error *error) {
    const uint8_t *p = call->prefix;
    size_t size = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    if (p[0] != 0) {
        return pyr_error_set(
            error, PYR_ERROR_NOT_SUPPORTED,
            "compressed gRPC messages are not taken; send grpc-encoding: identity");
    }
    if (size > call->message_bytes_max) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "a message of %zu bytes, the limit is %zu: send smaller batches", size,
                             call->message_bytes_max);
    }
    size_t capacity = (size + 63) & ~(size_t)63;
    PYR_TRY(pyr_buffer_create_raw(capacity, call->budget, &call->partial, error));
    call->partial_start = capacity - size;
    call->partial_bytes = size;
    call->partial_filled = 0;
    return PYR_OK;
}

static pyr_status end_message(pyr_call *call, pyr_error *error) {
    pyr_received *entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return pyr_error_memory(error, sizeof(*entry));
    }
    pyr_status status = pyr_buffer_slice(call->partial, call->partial_start, call->partial_bytes,
                                         &entry->message, error);
    if (status != PYR_OK) {
        free(entry);
        return status;
    }
    pyr_buffer_release(call->partial);
    call->partial = NULL;
    call->prefix_filled = 0;
    pthread_mutex_lock(&call->lock);
    *(call->in_last != NULL ? &call->in_last->next : &call->in_first) = entry;
    call->in_last = entry;
    call->in_bytes += call->partial_bytes;
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&call->lock);
    return PYR_OK;
}

static pyr_status feed(pyr_call *call, const uint8_t *bytes, size_t size_bytes, pyr_error *error) {
    while (size_bytes > 0 || (call->partial != NULL && call->partial_bytes == 0)) {
        if (call->partial == NULL) {
            call->prefix[call->prefix_filled++] = *bytes++;
            --size_bytes;
            if (call->prefix_filled == sizeof(call->prefix)) {
                PYR_TRY(begin_message(call, error));
            }
            continue;
        }
        size_t left = call->partial_bytes - call->partial_filled;
        size_t take = size_bytes < left ? size_bytes : left;
        if (take > 0) {
            memcpy(pyr_buffer_mutable(call->partial) + call->partial_start + call->partial_filled,
                   bytes, take);
        }
        call->partial_filled += take;
        bytes += take;
        size_bytes -= take;
        if (call->partial_filled == call->partial_bytes) {
            PYR_TRY(end_message(call, error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_call_feed(pyr_call *call, const uint8_t *bytes, size_t size_bytes, size_t *consume,
                         pyr_error *error) {
    *consume = size_bytes;
    PYR_TRY(feed(call, bytes, size_bytes, error));
    pthread_mutex_lock(&call->lock);
    if (call->in_bytes > INPUT_BYTES_MAX) {
        call->in_unconsumed += size_bytes;
        *consume = 0;
    }
    pthread_mutex_unlock(&call->lock);
    return PYR_OK;
}

bool pyr_call_close_input(pyr_call *call) {
    if (call->prefix_filled > 0) {
        return false;
    }
    pthread_mutex_lock(&call->lock);
    call->in_closed = true;
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&call->lock);
    return true;
}

void pyr_call_cancel(pyr_call *call) {
    pthread_mutex_lock(&call->lock);
    if (!call->cancelled) {
        call->cancelled = true;
        drop_output(call);
        if (call->cancel != NULL) {
            call->cancel(call->cancel_context);
        }
        pthread_cond_broadcast(&call->changed);
    }
    pthread_mutex_unlock(&call->lock);
}

void pyr_call_fail(pyr_call *call, const pyr_error *error) {
    pthread_mutex_lock(&call->lock);
    drop_output(call);
    call->front_sent = 0;
    call->finished = true;
    call->status = *error;
    if (call->cancel != NULL) {
        call->cancel(call->cancel_context);
    }
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&call->lock);
}

size_t pyr_call_take_consumed(pyr_call *call) {
    pthread_mutex_lock(&call->lock);
    size_t size = call->in_bytes <= INPUT_BYTES_MAX ? call->in_unconsumed : 0;
    call->in_unconsumed -= size;
    pthread_mutex_unlock(&call->lock);
    return size;
}

size_t pyr_call_take_unconsumed(pyr_call *call) {
    pthread_mutex_lock(&call->lock);
    size_t size = call->in_unconsumed;
    call->in_unconsumed = 0;
    pthread_mutex_unlock(&call->lock);
    return size;
}

size_t pyr_call_output(pyr_call *call, bool *finished) {
    pthread_mutex_lock(&call->lock);
    size_t size = call->out_bytes - call->front_sent;
    *finished = call->finished;
    pthread_mutex_unlock(&call->lock);
    return size;
}

void pyr_call_pop(pyr_call *call) {
    pthread_mutex_lock(&call->lock);
    pyr_queued *first = call->out_first;
    call->out_first = first->next;
    call->out_last = call->out_first != NULL ? call->out_last : NULL;
    call->out_bytes -= first->outgoing->size_bytes;
    call->front_sent = 0;
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&call->lock);
    pyr_outgoing_destroy(first->outgoing);
    free(first);
}
