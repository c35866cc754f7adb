/* The C Data Interface: by reference both ways, released exactly once, whatever is moved. */
#include "support_arrays.h"

#include "arrow/cdata.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Types. ---- */

static pyr_field *round_trip(const pyr_field *field) {
    struct ArrowSchema schema;
    pyr_field *back = NULL;
    check_ok(pyr_field_export(field, &schema, error));
    check_ok(pyr_field_import(&schema, &back, error));
    assert_null(schema.release);
    return back;
}

static void fields_of_every_type_come_back(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_field *field = sample_field(kind, "some name");
        pyr_field *back = round_trip(field);
        assert_true(pyr_field_equal(field, back));
        pyr_field_release(back);
        pyr_field_release(field);
    }
}

static void assert_format(pyr_field *field, const char *format) {
    struct ArrowSchema schema;
    check_ok(pyr_field_export(field, &schema, error));
    assert_string_equal(schema.format, format);
    schema.release(&schema);
    pyr_field *back = round_trip(field);
    assert_true(pyr_field_equal(field, back));
    pyr_field_release(back);
    pyr_field_release(field);
}

static void formats_are_those_of_the_specification(void **state) {
    (void)state;
    static const struct {
        int kind;
        const char *format;
    } plain[] = {
        {PYR_TYPE_NULL, "n"},
        {PYR_TYPE_BOOL, "b"},
        {PYR_TYPE_INT8, "c"},
        {PYR_TYPE_UINT8, "C"},
        {PYR_TYPE_INT16, "s"},
        {PYR_TYPE_UINT16, "S"},
        {PYR_TYPE_INT32, "i"},
        {PYR_TYPE_UINT32, "I"},
        {PYR_TYPE_INT64, "l"},
        {PYR_TYPE_UINT64, "L"},
        {PYR_TYPE_FLOAT16, "e"},
        {PYR_TYPE_FLOAT32, "f"},
        {PYR_TYPE_FLOAT64, "g"},
        {PYR_TYPE_BINARY, "z"},
        {PYR_TYPE_LARGE_BINARY, "Z"},
        {PYR_TYPE_BINARY_VIEW, "vz"},
        {PYR_TYPE_UTF8, "u"},
        {PYR_TYPE_LARGE_UTF8, "U"},
        {PYR_TYPE_UTF8_VIEW, "vu"},
        {PYR_TYPE_FIXED_SIZE_BINARY, "w:5"},
        {PYR_TYPE_DATE32, "tdD"},
        {PYR_TYPE_DATE64, "tdm"},
        {PYR_TYPE_TIME32, "ttm"},
        {PYR_TYPE_TIME64, "ttu"},
        {PYR_TYPE_TIMESTAMP, "tsu:UTC"},
        {PYR_TYPE_DURATION, "tDu"},
        {PYR_TYPE_INTERVAL_YEAR_MONTH, "tiM"},
        {PYR_TYPE_INTERVAL_DAY_TIME, "tiD"},
        {PYR_TYPE_INTERVAL_MONTH_DAY_NANO, "tin"},
        {PYR_TYPE_DECIMAL32, "d:9,2,32"},
        {PYR_TYPE_DECIMAL64, "d:9,2,64"},
        {PYR_TYPE_DECIMAL128, "d:9,2"},
        {PYR_TYPE_DECIMAL256, "d:9,2,256"},
        {PYR_TYPE_LIST, "+l"},
        {PYR_TYPE_LARGE_LIST, "+L"},
        {PYR_TYPE_LIST_VIEW, "+vl"},
        {PYR_TYPE_LARGE_LIST_VIEW, "+vL"},
        {PYR_TYPE_FIXED_SIZE_LIST, "+w:3"},
        {PYR_TYPE_STRUCT, "+s"},
        {PYR_TYPE_MAP, "+m"},
        {PYR_TYPE_SPARSE_UNION, "+us:5,0,7"},
        {PYR_TYPE_DENSE_UNION, "+ud:5,0,7"},
        {PYR_TYPE_DICTIONARY, "s"},
        {PYR_TYPE_RUN_END_ENCODED, "+r"},
    };
    assert_int_equal(sizeof(plain) / sizeof(plain[0]), PYR_TYPES_COUNT);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); ++i) {
        assert_format(sample_field(plain[i].kind, "f"), plain[i].format);
    }
    static const char units[] = "smun";
    for (int unit = 0; unit < 4; ++unit) {
        pyr_field *field = NULL;
        char format[16] = "ts?:";
        format[2] = units[unit];
        check_ok(pyr_field_create_time("t", PYR_TYPE_TIMESTAMP, (pyr_time_unit)unit, NULL, &field,
                                       error));
        assert_format(field, format);
        format[1] = 'D';
        format[3] = '\0';
        check_ok(pyr_field_create_time("t", PYR_TYPE_DURATION, (pyr_time_unit)unit, NULL, &field,
                                       error));
        assert_format(field, format);
    }
    pyr_field *negative = NULL;
    check_ok(pyr_field_create_decimal("d", PYR_TYPE_DECIMAL128, 38, -7, &negative, error));
    assert_format(negative, "d:38,-7");
}

static void flags_and_metadata_come_back(void **state) {
    (void)state;
    pyr_metadata *metadata = NULL;
    check_ok(pyr_metadata_create(&metadata, error));
    check_ok(pyr_metadata_add(metadata, "ARROW:extension:name", 20, "a\0b", 3, error));
    check_ok(pyr_metadata_add(metadata, "", 0, "", 0, error));
    pyr_field *values = sample_field(PYR_TYPE_UTF8, "v"), *field = NULL, *with = NULL;
    check_ok(pyr_field_create_dictionary("d", PYR_TYPE_UINT32, true, values, &field, error));
    check_ok(pyr_field_with(field, "e", false, metadata, &with, error));
    struct ArrowSchema schema;
    check_ok(pyr_field_export(with, &schema, error));
    assert_int_equal(schema.flags, ARROW_FLAG_DICTIONARY_ORDERED);
    assert_string_equal(schema.format, "I");
    assert_string_equal(schema.dictionary->format, "u");
    int32_t pairs;
    memcpy(&pairs, schema.metadata, 4);
    assert_int_equal(pairs, 2);
    schema.release(&schema);
    pyr_field *back = round_trip(with);
    assert_true(pyr_field_equal(with, back));
    pyr_field_release(back);
    pyr_field_release(with);
    pyr_field_release(field);
    pyr_field_release(values);
    pyr_metadata_release(metadata);
}

static void children_of_a_schema_may_be_moved(void **state) {
    (void)state;
    pyr_field *field = sample_field(SAMPLE_NESTED, "n"), *child = NULL;
    struct ArrowSchema schema, moved;
    check_ok(pyr_field_export(field, &schema, error));
    moved = *schema.children[1];
    schema.children[1]->release = NULL;
    schema.release(&schema);
    assert_null(schema.release);
    check_ok(pyr_field_import(&moved, &child, error));
    assert_true(pyr_field_equal(child, field->children[1]));
    pyr_field_release(child);
    pyr_field_release(field);
}

static int released_schemas;

static void count_schema_release(struct ArrowSchema *schema) {
    ++released_schemas;
    schema->release = NULL;
}

static void unknown_formats_are_refused_and_released(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",           "x",      "d:",      "d:9",     "d:9,2,33",
        "d:9,2x",     "ts",     "tsx:",    "tsu",     "w:",
        "w:x",        "+w:-1",  "+ud:a",   "+x",      "ttx",
        "d:77,0,256", "d:40,1", "+ud:1,1", "+us:300", "tdDx",
        "+l",         "+m",     "+r",      "w:-2",    "w:99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        struct ArrowSchema schema = {.format = bad[i], .release = count_schema_release};
        pyr_field *field = (pyr_field *)&schema;
        pyr_error failure;
        released_schemas = 0;
        if (pyr_field_import(&schema, &field, &failure) == PYR_OK) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
        assert_null(field);
        assert_int_equal(released_schemas, 1);
        assert_null(schema.release);
    }
}

static void schemas_come_back(void **state) {
    (void)state;
    pyr_field *fields[SAMPLES_COUNT];
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        fields[kind] = sample_field(kind, sample_name(kind));
    }
    pyr_schema *schema = NULL, *back = NULL;
    check_ok(pyr_schema_create(fields, SAMPLES_COUNT, NULL, &schema, error));
    struct ArrowSchema exported;
    check_ok(pyr_schema_export(schema, &exported, error));
    assert_string_equal(exported.format, "+s");
    check_ok(pyr_schema_import(&exported, &back, error));
    assert_true(pyr_schema_equal(schema, back));
    pyr_schema_release(back);
    pyr_schema_release(schema);
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_field_release(fields[kind]);
    }
    pyr_field *number = sample_field(PYR_TYPE_INT8, "i");
    pyr_error failure;
    check_ok(pyr_field_export(number, &exported, error));
    assert_int_equal(pyr_schema_import(&exported, &back, &failure), PYR_ERROR_INVALID_ARGUMENT);
    assert_null(back);
    pyr_field_release(number);
}

/* ---- Arrays. ---- */

static void arrays_of_every_type_cross_by_reference(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_array *whole = sample_array(kind, 60, 7, true);
        pyr_array *array = slice_of(whole, 13, 40), *back = NULL;
        struct ArrowArray exported;
        check_ok(pyr_array_export(array, &exported, error));
        assert_int_equal(exported.offset, 13);
        assert_int_equal(exported.length, 40);
        check_ok(pyr_array_import(&exported, array->field, &back, error));
        assert_null(exported.release);
        for (int32_t i = 0; i < array->buffers_count; ++i) {
            assert_ptr_equal(back->buffers[i] != NULL ? back->buffers[i]->data : NULL,
                             array->buffers[i] != NULL ? array->buffers[i]->data : NULL);
        }
        pyr_array_release(array);
        pyr_array_release(whole);
        whole = sample_array(kind, 60, 7, true);
        array = slice_of(whole, 13, 40);
        assert_valid(back);
        assert_true(pyr_array_equal(back, array));
        pyr_array_release(back);
        pyr_array_release(array);
        pyr_array_release(whole);
    }
}

static void empty_arrays_without_buffers_cross(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_field *field = sample_field(kind, "f");
        pyr_array *empty = NULL, *back = NULL;
        check_ok(pyr_array_create_null(field, 0, NULL, &empty, error));
        struct ArrowArray exported;
        check_ok(pyr_array_export(empty, &exported, error));
        pyr_layout layout = pyr_type_layout(field->type);
        for (int32_t i = 0; i < layout.buffers_count; ++i) {
            assert_true(exported.buffers[i] != NULL || layout.buffers[i] == PYR_BUFFER_VALIDITY);
        }
        check_ok(pyr_array_import(&exported, field, &back, error));
        assert_valid(back);
        assert_int_equal(back->length, 0);
        pyr_array_release(back);
        pyr_array_release(empty);
        pyr_field_release(field);
    }
}

static void moved_children_live_on(void **state) {
    (void)state;
    pyr_array *array = sample_array(SAMPLE_NESTED, 30, 3, true), *back = NULL;
    pyr_field *field = pyr_field_retain(array->field->children[0]);
    struct ArrowArray exported, moved;
    check_ok(pyr_array_export(array, &exported, error));
    moved = *exported.children[0];
    exported.children[0]->release = NULL;
    exported.release(&exported);
    assert_null(exported.release);
    pyr_array_release(array);
    check_ok(pyr_array_import(&moved, field, &back, error));
    array = sample_array(SAMPLE_NESTED, 30, 3, true);
    assert_true(pyr_array_equal(back, array->children[0]));
    pyr_array_release(array);
    pyr_array_release(back);
    pyr_field_release(field);
}

static int released_arrays;

static void count_array_release(struct ArrowArray *array) {
    ++released_arrays;
    array->release = NULL;
}

static void the_source_lives_until_the_last_buffer_dies(void **state) {
    (void)state;
    static const int32_t values[] = {1, 2, 3, 4};
    static const uint8_t bits[] = {0x0f};
    const void *buffers[2] = {bits, values};
    struct ArrowArray source = {.length = 3,
                                .offset = 1,
                                .n_buffers = 2,
                                .buffers = buffers,
                                .release = count_array_release};
    pyr_field *field = sample_field(PYR_TYPE_INT32, "i");
    pyr_array *array = NULL;
    released_arrays = 0;
    check_ok(pyr_array_import(&source, field, &array, error));
    assert_null(source.release);
    assert_ptr_equal(array->buffers[1]->data, values);
    assert_int_equal(array->buffers[1]->size_bytes, 16);
    assert_int_equal(pyr_array_int64(array, 0), 2);
    pyr_buffer *last = pyr_buffer_retain(array->buffers[1]);
    pyr_array_release(array);
    assert_int_equal(released_arrays, 0);
    pyr_buffer_release(last);
    assert_int_equal(released_arrays, 1);
    pyr_field_release(field);
}

/* Imports a struct that is wrong: refused, and released once. */
static void assert_import_fails(struct ArrowArray source, int kind) {
    pyr_field *field = sample_field(kind, "f");
    pyr_array *array = (pyr_array *)field;
    pyr_error failure;
    released_arrays = 0;
    source.release = count_array_release;
    pyr_status status = pyr_array_import(&source, field, &array, &failure);
    assert_int_equal(status, PYR_ERROR_CORRUPT);
    assert_null(array);
    assert_null(source.release);
    assert_int_equal(released_arrays, 1);
    pyr_field_release(field);
}

static void broken_arrays_are_refused_and_released(void **state) {
    (void)state;
    static const int32_t offsets[] = {0, 5, -1};
    const void *text[3] = {NULL, offsets, "hello"};
    const void *nothing[3] = {NULL, NULL, NULL};
    const void **none = NULL;
    assert_import_fails((struct ArrowArray){.length = -1, .n_buffers = 2, .buffers = nothing},
                        PYR_TYPE_INT32);
    assert_import_fails((struct ArrowArray){.offset = -1, .n_buffers = 2, .buffers = nothing},
                        PYR_TYPE_INT32);
    assert_import_fails(
        (struct ArrowArray){
            .length = INT64_MAX, .offset = INT64_MAX, .n_buffers = 2, .buffers = nothing},
        PYR_TYPE_INT32);
    assert_import_fails((struct ArrowArray){.length = 1, .n_buffers = 1, .buffers = nothing},
                        PYR_TYPE_INT32);
    assert_import_fails((struct ArrowArray){.length = 1, .n_buffers = 2, .buffers = none},
                        PYR_TYPE_INT32);
    assert_import_fails((struct ArrowArray){.length = 1, .n_buffers = 2, .buffers = nothing},
                        PYR_TYPE_INT32);
    assert_import_fails(
        (struct ArrowArray){.length = 1, .null_count = 2, .n_buffers = 2, .buffers = nothing},
        PYR_TYPE_INT32);
    assert_import_fails((struct ArrowArray){.length = 2, .n_buffers = 3, .buffers = text},
                        PYR_TYPE_UTF8);
    assert_import_fails((struct ArrowArray){.length = 1, .n_buffers = 3, .buffers = nothing},
                        PYR_TYPE_UTF8);
    assert_import_fails((struct ArrowArray){.length = 1, .n_buffers = 2, .buffers = nothing},
                        PYR_TYPE_UTF8_VIEW);
    assert_import_fails((struct ArrowArray){.length = 1, .n_buffers = 2, .buffers = nothing},
                        PYR_TYPE_DICTIONARY);
    assert_import_fails((struct ArrowArray){.length = 1, .n_buffers = 1, .buffers = nothing},
                        PYR_TYPE_STRUCT);
    struct ArrowArray missing = {0}, *children[2] = {&missing, NULL};
    assert_import_fails(
        (struct ArrowArray){
            .length = 1, .n_buffers = 1, .buffers = nothing, .n_children = 2, .children = children},
        PYR_TYPE_STRUCT);
    struct ArrowArray gone = {0};
    pyr_error failure;
    pyr_array *array = NULL;
    pyr_field *field = sample_field(PYR_TYPE_INT8, "i");
    assert_int_equal(pyr_array_import(&gone, field, &array, &failure), PYR_ERROR_INVALID_ARGUMENT);
    pyr_field_release(field);
}

/* ---- Batches. ---- */

static pyr_batch *sample_batch(int64_t rows) {
    pyr_array *columns[3] = {sample_array(PYR_TYPE_INT64, rows, 1, true),
                             sample_array(PYR_TYPE_UTF8_VIEW, rows, 2, true),
                             sample_array(SAMPLE_NESTED, rows, 3, true)};
    return batch_of(columns, 3);
}

static void batches_cross_by_reference(void **state) {
    (void)state;
    pyr_batch *batch = sample_batch(20), *back = NULL;
    struct ArrowArray exported;
    check_ok(pyr_batch_export(batch, &exported, error));
    assert_int_equal(exported.n_buffers, 1);
    check_ok(pyr_batch_import(&exported, batch->schema, &back, error));
    assert_true(pyr_batch_equal(batch, back));
    assert_ptr_equal(back->columns[0]->buffers[1]->data, batch->columns[0]->buffers[1]->data);
    pyr_batch_release(batch);
    check_ok(pyr_batch_validate(back, PYR_VALIDATE_FULL, error));
    pyr_batch_release(back);
}

static void a_struct_offset_moves_into_the_columns(void **state) {
    (void)state;
    pyr_batch *batch = sample_batch(20), *slice = NULL, *back = NULL;
    check_ok(pyr_batch_slice(batch, 5, 10, &slice, error));
    struct ArrowArray exported;
    check_ok(pyr_batch_export(slice, &exported, error));
    exported.offset = 3;
    exported.length = 6;
    check_ok(pyr_batch_import(&exported, batch->schema, &back, error));
    assert_int_equal(back->rows, 6);
    assert_int_equal(back->columns[0]->offset, 8);
    for (int32_t i = 0; i < 3; ++i) {
        assert_rows_equal(back->columns[i], 0, batch->columns[i], 8, 6);
    }
    pyr_batch_release(back);
    check_ok(pyr_batch_export(slice, &exported, error));
    exported.offset = 5; /* five rows of ten are left, not six */
    exported.length = 6;
    pyr_error failure;
    assert_int_equal(pyr_batch_import(&exported, batch->schema, &back, &failure),
                     PYR_ERROR_CORRUPT);
    assert_null(back);
    assert_null(exported.release);
    pyr_batch_release(slice);
    pyr_batch_release(batch);
}

static void rows_null_as_a_whole_are_refused(void **state) {
    (void)state;
    static const uint8_t bits[] = {0xff, 0xff, 0xef};
    pyr_batch *batch = sample_batch(20), *back = NULL;
    struct ArrowArray exported;
    check_ok(pyr_batch_export(batch, &exported, error));
    exported.buffers[0] = bits; /* bit 20: outside */
    exported.null_count = -1;
    check_ok(pyr_batch_import(&exported, batch->schema, &back, error));
    pyr_batch_release(back);
    check_ok(pyr_batch_export(batch, &exported, error));
    static const uint8_t one_null[] = {0xff, 0xfe, 0xff};
    exported.buffers[0] = one_null;
    exported.null_count = -1;
    pyr_error failure;
    assert_int_equal(pyr_batch_import(&exported, batch->schema, &back, &failure),
                     PYR_ERROR_CORRUPT);
    pyr_batch_release(batch);
}

/* ---- Streams. ---- */

static pyr_stream *stream_of(pyr_batch **batches, size_t count) {
    pyr_stream *stream = NULL;
    check_ok(pyr_stream_from_batches(batches[0]->schema, batches, count, &stream, error));
    return stream;
}

static void streams_cross_both_ways(void **state) {
    (void)state;
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_batch *batch = sample_batch(20), *picked = NULL, *next = NULL;
    static const int32_t rows[] = {1, 5, 19};
    pyr_buffer *buffer = bytes_buffer(rows, sizeof(rows));
    pyr_selection *selection = NULL;
    check_ok(pyr_selection_create(buffer, 3, &selection, error));
    check_ok(pyr_batch_select(batch, selection, &picked, error));
    pyr_batch *batches[2] = {batch, picked};
    struct ArrowArrayStream exported;
    pyr_budget *budget = pyr_budget_create(0);
    pyr_stream *stream = stream_of(batches, 2), *back = NULL;
    check_ok(pyr_stream_export(stream, &ledger, budget, &exported, error));
    pyr_budget_release(budget);
    check_ok(pyr_stream_import(&exported, &back, error));
    assert_null(exported.release);
    check_ok(pyr_stream_next(back, &next, error));
    assert_true(pyr_batch_equal(next, batch));
    assert_int_equal(ledger.copied[PYR_COPY_GATHER], 0);
    pyr_batch_release(next);
    check_ok(pyr_stream_next(back, &next, error));
    assert_true(pyr_batch_equal(next, picked));
    assert_true(ledger.copied[PYR_COPY_GATHER] > 0);
    pyr_batch_release(next);
    for (int i = 0; i < 2; ++i) {
        check_ok(pyr_stream_next(back, &next, error));
        assert_null(next);
    }
    pyr_stream_destroy(back);
    pyr_selection_release(selection);
    pyr_buffer_release(buffer);
    pyr_batch_release(picked);
    pyr_batch_release(batch);
}

/* A stream that fails at once. */
typedef struct failing {
    pyr_stream base;
    pyr_status status;
} failing;

static pyr_status failing_next(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    (void)out;
    return pyr_error_set(error, ((failing *)stream)->status, "the %s is gone", "disk");
}

static void failing_destroy(pyr_stream *stream) {
    pyr_schema_release(stream->schema);
    free(stream);
}

static void failures_become_errno_and_sqlstate(void **state) {
    (void)state;
    static const pyr_stream_ops ops = {failing_next, failing_destroy};
    static const struct {
        pyr_status status;
        int code;
        pyr_status back;
        const char *message;
    } cases[] = {
        {PYR_ERROR_IO, EIO, PYR_ERROR_IO, "58030: the disk is gone"},
        {PYR_ERROR_MEMORY, ENOMEM, PYR_ERROR_MEMORY, "53200: the disk is gone"},
        {PYR_ERROR_CANCELLED, ECANCELED, PYR_ERROR_CANCELLED, "57014: the disk is gone"},
        {PYR_ERROR_INVALID_ARGUMENT, EINVAL, PYR_ERROR_INVALID_ARGUMENT, "22023: the disk is gone"},
        {PYR_ERROR_NOT_SUPPORTED, ENOTSUP, PYR_ERROR_NOT_SUPPORTED, "0A000: the disk is gone"},
        {PYR_ERROR_DISK_FULL, ENOSPC, PYR_ERROR_DISK_FULL, "53100: the disk is gone"},
        {PYR_ERROR_TIMEOUT, ETIMEDOUT, PYR_ERROR_TIMEOUT, "57014: the disk is gone"},
        {PYR_ERROR_CORRUPT, EIO, PYR_ERROR_IO, "XX001: the disk is gone"},
        {PYR_ERROR_BUSY, EBUSY, PYR_ERROR_IO, "55006: the disk is gone"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        for (int imported = 0; imported < 2; ++imported) {
            failing *stream = calloc(1, sizeof(*stream));
            stream->base.ops = &ops;
            stream->status = cases[i].status;
            check_ok(pyr_schema_create(NULL, 0, NULL, &stream->base.schema, error));
            struct ArrowArrayStream exported;
            check_ok(pyr_stream_export(&stream->base, NULL, NULL, &exported, error));
            assert_null(exported.get_last_error(&exported));
            if (imported == 0) {
                struct ArrowArray array;
                for (int again = 0; again < 2; ++again) {
                    assert_int_equal(exported.get_next(&exported, &array), cases[i].code);
                    assert_null(array.release);
                    assert_string_equal(exported.get_last_error(&exported), cases[i].message);
                }
                exported.release(&exported);
                assert_null(exported.release);
                continue;
            }
            pyr_stream *back = NULL;
            pyr_batch *next = NULL;
            pyr_error failure;
            check_ok(pyr_stream_import(&exported, &back, error));
            assert_int_equal(pyr_stream_next(back, &next, &failure), cases[i].back);
            assert_string_equal(failure.message, cases[i].message);
            pyr_stream_destroy(back);
        }
    }
}

/* ---- Depth. ---- */

static int chain_released;

static void chain_release(struct ArrowSchema *schema) {
    ++chain_released;
    schema->release = NULL;
}

/* A list in a list in a list, with an int32 at the bottom: depth fields deep. */
static void types_are_nested_to_the_limit_and_no_deeper(void **state) {
    (void)state;
    for (int depth = PYR_TYPE_DEPTH_MAX - 1; depth <= PYR_TYPE_DEPTH_MAX + 2; ++depth) {
        struct ArrowSchema fields[PYR_TYPE_DEPTH_MAX + 4];
        struct ArrowSchema *pointers[PYR_TYPE_DEPTH_MAX + 4];
        memset(fields, 0, sizeof(fields));
        for (int i = 0; i <= depth; ++i) {
            bool bottom = i == depth;
            pointers[i] = &fields[i];
            fields[i].format = i == 0 ? "+s" : bottom ? "i" : "+l";
            fields[i].name = "f";
            fields[i].n_children = bottom ? 0 : 1;
            fields[i].children = bottom ? NULL : &pointers[i + 1];
            fields[i].release = chain_release;
        }
        chain_released = 0;
        pyr_schema *schema = (pyr_schema *)1;
        pyr_error failure;
        pyr_status status = pyr_schema_import(&fields[0], &schema, &failure);
        assert_null(fields[0].release);
        assert_int_equal(chain_released, 1); /* the root's release is its children's affair */
        if (depth <= PYR_TYPE_DEPTH_MAX) {
            assert_int_equal(status, PYR_OK);
            pyr_schema_release(schema);
        } else {
            assert_int_equal(status, PYR_ERROR_LIMIT);
            assert_null(schema);
            assert_non_null(strstr(failure.message, "64"));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_every_type_come_back),
        cmocka_unit_test(formats_are_those_of_the_specification),
        cmocka_unit_test(flags_and_metadata_come_back),
        cmocka_unit_test(children_of_a_schema_may_be_moved),
        cmocka_unit_test(unknown_formats_are_refused_and_released),
        cmocka_unit_test(schemas_come_back),
        cmocka_unit_test(arrays_of_every_type_cross_by_reference),
        cmocka_unit_test(empty_arrays_without_buffers_cross),
        cmocka_unit_test(moved_children_live_on),
        cmocka_unit_test(the_source_lives_until_the_last_buffer_dies),
        cmocka_unit_test(broken_arrays_are_refused_and_released),
        cmocka_unit_test(batches_cross_by_reference),
        cmocka_unit_test(a_struct_offset_moves_into_the_columns),
        cmocka_unit_test(rows_null_as_a_whole_are_refused),
        cmocka_unit_test(streams_cross_both_ways),
        cmocka_unit_test(failures_become_errno_and_sqlstate),
        cmocka_unit_test(types_are_nested_to_the_limit_and_no_deeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
