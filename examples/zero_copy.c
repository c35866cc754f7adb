/* zero_copy.c - adds up a column of a table straight from the mapped file, and shows in two ways
 * that no byte was copied: by the address, which lies in the table's own file, and by the ledger.
 *
 *     cc zero_copy.c $(pkg-config --cflags --libs pyralog) -o zero_copy
 *     ./zero_copy DIRECTORY
 *
 * A result comes as an ArrowArrayStream: get_next gives a batch, which is yours until you release
 * it. The batch's buffers belong to Pyralog and live as long as the batch, also when the stream,
 * the connection and the database are gone.
 */
#include <pyralog.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const pyr_error *error) {
    fprintf(stderr, "error: %s: %s\n", error->sqlstate, error->message);
    return 1;
}

/* The file whose mapping an address lies in, by what the kernel says of this process: lines of
 * "start-end perms offset device inode path". */
static bool mapped_file(const void *address, char *path, size_t path_size) {
    char line[4400];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL) {
        uintptr_t start;
        uintptr_t end;
        const char *name = strchr(line, '/');
        if (name != NULL && sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) == 2 &&
            (uintptr_t)address >= start && (uintptr_t)address < end) {
            snprintf(path, path_size, "%.*s", (int)strcspn(name, "\n"), name);
            found = true;
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return found;
}

/* The batches' buffers are the pages of the segment file: nothing is between the disk's bytes and
 * this loop. path becomes the file of the last batch; 1 where a batch lies in none. */
static int add_up(struct ArrowArrayStream *stream, double *sum, int64_t *rows, char *path,
                  size_t path_size) {
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
        /* A batch may be a slice: its own offset counts for its columns, too. */
        const double *values = (const double *)column->buffers[1] + column->offset + batch.offset;
        if (!mapped_file(values, path, path_size)) {
            fprintf(stderr, "error: the values at %p are in no mapped file\n",
                    (const void *)values);
            batch.release(&batch);
            return 1;
        }
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
    char path[4400] = "";
    int result = add_up(&stream, &sum, &rows, path, sizeof(path));
    pyr_ledger_report ledger;
    pyr_ledger(connection, &ledger);
    stream.release(&stream);
    printf("%" PRId64 " rows, sum %.1f\n", rows, sum);
    printf("read where they lie: in %s\n", path);
    printf("engine %s: %" PRId64 " bytes referenced, %" PRId64 " bytes copied\n", ledger.engine,
           ledger.bytes_referenced, ledger.bytes_copied);
    pyr_disconnect(connection);
    pyr_close(db);
    char *folder = realpath(argv[1], NULL);
    bool ours = folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
    free(folder);
    return result == 0 && ours && ledger.bytes_copied == 0 ? 0 : 1;
}
