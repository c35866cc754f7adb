/* duckdb_params.c - parameters: one row of ours as DuckDB values, bound in order. */
#include "engines/duckdb/duckdb_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static dd_value make_value(const pyr_duckdb_api *api, const pyr_array *array, int64_t index);

static const void *fixed_value(const pyr_array *array, int64_t index, size_t width) {
    return array->buffers[1]->data + (size_t)(array->offset + index) * width;
}

static const char *extension_name(const pyr_field *field) {
    return field->metadata != NULL
               ? pyr_metadata_find(field->metadata, "ARROW:extension:name", NULL)
               : NULL;
}

static dd_value make_timestamp(const pyr_duckdb_api *api, const pyr_field *field, int64_t value) {
    static const int64_t micros[] = {1000000, 1000, 1, 1};
    if (field->timezone == NULL) {
        dd_ticks ticks = {value};
        switch (field->unit) {
        case PYR_UNIT_SECOND:
            return api->create_timestamp_s(ticks);
        case PYR_UNIT_MILLISECOND:
            return api->create_timestamp_ms(ticks);
        case PYR_UNIT_MICROSECOND:
            return api->create_timestamp(ticks);
        case PYR_UNIT_NANOSECOND:
            return api->create_timestamp_ns(ticks);
        }
    }
    /* DuckDB has microseconds with a time zone, and nothing finer. */
    dd_ticks ticks = {0};
    if (field->unit == PYR_UNIT_NANOSECOND) {
        ticks.ticks = value >= 0 ? value / 1000 : -((-(value + 1)) / 1000) - 1;
    } else if (__builtin_mul_overflow(value, micros[field->unit], &ticks.ticks)) {
        return NULL;
    }
    return api->create_timestamp_tz(ticks);
}

static dd_value make_time(const pyr_duckdb_api *api, const pyr_field *field, int64_t value) {
    static const int64_t micros[] = {1000000, 1000, 1, 1};
    if (field->unit == PYR_UNIT_NANOSECOND) {
        return api->create_time_ns((dd_ticks){value});
    }
    return api->create_time((dd_ticks){value * micros[field->unit]}); /* validated: below a day */
}

static dd_value make_interval(const pyr_duckdb_api *api, const pyr_array *array, int64_t index) {
    dd_interval interval = {0, 0, 0};
    if (array->field->type == PYR_TYPE_INTERVAL_YEAR_MONTH) {
        interval.months = (int32_t)pyr_array_int64(array, index);
    } else if (array->field->type == PYR_TYPE_INTERVAL_DAY_TIME) {
        int32_t parts[2];
        memcpy(parts, fixed_value(array, index, sizeof(parts)), sizeof(parts));
        interval.days = parts[0];
        interval.micros = (int64_t)parts[1] * 1000;
    } else {
        const uint8_t *bytes = fixed_value(array, index, 16);
        int64_t nanos;
        memcpy(&interval.months, bytes, 4);
        memcpy(&interval.days, bytes + 4, 4);
        memcpy(&nanos, bytes + 8, 8);
        interval.micros = nanos / 1000;
    }
    return api->create_interval(interval);
}

static dd_value make_decimal(const pyr_duckdb_api *api, const pyr_array *array, int64_t index) {
    const pyr_field *field = array->field;
    if (field->scale < 0 || field->precision > 38) {
        return NULL;
    }
    dd_decimal decimal = {.width = (uint8_t)field->precision, .scale = (uint8_t)field->scale};
    if (field->type == PYR_TYPE_DECIMAL128) {
        memcpy(&decimal.value, fixed_value(array, index, 16), 16);
    } else {
        int64_t value = 0;
        if (field->type == PYR_TYPE_DECIMAL32) {
            int32_t narrow;
            memcpy(&narrow, fixed_value(array, index, 4), 4);
            value = narrow;
        } else {
            memcpy(&value, fixed_value(array, index, 8), 8);
        }
        decimal.value.lower = (uint64_t)value;
        decimal.value.upper = value < 0 ? -1 : 0;
    }
    return api->create_decimal(decimal);
}

/* Big-endian bytes as RFC 9562 has them. */
static dd_value make_uuid(const pyr_duckdb_api *api, const uint8_t *bytes) {
    dd_uhugeint value = {0, 0};
    for (int i = 0; i < 8; ++i) {
        value.upper = (value.upper << 8) | bytes[i];
        value.lower = (value.lower << 8) | bytes[8 + i];
    }
    return api->create_uuid(value);
}

static dd_value make_bytes(const pyr_duckdb_api *api, const pyr_array *array, int64_t index) {
    size_t size_bytes = 0;
    const uint8_t *bytes = pyr_array_bytes(array, index, &size_bytes);
    const char *extension = extension_name(array->field);
    switch (array->field->type) {
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
        return api->create_varchar_length((const char *)bytes, size_bytes);
    default:
        if (extension != NULL && strcmp(extension, "arrow.uuid") == 0 && size_bytes == 16) {
            return make_uuid(api, bytes);
        }
        if (extension != NULL) {
            return NULL;
        }
        return api->create_blob(bytes, size_bytes);
    }
}

/* A list's child type is what its values say; NULLs and an empty list say nothing: VARCHAR then,
 * from which DuckDB casts. */
static dd_value make_list(const pyr_duckdb_api *api, const pyr_array *array, int64_t index) {
    int64_t start = 0;
    int64_t length = 0;
    pyr_array_list_range(array, index, &start, &length);
    dd_value *values = calloc((size_t)length + 1, sizeof(*values));
    if (values == NULL) {
        return NULL;
    }
    dd_value list = NULL;
    dd_type type = NULL; /* borrowed from a value */
    int64_t made = 0;
    while (made < length) {
        values[made] = make_value(api, array->children[0], start + made);
        if (values[made] == NULL) {
            break;
        }
        if (!pyr_array_is_null(array->children[0], start + made)) {
            type = api->get_value_type(values[made]);
        }
        ++made;
    }
    if (made == length) {
        dd_type text = api->create_logical_type(DD_TYPE_VARCHAR);
        list = api->create_list_value(type != NULL ? type : text, values, (uint64_t)length);
        api->destroy_logical_type(&text);
    }
    for (int64_t i = 0; i < made; ++i) {
        api->destroy_value(&values[i]);
    }
    free(values);
    return list;
}

static dd_value make_struct(const pyr_duckdb_api *api, const pyr_array *array, int64_t index) {
    size_t count = (size_t)array->children_count;
    dd_value *values = calloc(count + 1, sizeof(*values));
    dd_type *types = calloc(count + 1, sizeof(*types));
    const char **names = calloc(count + 1, sizeof(*names));
    dd_value result = NULL;
    size_t made = 0;
    while (values != NULL && types != NULL && names != NULL && made < count) {
        values[made] = make_value(api, array->children[made], array->offset + index);
        if (values[made] == NULL) {
            break;
        }
        types[made] = api->get_value_type(values[made]); /* borrowed */
        names[made] = array->field->children[made]->name;
        ++made;
    }
    if (made == count && count > 0) {
        dd_type type = api->create_struct_type(types, names, count);
        result = api->create_struct_value(type, values);
        api->destroy_logical_type(&type);
    }
    for (size_t i = 0; i < made; ++i) {
        api->destroy_value(&values[i]);
    }
    free(values);
    free(types);
    free((void *)names);
    return result;
}

/* NULL: a type without a value in DuckDB, or out of memory. */
static dd_value make_value(const pyr_duckdb_api *api, const pyr_array *array, int64_t index) {
    if (pyr_array_is_null(array, index)) {
        return api->create_null_value();
    }
    switch (array->field->type) {
    case PYR_TYPE_NULL:
        return api->create_null_value();
    case PYR_TYPE_BOOL:
        return api->create_bool(pyr_array_int64(array, index) != 0);
    case PYR_TYPE_INT8:
        return api->create_int8((int8_t)pyr_array_int64(array, index));
    case PYR_TYPE_INT16:
        return api->create_int16((int16_t)pyr_array_int64(array, index));
    case PYR_TYPE_INT32:
        return api->create_int32((int32_t)pyr_array_int64(array, index));
    case PYR_TYPE_INT64:
        return api->create_int64(pyr_array_int64(array, index));
    case PYR_TYPE_UINT8:
        return api->create_uint8((uint8_t)pyr_array_int64(array, index));
    case PYR_TYPE_UINT16:
        return api->create_uint16((uint16_t)pyr_array_int64(array, index));
    case PYR_TYPE_UINT32:
        return api->create_uint32((uint32_t)pyr_array_int64(array, index));
    case PYR_TYPE_UINT64:
        return api->create_uint64((uint64_t)pyr_array_int64(array, index));
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
        return api->create_float((float)pyr_array_double(array, index));
    case PYR_TYPE_FLOAT64:
        return api->create_double(pyr_array_double(array, index));
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
    case PYR_TYPE_BINARY_VIEW:
    case PYR_TYPE_FIXED_SIZE_BINARY:
        return make_bytes(api, array, index);
    case PYR_TYPE_DATE32:
        return api->create_date((dd_date){(int32_t)pyr_array_int64(array, index)});
    case PYR_TYPE_DATE64:
        return api->create_date((dd_date){(int32_t)(pyr_array_int64(array, index) / 86400000)});
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
        return make_time(api, array->field, pyr_array_int64(array, index));
    case PYR_TYPE_TIMESTAMP:
        return make_timestamp(api, array->field, pyr_array_int64(array, index));
    case PYR_TYPE_INTERVAL_YEAR_MONTH:
    case PYR_TYPE_INTERVAL_DAY_TIME:
    case PYR_TYPE_INTERVAL_MONTH_DAY_NANO:
        return make_interval(api, array, index);
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
        return make_decimal(api, array, index);
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_FIXED_SIZE_LIST:
        return make_list(api, array, index);
    case PYR_TYPE_STRUCT:
        return make_struct(api, array, index);
    case PYR_TYPE_DICTIONARY:
        return make_value(api, array->dictionary, pyr_array_dictionary_index(array, index));
    default:
        return NULL;
    }
}

static pyr_status bind_one(pyr_duckdb_prepared *prepared, uint64_t place, int32_t number,
                           const pyr_array *column, int64_t row, pyr_error *error) {
    const pyr_duckdb_api *api = prepared->lease.instance->api;
    dd_value value = make_value(api, column, row);
    if (value == NULL) {
        pyr_text type;
        pyr_text_init(&type);
        pyr_field_type_print(column->field, &type);
        pyr_status status = pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                          "parameter $%d: values of type %s are not taken", number,
                                          pyr_text_get(&type));
        pyr_text_deinit(&type);
        return status;
    }
    dd_state state = api->bind_value(prepared->statement, place, value);
    api->destroy_value(&value);
    if (state != DD_SUCCESS) {
        return pyr_duckdb_error_set(NULL, api->prepare_error(prepared->statement), error);
    }
    return PYR_OK;
}

pyr_status pyr_duckdb_bind_params(pyr_duckdb_prepared *prepared, const pyr_batch *params,
                                  pyr_error *error) {
    uint64_t count = prepared->lease.instance->api->nparams(prepared->statement);
    int32_t given = params != NULL ? params->columns_count : 0;
    int64_t row = params != NULL && params->selection != NULL
                      ? ((const int32_t *)params->selection->rows->data)[0]
                      : 0;
    for (uint64_t i = 0; i < count; ++i) {
        int32_t number = i < prepared->numbers_count ? prepared->numbers[i] : (int32_t)i + 1;
        assert(number >= 1); /* $0 was refused when the text was prepared */
        if (number > given) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P02", -1,
                                     "there is no value for parameter $%d: %d were given", number,
                                     given);
        }
        PYR_TRY(bind_one(prepared, i + 1, number, params->columns[number - 1], row, error));
    }
    return PYR_OK;
}
