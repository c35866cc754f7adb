/* keyed_bench.c - keyed tables beside RocksDB itself: the same library with the same options, the
 * same rows (k BIGINT, a BIGINT, b DOUBLE, c VARCHAR of 8), in one process, one after the other.
 *
 *     keyed_bench DIRECTORY ROWS READS       one JSON line: rates a second, and ours / theirs
 *
 * Loads ROWS rows in order, then upserts batches of 1,000 random keys (each batch a commit that is
 * on disk), then reads READS random keys one by one; ours then by prepared statements, too, reads
 * also by lists of 100 keys. RocksDB writes the same bytes a row under 8-byte keys, without looking
 * at what was there.
 *
 * The clock of each side runs from the same things to the same things: from Arrow batches to
 * synced rows, and from a key to the values of its row, of which one is summed. What makes batches
 * and keys runs before it.
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
enum { ROW_BYTES = 45, LIST_KEYS = 100 };

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

/* The first columns of the table. */
static pyr_schema *make_schema(int32_t columns) {
    static const char *const names[COLUMNS] = {"k", "a", "b", "c"};
    static const pyr_type_id types[COLUMNS] = {PYR_TYPE_INT64, PYR_TYPE_INT64, PYR_TYPE_FLOAT64,
                                               PYR_TYPE_UTF8};
    pyr_error error;
    pyr_field *fields[COLUMNS];
    pyr_schema *schema = NULL;
    for (int i = 0; i < columns; ++i) {
        check(pyr_field_create(names[i], types[i], &fields[i], &error), &error);
    }
    check(pyr_schema_create(fields, columns, NULL, &schema, &error), &error);
    for (int i = 0; i < columns; ++i) {
        pyr_field_release(fields[i]);
    }
    return schema;
}

static void add_value(pyr_builder *builder, int column, int64_t key) {
    pyr_error error;
    char text[16];
    switch (column) {
    case 0:
    case 1:
        check(pyr_builder_int64(builder, column == 0 ? key : key * 3, &error), &error);
        break;
    case 2:
        check(pyr_builder_double(builder, (double)key / 7, &error), &error);
        break;
    default:
        (void)snprintf(text, sizeof(text), "%08u", (unsigned)(key % 100000000));
        check(pyr_builder_bytes(builder, text, 8, &error), &error);
    }
}

static pyr_batch *make_batch(pyr_schema *schema, const int64_t *keys, int64_t rows) {
    pyr_error error;
    pyr_array *columns[COLUMNS];
    pyr_batch *batch = NULL;
    for (int i = 0; i < schema->fields_count; ++i) {
        pyr_builder *builder = NULL;
        check(pyr_builder_create(schema->fields[i], NULL, &builder, &error), &error);
        for (int64_t j = 0; j < rows; ++j) {
            add_value(builder, i, keys[j]);
        }
        check(pyr_builder_finish(builder, &columns[i], &error), &error);
        pyr_builder_destroy(builder);
    }
    check(pyr_batch_create(schema, rows, columns, schema->fields_count, NULL, &batch, &error),
          &error);
    for (int i = 0; i < schema->fields_count; ++i) {
        pyr_array_release(columns[i]);
    }
    return batch;
}

/* Rows [first, first + LOAD_ROWS) of rows. */
static pyr_batch *make_load(pyr_schema *schema, int64_t first, int64_t rows) {
    int64_t some = rows - first < LOAD_ROWS ? rows - first : LOAD_ROWS;
    int64_t *keys = calloc((size_t)some, sizeof(*keys));
    for (int64_t i = 0; i < some; ++i) {
        keys[i] = first + i;
    }
    pyr_batch *batch = make_batch(schema, keys, some);
    free(keys);
    return batch;
}

/* The keys that are read, the same by all. */
static int64_t *make_keys(int64_t rows, int64_t reads) {
    uint64_t state = 2463534242u;
    int64_t *keys = calloc((size_t)reads, sizeof(*keys));
    for (int64_t i = 0; i < reads; ++i) {
        keys[i] = (int64_t)(next_random(&state) % (uint64_t)rows);
    }
    return keys;
}

/* sum: of column a of the rows that were read. */
static void check_sum(int64_t sum, const int64_t *keys, int64_t reads) {
    for (int64_t i = 0; i < reads; ++i) {
        sum -= keys[i] * 3;
    }
    if (sum != 0) {
        fprintf(stderr, "keyed_bench: a row is missing\n");
        exit(1);
    }
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

/* The bytes of a row of a batch: as many as row_codec.h takes for it. */
static void put_value(const pyr_batch *batch, int64_t row, char out[ROW_BYTES]) {
    int64_t k = pyr_array_int64(batch->columns[0], row);
    int64_t a = pyr_array_int64(batch->columns[1], row);
    double b = pyr_array_double(batch->columns[2], row);
    size_t size = 0;
    const uint8_t *text = pyr_array_bytes(batch->columns[3], row, &size);
    memset(out, 1, 12);
    memcpy(out + 12, &k, 8);
    memcpy(out + 20, &a, 8);
    memcpy(out + 28, &b, 8);
    out[36] = (char)size;
    memcpy(out + 37, text, size < 8 ? size : 8);
}

typedef struct raw_row {
    int64_t k, a;
    double b;
    char c[8];
} raw_row;

static bool get_value(const char *bytes, size_t size, raw_row *out) {
    if (bytes == NULL || size != ROW_BYTES || bytes[36] != 8) {
        return false;
    }
    memcpy(&out->k, bytes + 12, 8);
    memcpy(&out->a, bytes + 20, 8);
    memcpy(&out->b, bytes + 28, 8);
    memcpy(out->c, bytes + 37, 8);
    return true;
}

static void raw_write(rocksdb_t *db, rocksdb_writeoptions_t *options, const pyr_batch *rows) {
    char *fault = NULL;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (int64_t i = 0; i < rows->rows; ++i) {
        char key[8];
        char value[ROW_BYTES];
        put_key(pyr_array_int64(rows->columns[0], i), key);
        put_value(rows, i, value);
        rocksdb_writebatch_put(batch, key, 8, value, ROW_BYTES);
    }
    rocksdb_write(db, options, batch, &fault);
    check_fault(fault);
    rocksdb_writebatch_destroy(batch);
}

static double raw_load(rocksdb_t *db, rocksdb_writeoptions_t *options, int64_t rows) {
    pyr_schema *schema = make_schema(COLUMNS);
    double seconds = 0;
    for (int64_t first = 0; first < rows; first += LOAD_ROWS) {
        pyr_batch *batch = make_load(schema, first, rows);
        int64_t start = pyr_clock_monotonic_ns();
        raw_write(db, options, batch);
        seconds += seconds_since(start);
        pyr_batch_release(batch);
    }
    pyr_schema_release(schema);
    return (double)rows / seconds;
}

static double raw_read(rocksdb_t *db, const int64_t *keys, int64_t reads) {
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    char *fault = NULL;
    int64_t sum = 0;
    int64_t start = pyr_clock_monotonic_ns();
    for (int64_t i = 0; i < reads; ++i) {
        char key[8];
        size_t size;
        raw_row row = {.a = 0};
        put_key(keys[i], key);
        char *value = rocksdb_get(db, options, key, 8, &size, &fault);
        check_fault(fault);
        sum += get_value(value, size, &row) ? row.a : 0;
        rocksdb_free(value);
    }
    double rate = (double)reads / seconds_since(start);
    check_sum(sum, keys, reads);
    rocksdb_readoptions_destroy(options);
    return rate;
}

static rates run_raw(const char *folder, int64_t rows, const int64_t *keys, int64_t reads,
                     pyr_batch *const *upserts) {
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
    out.load = raw_load(db, sync, rows);
    int64_t start = pyr_clock_monotonic_ns();
    for (int i = 0; i < UPSERT_BATCHES; ++i) {
        raw_write(db, sync, upserts[i]);
    }
    out.upsert = (double)UPSERT_BATCHES * BATCH_ROWS / seconds_since(start);
    out.read = raw_read(db, keys, reads);
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

static int64_t find_one(const pyr_table *table, pyr_batch *asked) {
    static const int32_t key[] = {0};
    pyr_error error;
    pyr_keyed_found found;
    check(pyr_keyed_find(table, PYR_KEYED_PRIMARY_KEY, asked, key, NULL, 0, NULL, NULL, &found,
                         &error),
          &error);
    int64_t a = found.rows->rows == 1 ? pyr_array_int64(found.rows->columns[1], 0) : 0;
    pyr_keyed_found_deinit(&found);
    return a;
}

/* Keys are batches of one row, made a thousand at a time while the clock stands. */
static double read_by_find(pyr_catalog *catalog, const int64_t *keys, int64_t reads) {
    pyr_error error;
    pyr_snapshot *snapshot = NULL;
    pyr_schema *schema = make_schema(1);
    pyr_batch *asked[BATCH_ROWS];
    int64_t sum = 0;
    double seconds = 0;
    check(pyr_catalog_snapshot(catalog, &snapshot, &error), &error);
    const pyr_table *table = pyr_snapshot_find(snapshot, NULL, "t");
    for (int64_t first = 0; first < reads; first += BATCH_ROWS) {
        int64_t some = reads - first < BATCH_ROWS ? reads - first : BATCH_ROWS;
        for (int64_t i = 0; i < some; ++i) {
            asked[i] = make_batch(schema, &keys[first + i], 1);
        }
        int64_t start = pyr_clock_monotonic_ns();
        for (int64_t i = 0; i < some; ++i) {
            sum += find_one(table, asked[i]);
        }
        seconds += seconds_since(start);
        for (int64_t i = 0; i < some; ++i) {
            pyr_batch_release(asked[i]);
        }
    }
    check_sum(sum, keys, reads);
    pyr_snapshot_release(snapshot);
    pyr_schema_release(schema);
    return (double)reads / seconds;
}

static rates run_ours(const char *path, int64_t rows, const int64_t *keys, int64_t reads,
                      pyr_batch *const *upserts) {
    rates out;
    pyr_error error;
    pyr_catalog *catalog = NULL;
    pyr_schema *schema = make_schema(COLUMNS);
    double load_seconds = 0;
    check(pyr_catalog_open(path, false, &catalog, &error), &error);
    create_table(catalog, schema);
    for (int64_t first = 0; first < rows; first += LOAD_ROWS) {
        pyr_batch *batch = make_load(schema, first, rows);
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
    out.read = read_by_find(catalog, keys, reads);
    pyr_catalog_close(catalog);
    pyr_schema_release(schema);
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

/* The sum of column a of the rows. */
static int64_t run_query(pyr_statement *statement, const bound_values *values) {
    pyr_error error;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    int64_t sum = 0;
    check(pyr_bind(statement, &values->params, &error), &error);
    check(pyr_statement_query(statement, &stream, &error), &error);
    while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
        const struct ArrowArray *column = batch.children[1];
        const int64_t *numbers = column->buffers[1];
        for (int64_t i = 0; i < batch.length; ++i) {
            sum += numbers[batch.offset + column->offset + i];
        }
        batch.release(&batch);
    }
    stream.release(&stream);
    return sum;
}

/* What IN (...) of keys[0] to keys[count - 1] gives less than the rows of each, summed over a. */
static int64_t repeated(const int64_t *keys, int count) {
    int64_t sum = 0;
    for (int i = 0; i < count; ++i) {
        bool again = false;
        for (int j = 0; j < i; ++j) {
            again = again || keys[j] == keys[i];
        }
        sum += again ? keys[i] * 3 : 0;
    }
    return sum;
}

/* Reads by key, keys_each a statement. */
static double read_by_statement(pyr_connection *connection, const int64_t *keys, int64_t reads,
                                int keys_each) {
    pyr_error error;
    pyr_statement *statement = NULL;
    pyr_text sql;
    bound_values values;
    int64_t sum = 0;
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
        memcpy(values.numbers, keys + i, (size_t)keys_each * sizeof(*keys));
        sum += run_query(statement, &values);
    }
    double rate = (double)reads / seconds_since(start);
    for (int64_t i = 0; i < reads; i += keys_each) {
        sum += repeated(keys + i, keys_each);
    }
    check_sum(sum, keys, reads);
    bound_values_deinit(&values);
    pyr_statement_close(statement);
    pyr_text_deinit(&sql);
    return rate;
}

static void fill_rows(bound_values *values, uint64_t *state, int64_t rows) {
    for (int j = 0; j < BATCH_ROWS; ++j) {
        int64_t key = (int64_t)(next_random(state) % (uint64_t)rows);
        double real = (double)key / 7;
        values->numbers[COLUMNS * j] = key;
        values->numbers[COLUMNS * j + 1] = key * 3;
        memcpy(&values->numbers[COLUMNS * j + 2], &real, sizeof(real));
        (void)snprintf(values->texts[COLUMNS * j + 3], 16, "%08u", (unsigned)(key % 100000000));
    }
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
    double seconds = 0;
    for (int i = 0; i < BATCHES; ++i) {
        fill_rows(&values, &state, rows);
        int64_t start = pyr_clock_monotonic_ns();
        check(pyr_bind(statement, &values.params, &error), &error);
        check(pyr_statement_execute(statement, NULL, &error), &error);
        seconds += seconds_since(start);
    }
    bound_values_deinit(&values);
    pyr_statement_close(statement);
    pyr_text_deinit(&sql);
    return (double)BATCHES * BATCH_ROWS / seconds;
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

static statement_rates run_statements(const char *path, int64_t rows, const int64_t *keys,
                                      int64_t reads, pyr_batch *const *upserts) {
    pyr_error error;
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    statement_rates out;
    check(pyr_open(path, NULL, &db, &error), &error);
    check(pyr_connect(db, &connection, &error), &error);
    out.single = read_by_statement(connection, keys, reads, 1);
    out.list = read_by_statement(connection, keys, reads, LIST_KEYS);
    out.upsert = upsert_by_statement(connection, rows);
    out.ingest = upsert_by_ingest(connection, upserts);
    pyr_disconnect(connection);
    pyr_close(db);
    return out;
}

int main(int argc, char **argv) {
    int64_t rows = argc == 4 ? strtoll(argv[2], NULL, 10) : 0;
    int64_t reads = argc == 4 ? strtoll(argv[3], NULL, 10) : 0;
    if (rows < 1 || reads < 1 || reads % LIST_KEYS != 0) {
        fprintf(stderr, "usage: keyed_bench DIRECTORY ROWS READS (a multiple of %d)\n", LIST_KEYS);
        return 2;
    }
    char path[4096];
    (void)mkdir(argv[1], 0777);
    (void)snprintf(path, sizeof(path), "%s/ours", argv[1]);
    pyr_schema *schema = make_schema(COLUMNS);
    int64_t *keys = make_keys(rows, reads);
    pyr_batch **upserts = make_upserts(schema, rows);
    rates raw = run_raw(argv[1], rows, keys, reads, upserts);
    rates ours = run_ours(path, rows, keys, reads, upserts);
    statement_rates statements = run_statements(path, rows, keys, reads, upserts);
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
    free(keys);
    pyr_schema_release(schema);
    return 0;
}
