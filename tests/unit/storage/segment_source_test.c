/* segment_source_test.c - segments whose batches another format makes. */
#include "support_storage.h"

#include <stdlib.h>
#include <string.h>

/* Three batches of 2, 3 and 4 rows: a BIGINT "a" from 10 * batch on, and a BIGINT "b" that is a's
 * negative. Counts what is asked of it. */
typedef struct counting_source {
    pyr_segment_source source;
    int *destroyed;
    int batches_made;
    int32_t last_count;
    int32_t last_columns[2];
    int64_t rows_more; /* what a batch has more than was promised */
    int64_t zone_more; /* what a zone's max is wrong by */
    bool huge;
    bool other_type;
} counting_source;

static void destroy(pyr_segment_source *source) {
    counting_source *self = (counting_source *)source;
    ++*self->destroyed;
    pyr_schema_release(source->schema);
    free(self);
}

static int64_t batch_rows(const pyr_segment_source *source, size_t index) {
    return ((const counting_source *)source)->huge ? INT64_MAX - 1 : (int64_t)index + 2;
}

static pyr_array *column(const counting_source *self, size_t index, int32_t column) {
    int64_t rows = (int64_t)index + 2 + self->rows_more;
    if (self->other_type) {
        return long_strings(rows, 12);
    }
    int64_t first = (int64_t)index * 10;
    return column == 0 ? numbers(first, rows, 0) : numbers(-first, rows, 0);
}

static pyr_status batch(pyr_segment_source *source, size_t index, const int32_t *columns,
                        int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                        pyr_batch **out, pyr_error *error) {
    counting_source *self = (counting_source *)source;
    (void)budget;
    (void)error;
    const int32_t all[] = {0, 1};
    if (columns == NULL) {
        columns = all;
        columns_count = 2;
    }
    ++self->batches_made;
    self->last_count = columns_count;
    memcpy(self->last_columns, columns, (size_t)columns_count * sizeof(*columns));
    pyr_array *made[2];
    for (int32_t i = 0; i < columns_count; ++i) {
        made[i] = column(self, index, columns[i]);
    }
    pyr_ledger_add_decoded(ledger, 8 * columns_count * made[0]->length);
    *out = rows_batch_of(made, columns_count);
    return PYR_OK;
}

/* Of "a" alone. */
static void zone(const pyr_segment_source *source, size_t index, int32_t column,
                 struct pyr_zone *out) {
    const counting_source *self = (const counting_source *)source;
    if (column == 0) {
        out->known = out->has_bounds = out->exact = true;
        out->min.i64 = (int64_t)index * 10;
        out->max.i64 = (int64_t)index * 10 + (int64_t)index + 1 + self->zone_more;
    }
}

static const pyr_segment_source_ops ops = {destroy, batch, batch_rows, zone};

static counting_source *create(int *destroyed) {
    counting_source *self = calloc(1, sizeof(*self));
    pyr_field *fields[2];
    assert_non_null(self);
    check_ok(pyr_field_create("a", PYR_TYPE_INT64, &fields[0], error));
    check_ok(pyr_field_create("b", PYR_TYPE_INT64, &fields[1], error));
    check_ok(pyr_schema_create(fields, 2, NULL, &self->source.schema, error));
    pyr_field_release(fields[0]);
    pyr_field_release(fields[1]);
    self->source.ops = &ops;
    self->source.batches = 3;
    self->destroyed = destroyed;
    *destroyed = 0;
    return self;
}

static pyr_segment *segment_over(counting_source *source) {
    pyr_segment *segment = NULL;
    check_ok(pyr_segment_create_source(&source->source, "models/x.bin", 4096, &segment, error));
    return segment;
}

static void schema_batches_and_rows_are_known_without_making_a_batch(void **state) {
    (void)state;
    int destroyed;
    counting_source *source = create(&destroyed);
    pyr_segment *segment = segment_over(source);
    pyr_schema *schema = NULL;
    size_t batches = 0;
    int64_t rows = 0;
    check_ok(pyr_segment_schema(segment, NULL, &schema, error));
    check_ok(pyr_segment_batches(segment, NULL, &batches, error));
    check_ok(pyr_segment_batch_rows(segment, 2, &rows, error));
    assert_ptr_equal(schema, source->source.schema);
    assert_int_equal(batches, 3);
    assert_int_equal(rows, 4);
    const pyr_segment_info *info = pyr_segment_get_info(segment);
    assert_int_equal(info->rows, 2 + 3 + 4);
    assert_int_equal(info->batches, 3);
    assert_int_equal(info->size_bytes, 4096);
    assert_string_equal(info->path, "models/x.bin");
    assert_null(pyr_segment_bytes(segment));
    assert_int_equal(source->batches_made, 0);
    pyr_schema_release(schema);
    pyr_segment_release(segment);
    assert_int_equal(destroyed, 1);
}

static void a_batch_is_made_of_the_columns_asked_for_and_outlives_the_segment(void **state) {
    (void)state;
    int destroyed;
    counting_source *source = create(&destroyed);
    pyr_segment *segment = segment_over(source);
    const int32_t second = 1;
    pyr_batch *one = NULL;
    pyr_batch *all = NULL;
    check_ok(pyr_segment_batch(segment, 2, &second, 1, NULL, NULL, &one, error));
    assert_int_equal(source->last_count, 1);
    assert_int_equal(source->last_columns[0], 1);
    check_ok(pyr_segment_batch(segment, 2, NULL, 0, NULL, NULL, &all, error));
    assert_int_equal(source->last_count, 2);
    pyr_segment_release(segment);
    assert_int_equal(destroyed, 1);
    assert_int_equal(one->columns_count, 1);
    assert_int_equal(pyr_array_int64(one->columns[0], 0), -20);
    assert_int_equal(pyr_array_int64(all->columns[0], 3), 23);
    pyr_batch_release(one);
    pyr_batch_release(all);
}

static void the_mapping_is_counted_once_and_what_the_source_counts_each_time(void **state) {
    (void)state;
    int destroyed;
    pyr_segment *segment = segment_over(create(&destroyed));
    pyr_query_ledger first;
    pyr_query_ledger second;
    pyr_ledger_init(&first);
    pyr_ledger_init(&second);
    for (int i = 0; i < 2; ++i) {
        pyr_batch *batch = NULL;
        check_ok(
            pyr_segment_batch(segment, 0, NULL, 0, i == 0 ? NULL : &first, NULL, &batch, error));
        pyr_batch_release(batch);
    }
    pyr_batch *batch = NULL;
    check_ok(pyr_segment_batch(segment, 1, NULL, 0, &second, NULL, &batch, error));
    assert_int_equal(first.bytes_mapped, 4096);
    assert_int_equal(first.bytes_decoded, 2 * 2 * 8);
    assert_int_equal(second.bytes_mapped, 0);
    assert_int_equal(second.bytes_decoded, 2 * 3 * 8);
    assert_int_equal(second.bytes_scanned, 0); /* the source's to count */
    pyr_batch_release(batch);
    pyr_segment_release(segment);
}

static void zones_are_the_sources_and_unknown_where_it_says_nothing(void **state) {
    (void)state;
    int destroyed;
    pyr_segment *segment = segment_over(create(&destroyed));
    pyr_zone of_a;
    pyr_zone of_b;
    check_ok(pyr_segment_zone(segment, 2, 0, &of_a, error));
    check_ok(pyr_segment_zone(segment, 2, 1, &of_b, error));
    assert_true(of_a.known && of_a.has_bounds);
    assert_int_equal(of_a.min.i64, 20);
    assert_int_equal(of_a.max.i64, 23);
    assert_false(of_b.known);
    pyr_segment_release(segment);
}

static void what_is_out_of_range_is_an_error_that_names_the_file(void **state) {
    (void)state;
    int destroyed;
    pyr_segment *segment = segment_over(create(&destroyed));
    const int32_t third = 2;
    pyr_error failure;
    pyr_batch *batch = NULL;
    pyr_zone zone;
    int64_t rows = 0;
    assert_int_equal(pyr_segment_batch(segment, 3, NULL, 0, NULL, NULL, &batch, &failure),
                     PYR_ERROR_CORRUPT);
    assert_string_equal(failure.message, "x.bin: batch 3 is wanted, the file has 3");
    assert_int_equal(pyr_segment_batch(segment, 0, &third, 1, NULL, NULL, &batch, &failure),
                     PYR_ERROR_CORRUPT);
    assert_int_equal(pyr_segment_batch_rows(segment, 3, &rows, &failure), PYR_ERROR_CORRUPT);
    assert_int_equal(pyr_segment_zone(segment, 0, 2, &zone, &failure), PYR_ERROR_CORRUPT);
    pyr_segment_release(segment);
}

static void a_source_that_breaks_its_word_is_an_error(void **state) {
    (void)state;
    int destroyed;
    counting_source *source = create(&destroyed);
    pyr_segment *segment = segment_over(source);
    pyr_error failure;
    pyr_batch *batch = NULL;
    source->rows_more = 1;
    assert_int_equal(pyr_segment_batch(segment, 0, NULL, 0, NULL, NULL, &batch, &failure),
                     PYR_ERROR_INTERNAL);
    assert_message_has(&failure, "x.bin: batch 0: 3 rows instead of 2");
    source->rows_more = 0;
    source->other_type = true;
    assert_int_equal(pyr_segment_batch(segment, 0, NULL, 0, NULL, NULL, &batch, &failure),
                     PYR_ERROR_INTERNAL);
    assert_message_has(&failure, "column \"a\" is of another type");
    assert_null(batch);
    pyr_segment_release(segment);
}

static void another_schema_than_the_catalog_has_is_corrupt(void **state) {
    (void)state;
    int destroyed;
    counting_source *source = create(&destroyed);
    pyr_segment *segment = segment_over(source);
    const int32_t first = 0;
    pyr_schema *narrow = NULL;
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    pyr_error failure;
    check_ok(pyr_schema_project(source->source.schema, &first, 1, &narrow, error));
    pyr_segment_expect_schema(segment, narrow);
    assert_int_equal(pyr_segment_schema(segment, NULL, &schema, &failure), PYR_ERROR_CORRUPT);
    assert_message_has(&failure, "x.bin: 2 columns, the catalog says 1");
    assert_int_equal(pyr_segment_batch(segment, 0, NULL, 0, NULL, NULL, &batch, &failure),
                     PYR_ERROR_CORRUPT);
    assert_int_equal(source->batches_made, 0);
    pyr_schema_release(narrow);
    pyr_segment_release(segment);
}

static void verify_makes_every_batch_and_finds_a_zone_that_does_not_hold(void **state) {
    (void)state;
    int destroyed;
    counting_source *source = create(&destroyed);
    pyr_segment *segment = segment_over(source);
    pyr_error failure;
    check_ok(pyr_segment_verify(segment, error));
    assert_int_equal(source->batches_made, 3);
    source->zone_more = -1;
    assert_int_equal(pyr_segment_verify(segment, &failure), PYR_ERROR_CORRUPT);
    assert_message_has(&failure, "x.bin: batch 0: the zone map of column \"a\"");
    pyr_segment_release(segment);
}

static void the_users_file_is_never_removed(void **state) {
    (void)state;
    int destroyed;
    char *folder = folder_create();
    const char *path = below(folder, "theirs.bin");
    pyr_segment *segment = NULL;
    counting_source *source = create(&destroyed);
    write_file(path, "x", 1);
    check_ok(pyr_segment_create_source(&source->source, path, 1, &segment, error));
    pyr_segment_remove_on_release(segment);
    pyr_segment_release(segment);
    assert_int_equal(destroyed, 1);
    assert_true(file_exists(path));
    folder_remove(folder);
}

static void more_rows_than_can_be_counted_are_refused_and_the_source_let_go(void **state) {
    (void)state;
    int destroyed;
    counting_source *source = create(&destroyed);
    pyr_segment *segment = NULL;
    pyr_error failure;
    source->huge = true;
    assert_int_equal(pyr_segment_create_source(&source->source, "x.bin", 0, &segment, &failure),
                     PYR_ERROR_LIMIT);
    assert_null(segment);
    assert_int_equal(destroyed, 1);
}

static void an_altered_schema_reads_a_source_too(void **state) {
    (void)state;
    int destroyed;
    counting_source *source = create(&destroyed);
    pyr_segment *segment = segment_over(source);
    pyr_segment *evolved = NULL;
    pyr_metadata *metadata = NULL;
    pyr_field *field = NULL;
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    pyr_zone zone;
    check_ok(pyr_metadata_create(&metadata, error));
    check_ok(
        pyr_metadata_add(metadata, PYR_COLUMN_ID_KEY, strlen(PYR_COLUMN_ID_KEY), "1", 1, error));
    check_ok(
        pyr_field_with(source->source.schema->fields[1], "renamed", true, metadata, &field, error));
    check_ok(pyr_schema_create(&field, 1, NULL, &schema, error));
    check_ok(pyr_segment_evolve(segment, schema, &evolved, error));
    check_ok(pyr_segment_batch(evolved, 1, NULL, 0, NULL, NULL, &batch, error));
    check_ok(pyr_segment_zone(evolved, 1, 0, &zone, error));
    assert_int_equal(batch->columns_count, 1);
    assert_int_equal(pyr_array_int64(batch->columns[0], 0), -10);
    assert_false(zone.known);
    pyr_batch_release(batch);
    pyr_segment_release(evolved);
    pyr_segment_release(segment);
    pyr_schema_release(schema);
    pyr_field_release(field);
    pyr_metadata_release(metadata);
    assert_int_equal(destroyed, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_batches_and_rows_are_known_without_making_a_batch),
        cmocka_unit_test(a_batch_is_made_of_the_columns_asked_for_and_outlives_the_segment),
        cmocka_unit_test(the_mapping_is_counted_once_and_what_the_source_counts_each_time),
        cmocka_unit_test(zones_are_the_sources_and_unknown_where_it_says_nothing),
        cmocka_unit_test(what_is_out_of_range_is_an_error_that_names_the_file),
        cmocka_unit_test(a_source_that_breaks_its_word_is_an_error),
        cmocka_unit_test(another_schema_than_the_catalog_has_is_corrupt),
        cmocka_unit_test(verify_makes_every_batch_and_finds_a_zone_that_does_not_hold),
        cmocka_unit_test(the_users_file_is_never_removed),
        cmocka_unit_test(more_rows_than_can_be_counted_are_refused_and_the_source_let_go),
        cmocka_unit_test(an_altered_schema_reads_a_source_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
