/* support_server.h - the transport with a handler of the test's own, in this process. */
#ifndef PYR_TESTS_SUPPORT_SERVER_H
#define PYR_TESTS_SUPPORT_SERVER_H

#include "flight/http2_server.h"
#include "support_client.h"

#include <pthread.h>

/* What the handler does is in the path: "/echo" sends every message back; "/wait" waits for
 * test_server_open_gate or the end of the call; "/pour" sends `pour_bytes` in messages of 1 MiB;
 * "/fail" fails; "/idle" returns at once without a word. */
typedef struct test_server {
    pyr_http2_server *http2;
    uint16_t port;
    size_t pour_bytes;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    bool gate_open;
    size_t begun, ended, cancelled;
} test_server;

/* options NULL: the defaults, with two loops. */
void test_server_start(test_server *server, const pyr_http2_options *options);
void test_server_stop(test_server *server);
void test_server_open_gate(test_server *server);
/* Wait until so many calls have begun, ended, or seen their client go. */
void test_server_wait_begun(test_server *server, size_t count);
void test_server_wait_ended(test_server *server, size_t count);
void test_server_wait_cancelled(test_server *server, size_t count);
/* Another connection gets its echo: the server lives. */
void test_server_check_alive(test_server *server);

/* The transport's name for a handler's path. */
#define TEST_PATH(name) "/test/" name
/* A gRPC message of n bytes; the caller frees it. */
uint8_t *test_message(size_t size_bytes, size_t *out_bytes);

#endif
