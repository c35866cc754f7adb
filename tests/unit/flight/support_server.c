#include "support_server.h"

#include "flight/grpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void count(test_server *server, size_t *counter) {
    pthread_mutex_lock(&server->lock);
    ++*counter;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static pyr_status echo(pyr_call *call, pyr_error *error) {
    for (;;) {
        pyr_buffer *message = NULL;
        PYR_TRY(pyr_call_receive(call, &message, error));
        if (message == NULL) {
            return PYR_OK;
        }
        pyr_outgoing *outgoing = NULL;
        pyr_status status =
            pyr_outgoing_bytes(message->data, message->size_bytes, &outgoing, error);
        pyr_buffer_release(message);
        PYR_TRY(status);
        PYR_TRY(pyr_call_send(call, outgoing, error));
    }
}

static void note_cancel(void *context) {
    test_server *server = context;
    count(server, &server->cancelled);
}

static void wait_for_gate(test_server *server) {
    pthread_mutex_lock(&server->lock);
    while (!server->gate_open && server->cancelled == 0) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

static pyr_status pour(test_server *server, pyr_call *call, pyr_error *error) {
    static const uint8_t zeros[1 << 20];
    for (size_t sent = 0; sent < server->pour_bytes; sent += sizeof(zeros)) {
        pyr_outgoing *outgoing = NULL;
        PYR_TRY(pyr_outgoing_bytes(zeros, sizeof(zeros), &outgoing, error));
        PYR_TRY(pyr_call_send(call, outgoing, error));
    }
    return PYR_OK;
}

static pyr_status run(test_server *server, pyr_call *call, pyr_error *error) {
    const char *path = pyr_call_path(call);
    if (strcmp(path, TEST_PATH("echo")) == 0) {
        return echo(call, error);
    }
    if (strcmp(path, TEST_PATH("wait")) == 0) {
        pyr_call_on_cancel(call, note_cancel, server);
        wait_for_gate(server);
        pyr_call_on_cancel(call, NULL, NULL);
        return PYR_OK;
    }
    if (strcmp(path, TEST_PATH("pour")) == 0) {
        return pour(server, call, error);
    }
    if (strcmp(path, TEST_PATH("fail")) == 0) {
        return pyr_error_set(error, PYR_ERROR_CONFLICT, "50%% of \xC3\xA4ll rows");
    }
    if (strcmp(path, TEST_PATH("idle")) == 0) {
        return PYR_OK;
    }
    return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED, "%s is not implemented", path);
}

static void handle(void *context, pyr_call *call) {
    test_server *server = context;
    pyr_error error;
    count(server, &server->begun);
    pyr_status status = run(server, call, &error);
    pyr_call_finish(call, status == PYR_OK ? NULL : &error);
    count(server, &server->ended);
}

void test_server_start(test_server *server, const pyr_http2_options *options) {
    memset(server, 0, sizeof(*server));
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pyr_http2_options own = {0};
    if (options != NULL) {
        own = *options;
    }
    own.host = "127.0.0.1";
    own.loops = own.loops != 0 ? own.loops : 2;
    own.handle = handle;
    own.context = server;
    pyr_error error;
    if (pyr_http2_server_start(&own, &server->http2, &error) != PYR_OK) {
        fail_msg("%s", error.message);
    }
    server->port = pyr_http2_server_port(server->http2);
}

void test_server_stop(test_server *server) {
    test_server_open_gate(server);
    pyr_http2_server_stop(server->http2);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->changed);
}

void test_server_open_gate(test_server *server) {
    pthread_mutex_lock(&server->lock);
    server->gate_open = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static void wait_for(test_server *server, const size_t *counter, size_t wanted) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CLIENT_WAIT_MS / 1000;
    pthread_mutex_lock(&server->lock);
    int result = 0;
    while (*counter < wanted && result == 0) {
        result = pthread_cond_timedwait(&server->changed, &server->lock, &until);
    }
    size_t got = *counter;
    pthread_mutex_unlock(&server->lock);
    assert_true(got >= wanted);
}

void test_server_wait_begun(test_server *server, size_t wanted) {
    wait_for(server, &server->begun, wanted);
}

void test_server_wait_ended(test_server *server, size_t wanted) {
    wait_for(server, &server->ended, wanted);
}

void test_server_wait_cancelled(test_server *server, size_t wanted) {
    wait_for(server, &server->cancelled, wanted);
}

void test_server_check_alive(test_server *server) {
    client *c = client_open(server->port, 0);
    size_t index = client_call(c, TEST_PATH("echo"), "\0\0\0\0\2hi", 7, false, NULL);
    const client_stream *stream = client_finish(c, index, 0);
    assert_int_equal(stream->data_bytes, 7);
    assert_memory_equal(stream->data, "\0\0\0\0\2hi", 7);
    client_close(c);
}

uint8_t *test_message(size_t size_bytes, size_t *out_bytes) {
    uint8_t *message = calloc(1, size_bytes + PYR_GRPC_PREFIX_BYTES);
    assert_non_null(message);
    pyr_grpc_prefix(message, (uint32_t)size_bytes);
    for (size_t i = 0; i < size_bytes; ++i) {
        message[PYR_GRPC_PREFIX_BYTES + i] = (uint8_t)(i * 31 + i / 251);
    }
    *out_bytes = size_bytes + PYR_GRPC_PREFIX_BYTES;
    return message;
}
