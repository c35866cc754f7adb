/* The Flight methods over a real database: requests as their bytes, cancelled and timed-out
 * statements, the ledger of a remote query. */
#include "flight/flight_data.h"
#include "flight/grpc.h"
#include "flight/server.h"
#include "support_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METHOD(name) "/arrow.flight.protocol.FlightService/" name

typedef struct fixture {
    pyr_database *db;
    pyr_connection *connection;
    pyr_flight_server *server;
    client *client;
} fixture;

static void start(fixture *f, const pyr_flight_options *options) {
    pyr_error error;
    memset(f, 0, sizeof(*f));
    assert_int_equal(pyr_open(":memory:", NULL, &f->db, &error), PYR_OK);
    assert_int_equal(pyr_connect(f->db, &f->connection, &error), PYR_OK);
    if (pyr_flight_server_start(f->db, options, &f->server, &error) != PYR_OK) {
        fail_msg("%s", error.message);
    }
    f->client = client_open(pyr_flight_server_port(f->server), 0);
}

static void stop(fixture *f) {
    if (f->client != NULL) {
        client_close(f->client);
    }
    pyr_flight_server_stop(f->server);
    pyr_disconnect(f->connection);
    pyr_close(f->db);
}

static void run(fixture *f, const char *sql) {
    pyr_error error;
    if (pyr_execute(f->connection, sql, NULL, NULL, &error) != PYR_OK) {
        fail_msg("%s: %s", sql, error.message);
    }
}

/* A gRPC message with field 1 = bytes: a Ticket. */
static size_t ticket(uint8_t *to, const char *sql, size_t length) {
    size_t at = PYR_GRPC_PREFIX_BYTES;
    to[at++] = 0x0A;
    to[at++] = (uint8_t)(length | 0x80);
    to[at++] = (uint8_t)(length >> 7);
    memcpy(to + at, sql, length);
    pyr_grpc_prefix(to, (uint32_t)(at + length - PYR_GRPC_PREFIX_BYTES));
    return at + length;
}

static size_t begin_get(fixture *f, uint8_t *space, const char *sql, const client_header *extra) {
    return client_call(f->client, METHOD("DoGet"), space, ticket(space, sql, strlen(sql)), false,
                       extra);
}

static const client_stream *get(fixture *f, const char *sql, int grpc_status) {
    uint8_t space[2048];
    return client_finish(f->client, begin_get(f, space, sql, NULL), grpc_status);
}

/* The messages of a stream are whole FlightData; gives how many. */
static size_t count_messages(const client_stream *stream) {
    size_t count = 0;
    size_t at = 0;
    while (at < stream->data_bytes) {
        const uint8_t *p = stream->data + at;
        assert_true(stream->data_bytes - at >= 5);
        size_t size = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
        assert_true(stream->data_bytes - at - 5 >= size);
        pyr_flight_data data;
        assert_int_equal(pyr_flight_data_parse(p + 5, size, &data, NULL), PYR_OK);
        assert_true(data.header.size_bytes > 0);
        at += 5 + size;
        ++count;
    }
    return count;
}

static void a_ticket_runs_once_and_gives_schema_and_rows(void **state) {
    (void)state;
    fixture f;
    start(&f, &(pyr_flight_options){0});
    assert_int_equal(count_messages(get(&f, "CREATE TABLE t (a BIGINT)", 0)), 2);
    assert_int_equal(count_messages(get(&f, " INSERT INTO t VALUES (1), (2); ", 0)), 2);
    assert_int_equal(count_messages(get(&f, "SELECT * FROM t", 0)), 2);
    assert_int_equal(count_messages(get(&f, "SELECT * FROM t LIMIT 0", 0)), 1); /* schema alone */
    stop(&f);
}

static void wrong_tickets_are_refused(void **state) {
    (void)state;
    fixture f;
    start(&f, &(pyr_flight_options){0});
    assert_non_null(strstr(get(&f, "", 3)->message, "42601: the ticket holds no statement"));
    assert_non_null(strstr(get(&f, " ; -- nothing", 3)->message, "42601"));
    assert_non_null(strstr(get(&f, "SELECT 1; SELECT 2", 3)->message,
                           "42601: the ticket holds more than one statement (at byte 10)"));
    assert_non_null(strstr(get(&f, "  SELECT * FROM nowhere", 5)->message, "42P01: "));
    assert_non_null(strstr(get(&f, "SELECT * FROM t WHERE (", 3)->message, "42601: "));
    static const struct {
        const char *bytes;
        size_t size;
        int status;
    } cases[] = {
        {NULL, 0, 3},                         /* no message at all */
        {"\0\0\0\0\0", 5, 3},                 /* an empty Ticket */
        {"\0\0\0\0\2\x0A\0", 7, 3},           /* an empty ticket in it */
        {"\0\0\0\0\3\x0A\x05x", 8, 3},        /* a length past the end */
        {"\0\0\0\0\5\x0A\x03S\0T", 10, 3},    /* a zero byte */
        {"\0\0\0\0\4\xFF\xFF\xFF\xFF", 9, 3}, /* no protobuf */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        size_t index =
            client_call(f.client, METHOD("DoGet"), cases[i].bytes, cases[i].size, false, NULL);
        client_finish(f.client, index, cases[i].status);
    }
    stop(&f);
}

static void wrong_descriptors_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"\0\0\0\0\0", 5},                               /* neither path nor command */
        {"\0\0\0\0\2\x08\1", 7},                         /* a path of no parts */
        {"\0\0\0\0\2\x08\2", 7},                         /* no command */
        {"\0\0\0\0\7\x08\2\x12\3a\0b", 12},              /* a zero byte */
        {"\0\0\0\0\4\xFF\xFF\xFF\xFF", 9},               /* no protobuf */
        {"\0\0\0\0\x0B\x08\1\x1A\1a\x1A\1b\x1A\1c", 16}, /* a path of three parts */
    };
    fixture f;
    start(&f, &(pyr_flight_options){0});
    static const char *const methods[] = {METHOD("GetFlightInfo"), METHOD("GetSchema")};
    for (size_t m = 0; m < 2; ++m) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
            size_t index =
                client_call(f.client, methods[m], cases[i].bytes, cases[i].size, false, NULL);
            client_finish(f.client, index, 3);
        }
    }
    stop(&f);
}

static void methods_that_are_not_there_are_unimplemented(void **state) {
    (void)state;
    static const char *const paths[] = {METHOD("DoAction"),     METHOD("PollFlightInfo"),
                                        METHOD("doget"),        METHOD(""),
                                        "/other.Service/DoGet", "/",
                                        METHOD("DoGet/"),       "/grpc.health.v1.Health/Check"};
    fixture f;
    start(&f, &(pyr_flight_options){0});
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); ++i) {
        client_finish(f.client, client_call(f.client, paths[i], NULL, 0, false, NULL), 12);
    }
    stop(&f);
}

static void handshake_and_listings_answer_without_waiting_for_a_request(void **state) {
    (void)state;
    fixture f;
    start(&f, &(pyr_flight_options){0});
    run(&f, "CREATE TABLE t (a BIGINT)");
    const client_stream *stream =
        client_finish(f.client, client_call(f.client, METHOD("Handshake"), NULL, 0, true, NULL), 0);
    assert_int_equal(stream->data_bytes, 5);
    client_finish(f.client,
                  client_call(f.client, METHOD("ListActions"), "\0\0\0\0\0", 5, false, NULL), 0);
    stream = client_finish(
        f.client, client_call(f.client, METHOD("ListFlights"), "\0\0\0\0\0", 5, false, NULL), 0);
    assert_true(stream->data_bytes > 5);
    stop(&f);
}

static void a_whole_table_is_sent_without_a_copy(void **state) {
    (void)state;
    fixture f;
    start(&f, &(pyr_flight_options){0});
    run(&f, "CREATE TABLE t (a BIGINT, b VARCHAR)");
    run(&f, "INSERT INTO t VALUES (1, 'one'), (2, NULL), (3, 'three')");
    const client_stream *stream = get(&f, "SELECT * FROM t", 0);
    assert_non_null(strstr(stream->ledger, "\"engine\":\"native\""));
    assert_non_null(strstr(stream->ledger, "\"rows\":3"));
    assert_non_null(strstr(stream->ledger, "\"bytes_copied\":0,"));
    assert_non_null(strstr(stream->ledger, "\"copies\":[]"));
    assert_null(strstr(stream->ledger, "\"bytes_sent\":0,"));
    stop(&f);
}

static void an_address_off_loopback_needs_to_be_asked_for(void **state) {
    (void)state;
    static const char *const hosts[] = {"0.0.0.0", "::", "192.0.2.1", "::ffff:0.0.0.0"};
    fixture f;
    start(&f, &(pyr_flight_options){0});
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); ++i) {
        pyr_flight_server *second = NULL;
        pyr_error error;
        pyr_flight_options options = {.host = hosts[i]};
        assert_int_equal(pyr_flight_server_start(f.db, &options, &second, &error),
                         PYR_ERROR_PERMISSION);
        assert_non_null(strstr(error.message, "--insecure"));
        assert_null(second);
    }
    static const char *const folders[] = {"/nowhere/at/all"};
    pyr_flight_server *second = NULL;
    pyr_error error;
    pyr_flight_options options = {.folders = folders, .folders_count = 1};
    assert_int_equal(pyr_flight_server_start(f.db, &options, &second, &error), PYR_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "/nowhere/at/all"));
    stop(&f);
}

#ifdef PYRALOG_HAVE_DUCKDB
/* Would run for hours. */
#define FOREVER \
    "SELECT count(*) FROM range(10000000000) a, range(1000) b WHERE (a.range * b.range) % 7 = 3"

static void a_deadline_ends_a_running_statement(void **state) {
    (void)state;
    fixture f;
    start(&f, &(pyr_flight_options){0});
    const client_header extra[] = {{"grpc-timeout", "100m"}, {NULL, NULL}};
    uint8_t space[2048];
    const client_stream *stream = client_finish(f.client, begin_get(&f, space, FOREVER, extra), 4);
    assert_non_null(strstr(stream->message, "57014: "));
    stream = client_finish(f.client, begin_get(&f, space, "CREATE TABLE x AS " FOREVER, extra), 4);
    assert_non_null(strstr(stream->message, "57014: "));
    stop(&f);
}

static void the_statement_timeout_ends_a_running_statement(void **state) {
    (void)state;
    fixture f;
    start(&f, &(pyr_flight_options){.statement_timeout_ms = 100});
    assert_non_null(strstr(get(&f, FOREVER, 4)->message, "57014: "));
    stop(&f);
}

/* A client that goes away: its statement ends, or the drain would not. */
static void a_client_that_goes_away_ends_its_statement(void **state) {
    (void)state;
    static const char *const statements[] = {FOREVER, "CREATE TABLE x AS " FOREVER};
    for (int closes = 0; closes < 2; ++closes) {
        for (size_t i = 0; i < 2; ++i) {
            for (int round = 0; round < 5; ++round) {
                fixture f;
                start(&f, &(pyr_flight_options){0});
                uint8_t space[2048];
                size_t index = begin_get(&f, space, statements[i], NULL);
                /* A PING's answer: the call has begun, the statement perhaps not. */
                nghttp2_submit_ping(f.client->session, NGHTTP2_FLAG_NONE, NULL);
                client_until(f.client, client_has_pings, 1);
                if (!closes) {
                    client_reset(f.client, index);
                }
                client_close(f.client);
                f.client = NULL;
                assert_true(pyr_flight_server_drain(f.server, CLIENT_WAIT_MS));
                stop(&f);
            }
        }
    }
}

static void stopping_ends_what_runs(void **state) {
    (void)state;
    fixture f;
    start(&f, &(pyr_flight_options){0});
    uint8_t space[2048];
    begin_get(&f, space, FOREVER, NULL);
    nghttp2_submit_ping(f.client->session, NGHTTP2_FLAG_NONE, NULL);
    client_until(f.client, client_has_pings, 1);
    assert_false(pyr_flight_server_drain(f.server, 1));
    stop(&f);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_runs_once_and_gives_schema_and_rows),
        cmocka_unit_test(wrong_tickets_are_refused),
        cmocka_unit_test(wrong_descriptors_are_refused),
        cmocka_unit_test(methods_that_are_not_there_are_unimplemented),
        cmocka_unit_test(handshake_and_listings_answer_without_waiting_for_a_request),
        cmocka_unit_test(a_whole_table_is_sent_without_a_copy),
        cmocka_unit_test(an_address_off_loopback_needs_to_be_asked_for),
#ifdef PYRALOG_HAVE_DUCKDB
        cmocka_unit_test(a_deadline_ends_a_running_statement),
        cmocka_unit_test(the_statement_timeout_ends_a_running_statement),
        cmocka_unit_test(a_client_that_goes_away_ends_its_statement),
        cmocka_unit_test(stopping_ends_what_runs),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
