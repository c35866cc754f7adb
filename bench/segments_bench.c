/* segments_bench.c - opening a database of many segments.
 *
 *     segments_bench make DIRECTORY COUNT      a table of COUNT segments of a row each, files all
 *     segments_bench open DIRECTORY            opens it: one JSON line
 *
 * An appender with hot segments and compaction turned off, as nothing else makes so many. `open_ms`
 * is pyr_open and pyr_connect, `bytes` what the open left in this process's anonymous memory,
 * before any segment is used.
 */
#include "arrow/builder.h"
#include "base/clock.h"
#include "catalog/catalog_internal.h"
#include "catalog/maintenance.h"
#include "pyralog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(pyr_status status, const pyr_error *error) {
    if (status != PYR_OK) {
        fprintf(stderr, "segments_bench: %s: %s\n", error->sqlstate, error->message);
        exit(1);
    }
}

/* ---- make. ---- */

static pyr_batch *make_row(void) {
    pyr_error error;
    pyr_field *field = NULL;
    pyr_schema *schema = NULL;
    pyr_builder *builder = NULL;
    pyr_array *column = NULL;
    pyr_batch *batch = NULL;
    check(pyr_field_create("k", PYR_TYPE_INT64, &field, &error), &error);
    check(pyr_schema_create(&field, 1, NULL, &schema, &error), &error);
    check(pyr_builder_create(field, NULL, &builder, &error), &error);
    check(pyr_builder_int64(builder, 42, &error), &error);
    check(pyr_builder_finish(builder, &column, &error), &error);
    check(pyr_batch_create(schema, 1, &column, 1, NULL, &batch, &error), &error);
    pyr_builder_destroy(builder);
    pyr_array_release(column);
    pyr_schema_release(schema);
    pyr_field_release(field);
    return batch;
}

static int make(const char *path, int64_t count) {
    static const pyr_table_option unsynced = {"sync", "none"};
    const pyr_appender_options options = {.create = true, .options = &unsynced, .options_count = 1};
    pyr_error error;
    pyr_catalog *catalog = NULL;
    pyr_appender *appender = NULL;
    pyr_batch *batch = make_row();
    check(pyr_catalog_open(path, false, &catalog, &error), &error);
    atomic_store(&catalog->hot_bytes_max, 0);
    pyr_maintenance_disable(catalog);
    check(pyr_appender_create(catalog, NULL, "t", batch->schema, &options, NULL, &appender, &error),
          &error);
    for (int64_t i = 0; i < count; ++i) {
        check(pyr_appender_batch(appender, batch, &error), &error);
        check(pyr_appender_commit(appender, NULL, &error), &error);
    }
    pyr_appender_destroy(appender);
    pyr_batch_release(batch);
    pyr_catalog_close(catalog);
    return 0;
}

/* ---- open. ---- */

/* Anonymous resident memory of this process in bytes, from the kernel. */
static long anonymous_bytes(void) {
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kilobytes = -1;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "RssAnon: %ld", &kilobytes) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kilobytes * 1024;
}

static double ms_since(int64_t start_ns) {
    return (double)(pyr_clock_monotonic_ns() - start_ns) / 1e6;
}

static int open_database(const char *path) {
    pyr_error error;
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    long before = anonymous_bytes();
    int64_t start = pyr_clock_monotonic_ns();
    check(pyr_open(path, NULL, &db, &error), &error);
    check(pyr_connect(db, &connection, &error), &error);
    double open_ms = ms_since(start);
    long bytes = anonymous_bytes() - before;
    printf("{\"open_ms\": %.2f, \"bytes\": %ld}\n", open_ms, bytes);
    pyr_disconnect(connection);
    pyr_close(db);
    return 0;
}

int main(int argc, char **argv) {
    int64_t count = argc == 4 ? strtoll(argv[3], NULL, 10) : 0;
    if (argc == 4 && strcmp(argv[1], "make") == 0 && count > 0) {
        return make(argv[2], count);
    }
    if (argc == 3 && strcmp(argv[1], "open") == 0) {
        return open_database(argv[2]);
    }
    fprintf(stderr, "usage: segments_bench make DIRECTORY COUNT | open DIRECTORY\n");
    return 2;
}
