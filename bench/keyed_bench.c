/* keyed_bench.c - keyed tables beside RocksDB itself: the same library with the same options, the
 * same rows (k BIGINT, a BIGINT, b DOUBLE, c VARCHAR of 8), in one process, one after the other.
 *
 *     keyed_bench DIRECTORY ROWS READS       one JSON line: rates a second, and ours / theirs
 *
 * Loads ROWS rows in order, then upserts batches of 1,000 random keys (each batch a commit that is
 * on disk), then reads READS random keys one by one; ours then by prepared statements, too, reads
 * also by lists of 100 keys. RocksDB writes the same bytes a row under
 * 8-byte keys, without looking at what was there.
 */
#include "arrow/builder.h"
#include "arrow/cdata.h"
#include "base/clock.h"
#include "base/text.h"
#include "catalog/change.h"
#include "catalog/keyed.h"
#include "pyralog.h"

#include <inttypes.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BATCH_ROWS = 1000, LOAD_ROWS = 50000, UPSERT_BATCHES = 200, COLUMNS = 4 };

static void check(pyr_status status, const pyr_error *error) {
    if (status != PYR_OK) {
        fprintf(stderr, "keyed_bench: %s: %s\n", error->sqlstate, error->message);
        exit(1);
    }
}

static void check_fault(char *fault) {
    if (fault != NULL) {
        fprintf(stderr, "keyed_bench: %s\n", fault);
        exit(1);
    }
}

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static double seconds_since(int64_t start_ns) {
    return (double)(pyr_clock_monotonic_ns() - start_ns) / 1e9;
}

/* ---- Rows. ---- */

static pyr_schema *make_schema(void) {
    static const char *const names[COLUMNS] = {"k", "a", "b", "c"};
    static const pyr_type_id types[COLUMNS] = {PYR_TYPE_INT64, PYR_TYPE_INT64, PYR_TYPE_FLOAT64,
                                               PYR_TYPE_UTF8};
    pyr_error error;
    pyr_field *fields[COLUMNS];
    pyr_schema *schema = NULL;
    for (int i = 0; i < COLUMNS; ++i) {
        check(pyr_field_create(names[i], types[i], &fields[i], &error), &error);
    }
    check(pyr_schema_create(fields, COLUMNS, NULL, &schema, &error), &error);
    for (int i = 0; i < COLUMNS; ++i) {
        pyr_field_release(fields[i]);
    }
    return schema;
}

static pyr_batch *make_batch(pyr_schema *schema, const int64_t *keys, int64_t rows) {
    pyr_error error;
    pyr_builder *builders[COLUMNS];
    pyr_array *columns[COLUMNS];
    pyr_batch *batch = NULL;
    for (int i = 0; i < COLUMNS; ++i) {
        check(pyr_builder_create(schema->fields[i], NULL, &builders[i], &error), &error);
    }
    for (int64_t i = 0; i < rows; ++i) {
        char text[16];
        (void)snprintf(text, sizeof(text), "%08u", (unsigned)(keys[i] % 100000000));
        check(pyr_builder_int64(builders[0], keys[i], &error), &error);
        check(pyr_builder_int64(builders[1], keys[i] * 3, &error), &error);
        check(pyr_builder_double(builders[2], (double)keys[i] / 7, &error), &error);
        check(pyr_builder_bytes(builders[3], text, 8, &error), &error);
    }
    for (int i = 0; i < COLUMNS; ++i) {
        check(pyr_builder_finish(builders[i], &columns[i], &error), &error);
        pyr_builder_destroy(builders[i]);
    }
    check(pyr_batch_create(schema, rows, columns, COLUMNS, NULL, &batch, &error), &error);
    for (int i = 0; i < COLUMNS; ++i) {
        pyr_array_release(columns[i]);
    }
    return batch;
}

/* All upserts' batches, made before the clock runs. */
static pyr_batch **make_upserts(pyr_schema *schema, int64_t rows) {
    uint64_t state = 88172645463325252u;
    int64_t keys[BATCH_ROWS];
    pyr_batch **batches = calloc(UPSERT_BATCHES, sizeof(*batches));
    for (int i = 0; i < UPSERT_BATCHES; ++i) {
        for (int j = 0; j < BATCH_ROWS; ++j) {
            keys[j] = (int64_t)(next_random(&state) % (uint64_t)rows);
        }
        batches[i] = make_batch(schema, keys, BATCH_ROWS);
    }
    return batches;
}

/* ---- RocksDB. ---- */

static rocksdb_options_t *raw_options(rocksdb_cache_t *cache) {
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_block_based_table_options_t *tables = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_filter_policy(tables,
                                                  rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_block_cache(tables, cache);
    rocksdb_block_based_options_set_format_version(tables, 5);
    rocksdb_options_set_block_based_table_factory(options, tables);
    rocksdb_block_based_options_destroy(tables);
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_write_buffer_size(options, (size_t)32 << 20);
    rocksdb_options_set_max_open_files(options, 512);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.02);
    rocksdb_options_set_memtable_whole_key_filtering(options, 1);
    return options;
}

typedef struct rates {
    double load, upsert, read;
} rates;

static void put_key(int64_t key, char out[8]) {
    uint64_t bits = (uint64_t)key ^ UINT64_C(0x8000000000000000);
    for (int i = 0; i < 8; ++i) {
        out[i] = (char)(bits >> (56 - 8 * i));
    }
}

/* The bytes of a row: as many as row_codec.h takes for it. */
static size_t put_value(int64_t key, char out[64]) {
    int64_t a = key * 3;
    double b = (double)key / 7;
    char text[16];
    (void)snprintf(text, sizeof(text), "%08u", (unsigned)(key % 100000000));
    memset(out, 1, 12);
    memcpy(out + 12, &key, 8);
    memcpy(out + 20, &a, 8);
    memcpy(out + 28, &b, 8);
    out[36] = 8;
    memcpy(out + 37, text, 8);
    return 45;
}

static void raw_write(rocksdb_t *db, rocksdb_writeoptions_t *options, const int64_t *keys,
                      int64_t rows) {
    char *fault = NULL;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (int64_t i = 0; i < rows; ++i) {
        char key[8];
        char value[64];
        put_key(keys[i], key);
        rocksdb_writebatch_put(batch, key, 8, value, put_value(keys[i], value));
    }
    rocksdb_write(db, options, batch, &fault);
    check_fault(fault);
    rocksdb_writebatch_destroy(batch);
}

static rates run_raw(const char *folder, int64_t rows, int64_t reads, pyr_batch *const *upserts) {
    rates out;
    char path[4096];
    char *fault = NULL;
    (void)snprintf(path, sizeof(path), "%s/raw", folder);
    rocksdb_cache_t *cache = rocksdb_cache_create_lru((size_t)64 << 20);
    rocksdb_options_t *options = raw_options(cache);
    rocksdb_t *db = rocksdb_open(options, path, &fault);
    check_fault(fault);
    rocksdb_writeoptions_t *sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(sync, 1);
    int64_t *keys = calloc(LOAD_ROWS, sizeof(*keys));
    int64_t start = pyr_clock_monotonic_ns();
    for (int64_t first = 0; first < rows; first += LOAD_ROWS) {
        int64_t some = rows - first < LOAD_ROWS ? rows - first : LOAD_ROWS;
        for (int64_t i = 0; i < some; ++i) {
            keys[i] = first + i;
        }
        raw_write(db, sync, keys, some);
    }
    out.load = (double)rows / seconds_since(start);
    start = pyr_clock_monotonic_ns();
    for (int i = 0; i < UPSERT_BATCHES; ++i) {
        for (int64_t j = 0; j < BATCH_ROWS; ++j) {
            keys[j] = pyr_array_int64(upserts[i]->columns[0], j);
        }
        raw_write(db, sync, keys, BATCH_ROWS);
    }
    out.upsert = (double)UPSERT_BATCHES * BATCH_ROWS / seconds_since(start);
    rocksdb_readoptions_t *read = rocksdb_readoptions_create();
    uint64_t state = 2463534242u;
    start = pyr_clock_monotonic_ns();
    for (int64_t i = 0; i < reads; ++i) {
        char key[8];
        size_t size;
        put_key((int64_t)(next_random(&state) % (uint64_t)rows), key);
        char *value = rocksdb_get(db, read, key, 8, &size, &fault);
        check_fault(fault);
        if (value == NULL || size != 45) {
            fprintf(stderr, "keyed_bench: a row is missing\n");
            exit(1);
        }
        rocksdb_free(value);
    }
    out.read = (double)reads / seconds_since(start);
    free(keys);
    rocksdb_readoptions_destroy(read);
    rocksdb_writeoptions_destroy(sync);
    rocksdb_close(db);
    rocksdb_options_destroy(options);
    rocksdb_cache_destroy(cache);
    return out;
}

/* ---- Ours, by the catalog's functions. ---- */

static void write_rows(pyr_catalog *catalog, pyr_batch *batch, pyr_keyed_mode mode) {
    pyr_error error;
    pyr_snapshot *snapshot = NULL;
    pyr_change *change = NULL;
    check(pyr_catalog_snapshot(catalog, &snapshot, &error), &error);
    check(pyr_change_create(catalog, snapshot, &change, &error), &error);
    const pyr_keyed_write_options options = {.mode = mode, .conflict_key = PYR_KEYED_PRIMARY_KEY};
    check(pyr_keyed_write(change, pyr_snapshot_find(snapshot, NULL, "t"), batch, &options, NULL,
                          NULL, &error),
          &error);
    check(pyr_change_commit(change, true, &error), &error);
    pyr_change_destroy(change);
    pyr_snapshot_release(snapshot);
}

static void create_table(pyr_catalog *catalog, pyr_schema *schema) {
    static const int32_t key[] = {0};
    pyr_error error;
    pyr_constraints *constraints = NULL;
    check(pyr_constraints_create(COLUMNS, &constraints, &error), &error);
    check(pyr_constraints_add_key(constraints, true, "", key, 1, &error), &error);
    const pyr_table_definition definition = {
        .name = "t", .schema = schema, .constraints = constraints};
    check(pyr_catalog_create_table(catalog, &definition, PYR_CREATE_NEW, NULL, &error), &error);
    pyr_constraints_release(constraints);
}

static double read_by_find(pyr_catalog *catalog, int64_t rows, int64_t reads) {
    static const int32_t key[] = {0};
    pyr_error error;
    pyr_snapshot *snapshot = NULL;
    pyr_schema *schema = make_schema();
    uint64_t state = 2463534242u;
    check(pyr_catalog_snapshot(catalog, &snapshot, &error), &error);
    const pyr_table *table = pyr_snapshot_find(snapshot, NULL, "t");
    int64_t start = pyr_clock_monotonic_ns();
    for (int64_t i = 0; i < reads; ++i) {
        int64_t value = (int64_t)(next_random(&state) % (uint64_t)rows);
        pyr_batch *asked = make_batch(schema, &value, 1);
        pyr_keyed_found found;
        check(pyr_keyed_find(table, PYR_KEYED_PRIMARY_KEY, asked, key, NULL, 0, NULL, NULL, &found,
                             &error),
              &error);
        if (found.rows->rows != 1) {
            fprintf(stderr, "keyed_bench: a row is missing\n");
            exit(1);
        }
        pyr_keyed_found_deinit(&found);
        pyr_batch_release(asked);
    }
    double rate = (double)reads / seconds_since(start);
    pyr_snapshot_release(snapshot);
    pyr_schema_release(schema);
    return rate;
}

static rates run_ours(const char *path, int64_t rows, int64_t reads, pyr_batch *const *upserts) {
    rates out;
    pyr_error error;
    pyr_catalog *catalog = NULL;
    pyr_schema *schema = make_schema();
    int64_t *keys = calloc(LOAD_ROWS, sizeof(*keys));
    double load_seconds = 0;
    check(pyr_catalog_open(path, false, &catalog, &error), &error);
    create_table(catalog, schema);
    for (int64_t first = 0; first < rows; first += LOAD_ROWS) {
        int64_t some = rows - first < LOAD_ROWS ? rows - first : LOAD_ROWS;
        for (int64_t i = 0; i < some; ++i) {
            keys[i] = first + i;
        }
        pyr_batch *batch = make_batch(schema, keys, some);
        int64_t start = pyr_clock_monotonic_ns();
        write_rows(catalog, batch, PYR_KEYED_INSERT);
        load_seconds += seconds_since(start);
        pyr_batch_release(batch);
    }
    out.load = (double)rows / load_seconds;
    int64_t start = pyr_clock_monotonic_ns();
    for (int i = 0; i < UPSERT_BATCHES; ++i) {
        write_rows(catalog, upserts[i], PYR_KEYED_REPLACE);
    }
    out.upsert = (double)UPSERT_BATCHES * BATCH_ROWS / seconds_since(start);
    out.read = read_by_find(catalog, rows, reads);
    pyr_catalog_close(catalog);
    pyr_schema_release(schema);
    free(keys);
    return out;
}

/* ---- Ours, by prepared statements. ---- */

static void keep_schema(struct ArrowSchema *schema) {
    schema->release = NULL;
}

static void keep_array(struct ArrowArray *array) {
    array->release = NULL;
}

/* count parameters, all BIGINT but, of rows to insert, each third and fourth of four. */
typedef struct bound_values {
    int count;
    int64_t *numbers; /* or doubles' bits */
    int32_t (*offsets)[2];
    char (*texts)[16];
    const void *(*buffers)[3];
    struct ArrowArray *values, **value_pointers, row;
    struct ArrowSchema *fields, **field_pointers, type;
    const void *no_buffers[1];
    pyr_params params;
} bound_values;

static void bound_values_init(bound_values *self, int count, bool rows) {
    memset(self, 0, sizeof(*self));
    size_t n = (size_t)count;
    self->count = count;
    self->numbers = calloc(n, sizeof(*self->numbers));
    self->offsets = calloc(n, sizeof(*self->offsets));
    self->texts = calloc(n, sizeof(*self->texts));
    self->buffers = calloc(n, sizeof(*self->buffers));
    self->values = calloc(n, sizeof(*self->values));
    self->value_pointers = calloc(n, sizeof(*self->value_pointers));
    self->fields = calloc(n, sizeof(*self->fields));
    self->field_pointers = calloc(n, sizeof(*self->field_pointers));
    for (int i = 0; i < count; ++i) {
        bool text = rows && i % COLUMNS == 3;
        self->offsets[i][1] = 8;
        self->buffers[i][1] = text ? (void *)self->offsets[i] : (void *)&self->numbers[i];
        self->buffers[i][2] = self->texts[i];
        self->values[i] = (struct ArrowArray){.length = 1,
                                              .n_buffers = text ? 3 : 2,
                                              .buffers = self->buffers[i],
                                              .release = keep_array};
        self->value_pointers[i] = &self->values[i];
        self->fields[i] = (struct ArrowSchema){.format = text                       ? "u"
                                                         : rows && i % COLUMNS == 2 ? "g"
                                                                                    : "l",
                                               .name = "",
                                               .release = keep_schema};
        self->field_pointers[i] = &self->fields[i];
    }
    self->row = (struct ArrowArray){.length = 1,
                                    .n_buffers = 1,
                                    .buffers = self->no_buffers,
                                    .n_children = count,
                                    .children = self->value_pointers,
                                    .release = keep_array};
    self->type = (struct ArrowSchema){.format = "+s",
                                      .name = "",
                                      .n_children = count,
                                      .children = self->field_pointers,
                                      .release = keep_schema};
    self->params = (pyr_params){&self->type, &self->row};
}

static void bound_values_deinit(bound_values *self) {
    free(self->numbers);
    free(self->offsets);
    free(self->texts);
    free(self->buffers);
    free(self->values);
    free(self->value_pointers);
    free(self->fields);
    free(self->field_pointers);
}

static int64_t run_query(pyr_statement *statement, const bound_values *values) {
    pyr_error error;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    int64_t rows = 0;
    check(pyr_bind(statement, &values->params, &error), &error);
    check(pyr_statement_query(statement, &stream, &error), &error);
    while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
        rows += batch.length;
        batch.release(&batch);
    }
    stream.release(&stream);
    return rows;
}

/* Reads by key, keys_each a statement. */
static double read_by_statement(pyr_connection *connection, int64_t rows, int64_t reads,
                                int keys_each) {
    pyr_error error;
    pyr_statement *statement = NULL;
    pyr_text sql;
    bound_values values;
    uint64_t state = 2463534242u;
    pyr_text_init(&sql);
    pyr_text_add(&sql, "SELECT * FROM t WHERE k IN (?");
    for (int i = 1; i < keys_each; ++i) {
        pyr_text_add(&sql, ", ?");
    }
    pyr_text_add(&sql, ")");
    check(pyr_prepare(connection,
                      keys_each == 1 ? "SELECT * FROM t WHERE k = ?" : pyr_text_get(&sql),
                      &statement, &error),
          &error);
    bound_values_init(&values, keys_each, false);
    int64_t start = pyr_clock_monotonic_ns();
    for (int64_t i = 0; i < reads; i += keys_each) {
        for (int j = 0; j < keys_each; ++j) {
            values.numbers[j] = (int64_t)(next_random(&state) % (uint64_t)rows);
        }
        if (run_query(statement, &values) == 0) {
            fprintf(stderr, "keyed_bench: a row is missing\n");
            exit(1);
        }
    }
    double rate = (double)reads / seconds_since(start);
    bound_values_deinit(&values);
    pyr_statement_close(statement);
    pyr_text_deinit(&sql);
    return rate;
}

/* INSERT OR REPLACE of BATCH_ROWS rows of parameters a statement. */
static double upsert_by_statement(pyr_connection *connection, int64_t rows) {
    enum { BATCHES = 50 };
    pyr_error error;
    pyr_statement *statement = NULL;
    pyr_text sql;
    bound_values values;
    uint64_t state = 88172645463325252u;
    pyr_text_init(&sql);
    pyr_text_add(&sql, "INSERT OR REPLACE INTO t VALUES (?, ?, ?, ?)");
    for (int i = 1; i < BATCH_ROWS; ++i) {
        pyr_text_add(&sql, ", (?, ?, ?, ?)");
    }
    check(pyr_prepare(connection, pyr_text_get(&sql), &statement, &error), &error);
    bound_values_init(&values, BATCH_ROWS * COLUMNS, true);
    int64_t start = pyr_clock_monotonic_ns();
    for (int i = 0; i < BATCHES; ++i) {
        for (int j = 0; j < BATCH_ROWS; ++j) {
            int64_t key = (int64_t)(next_random(&state) % (uint64_t)rows);
            double real = (double)key / 7;
            values.numbers[COLUMNS * j] = key;
            values.numbers[COLUMNS * j + 1] = key * 3;
            memcpy(&values.numbers[COLUMNS * j + 2], &real, sizeof(real));
            (void)snprintf(values.texts[COLUMNS * j + 3], 16, "%08u", (unsigned)(key % 100000000));
        }
        check(pyr_bind(statement, &values.params, &error), &error);
        check(pyr_statement_execute(statement, NULL, &error), &error);
    }
    double rate = (double)BATCHES * BATCH_ROWS / seconds_since(start);
    bound_values_deinit(&values);
    pyr_statement_close(statement);
    pyr_text_deinit(&sql);
    return rate;
}

/* The same as UPSERT_BATCHES calls of pyr_ingest. */
static double upsert_by_ingest(pyr_connection *connection, pyr_batch *const *upserts) {
    static const char *const options[] = {"on_conflict=replace", NULL};
    pyr_error error;
    int64_t start = pyr_clock_monotonic_ns();
    for (int i = 0; i < UPSERT_BATCHES; ++i) {
        pyr_batch *batch = upserts[i];
        pyr_stream *stream = NULL;
        struct ArrowArrayStream exported;
        check(pyr_stream_from_batches(batch->schema, &batch, 1, &stream, &error), &error);
        check(pyr_stream_export(stream, NULL, NULL, &exported, &error), &error);
        check(pyr_ingest(connection, "t", &exported, options, NULL, &error), &error);
    }
    return (double)UPSERT_BATCHES * BATCH_ROWS / seconds_since(start);
}

typedef struct statement_rates {
    double single, list, upsert, ingest;
} statement_rates;

static statement_rates run_statements(const char *path, int64_t rows, int64_t reads,
                                      pyr_batch *const *upserts) {
    pyr_error error;
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    statement_rates out;
    check(pyr_open(path, NULL, &db, &error), &error);
    check(pyr_connect(db, &connection, &error), &error);
    out.single = read_by_statement(connection, rows, reads, 1);
    out.list = read_by_statement(connection, rows, reads, 100);
    out.upsert = upsert_by_statement(connection, rows);
    out.ingest = upsert_by_ingest(connection, upserts);
    pyr_disconnect(connection);
    pyr_close(db);
    return out;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: keyed_bench DIRECTORY ROWS READS\n");
        return 2;
    }
    int64_t rows = strtoll(argv[2], NULL, 10);
    int64_t reads = strtoll(argv[3], NULL, 10);
    char path[4096];
    (void)mkdir(argv[1], 0777);
    (void)snprintf(path, sizeof(path), "%s/ours", argv[1]);
    pyr_schema *schema = make_schema();
    pyr_batch **upserts = make_upserts(schema, rows);
    rates raw = run_raw(argv[1], rows, reads, upserts);
    rates ours = run_ours(path, rows, reads, upserts);
    statement_rates statements = run_statements(path, rows, reads, upserts);
    printf(
        "{\"rows\": %" PRId64 ", \"raw_load\": %.0f, \"load_ratio\": %.2f, \"raw_upsert\": %.0f, "
        "\"upsert_ratio\": %.2f, \"statement_upsert_ratio\": %.2f, \"ingest_upsert_ratio\": %.2f, "
        "\"raw_read\": %.0f, "
        "\"find_ratio\": %.2f, \"statement_read_ratio\": %.2f, \"statement_list_ratio\": %.2f}\n",
        rows, raw.load, ours.load / raw.load, raw.upsert, ours.upsert / raw.upsert,
        statements.upsert / raw.upsert, statements.ingest / raw.upsert, raw.read,
        ours.read / raw.read, statements.single / raw.read, statements.list / raw.read);
    for (int i = 0; i < UPSERT_BATCHES; ++i) {
        pyr_batch_release(upserts[i]);
    }
    free(upserts);
    pyr_schema_release(schema);
    return 0;
}
