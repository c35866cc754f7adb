/* The transport towards well-behaved clients: calls, errors, limits, deadlines, flow control, the
 * end. A real server in this process, a real HTTP/2 session against it. */
#include "support_server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_call_gets_its_messages_status_and_headers(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    size_t index = client_call(c, TEST_PATH("echo"), "\0\0\0\0\3abc\0\0\0\0\0", 13, false, NULL);
    const client_stream *stream = client_finish(c, index, 0);
    assert_int_equal(stream->http_status, 200);
    assert_int_equal(stream->close_code, NGHTTP2_NO_ERROR);
    assert_string_equal(stream->accepts, "identity");
    assert_int_equal(stream->data_bytes, 13);
    assert_memory_equal(stream->data, "\0\0\0\0\3abc\0\0\0\0\0", 13);
    client_close(c);
    test_server_stop(&server);
}

static void a_call_without_messages_or_words_ends_well(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    const client_stream *stream =
        client_finish(c, client_call(c, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
    assert_int_equal(stream->data_bytes, 0);
    /* The client's side is still open: it is told that nobody reads. */
    stream = client_finish(c, client_call(c, TEST_PATH("idle"), NULL, 0, true, NULL), 0);
    assert_int_equal(stream->close_code, NGHTTP2_NO_ERROR);
    client_close(c);
    test_server_stop(&server);
}

static void an_error_travels_as_code_and_encoded_message(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    const client_stream *stream =
        client_finish(c, client_call(c, TEST_PATH("fail"), NULL, 0, false, NULL), 10);
    assert_string_equal(stream->message, "40001: 50%25 of %C3%A4ll rows");
    stream = client_finish(c, client_call(c, TEST_PATH("nothing"), NULL, 0, false, NULL), 12);
    assert_non_null(strstr(stream->message, "/test/nothing is not implemented"));
    client_close(c);
    test_server_stop(&server);
}

static void requests_that_are_not_grpc_are_answered_with_the_reason(void **state) {
    (void)state;
    static const struct {
        client_header header;
        int status;
        const char *message;
    } cases[] = {
        {{"content-type", "application/json"}, 12, "content-type"},
        {{"content-type", "application/grp"}, 12, "content-type"},
        {{"content-type", "application/grpcx"}, 12, "content-type"},
        {{"content-type", NULL}, 12, "content-type"},
        {{"content-type", "application/grpc+proto"}, 0, ""},
        {{"content-type", "application/grpc;x=1"}, 0, ""},
        {{":method", "GET"}, 12, "POST"},
        {{"grpc-encoding", "gzip"}, 12, "identity"},
        {{"grpc-encoding", "identity"}, 0, ""},
        {{"grpc-timeout", "soon"}, 3, "grpc-timeout"},
        {{"grpc-timeout", "1H"}, 0, ""},
        {{"grpc-timeout", "99999999H"}, 0, ""},
    };
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        client_header extra[2] = {cases[i].header, {NULL, NULL}};
        const client_stream *stream = client_finish(
            c, client_call(c, TEST_PATH("echo"), NULL, 0, false, extra), cases[i].status);
        assert_int_equal(stream->http_status, 200);
        assert_non_null(strstr(stream->message, cases[i].message));
        if (strcmp(cases[i].header.name, "grpc-encoding") == 0) {
            assert_string_equal(stream->accepts, "identity");
        }
    }
    char path[400];
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    client_finish(c, client_call(c, path, NULL, 0, false, NULL), 12);
    client_close(c);
    test_server_stop(&server);
}

static void a_compressed_message_is_refused(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    const client_stream *stream =
        client_finish(c, client_call(c, TEST_PATH("echo"), "\1\0\0\0\1x", 6, true, NULL), 12);
    assert_non_null(strstr(stream->message, "identity"));
    client_close(c);
    test_server_stop(&server);
}

static void a_message_above_the_limit_is_exhausted_and_the_connection_goes_on(void **state) {
    (void)state;
    test_server server;
    pyr_http2_options options = {.message_bytes_max = 1000};
    test_server_start(&server, &options);
    client *c = client_open(server.port, 0);
    size_t size;
    uint8_t *message = test_message(1001, &size);
    const client_stream *stream =
        client_finish(c, client_call(c, TEST_PATH("echo"), message, size, false, NULL), 8);
    assert_non_null(strstr(stream->message, "1001 bytes, the limit is 1000"));
    free(message);
    message = test_message(1000, &size);
    client_finish(c, client_call(c, TEST_PATH("echo"), message, size, false, NULL), 0);
    free(message);
    client_close(c);
    test_server_stop(&server);
}

static void what_all_clients_send_together_is_bounded(void **state) {
    (void)state;
    test_server server;
    pyr_http2_options options = {.receive_bytes_max = (size_t)40 << 20};
    test_server_start(&server, &options);
    client *c = client_open(server.port, 0);
    /* 32 MiB announced, one byte sent. */
    size_t first = client_call(c, TEST_PATH("echo"), "\0\2\0\0\0x", 6, true, NULL);
    test_server_wait_begun(&server, 1);
    client *other = client_open(server.port, 0);
    while (pyr_http2_server_usage(server.http2).receive_bytes == 0) {
        client_finish(other, client_call(other, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
    }
    client_finish(other, client_call(other, TEST_PATH("echo"), "\0\2\0\0\0x", 6, true, NULL), 8);
    client_reset(c, first);
    client_until(c, client_stream_closed, first);
    test_server_wait_ended(&server, 2);
    while (pyr_http2_server_usage(server.http2).receive_bytes > 0) {
        client_finish(c, client_call(c, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
    }
    client_close(other);
    client_close(c);
    test_server_stop(&server);
}

static void a_request_that_ends_inside_a_message_is_an_error(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    const client_stream *stream =
        client_finish(c, client_call(c, TEST_PATH("echo"), "\0\0\0\0\5hel", 8, false, NULL), 3);
    assert_non_null(strstr(stream->message, "ends inside a message"));
    client_finish(c, client_call(c, TEST_PATH("echo"), "\0\0", 2, false, NULL), 3);
    client_close(c);
    test_server_stop(&server);
}

static void a_deadline_ends_a_waiting_call(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    client_header extra[] = {{"grpc-timeout", "10m"}, {NULL, NULL}};
    client_finish(c, client_call(c, TEST_PATH("echo"), NULL, 0, true, extra), 4);
    extra[0].value = "0n";
    client_finish(c, client_call(c, TEST_PATH("echo"), NULL, 0, true, extra), 4);
    client_close(c);
    test_server_stop(&server);
}

static void a_reset_and_a_closed_connection_cancel_what_runs(void **state) {
    (void)state;
    for (int closes = 0; closes < 2; ++closes) {
        test_server server;
        test_server_start(&server, NULL);
        client *c = client_open(server.port, 0);
        size_t index = client_call(c, TEST_PATH("wait"), NULL, 0, true, NULL);
        test_server_wait_begun(&server, 1);
        if (closes) {
            client_close(c);
        } else {
            client_reset(c, index);
        }
        test_server_wait_cancelled(&server, 1);
        test_server_wait_ended(&server, 1);
        if (!closes) {
            client_finish(c, client_call(c, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
            client_close(c);
        }
        test_server_stop(&server);
    }
}

static void a_ping_is_answered_while_calls_run(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    client_call(c, TEST_PATH("wait"), NULL, 0, true, NULL);
    for (size_t i = 1; i <= 3; ++i) {
        nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL);
        client_until(c, client_has_pings, i);
    }
    client_close(c);
    test_server_stop(&server);
}

static void large_messages_travel_both_ways_whole(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    size_t size;
    uint8_t *message = test_message((size_t)20 << 20, &size);
    const client_stream *stream =
        client_finish(c, client_call(c, TEST_PATH("echo"), message, size, false, NULL), 0);
    assert_int_equal(stream->data_bytes, size);
    assert_memory_equal(stream->data, message, size);
    free(message);
    client_close(c);
    test_server_stop(&server);
}

static void tiny_windows_slow_a_stream_and_break_nothing(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 7);
    size_t size;
    uint8_t *message = test_message(2000, &size);
    client_stream *stream =
        &c->streams[client_call(c, TEST_PATH("echo"), message, size, false, NULL)];
    for (size_t granted = 7; granted < size; granted += 3) {
        client_until(c, client_first_stream_has, granted);
        assert_int_equal(stream->data_bytes, granted); /* and not a byte more */
        nghttp2_submit_window_update(c->session, NGHTTP2_FLAG_NONE, stream->id, 3);
    }
    client_until(c, client_stream_closed, 0);
    assert_int_equal(stream->grpc_status, 0);
    assert_int_equal(stream->data_bytes, size);
    assert_memory_equal(stream->data, message, size);
    free(message);
    client_close(c);
    test_server_stop(&server);
}

static void an_answer_without_messages_needs_no_window(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 7);
    nghttp2_settings_entry shut = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    assert_int_equal(nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, &shut, 1), 0);
    client_finish(c, client_call(c, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
    client_finish(c, client_call(c, TEST_PATH("fail"), NULL, 0, false, NULL), 10);
    client_close(c);
    test_server_stop(&server);
}

static void many_streams_of_one_connection_run_side_by_side(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    size_t size;
    uint8_t *message = test_message(100000, &size);
    for (size_t i = 0; i < 200; ++i) {
        client_call(c, TEST_PATH("echo"), message, size, false, NULL);
    }
    for (size_t i = 0; i < 200; ++i) {
        const client_stream *stream = client_finish(c, i, 0);
        assert_int_equal(stream->data_bytes, size);
        assert_memory_equal(stream->data, message, size);
    }
    free(message);
    client_close(c);
    test_server_stop(&server);
}

static void calls_above_the_limit_are_told_to_come_again(void **state) {
    (void)state;
    test_server server;
    pyr_http2_options options = {.calls_max = 2};
    test_server_start(&server, &options);
    client *c = client_open(server.port, 0);
    size_t one = client_call(c, TEST_PATH("wait"), NULL, 0, true, NULL);
    size_t two = client_call(c, TEST_PATH("wait"), NULL, 0, true, NULL);
    test_server_wait_begun(&server, 2);
    const client_stream *third =
        client_finish(c, client_call(c, TEST_PATH("idle"), NULL, 0, false, NULL), 8);
    assert_non_null(strstr(third->message, "2 calls are running"));
    test_server_open_gate(&server);
    client_finish(c, one, 0);
    client_finish(c, two, 0);
    client_close(c);
    test_server_stop(&server);
}

static void connections_above_the_limit_are_closed_until_one_goes(void **state) {
    (void)state;
    test_server server;
    pyr_http2_options options = {.connections_max = 2};
    test_server_start(&server, &options);
    client *one = client_open(server.port, 0);
    client *two = client_open(server.port, 0);
    client_finish(one, client_call(one, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
    client_finish(two, client_call(two, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
    int third = raw_connect(server.port);
    char spill[64];
    assert_int_equal(raw_read_all(third, spill, sizeof(spill)), 0);
    close(third);
    client_close(two);
    while (pyr_http2_server_usage(server.http2).connections > 1) {
        client_finish(one, client_call(one, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
    }
    test_server_check_alive(&server);
    client_close(one);
    test_server_stop(&server);
}

static void a_drain_says_goaway_and_lets_running_calls_finish(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    server.pour_bytes = (size_t)30 << 20;
    client *idle = client_open(server.port, 0);
    client_finish(idle, client_call(idle, TEST_PATH("idle"), NULL, 0, false, NULL), 0);
    client *c = client_open(server.port, 0);
    size_t waiting = client_call(c, TEST_PATH("wait"), NULL, 0, true, NULL);
    client *slow = client_open(server.port, 0);
    size_t pouring = client_call(slow, TEST_PATH("pour"), NULL, 0, false, NULL);
    test_server_wait_begun(&server, 3);
    pyr_http2_server_drain(server.http2);
    client_until(idle, client_is_going_away, 0);
    client_until(idle, client_has_ended, 0);
    client_close(idle);
    client_until(c, client_is_going_away, 0);
    assert_int_equal(c->goaway_code, NGHTTP2_NO_ERROR);
    assert_false(pyr_http2_server_wait_idle(server.http2, 1));
    test_server_open_gate(&server);
    client_finish(c, waiting, 0);
    client_until(c, client_has_ended, 0);
    client_close(c);
    /* Its handler may long be done: the server is not idle before the client has it all. */
    test_server_wait_ended(&server, 2);
    assert_false(pyr_http2_server_wait_idle(server.http2, 1));
    const client_stream *stream = client_finish(slow, pouring, 0);
    assert_int_equal(stream->data_bytes, server.pour_bytes / (1 << 20) * ((1 << 20) + 5));
    client_until(slow, client_has_ended, 0);
    client_close(slow);
    assert_true(pyr_http2_server_wait_idle(server.http2, CLIENT_WAIT_MS));
    test_server_stop(&server);
}

static void stopping_cancels_what_runs(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    client *c = client_open(server.port, 0);
    client_call(c, TEST_PATH("echo"), NULL, 0, true, NULL);
    test_server_wait_begun(&server, 1);
    pyr_http2_server_stop(server.http2);
    server.http2 = NULL;
    assert_int_equal(server.ended, 1);
    client_until(c, client_has_ended, 0);
    client_close(c);
    test_server_stop(&server);
}

static void an_address_that_cannot_be_had_is_an_error(void **state) {
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    pyr_http2_server *second = NULL;
    pyr_error error;
    pyr_http2_options options = {.host = "127.0.0.1", .port = server.port, .loops = 1};
    assert_int_equal(pyr_http2_server_start(&options, &second, &error), PYR_ERROR_BUSY);
    assert_non_null(strstr(error.message, "is in use"));
    assert_null(second);
    options.host = "localhost";
    assert_int_equal(pyr_http2_server_start(&options, &second, &error), PYR_ERROR_INVALID_ARGUMENT);
    options.host = "192.0.2.1"; /* nobody's */
    assert_int_equal(pyr_http2_server_start(&options, &second, &error), PYR_ERROR_IO);
    test_server_stop(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_gets_its_messages_status_and_headers),
        cmocka_unit_test(a_call_without_messages_or_words_ends_well),
        cmocka_unit_test(an_error_travels_as_code_and_encoded_message),
        cmocka_unit_test(requests_that_are_not_grpc_are_answered_with_the_reason),
        cmocka_unit_test(a_compressed_message_is_refused),
        cmocka_unit_test(a_message_above_the_limit_is_exhausted_and_the_connection_goes_on),
        cmocka_unit_test(what_all_clients_send_together_is_bounded),
        cmocka_unit_test(a_request_that_ends_inside_a_message_is_an_error),
        cmocka_unit_test(a_deadline_ends_a_waiting_call),
        cmocka_unit_test(a_reset_and_a_closed_connection_cancel_what_runs),
        cmocka_unit_test(a_ping_is_answered_while_calls_run),
        cmocka_unit_test(large_messages_travel_both_ways_whole),
        cmocka_unit_test(tiny_windows_slow_a_stream_and_break_nothing),
        cmocka_unit_test(an_answer_without_messages_needs_no_window),
        cmocka_unit_test(many_streams_of_one_connection_run_side_by_side),
        cmocka_unit_test(calls_above_the_limit_are_told_to_come_again),
        cmocka_unit_test(connections_above_the_limit_are_closed_until_one_goes),
        cmocka_unit_test(a_drain_says_goaway_and_lets_running_calls_finish),
        cmocka_unit_test(stopping_cancels_what_runs),
        cmocka_unit_test(an_address_that_cannot_be_had_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
