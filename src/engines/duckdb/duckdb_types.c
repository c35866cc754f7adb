/* duckdb_types.c - the Arrow type of a DuckDB type.
 *
 * DuckDB's usual Arrow types are taken wherever they keep every value (a HUGEINT is a
 * decimal128(38, 0): its 128 bits are kept, and every client can add it up). Where they lose
 * something (a TIMETZ its offset, a UHUGEINT its upper half's sign, a BIT its length, a UUID its
 * type) the column goes the lossless way: extension types over plain storage.
 *
 * Whichever way a column goes, a HUGEINT is that decimal, marked as what it is, and a JSON is text
 * with the extension arrow.json: in both ways the bytes are the same, so the field alone is
 * changed.
 */
#include "arrow/cast.h"
#include "arrow/cdata.h"
#include "engines/duckdb/duckdb_internal.h"

#include <stdlib.h>
#include <string.h>

typedef bool type_predicate(const pyr_duckdb_api *api, dd_type type);

static bool holds(const pyr_duckdb_api *api, dd_type child, type_predicate *predicate) {
    bool result = predicate(api, child);
    api->destroy_logical_type(&child);
    return result;
}

/* Whether the predicate holds for one of the types inside of type. */
static bool holds_inside(const pyr_duckdb_api *api, dd_type type, type_predicate *predicate) {
    switch (api->get_type_id(type)) {
    case DD_TYPE_LIST:
        return holds(api, api->list_type_child_type(type), predicate);
    case DD_TYPE_ARRAY:
        return holds(api, api->array_type_child_type(type), predicate);
    case DD_TYPE_MAP:
        return holds(api, api->map_type_key_type(type), predicate) ||
               holds(api, api->map_type_value_type(type), predicate);
    case DD_TYPE_STRUCT:
        for (uint64_t i = 0; i < api->struct_type_child_count(type); ++i) {
            if (holds(api, api->struct_type_child_type(type, i), predicate)) {
                return true;
            }
        }
        return false;
    case DD_TYPE_UNION:
        for (uint64_t i = 0; i < api->union_type_member_count(type); ++i) {
            if (holds(api, api->union_type_member_type(type, i), predicate)) {
                return true;
            }
        }
        return false;
    default:
        return false;
    }
}

bool pyr_duckdb_type_needs_lossless(const pyr_duckdb_api *api, dd_type type) {
    switch (api->get_type_id(type)) {
    case DD_TYPE_UUID:
    case DD_TYPE_BIT:
    case DD_TYPE_TIME_TZ:
    case DD_TYPE_UHUGEINT:
        return true;
    default:
        return holds_inside(api, type, pyr_duckdb_type_needs_lossless);
    }
}

static bool is_unknown(const pyr_duckdb_api *api, dd_type type) {
    dd_type_id id = type != NULL ? api->get_type_id(type) : DD_TYPE_INVALID;
    return id == DD_TYPE_INVALID || id == DD_TYPE_ANY || holds_inside(api, type, is_unknown);
}

bool pyr_duckdb_type_is_known(const pyr_duckdb_api *api, dd_type type) {
    return !is_unknown(api, type);
}

/* ---- Fields. ---- */

static bool is_json(const pyr_duckdb_api *api, dd_type type) {
    char *alias = api->logical_type_get_alias(type);
    bool json = alias != NULL && strcmp(alias, "JSON") == 0;
    api->free(alias);
    return json;
}

/* field with one entry of metadata and no other. */
static pyr_status mark(const pyr_field *field, const char *key, const char *value, pyr_field **out,
                       pyr_error *error) {
    pyr_metadata *metadata = NULL;
    PYR_TRY(pyr_metadata_create(&metadata, error));
    pyr_status status = pyr_metadata_add(metadata, key, strlen(key), value, strlen(value), error);
    if (status == PYR_OK) {
        status = pyr_field_with(field, field->name, field->nullable, metadata, out, error);
    }
    pyr_metadata_release(metadata);
    return status;
}

static pyr_status mark_hugeint(const pyr_field *field, pyr_field **out, pyr_error *error) {
    pyr_field *decimal = NULL;
    PYR_TRY(pyr_field_create_decimal(field->name, PYR_TYPE_DECIMAL128, 38, 0, &decimal, error));
    pyr_status status = mark(decimal, PYR_SQL_TYPE_KEY, "HUGEINT", out, error);
    pyr_field_release(decimal);
    return status;
}

/* At the top alone: inside of others an ENUM is the VARCHAR that it is read back as. */
static pyr_status mark_enum(const pyr_duckdb_api *api, dd_type type, const pyr_field *field,
                            pyr_field **out, pyr_error *error) {
    pyr_text values;
    pyr_text_init(&values);
    for (uint32_t i = 0; i < api->enum_dictionary_size(type); ++i) {
        char *value = api->enum_dictionary_value(type, i);
        pyr_text_add(&values, i > 0 ? ", " : "");
        pyr_sql_quote_string(value, &values);
        api->free(value);
    }
    pyr_status status = pyr_text_check(&values, error);
    if (status == PYR_OK) {
        status = mark(field, PYR_ENUM_KEY, pyr_text_get(&values), out, error);
    }
    pyr_text_deinit(&values);
    return status;
}

static dd_type child_type(const pyr_duckdb_api *api, dd_type type, dd_type_id id, int32_t index) {
    switch (id) {
    case DD_TYPE_LIST:
        return api->list_type_child_type(type);
    case DD_TYPE_ARRAY:
        return api->array_type_child_type(type);
    case DD_TYPE_STRUCT:
        return api->struct_type_child_type(type, (uint64_t)index);
    default:
        return api->union_type_member_type(type, (uint64_t)index);
    }
}

static pyr_status restore(const pyr_duckdb_api *api, dd_type type, pyr_field *field,
                          pyr_field **out, pyr_error *error);

/* Takes field's children through restore. entries: field is a map's struct of key and value, and
 * type the map. */
static pyr_status restore_children(const pyr_duckdb_api *api, dd_type type, pyr_field *field,
                                   bool entries, pyr_field **out, pyr_error *error) {
    dd_type_id id = api->get_type_id(type);
    size_t count = (size_t)field->children_count;
    pyr_field **children = calloc(count + 1, sizeof(*children));
    if (children == NULL) {
        return pyr_error_memory(error, count * sizeof(*children));
    }
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < field->children_count; ++i) {
        if (id == DD_TYPE_MAP && !entries) {
            status = restore_children(api, type, field->children[i], true, &children[i], error);
            continue;
        }
        dd_type child = !entries ? child_type(api, type, id, i)
                        : i == 0 ? api->map_type_key_type(type)
                                 : api->map_type_value_type(type);
        status = restore(api, child, field->children[i], &children[i], error);
        api->destroy_logical_type(&child);
    }
    if (status == PYR_OK) {
        status = pyr_duckdb_field_with_children(field, children, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(children[i]);
    }
    free(children);
    return status;
}

static pyr_status restore(const pyr_duckdb_api *api, dd_type type, pyr_field *field,
                          pyr_field **out, pyr_error *error) {
    *out = NULL;
    switch (api->get_type_id(type)) {
    case DD_TYPE_HUGEINT:
        return mark_hugeint(field, out, error);
    case DD_TYPE_LIST:
    case DD_TYPE_ARRAY:
    case DD_TYPE_STRUCT:
    case DD_TYPE_MAP:
    case DD_TYPE_UNION:
        return restore_children(api, type, field, false, out, error);
    case DD_TYPE_VARCHAR:
        if (is_json(api, type)) {
            return mark(field, "ARROW:extension:name", "arrow.json", out, error);
        }
        break;
    default:
        break;
    }
    *out = pyr_field_retain(field);
    return PYR_OK;
}

pyr_status pyr_duckdb_field_of_type(const pyr_duckdb_instance *instance, dd_type type,
                                    const char *name, pyr_field **out, pyr_error *error) {
    *out = NULL;
    const pyr_duckdb_api *api = instance->api;
    dd_arrow_options options =
        pyr_duckdb_type_needs_lossless(api, type) ? instance->lossless : instance->plain;
    struct ArrowSchema exported;
    memset(&exported, 0, sizeof(exported));
    PYR_TRY(pyr_duckdb_error_take(api, api->to_arrow_schema(options, &type, &name, 1, &exported),
                                  error));
    pyr_schema *schema = NULL;
    PYR_TRY(pyr_schema_import(&exported, &schema, error));
    pyr_status status = api->get_type_id(type) == DD_TYPE_ENUM
                            ? mark_enum(api, type, schema->fields[0], out, error)
                            : restore(api, type, schema->fields[0], out, error);
    pyr_schema_release(schema);
    return status;
}

/* ---- Values. ---- */

typedef struct raw_interval {
    int32_t months, days;
    int64_t micros;
} raw_interval;

static bool fits(dd_type type, const pyr_duckdb_api *api, dd_vector vector, uint64_t rows);

/* Consumes type. */
static bool child_fits(const pyr_duckdb_api *api, dd_type type, dd_vector vector, uint64_t rows) {
    bool result = fits(type, api, vector, rows);
    api->destroy_logical_type(&type);
    return result;
}

static bool intervals_fit(const pyr_duckdb_api *api, dd_vector vector, uint64_t rows) {
    const raw_interval *values = api->vector_get_data(vector);
    const uint64_t *validity = api->vector_get_validity(vector);
    for (uint64_t i = 0; i < rows; ++i) {
        bool valid = validity == NULL || (validity[i / 64] >> (i % 64) & 1) != 0;
        if (valid && (values[i].micros > INT64_MAX / 1000 || values[i].micros < INT64_MIN / 1000)) {
            return false;
        }
    }
    return true;
}

static bool fits(dd_type type, const pyr_duckdb_api *api, dd_vector vector, uint64_t rows) {
    bool result = true;
    switch (api->get_type_id(type)) {
    case DD_TYPE_INTERVAL:
        return intervals_fit(api, vector, rows);
    case DD_TYPE_LIST:
        return child_fits(api, api->list_type_child_type(type), api->list_vector_get_child(vector),
                          api->list_vector_get_size(vector));
    case DD_TYPE_MAP: {
        dd_vector entries = api->list_vector_get_child(vector);
        uint64_t count = api->list_vector_get_size(vector);
        return child_fits(api, api->map_type_key_type(type),
                          api->struct_vector_get_child(entries, 0), count) &&
               child_fits(api, api->map_type_value_type(type),
                          api->struct_vector_get_child(entries, 1), count);
    }
    case DD_TYPE_ARRAY:
        return child_fits(api, api->array_type_child_type(type),
                          api->array_vector_get_child(vector),
                          rows * api->array_type_array_size(type));
    case DD_TYPE_STRUCT:
        for (uint64_t i = 0; result && i < api->struct_type_child_count(type); ++i) {
            result = child_fits(api, api->struct_type_child_type(type, i),
                                api->struct_vector_get_child(vector, i), rows);
        }
        return result;
    case DD_TYPE_UNION: /* a struct with the tag first */
        for (uint64_t i = 0; result && i < api->union_type_member_count(type); ++i) {
            result = child_fits(api, api->union_type_member_type(type, i),
                                api->struct_vector_get_child(vector, i + 1), rows);
        }
        return result;
    default:
        return true;
    }
}

static bool holds_interval(const pyr_field *field) {
    bool found = field->type == PYR_TYPE_INTERVAL_MONTH_DAY_NANO;
    for (int32_t i = 0; !found && i < field->children_count; ++i) {
        found = holds_interval(field->children[i]);
    }
    return found;
}

pyr_status pyr_duckdb_check_intervals(const pyr_duckdb_api *api, const pyr_field *field,
                                      dd_type type, dd_vector vector, uint64_t rows,
                                      pyr_error *error) {
    if (holds_interval(field) && !fits(type, api, vector, rows)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22015", -1,
                                 "column \"%s\": an INTERVAL of more than 292 years in hours and "
                                 "below is out of range (Arrow counts them in nanoseconds)",
                                 field->name);
    }
    return PYR_OK;
}
