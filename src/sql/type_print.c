/* type_print.c - the SQL name of an Arrow type: the name DuckDB shows for a column of that type. */
#include "arrow/cast.h"
#include "base/text.h"
#include "sql/sql_internal.h"

#include <string.h>

/* The type an extension stands for, NULL for those we do not know. Opaque types name themselves in
 * their metadata ("arrow.opaque" of the Arrow canonical extensions). */
static const char *extension_name(const pyr_field *field) {
    const char *mark = pyr_metadata_find(field->metadata, PYR_SQL_TYPE_KEY, NULL);
    if (mark != NULL && strcmp(mark, "HUGEINT") == 0 && field->type == PYR_TYPE_DECIMAL128 &&
        field->precision == 38 && field->scale == 0) {
        return "HUGEINT";
    }
    const char *name = pyr_metadata_find(field->metadata, "ARROW:extension:name", NULL);
    if (name == NULL) {
        return NULL;
    }
    if (strcmp(name, "arrow.uuid") == 0) {
        return "UUID";
    }
    if (strcmp(name, "arrow.json") == 0) {
        return "JSON";
    }
    if (strcmp(name, "arrow.bool8") == 0) {
        return "BOOLEAN";
    }
    if (strcmp(name, "geoarrow.wkb") == 0) {
        return "GEOMETRY";
    }
    if (strcmp(name, "arrow.opaque") != 0) {
        return NULL;
    }
    static const char *const opaque[][2] = {{"\"uhugeint\"", "UHUGEINT"},
                                            {"\"hugeint\"", "HUGEINT"},
                                            {"\"time_tz\"", "TIME WITH TIME ZONE"},
                                            {"\"bit\"", "BIT"},
                                            {"\"bignum\"", "BIGNUM"}};
    const char *metadata = pyr_metadata_find(field->metadata, "ARROW:extension:metadata", NULL);
    if (metadata == NULL || strstr(metadata, "\"DuckDB\"") == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(opaque) / sizeof(opaque[0]); ++i) {
        if (strstr(metadata, opaque[i][0]) != NULL) {
            return opaque[i][1];
        }
    }
    return NULL;
}

static void print_members(const pyr_field *field, const char *name, pyr_text *text) {
    pyr_text_add(text, name);
    pyr_text_add_char(text, '(');
    for (int32_t i = 0; i < field->children_count; ++i) {
        pyr_text_add(text, i > 0 ? ", " : "");
        pyr_sql_quote_name(field->children[i]->name, text);
        pyr_text_add_char(text, ' ');
        pyr_sql_type_print(field->children[i], text);
    }
    pyr_text_add_char(text, ')');
}

static const char *timestamp_name(const pyr_field *field) {
    if (field->timezone != NULL && field->timezone[0] != '\0') {
        return "TIMESTAMP WITH TIME ZONE";
    }
    switch (field->unit) {
    case PYR_UNIT_SECOND:
        return "TIMESTAMP_S";
    case PYR_UNIT_MILLISECOND:
        return "TIMESTAMP_MS";
    case PYR_UNIT_NANOSECOND:
        return "TIMESTAMP_NS";
    default:
        return "TIMESTAMP";
    }
}

/* Types without parameters and children; NULL for the others. */
static const char *simple_name(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_NULL:
        return "\"NULL\"";
    case PYR_TYPE_BOOL:
        return "BOOLEAN";
    case PYR_TYPE_INT8:
        return "TINYINT";
    case PYR_TYPE_INT16:
        return "SMALLINT";
    case PYR_TYPE_INT32:
        return "INTEGER";
    case PYR_TYPE_INT64:
        return "BIGINT";
    case PYR_TYPE_UINT8:
        return "UTINYINT";
    case PYR_TYPE_UINT16:
        return "USMALLINT";
    case PYR_TYPE_UINT32:
        return "UINTEGER";
    case PYR_TYPE_UINT64:
        return "UBIGINT";
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
        return "FLOAT";
    case PYR_TYPE_FLOAT64:
        return "DOUBLE";
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
        return "VARCHAR";
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
    case PYR_TYPE_BINARY_VIEW:
    case PYR_TYPE_FIXED_SIZE_BINARY:
        return "BLOB";
    case PYR_TYPE_DATE32:
    case PYR_TYPE_DATE64:
        return "DATE";
    case PYR_TYPE_TIME32:
        return "TIME";
    case PYR_TYPE_TIME64:
        return field->unit == PYR_UNIT_NANOSECOND ? "TIME_NS" : "TIME";
    case PYR_TYPE_TIMESTAMP:
        return timestamp_name(field);
    case PYR_TYPE_DURATION:
    case PYR_TYPE_INTERVAL_YEAR_MONTH:
    case PYR_TYPE_INTERVAL_DAY_TIME:
    case PYR_TYPE_INTERVAL_MONTH_DAY_NANO:
        return "INTERVAL";
    default:
        return NULL;
    }
}

static void print_dictionary(const pyr_field *field, pyr_text *text) {
    const char *values = pyr_metadata_find(field->metadata, PYR_ENUM_KEY, NULL);
    if (values != NULL) {
        pyr_text_printf(text, "ENUM(%s)", values);
    } else {
        pyr_sql_type_print(field->dictionary, text);
    }
}

void pyr_sql_type_print(const pyr_field *field, pyr_text *text) {
    const char *name = extension_name(field);
    name = name != NULL ? name : simple_name(field);
    if (name != NULL) {
        pyr_text_add(text, name);
        return;
    }
    switch (field->type) {
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        pyr_text_printf(text, "DECIMAL(%d,%d)", (int)field->precision, (int)field->scale);
        break;
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
        pyr_sql_type_print(field->children[0], text);
        pyr_text_add(text, "[]");
        break;
    case PYR_TYPE_FIXED_SIZE_LIST:
        pyr_sql_type_print(field->children[0], text);
        pyr_text_printf(text, "[%d]", (int)field->list_size);
        break;
    case PYR_TYPE_STRUCT:
        print_members(field, "STRUCT", text);
        break;
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
        print_members(field, "UNION", text);
        break;
    case PYR_TYPE_MAP:
        pyr_text_add(text, "MAP(");
        pyr_sql_type_print(field->children[0]->children[0], text);
        pyr_text_add(text, ", ");
        pyr_sql_type_print(field->children[0]->children[1], text);
        pyr_text_add_char(text, ')');
        break;
    case PYR_TYPE_DICTIONARY:
        print_dictionary(field, text);
        break;
    case PYR_TYPE_RUN_END_ENCODED:
        pyr_sql_type_print(field->children[1], text);
        break;
    default:
        pyr_text_add(text, pyr_type_name(field->type));
        break;
    }
}
