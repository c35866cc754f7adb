/* cdata_stream.c - the C Stream Interface both ways; see cdata.h. */
#include "arrow/cdata_internal.h"

#include <errno.h>
#include <stdio.h>

/* ---- Import. ---- */

typedef struct imported_stream {
    pyr_stream base;
    struct ArrowArrayStream source;
} imported_stream;

/* The inverse of errno_of as far as it has one. What is unknown is the other side's trouble, not a
 * bug of ours. */
static pyr_status status_of(int code) {
    switch (code) {
    case ENOMEM:
        return PYR_ERROR_MEMORY;
    case ECANCELED:
        return PYR_ERROR_CANCELLED;
    case ETIMEDOUT:
        return PYR_ERROR_TIMEOUT;
    case EINVAL:
        return PYR_ERROR_INVALID_ARGUMENT;
    case ENOTSUP:
    case ENOSYS:
        return PYR_ERROR_NOT_SUPPORTED;
    case ENOENT:
        return PYR_ERROR_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
        return PYR_ERROR_DISK_FULL;
    case EACCES:
    case EPERM:
        return PYR_ERROR_PERMISSION;
    default:
        return PYR_ERROR_IO;
    }
}

static pyr_status foreign_error(struct ArrowArrayStream *source, int code, pyr_error *error) {
    pyr_status status = status_of(code);
    const char *text = source->get_last_error(source);
    return text != NULL ? pyr_error_set(error, status, "%s", text)
                        : pyr_error_set(error, status, "the stream failed: %s", strerror(code));
}

static pyr_status imported_next(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    imported_stream *self = (imported_stream *)stream;
    struct ArrowArray array = {0};
    int code = self->source.get_next(&self->source, &array);
    if (code != 0) {
        return foreign_error(&self->source, code, error);
    }
    if (array.release == NULL) {
        return PYR_OK; /* the end */
    }
    return pyr_batch_import(&array, self->base.schema, out, error);
}

static void imported_destroy(pyr_stream *stream) {
    imported_stream *self = (imported_stream *)stream;
    self->source.release(&self->source);
    pyr_schema_release(self->base.schema);
    free(self);
}

static pyr_status import_schema(struct ArrowArrayStream *source, pyr_schema **out,
                                pyr_error *error) {
    *out = NULL;
    struct ArrowSchema schema = {0};
    int code = source->get_schema(source, &schema);
    return code == 0 ? pyr_schema_import(&schema, out, error) : foreign_error(source, code, error);
}

pyr_status pyr_stream_import(struct ArrowArrayStream *source, pyr_stream **out, pyr_error *error) {
    static const pyr_stream_ops ops = {imported_next, imported_destroy};
    *out = NULL;
    if (source->release == NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "the stream was released already");
    }
    imported_stream *self = calloc(1, sizeof(*self));
    pyr_status status = self != NULL ? PYR_OK : pyr_error_memory(error, sizeof(*self));
    if (status == PYR_OK) {
        status = import_schema(source, &self->base.schema, error);
    }
    if (status != PYR_OK) {
        source->release(source);
        source->release = NULL;
        free(self);
        return status;
    }
    self->base.ops = &ops;
    self->source = *source;
    source->release = NULL;
    *out = &self->base;
    return PYR_OK;
}

/* ---- Export. ---- */

typedef struct exported_stream {
    pyr_stream *stream;
    pyr_query_ledger *ledger;
    pyr_budget *budget; /* retained */
    int failed;         /* the errno of the first failure: nothing is pulled after it */
    char *message;      /* NULL: none */
} exported_stream;

static int errno_of(pyr_status status) {
    switch (status) {
    case PYR_ERROR_MEMORY:
        return ENOMEM;
    case PYR_ERROR_IO:
    case PYR_ERROR_CORRUPT:
        return EIO;
    case PYR_ERROR_CANCELLED:
        return ECANCELED;
    case PYR_ERROR_TIMEOUT:
        return ETIMEDOUT;
    case PYR_ERROR_INVALID_ARGUMENT:
    case PYR_ERROR_SQL:
    case PYR_ERROR_CONSTRAINT:
        return EINVAL;
    case PYR_ERROR_NOT_SUPPORTED:
        return ENOTSUP;
    case PYR_ERROR_NOT_FOUND:
        return ENOENT;
    case PYR_ERROR_ALREADY_EXISTS:
        return EEXIST;
    case PYR_ERROR_DISK_FULL:
        return ENOSPC;
    case PYR_ERROR_PERMISSION:
    case PYR_ERROR_UNAUTHENTICATED:
        return EACCES;
    case PYR_ERROR_BUSY:
        return EBUSY;
    case PYR_ERROR_LIMIT:
        return EOVERFLOW;
    case PYR_ERROR_CONFLICT:
        return EAGAIN;
    default:
        return EPROTO;
    }
}

static int note_failure(exported_stream *self, pyr_status status, const pyr_error *error) {
    size_t size = sizeof(error->sqlstate) + sizeof(error->message) + 2;
    free(self->message);
    self->message = malloc(size);
    if (self->message != NULL) {
        (void)snprintf(self->message, size, "%s: %s", error->sqlstate, error->message);
    }
    return errno_of(status);
}

static int stream_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    exported_stream *self = stream->private_data;
    pyr_error error = {0};
    pyr_status status = pyr_schema_export(self->stream->schema, out, &error);
    return status == PYR_OK ? 0 : note_failure(self, status, &error);
}

static pyr_status next_dense(exported_stream *self, struct ArrowArray *out, pyr_error *error) {
    pyr_batch *batch = NULL, *dense = NULL;
    PYR_TRY(pyr_stream_next(self->stream, &batch, error));
    if (batch == NULL) {
        return PYR_OK; /* the end: a released array */
    }
    pyr_status status = pyr_batch_dense(batch, self->ledger, self->budget, &dense, error);
    if (status == PYR_OK) {
        status = pyr_batch_export(dense, out, error);
    }
    pyr_batch_release(batch);
    pyr_batch_release(dense);
    return status;
}

static int stream_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    exported_stream *self = stream->private_data;
    *out = (struct ArrowArray){0};
    if (self->failed != 0) {
        return self->failed;
    }
    pyr_error error = {0};
    pyr_status status = next_dense(self, out, &error);
    if (status != PYR_OK) {
        self->failed = note_failure(self, status, &error);
    }
    return self->failed;
}

static const char *stream_get_last_error(struct ArrowArrayStream *stream) {
    exported_stream *self = stream->private_data;
    return self->message;
}

static void stream_release(struct ArrowArrayStream *stream) {
    exported_stream *self = stream->private_data;
    pyr_stream_destroy(self->stream);
    pyr_budget_release(self->budget);
    free(self->message);
    free(self);
    stream->release = NULL;
}

pyr_status pyr_stream_export(pyr_stream *stream, pyr_query_ledger *ledger, pyr_budget *budget,
                             struct ArrowArrayStream *out, pyr_error *error) {
    *out = (struct ArrowArrayStream){0};
    exported_stream *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        pyr_stream_destroy(stream);
        return pyr_error_memory(error, sizeof(*self));
    }
    self->stream = stream;
    self->ledger = ledger;
    self->budget = budget != NULL ? pyr_budget_retain(budget) : NULL;
    *out = (struct ArrowArrayStream){
        .get_schema = stream_get_schema,
        .get_next = stream_get_next,
        .get_last_error = stream_get_last_error,
        .release = stream_release,
        .private_data = self,
    };
    return PYR_OK;
}
