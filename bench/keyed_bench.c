/* keyed_bench.c - keyed tables beside RocksDB itself: the same library with the same options, the
 * same rows (k BIGINT, a BIGINT, b DOUBLE, c VARCHAR of 8), in one process.
 *
 *     keyed_bench DIRECTORY ROWS READS       one JSON line: rates a second, and ours / theirs
 *
 * Both load ROWS rows in order and read all of them once: RocksDB has as much memory for blocks as
 * ours has for blocks and rows. Then, in ROUNDS rounds in which the sides take turns, they upsert
 * batches of 1,000 random keys (each batch a commit that is on disk) and read READS random keys a
 * round: RocksDB one by one, ours by prepared statements, one by one and by lists of 100. RocksDB
 * writes the same bytes a row under 8-byte keys, without looking at what was there. The rates are
 * medians of the rounds, the ratios medians of what each round had for a ratio.
 *
 * The clock of each side runs from the same things to the same things: from Arrow batches or
 * parameters to synced rows, and from a key to the values of its row, of which one is summed. What
 * makes batches, parameters and keys runs before it.
 */
#include "arrow/builder.h"
#include "arrow/cdata.h"
#include "base/clock.h"
#include "base/text.h"
#include "pyralog.h"

#include <inttypes.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BATCH_ROWS = 1000, LOAD_ROWS = 50000, COLUMNS = 4, ROW_BYTES = 45, LIST_KEYS = 100 };
enum { ROUNDS = 9, ROUND_BATCHES = 10 }; /* batches that are upserted, by each way, a round */

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
static int64_t *make_keys(int64_t rows, int64_t reads, uint64_t *state) {
    int64_t *keys = calloc((size_t)reads, sizeof(*keys));
    for (int64_t i = 0; i < reads; ++i) {
        keys[i] = (int64_t)(next_random(state) % (uint64_t)rows);
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

/* Batches to upsert: keys of next_random. */
static void make_upserts(pyr_schema *schema, int64_t rows, uint64_t *state,
                         pyr_batch *out[ROUND_BATCHES]) {
    int64_t keys[BATCH_ROWS];
    for (int i = 0; i < ROUND_BATCHES; ++i) {
        for (int j = 0; j < BATCH_ROWS; ++j) {
            keys[j] = (int64_t)(next_random(state) % (uint64_t)rows);
        }
        out[i] = make_batch(schema, keys, BATCH_ROWS);
    }
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

typedef struct raw_side {
    rocksdb_cache_t *cache;
    rocksdb_options_t *options;
    rocksdb_writeoptions_t *sync;
    rocksdb_t *db;
} raw_side;

static void raw_open(const char *folder, raw_side *out) {
    char path[4096];
    char *fault = NULL;
    (void)snprintf(path, sizeof(path), "%s/raw", folder);
    out->cache = rocksdb_cache_create_lru((size_t)128 << 20);
    out->options = raw_options(out->cache);
    out->db = rocksdb_open(out->options, path, &fault);
    check_fault(fault);
    out->sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(out->sync, 1);
}

static void raw_close(raw_side *self) {
    rocksdb_writeoptions_destroy(self->sync);
    rocksdb_close(self->db);
    rocksdb_options_destroy(self->options);
    rocksdb_cache_destroy(self->cache);
}

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

/* Seconds. */
static double raw_write(const raw_side *self, const pyr_batch *rows) {
    char *fault = NULL;
    int64_t start = pyr_clock_monotonic_ns();
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (int64_t i = 0; i < rows->rows; ++i) {
        char key[8];
        char value[ROW_BYTES];
        put_key(pyr_array_int64(rows->columns[0], i), key);
        put_value(rows, i, value);
        rocksdb_writebatch_put(batch, key, 8, value, ROW_BYTES);
    }
    rocksdb_write(self->db, self->sync, batch, &fault);
    check_fault(fault);
    rocksdb_writebatch_destroy(batch);
    return seconds_since(start);
}

/* Seconds. */
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
    double seconds = seconds_since(start);
    check_sum(sum, keys, reads);
    rocksdb_readoptions_destroy(options);
    return seconds;
}

/* ---- Ours. ---- */

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

/* A prepared statement and the parameters it is run with. */
typedef struct prepared {
    pyr_statement *statement;
    bound_values values;
} prepared;

/* first, then more, count times in all, then end. */
static void prepare(pyr_connection *connection, const char *first, const char *more,
                    const char *end, int count, int values, bool rows, prepared *out) {
    pyr_error error;
    pyr_text sql;
    pyr_text_init(&sql);
    pyr_text_add(&sql, first);
    for (int i = 1; i < count; ++i) {
        pyr_text_add(&sql, more);
    }
    pyr_text_add(&sql, end);
    check(pyr_prepare(connection, pyr_text_get(&sql), &out->statement, &error), &error);
    bound_values_init(&out->values, values, rows);
    pyr_text_deinit(&sql);
}

static void prepared_deinit(prepared *self) {
    bound_values_deinit(&self->values);
    pyr_statement_close(self->statement);
}

/* Reads by key, as many a statement as it has parameters; seconds. */
static double read_rows(prepared *self, const int64_t *keys, int64_t reads) {
    int each = self->values.count;
    int64_t sum = 0;
    int64_t start = pyr_clock_monotonic_ns();
    for (int64_t i = 0; i < reads; i += each) {
        memcpy(self->values.numbers, keys + i, (size_t)each * sizeof(*keys));
        sum += run_query(self->statement, &self->values);
    }
    double seconds = seconds_since(start);
    for (int64_t i = 0; i < reads; i += each) {
        sum += repeated(keys + i, each);
    }
    check_sum(sum, keys, reads);
    return seconds;
}

static void fill_rows(bound_values *values, const pyr_batch *batch) {
    for (int64_t j = 0; j < batch->rows; ++j) {
        size_t size = 0;
        double real = pyr_array_double(batch->columns[2], j);
        values->numbers[COLUMNS * j] = pyr_array_int64(batch->columns[0], j);
        values->numbers[COLUMNS * j + 1] = pyr_array_int64(batch->columns[1], j);
        memcpy(&values->numbers[COLUMNS * j + 2], &real, sizeof(real));
        memcpy(values->texts[COLUMNS * j + 3], pyr_array_bytes(batch->columns[3], j, &size), 8);
    }
}

/* Rows of parameters; seconds. */
static double upsert_rows(prepared *self, const pyr_batch *batch) {
    pyr_error error;
    fill_rows(&self->values, batch);
    int64_t start = pyr_clock_monotonic_ns();
    check(pyr_bind(self->statement, &self->values.params, &error), &error);
    check(pyr_statement_execute(self->statement, NULL, &error), &error);
    return seconds_since(start);
}

/* The batch itself as parameters of INSERT OR REPLACE INTO t VALUES (?, ?, ?, ?); seconds. */
static double upsert_bound(pyr_statement *statement, pyr_batch *batch) {
    pyr_error error;
    struct ArrowSchema schema;
    struct ArrowArray array;
    const pyr_params params = {&schema, &array};
    int64_t rows = 0;
    int64_t start = pyr_clock_monotonic_ns();
    check(pyr_schema_export(batch->schema, &schema, &error), &error);
    check(pyr_batch_export(batch, &array, &error), &error);
    check(pyr_bind(statement, &params, &error), &error);
    check(pyr_statement_execute(statement, &rows, &error), &error);
    double seconds = seconds_since(start);
    schema.release(&schema);
    array.release(&array);
    if (rows != batch->rows) {
        fprintf(stderr, "keyed_bench: a row was not written\n");
        exit(1);
    }
    return seconds;
}

/* option: of pyr_ingest; seconds. */
static double ingest_rows(pyr_connection *connection, pyr_batch *batch, const char *option) {
    const char *const options[] = {option, NULL};
    pyr_error error;
    pyr_stream *stream = NULL;
    struct ArrowArrayStream exported;
    int64_t start = pyr_clock_monotonic_ns();
    check(pyr_stream_from_batches(batch->schema, &batch, 1, &stream, &error), &error);
    check(pyr_stream_export(stream, NULL, NULL, &exported, &error), &error);
    check(pyr_ingest(connection, "t", &exported, options, NULL, &error), &error);
    return seconds_since(start);
}

typedef struct our_side {
    pyr_database *db;
    pyr_connection *connection;
    prepared one, list, values;
    pyr_statement *upsert;
} our_side;

static void our_open(const char *folder, our_side *out) {
    char path[4096];
    pyr_error error;
    (void)snprintf(path, sizeof(path), "%s/ours", folder);
    check(pyr_open(path, NULL, &out->db, &error), &error);
    check(pyr_connect(out->db, &out->connection, &error), &error);
    check(pyr_execute(out->connection,
                      "CREATE TABLE t (k BIGINT PRIMARY KEY, a BIGINT, b DOUBLE, c VARCHAR)", NULL,
                      NULL, &error),
          &error);
    prepare(out->connection, "SELECT * FROM t WHERE k = ?", "", "", 1, 1, false, &out->one);
    prepare(out->connection, "SELECT * FROM t WHERE k IN (?", ", ?", ")", LIST_KEYS, LIST_KEYS,
            false, &out->list);
    prepare(out->connection, "INSERT OR REPLACE INTO t VALUES (?, ?, ?, ?)", ", (?, ?, ?, ?)", "",
            BATCH_ROWS, BATCH_ROWS * COLUMNS, true, &out->values);
    check(pyr_prepare(out->connection, "INSERT OR REPLACE INTO t VALUES (?, ?, ?, ?)", &out->upsert,
                      &error),
          &error);
}

static void our_close(our_side *self) {
    prepared_deinit(&self->one);
    prepared_deinit(&self->list);
    prepared_deinit(&self->values);
    pyr_statement_close(self->upsert);
    pyr_disconnect(self->connection);
    pyr_close(self->db);
}

/* ---- The rounds. ---- */

/* Seconds for the same rows. */
typedef enum measure {
    RAW_UPSERT,
    OUR_UPSERT,
    OUR_VALUES,
    OUR_INGEST,
    RAW_READ,
    OUR_READ,
    OUR_LIST
} measure;

enum { MEASURES = OUR_LIST + 1 };

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of a / b of each round. */
static double median_ratio(const double a[ROUNDS], const double b[ROUNDS]) {
    double ratios[ROUNDS];
    for (int i = 0; i < ROUNDS; ++i) {
        ratios[i] = a[i] / b[i];
    }
    qsort(ratios, ROUNDS, sizeof(*ratios), compare_doubles);
    return ratios[ROUNDS / 2];
}

/* Of count / seconds of each round. */
static double median_rate(double count, const double seconds[ROUNDS]) {
    double counts[ROUNDS];
    for (int i = 0; i < ROUNDS; ++i) {
        counts[i] = count;
    }
    return median_ratio(counts, seconds);
}

static void load(const raw_side *raw, our_side *ours, pyr_schema *schema, int64_t rows,
                 double seconds[2]) {
    for (int64_t first = 0; first < rows; first += LOAD_ROWS) {
        pyr_batch *batch = make_load(schema, first, rows);
        seconds[0] += raw_write(raw, batch);
        seconds[1] += ingest_rows(ours->connection, batch, "on_conflict=error");
        pyr_batch_release(batch);
    }
}

/* Every row is read once by both. */
static void warm_up(const raw_side *raw, our_side *ours, int64_t rows) {
    int64_t *keys = calloc((size_t)rows + LIST_KEYS, sizeof(*keys));
    for (int64_t i = 0; i < rows + LIST_KEYS; ++i) {
        keys[i] = i % rows;
    }
    (void)raw_read(raw->db, keys, rows);
    (void)read_rows(&ours->list, keys, (rows + LIST_KEYS - 1) / LIST_KEYS * LIST_KEYS);
    free(keys);
}

static double upsert_by(our_side *ours, measure way, pyr_batch *batch) {
    switch (way) {
    case OUR_UPSERT:
        return upsert_bound(ours->upsert, batch);
    case OUR_VALUES:
        return upsert_rows(&ours->values, batch);
    default:
        return ingest_rows(ours->connection, batch, "on_conflict=replace");
    }
}

/* RocksDB is given all the rows that ours is, so that there is as much in both. */
static void upsert_round(const raw_side *raw, our_side *ours, pyr_schema *schema, int64_t rows,
                         uint64_t *state, int round, double seconds[MEASURES][ROUNDS]) {
    enum { WAYS = OUR_INGEST - OUR_UPSERT + 1 };
    pyr_batch *batches[ROUND_BATCHES];
    double raw_seconds = 0;
    for (measure way = OUR_UPSERT; way <= OUR_INGEST; ++way) {
        make_upserts(schema, rows, state, batches);
        for (int i = 0; i < ROUND_BATCHES; ++i) {
            raw_seconds += raw_write(raw, batches[i]);
            seconds[way][round] += upsert_by(ours, way, batches[i]);
            pyr_batch_release(batches[i]);
        }
    }
    seconds[RAW_UPSERT][round] = raw_seconds / WAYS;
}

static void read_round(const raw_side *raw, our_side *ours, const int64_t *keys, int64_t reads,
                       int round, double seconds[MEASURES][ROUNDS]) {
    seconds[RAW_READ][round] = raw_read(raw->db, keys, reads);
    seconds[OUR_READ][round] = read_rows(&ours->one, keys, reads);
    seconds[OUR_LIST][round] = read_rows(&ours->list, keys, reads);
}

int main(int argc, char **argv) {
    int64_t rows = argc == 4 ? strtoll(argv[2], NULL, 10) : 0;
    int64_t reads = argc == 4 ? strtoll(argv[3], NULL, 10) : 0;
    if (rows < 1 || reads < 1 || reads % LIST_KEYS != 0) {
        fprintf(stderr, "usage: keyed_bench DIRECTORY ROWS READS (a multiple of %d)\n", LIST_KEYS);
        return 2;
    }
    (void)mkdir(argv[1], 0777);
    raw_side raw;
    our_side ours;
    raw_open(argv[1], &raw);
    our_open(argv[1], &ours);
    pyr_schema *schema = make_schema();
    double load_seconds[2] = {0};
    double seconds[MEASURES][ROUNDS] = {0};
    uint64_t state = 88172645463325252u;
    load(&raw, &ours, schema, rows, load_seconds);
    warm_up(&raw, &ours, rows);
    for (int round = 0; round < ROUNDS; ++round) {
        int64_t *keys = make_keys(rows, reads, &state);
        upsert_round(&raw, &ours, schema, rows, &state, round, seconds);
        read_round(&raw, &ours, keys, reads, round, seconds);
        free(keys);
    }
    double upserted = (double)ROUND_BATCHES * BATCH_ROWS;
    printf("{\"rows\": %" PRId64 ", \"raw_load\": %.0f, \"load_ratio\": %.2f, "
           "\"raw_upsert\": %.0f, \"statement_upsert_ratio\": %.2f, "
           "\"values_upsert_ratio\": %.2f, \"ingest_upsert_ratio\": %.2f, \"raw_read\": %.0f, "
           "\"statement_read_ratio\": %.2f, \"statement_list_ratio\": %.2f}\n",
           rows, (double)rows / load_seconds[0], load_seconds[0] / load_seconds[1],
           median_rate(upserted, seconds[RAW_UPSERT]),
           median_ratio(seconds[RAW_UPSERT], seconds[OUR_UPSERT]),
           median_ratio(seconds[RAW_UPSERT], seconds[OUR_VALUES]),
           median_ratio(seconds[RAW_UPSERT], seconds[OUR_INGEST]),
           median_rate((double)reads, seconds[RAW_READ]),
           median_ratio(seconds[RAW_READ], seconds[OUR_READ]),
           median_ratio(seconds[RAW_READ], seconds[OUR_LIST]));
    pyr_schema_release(schema);
    our_close(&ours);
    raw_close(&raw);
    return 0;
}
