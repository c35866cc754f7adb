/* type_facts.c - what is known of a type without looking at an array: names, widths, layouts
 * ("Columnar Format", "Buffer Listing for Each Layout"), and how a reader writes it. */
#include "arrow/arrow_internal.h"
#include "base/text.h"

#include <assert.h>

static const char *const TYPE_NAMES[PYR_TYPES_COUNT] = {
    [PYR_TYPE_NULL] = "null",
    [PYR_TYPE_BOOL] = "bool",
    [PYR_TYPE_INT8] = "int8",
    [PYR_TYPE_INT16] = "int16",
    [PYR_TYPE_INT32] = "int32",
    [PYR_TYPE_INT64] = "int64",
    [PYR_TYPE_UINT8] = "uint8",
    [PYR_TYPE_UINT16] = "uint16",
    [PYR_TYPE_UINT32] = "uint32",
    [PYR_TYPE_UINT64] = "uint64",
    [PYR_TYPE_FLOAT16] = "float16",
    [PYR_TYPE_FLOAT32] = "float32",
    [PYR_TYPE_FLOAT64] = "float64",
    [PYR_TYPE_UTF8] = "utf8",
    [PYR_TYPE_LARGE_UTF8] = "large_utf8",
    [PYR_TYPE_UTF8_VIEW] = "utf8_view",
    [PYR_TYPE_BINARY] = "binary",
    [PYR_TYPE_LARGE_BINARY] = "large_binary",
    [PYR_TYPE_BINARY_VIEW] = "binary_view",
    [PYR_TYPE_FIXED_SIZE_BINARY] = "fixed_size_binary",
    [PYR_TYPE_DATE32] = "date32",
    [PYR_TYPE_DATE64] = "date64",
    [PYR_TYPE_TIME32] = "time32",
    [PYR_TYPE_TIME64] = "time64",
    [PYR_TYPE_TIMESTAMP] = "timestamp",
    [PYR_TYPE_DURATION] = "duration",
    [PYR_TYPE_INTERVAL_YEAR_MONTH] = "interval_year_month",
    [PYR_TYPE_INTERVAL_DAY_TIME] = "interval_day_time",
    [PYR_TYPE_INTERVAL_MONTH_DAY_NANO] = "interval_month_day_nano",
    [PYR_TYPE_DECIMAL32] = "decimal32",
    [PYR_TYPE_DECIMAL64] = "decimal64",
    [PYR_TYPE_DECIMAL128] = "decimal128",
    [PYR_TYPE_DECIMAL256] = "decimal256",
    [PYR_TYPE_LIST] = "list",
    [PYR_TYPE_LARGE_LIST] = "large_list",
    [PYR_TYPE_LIST_VIEW] = "list_view",
    [PYR_TYPE_LARGE_LIST_VIEW] = "large_list_view",
    [PYR_TYPE_FIXED_SIZE_LIST] = "fixed_size_list",
    [PYR_TYPE_STRUCT] = "struct",
    [PYR_TYPE_MAP] = "map",
    [PYR_TYPE_SPARSE_UNION] = "sparse_union",
    [PYR_TYPE_DENSE_UNION] = "dense_union",
    [PYR_TYPE_DICTIONARY] = "dictionary",
    [PYR_TYPE_RUN_END_ENCODED] = "run_end_encoded",
};

const char *pyr_type_name(pyr_type_id type) {
    return (unsigned)type < PYR_TYPES_COUNT ? TYPE_NAMES[type] : "unknown";
}

static int32_t width_of_id(pyr_type_id type) {
    switch (type) {
    case PYR_TYPE_BOOL:
        return 1;
    case PYR_TYPE_INT8:
    case PYR_TYPE_UINT8:
        return 8;
    case PYR_TYPE_INT16:
    case PYR_TYPE_UINT16:
    case PYR_TYPE_FLOAT16:
        return 16;
    case PYR_TYPE_INT32:
    case PYR_TYPE_UINT32:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_DATE32:
    case PYR_TYPE_TIME32:
    case PYR_TYPE_INTERVAL_YEAR_MONTH:
    case PYR_TYPE_DECIMAL32:
        return 32;
    case PYR_TYPE_INT64:
    case PYR_TYPE_UINT64:
    case PYR_TYPE_FLOAT64:
    case PYR_TYPE_DATE64:
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
    case PYR_TYPE_INTERVAL_DAY_TIME:
    case PYR_TYPE_DECIMAL64:
        return 64;
    case PYR_TYPE_INTERVAL_MONTH_DAY_NANO:
    case PYR_TYPE_DECIMAL128:
        return 128;
    case PYR_TYPE_DECIMAL256:
        return 256;
    default:
        return 0;
    }
}

int32_t pyr_type_bit_width(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_FIXED_SIZE_BINARY:
        return field->byte_width * 8;
    case PYR_TYPE_DICTIONARY:
        return width_of_id(field->index_type);
    default:
        return width_of_id(field->type);
    }
}

bool pyr_type_is_integer(pyr_type_id type) {
    return type >= PYR_TYPE_INT8 && type <= PYR_TYPE_UINT64;
}

bool pyr_type_is_signed(pyr_type_id type) {
    return type >= PYR_TYPE_INT8 && type <= PYR_TYPE_INT64;
}

bool pyr_type_is_utf8(pyr_type_id type) {
    return type >= PYR_TYPE_UTF8 && type <= PYR_TYPE_UTF8_VIEW;
}

bool pyr_type_is_binary(pyr_type_id type) {
    return type >= PYR_TYPE_BINARY && type <= PYR_TYPE_BINARY_VIEW;
}

bool pyr_type_is_view(pyr_type_id type) {
    return type == PYR_TYPE_UTF8_VIEW || type == PYR_TYPE_BINARY_VIEW;
}

bool pyr_type_is_list_view(pyr_type_id type) {
    return type == PYR_TYPE_LIST_VIEW || type == PYR_TYPE_LARGE_LIST_VIEW;
}

bool pyr_type_is_large(pyr_type_id type) {
    return type == PYR_TYPE_LARGE_UTF8 || type == PYR_TYPE_LARGE_BINARY ||
           type == PYR_TYPE_LARGE_LIST || type == PYR_TYPE_LARGE_LIST_VIEW;
}

bool pyr_type_has_validity(pyr_type_id type) {
    return type != PYR_TYPE_NULL && type != PYR_TYPE_SPARSE_UNION && type != PYR_TYPE_DENSE_UNION &&
           type != PYR_TYPE_RUN_END_ENCODED;
}

pyr_layout pyr_type_layout(pyr_type_id type) {
    switch (type) {
    case PYR_TYPE_NULL:
    case PYR_TYPE_RUN_END_ENCODED:
        return (pyr_layout){0};
    case PYR_TYPE_UTF8:
    case PYR_TYPE_BINARY:
        return (pyr_layout){
            3, {PYR_BUFFER_VALIDITY, PYR_BUFFER_OFFSETS32, PYR_BUFFER_BYTES}, false};
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_LARGE_BINARY:
        return (pyr_layout){
            3, {PYR_BUFFER_VALIDITY, PYR_BUFFER_OFFSETS64, PYR_BUFFER_BYTES}, false};
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY_VIEW:
        return (pyr_layout){2, {PYR_BUFFER_VALIDITY, PYR_BUFFER_VIEWS}, true};
    case PYR_TYPE_LIST:
    case PYR_TYPE_MAP:
        return (pyr_layout){2, {PYR_BUFFER_VALIDITY, PYR_BUFFER_OFFSETS32}, false};
    case PYR_TYPE_LARGE_LIST:
        return (pyr_layout){2, {PYR_BUFFER_VALIDITY, PYR_BUFFER_OFFSETS64}, false};
    case PYR_TYPE_LIST_VIEW:
        return (pyr_layout){
            3, {PYR_BUFFER_VALIDITY, PYR_BUFFER_LIST_OFFSETS32, PYR_BUFFER_SIZES32}, false};
    case PYR_TYPE_LARGE_LIST_VIEW:
        return (pyr_layout){
            3, {PYR_BUFFER_VALIDITY, PYR_BUFFER_LIST_OFFSETS64, PYR_BUFFER_SIZES64}, false};
    case PYR_TYPE_STRUCT:
    case PYR_TYPE_FIXED_SIZE_LIST:
        return (pyr_layout){1, {PYR_BUFFER_VALIDITY}, false};
    case PYR_TYPE_SPARSE_UNION:
        return (pyr_layout){1, {PYR_BUFFER_TYPE_CODES}, false};
    case PYR_TYPE_DENSE_UNION:
        return (pyr_layout){2, {PYR_BUFFER_TYPE_CODES, PYR_BUFFER_UNION_OFFSETS}, false};
    default:
        return (pyr_layout){2, {PYR_BUFFER_VALIDITY, PYR_BUFFER_DATA}, false};
    }
}

/* ---- As a reader writes it. ---- */

static void print_type(const pyr_field *field, pyr_text *text, int32_t depth);

static const char *unit_name(pyr_time_unit unit) {
    static const char *const names[] = {"s", "ms", "us", "ns"};
    return (unsigned)unit < 4 ? names[unit] : "?";
}

static void print_children(const pyr_field *field, pyr_text *text, int32_t depth) {
    pyr_text_add_char(text, '<');
    for (int32_t i = 0; i < field->children_count; ++i) {
        const pyr_field *child = field->children[i];
        pyr_text_printf(text, "%s%s: ", i > 0 ? ", " : "", child->name);
        print_type(child, text, depth);
        pyr_text_add(text, child->nullable ? "" : " not null");
        if (field->type_codes != NULL) {
            pyr_text_printf(text, " = %d", field->type_codes[i]);
        }
    }
    pyr_text_add_char(text, '>');
}

static void print_dictionary(const pyr_field *field, pyr_text *text, int32_t depth) {
    pyr_text_printf(text, "<%s, ", pyr_type_name(field->index_type));
    print_type(field->dictionary, text, depth);
    pyr_text_add(text, field->dictionary_ordered ? ", ordered>" : ">");
}

static void print_type(const pyr_field *field, pyr_text *text, int32_t depth) {
    if (depth > PYR_TYPE_DEPTH_MAX) {
        pyr_text_add(text, "...");
        return;
    }
    pyr_text_add(text, pyr_type_name(field->type));
    switch (field->type) {
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
        pyr_text_printf(text, "[%s", unit_name(field->unit));
        if (field->timezone != NULL) {
            pyr_text_printf(text, ", %s", field->timezone);
        }
        pyr_text_add_char(text, ']');
        break;
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        pyr_text_printf(text, "(%d, %d)", field->precision, field->scale);
        break;
    case PYR_TYPE_FIXED_SIZE_BINARY:
        pyr_text_printf(text, "[%d]", field->byte_width);
        break;
    case PYR_TYPE_DICTIONARY:
        print_dictionary(field, text, depth + 1);
        break;
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
    case PYR_TYPE_FIXED_SIZE_LIST:
    case PYR_TYPE_STRUCT:
    case PYR_TYPE_MAP:
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
    case PYR_TYPE_RUN_END_ENCODED:
        print_children(field, text, depth + 1);
        break;
    default:
        break;
    }
    if (field->type == PYR_TYPE_FIXED_SIZE_LIST) {
        pyr_text_printf(text, "[%d]", field->list_size);
    }
    if (field->type == PYR_TYPE_MAP && field->keys_sorted) {
        pyr_text_add(text, " keys sorted");
    }
}

void pyr_field_type_print(const pyr_field *field, pyr_text *text) {
    print_type(field, text, 0);
}
