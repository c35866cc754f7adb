/* format_arrow.c - an Arrow IPC stream (or file) on the output's descriptor: batches leave as the
 * bytes they are, so this counts as no encoding. */
#include "arrow/ipc/ipc.h"
#include "cli/format_internal.h"

#include <stdlib.h>

typedef struct arrow_formatter {
    pyr_formatter base;
    pyr_ipc_writer *writer;
} arrow_formatter;

static pyr_status arrow_begin(pyr_formatter *base, pyr_error *error) {
    arrow_formatter *self = (arrow_formatter *)base;
    pyr_ipc_write_options options = {.compression = PYR_IPC_UNCOMPRESSED,
                                     .allow_replacement = !base->format.arrow_file};
    PYR_TRY(pyr_output_flush(base->output, error));
    pyr_status status =
        pyr_ipc_writer_create(base->output->fd, base->output->path, base->schema,
                              base->format.arrow_file ? PYR_IPC_FILE : PYR_IPC_STREAM, &options,
                              base->ledger, &self->writer, error);
    if (status != PYR_OK) {
        pyr_output_note_failure(base->output);
    }
    return status;
}

static pyr_status arrow_batch(pyr_formatter *base, pyr_batch *batch, pyr_error *error) {
    arrow_formatter *self = (arrow_formatter *)base;
    pyr_status status = pyr_ipc_writer_batch(self->writer, batch, NULL, error);
    if (status != PYR_OK) {
        pyr_output_note_failure(base->output);
        return status;
    }
    base->rows += pyr_batch_selected(batch);
    return pyr_batch_check_mappings(batch, error);
}

static pyr_status arrow_end(pyr_formatter *base, pyr_error *error) {
    arrow_formatter *self = (arrow_formatter *)base;
    pyr_status status = pyr_ipc_writer_finish(self->writer, NULL, error);
    if (status != PYR_OK) {
        pyr_output_note_failure(base->output);
    }
    return status;
}

static void arrow_destroy(pyr_formatter *base) {
    arrow_formatter *self = (arrow_formatter *)base;
    pyr_ipc_writer_destroy(self->writer);
    free(self);
}

static const pyr_formatter_ops arrow_ops = {
    .begin = arrow_begin, .batch = arrow_batch, .end = arrow_end, .destroy = arrow_destroy};

pyr_formatter *pyr_format_arrow_create(const pyr_format *format) {
    (void)format;
    arrow_formatter *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->base.ops = &arrow_ops;
    return &self->base;
}
