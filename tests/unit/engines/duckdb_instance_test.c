/* DuckDB's databases: who shares one, and how many there are. */
#include "engines/duckdb/duckdb_internal.h"
#include "support_duckdb.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 8, ROUNDS = 4, PROFILES = 2 };

typedef struct worker {
    duck own; /* of the fixture, with a session of its own */
    pthread_barrier_t *together;
    char *rows;
    pthread_t thread;
} worker;

static void *ask(void *data) {
    worker *self = data;
    pyr_text rows;
    pyr_text_init(&rows);
    pthread_barrier_wait(self->together);
    if (duck_run(&self->own, "SELECT sum(i) FROM range(1000) AS r(i)", &rows, NULL) == PYR_OK) {
        self->rows = pyr_text_move(&rows);
    }
    pyr_text_deinit(&rows);
    return NULL;
}

static void begin(worker *self, duck *d, unsigned number, pthread_barrier_t *together) {
    self->own = *d;
    self->own.threads = 1 + number % PROFILES;
    self->together = together;
    pyr_cancel_flag_init(&self->own.cancel);
    assert_int_equal(
        d->engine->ops->session_create(d->engine, &d->files, &self->own.session, &d->error),
        PYR_OK);
    assert_int_equal(pthread_create(&self->thread, NULL, ask, self), 0);
}

static void end(worker *self) {
    pthread_join(self->thread, NULL);
    assert_non_null(self->rows);
    assert_string_equal(self->rows, "499500\n");
    free(self->rows);
    self->own.engine->ops->session_destroy(self->own.session);
}

static void statements_that_begin_together_open_a_database_once(void **state) {
    duck *d = *state;
    pthread_barrier_t together;
    assert_int_equal(pthread_barrier_init(&together, NULL, THREADS), 0);
    for (int round = 0; round < ROUNDS; ++round) {
        worker *workers = calloc(THREADS, sizeof(*workers));
        assert_non_null(workers);
        for (unsigned i = 0; i < THREADS; ++i) {
            begin(&workers[i], d, i, &together);
        }
        for (int i = 0; i < THREADS; ++i) {
            end(&workers[i]);
        }
        free(workers);
    }
    pthread_barrier_destroy(&together);
    assert_int_equal(((pyr_duckdb_engine *)d->engine)->instances_made, PROFILES);
}

static void databases_that_nobody_uses_are_closed(void **state) {
    duck *d = *state;
    for (d->threads = 1; d->threads <= 8; ++d->threads) {
        duck_equals(d, "SELECT current_setting('threads') = current_setting('threads')", "true\n");
    }
    int open = 0;
    pyr_duckdb_engine *engine = (pyr_duckdb_engine *)d->engine;
    for (const pyr_duckdb_instance *at = engine->instances; at != NULL; at = at->next) {
        ++open;
    }
    assert_int_equal(engine->instances_made, 8);
    assert_int_equal(open, 2);
}

static void one_that_cannot_be_opened_leaves_nothing_behind(void **state) {
    duck *d = *state;
    pyr_duckdb_engine *engine = (pyr_duckdb_engine *)d->engine;
    duck_equals(d, "SELECT 1", "1\n");
    const pyr_duckdb_instance *first = engine->instances;
    d->time_unit = "furlongs"; /* which it cannot be made ready with */
    for (int i = 0; i < 2; ++i) {
        assert_int_not_equal(duck_run(d, "SELECT 1", NULL, NULL), PYR_OK);
        assert_ptr_equal(engine->instances, first);
        assert_null(first->next);
    }
    d->time_unit = "ms";
    duck_equals(d, "SELECT 1", "1\n");
    assert_int_equal(engine->instances_made, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, duck_setup, duck_teardown)
        TEST(statements_that_begin_together_open_a_database_once),
        TEST(databases_that_nobody_uses_are_closed),
        TEST(one_that_cannot_be_opened_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
