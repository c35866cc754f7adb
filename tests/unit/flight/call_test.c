/* A call's two queues: what comes in, however it is cut, and what goes out to a client that is
 * slow, cancels or is failed. */
#include "base/clock.h"
#include "flight/grpc.h"
#include "flight/http2_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT ((size_t)32 << 20)

/* A loop that nobody runs: it collects what calls tell it. */
typedef struct fixture {
    pyr_http2_loop loop;
    pyr_call *call;
    pyr_budget *budget;
} fixture;

static void open_call(fixture *f, size_t message_bytes_max) {
    memset(f, 0, sizeof(*f));
    f->loop.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&f->loop.lock, NULL);
    f->budget = pyr_budget_create((size_t)100 << 20);
    assert_int_equal(pyr_call_create(&f->loop, message_bytes_max, f->budget, &f->call, NULL),
                     PYR_OK);
}

/* What the loop was told; true: something. */
static bool take_notice(fixture *f) {
    uint64_t ignored;
    (void)!read(f->loop.wake_fd, &ignored, sizeof(ignored));
    pyr_call *call = f->loop.ready_first;
    if (call == NULL) {
        return false;
    }
    f->loop.ready_first = f->loop.ready_last = NULL;
    call->ready_queued = false;
    pyr_call_release(call);
    return true;
}

static void close_call(fixture *f) {
    take_notice(f);
    pyr_call_release(f->call);
    assert_int_equal(pyr_budget_used(f->budget), 0); /* nothing received is left */
    pyr_budget_release(f->budget);
    close(f->loop.wake_fd);
    pthread_mutex_destroy(&f->loop.lock);
}

static pyr_status feed(fixture *f, const void *bytes, size_t size, size_t *consume) {
    size_t ignored;
    return pyr_call_feed(f->call, bytes, size, consume != NULL ? consume : &ignored, NULL);
}

static void expect_message(fixture *f, const char *text) {
    pyr_buffer *message = NULL;
    assert_true(pyr_call_has_message(f->call));
    assert_int_equal(pyr_call_receive(f->call, &message, NULL), PYR_OK);
    assert_non_null(message);
    assert_int_equal(message->size_bytes, strlen(text));
    assert_memory_equal(message->data, text, strlen(text));
    assert_int_equal(((uintptr_t)message->data + message->size_bytes) % 64, 0);
    pyr_buffer_release(message);
}

/* ---- Coming in. ---- */

static const char three[] = "\0\0\0\0\5hello"
                            "\0\0\0\0\0"
                            "\0\0\0\0\6world!";

static void messages_are_the_same_however_they_are_cut(void **state) {
    (void)state;
    size_t size = sizeof(three) - 1;
    for (size_t first = 0; first <= size; ++first) {
        for (size_t second = first; second <= size; ++second) {
            fixture f;
            open_call(&f, LIMIT);
            assert_int_equal(feed(&f, three, first, NULL), PYR_OK);
            assert_int_equal(feed(&f, three + first, second - first, NULL), PYR_OK);
            assert_int_equal(feed(&f, three + second, size - second, NULL), PYR_OK);
            assert_true(pyr_call_close_input(f.call));
            expect_message(&f, "hello");
            expect_message(&f, "");
            expect_message(&f, "world!");
            pyr_buffer *message = NULL;
            assert_int_equal(pyr_call_receive(f.call, &message, NULL), PYR_OK);
            assert_null(message);
            close_call(&f);
        }
    }
}

static void an_end_inside_a_message_is_not_an_end(void **state) {
    (void)state;
    size_t size = sizeof(three) - 1;
    for (size_t cut = 0; cut <= size; ++cut) {
        fixture f;
        open_call(&f, LIMIT);
        assert_int_equal(feed(&f, three, cut, NULL), PYR_OK);
        bool whole = cut == 0 || cut == 10 || cut == 15 || cut == size;
        assert_int_equal(pyr_call_close_input(f.call), whole);
        close_call(&f);
    }
}

static void a_message_above_the_limit_is_refused_before_it_comes(void **state) {
    (void)state;
    fixture f;
    pyr_error error;
    size_t consume;
    open_call(&f, 100);
    assert_int_equal(pyr_call_feed(f.call, (const uint8_t *)"\0\0\0\0\x65", 5, &consume, &error),
                     PYR_ERROR_LIMIT);
    assert_string_equal(error.message,
                        "a message of 101 bytes, the limit is 100: send smaller batches");
    close_call(&f);
    open_call(&f, 100);
    assert_int_equal(feed(&f, "\0\xFF\xFF\xFF\xFF", 5, NULL), PYR_ERROR_LIMIT);
    close_call(&f);
}

static void a_compressed_message_is_refused(void **state) {
    (void)state;
    fixture f;
    open_call(&f, LIMIT);
    assert_int_equal(feed(&f, "\1\0\0\0\1x", 6, NULL), PYR_ERROR_NOT_SUPPORTED);
    close_call(&f);
}

static void messages_are_counted_in_the_budget_until_they_are_released(void **state) {
    (void)state;
    fixture f;
    open_call(&f, (size_t)200 << 20);
    /* 16 MiB announced, nothing sent; then one above what the budget has. */
    assert_int_equal(feed(&f, "\0\1\0\0\0", 5, NULL), PYR_OK);
    assert_true(pyr_budget_used(f.budget) >= (size_t)16 << 20);
    close_call(&f);
    open_call(&f, (size_t)200 << 20);
    assert_int_equal(feed(&f, "\0\7\0\0\0", 5, NULL), PYR_ERROR_MEMORY);
    close_call(&f);
}

static void the_window_stays_shut_while_messages_wait(void **state) {
    (void)state;
    fixture f;
    open_call(&f, LIMIT);
    size_t size = (size_t)5 << 20;
    uint8_t *message = calloc(1, size + 5);
    assert_non_null(message);
    pyr_grpc_prefix(message, (uint32_t)size);
    size_t consume;
    assert_int_equal(feed(&f, message, size + 5, &consume), PYR_OK);
    assert_int_equal(consume, size + 5); /* the first one is below the bound */
    assert_int_equal(feed(&f, message, size + 5, &consume), PYR_OK);
    assert_int_equal(consume, 0);
    assert_int_equal(pyr_call_take_consumed(f.call), 0);
    assert_false(take_notice(&f));
    pyr_buffer *taken = NULL;
    assert_int_equal(pyr_call_receive(f.call, &taken, NULL), PYR_OK);
    pyr_buffer_release(taken);
    assert_true(take_notice(&f)); /* the handler's side told the loop */
    assert_int_equal(pyr_call_take_consumed(f.call), size + 5);
    assert_int_equal(pyr_call_take_consumed(f.call), 0);
    /* What a stream leaves unconsumed is given back at its end. */
    assert_int_equal(feed(&f, message, size + 5, &consume), PYR_OK);
    assert_int_equal(consume, 0);
    assert_int_equal(pyr_call_take_unconsumed(f.call), size + 5);
    assert_int_equal(pyr_call_take_unconsumed(f.call), 0);
    free(message);
    close_call(&f);
}

/* ---- Going out. ---- */

static pyr_outgoing *large(void) {
    static const uint8_t zeros[64];
    pyr_outgoing *outgoing = NULL;
    assert_int_equal(pyr_outgoing_bytes(zeros, sizeof(zeros), &outgoing, NULL), PYR_OK);
    outgoing->size_bytes = PYR_CALL_QUEUE_BYTES; /* only counted here */
    return outgoing;
}

typedef struct blocked {
    fixture *f;
    pthread_t thread;
    pyr_status status;
    pyr_error error;
    bool receives;
} blocked;

static void *block(void *argument) {
    blocked *self = argument;
    pyr_buffer *message = NULL;
    self->status = self->receives ? pyr_call_receive(self->f->call, &message, &self->error)
                                  : pyr_call_send(self->f->call, large(), &self->error);
    pyr_buffer_release(message);
    return NULL;
}

static void begin_block(blocked *self, fixture *f, bool receives) {
    *self = (blocked){.f = f, .receives = receives};
    assert_int_equal(pthread_create(&self->thread, NULL, block, self), 0);
}

static void a_full_queue_holds_the_sender_until_the_client_takes(void **state) {
    (void)state;
    fixture f;
    open_call(&f, LIMIT);
    assert_int_equal(pyr_call_send(f.call, large(), NULL), PYR_OK);
    assert_true(take_notice(&f));
    blocked sender;
    begin_block(&sender, &f, false);
    bool finished;
    assert_int_equal(pyr_call_output(f.call, &finished), PYR_CALL_QUEUE_BYTES);
    pyr_call_pop(f.call);
    pthread_join(sender.thread, NULL);
    assert_int_equal(sender.status, PYR_OK);
    assert_int_equal(pyr_call_output(f.call, &finished), PYR_CALL_QUEUE_BYTES);
    assert_false(finished);
    close_call(&f);
}

static void a_cancel_ends_sending_and_receiving_and_drops_what_waits(void **state) {
    (void)state;
    for (int receives = 0; receives < 2; ++receives) {
        fixture f;
        open_call(&f, LIMIT);
        assert_int_equal(pyr_call_send(f.call, large(), NULL), PYR_OK);
        blocked worker;
        begin_block(&worker, &f, receives);
        pyr_call_cancel(f.call);
        pthread_join(worker.thread, NULL);
        assert_int_equal(worker.status, PYR_ERROR_CANCELLED);
        bool finished;
        assert_int_equal(pyr_call_output(f.call, &finished), 0);
        assert_int_equal(pyr_call_send(f.call, large(), NULL), PYR_ERROR_CANCELLED);
        assert_true(pyr_call_is_over(f.call));
        close_call(&f);
    }
}

static void a_failed_call_gives_its_reason_to_the_sender(void **state) {
    (void)state;
    fixture f;
    open_call(&f, LIMIT);
    assert_int_equal(pyr_call_send(f.call, large(), NULL), PYR_OK);
    blocked sender;
    begin_block(&sender, &f, false);
    pyr_error reason;
    (void)pyr_error_set(&reason, PYR_ERROR_IO, "the file was cut");
    pyr_call_fail(f.call, &reason);
    pthread_join(sender.thread, NULL);
    assert_int_equal(sender.status, PYR_ERROR_IO);
    assert_string_equal(sender.error.message, "the file was cut");
    pyr_buffer *message = NULL;
    assert_int_equal(pyr_call_receive(f.call, &message, NULL), PYR_ERROR_CANCELLED);
    /* The handler's own outcome comes too late. */
    pyr_call_finish(f.call, NULL);
    assert_int_equal(f.call->status.code, PYR_ERROR_IO);
    close_call(&f);
}

static void a_deadline_ends_the_wait(void **state) {
    (void)state;
    for (int receives = 0; receives < 2; ++receives) {
        fixture f;
        open_call(&f, LIMIT);
        f.call->deadline_ns = pyr_clock_monotonic_ns() + 3600 * INT64_C(1000000000);
        pyr_call_limit_deadline(f.call, pyr_clock_monotonic_ns() + 1000000);
        pyr_call_limit_deadline(f.call, INT64_MAX); /* never a later one */
        assert_int_equal(pyr_call_send(f.call, large(), NULL), PYR_OK);
        blocked worker;
        begin_block(&worker, &f, receives);
        pthread_join(worker.thread, NULL);
        assert_int_equal(worker.status, PYR_ERROR_TIMEOUT);
        close_call(&f);
    }
}

static void count(void *context) {
    ++*(int *)context;
}

static void on_cancel_is_called_whenever_the_call_ends_from_outside(void **state) {
    (void)state;
    pyr_error reason;
    (void)pyr_error_set(&reason, PYR_ERROR_LIMIT, "too large");
    fixture f;
    int calls = 0;
    open_call(&f, LIMIT);
    pyr_call_on_cancel(f.call, count, &calls);
    pyr_call_cancel(f.call);
    assert_int_equal(calls, 1);
    pyr_call_cancel(f.call);
    assert_int_equal(calls, 1);
    close_call(&f);

    calls = 0; /* cancelled before anybody asked */
    open_call(&f, LIMIT);
    pyr_call_cancel(f.call);
    pyr_call_on_cancel(f.call, count, &calls);
    assert_int_equal(calls, 1);
    close_call(&f);

    calls = 0; /* failed before anybody asked */
    open_call(&f, LIMIT);
    pyr_call_fail(f.call, &reason);
    pyr_call_on_cancel(f.call, count, &calls);
    assert_int_equal(calls, 1);
    close_call(&f);

    calls = 0; /* nobody is to be told any more */
    open_call(&f, LIMIT);
    pyr_call_on_cancel(f.call, count, &calls);
    pyr_call_on_cancel(f.call, NULL, NULL);
    pyr_call_cancel(f.call);
    assert_int_equal(calls, 0);
    close_call(&f);
}

/* ---- Races, for ThreadSanitizer above all. ---- */

static void *send_and_finish(void *argument) {
    fixture *f = argument;
    int told = 0;
    pyr_call_on_cancel(f->call, count, &told);
    pyr_status status = PYR_OK;
    for (int i = 0; i < 4 && status == PYR_OK; ++i) {
        pyr_outgoing *outgoing = NULL;
        assert_int_equal(pyr_outgoing_bytes("x", 1, &outgoing, NULL), PYR_OK);
        status = pyr_call_send(f->call, outgoing, NULL);
    }
    pyr_call_on_cancel(f->call, NULL, NULL);
    pyr_call_set_ledger(f->call, "{}");
    pyr_call_finish(f->call, NULL);
    pyr_call_release(f->call);
    return NULL;
}

static void cancel_and_finish_may_meet_at_any_point(void **state) {
    (void)state;
    for (int round = 0; round < 500; ++round) {
        fixture f;
        open_call(&f, LIMIT);
        pyr_call_retain(f.call);
        pthread_t handler;
        assert_int_equal(pthread_create(&handler, NULL, send_and_finish, &f), 0);
        pyr_error reason;
        (void)pyr_error_set(&reason, PYR_ERROR_LIMIT, "too large");
        bool finished;
        while (pyr_call_output(f.call, &finished) > 0) {
            pyr_call_pop(f.call);
        }
        if (round % 2 == 0) {
            pyr_call_fail(f.call, &reason);
        }
        pyr_call_cancel(f.call);
        pthread_join(handler, NULL);
        (void)pyr_call_output(f.call, &finished);
        assert_true(finished);
        close_call(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_the_same_however_they_are_cut),
        cmocka_unit_test(an_end_inside_a_message_is_not_an_end),
        cmocka_unit_test(a_message_above_the_limit_is_refused_before_it_comes),
        cmocka_unit_test(a_compressed_message_is_refused),
        cmocka_unit_test(messages_are_counted_in_the_budget_until_they_are_released),
        cmocka_unit_test(the_window_stays_shut_while_messages_wait),
        cmocka_unit_test(a_full_queue_holds_the_sender_until_the_client_takes),
        cmocka_unit_test(a_cancel_ends_sending_and_receiving_and_drops_what_waits),
        cmocka_unit_test(a_failed_call_gives_its_reason_to_the_sender),
        cmocka_unit_test(a_deadline_ends_the_wait),
        cmocka_unit_test(on_cancel_is_called_whenever_the_call_ends_from_outside),
        cmocka_unit_test(cancel_and_finish_may_meet_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
