/* query.c - opens a database, writes rows, reads one of them back by a parameter and prints it.
 *
 *     cc query.c $(pkg-config --cflags --libs pyralog) -o query
 *     ./query DIRECTORY
 *
 * Every call gives a pyr_status and fills a pyr_error, a plain struct of the caller's. Rows and
 * parameters are Arrow arrays: a row is a struct array of length 1 whose children are the columns.
 */
#include <pyralog.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void keep_schema(struct ArrowSchema *schema) {
    schema->release = NULL;
}

static void keep_array(struct ArrowArray *array) {
    array->release = NULL;
}

/* A one-row struct array with one int64 child: the value of $1. A program with an Arrow library at
 * hand builds it with that. Nothing here is allocated, so the releases have nothing to do; Pyralog
 * borrows parameters for the call and never releases them. */
static void int64_params(int64_t *value, struct ArrowSchema *schema, struct ArrowArray *array) {
    static struct ArrowSchema child_schema;
    static struct ArrowSchema *child_schemas[1] = {&child_schema};
    static struct ArrowArray child;
    static struct ArrowArray *children[1] = {&child};
    static const void *child_buffers[2];
    static const void *no_validity[1] = {NULL};
    memset(&child_schema, 0, sizeof(child_schema));
    memset(&child, 0, sizeof(child));
    child_schema.format = "l";
    child_schema.name = "";
    child_schema.release = keep_schema;
    child_buffers[0] = NULL;
    child_buffers[1] = value;
    child.length = 1;
    child.n_buffers = 2;
    child.buffers = child_buffers;
    child.release = keep_array;
    memset(schema, 0, sizeof(*schema));
    schema->format = "+s";
    schema->name = "";
    schema->release = keep_schema;
    schema->n_children = 1;
    schema->children = child_schemas;
    memset(array, 0, sizeof(*array));
    array->length = 1;
    array->n_buffers = 1;
    array->buffers = no_validity;
    array->n_children = 1;
    array->children = children;
    array->release = keep_array;
}

static int fail(const pyr_error *error) {
    fprintf(stderr, "error: %s: %s\n", error->sqlstate, error->message);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    pyr_error error;
    if (pyr_open(argv[1], NULL, &db, &error) != PYR_OK ||
        pyr_connect(db, &connection, &error) != PYR_OK) {
        pyr_close(db);
        return fail(&error);
    }
    int64_t changed = 0;
    pyr_status status =
        pyr_execute(connection,
                    "CREATE OR REPLACE TABLE points (id BIGINT, value DOUBLE);"
                    "INSERT INTO points VALUES (1, 0.5::DOUBLE), (2, 1.5::DOUBLE), (3, NULL)",
                    NULL, &changed, &error);
    if (status == PYR_OK) {
        printf("inserted %" PRId64 " rows\n", changed);
        int64_t id = 2;
        struct ArrowSchema schema;
        struct ArrowArray array;
        int64_params(&id, &schema, &array);
        pyr_params params = {&schema, &array};
        pyr_row row;
        status = pyr_query_one(connection, "SELECT value FROM points WHERE id = $1", &params, &row,
                               &error);
        if (status == PYR_OK) {
            const struct ArrowArray *column = row.array.children[0];
            const double *values = column->buffers[1];
            printf("point %" PRId64 " is %g\n", id, values[column->offset + row.array.offset]);
            pyr_row_release(&row);
        }
    }
    pyr_disconnect(connection);
    pyr_close(db);
    return status == PYR_OK ? 0 : fail(&error);
}
