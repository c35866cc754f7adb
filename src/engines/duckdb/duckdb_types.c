/* duckdb_types.c - the Arrow type of a DuckDB type.
 *
 * DuckDB's usual Arrow types are taken wherever they keep every value (a HUGEINT is a
 * decimal128(38, 0): its 128 bits are kept, and every client can add it up). Where they lose something
 * (a TIMETZ its offset, a UHUGEINT its upper half's sign, a BIT its length, a UUID its type) the column
 * goes the lossless way: extension types over plain storage.
 */
#include "arrow/cdata.h"
#include "engines/duckdb/duckdb_internal.h"

#include <string.h>

static bool child_needs(const pyr_duckdb_api *api, dd_type child) {
    bool needs = pyr_duckdb_type_needs_lossless(api, child);
    api->destroy_logical_type(&child);
    return needs;
}

bool pyr_duckdb_type_needs_lossless(const pyr_duckdb_api *api, dd_type type) {
    switch (api->get_type_id(type)) {
    case DD_TYPE_UUID:
    case DD_TYPE_BIT:
    case DD_TYPE_TIME_TZ:
    case DD_TYPE_UHUGEINT:
        return true;
    case DD_TYPE_LIST:
        return child_needs(api, api->list_type_child_type(type));
    case DD_TYPE_ARRAY:
        return child_needs(api, api->array_type_child_type(type));
    case DD_TYPE_MAP:
        return child_needs(api, api->map_type_key_type(type)) ||
               child_needs(api, api->map_type_value_type(type));
    case DD_TYPE_STRUCT:
        for (uint64_t i = 0; i < api->struct_type_child_count(type); ++i) {
            if (child_needs(api, api->struct_type_child_type(type, i))) {
                return true;
            }
        }
        return false;
    case DD_TYPE_UNION:
        for (uint64_t i = 0; i < api->union_type_member_count(type); ++i) {
            if (child_needs(api, api->union_type_member_type(type, i))) {
                return true;
            }
        }
        return false;
    default:
        return false;
    }
}

pyr_status pyr_duckdb_field_of_type(const pyr_duckdb_instance *instance, dd_type type,
                                    const char *name, pyr_field **out, pyr_error *error) {
    *out = NULL;
    const pyr_duckdb_api *api = instance->api;
    dd_arrow_options options =
        pyr_duckdb_type_needs_lossless(api, type) ? instance->lossless : instance->plain;
    struct ArrowSchema exported;
    memset(&exported, 0, sizeof(exported));
    PYR_TRY(pyr_duckdb_error_take(
        api, api->to_arrow_schema(options, &type, &name, 1, &exported), error));
    pyr_schema *schema = NULL;
    PYR_TRY(pyr_schema_import(&exported, &schema, error));
    *out = pyr_field_retain(schema->fields[0]);
    pyr_schema_release(schema);
    return PYR_OK;
}
