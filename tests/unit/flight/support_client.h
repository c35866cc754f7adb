/* support_client.h - an HTTP/2 client for tests: an nghttp2 session over a blocking socket, driven
 * by the test's own thread, that can also be made to misbehave. */
#ifndef PYR_TESTS_SUPPORT_CLIENT_H
#define PYR_TESTS_SUPPORT_CLIENT_H

#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CLIENT_STREAMS_MAX 4096
#define CLIENT_WAIT_MS 30000 /* for what must come; never waited for in full */

typedef struct client_stream {
    int32_t id;
    int http_status;    /* 0: no headers yet */
    int grpc_status;    /* -1: none yet */
    char message[2048]; /* grpc-message as it came */
    char ledger[2048];  /* the trailer pyralog-ledger */
    char accepts[64];   /* grpc-accept-encoding */
    bool closed;
    uint32_t close_code;
    uint8_t *data; /* everything received, prefixes included */
    size_t data_bytes, capacity;
    const uint8_t *body; /* to send */
    size_t body_bytes, body_sent;
    bool body_open; /* no END_STREAM behind the body */
} client_stream;

typedef struct client {
    int fd;
    nghttp2_session *session;
    client_stream *streams;
    size_t streams_count;
    bool manual_window; /* windows are opened by the test alone */
    bool goaway;
    uint32_t goaway_code;
    int ping_answers;
    bool ended; /* the server closed */
} client;

/* A connected socket to 127.0.0.1. */
int raw_connect(uint16_t port);
void raw_send(int fd, const void *bytes, size_t size_bytes);
/* Reads until the server closes (a reset counts), at most `size` bytes kept; gives how many came.
 * Fails the test when it does not close. */
size_t raw_read_all(int fd, char *to, size_t size);

/* Connects and sends preface and SETTINGS with the given stream window (0: 16 MiB). */
client *client_open(uint16_t port, uint32_t window_bytes);
void client_close(client *c);

typedef struct client_header {
    const char *name, *value; /* replaces a default of the same name; value NULL removes it */
} client_header;
/* Begins a call. body: sent as it is (gRPC prefix included), borrowed until sent. extra ends with a
 * NULL name; NULL: none. Gives the stream's index. */
size_t client_call(client *c, const char *path, const void *body, size_t body_bytes, bool body_open,
                   const client_header *extra);
/* Sends what is queued without reading: also towards a server that does not answer. */
void client_flush(client *c);
/* Moves bytes until done(c, argument), failing after CLIENT_WAIT_MS or when the connection ends
 * without it being so. */
void client_until(client *c, bool (*done)(const client *c, size_t argument), size_t argument);
bool client_stream_closed(const client *c, size_t index);
bool client_stream_has_data(const client *c, size_t index);
bool client_first_stream_has(const client *c, size_t size_bytes);
bool client_has_ended(const client *c, size_t ignored);
bool client_is_going_away(const client *c, size_t ignored);
bool client_has_pings(const client *c, size_t count);
/* Until the stream is closed; checks its grpc-status. Gives the stream. */
const client_stream *client_finish(client *c, size_t index, int grpc_status);
void client_reset(client *c, size_t index);

#endif
