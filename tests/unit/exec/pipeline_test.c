/* pipeline_test.c - how many workers a pipeline starts, that morsels are each run once, and what a
 * full sink leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exec/exec_internal.h"
#include "exec/pipeline.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS = 4, MORSELS = 50 };

/* Morsels of one row each. */
typedef struct single_source {
    pyr_morsel_source source;
    int64_t rows; /* as start says */
} single_source;

/* The rows, and the workers that were created for them. */
typedef struct count_sink {
    pyr_sink sink;
    _Atomic int rows, workers;
    int rows_full; /* 0: never */
} count_sink;

static pyr_status start(pyr_morsel_source *source, int64_t *morsels, pyr_error *error) {
    (void)error;
    source->rows = ((single_source *)source)->rows;
    *morsels = MORSELS;
    return PYR_OK;
}

static pyr_status worker_create(pyr_morsel_source *source, void **state, pyr_error *error) {
    (void)source;
    *state = calloc(1, sizeof(bool)); /* whether the row has been given out */
    return *state != NULL ? PYR_OK : pyr_error_memory(error, 1);
}

static void worker_destroy(pyr_morsel_source *source, void *state) {
    (void)source;
    free(state);
}

static pyr_status open_morsel(pyr_morsel_source *source, void *state, int64_t morsel,
                              pyr_error *error) {
    (void)source;
    (void)morsel;
    (void)error;
    *(bool *)state = false;
    return PYR_OK;
}

static pyr_status next(pyr_morsel_source *source, void *state, pyr_chunk *chunk, pyr_error *error) {
    bool *given = state;
    (void)source;
    (void)error;
    *chunk = (pyr_chunk){.rows = *given ? 0 : 1, .selected = *given ? 0 : 1};
    *given = true;
    return PYR_OK;
}

static const pyr_morsel_source_ops source_ops = {start,       worker_create, worker_destroy,
                                                 open_morsel, next,          NULL};

static pyr_status sink_worker(pyr_sink *sink, unsigned worker, void **state, pyr_error *error) {
    (void)worker;
    (void)error;
    *state = NULL;
    atomic_fetch_add(&((count_sink *)sink)->workers, 1);
    return PYR_OK;
}

static void sink_worker_destroy(pyr_sink *sink, void *state) {
    (void)sink;
    (void)state;
}

static pyr_status consume(pyr_sink *sink, void *state, int64_t morsel, pyr_chunk *chunk,
                          pyr_error *error) {
    (void)state;
    (void)morsel;
    (void)error;
    atomic_fetch_add(&((count_sink *)sink)->rows, chunk->selected);
    return PYR_OK;
}

static pyr_status combine(pyr_sink *sink, void *state, pyr_error *error) {
    (void)sink;
    (void)state;
    (void)error;
    return PYR_OK;
}

static pyr_status finish(pyr_sink *sink, pyr_error *error) {
    (void)sink;
    (void)error;
    return PYR_OK;
}

static bool is_full(const pyr_sink *sink) {
    const count_sink *self = (const count_sink *)sink;
    return self->rows_full > 0 && self->rows >= self->rows_full;
}

static const pyr_sink_ops sink_ops = {.worker_create = sink_worker,
                                      .worker_destroy = sink_worker_destroy,
                                      .consume = consume,
                                      .combine = combine,
                                      .finish = finish,
                                      .full = is_full};

/* The workers of a run whose source says that it has so many rows. */
static int workers_of(int64_t rows, int64_t morsel_rows) {
    pyr_error error;
    pyr_thread_pool *pool = NULL;
    assert_int_equal(pyr_thread_pool_create(THREADS, 16, &pool, &error), PYR_OK);
    pyr_exec exec = {.pool = pool, .workers = THREADS, .morsel_rows = morsel_rows};
    single_source source = {{&source_ops, -1, 0}, rows};
    count_sink sink = {.sink = {&sink_ops, -1}};
    pyr_pipeline pipeline = {&exec, &source.source, 0, NULL, &sink.sink};
    assert_int_equal(pyr_pipeline_run(&pipeline, &error), PYR_OK);
    assert_int_equal(sink.rows, MORSELS);
    pyr_thread_pool_destroy(pool);
    return sink.workers;
}

static void test_few_rows_are_one_workers(void **state) {
    (void)state;
    assert_int_equal(workers_of(MORSELS, 0), 1);
    assert_int_equal(workers_of(PYR_VECTOR_ROWS, 0), 1);
    assert_int_equal(workers_of(PYR_VECTOR_ROWS + 1, 0), 2);
    assert_int_equal(workers_of(INT64_MAX, 0), THREADS);
}

static void test_unknown_rows_are_every_workers(void **state) {
    (void)state;
    assert_int_equal(workers_of(0, 0), THREADS);
    assert_int_equal(workers_of(MORSELS, 1), THREADS); /* a test that wants it so */
}

/* A sink that is full leaves the other morsels to the next range: each is run once. */
static void test_full_sinks_end_a_range_early(void **state) {
    pyr_error error;
    pyr_thread_pool *pool = NULL;
    int64_t morsels = 0;
    (void)state;
    assert_int_equal(pyr_thread_pool_create(THREADS, 16, &pool, &error), PYR_OK);
    pyr_exec exec = {.pool = pool, .workers = THREADS};
    single_source source = {{&source_ops, -1, 0}, 0};
    count_sink sink = {.sink = {&sink_ops, -1}, .rows_full = 7};
    pyr_pipeline pipeline = {&exec, &source.source, 0, NULL, &sink.sink};
    assert_int_equal(pyr_pipeline_start(&pipeline, &morsels, &error), PYR_OK);
    for (int64_t first = 0; first < morsels;) {
        int64_t end = morsels;
        assert_int_equal(pyr_pipeline_run_range(&pipeline, first, &end, &error), PYR_OK);
        assert_int_equal(sink.rows, end - first);
        assert_true(sink.rows <= 7 + THREADS - 1);
        assert_true(end == morsels || sink.rows >= 7);
        first = end;
        sink.rows = 0;
    }
    pyr_thread_pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_rows_are_one_workers),
        cmocka_unit_test(test_unknown_rows_are_every_workers),
        cmocka_unit_test(test_full_sinks_end_a_range_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
