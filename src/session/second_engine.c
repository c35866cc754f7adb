/* second_engine.c - a query that the native engine has to give back while it runs.
 *
 * Whether a text is a date as DuckDB reads dates is known when it is met, not before. As long as no
 * row has gone out the other engine can still have the whole statement, so the first batch is asked
 * for here, before the stream is anybody's. */
#include "session/session_internal.h"

#include <stdlib.h>

/* A stream whose first batch has been taken already. */
typedef struct begun_stream {
    pyr_stream stream;
    pyr_stream *inner;
    pyr_batch *first; /* NULL: given out, or there is none */
    bool at_end;
} begun_stream;

static pyr_status begun_next(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    begun_stream *self = (begun_stream *)stream;
    *out = self->first;
    self->first = NULL;
    if (*out != NULL || self->at_end) {
        return PYR_OK;
    }
    return pyr_stream_next(self->inner, out, error);
}

static void begun_destroy(pyr_stream *stream) {
    begun_stream *self = (begun_stream *)stream;
    pyr_batch_release(self->first);
    pyr_stream_destroy(self->inner);
    pyr_schema_release(stream->schema);
    free(self);
}

static const pyr_stream_ops begun_ops = {begun_next, begun_destroy};

/* Takes inner and first, on failure too. */
static pyr_status begun_create(pyr_stream *inner, pyr_batch *first, pyr_stream **out,
                               pyr_error *error) {
    begun_stream *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        pyr_batch_release(first);
        pyr_stream_destroy(inner);
        return pyr_error_memory(error, sizeof(*self));
    }
    self->stream.ops = &begun_ops;
    self->stream.schema = pyr_schema_retain(inner->schema);
    self->inner = inner;
    self->first = first;
    self->at_end = first == NULL;
    *out = &self->stream;
    return PYR_OK;
}

static pyr_status execute(pyr_bound *bound, pyr_stream **out, pyr_error *error) {
    return bound->prepared->session->engine->ops->execute(bound->prepared, &bound->query, out,
                                                          error);
}

/* Runs it up to its first batch. */
static pyr_status begin(pyr_bound *bound, pyr_stream **out, pyr_error *error) {
    pyr_stream *stream = NULL;
    pyr_batch *first = NULL;
    PYR_TRY(execute(bound, &stream, error));
    pyr_status status = pyr_stream_next(stream, &first, error);
    if (status != PYR_OK) {
        pyr_stream_destroy(stream);
        return status;
    }
    return begun_create(stream, first, out, error);
}

/* why: what the first engine said. */
static pyr_status use_other(pyr_bound *bound, const char *why, pyr_error *error) {
    pyr_prepared *prepared = NULL;
    const char *chosen = NULL;
    PYR_TRY(pyr_router_prepare(NULL, bound->other, "duckdb", &bound->query, bound->arena, &prepared,
                               &chosen, error));
    bound->prepared->session->engine->ops->prepared_destroy(bound->prepared);
    bound->prepared = prepared;
    bound->engine = prepared->session->engine->ops->name;
    chosen = pyr_arena_printf(bound->arena, "duckdb: %s", why);
    bound->why = chosen != NULL ? chosen : "duckdb";
    return PYR_OK;
}

pyr_status pyr_bound_execute(pyr_bound *bound, pyr_stream **out, pyr_error *error) {
    pyr_error refusal;
    *out = NULL;
    if (!bound->prepared->may_refuse || bound->other == NULL) {
        return execute(bound, out, error);
    }
    pyr_error_clear(&refusal);
    pyr_status status = begin(bound, out, &refusal);
    if (status == PYR_ERROR_NOT_SUPPORTED) {
        PYR_TRY(use_other(bound, refusal.message, error));
        return execute(bound, out, error);
    }
    if (status != PYR_OK) {
        return pyr_error_set_sql(error, status, refusal.sqlstate, refusal.position, "%s",
                                 refusal.message);
    }
    return PYR_OK;
}
