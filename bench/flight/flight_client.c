/* flight_client.c - what a socket can carry, and what a C client gets of it. Each command prints
 * one JSON line: bytes and seconds.
 *
 *     flight_client raw FILE              a sender thread writes the mapped file to a loopback TCP
 *                                         connection, the receiver discards
 *     flight_client get PORT SQL          DoGet from 127.0.0.1:PORT, the messages are discarded
 *
 * Both receive into one reused buffer of the same size, so that the difference is the protocol's.
 */
#include "base/clock.h"
#include "base/mapping.h"
#include "flight/grpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BYTES ((size_t)1 << 20)
#define SEND_BYTES ((size_t)1 << 20) /* a write, as large as the server's flushes */
#define WINDOW_BYTES ((1 << 30) - 1)
#define FRAME_BYTES_MAX ((1 << 24) - 1) /* RFC 9113, "SETTINGS_MAX_FRAME_SIZE" */

static int complain(const char *what) {
    fprintf(stderr, "flight_client: %s: %s\n", what, strerror(errno));
    return 1;
}

static void print_result(int64_t bytes, int64_t started_ns) {
    printf("{\"bytes\": %" PRId64 ", \"seconds\": %.6f}\n", bytes,
           (double)(pyr_clock_monotonic_ns() - started_ns) / 1e9);
}

static int connect_to(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* ---- raw. ---- */

typedef struct sender {
    int listen_fd;
    const pyr_buffer *bytes;
    bool failed;
} sender;

static void *send_all(void *argument) {
    sender *self = argument;
    int fd = accept(self->listen_fd, NULL, NULL);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    size_t done = 0;
    while (fd >= 0 && done < self->bytes->size_bytes) {
        size_t left = self->bytes->size_bytes - done;
        ssize_t sent =
            send(fd, self->bytes->data + done, left < SEND_BYTES ? left : SEND_BYTES, MSG_NOSIGNAL);
        if (sent <= 0) {
            self->failed = true;
            break;
        }
        done += (size_t)sent;
    }
    self->failed = self->failed || fd < 0;
    close(fd);
    return NULL;
}

static int raw(const char *path) {
    pyr_error error;
    pyr_buffer *bytes = NULL;
    if (pyr_mapping_open(path, &bytes, &error) != PYR_OK) {
        fprintf(stderr, "flight_client: %s\n", error.message);
        return 1;
    }
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    sender self = {.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .bytes = bytes};
    pthread_t thread;
    if (self.listen_fd < 0 ||
        bind(self.listen_fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(self.listen_fd, 1) != 0 ||
        getsockname(self.listen_fd, (struct sockaddr *)&address, &length) != 0 ||
        pthread_create(&thread, NULL, send_all, &self) != 0) {
        return complain("listen");
    }
    uint8_t *buffer = malloc(RECEIVE_BYTES);
    int fd = buffer != NULL ? connect_to(ntohs(address.sin_port)) : -1;
    if (fd < 0) {
        return complain("connect");
    }
    int64_t started_ns = pyr_clock_monotonic_ns();
    int64_t total = 0;
    ssize_t got;
    while ((got = recv(fd, buffer, RECEIVE_BYTES, 0)) > 0) {
        total += got;
    }
    pthread_join(thread, NULL);
    print_result(total, started_ns);
    bool whole = !self.failed && total == (int64_t)bytes->size_bytes;
    close(fd);
    close(self.listen_fd);
    free(buffer);
    pyr_buffer_release(bytes);
    return whole ? 0 : complain("raw transfer");
}

/* ---- get. ---- */

typedef struct client {
    int fd;
    const uint8_t *request; /* one gRPC message */
    size_t request_bytes;
    size_t request_sent;
    int64_t received;
    int status; /* grpc-status, or -1 */
    bool closed;
} client;

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t length, int flags,
                       void *user_data) {
    (void)session;
    (void)flags;
    client *self = user_data;
    ssize_t sent = send(self->fd, data, length, MSG_NOSIGNAL);
    return sent > 0 ? sent : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static ssize_t on_request(nghttp2_session *session, int32_t stream_id, uint8_t *buffer,
                          size_t length, uint32_t *flags, nghttp2_data_source *source,
                          void *user_data) {
    (void)session;
    (void)stream_id;
    (void)source;
    client *self = user_data;
    size_t left = self->request_bytes - self->request_sent;
    size_t take = left < length ? left : length;
    memcpy(buffer, self->request + self->request_sent, take);
    self->request_sent += take;
    if (self->request_sent == self->request_bytes) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)take;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t length, void *user_data) {
    (void)session;
    (void)flags;
    (void)stream_id;
    (void)data;
    ((client *)user_data)->received += (int64_t)length;
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *user_data) {
    (void)session;
    (void)frame;
    (void)value_length;
    (void)flags;
    if (name_length == 11 && memcmp(name, "grpc-status", 11) == 0) {
        ((client *)user_data)->status = atoi((const char *)value);
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *user_data) {
    (void)session;
    (void)stream_id;
    (void)code;
    ((client *)user_data)->closed = true;
    return 0;
}

static nghttp2_session *open_session(client *self) {
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_session *session = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        return NULL;
    }
    nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    (void)!nghttp2_session_client_new(&session, callbacks, self);
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

static bool start_request(nghttp2_session *session) {
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES},
                                               {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, FRAME_BYTES_MAX}};
#define HEADER(name, value)                                                            \
    {                                                                                  \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1, \
            sizeof(value) - 1, NGHTTP2_NV_FLAG_NONE                                    \
    }
    const nghttp2_nv headers[] = {HEADER(":method", "POST"),
                                  HEADER(":scheme", "http"),
                                  HEADER(":authority", "localhost"),
                                  HEADER(":path", "/arrow.flight.protocol.FlightService/DoGet"),
                                  HEADER("te", "trailers"),
                                  HEADER("content-type", "application/grpc")};
#undef HEADER
    const nghttp2_data_provider provider = {.read_callback = on_request};
    return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 2) == 0 &&
           nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, WINDOW_BYTES) ==
               0 &&
           nghttp2_submit_request(session, NULL, headers, 6, &provider, NULL) > 0;
}

/* A Ticket (field 1, bytes) with the gRPC prefix in front. */
static size_t make_request(const char *sql, uint8_t *out, size_t size_bytes) {
    size_t length = strlen(sql);
    size_t at = PYR_GRPC_PREFIX_BYTES;
    if (length + 16 > size_bytes) {
        return 0;
    }
    out[at++] = 1 << 3 | 2;
    size_t rest = length;
    for (; rest >= 0x80; rest >>= 7) {
        out[at++] = (uint8_t)(rest | 0x80);
    }
    out[at++] = (uint8_t)rest;
    memcpy(out + at, sql, length);
    at += length;
    pyr_grpc_prefix(out, (uint32_t)(at - PYR_GRPC_PREFIX_BYTES));
    return at;
}

static int get(uint16_t port, const char *sql) {
    static uint8_t request[4096];
    client self = {.fd = connect_to(port), .request = request, .status = -1};
    self.request_bytes = make_request(sql, request, sizeof(request));
    nghttp2_session *session = open_session(&self);
    uint8_t *buffer = malloc(RECEIVE_BYTES);
    if (self.fd < 0 || session == NULL || buffer == NULL || self.request_bytes == 0 ||
        !start_request(session)) {
        return complain("connect");
    }
    int64_t started_ns = pyr_clock_monotonic_ns();
    bool well = true;
    while (well && !self.closed) {
        well = nghttp2_session_send(session) == 0;
        ssize_t got = well ? recv(self.fd, buffer, RECEIVE_BYTES, 0) : -1;
        well = got > 0 && nghttp2_session_mem_recv(session, buffer, (size_t)got) == got;
    }
    if (!self.closed || self.status != 0) {
        fprintf(stderr, "flight_client: the call ended with grpc-status %d\n", self.status);
        return 1;
    }
    print_result(self.received, started_ns);
    nghttp2_session_del(session);
    free(buffer);
    close(self.fd);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "raw") == 0) {
        return raw(argv[2]);
    }
    if (argc == 4 && strcmp(argv[1], "get") == 0) {
        return get((uint16_t)atoi(argv[2]), argv[3]);
    }
    fprintf(stderr, "usage: flight_client raw FILE | get PORT SQL\n");
    return 2;
}
