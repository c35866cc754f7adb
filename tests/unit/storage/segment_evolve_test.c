/* segment_evolve_test.c - segments read as rows of an altered table: what SQL cannot reach, damage
 * above all. tests/sql/alter_table.test has the rest. */
#include "support_storage.h"

#include "base/text.h"
#include "storage/segment.h"

#include <stdlib.h>
#include <string.h>

typedef struct evolve {
    pyr_segment *segment; /* a BIGINT 0 to 9, b BIGINT 100 to 109; hot */
    pyr_error error;
} evolve;

static pyr_field *field_of(const char *name, pyr_type_id type, const char *id,
                           const char *initial) {
    pyr_field *plain = NULL;
    pyr_field *field = NULL;
    pyr_metadata *metadata = NULL;
    check_ok(pyr_field_create(name, type, &plain, error));
    check_ok(pyr_metadata_create(&metadata, error));
    if (id != NULL) {
        check_ok(pyr_metadata_add(metadata, PYR_COLUMN_ID_KEY, strlen(PYR_COLUMN_ID_KEY), id,
                                  strlen(id), error));
    }
    if (initial != NULL) {
        check_ok(pyr_metadata_add(metadata, PYR_COLUMN_INITIAL_KEY, strlen(PYR_COLUMN_INITIAL_KEY),
                                  initial, strlen(initial), error));
    }
    check_ok(pyr_field_with(plain, NULL, true, metadata, &field, error));
    pyr_metadata_release(metadata);
    pyr_field_release(plain);
    return field;
}

/* Takes the fields. */
static pyr_schema *schema_of(pyr_field **fields, int32_t count) {
    pyr_schema *schema = NULL;
    check_ok(pyr_schema_create(fields, count, NULL, &schema, error));
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    return schema;
}

static pyr_array *int64s(pyr_field *field, int64_t first, int64_t count) {
    pyr_buffer *buffer = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_buffer_create((size_t)count * 8, NULL, &buffer, error));
    for (int64_t i = 0; i < count; ++i) {
        ((int64_t *)pyr_buffer_mutable(buffer))[i] = first + i;
    }
    pyr_buffer *const buffers[] = {NULL, buffer};
    check_ok(pyr_array_create(field, count, 0, 0, buffers, 2, NULL, 0, NULL, &array, error));
    pyr_buffer_release(buffer);
    return array;
}

static int set_up_evolve(void **state) {
    evolve *self = calloc(1, sizeof(*self));
    pyr_field *fields[] = {field_of("a", PYR_TYPE_INT64, NULL, NULL),
                           field_of("b", PYR_TYPE_INT64, NULL, NULL)};
    pyr_array *columns[] = {int64s(fields[0], 0, 10), int64s(fields[1], 100, 10)};
    pyr_schema *schema = schema_of(fields, 2);
    pyr_batch *batch = NULL;
    pyr_segment_writer *writer = NULL;
    check_ok(pyr_batch_create(schema, 10, columns, 2, NULL, &batch, error));
    check_ok(pyr_segment_writer_create_hot("evolve", schema, PYR_IPC_UNCOMPRESSED, NULL, &writer,
                                           error));
    check_ok(pyr_segment_writer_append(writer, batch, error));
    check_ok(pyr_segment_writer_finish(writer, false, &self->segment, error));
    pyr_segment_writer_destroy(writer);
    pyr_batch_release(batch);
    pyr_schema_release(schema);
    pyr_array_release(columns[0]);
    pyr_array_release(columns[1]);
    *state = self;
    return 0;
}

static int tear_down_evolve(void **state) {
    evolve *self = *state;
    pyr_segment_release(self->segment);
    free(self);
    return 0;
}

/* Takes schema. */
static pyr_segment *evolved(const evolve *self, pyr_schema *schema) {
    pyr_segment *segment = NULL;
    check_ok(pyr_segment_evolve(self->segment, schema, &segment, error));
    pyr_schema_release(schema);
    return segment;
}

static void columns_are_found_by_ids_and_others_are_constant(void **state) {
    evolve *self = *state;
    pyr_field *value_field = field_of("c", PYR_TYPE_INT64, NULL, NULL);
    pyr_array *value = int64s(value_field, 42, 1);
    pyr_text text;
    pyr_text_init(&text);
    check_ok(pyr_column_initial_print(value_field, value, &text, error));
    pyr_field *fields[] = {field_of("renamed", PYR_TYPE_INT64, "1", NULL),
                           field_of("added", PYR_TYPE_INT64, "2", pyr_text_get(&text)),
                           field_of("nulls", PYR_TYPE_UTF8, "3", NULL)};
    pyr_segment *segment = evolved(self, schema_of(fields, 3));
    pyr_batch *batch = NULL;
    check_ok(pyr_segment_batch(segment, 0, NULL, 0, NULL, NULL, &batch, error));
    assert_int_equal(batch->rows, 10);
    assert_string_equal(batch->schema->fields[0]->name, "renamed");
    for (int64_t i = 0; i < 10; ++i) {
        assert_int_equal(pyr_array_int64(batch->columns[0], i), 100 + i);
        assert_int_equal(pyr_array_int64(batch->columns[1], i), 42);
        assert_true(pyr_array_is_null(batch->columns[2], i));
    }
    pyr_batch_release(batch);
    /* A constant alone, which needs nothing of the file but how many rows it has. */
    const int32_t added = 1;
    check_ok(pyr_segment_batch(segment, 0, &added, 1, NULL, NULL, &batch, error));
    assert_int_equal(batch->rows, 10);
    assert_int_equal(batch->columns_count, 1);
    pyr_batch_release(batch);
    pyr_zone zone;
    check_ok(pyr_segment_zone(segment, 0, 0, &zone, error));
    assert_true(zone.known && zone.has_bounds);
    assert_int_equal(zone.min.i64, 100);
    check_ok(pyr_segment_zone(segment, 0, 1, &zone, error));
    assert_false(zone.known);
    check_ok(pyr_segment_verify(segment, error));
    pyr_segment_release(segment);
    pyr_text_deinit(&text);
    pyr_array_release(value);
    pyr_field_release(value_field);
}

static void fails_to_read(evolve *self, pyr_field *field, const char *message) {
    pyr_segment *segment = evolved(self, schema_of(&field, 1));
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_segment_batch(segment, 0, NULL, 0, NULL, NULL, &batch, &self->error),
                     PYR_ERROR_CORRUPT);
    assert_null(batch);
    assert_non_null(strstr(self->error.message, message));
    pyr_segment_release(segment);
}

static void what_does_not_fit_the_file_is_damage(void **state) {
    evolve *self = *state;
    fails_to_read(self, field_of("a", PYR_TYPE_UTF8, "0", NULL), "type that the catalog says");
    fails_to_read(self, field_of("c", PYR_TYPE_INT64, "7", "0"), "hexadecimal");
    fails_to_read(self, field_of("c", PYR_TYPE_INT64, "7", "zz"), "hexadecimal");
    fails_to_read(self, field_of("c", PYR_TYPE_INT64, "7", "4152524f57310000"), "first value");
    pyr_field *number = field_of("c", PYR_TYPE_INT64, NULL, NULL);
    pyr_array *value = int64s(number, 42, 1);
    pyr_text text;
    pyr_text_init(&text);
    check_ok(pyr_column_initial_print(number, value, &text, error));
    fails_to_read(self, field_of("c", PYR_TYPE_UTF8, "7", pyr_text_get(&text)), "another type");
    pyr_text_deinit(&text);
    pyr_array_release(value);
    pyr_field_release(number);
}

static void one_view_is_not_put_on_top_of_another(void **state) {
    evolve *self = *state;
    pyr_field *first = field_of("b", PYR_TYPE_INT64, "1", NULL);
    pyr_segment *once = evolved(self, schema_of(&first, 1));
    pyr_field *second = field_of("a", PYR_TYPE_INT64, "0", NULL);
    pyr_schema *schema = schema_of(&second, 1);
    pyr_segment *twice = NULL;
    check_ok(pyr_segment_evolve(once, schema, &twice, error));
    pyr_segment *same = NULL;
    check_ok(pyr_segment_evolve(twice, schema, &same, error));
    assert_ptr_equal(same, twice);
    pyr_segment_release(same);
    pyr_segment_release(once);
    pyr_batch *batch = NULL;
    check_ok(pyr_segment_batch(twice, 0, NULL, 0, NULL, NULL, &batch, error));
    assert_int_equal(pyr_array_int64(batch->columns[0], 3), 3);
    pyr_batch_release(batch);
    pyr_segment_release(twice);
    pyr_schema_release(schema);
}

int main(void) {
#define EVOLVE(name) cmocka_unit_test_setup_teardown(name, set_up_evolve, tear_down_evolve)
    const struct CMUnitTest tests[] = {
        EVOLVE(columns_are_found_by_ids_and_others_are_constant),
        EVOLVE(what_does_not_fit_the_file_is_damage),
        EVOLVE(one_view_is_not_put_on_top_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
