#include "support_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADERS_MAX 64

int raw_connect(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &address.sin_addr), 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void raw_send(int fd, const void *bytes, size_t size_bytes) {
    const uint8_t *from = bytes;
    while (size_bytes > 0) {
        ssize_t sent = send(fd, from, size_bytes, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
            return; /* the server has had enough */
        }
        assert_true(sent > 0);
        from += sent;
        size_bytes -= (size_t)sent;
    }
}

static void wait_readable(int fd, short events) {
    struct pollfd poller = {.fd = fd, .events = events};
    assert_int_equal(poll(&poller, 1, CLIENT_WAIT_MS), 1);
}

size_t raw_read_all(int fd, char *to, size_t size) {
    size_t got = 0;
    for (;;) {
        char spill[4096];
        wait_readable(fd, POLLIN);
        ssize_t n =
            recv(fd, got < size ? to + got : spill, got < size ? size - got : sizeof(spill), 0);
        if (n <= 0) {
            return got;
        }
        got += got < size ? (size_t)n : 0;
    }
}

/* ---- The session. ---- */

static client_stream *find(client *c, int32_t id) {
    for (size_t i = 0; i < c->streams_count; ++i) {
        if (c->streams[i].id == id) {
            return &c->streams[i];
        }
    }
    return NULL;
}

static void keep(char *to, size_t size, const uint8_t *value, size_t length) {
    length = length < size ? length : size - 1;
    memcpy(to, value, length);
    to[length] = '\0';
}

static bool is(const uint8_t *name, size_t length, const char *text) {
    return length == strlen(text) && memcmp(name, text, length) == 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *user_data) {
    (void)session;
    (void)flags;
    client_stream *stream = find(user_data, frame->hd.stream_id);
    char text[16];
    keep(text, sizeof(text), value, value_length);
    if (stream == NULL) {
        return 0;
    }
    if (is(name, name_length, ":status")) {
        stream->http_status = atoi(text);
    } else if (is(name, name_length, "grpc-status")) {
        stream->grpc_status = atoi(text);
    } else if (is(name, name_length, "grpc-message")) {
        keep(stream->message, sizeof(stream->message), value, value_length);
    } else if (is(name, name_length, "pyralog-ledger")) {
        keep(stream->ledger, sizeof(stream->ledger), value, value_length);
    } else if (is(name, name_length, "grpc-accept-encoding")) {
        keep(stream->accepts, sizeof(stream->accepts), value, value_length);
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t length, void *user_data) {
    (void)session;
    (void)flags;
    client_stream *stream = find(user_data, id);
    if (stream != NULL) {
        while (stream->data_bytes + length > stream->capacity) {
            stream->capacity = stream->capacity > 0 ? stream->capacity * 2 : 4096;
            stream->data = realloc(stream->data, stream->capacity);
            assert_non_null(stream->data);
        }
        memcpy(stream->data + stream->data_bytes, data, length);
        stream->data_bytes += length;
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user_data) {
    (void)session;
    client_stream *stream = find(user_data, id);
    if (stream != NULL) {
        stream->closed = true;
        stream->close_code = code;
    }
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data) {
    (void)session;
    client *c = user_data;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        c->goaway = true;
        c->goaway_code = frame->goaway.error_code;
    } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        ++c->ping_answers;
    }
    return 0;
}

client *client_open(uint16_t port, uint32_t window_bytes) {
    client *c = calloc(1, sizeof(*c));
    assert_non_null(c);
    c->streams = calloc(CLIENT_STREAMS_MAX, sizeof(*c->streams));
    assert_non_null(c->streams);
    c->fd = raw_connect(port);
    c->manual_window = window_bytes != 0;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    assert_int_equal(nghttp2_option_new(&option), 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_option_set_no_auto_window_update(option, c->manual_window);
    nghttp2_option_set_max_send_header_block_length(option, 1 << 20);
    nghttp2_option_set_peer_max_concurrent_streams(option, CLIENT_STREAMS_MAX);
    assert_int_equal(nghttp2_session_client_new2(&c->session, callbacks, c, option), 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                     window_bytes != 0 ? window_bytes : 16 << 20};
    assert_int_equal(nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, &window, 1), 0);
    if (!c->manual_window) {
        nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, 64 << 20);
    }
    client_flush(c);
    return c;
}

void client_close(client *c) {
    nghttp2_session_del(c->session);
    close(c->fd);
    for (size_t i = 0; i < c->streams_count; ++i) {
        free(c->streams[i].data);
    }
    free(c->streams);
    free(c);
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *user_data) {
    (void)session;
    (void)id;
    client *c = user_data;
    client_stream *stream = &c->streams[(size_t)source->fd];
    size_t left = stream->body_bytes - stream->body_sent;
    size_t take = left < length ? left : length;
    if (take == 0 && stream->body_open) {
        return NGHTTP2_ERR_DEFERRED;
    }
    if (take > 0) {
        memcpy(to, stream->body + stream->body_sent, take);
    }
    stream->body_sent += take;
    if (stream->body_sent == stream->body_bytes && !stream->body_open) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)take;
}

static size_t add(nghttp2_nv *headers, size_t count, const char *name, const char *value) {
    headers[count] = (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
                                  strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
    return count + 1;
}

size_t client_call(client *c, const char *path, const void *body, size_t body_bytes, bool body_open,
                   const client_header *extra) {
    const client_header usual[] = {{":method", "POST"},
                                   {":scheme", "http"},
                                   {":path", path},
                                   {":authority", "127.0.0.1"},
                                   {"content-type", "application/grpc"},
                                   {"te", "trailers"}};
    nghttp2_nv headers[HEADERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); ++i) {
        const char *value = usual[i].value;
        for (const client_header *h = extra; h != NULL && h->name != NULL; ++h) {
            value = strcmp(h->name, usual[i].name) == 0 ? h->value : value;
        }
        if (value != NULL) {
            count = add(headers, count, usual[i].name, value);
        }
    }
    for (const client_header *h = extra; h != NULL && h->name != NULL; ++h) {
        bool replaced = false;
        for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); ++i) {
            replaced |= strcmp(h->name, usual[i].name) == 0;
        }
        if (!replaced) {
            assert_true(count < HEADERS_MAX);
            count = add(headers, count, h->name, h->value);
        }
    }
    assert_true(c->streams_count < CLIENT_STREAMS_MAX);
    size_t index = c->streams_count++;
    client_stream *stream = &c->streams[index];
    *stream = (client_stream){
        .grpc_status = -1, .body = body, .body_bytes = body_bytes, .body_open = body_open};
    nghttp2_data_provider provider = {.source = {.fd = (int)index}, .read_callback = read_body};
    stream->id = nghttp2_submit_request(c->session, NULL, headers, count, &provider, NULL);
    assert_true(stream->id > 0);
    client_flush(c);
    return index;
}

/* ---- Moving bytes. ---- */

void client_flush(client *c) {
    for (;;) {
        const uint8_t *bytes;
        ssize_t size = nghttp2_session_mem_send(c->session, &bytes);
        assert_true(size >= 0);
        if (size == 0) {
            return;
        }
        raw_send(c->fd, bytes, (size_t)size);
    }
}

void client_until(client *c, bool (*done)(const client *c, size_t argument), size_t argument) {
    static uint8_t bytes[1 << 16];
    client_flush(c);
    while (!done(c, argument)) {
        if (c->ended) {
            fail_msg("the server closed the connection (GOAWAY: %d)", (int)c->goaway_code);
        }
        wait_readable(c->fd, POLLIN);
        ssize_t size = recv(c->fd, bytes, sizeof(bytes), 0);
        if (size <= 0) {
            c->ended = true;
            continue;
        }
        assert_true(nghttp2_session_mem_recv(c->session, bytes, (size_t)size) == size);
        client_flush(c);
    }
}

bool client_stream_closed(const client *c, size_t index) {
    return c->streams[index].closed;
}

bool client_stream_has_data(const client *c, size_t index) {
    return c->streams[index].data_bytes > 0;
}

bool client_first_stream_has(const client *c, size_t size_bytes) {
    return c->streams[0].data_bytes >= size_bytes;
}

bool client_has_ended(const client *c, size_t ignored) {
    (void)ignored;
    return c->ended;
}

bool client_is_going_away(const client *c, size_t ignored) {
    (void)ignored;
    return c->goaway;
}

bool client_has_pings(const client *c, size_t count) {
    return c->ping_answers >= (int)count;
}

const client_stream *client_finish(client *c, size_t index, int grpc_status) {
    client_until(c, client_stream_closed, index);
    const client_stream *stream = &c->streams[index];
    if (stream->grpc_status != grpc_status) {
        fail_msg("stream %d: grpc-status %d wanted, got %d: %s (closed with %u)", stream->id,
                 grpc_status, stream->grpc_status, stream->message, stream->close_code);
    }
    return stream;
}

void client_reset(client *c, size_t index) {
    nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, c->streams[index].id, NGHTTP2_CANCEL);
    client_flush(c);
}
