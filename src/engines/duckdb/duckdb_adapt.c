/* duckdb_adapt.c - columns that DuckDB would refuse or read wrongly, as columns that it reads
 * right.
 *
 * Seen with 1.5.6, each held by duckdb_types_test.c:
 *  1. Of a list view's values it mixes up the nulls: list views become lists (values picked).
 *  2. Dictionaries inside other types are refused, as their indices need a bound that they have not
 *     there; so are runs of them: the values are picked.
 *  3. A decimal128(38, 0) that stands for a HUGEINT would be a DECIMAL(38, 0), which ends at 38
 *     digits: the same bytes under DuckDB's own extension type.
 *  4. A DATE64 before 1970 that is not at midnight is rounded up to the next day: days.
 *  5. Nanoseconds of a timestamp with time zone, a duration or an interval are cut off: refused
 *     when there are any.
 *  6. A union's type codes are taken for the children's places: the codes become those. Dense
 * unions are refused: they become sparse ones. (duckdb_morsel.c knows a third thing about unions.)
 *  7. Half floats are refused: floats.
 *
 * What is picked is counted as "type conversion" and charged to the query's budget.
 */
#include "arrow/builder.h"
#include "engines/duckdb/duckdb_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Fields. ---- */

static bool is_union(const pyr_field *field) {
    return field->type == PYR_TYPE_SPARSE_UNION || field->type == PYR_TYPE_DENSE_UNION;
}

static bool is_list_view(const pyr_field *field) {
    return field->type == PYR_TYPE_LIST_VIEW || field->type == PYR_TYPE_LARGE_LIST_VIEW;
}

/* Dense, or with codes that are not the children's places. */
static bool is_foreign_union(const pyr_field *field) {
    for (int32_t i = 0; is_union(field) && i < field->children_count; ++i) {
        if (field->type_codes[i] != i) {
            return true;
        }
    }
    return field->type == PYR_TYPE_DENSE_UNION;
}

pyr_status pyr_duckdb_field_with_children(const pyr_field *field, pyr_field *const *children,
                                          pyr_field **out, pyr_error *error) {
    *out = NULL;
    pyr_field *made = NULL;
    int32_t count = field->children_count;
    if (is_union(field)) {
        int8_t codes[128];
        for (int32_t i = 0; i < count; ++i) {
            codes[i] = (int8_t)i;
        }
        PYR_TRY(pyr_field_create_union(field->name, PYR_TYPE_SPARSE_UNION, codes, children, count,
                                       &made, error));
    } else {
        int32_t parameter = field->type == PYR_TYPE_FIXED_SIZE_LIST ? field->list_size
                            : field->type == PYR_TYPE_MAP           ? field->keys_sorted
                                                                    : 0;
        pyr_type_id type =
            field->type == PYR_TYPE_LIST_VIEW || field->type == PYR_TYPE_LARGE_LIST_VIEW
                ? PYR_TYPE_LARGE_LIST
                : field->type;
        PYR_TRY(
            pyr_field_create_nested(field->name, type, parameter, children, count, &made, error));
    }
    pyr_status status =
        pyr_field_with(made, field->name, field->nullable, field->metadata, out, error);
    pyr_field_release(made);
    return status;
}

static bool is_hugeint(const pyr_field *field) {
    const char *mark = pyr_metadata_find(field->metadata, PYR_SQL_TYPE_KEY, NULL);
    return mark != NULL && strcmp(mark, "HUGEINT") == 0 && field->type == PYR_TYPE_DECIMAL128 &&
           field->precision == 38 && field->scale == 0;
}

static pyr_status opaque_hugeint(const pyr_field *field, pyr_field **out, pyr_error *error) {
    static const char *const entries[][2] = {
        {"ARROW:extension:name", "arrow.opaque"},
        {"ARROW:extension:metadata", "{\"type_name\":\"hugeint\",\"vendor_name\":\"DuckDB\"}"}};
    pyr_metadata *metadata = NULL;
    pyr_field *plain = NULL;
    pyr_status status = pyr_metadata_create(&metadata, error);
    for (int i = 0; status == PYR_OK && i < 2; ++i) {
        status = pyr_metadata_add(metadata, entries[i][0], strlen(entries[i][0]), entries[i][1],
                                  strlen(entries[i][1]), error);
    }
    if (status == PYR_OK) {
        status = pyr_field_create_fixed_size_binary(field->name, 16, &plain, error);
    }
    if (status == PYR_OK) {
        status = pyr_field_with(plain, field->name, field->nullable, metadata, out, error);
    }
    pyr_field_release(plain);
    pyr_metadata_release(metadata);
    return status;
}

static pyr_status retyped(const pyr_field *field, pyr_type_id type, pyr_field **out,
                          pyr_error *error) {
    pyr_field *plain = NULL;
    PYR_TRY(pyr_field_create(field->name, type, &plain, error));
    pyr_status status =
        pyr_field_with(plain, field->name, field->nullable, field->metadata, out, error);
    pyr_field_release(plain);
    return status;
}

static pyr_status adapt_field(pyr_field *field, bool top, pyr_field **out, pyr_error *error);

/* field's name and nullability on the type of its values, adapted. */
static pyr_status values_field(const pyr_field *field, pyr_field *values, pyr_field **out,
                               pyr_error *error) {
    pyr_field *adapted = NULL;
    PYR_TRY(adapt_field(values, false, &adapted, error));
    pyr_status status = pyr_field_with(adapted, field->name, true, adapted->metadata, out, error);
    pyr_field_release(adapted);
    return status;
}

static pyr_status adapt_dictionary(pyr_field *field, pyr_field **out, pyr_error *error) {
    pyr_field *values = NULL;
    pyr_field *made = NULL;
    PYR_TRY(adapt_field(field->dictionary, false, &values, error));
    if (values == field->dictionary) {
        pyr_field_release(values);
        *out = pyr_field_retain(field);
        return PYR_OK;
    }
    pyr_status status = pyr_field_create_dictionary(
        field->name, field->index_type, field->dictionary_ordered, values, &made, error);
    if (status == PYR_OK) {
        status = pyr_field_with(made, field->name, field->nullable, field->metadata, out, error);
    }
    pyr_field_release(made);
    pyr_field_release(values);
    return status;
}

static pyr_status adapt_children(pyr_field *field, pyr_field **out, pyr_error *error) {
    size_t count = (size_t)field->children_count;
    pyr_field **children = calloc(count + 1, sizeof(*children));
    if (children == NULL) {
        return pyr_error_memory(error, count * sizeof(*children));
    }
    bool changed = is_list_view(field) || is_foreign_union(field);
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = adapt_field(field->children[i], false, &children[i], error);
        changed = changed || children[i] != field->children[i];
    }
    if (status == PYR_OK && changed && field->type == PYR_TYPE_RUN_END_ENCODED) {
        status = values_field(field, field->children[1], out, error);
    } else if (status == PYR_OK && changed) {
        status = pyr_duckdb_field_with_children(field, children, out, error);
    } else if (status == PYR_OK) {
        *out = pyr_field_retain(field);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(children[i]);
    }
    free(children);
    return status;
}

static pyr_status adapt_field(pyr_field *field, bool top, pyr_field **out, pyr_error *error) {
    *out = NULL;
    if (is_hugeint(field)) {
        return opaque_hugeint(field, out, error);
    }
    switch (field->type) {
    case PYR_TYPE_DATE64:
        return retyped(field, PYR_TYPE_DATE32, out, error);
    case PYR_TYPE_FLOAT16:
        return retyped(field, PYR_TYPE_FLOAT32, out, error);
    case PYR_TYPE_DICTIONARY:
        return top ? adapt_dictionary(field, out, error)
                   : values_field(field, field->dictionary, out, error);
    case PYR_TYPE_RUN_END_ENCODED:
        return top ? adapt_children(field, out, error)
                   : values_field(field, field->children[1], out, error);
    default:
        return field->children_count > 0 ? adapt_children(field, out, error)
                                         : (*out = pyr_field_retain(field), PYR_OK);
    }
}

pyr_status pyr_duckdb_adapt_schema(const pyr_schema *schema, pyr_schema **out, pyr_error *error) {
    *out = NULL;
    size_t count = (size_t)schema->fields_count;
    pyr_field **fields = calloc(count + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(*fields));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = adapt_field(schema->fields[i], true, &fields[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, schema->fields_count, schema->metadata, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

/* ---- Arrays. ---- */

typedef struct adaption {
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    pyr_error *error;
} adaption;

static pyr_status adapt_array(const adaption *to_do, pyr_array *array, pyr_field *to,
                              pyr_array **out);

/* Whether it is cut to microseconds on its way into DuckDB. */
static bool has_nanoseconds(const pyr_field *field) {
    return field->type == PYR_TYPE_INTERVAL_MONTH_DAY_NANO ||
           (field->unit == PYR_UNIT_NANOSECOND &&
            (field->type == PYR_TYPE_DURATION ||
             (field->type == PYR_TYPE_TIMESTAMP && field->timezone != NULL)));
}

static bool holds_nanoseconds(const pyr_field *field) {
    bool found = has_nanoseconds(field);
    for (int32_t i = 0; !found && i < field->children_count; ++i) {
        found = holds_nanoseconds(field->children[i]);
    }
    return found || (field->dictionary != NULL && holds_nanoseconds(field->dictionary));
}

static pyr_status check_nanoseconds(const adaption *to_do, const pyr_array *array) {
    size_t stride = array->field->type == PYR_TYPE_INTERVAL_MONTH_DAY_NANO ? 16 : 8;
    const uint8_t *data = array->length > 0 ? array->buffers[1]->data : NULL;
    for (int64_t i = 0; i < array->length; ++i) {
        int64_t value;
        memcpy(&value, data + (size_t)(array->offset + i) * stride + stride - sizeof(value),
               sizeof(value));
        if (value % 1000 != 0 && !pyr_array_is_null(array, i)) {
            pyr_text text;
            pyr_text_init(&text);
            pyr_field_type_print(array->field, &text);
            pyr_text_add(&text, ": ");
            pyr_array_print_value(array, i, &text);
            pyr_status status = pyr_error_set(
                to_do->error, PYR_ERROR_NOT_SUPPORTED,
                "%s has nanoseconds, of which the DuckDB engine keeps none in this type%s",
                pyr_text_get(&text),
                array->field->type == PYR_TYPE_TIMESTAMP ? "; without a time zone it does" : "");
            pyr_text_deinit(&text);
            return status;
        }
    }
    return PYR_OK;
}

/* DATE64 to days, half floats to floats. */
static pyr_status adapt_values(const adaption *to_do, pyr_array *array, pyr_field *to,
                               pyr_array **out) {
    enum { DAY_MS = 86400000 };
    pyr_builder *builder = NULL;
    PYR_TRY(pyr_builder_create(to, to_do->budget, &builder, to_do->error));
    pyr_status status = PYR_OK;
    for (int64_t i = 0; status == PYR_OK && i < array->length; ++i) {
        if (pyr_array_is_null(array, i)) {
            status = pyr_builder_null(builder, to_do->error);
        } else if (to->type == PYR_TYPE_FLOAT32) {
            status = pyr_builder_double(builder, pyr_array_double(array, i), to_do->error);
        } else {
            int64_t value = pyr_array_int64(array, i);
            int64_t days = value / DAY_MS - (value % DAY_MS < 0 ? 1 : 0);
            status = pyr_builder_int64(builder, days, to_do->error);
        }
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, out, to_do->error);
    }
    pyr_builder_destroy(builder);
    if (status == PYR_OK) {
        pyr_ledger_add_copy(to_do->ledger, PYR_COPY_CONVERT, pyr_array_size_bytes(*out));
    }
    return status;
}

/* Values picked by places (freed), adapted. */
static pyr_status pick(const adaption *to_do, pyr_array *values, int32_t *places, int64_t count,
                       pyr_field *to, pyr_array **out) {
    pyr_array *picked = NULL;
    pyr_status status = pyr_array_take(values, places, count, PYR_COPY_CONVERT, to_do->ledger,
                                       to_do->budget, &picked, to_do->error);
    free(places);
    if (status == PYR_OK) {
        status = adapt_array(to_do, picked, to, out);
    }
    pyr_array_release(picked);
    return status;
}

static pyr_status make_places(const adaption *to_do, int64_t count, int32_t **out) {
    size_t size = ((size_t)count + 1) * sizeof(**out);
    *out = count < INT32_MAX ? malloc(size) : NULL;
    return *out != NULL ? PYR_OK : pyr_error_memory(to_do->error, size);
}

static pyr_status decode(const adaption *to_do, pyr_array *array, pyr_field *to, pyr_array **out) {
    bool runs = array->field->type == PYR_TYPE_RUN_END_ENCODED;
    pyr_array *values = runs ? array->children[1] : array->dictionary;
    int32_t *places = NULL;
    PYR_TRY(make_places(to_do, array->length, &places));
    for (int64_t i = 0; i < array->length; ++i) {
        int64_t place = runs                          ? pyr_array_run_index(array, i)
                        : pyr_array_is_null(array, i) ? -1
                                                      : pyr_array_dictionary_index(array, i);
        if (place >= INT32_MAX) {
            free(places);
            return pyr_error_set(to_do->error, PYR_ERROR_LIMIT,
                                 "a dictionary inside another type has more than %d values",
                                 INT32_MAX);
        }
        places[i] = (int32_t)place;
    }
    return pick(to_do, values, places, array->length, to, out);
}

/* offsets (length + 1 of them) of the lists that the views become. */
static pyr_status view_offsets(const adaption *to_do, const pyr_array *array, int64_t *offsets) {
    offsets[0] = 0;
    for (int64_t i = 0; i < array->length; ++i) {
        int64_t start = 0;
        int64_t length = 0;
        if (!pyr_array_is_null(array, i)) {
            pyr_array_list_range(array, i, &start, &length);
        }
        offsets[i + 1] = offsets[i] + length;
        if (offsets[i + 1] >= INT32_MAX) {
            return pyr_error_set(to_do->error, PYR_ERROR_LIMIT,
                                 "list views of one batch with more than %d values", INT32_MAX);
        }
    }
    return PYR_OK;
}

static pyr_status copy_validity(const adaption *to_do, const pyr_array *array, pyr_buffer **out) {
    if (array->buffers[0] == NULL) {
        return PYR_OK;
    }
    size_t size = (size_t)pyr_bits_size_bytes(array->length);
    PYR_TRY(pyr_buffer_create(size, to_do->budget, out, to_do->error));
    pyr_bits_copy(array->buffers[0]->data, array->offset, pyr_buffer_mutable(*out), 0,
                  array->length);
    pyr_ledger_add_copy(to_do->ledger, PYR_COPY_CONVERT, (int64_t)size);
    return PYR_OK;
}

static pyr_status adapt_views(const adaption *to_do, pyr_array *array, pyr_field *to,
                              pyr_array **out) {
    pyr_buffer *buffers[2] = {NULL, NULL};
    pyr_array *child = NULL;
    size_t size = ((size_t)array->length + 1) * sizeof(int64_t);
    pyr_status status = pyr_buffer_create(size, to_do->budget, &buffers[1], to_do->error);
    if (status != PYR_OK) {
        return status;
    }
    int64_t *offsets = (int64_t *)pyr_buffer_mutable(buffers[1]);
    status = view_offsets(to_do, array, offsets);
    int32_t *places = NULL;
    if (status == PYR_OK) {
        status = make_places(to_do, offsets[array->length], &places);
    }
    if (status == PYR_OK) {
        for (int64_t i = 0; i < array->length; ++i) {
            int64_t start = 0;
            int64_t length = 0;
            pyr_array_list_range(array, i, &start, &length);
            for (int64_t j = offsets[i]; j < offsets[i + 1]; ++j) {
                places[j] = (int32_t)(start + j - offsets[i]);
            }
        }
        pyr_ledger_add_copy(to_do->ledger, PYR_COPY_CONVERT, (int64_t)size);
        status = pick(to_do, array->children[0], places, offsets[array->length], to->children[0],
                      &child);
    }
    if (status == PYR_OK) {
        status = copy_validity(to_do, array, &buffers[0]);
    }
    if (status == PYR_OK) {
        status = pyr_array_create(to, array->length, 0, pyr_array_null_count(array), buffers, 2,
                                  &child, 1, NULL, out, to_do->error);
    }
    pyr_buffer_release(buffers[0]);
    pyr_buffer_release(buffers[1]);
    pyr_array_release(child);
    return status;
}

/* A child of a dense union as one of a sparse union: null where another child has the value. */
static pyr_status spread_child(const adaption *to_do, pyr_array *array, int32_t child,
                               pyr_field *to, pyr_array **out) {
    int32_t *places = NULL;
    PYR_TRY(make_places(to_do, array->length, &places));
    for (int64_t i = 0; i < array->length; ++i) {
        int32_t at = 0;
        int64_t slot = 0;
        pyr_array_union_slot(array, i, &at, &slot);
        places[i] = at == child ? (int32_t)slot : -1;
    }
    return pick(to_do, array->children[child], places, array->length, to, out);
}

static pyr_status spread_children(const adaption *to_do, pyr_array *array, pyr_field *to,
                                  pyr_array **children) {
    for (int32_t i = 0; i < array->children_count; ++i) {
        if (array->field->type == PYR_TYPE_DENSE_UNION) {
            PYR_TRY(spread_child(to_do, array, i, to->children[i], &children[i]));
        } else {
            pyr_array *rows = NULL;
            PYR_TRY(pyr_array_slice(array->children[i], array->offset, array->length, &rows,
                                    to_do->error));
            pyr_status status = adapt_array(to_do, rows, to->children[i], &children[i]);
            pyr_array_release(rows);
            PYR_TRY(status);
        }
    }
    return PYR_OK;
}

/* A union with places for codes; its offset is 0. */
static pyr_status adapt_union(const adaption *to_do, pyr_array *array, pyr_field *to,
                              pyr_array **out) {
    pyr_array *children[128] = {NULL};
    pyr_buffer *codes = NULL;
    PYR_TRY(pyr_buffer_create((size_t)array->length, to_do->budget, &codes, to_do->error));
    uint8_t *places = pyr_buffer_mutable(codes);
    for (int64_t i = 0; i < array->length; ++i) {
        int32_t child = 0;
        int64_t slot = 0;
        pyr_array_union_slot(array, i, &child, &slot);
        places[i] = (uint8_t)child;
    }
    pyr_ledger_add_copy(to_do->ledger, PYR_COPY_CONVERT, array->length);
    pyr_status status = spread_children(to_do, array, to, children);
    if (status == PYR_OK) {
        status = pyr_array_create(to, array->length, 0, 0, &codes, 1, children,
                                  array->children_count, NULL, out, to_do->error);
    }
    for (int32_t i = 0; i < array->children_count; ++i) {
        pyr_array_release(children[i]);
    }
    pyr_buffer_release(codes);
    return status;
}

/* The same buffers with another field and adapted children. */
static pyr_status adapt_nested(const adaption *to_do, pyr_array *array, pyr_field *to,
                               pyr_array **out) {
    size_t count = (size_t)array->children_count;
    pyr_array **children = calloc(count + 1, sizeof(*children));
    if (children == NULL) {
        return pyr_error_memory(to_do->error, count * sizeof(*children));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = adapt_array(to_do, array->children[i], to->children[i], &children[i]);
    }
    if (status == PYR_OK) {
        status = pyr_array_create(to, array->length, array->offset,
                                  atomic_load_explicit(&array->null_count, memory_order_relaxed),
                                  array->buffers, array->buffers_count, children,
                                  array->children_count, NULL, out, to_do->error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_array_release(children[i]);
    }
    free(children);
    return status;
}

static pyr_status adapt_array(const adaption *to_do, pyr_array *array, pyr_field *to,
                              pyr_array **out) {
    const pyr_field *from = array->field;
    *out = NULL;
    if (from->type == PYR_TYPE_DICTIONARY && to->type == PYR_TYPE_DICTIONARY) {
        /* Its values are adapted where they are converted, once. */
        *out = pyr_array_retain(array);
        return PYR_OK;
    }
    if (has_nanoseconds(from)) {
        PYR_TRY(check_nanoseconds(to_do, array));
    }
    if (pyr_field_type_equal(from, to) && !holds_nanoseconds(from)) {
        *out = pyr_array_retain(array);
        return PYR_OK;
    }
    if (from->type == PYR_TYPE_DICTIONARY ||
        (from->type == PYR_TYPE_RUN_END_ENCODED && to->type != PYR_TYPE_RUN_END_ENCODED)) {
        return decode(to_do, array, to, out);
    }
    if (is_list_view(from)) {
        return adapt_views(to_do, array, to, out);
    }
    if (is_foreign_union(from)) {
        return adapt_union(to_do, array, to, out);
    }
    return from->type == PYR_TYPE_DATE64 || from->type == PYR_TYPE_FLOAT16
               ? adapt_values(to_do, array, to, out)
               : adapt_nested(to_do, array, to, out);
}

pyr_status pyr_duckdb_adapt_array(pyr_array *array, pyr_field *to, pyr_query_ledger *ledger,
                                  pyr_budget *budget, pyr_array **out, pyr_error *error) {
    adaption to_do = {ledger, budget, error};
    return adapt_array(&to_do, array, to, out);
}
