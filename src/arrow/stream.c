/* stream.c - streams of batches; see batch.h. */
#include "arrow/arrow_internal.h"
#include "arrow/batch.h"

#include <assert.h>

pyr_status pyr_stream_next(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    pyr_status status = stream->ops->next(stream, out, error);
    assert(status == PYR_OK || *out == NULL);
    return status;
}

void pyr_stream_destroy(pyr_stream *stream) {
    if (stream != NULL) {
        stream->ops->destroy(stream);
    }
}

typedef struct batches_stream {
    pyr_stream base;
    size_t count, next;
    pyr_batch **batches;
} batches_stream;

static pyr_status batches_next(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    (void)error;
    batches_stream *self = (batches_stream *)stream;
    if (self->next < self->count) {
        /* Handed over: memory of a batch that was consumed is free as soon as its reader is done.
         */
        *out = self->batches[self->next];
        self->batches[self->next++] = NULL;
    }
    return PYR_OK;
}

static void batches_destroy(pyr_stream *stream) {
    batches_stream *self = (batches_stream *)stream;
    for (size_t i = 0; i < self->count; ++i) {
        pyr_batch_release(self->batches[i]);
    }
    free(self->batches);
    pyr_schema_release(self->base.schema);
    free(self);
}

pyr_status pyr_stream_from_batches(pyr_schema *schema, pyr_batch *const *batches, size_t count,
                                   pyr_stream **out, pyr_error *error) {
    static const pyr_stream_ops ops = {batches_next, batches_destroy};
    *out = NULL;
    batches_stream *self = calloc(1, sizeof(*self));
    pyr_batch **copies = calloc(count + 1, sizeof(*copies));
    if (self == NULL || copies == NULL) {
        free(self);
        free(copies);
        return pyr_error_memory(error, count * sizeof(*copies));
    }
    for (size_t i = 0; i < count; ++i) {
        copies[i] = pyr_batch_retain(batches[i]);
    }
    self->base.ops = &ops;
    self->base.schema = pyr_schema_retain(schema);
    self->count = count;
    self->batches = copies;
    *out = &self->base;
    return PYR_OK;
}
