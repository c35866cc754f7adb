/* type.c - fields: building, comparing and checking them; see type.h. */
#include "arrow/arrow_internal.h"
#include "base/cursor.h"

#include <assert.h>

/* ---- Building. ---- */

static pyr_status allocate(const char *name, pyr_type_id type, pyr_field **out, pyr_error *error) {
    *out = NULL;
    pyr_field *field = calloc(1, sizeof(*field));
    char *copy = strdup(name != NULL ? name : "");
    if (field == NULL || copy == NULL) {
        free(field);
        free(copy);
        return pyr_error_memory(error, sizeof(*field));
    }
    atomic_init(&field->references, 1);
    field->name = copy;
    field->type = type;
    field->nullable = true;
    *out = field;
    return PYR_OK;
}

static pyr_status give_children(pyr_field *field, pyr_field *const *children, int32_t count,
                                pyr_error *error) {
    assert(count >= 0);
    field->children = calloc((size_t)count + 1, sizeof(*field->children));
    if (field->children == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*field->children));
    }
    for (int32_t i = 0; i < count; ++i) {
        field->children[i] = pyr_field_retain(children[i]);
    }
    field->children_count = count;
    return PYR_OK;
}

/* A field under construction becomes the result, or dies with the error. */
static pyr_status finish(pyr_field *field, pyr_status status, pyr_field **out) {
    if (status != PYR_OK) {
        pyr_field_release(field);
        field = NULL;
    }
    *out = field;
    return status;
}

pyr_status pyr_field_create(const char *name, pyr_type_id type, pyr_field **out, pyr_error *error) {
    return allocate(name, type, out, error);
}

pyr_status pyr_field_create_decimal(const char *name, pyr_type_id type, int32_t precision,
                                    int32_t scale, pyr_field **out, pyr_error *error) {
    PYR_TRY(allocate(name, type, out, error));
    (*out)->precision = precision;
    (*out)->scale = scale;
    return PYR_OK;
}

pyr_status pyr_field_create_time(const char *name, pyr_type_id type, pyr_time_unit unit,
                                 const char *timezone, pyr_field **out, pyr_error *error) {
    PYR_TRY(allocate(name, type, out, error));
    (*out)->unit = unit;
    if (timezone == NULL) {
        return PYR_OK;
    }
    (*out)->timezone = strdup(timezone);
    return finish(*out, (*out)->timezone != NULL ? PYR_OK : pyr_error_memory(error, 1), out);
}

pyr_status pyr_field_create_fixed_size_binary(const char *name, int32_t byte_width, pyr_field **out,
                                              pyr_error *error) {
    PYR_TRY(allocate(name, PYR_TYPE_FIXED_SIZE_BINARY, out, error));
    (*out)->byte_width = byte_width;
    return PYR_OK;
}

pyr_status pyr_field_create_nested(const char *name, pyr_type_id type, int32_t parameter,
                                   pyr_field *const *children, int32_t children_count,
                                   pyr_field **out, pyr_error *error) {
    PYR_TRY(allocate(name, type, out, error));
    (*out)->list_size = type == PYR_TYPE_FIXED_SIZE_LIST ? parameter : 0;
    (*out)->keys_sorted = type == PYR_TYPE_MAP && parameter != 0;
    return finish(*out, give_children(*out, children, children_count, error), out);
}

pyr_status pyr_field_create_union(const char *name, pyr_type_id type, const int8_t *type_codes,
                                  pyr_field *const *children, int32_t children_count,
                                  pyr_field **out, pyr_error *error) {
    PYR_TRY(allocate(name, type, out, error));
    pyr_status status = give_children(*out, children, children_count, error);
    if (status == PYR_OK) {
        (*out)->type_codes = calloc((size_t)children_count + 1, 1);
        status = (*out)->type_codes != NULL ? PYR_OK : pyr_error_memory(error, 1);
    }
    if (status == PYR_OK && children_count > 0) {
        memcpy((*out)->type_codes, type_codes, (size_t)children_count);
    }
    return finish(*out, status, out);
}

pyr_status pyr_field_create_dictionary(const char *name, pyr_type_id index_type, bool ordered,
                                       pyr_field *values, pyr_field **out, pyr_error *error) {
    PYR_TRY(allocate(name, PYR_TYPE_DICTIONARY, out, error));
    (*out)->index_type = index_type;
    (*out)->dictionary_ordered = ordered;
    (*out)->dictionary = pyr_field_retain(values);
    return PYR_OK;
}

pyr_status pyr_field_with(const pyr_field *field, const char *name, bool nullable,
                          pyr_metadata *metadata, pyr_field **out, pyr_error *error) {
    PYR_TRY(allocate(name != NULL ? name : field->name, field->type, out, error));
    pyr_field *copy = *out;
    copy->nullable = nullable;
    copy->unit = field->unit;
    copy->precision = field->precision;
    copy->scale = field->scale;
    copy->byte_width = field->byte_width;
    copy->list_size = field->list_size;
    copy->keys_sorted = field->keys_sorted;
    copy->index_type = field->index_type;
    copy->dictionary_ordered = field->dictionary_ordered;
    copy->dictionary = pyr_field_retain(field->dictionary);
    copy->metadata = pyr_metadata_retain(metadata);
    pyr_status status = PYR_OK;
    if (field->children_count > 0) {
        status = give_children(copy, field->children, field->children_count, error);
    }
    if (status == PYR_OK && field->type_codes != NULL) {
        copy->type_codes = calloc((size_t)field->children_count + 1, 1);
        status = copy->type_codes != NULL ? PYR_OK : pyr_error_memory(error, 1);
        if (status == PYR_OK) {
            memcpy(copy->type_codes, field->type_codes, (size_t)field->children_count);
        }
    }
    if (status == PYR_OK && field->timezone != NULL) {
        copy->timezone = strdup(field->timezone);
        status = copy->timezone != NULL ? PYR_OK : pyr_error_memory(error, 1);
    }
    return finish(copy, status, out);
}

pyr_field *pyr_field_retain(pyr_field *field) {
    if (field != NULL) {
        atomic_fetch_add_explicit(&field->references, 1, memory_order_relaxed);
    }
    return field;
}

void pyr_field_release(pyr_field *field) {
    if (field == NULL ||
        atomic_fetch_sub_explicit(&field->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int32_t i = 0; i < field->children_count; ++i) {
        pyr_field_release(field->children[i]);
    }
    free(field->children);
    pyr_field_release(field->dictionary);
    pyr_metadata_release(field->metadata);
    free(field->type_codes);
    free(field->timezone);
    free(field->name);
    free(field);
}

/* ---- Comparing. ---- */

/* Whether a reader sees the names of this field's children. */
static bool names_matter(pyr_type_id type) {
    return type == PYR_TYPE_STRUCT || type == PYR_TYPE_SPARSE_UNION || type == PYR_TYPE_DENSE_UNION;
}

static bool parameters_equal(const pyr_field *a, const pyr_field *b) {
    switch (a->type) {
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
    case PYR_TYPE_DURATION:
        return a->unit == b->unit;
    case PYR_TYPE_TIMESTAMP:
        return a->unit == b->unit && (a->timezone == NULL) == (b->timezone == NULL) &&
               (a->timezone == NULL || strcmp(a->timezone, b->timezone) == 0);
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        return a->precision == b->precision && a->scale == b->scale;
    case PYR_TYPE_FIXED_SIZE_BINARY:
        return a->byte_width == b->byte_width;
    case PYR_TYPE_FIXED_SIZE_LIST:
        return a->list_size == b->list_size;
    case PYR_TYPE_MAP:
        return a->keys_sorted == b->keys_sorted;
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
        return a->children_count == b->children_count && a->type_codes != NULL &&
               b->type_codes != NULL &&
               memcmp(a->type_codes, b->type_codes, (size_t)a->children_count) == 0;
    case PYR_TYPE_DICTIONARY:
        return a->index_type == b->index_type && a->dictionary_ordered == b->dictionary_ordered;
    default:
        return true;
    }
}

static bool types_equal(const pyr_field *a, const pyr_field *b, bool named) {
    if (a == b) {
        return true;
    }
    if (a->type != b->type || a->children_count != b->children_count || !parameters_equal(a, b)) {
        return false;
    }
    if (a->type == PYR_TYPE_DICTIONARY && !pyr_field_type_equal(a->dictionary, b->dictionary)) {
        return false;
    }
    for (int32_t i = 0; i < a->children_count; ++i) {
        const pyr_field *left = a->children[i];
        const pyr_field *right = b->children[i];
        /* A map's entries are a struct by layout only: "key" and "value" are nobody's names. */
        bool child_named = a->type != PYR_TYPE_MAP && names_matter(left->type);
        if (left != right &&
            (left->nullable != right->nullable || (named && strcmp(left->name, right->name) != 0) ||
             !types_equal(left, right, child_named))) {
            return false;
        }
    }
    return true;
}

bool pyr_field_type_equal(const pyr_field *a, const pyr_field *b) {
    return types_equal(a, b, names_matter(a->type));
}

bool pyr_field_equal(const pyr_field *a, const pyr_field *b) {
    if (a == b) {
        return true;
    }
    if (a->type != b->type || a->nullable != b->nullable || strcmp(a->name, b->name) != 0 ||
        a->children_count != b->children_count || !parameters_equal(a, b) ||
        !pyr_metadata_equal(a->metadata, b->metadata)) {
        return false;
    }
    if (a->type == PYR_TYPE_DICTIONARY && !pyr_field_equal(a->dictionary, b->dictionary)) {
        return false;
    }
    for (int32_t i = 0; i < a->children_count; ++i) {
        if (!pyr_field_equal(a->children[i], b->children[i])) {
            return false;
        }
    }
    return true;
}

/* ---- Checking. ---- */

static pyr_status bad(const pyr_field *field, const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT, "field \"%s\": %s: %s", field->name,
                         pyr_type_name(field->type), what);
}

static int32_t precision_max(pyr_type_id type) {
    return type == PYR_TYPE_DECIMAL32    ? 9
           : type == PYR_TYPE_DECIMAL64  ? 18
           : type == PYR_TYPE_DECIMAL128 ? 38
                                         : 76;
}

static pyr_status check_type_codes(const pyr_field *field, pyr_error *error) {
    bool seen[128] = {false};
    if (field->type_codes == NULL) {
        return bad(field, "has no type codes", error);
    }
    for (int32_t i = 0; i < field->children_count; ++i) {
        int8_t code = field->type_codes[i];
        if (code < 0 || seen[code]) {
            return bad(field, "a type code is negative or stands twice", error);
        }
        seen[code] = true;
    }
    return PYR_OK;
}

static pyr_status check_map(const pyr_field *field, pyr_error *error) {
    if (field->children_count != 1 || field->children[0]->type != PYR_TYPE_STRUCT ||
        field->children[0]->children_count != 2) {
        return bad(field, "needs one child, a struct of key and value", error);
    }
    return PYR_OK;
}

static pyr_status check_run_ends(const pyr_field *field, pyr_error *error) {
    pyr_type_id ends = field->children_count == 2 ? field->children[0]->type : PYR_TYPE_NULL;
    if (ends != PYR_TYPE_INT16 && ends != PYR_TYPE_INT32 && ends != PYR_TYPE_INT64) {
        return bad(field, "needs two children, run ends of int16, int32 or int64 and values",
                   error);
    }
    return PYR_OK;
}

static pyr_status check_parameters(const pyr_field *field, pyr_error *error) {
    switch (field->type) {
    case PYR_TYPE_TIME32:
        return field->unit <= PYR_UNIT_MILLISECOND ? PYR_OK
                                                   : bad(field, "unit must be s or ms", error);
    case PYR_TYPE_TIME64:
        return field->unit == PYR_UNIT_MICROSECOND || field->unit == PYR_UNIT_NANOSECOND
                   ? PYR_OK
                   : bad(field, "unit must be us or ns", error);
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
        return (unsigned)field->unit <= PYR_UNIT_NANOSECOND ? PYR_OK
                                                            : bad(field, "unknown unit", error);
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        return field->precision >= 1 && field->precision <= precision_max(field->type)
                   ? PYR_OK
                   : bad(field, "precision is out of range", error);
    case PYR_TYPE_FIXED_SIZE_BINARY:
        /* The bit width must fit 32 bits. */
        return field->byte_width >= 0 && field->byte_width <= INT32_MAX / 8
                   ? PYR_OK
                   : bad(field, "byte width is out of range", error);
    case PYR_TYPE_FIXED_SIZE_LIST:
        return field->list_size >= 0 ? PYR_OK : bad(field, "negative list size", error);
    case PYR_TYPE_MAP:
        return check_map(field, error);
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
        return field->children_count <= 128 ? check_type_codes(field, error)
                                            : bad(field, "more than 128 children", error);
    case PYR_TYPE_DICTIONARY:
        return pyr_type_is_integer(field->index_type) && field->dictionary != NULL
                   ? PYR_OK
                   : bad(field, "needs integer indices and a field of values", error);
    case PYR_TYPE_RUN_END_ENCODED:
        return check_run_ends(field, error);
    default:
        return PYR_OK;
    }
}

static pyr_status check_children_count(const pyr_field *field, pyr_error *error) {
    switch (field->type) {
    case PYR_TYPE_STRUCT:
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
    case PYR_TYPE_MAP:
    case PYR_TYPE_RUN_END_ENCODED:
        return PYR_OK; /* any number, or checked with the parameters */
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
    case PYR_TYPE_FIXED_SIZE_LIST:
        return field->children_count == 1 ? PYR_OK : bad(field, "needs one child", error);
    default:
        return field->children_count == 0 ? PYR_OK : bad(field, "cannot have children", error);
    }
}

static pyr_status check_field(const pyr_field *field, int32_t depth, int32_t *fields_left,
                              pyr_error *error) {
    if (depth > PYR_TYPE_DEPTH_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "field \"%s\": types nest deeper than %d",
                             field->name, PYR_TYPE_DEPTH_MAX);
    }
    if (--*fields_left < 0) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "field \"%s\": more than %d fields",
                             field->name, PYR_TYPE_FIELDS_MAX);
    }
    if (!pyr_utf8_valid((const uint8_t *)field->name, strlen(field->name))) {
        return bad(field, "the name is not UTF-8", error);
    }
    if ((unsigned)field->type >= PYR_TYPES_COUNT) {
        return bad(field, "no such type", error);
    }
    if (field->timezone != NULL && field->type != PYR_TYPE_TIMESTAMP) {
        return bad(field, "only a timestamp has a time zone", error);
    }
    PYR_TRY(check_children_count(field, error));
    PYR_TRY(check_parameters(field, error));
    for (int32_t i = 0; i < field->children_count; ++i) {
        PYR_TRY(check_field(field->children[i], depth + 1, fields_left, error));
    }
    if (field->type == PYR_TYPE_DICTIONARY) {
        PYR_TRY(check_field(field->dictionary, depth + 1, fields_left, error));
    }
    return PYR_OK;
}

pyr_status pyr_field_validate(const pyr_field *field, pyr_error *error) {
    int32_t fields_left = PYR_TYPE_FIELDS_MAX;
    return check_field(field, 1, &fields_left, error);
}
