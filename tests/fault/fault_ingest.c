/* fault_ingest.c - batches of BIGINTs as an ArrowArrayStream: see fault_source. */
#include "fault_db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct batch_reader {
    const fault_source *source;
    int64_t next;
} batch_reader;

static void release_schema(struct ArrowSchema *schema) {
    for (int64_t i = 0; i < schema->n_children; ++i) {
        free(schema->children[i]);
    }
    free(schema->children);
    schema->release = NULL;
}

static void release_column(struct ArrowArray *array) {
    free((void *)array->buffers[1]);
    free((void *)array->buffers);
    array->release = NULL;
}

static void release_batch(struct ArrowArray *array) {
    for (int64_t i = 0; i < array->n_children; ++i) {
        if (array->children[i]->release != NULL) {
            array->children[i]->release(array->children[i]);
        }
        free(array->children[i]);
    }
    free(array->children);
    free((void *)array->buffers);
    array->release = NULL;
}

/* Not from calloc, whose failures memory_test makes: those of the caller are no matter of ours. */
static void *get_memory(size_t count, size_t size) {
    void *memory = NULL;
    if (posix_memalign(&memory, 64, count * size) != 0) {
        fault_die("out of memory");
    }
    return memset(memory, 0, count * size);
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    const fault_source *source = ((batch_reader *)stream->private_data)->source;
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = source->columns,
                                .children = get_memory((size_t)source->columns, sizeof(void *)),
                                .release = release_schema};
    for (int i = 0; i < source->columns; ++i) {
        out->children[i] = get_memory(1, sizeof(struct ArrowSchema));
        *out->children[i] = (struct ArrowSchema){
            .format = "l", .name = source->names[i], .release = release_schema};
    }
    return 0;
}

static struct ArrowArray *make_column(const fault_source *source, int64_t first, int64_t rows,
                                      int column) {
    struct ArrowArray *array = get_memory(1, sizeof(*array));
    int64_t *values = get_memory((size_t)rows, sizeof(*values));
    for (int64_t i = 0; i < rows; ++i) {
        values[i] = source->make(source->context, first + i, column);
    }
    *array = (struct ArrowArray){.length = rows,
                                 .n_buffers = 2,
                                 .buffers = get_memory(2, sizeof(void *)),
                                 .release = release_column};
    array->buffers[1] = values;
    return array;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    batch_reader *self = stream->private_data;
    const fault_source *source = self->source;
    memset(out, 0, sizeof(*out));
    int64_t rows = source->rows_count - self->next;
    rows = rows > source->rows_max ? source->rows_max : rows;
    if (rows == 0) {
        return 0;
    }
    *out = (struct ArrowArray){.length = rows,
                               .n_buffers = 1,
                               .buffers = get_memory(1, sizeof(void *)),
                               .n_children = source->columns,
                               .children = get_memory((size_t)source->columns, sizeof(void *)),
                               .release = release_batch};
    for (int i = 0; i < source->columns; ++i) {
        out->children[i] = make_column(source, self->next, rows, i);
    }
    self->next += rows;
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return "no error is given";
}

static void release_stream(struct ArrowArrayStream *stream) {
    stream->release = NULL;
}

pyr_status fault_ingest(fault_db *self, const char *table, const fault_source *source) {
    batch_reader reader = {source, 0};
    struct ArrowArrayStream stream = {get_schema, get_next, get_last_error, release_stream,
                                      &reader};
    static const char *const options[] = {"create=false", NULL};
    int64_t rows = 0;
    pyr_status status = pyr_ingest(self->connection, table, &stream, options, &rows, &self->error);
    if (status == PYR_OK && rows != source->rows_count) {
        fault_die("%s: %lld rows instead of %lld", table, (long long)rows,
                  (long long)source->rows_count);
    }
    return status;
}
