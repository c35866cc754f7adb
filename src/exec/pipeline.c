/* pipeline.c - workers that take morsels and push chunks. */
#include "exec/pipeline.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

typedef struct run {
    const pyr_pipeline *pipeline;
    int64_t end; /* of the morsels to run */
    _Atomic int64_t next;
    atomic_bool failed;
} run;

struct pyr_worker {
    run *run;
    void *source;
    void **stages;
    void *sink;
    int32_t depth;    /* the stage that runs; stages_count: the sink */
    int64_t morsel;   /* that is open */
    int64_t began_ns; /* when the part that runs now began; metrics alone */
};

/* ---- Figures: a part's time is what passes until another part begins. ---- */

static pyr_node_metrics *metrics_of(const pyr_pipeline *pipeline, int32_t node) {
    return pipeline->exec->metrics != NULL && node >= 0 ? &pipeline->exec->metrics[node] : NULL;
}

/* Charges the time since the last call to node. */
static void charge(pyr_worker *worker, int32_t node) {
    pyr_node_metrics *metrics = metrics_of(worker->run->pipeline, node);
    if (metrics != NULL) {
        int64_t now = pyr_clock_monotonic_ns();
        atomic_fetch_add_explicit(&metrics->time_ns, now - worker->began_ns, memory_order_relaxed);
        worker->began_ns = now;
    }
}

static void count_rows(pyr_worker *worker, int32_t node, int64_t rows) {
    pyr_node_metrics *metrics = metrics_of(worker->run->pipeline, node);
    if (metrics != NULL) {
        atomic_fetch_add_explicit(&metrics->rows, rows, memory_order_relaxed);
    }
}

static int32_t node_at(const pyr_pipeline *pipeline, int32_t depth) {
    return depth < 0                        ? pipeline->source->node
           : depth < pipeline->stages_count ? pipeline->stages[depth]->node
                                            : pipeline->sink->node;
}

/* ---- A chunk's way. ---- */

pyr_status pyr_worker_emit(pyr_worker *worker, pyr_chunk *chunk, pyr_error *error) {
    const pyr_pipeline *pipeline = worker->run->pipeline;
    if (chunk->selected == 0) {
        return PYR_OK;
    }
    int32_t from = worker->depth;
    charge(worker, node_at(pipeline, from));
    count_rows(worker, node_at(pipeline, from), chunk->selected);
    worker->depth = from + 1;
    pyr_status status;
    if (worker->depth < pipeline->stages_count) {
        pyr_stage *stage = pipeline->stages[worker->depth];
        status = stage->ops->push(stage, worker->stages[worker->depth], worker, chunk, error);
    } else {
        status = pipeline->sink->ops->consume(pipeline->sink, worker->sink, worker->morsel, chunk,
                                              error);
    }
    charge(worker, node_at(pipeline, worker->depth));
    worker->depth = from;
    return status;
}

static bool is_done(const run *self) {
    const pyr_sink *sink = self->pipeline->sink;
    return atomic_load_explicit(&self->failed, memory_order_relaxed) ||
           (sink->ops->done != NULL && sink->ops->done(sink));
}

static pyr_status run_morsel(pyr_worker *worker, pyr_error *error) {
    const pyr_pipeline *pipeline = worker->run->pipeline;
    pyr_morsel_source *source = pipeline->source;
    PYR_TRY(source->ops->open(source, worker->source, worker->morsel, error));
    while (!is_done(worker->run)) {
        pyr_chunk chunk;
        PYR_TRY(pyr_cancel_flag_check(pipeline->exec->cancel, error));
        PYR_TRY(source->ops->next(source, worker->source, &chunk, error));
        if (chunk.rows == 0) {
            return PYR_OK;
        }
        PYR_TRY(pyr_worker_emit(worker, &chunk, error));
    }
    return PYR_OK;
}

static pyr_status run_morsels(pyr_worker *worker, pyr_error *error) {
    run *self = worker->run;
    pyr_sink *sink = self->pipeline->sink;
    while (!is_done(self) && (sink->ops->full == NULL || !sink->ops->full(sink))) {
        worker->morsel = atomic_fetch_add_explicit(&self->next, 1, memory_order_relaxed);
        if (worker->morsel >= self->end) {
            break;
        }
        PYR_TRY(run_morsel(worker, error));
        if (sink->ops->end_morsel != NULL) {
            PYR_TRY(sink->ops->end_morsel(sink, worker->sink, worker->morsel, error));
        }
    }
    return PYR_OK;
}

/* ---- A worker's life. ---- */

static void worker_destroy(pyr_worker *worker) {
    const pyr_pipeline *pipeline = worker->run->pipeline;
    if (worker->sink != NULL) {
        pipeline->sink->ops->worker_destroy(pipeline->sink, worker->sink);
    }
    for (int32_t i = 0; worker->stages != NULL && i < pipeline->stages_count; ++i) {
        if (worker->stages[i] != NULL) {
            pipeline->stages[i]->ops->worker_destroy(pipeline->stages[i], worker->stages[i]);
        }
    }
    if (worker->source != NULL) {
        pipeline->source->ops->worker_destroy(pipeline->source, worker->source);
    }
    free(worker->stages);
}

static pyr_status worker_create(pyr_worker *worker, unsigned index, pyr_error *error) {
    const pyr_pipeline *pipeline = worker->run->pipeline;
    size_t stages = (size_t)pipeline->stages_count;
    worker->depth = -1;
    worker->began_ns = pipeline->exec->metrics != NULL ? pyr_clock_monotonic_ns() : 0;
    worker->stages = calloc(stages + 1, sizeof(*worker->stages));
    if (worker->stages == NULL) {
        return pyr_error_memory(error, stages * sizeof(*worker->stages));
    }
    PYR_TRY(pipeline->source->ops->worker_create(pipeline->source, &worker->source, error));
    for (size_t i = 0; i < stages; ++i) {
        pyr_stage *stage = pipeline->stages[i];
        PYR_TRY(stage->ops->worker_create(stage, &worker->stages[i], error));
    }
    return pipeline->sink->ops->worker_create(pipeline->sink, index, &worker->sink, error);
}

static pyr_status run_worker(void *context, size_t index, pyr_error *error) {
    run *self = context;
    pyr_worker worker = {.run = self};
    pyr_status status = worker_create(&worker, (unsigned)index, error);
    if (status == PYR_OK) {
        status = run_morsels(&worker, error);
    }
    if (status == PYR_OK && !atomic_load(&self->failed)) {
        pyr_sink *sink = self->pipeline->sink;
        status = sink->ops->combine(sink, worker.sink, error);
        charge(&worker, sink->node);
    }
    if (status != PYR_OK) {
        atomic_store(&self->failed, true);
    }
    worker_destroy(&worker);
    return status;
}

pyr_status pyr_pipeline_start(const pyr_pipeline *pipeline, int64_t *morsels, pyr_error *error) {
    return pipeline->source->ops->start(pipeline->source, morsels, error);
}

static pyr_status finish(const pyr_pipeline *pipeline, pyr_error *error) {
    pyr_node_metrics *metrics = metrics_of(pipeline, pipeline->sink->node);
    int64_t began = metrics != NULL ? pyr_clock_monotonic_ns() : 0;
    PYR_TRY(pipeline->sink->ops->finish(pipeline->sink, error));
    if (metrics != NULL) {
        metrics->time_ns += pyr_clock_monotonic_ns() - began;
    }
    return PYR_OK;
}

/* Rows that would not fill a vector each are one worker's, however many morsels they lie in: others
 * would start for nothing, and the rows would come in another order each time. */
static size_t workers_for(const pyr_pipeline *pipeline, int64_t morsels) {
    const pyr_exec *exec = pipeline->exec;
    int64_t workers = exec->workers;
    if (pipeline->source->rows > 0 && exec->morsel_rows == 0) {
        int64_t worth = 1 + (pipeline->source->rows - 1) / PYR_VECTOR_ROWS;
        workers = workers < worth ? workers : worth;
    }
    workers = workers < morsels ? workers : morsels;
    return workers > 1 ? (size_t)workers : 1;
}

pyr_status pyr_pipeline_run_range(const pyr_pipeline *pipeline, int64_t first, int64_t *end,
                                  pyr_error *error) {
    run self = {.pipeline = pipeline, .end = *end};
    pyr_exec *exec = pipeline->exec;
    atomic_init(&self.next, first);
    size_t workers = workers_for(pipeline, *end - first);
    if (exec->pool != NULL && workers > 1) {
        PYR_TRY(pyr_thread_pool_for_each(exec->pool, workers, run_worker, &self, error));
    } else {
        PYR_TRY(run_worker(&self, 0, error));
    }
    int64_t next = atomic_load(&self.next);
    *end = next < *end ? next : *end;
    return finish(pipeline, error);
}

pyr_status pyr_pipeline_run(const pyr_pipeline *pipeline, pyr_error *error) {
    int64_t morsels = 0;
    PYR_TRY(pyr_pipeline_start(pipeline, &morsels, error));
    return pyr_pipeline_run_range(pipeline, 0, &morsels, error);
}
