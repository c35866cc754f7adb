/* The transport towards everybody else: garbage, HTTP/1.1, silence, floods, clients that do not
 * read. After each the server still answers, and holds nothing. */
#include "support_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
static const char settings_frame[] = "\0\0\0\4\0\0\0\0\0";

static void frame(int fd, size_t length, uint8_t type, uint8_t flags, uint32_t stream,
                  const void *payload) {
    uint8_t head[9] = {(uint8_t)(length >> 16),
                       (uint8_t)(length >> 8),
                       (uint8_t)length,
                       type,
                       flags,
                       (uint8_t)(stream >> 24),
                       (uint8_t)(stream >> 16),
                       (uint8_t)(stream >> 8),
                       (uint8_t)stream};
    raw_send(fd, head, sizeof(head));
    raw_send(fd, payload, length);
}

static int greeted(uint16_t port) {
    int fd = raw_connect(port);
    raw_send(fd, preface, sizeof(preface) - 1);
    raw_send(fd, settings_frame, sizeof(settings_frame) - 1);
    return fd;
}

/* Waits until the server holds nothing but what the test itself has open. */
static void wait_connections(test_server *server, size_t wanted) {
    client *c = client_open(server->port, 0);
    while (pyr_http2_server_usage(server->http2).connections > wanted + 1) {
        client_finish(c, client_call(c, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
    }
    client_close(c);
}

static void an_http1_client_is_told_what_this_port_is(void **state) {
    (void)state;
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /arrow.flight.protocol.FlightService/DoGet HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        "PRI * HTTP/1.1\r\n\r\n",
    };
    test_server server;
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); ++i) {
        int fd = raw_connect(server.port);
        raw_send(fd, requests[i], strlen(requests[i]));
        char got[4096] = {0};
        raw_read_all(fd, got, sizeof(got) - 1);
        /* Our SETTINGS went out before the client had said anything. */
        char *answer = memmem(got, sizeof(got), "HTTP/1.1 400 ", 13);
        assert_non_null(answer);
        char *length = strstr(answer, "Content-Length: ");
        char *body = strstr(answer, "\r\n\r\n");
        assert_non_null(length);
        assert_non_null(body);
        assert_non_null(strstr(body, "gRPC"));
        assert_int_equal(strlen(body + 4), atoi(length + 16));
        close(fd);
    }
    test_server_check_alive(&server);
    test_server_stop(&server);
}

static void the_answer_survives_a_client_that_still_sends(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    int fd = raw_connect(server.port);
    static const char request[] = "POST / HTTP/1.1\r\nContent-Length: 4194304\r\n\r\n";
    raw_send(fd, request, sizeof(request) - 1);
    size_t size = (size_t)4 << 20;
    char *body = calloc(1, size);
    assert_non_null(body);
    raw_send(fd, body, size); /* a close with these unread would be a reset */
    free(body);
    char got[4096] = {0};
    raw_read_all(fd, got, sizeof(got) - 1);
    assert_non_null(memmem(got, sizeof(got), "not HTTP/1.1", 12));
    close(fd);
    test_server_stop(&server);
}

static void garbage_ends_its_connection_only(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    uint32_t seed = 12345;
    for (int round = 0; round < 100; ++round) {
        uint8_t bytes[500];
        for (size_t i = 0; i < sizeof(bytes); ++i) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        int fd = round % 2 == 0 ? raw_connect(server.port) : greeted(server.port);
        raw_send(fd, bytes, sizeof(bytes));
        shutdown(fd, SHUT_WR);
        char spill[64];
        raw_read_all(fd, spill, sizeof(spill));
        close(fd);
    }
    wait_connections(&server, 0);
    test_server_check_alive(&server);
    test_server_stop(&server);
}

static void silence_before_the_greeting_ends_the_connection(void **state) {
    (void)state;
    test_server server;
    pyr_http2_options options = {.greeting_ms = 50};
    test_server_start(&server, &options);
    static const size_t sent[] = {0, 10, sizeof(preface) - 1};
    for (size_t i = 0; i < 3; ++i) {
        int fd = raw_connect(server.port);
        raw_send(fd, preface, sent[i]);
        char spill[256];
        raw_read_all(fd, spill, sizeof(spill));
        close(fd);
    }
    test_server_check_alive(&server);
    test_server_stop(&server);
}

static void a_silent_client_is_pinged_and_then_let_go(void **state) {
    (void)state;
    test_server server;
    pyr_http2_options options = {.silence_ms = 30, .ping_answer_ms = 30};
    test_server_start(&server, &options);
    int fd = greeted(server.port);
    char got[1024] = {0};
    size_t size = raw_read_all(fd, got, sizeof(got));
    assert_non_null(memmem(got, size, "\0\0\x08\6\0\0\0\0\0", 9)); /* the PING */
    close(fd);
    test_server_stop(&server);
}

static void a_client_that_answers_pings_may_stay_silent(void **state) {
    (void)state;
    test_server server;
    pyr_http2_options options = {.silence_ms = 10, .ping_answer_ms = 20000};
    test_server_start(&server, &options);
    int fd = greeted(server.port);
    /* Answers five PINGs: nothing else is ever said. */
    char got[65536];
    size_t size = 0;
    size_t looked = 0;
    for (int answered = 0; answered < 5;) {
        ssize_t n = recv(fd, got + size, sizeof(got) - size, 0);
        assert_true(n > 0);
        size += (size_t)n;
        char *ping = memmem(got + looked, size - looked, "\0\0\x08\6\0\0\0\0\0", 9);
        if (ping != NULL && ping + 17 <= got + size) {
            frame(fd, 8, 6, 1, 0, ping + 9);
            looked = (size_t)(ping - got) + 17;
            ++answered;
        }
    }
    close(fd);
    test_server_stop(&server);
}

static void headers_above_the_limit_are_refused(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    char *large = malloc(30001);
    assert_non_null(large);
    memset(large, 'x', 30000);
    large[30000] = '\0';
    client_header extra[] = {{"x-one", large}, {"x-two", large}, {NULL, NULL}, {NULL, NULL}};
    client_finish(c, client_call(c, TEST_PATH("idle"), NULL, 0, false, extra), 0);
    extra[2] = (client_header){"x-three", large};
    const client_stream *stream =
        client_finish(c, client_call(c, TEST_PATH("idle"), NULL, 0, false, extra), 8);
    assert_non_null(strstr(stream->message, "64 KiB"));
    free(large);
    client_close(c);
    test_server_stop(&server);
}

/* One byte each names a header of 4 KB in the table: the list grows a thousand times faster than
 * the bytes sent. */
static void a_header_bomb_ends_the_connection(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    int fd = greeted(server.port);
    static uint8_t block[16384];
    size_t at = 0;
    block[at++] = 0x83;                             /* :method POST */
    block[at++] = 0x86;                             /* :scheme http */
    block[at++] = 0x84;                             /* :path / */
    memcpy(block + at, "\x40\x01x\x7f\x81\x1e", 6); /* x: 4,000 bytes, into the table */
    at += 6;
    memset(block + at, 'v', 4000);
    at += 4000;
    memset(block + at, 0xBE, sizeof(block) - at); /* the newest entry, again and again */
    frame(fd, sizeof(block), 1, 4, 1, block);
    char spill[1024];
    raw_read_all(fd, spill, sizeof(spill));
    close(fd);
    test_server_check_alive(&server);
    assert_int_equal(server.begun, 1); /* the check's own */
    test_server_stop(&server);
}

static void a_continuation_flood_ends_the_connection(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    int fd = greeted(server.port);
    static uint8_t block[4096];
    /* Literals without indexing, "x: y", for ever. */
    for (size_t i = 0; i < sizeof(block); i += 4) {
        memcpy(block + i, "\0\1xy", 4);
        block[i + 2] = 1;
        block[i + 1] = 1;
        block[i + 3] = 'y';
    }
    static const uint8_t literal[] = {0x00, 1, 'x', 1, 'y'};
    size_t used = sizeof(block) / sizeof(literal) * sizeof(literal);
    for (size_t i = 0; i < used; i += sizeof(literal)) {
        memcpy(block + i, literal, sizeof(literal));
    }
    frame(fd, 3, 1, 0, 1, "\x83\x86\x84");
    for (int i = 0; i < 3000; ++i) {
        frame(fd, used, 9, 0, 1, block);
    }
    char spill[1024];
    raw_read_all(fd, spill, sizeof(spill));
    close(fd);
    test_server_check_alive(&server);
    test_server_stop(&server);
}

/* CVE-2023-44487. */
static void rapid_resets_end_the_connection(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    int fd = greeted(server.port);
    /* :method POST, :scheme http, :path /test/wait, content-type application/grpc */
    static const uint8_t block[] = "\x83\x86\x04\x0A/test/wait\x0F\x10\x10"
                                   "application/grpc";
    for (uint32_t i = 0; i < 20000; ++i) {
        frame(fd, sizeof(block) - 1, 1, 4, 2 * i + 1, block);
        frame(fd, 4, 3, 0, 2 * i + 1, "\0\0\0\x08");
    }
    char spill[1024];
    raw_read_all(fd, spill, sizeof(spill)); /* comes back only when the server closes */
    close(fd);
    test_server_open_gate(&server);
    test_server_check_alive(&server);
    test_server_stop(&server);
}

/* Floods from a client that reads nothing: the answers must not pile up. */
static void flood(uint8_t type, size_t length, const void *payload) {
    test_server server;
    test_server_start(&server, NULL);
    int fd = greeted(server.port);
    int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    struct timeval patience = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    uint8_t many[17 * 1000];
    size_t size = 9 + length;
    for (size_t i = 0; i < 1000; ++i) {
        uint8_t head[9] = {0, 0, (uint8_t)length, type, 0, 0, 0, 0, 0};
        memcpy(many + i * size, head, 9);
        memcpy(many + i * size + 9, payload, length);
    }
    for (int i = 0; i < 1000; ++i) {
        if (send(fd, many, size * 1000, MSG_NOSIGNAL) < 0) {
            break;
        }
    }
    char spill[1024];
    raw_read_all(fd, spill, sizeof(spill));
    close(fd);
    test_server_check_alive(&server);
    test_server_stop(&server);
}

static void a_ping_flood_ends_the_connection(void **state) {
    (void)state;
    flood(6, 8, "abcdefgh");
}

static void a_settings_flood_ends_the_connection(void **state) {
    (void)state;
    flood(4, 0, "");
}

/* ---- Clients that do not read. ---- */

static size_t anonymous_bytes(void) {
    FILE *file = fopen("/proc/self/status", "r");
    assert_non_null(file);
    char line[256];
    size_t kib = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "RssAnon: %zu kB", &kib) == 1) {
            break;
        }
    }
    fclose(file);
    return kib * 1024;
}

static void clients_that_do_not_read_cost_little_and_hinder_nobody(void **state) {
    (void)state;
    test_server server;
    pyr_http2_options options = {.loops = 1};
    test_server_start(&server, &options);
    server.pour_bytes = (size_t)2 << 30;
    test_server_check_alive(&server);
    size_t before = anonymous_bytes();
    client *stuck[4];
    for (size_t i = 0; i < 4; ++i) {
        /* A window that never shuts: only the socket stands in the way. */
        stuck[i] = client_open(server.port, (1U << 31) - 1);
        nghttp2_submit_window_update(stuck[i]->session, NGHTTP2_FLAG_NONE, 0, 1 << 30);
        client_call(stuck[i], TEST_PATH("pour"), NULL, 0, false, NULL);
    }
    /* Others are served meanwhile, for as long as it takes to pour 200 MB past them. */
    server.pour_bytes = (size_t)20 << 20;
    for (int i = 0; i < 10; ++i) {
        client *c = client_open(server.port, 0);
        client_finish(c, client_call(c, TEST_PATH("pour"), NULL, 0, false, NULL), 0);
        client_close(c);
        test_server_check_alive(&server);
    }
    /* 8 MiB in the queue, 4 MiB in the output, a message each, and what the sanitizer keeps. */
    size_t grown = anonymous_bytes() - before;
    assert_true(grown < (size_t)400 << 20);
    for (size_t i = 0; i < 4; ++i) {
        client_close(stuck[i]);
    }
    test_server_wait_ended(&server, 4);
    test_server_stop(&server);
}

/* ---- Out of descriptors. ---- */

static void without_descriptors_the_server_waits_and_comes_back(void **state) {
    (void)state;
    test_server server;
    pyr_http2_options options = {.loops = 1, .linger_ms = 20};
    test_server_start(&server, &options);
    client *before = client_open(server.port, 0);
    client_finish(before, client_call(before, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
    struct rlimit saved;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
    client *waiting = NULL;
    int lowest = dup(0);
    assert_true(lowest >= 0);
    close(lowest);
    /* Room for the client's own end alone. */
    struct rlimit tight = {.rlim_cur = (rlim_t)lowest + 1, .rlim_max = saved.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    waiting = client_open(server.port, 0);
    size_t index = client_call(waiting, TEST_PATH("idle"), NULL, 0, false, NULL);
    /* The server's thread still serves, and does not spin: its CPU time hardly moves. */
    for (int i = 0; i < 20; ++i) {
        client_finish(before, client_call(before, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
    }
    assert_false(waiting->streams[index].closed);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
    client_finish(waiting, index, 0);
    client_close(waiting);
    client_close(before);
    test_server_stop(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_http1_client_is_told_what_this_port_is),
        cmocka_unit_test(the_answer_survives_a_client_that_still_sends),
        cmocka_unit_test(garbage_ends_its_connection_only),
        cmocka_unit_test(silence_before_the_greeting_ends_the_connection),
        cmocka_unit_test(a_silent_client_is_pinged_and_then_let_go),
        cmocka_unit_test(a_client_that_answers_pings_may_stay_silent),
        cmocka_unit_test(headers_above_the_limit_are_refused),
        cmocka_unit_test(a_header_bomb_ends_the_connection),
        cmocka_unit_test(a_continuation_flood_ends_the_connection),
        cmocka_unit_test(rapid_resets_end_the_connection),
        cmocka_unit_test(a_ping_flood_ends_the_connection),
        cmocka_unit_test(a_settings_flood_ends_the_connection),
        cmocka_unit_test(clients_that_do_not_read_cost_little_and_hinder_nobody),
        cmocka_unit_test(without_descriptors_the_server_waits_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
