/* ingest.c - feeds batches made by the program itself into a table through the C Stream Interface.
 *
 *     cc ingest.c $(pkg-config --cflags --libs pyralog) -o ingest
 *     ./ingest DIRECTORY
 *
 * Any ArrowArrayStream will do: that of an Arrow library, of a database driver, or, as here, four
 * functions of the program's own. Pyralog asks for one batch after the other, writes its buffers to
 * the table's file and releases it. All rows are there when pyr_ingest returns, or none.
 */
#include <pyralog.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_PER_BATCH 10000
#define BATCHES 100

/* A producer of batches with one int64 column that counts up. */
typedef struct counter {
    int64_t next;
    int batches_left;
} counter;

static void release_schema(struct ArrowSchema *schema) {
    for (int64_t i = 0; i < schema->n_children; ++i) {
        if (schema->children[i]->release != NULL) {
            schema->children[i]->release(schema->children[i]);
        }
        free(schema->children[i]);
    }
    free(schema->children);
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
    for (int64_t i = 0; i < array->n_children; ++i) {
        if (array->children[i]->release != NULL) {
            array->children[i]->release(array->children[i]);
        }
        free(array->children[i]);
    }
    free(array->children);
    free((void *)array->buffers);
    free(array->private_data); /* the values */
    array->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    (void)stream;
    struct ArrowSchema *child = calloc(1, sizeof(*child));
    struct ArrowSchema **children = calloc(1, sizeof(struct ArrowSchema *));
    if (child == NULL || children == NULL) {
        free(child);
        free(children);
        return ENOMEM;
    }
    *child = (struct ArrowSchema){.format = "l", .name = "n", .release = release_schema};
    children[0] = child;
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = 1,
                                .children = children,
                                .release = release_schema};
    return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    counter *self = stream->private_data;
    memset(out, 0, sizeof(*out));
    if (self->batches_left == 0) {
        return 0; /* the end: out is released */
    }
    int64_t *values = malloc(ROWS_PER_BATCH * sizeof(*values));
    struct ArrowArray *child = calloc(1, sizeof(*child));
    struct ArrowArray **children = calloc(1, sizeof(struct ArrowArray *));
    const void **child_buffers = calloc(2, sizeof(void *));
    const void **buffers = calloc(1, sizeof(void *));
    if (values == NULL || child == NULL || children == NULL || child_buffers == NULL ||
        buffers == NULL) {
        free(values);
        free(child);
        free(children);
        free((void *)child_buffers);
        free((void *)buffers);
        return ENOMEM;
    }
    for (int i = 0; i < ROWS_PER_BATCH; ++i) {
        values[i] = self->next++;
    }
    --self->batches_left;
    child_buffers[1] = values;
    *child = (struct ArrowArray){.length = ROWS_PER_BATCH,
                                 .n_buffers = 2,
                                 .buffers = child_buffers,
                                 .release = release_array,
                                 .private_data = values};
    children[0] = child;
    *out = (struct ArrowArray){.length = ROWS_PER_BATCH,
                               .n_buffers = 1,
                               .buffers = buffers,
                               .n_children = 1,
                               .children = children,
                               .release = release_array};
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return "out of memory";
}

static void release_stream(struct ArrowArrayStream *stream) {
    stream->release = NULL;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    pyr_error error;
    int64_t rows = 0;
    counter source = {0, BATCHES};
    struct ArrowArrayStream stream = {get_schema, get_next, get_last_error, release_stream,
                                      &source};
    static const char *const options[] = {"replace=true", NULL};
    pyr_status status = pyr_open(argv[1], NULL, &db, &error);
    if (status == PYR_OK) {
        status = pyr_connect(db, &connection, &error);
    }
    if (status == PYR_OK) {
        status = pyr_ingest(connection, "numbers", &stream, options, &rows, &error);
    }
    if (status == PYR_OK) {
        printf("ingested %" PRId64 " rows\n", rows);
    } else {
        fprintf(stderr, "error: %s: %s\n", error.sqlstate, error.message);
    }
    pyr_disconnect(connection);
    pyr_close(db);
    return status == PYR_OK && rows == (int64_t)ROWS_PER_BATCH * BATCHES ? 0 : 1;
}
