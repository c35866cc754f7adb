#include "support_cli.h"

#include "arrow/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pyr_field *make_field(const test_column *column) {
    pyr_field *field = NULL;
    if (column->type == PYR_TYPE_DECIMAL128) {
        assert_int_equal(pyr_field_create_decimal(column->name, column->type, 12, 2, &field, NULL),
                         PYR_OK);
    } else if (column->type == PYR_TYPE_LIST) {
        pyr_field *item = NULL;
        assert_int_equal(pyr_field_create("item", PYR_TYPE_INT64, &item, NULL), PYR_OK);
        assert_int_equal(
            pyr_field_create_nested(column->name, PYR_TYPE_LIST, 0, &item, 1, &field, NULL),
            PYR_OK);
        pyr_field_release(item);
    } else {
        assert_int_equal(pyr_field_create(column->name, column->type, &field, NULL), PYR_OK);
    }
    return field;
}

static void append_list(pyr_builder *builder, const char *cell) {
    pyr_builder *items = pyr_builder_child(builder, 0);
    while (*cell != '\0') {
        if (*cell == 'N') {
            assert_int_equal(pyr_builder_null(items, NULL), PYR_OK);
            ++cell;
        } else {
            char *end;
            assert_int_equal(pyr_builder_int64(items, strtoll(cell, &end, 10), NULL), PYR_OK);
            cell = end;
        }
        cell += *cell == ' ';
    }
    assert_int_equal(pyr_builder_close(builder, NULL), PYR_OK);
}

static void append(pyr_builder *builder, pyr_type_id type, const char *cell) {
    pyr_status status;
    switch (cell == NULL ? PYR_TYPE_NULL : type) {
    case PYR_TYPE_NULL:
        status = pyr_builder_null(builder, NULL);
        break;
    case PYR_TYPE_FLOAT64:
        status = pyr_builder_double(builder, strtod(cell, NULL), NULL);
        break;
    case PYR_TYPE_UTF8:
    case PYR_TYPE_BINARY:
        status = pyr_builder_string(builder, cell, NULL);
        break;
    case PYR_TYPE_DECIMAL128: {
        __int128 value = strtoll(cell, NULL, 10);
        status = pyr_builder_bytes(builder, &value, sizeof(value), NULL);
        break;
    }
    case PYR_TYPE_LIST:
        append_list(builder, cell);
        return;
    default:
        status = pyr_builder_int64(builder, strtoll(cell, NULL, 10), NULL);
        break;
    }
    assert_int_equal(status, PYR_OK);
}

pyr_batch *make_batch(const test_column *columns, int32_t columns_count, int64_t rows) {
    pyr_field *fields[16];
    pyr_array *arrays[16];
    assert_true(columns_count <= 16);
    for (int32_t i = 0; i < columns_count; ++i) {
        pyr_builder *builder = NULL;
        fields[i] = make_field(&columns[i]);
        assert_int_equal(pyr_builder_create(fields[i], NULL, &builder, NULL), PYR_OK);
        for (int64_t row = 0; row < rows; ++row) {
            append(builder, columns[i].type, columns[i].cells[row]);
        }
        assert_int_equal(pyr_builder_finish(builder, &arrays[i], NULL), PYR_OK);
        pyr_builder_destroy(builder);
    }
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_schema_create(fields, columns_count, NULL, &schema, NULL), PYR_OK);
    assert_int_equal(pyr_batch_create(schema, rows, arrays, columns_count, NULL, &batch, NULL),
                     PYR_OK);
    for (int32_t i = 0; i < columns_count; ++i) {
        pyr_field_release(fields[i]);
        pyr_array_release(arrays[i]);
    }
    pyr_schema_release(schema);
    return batch;
}

char *print_batches(const pyr_format *format, pyr_batch *const *batches, size_t count) {
    FILE *file = tmpfile();
    assert_non_null(file);
    pyr_output output;
    pyr_error error = {0};
    assert_int_equal(pyr_output_init(&output, fileno(file), "test", &error), PYR_OK);
    pyr_formatter *formatter = NULL;
    pyr_status status =
        pyr_formatter_create(format, batches[0]->schema, &output, NULL, &formatter, &error);
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = pyr_formatter_batch(formatter, batches[i], &error);
    }
    if (status == PYR_OK) {
        status = pyr_formatter_finish(formatter, &error);
    }
    if (status != PYR_OK) {
        fail_msg("%s", error.message);
    }
    pyr_formatter_destroy(formatter);
    int64_t written = pyr_output_bytes(&output);
    assert_int_equal(pyr_output_close(&output, &error), PYR_OK);
    rewind(file);
    char *text = calloc(1, (size_t)written + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)written + 1, file), (size_t)written);
    fclose(file);
    return text;
}

char *print_batch(const pyr_format *format, pyr_batch *batch) {
    return print_batches(format, &batch, 1);
}

pyr_batch *make_awkward_batch(void) {
    const test_column columns[] = {
        {"id", PYR_TYPE_INT64, {"1", "-22", NULL, "4"}},
        {"the name", PYR_TYPE_UTF8, {"plain", "", NULL, "a,\"b\"\n\x1B[31m|"}},
        {"x", PYR_TYPE_FLOAT64, {"0.1", "nan", "inf", "1e300"}},
        {"d", PYR_TYPE_DECIMAL128, {"12345", "-5", NULL, "0"}},
        {"l", PYR_TYPE_LIST, {"1 2", "", "N", NULL}},
        {"日本", PYR_TYPE_UTF8, {"東京", "é", "e\xCC\x81", "x"}},
    };
    return make_batch(columns, 6, 4);
}
