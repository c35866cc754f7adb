/* support_ipc_tables.c - see support_ipc_tables.h. */
#include "unit/arrow/support_ipc_tables.h"

#include "arrow/builder.h"
#include "unit/arrow/support_ipc.h"

#include <stdio.h>

pyr_field *ipc_field(const char *name, pyr_type_id type) {
    pyr_error error;
    pyr_field *field;
    ipc_must(pyr_field_create(name, type, &field, &error), &error);
    return field;
}

pyr_field *ipc_list_field(const char *name, pyr_type_id list, pyr_type_id item) {
    pyr_error error;
    pyr_field *child = ipc_field("item", item);
    pyr_field *field;
    ipc_must(pyr_field_create_nested(name, list, 0, &child, 1, &field, &error), &error);
    pyr_field_release(child);
    return field;
}

pyr_field *ipc_dictionary_field(const char *name) {
    pyr_error error;
    pyr_field *values = ipc_field("", PYR_TYPE_UTF8);
    pyr_field *field;
    ipc_must(pyr_field_create_dictionary(name, PYR_TYPE_INT8, false, values, &field, &error),
             &error);
    pyr_field_release(values);
    return field;
}

static pyr_builder *begin(pyr_field *field) {
    pyr_error error;
    pyr_builder *builder;
    ipc_must(pyr_builder_create(field, NULL, &builder, &error), &error);
    return builder;
}

static pyr_array *finish(pyr_builder *builder) {
    pyr_error error;
    pyr_array *array;
    ipc_must(pyr_builder_finish(builder, &array, &error), &error);
    pyr_builder_destroy(builder);
    return array;
}

pyr_array *ipc_numbers(pyr_field *field, int64_t first, int64_t count, bool nulls) {
    pyr_error error;
    pyr_builder *builder = begin(field);
    for (int64_t i = 0; i < count; ++i) {
        ipc_must(nulls && i % 7 == 3 ? pyr_builder_null(builder, &error)
                                     : pyr_builder_int64(builder, first + i, &error),
                 &error);
    }
    return finish(builder);
}

pyr_array *ipc_strings(pyr_field *field, int64_t first, int64_t count, bool nulls) {
    pyr_error error;
    pyr_builder *builder = begin(field);
    for (int64_t i = 0; i < count; ++i) {
        char text[64];
        snprintf(text, sizeof text, "%s %lld", i % 2 == 0 ? "v" : "a value longer than twelve",
                 (long long)(first + i));
        ipc_must(nulls && i % 5 == 4 ? pyr_builder_null(builder, &error)
                                     : pyr_builder_string(builder, text, &error),
                 &error);
    }
    return finish(builder);
}

pyr_array *ipc_lists(pyr_field *field, int64_t count) {
    pyr_error error;
    pyr_builder *builder = begin(field);
    for (int64_t i = 0; i < count; ++i) {
        for (int64_t k = 0; k < i % 4; ++k) {
            ipc_must(pyr_builder_int64(pyr_builder_child(builder, 0), i + k, &error), &error);
        }
        ipc_must(pyr_builder_close(builder, &error), &error);
    }
    return finish(builder);
}

pyr_array *ipc_codes(pyr_field *field, int64_t count, int64_t first_value, int64_t values_count) {
    pyr_error error;
    pyr_array *values = ipc_strings(field->dictionary, first_value, values_count, false);
    pyr_buffer *buffers[2] = {NULL, NULL};
    pyr_array *array;
    ipc_must(pyr_buffer_create((size_t)count, NULL, &buffers[1], &error), &error);
    for (int64_t i = 0; i < count; ++i) {
        pyr_buffer_mutable(buffers[1])[i] = (uint8_t)(i % values_count);
    }
    ipc_must(pyr_array_create(field, count, 0, 0, buffers, 2, NULL, 0, values, &array, &error),
             &error);
    pyr_buffer_release(buffers[1]);
    pyr_array_release(values);
    return array;
}

pyr_batch *ipc_batch(pyr_field **fields, pyr_array **columns, int32_t count) {
    pyr_error error;
    pyr_schema *schema;
    pyr_batch *batch;
    ipc_must(pyr_schema_create(fields, count, NULL, &schema, &error), &error);
    ipc_must(pyr_batch_create(schema, columns[0]->length, columns, count, NULL, &batch, &error),
             &error);
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
        pyr_array_release(columns[i]);
    }
    pyr_schema_release(schema);
    return batch;
}
