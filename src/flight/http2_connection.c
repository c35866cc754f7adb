/* http2_connection.c - one client: an nghttp2 session between the socket and the calls.
 *
 * DATA frames are sent without copying: nghttp2 gives the frame's header, we queue it and the
 * pieces of the front messages behind it. A frame is as large as the client's SETTINGS and windows
 * allow at that moment (a C++ gRPC client raises both while it probes the bandwidth:
 * engine-notes.md).
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mapping.h"
#include "flight/grpc.h"
#include "flight/http2_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUTPUT_BYTES_MAX ((size_t)4 << 20) /* frames are not made while so much waits */
#define FRAME_BYTES_MAX ((size_t)1 << 20)  /* of DATA, where the client allows it */
#define READ_BYTES ((size_t)256 << 10)
#define WINDOW_BYTES (16 << 20)
#define HEADER_LIST_BYTES (64 << 10)
#define STREAMS_MAX 256
#define HEADER_BYTES_ABUSE (1 << 20) /* a connection that sends such a request is not kept */
#define NS_PER_MS INT64_C(1000000)

/* ---- Responses. ---- */

static nghttp2_nv header(const char *name, const char *value) {
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

/* grpc-status and, with an error, grpc-message behind the given headers. */
static size_t add_status(nghttp2_nv *headers, size_t count, const pyr_error *status, char *code,
                         size_t code_size, pyr_text *message) {
    snprintf(code, code_size, "%d", (int)pyr_grpc_code_of(status));
    headers[count++] = header("grpc-status", code);
    if (status->code != PYR_OK) {
        pyr_grpc_message_of(status, message);
        headers[count++] = header("grpc-message", pyr_text_get(message));
    }
    return count;
}

/* Trailers, once the last byte is on its way. nghttp2 asks for data only while the client's window
 * is open, so that is looked at whenever it may have come true and not only when it asks. */
static void end_response(pyr_http2_connection *connection, pyr_call *call) {
    bool finished;
    if (call->trailed || pyr_call_output(call, &finished) > 0 || !finished) {
        return;
    }
    call->trailed = true;
    nghttp2_nv headers[3];
    char code[8];
    pyr_text message;
    pyr_text_init(&message);
    size_t count = add_status(headers, 0, &call->status, code, sizeof(code), &message);
    if (call->ledger != NULL) {
        headers[count++] = header("pyralog-ledger", call->ledger);
    }
    nghttp2_submit_trailer(connection->session, call->stream_id, headers, count);
    pyr_text_deinit(&message);
}

/* An answer without messages: one header block that ends the stream. */
static void submit_trailers_only(pyr_http2_connection *connection, int32_t stream_id,
                                 const pyr_error *status) {
    nghttp2_nv headers[5];
    char code[8];
    pyr_text message;
    pyr_text_init(&message);
    headers[0] = header(":status", "200");
    headers[1] = header("content-type", "application/grpc");
    headers[2] = header("grpc-accept-encoding", "identity");
    size_t count = add_status(headers, 3, status, code, sizeof(code), &message);
    nghttp2_submit_response(connection->session, stream_id, headers, count, NULL);
    pyr_text_deinit(&message);
}

static ssize_t on_data_wanted(nghttp2_session *session, int32_t stream_id, uint8_t *buffer,
                              size_t length, uint32_t *flags, nghttp2_data_source *source,
                              void *user_data) {
    (void)session;
    (void)stream_id;
    (void)buffer;
    pyr_call *call = source->ptr;
    bool finished;
    size_t waiting = pyr_call_output(call, &finished);
    if (waiting > 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
        return (ssize_t)(waiting < length ? waiting : length);
    }
    if (!finished) {
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    end_response(user_data, call);
    return 0;
}

static ssize_t on_frame_length(nghttp2_session *session, uint8_t frame_type, int32_t stream_id,
                               int32_t session_window, int32_t stream_window,
                               uint32_t frame_bytes_max, void *user_data) {
    (void)session;
    (void)frame_type;
    (void)stream_id;
    (void)user_data;
    int32_t window = session_window < stream_window ? session_window : stream_window;
    size_t allowed = window > 0 ? (size_t)window : 1;
    allowed = allowed < frame_bytes_max ? allowed : frame_bytes_max;
    return (ssize_t)(allowed < FRAME_BYTES_MAX ? allowed : FRAME_BYTES_MAX);
}

/* The part of the front message from byte `from` on, at most `length` bytes of it; gives what was
 * queued. */
static size_t queue_front(pyr_http2_connection *connection, pyr_call *call, size_t length,
                          bool *failed) {
    const pyr_outgoing *front = call->out_first->outgoing;
    size_t from = call->front_sent;
    size_t end = from + length < front->size_bytes ? from + length : front->size_bytes;
    size_t start = 0;
    for (size_t i = 0; i <= front->spans_count && start < end; ++i) {
        pyr_buffer *owner = i == 0 ? front->head : front->spans[i - 1].buffer;
        const uint8_t *data = i == 0 ? front->head->data : front->spans[i - 1].data;
        size_t size = i == 0 ? front->head->size_bytes : front->spans[i - 1].size_bytes;
        size_t low = from > start ? from - start : 0;
        size_t high = end - start < size ? end - start : size;
        if (low < high && !pyr_http2_output_share(&connection->output, owner, data + low,
                                                  high - low, call->stream_id)) {
            *failed = true;
            return 0;
        }
        start += size;
    }
    return end - from;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *frame_header,
                        size_t length, nghttp2_data_source *source, void *user_data) {
    (void)session;
    (void)frame;
    pyr_http2_connection *connection = user_data;
    pyr_call *call = source->ptr;
    /* A frame is always taken at once: were it put off, its call might have failed and dropped the
     * bytes meanwhile. */
    bool failed = !pyr_http2_output_copy(&connection->output, frame_header, 9);
    while (length > 0 && !failed) {
        size_t queued = queue_front(connection, call, length, &failed);
        length -= queued;
        call->front_sent += queued;
        if (!failed && call->front_sent == call->out_first->outgoing->size_bytes) {
            pyr_call_pop(call);
        }
    }
    if (failed) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    end_response(connection, call);
    return connection->output.bytes > OUTPUT_BYTES_MAX ? NGHTTP2_ERR_PAUSE : 0;
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t length, int flags,
                       void *user_data) {
    (void)session;
    (void)flags;
    pyr_http2_connection *connection = user_data;
    if (connection->output.bytes > OUTPUT_BYTES_MAX) {
        return NGHTTP2_ERR_WOULDBLOCK;
    }
    return pyr_http2_output_copy(&connection->output, data, length) ? (ssize_t)length
                                                                    : NGHTTP2_ERR_CALLBACK_FAILURE;
}

void pyr_http2_connection_call_ready(pyr_http2_connection *connection, pyr_call *call) {
    size_t consumed = pyr_call_take_consumed(call);
    if (consumed > 0) {
        nghttp2_session_consume(connection->session, call->stream_id, consumed);
    }
    bool finished;
    size_t waiting = pyr_call_output(call, &finished);
    if (call->responded) {
        nghttp2_session_resume_data(connection->session, call->stream_id);
        end_response(connection, call);
    } else if (waiting == 0 && finished && call->status.code != PYR_OK) {
        call->responded = true;
        submit_trailers_only(connection, call->stream_id, &call->status);
    } else if (waiting > 0 || finished) {
        call->responded = true;
        nghttp2_nv headers[3] = {header(":status", "200"),
                                 header("content-type", "application/grpc"),
                                 header("grpc-accept-encoding", "identity")};
        nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = on_data_wanted};
        nghttp2_submit_response(connection->session, call->stream_id, headers, 3, &provider);
        end_response(connection, call);
    }
}

/* ---- Requests. ---- */

static pyr_call *call_of(pyr_http2_connection *connection, int32_t stream_id) {
    return nghttp2_session_get_stream_user_data(connection->session, stream_id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data) {
    pyr_http2_connection *connection = user_data;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    pyr_call *call = NULL;
    const pyr_http2_server *server = connection->loop->server;
    if (pyr_call_create(connection->loop, server->options.message_bytes_max, server->budget, &call,
                        NULL) != PYR_OK) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    call->connection = connection;
    call->stream_id = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(session, call->stream_id, call);
    call->stream_next = connection->calls;
    if (connection->calls != NULL) {
        connection->calls->stream_previous = call;
    }
    connection->calls = call;
    ++connection->streams;
    return 0;
}

static void refuse(pyr_call *call, pyr_status code, const char *message) {
    if (!call->refused) {
        call->refused = true;
        (void)pyr_error_set(&call->refusal, code, "%s", message);
    }
}

static bool is(const uint8_t *bytes, size_t length, const char *text) {
    return length == strlen(text) && memcmp(bytes, text, length) == 0;
}

/* "application/grpc", perhaps with "+proto" or parameters behind it. */
static bool is_grpc_type(const uint8_t *value, size_t length) {
    return length >= 16 && memcmp(value, "application/grpc", 16) == 0 &&
           (length == 16 || value[16] == '+' || value[16] == ';');
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *user_data) {
    (void)session;
    (void)flags;
    pyr_call *call = call_of(user_data, frame->hd.stream_id);
    if (call == NULL) {
        return 0;
    }
    /* nghttp2 announces the limit and leaves keeping it to us; trailers count too. */
    call->header_bytes += name_length + value_length + 32;
    if (call->header_bytes > HEADER_BYTES_ABUSE) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (call->header_bytes > HEADER_LIST_BYTES) {
        refuse(call, PYR_ERROR_LIMIT, "the request's headers are larger than 64 KiB");
    }
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    if (is(name, name_length, ":path")) {
        if (value_length >= sizeof(call->path)) {
            refuse(call, PYR_ERROR_NOT_SUPPORTED, "there is no such method");
        } else {
            memcpy(call->path, value, value_length);
        }
    } else if (is(name, name_length, ":method") && !is(value, value_length, "POST")) {
        refuse(call, PYR_ERROR_NOT_SUPPORTED, "gRPC calls are POST requests");
    } else if (is(name, name_length, "content-type")) {
        call->is_grpc = is_grpc_type(value, value_length);
    } else if (is(name, name_length, "grpc-encoding") && !is(value, value_length, "identity")) {
        refuse(call, PYR_ERROR_NOT_SUPPORTED,
               "compressed gRPC messages are not taken; send grpc-encoding: identity");
    } else if (is(name, name_length, "grpc-timeout")) {
        int64_t timeout_ns;
        if (!pyr_grpc_parse_timeout((const char *)value, value_length, &timeout_ns)) {
            refuse(call, PYR_ERROR_INVALID_ARGUMENT, "grpc-timeout is malformed");
        } else if (timeout_ns < INT64_MAX - pyr_clock_monotonic_ns()) {
            call->deadline_ns = pyr_clock_monotonic_ns() + timeout_ns;
        }
    }
    return 0;
}

/* The request's headers are complete. */
static void begin_call(pyr_http2_connection *connection, pyr_call *call) {
    pyr_http2_server *server = connection->loop->server;
    if (!call->is_grpc) {
        refuse(call, PYR_ERROR_NOT_SUPPORTED, "the content-type is not application/grpc");
    }
    if (!call->refused && atomic_load(&server->draining)) {
        refuse(call, PYR_ERROR_BUSY, "the server is shutting down");
    }
    if (!call->refused) {
        pyr_error error;
        if (pyr_http2_server_run_call(server, call, &error) == PYR_OK) {
            return;
        }
        call->refused = true;
        call->refusal = error;
    }
    call->responded = true;
    submit_trailers_only(connection, call->stream_id, &call->refusal);
}

/* The rest of its input is dropped, its handler learns of it at the next receive or send. */
static void fail_call(pyr_http2_connection *connection, pyr_call *call, const pyr_error *error) {
    call->refused = true;
    pyr_call_fail(call, error);
    pyr_http2_connection_call_ready(connection, call);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data) {
    (void)session;
    pyr_http2_connection *connection = user_data;
    if (frame->hd.type == NGHTTP2_SETTINGS) {
        connection->greeted = true;
        return 0;
    }
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) {
        return 0;
    }
    pyr_call *call = call_of(connection, frame->hd.stream_id);
    if (call == NULL) {
        return 0;
    }
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        begin_call(connection, call);
    }
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && !call->refused &&
        !pyr_call_close_input(call)) {
        pyr_error error;
        (void)pyr_error_set(&error, PYR_ERROR_INVALID_ARGUMENT,
                            "the request ends inside a message");
        fail_call(connection, call, &error);
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t length, void *user_data) {
    (void)flags;
    pyr_http2_connection *connection = user_data;
    pyr_call *call = call_of(connection, stream_id);
    size_t consume = length;
    if (call != NULL && !call->refused) {
        pyr_error error;
        if (pyr_call_feed(call, data, length, &consume, &error) != PYR_OK) {
            consume = length;
            fail_call(connection, call, &error);
        }
    }
    if (consume > 0) {
        nghttp2_session_consume(session, stream_id, consume);
    }
    return 0;
}

static void forget_call(pyr_http2_connection *connection, pyr_call *call) {
    nghttp2_session_set_stream_user_data(connection->session, call->stream_id, NULL);
    call->connection = NULL;
    if (call->stream_previous != NULL) {
        call->stream_previous->stream_next = call->stream_next;
    } else {
        connection->calls = call->stream_next;
    }
    if (call->stream_next != NULL) {
        call->stream_next->stream_previous = call->stream_previous;
    }
    --connection->streams;
    size_t unconsumed = pyr_call_take_unconsumed(call);
    if (unconsumed > 0) {
        /* Of the stream's window nothing is left; the connection's would shrink for good. */
        nghttp2_session_consume_connection(connection->session, unconsumed);
    }
    pyr_call_cancel(call); /* no more than a wake-up for a call that has ended well */
    pyr_call_release(call);
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t code,
                           void *user_data) {
    (void)session;
    (void)code;
    pyr_call *call = call_of(user_data, stream_id);
    if (call != NULL) {
        forget_call(user_data, call);
    }
    return 0;
}

/* Our side of the stream is over; a client that still sends is told that nobody reads. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user_data) {
    (void)user_data;
    if (frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                  NGHTTP2_NO_ERROR);
    }
    return 0;
}

/* ---- Opening and closing. ---- */

static bool make_session(pyr_http2_connection *connection) {
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(callbacks);
        return false;
    }
    nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, on_frame_length);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_outbound_ack(option, 1000);
    int result = nghttp2_session_server_new2(&connection->session, callbacks, connection, option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    if (result != 0) {
        return false;
    }
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 1 << 20},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADER_LIST_BYTES},
    };
    nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings,
                            sizeof(settings) / sizeof(settings[0]));
    nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0,
                                          4 * WINDOW_BYTES);
    return true;
}

pyr_http2_connection *pyr_http2_connection_open(pyr_http2_loop *loop, int fd) {
    pyr_http2_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        return NULL;
    }
    connection->loop = loop;
    connection->fd = fd;
    connection->opened_ns = connection->heard_ns = pyr_clock_monotonic_ns();
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};
    if (!make_session(connection) || epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        nghttp2_session_del(connection->session);
        free(connection);
        return NULL;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection->next = loop->connections;
    if (loop->connections != NULL) {
        loop->connections->previous = connection;
    }
    loop->connections = connection;
    return connection;
}

void pyr_http2_connection_close(pyr_http2_connection *connection) {
    pyr_http2_loop *loop = connection->loop;
    /* nghttp2_session_del does not report the streams it closes. */
    while (connection->calls != NULL) {
        forget_call(connection, connection->calls);
    }
    nghttp2_session_del(connection->session);
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    close(connection->fd);
    pyr_http2_output_deinit(&connection->output);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        loop->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    free(connection);
    pyr_http2_server_uncount_connection(loop->server);
}

/* ---- Moving bytes. ---- */

/* A mapped file was cut while its pages went out: the frame begun is filled up with zeros, and the
 * calls that send from it end with an error. */
static void fail_stream(void *context, const pyr_mapping *mapping, int32_t stream_id) {
    pyr_http2_connection *connection = context;
    pyr_call *call = call_of(connection, stream_id);
    if (call != NULL && !call->refused) {
        pyr_error error;
        (void)pyr_error_set(&error, PYR_ERROR_IO,
                            "%s was cut while it was sent; the result is incomplete",
                            pyr_mapping_path(mapping));
        pyr_log(PYR_LOG_WARNING, "flight", "%s", error.message);
        fail_call(connection, call, &error);
    }
}

static void want_write(pyr_http2_connection *connection, bool wanted) {
    if (connection->want_write != wanted) {
        connection->want_write = wanted;
        struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0),
                                    .data = {.ptr = connection}};
        epoll_ctl(connection->loop->epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
    }
}

/* The session is over: its calls end, what waits still goes out. */
static void begin_closing(pyr_http2_connection *connection) {
    connection->closing = true;
    connection->close_ns =
        pyr_clock_monotonic_ns() + connection->loop->server->options.linger_ms * NS_PER_MS;
    while (connection->calls != NULL) {
        forget_call(connection, connection->calls);
    }
}

bool pyr_http2_connection_write(pyr_http2_connection *connection) {
    for (;;) {
        if (!connection->closing && nghttp2_session_send(connection->session) != 0) {
            pyr_http2_connection_close(connection);
            return false;
        }
        size_t waiting = connection->output.bytes;
        pyr_http2_flush result = pyr_http2_output_flush(&connection->output, connection->fd);
        if (result == PYR_HTTP2_FLUSH_FAULT &&
            pyr_http2_output_replace_fault(&connection->output, fail_stream, connection)) {
            continue;
        }
        if (result == PYR_HTTP2_FLUSH_BLOCKED) {
            want_write(connection, true);
            return true;
        }
        if (result != PYR_HTTP2_FLUSH_DONE) {
            pyr_http2_connection_close(connection);
            return false;
        }
        if (waiting == 0) {
            break;
        }
    }
    want_write(connection, false);
    bool over = !nghttp2_session_want_read(connection->session) &&
                !nghttp2_session_want_write(connection->session);
    if (!connection->closing && (over || (connection->going_away && connection->streams == 0))) {
        begin_closing(connection);
    }
    if (connection->closing && !connection->lingering) {
        connection->lingering = true;
        shutdown(connection->fd, SHUT_WR);
    }
    return true;
}

/* Somebody who does not speak HTTP/2: a line they may understand, then the end. */
static void answer_http1(pyr_http2_connection *connection) {
    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\n"
        "Content-Type: text/plain\r\n"
        "Content-Length: 64\r\n"
        "Connection: close\r\n\r\n"
        "This port speaks gRPC (Arrow Flight) over HTTP/2, not HTTP/1.1.\n";
    pyr_http2_output_deinit(&connection->output); /* our SETTINGS, should they still wait */
    (void)!pyr_http2_output_copy(&connection->output, (const uint8_t *)answer, sizeof(answer) - 1);
    begin_closing(connection);
}

/* Bytes for the session. false: it is over. */
static bool take_bytes(pyr_http2_connection *connection, const uint8_t *bytes, size_t size_bytes) {
    connection->heard_ns = pyr_clock_monotonic_ns();
    connection->pinged = false;
    ssize_t taken = nghttp2_session_mem_recv(connection->session, bytes, size_bytes);
    if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        answer_http1(connection);
    } else if (taken < 0) {
        /* What nghttp2 has to say (GOAWAY with the reason) still goes out. */
        nghttp2_session_terminate_session(connection->session, taken == NGHTTP2_ERR_FLOODED
                                                                   ? NGHTTP2_ENHANCE_YOUR_CALM
                                                                   : NGHTTP2_INTERNAL_ERROR);
        (void)!nghttp2_session_send(connection->session);
        begin_closing(connection);
    }
    return taken >= 0;
}

bool pyr_http2_connection_read(pyr_http2_connection *connection) {
    static _Thread_local uint8_t bytes[READ_BYTES];
    for (int rounds = 0; rounds < 16; ++rounds) {
        ssize_t size = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            break;
        }
        if (size <= 0) {
            pyr_http2_connection_close(connection);
            return false;
        }
        bool goes_on = connection->closing || take_bytes(connection, bytes, (size_t)size);
        if (!goes_on || (size_t)size < sizeof(bytes)) {
            break;
        }
    }
    return pyr_http2_connection_write(connection);
}

void pyr_http2_connection_go_away(pyr_http2_connection *connection) {
    if (!connection->going_away && !connection->closing) {
        connection->going_away = true;
        nghttp2_submit_goaway(connection->session, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(connection->session),
                              NGHTTP2_NO_ERROR, NULL, 0);
    }
}

bool pyr_http2_connection_tick(pyr_http2_connection *connection, int64_t now_ns) {
    const pyr_http2_options *options = &connection->loop->server->options;
    int64_t silent_ms = (now_ns - connection->heard_ns) / NS_PER_MS;
    bool late =
        !connection->greeted && (now_ns - connection->opened_ns) / NS_PER_MS > options->greeting_ms;
    bool lost = connection->pinged && silent_ms > options->silence_ms + options->ping_answer_ms;
    if (late || lost || (connection->closing && now_ns > connection->close_ns)) {
        pyr_http2_connection_close(connection);
        return false;
    }
    if (connection->greeted && !connection->closing && !connection->pinged &&
        silent_ms > options->silence_ms) {
        connection->pinged = true;
        nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, NULL);
        return pyr_http2_connection_write(connection);
    }
    return true;
}
