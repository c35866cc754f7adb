/* What a client may send: a connection of the server's over a socket pair, on one thread.
 *
 * The functions of http2_server.c that a connection calls are replaced here (the archive's own are
 * then not linked): a call's handler is an echo that runs when the fuzzer says, not a thread, so
 * that every run of an input is the same. Input: one byte of choices (1: preface and SETTINGS are
 * sent first; 2: the client does not read; the rest: in how many pieces), then what the client
 * sends. Invariants: no crash, no leak, and what the server sends is whole HTTP/2 frames or its
 * line for HTTP/1.1.
 */
#include "flight/http2_internal.h"
#include "fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_BYTES_MAX ((size_t)60000) /* below what a socket pair holds */
#define CALLS_MAX 64

typedef struct world {
    pyr_http2_server server;
    pyr_http2_loop loop;
    pyr_call *calls[CALLS_MAX]; /* retained: their handlers have not ended */
    size_t calls_count;
    uint8_t *got; /* what the client has read */
    size_t got_bytes, got_capacity;
} world;

static world *the_world;

/* ---- In place of http2_server.c. ---- */

void pyr_http2_server_uncount_connection(pyr_http2_server *server) {
    atomic_fetch_sub(&server->connections, 1);
}

pyr_status pyr_http2_server_run_call(pyr_http2_server *server, pyr_call *call, pyr_error *error) {
    (void)server;
    if (the_world->calls_count == CALLS_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "enough");
    }
    pyr_call_retain(call);
    the_world->calls[the_world->calls_count++] = call;
    return PYR_OK;
}

void pyr_http2_loop_notify(pyr_http2_loop *loop, pyr_call *call) {
    if (!call->ready_queued) {
        pyr_call_retain(call);
        call->ready_queued = true;
        call->ready_next = NULL;
        *(loop->ready_last != NULL ? &loop->ready_last->ready_next : &loop->ready_first) = call;
        loop->ready_last = call;
    }
}

/* ---- The handlers: echo. ---- */

static pyr_status step(pyr_call *call, bool *ended, pyr_error *error) {
    while (pyr_call_has_message(call)) {
        pyr_buffer *message = NULL;
        PYR_TRY(pyr_call_receive(call, &message, error));
        if (message == NULL) {
            *ended = true;
            return PYR_OK;
        }
        pyr_outgoing *outgoing = NULL;
        pyr_status status =
            pyr_outgoing_bytes(message->data, message->size_bytes, &outgoing, error);
        pyr_buffer_release(message);
        PYR_TRY(status);
        PYR_TRY(pyr_call_send(call, outgoing, error)); /* inputs are too small to wait here */
    }
    return PYR_OK;
}

static void run_handlers(world *w) {
    for (size_t i = 0; i < w->calls_count;) {
        pyr_call *call = w->calls[i];
        pyr_error error;
        bool ended = pyr_call_is_over(call);
        pyr_status status = ended ? PYR_OK : step(call, &ended, &error);
        if (ended || status != PYR_OK) {
            pyr_call_finish(call, status == PYR_OK ? NULL : &error);
            w->calls[i] = w->calls[--w->calls_count];
            pyr_call_release(call);
        } else {
            ++i;
        }
    }
    pyr_call *call;
    while ((call = w->loop.ready_first) != NULL) {
        w->loop.ready_first = call->ready_next;
        w->loop.ready_last = w->loop.ready_first != NULL ? w->loop.ready_last : NULL;
        call->ready_queued = false;
        if (call->connection != NULL && !call->connection->closing) {
            pyr_http2_connection *connection = call->connection;
            pyr_http2_connection_call_ready(connection, call);
            (void)pyr_http2_connection_write(connection);
        }
        pyr_call_release(call);
    }
}

/* ---- The client. ---- */

static void read_all(world *w, int fd) {
    for (;;) {
        if (w->got_bytes == w->got_capacity) {
            w->got_capacity = w->got_capacity * 2 + 4096;
            w->got = realloc(w->got, w->got_capacity);
            assert(w->got != NULL);
        }
        ssize_t size =
            recv(fd, w->got + w->got_bytes, w->got_capacity - w->got_bytes, MSG_DONTWAIT);
        if (size <= 0) {
            return;
        }
        w->got_bytes += (size_t)size;
    }
}

static void check_frames(const world *w) {
    size_t at = 0;
    while (at < w->got_bytes) {
        const uint8_t *p = w->got + at;
        if (w->got_bytes - at >= 9 && memcmp(p, "HTTP/1.1 ", 9) == 0) {
            return;
        }
        assert(w->got_bytes - at >= 9);
        size_t length = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
        assert(w->got_bytes - at - 9 >= length);
        at += 9 + length;
    }
}

static void send_piece(world *w, int fd, const uint8_t *data, size_t size, bool reads) {
    if (w->loop.connections == NULL || size == 0) {
        return;
    }
    if (send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) <= 0) {
        return;
    }
    if (pyr_http2_connection_read(w->loop.connections)) {
        run_handlers(w);
    }
    if (reads) {
        read_all(w, fd);
        if (w->loop.connections != NULL) {
            (void)pyr_http2_connection_write(w->loop.connections);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char greeting[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    if (size < 1 || size > INPUT_BYTES_MAX) {
        return 0;
    }
    world w = {.server = {.options = {.message_bytes_max = 1 << 20, .linger_ms = 1000}}};
    int fds[2];
    the_world = &w;
    w.server.budget = pyr_budget_create((size_t)8 << 20);
    w.loop.server = &w.server;
    w.loop.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    assert(w.server.budget != NULL && w.loop.epoll_fd >= 0);
    int made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
    assert(made == 0);
    (void)made;
    pyr_http2_connection *connection = pyr_http2_connection_open(&w.loop, fds[0]);
    assert(connection != NULL);
    (void)pyr_http2_connection_write(connection);
    bool reads = (data[0] & 2) == 0;
    size_t pieces = (size_t)(data[0] >> 2) + 1;
    if ((data[0] & 1) != 0) {
        send_piece(&w, fds[1], (const uint8_t *)greeting, sizeof(greeting) - 1, reads);
    }
    ++data;
    --size;
    size_t piece = size / pieces + 1;
    for (size_t at = 0; at < size; at += piece) {
        send_piece(&w, fds[1], data + at, size - at < piece ? size - at : piece, reads);
    }
    bool all_sent = w.loop.connections == NULL || w.loop.connections->output.bytes == 0;
    read_all(&w, fds[1]);
    if (all_sent) {
        check_frames(&w);
    }
    if (w.loop.connections != NULL) {
        pyr_http2_connection_close(w.loop.connections);
    }
    run_handlers(&w);
    assert(w.calls_count == 0 && w.loop.connections == NULL);
    assert(pyr_budget_used(w.server.budget) == 0);
    pyr_budget_release(w.server.budget);
    close(w.loop.epoll_fd);
    close(fds[1]);
    free(w.got);
    return 0;
}
