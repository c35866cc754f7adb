/* tensor_source.c - see tensor_source.h. */
#include "engines/functions/tensor_source.h"

#include <assert.h>
#include <stdlib.h>

void pyr_tensor_source_destroy(pyr_segment_source *source) {
    pyr_tensor_source *self = (pyr_tensor_source *)source;
    pyr_schema_release(source->schema);
    pyr_safetensors_release(self->file);
    free(self->starts);
    free(self);
}

int64_t pyr_tensor_source_rows(const pyr_segment_source *source, size_t index) {
    const pyr_tensor_source *self = (const pyr_tensor_source *)source;
    return self->starts[index + 1] - self->starts[index];
}

static pyr_status cut_batches(pyr_tensor_source *self, pyr_tensor_batch_end end_of_batch,
                              pyr_error *error) {
    int64_t count = pyr_safetensors_count(self->file);
    self->starts = calloc((size_t)count + 1, sizeof(*self->starts));
    if (self->starts == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*self->starts));
    }
    size_t batches = 0;
    for (int64_t first = 0; first < count;) {
        int64_t next = end_of_batch(self->file, first);
        assert(next > first && next <= count);
        self->starts[batches++] = first;
        self->starts[batches] = next;
        first = next;
    }
    self->source.batches = batches;
    return PYR_OK;
}

pyr_status pyr_tensor_source_create(const pyr_function_call *call, pyr_safetensors *file,
                                    const char *name, pyr_schema *schema,
                                    const pyr_segment_source_ops *ops,
                                    pyr_tensor_batch_end end_of_batch, pyr_segment **out,
                                    pyr_error *error) {
    pyr_tensor_source *self = calloc(1, sizeof(*self));
    *out = NULL;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->source.ops = ops;
    self->source.schema = pyr_schema_retain(schema);
    self->file = pyr_safetensors_retain(file);
    self->pool = call->pool;
    self->cancel = call->cancel;
    pyr_status status = cut_batches(self, end_of_batch, error);
    if (status != PYR_OK) {
        pyr_tensor_source_destroy(&self->source);
        return status;
    }
    return pyr_segment_create_source(&self->source, name,
                                     pyr_tensor_file_mapped(file, call->ledger), out, error);
}
