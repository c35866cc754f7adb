/* zero_copy.c - adds up a column of a table straight from the mapped file, and shows by the ledger
 * that no byte was copied.
 *
 *     zero_copy DIRECTORY
 */
#include <pyralog.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const pyr_error *error) {
    fprintf(stderr, "error: %s: %s\n", error->sqlstate, error->message);
    return 1;
}

/* The batches' buffers are the pages of the segment file: nothing is between the disk's bytes and
 * this loop. */
static int add_up(struct ArrowArrayStream *stream, double *sum, int64_t *rows) {
    for (;;) {
        struct ArrowArray batch;
        if (stream->get_next(stream, &batch) != 0) {
            fprintf(stderr, "error: %s\n", stream->get_last_error(stream));
            return 1;
        }
        if (batch.release == NULL) {
            return 0;
        }
        const struct ArrowArray *column = batch.children[0];
        const double *values = (const double *)column->buffers[1] + column->offset;
        for (int64_t i = 0; i < batch.length; ++i) {
            *sum += values[i];
        }
        *rows += batch.length;
        batch.release(&batch);
    }
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
        pyr_connect(db, &connection, &error) != PYR_OK ||
        pyr_execute(connection,
                    "CREATE OR REPLACE TABLE amounts AS "
                    "SELECT i::DOUBLE / 2 AS amount FROM range(1000000) AS r(i)",
                    NULL, NULL, &error) != PYR_OK) {
        pyr_disconnect(connection);
        pyr_close(db);
        return fail(&error);
    }
    struct ArrowArrayStream stream;
    if (pyr_query(connection, "SELECT amount FROM amounts", NULL, &stream, &error) != PYR_OK) {
        pyr_disconnect(connection);
        pyr_close(db);
        return fail(&error);
    }
    double sum = 0;
    int64_t rows = 0;
    int result = add_up(&stream, &sum, &rows);
    pyr_ledger_report ledger;
    pyr_ledger(connection, &ledger);
    stream.release(&stream);
    printf("%" PRId64 " rows, sum %.1f\n", rows, sum);
    printf("engine %s: %" PRId64 " bytes referenced, %" PRId64 " bytes copied\n", ledger.engine,
           ledger.bytes_referenced, ledger.bytes_copied);
    pyr_disconnect(connection);
    pyr_close(db);
    return result != 0 || ledger.bytes_copied != 0;
}
