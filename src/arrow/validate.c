/* validate.c - the structure of arrays from outside: counts, buffer sizes, first and last offsets.
 * Nothing here depends on the number of rows; validate_values.c looks at each of them.
 *
 * A child is checked before what reads it, so that pyr_validate_values may use every accessor on
 * the children of the array it looks at. */
#include "arrow/validate_internal.h"

#include "base/checked.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static void add_path(const validation_place *place, pyr_text *path) {
    if (place->parent != NULL) {
        add_path(place->parent, path);
        pyr_text_printf(path, ".%s", place->name);
    }
}

pyr_status pyr_validate_fail(const validation_place *place, const pyr_array *array, int64_t row,
                             pyr_error *error, const char *format, ...) {
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    pyr_text path;
    pyr_text_init(&path);
    add_path(place, &path);
    if (path.length > 0) {
        pyr_text_add_char(&path, ' ');
    }
    pyr_text_printf(&path, "(%s)", pyr_type_name(array->field->type));
    if (row >= 0) {
        pyr_text_printf(&path, " row %" PRId64, row);
    }
    /* The path of children begins with a point: ".a.item (int32) row 5: ...". */
    pyr_status status =
        pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: %s", pyr_text_get(&path), what);
    pyr_text_deinit(&path);
    return status;
}

/* ---- Buffers. ---- */

static const char *buffer_name(pyr_buffer_kind kind) {
    static const char *const names[] = {
        [PYR_BUFFER_VALIDITY] = "validity",
        [PYR_BUFFER_DATA] = "data",
        [PYR_BUFFER_OFFSETS32] = "offsets",
        [PYR_BUFFER_OFFSETS64] = "offsets",
        [PYR_BUFFER_BYTES] = "bytes",
        [PYR_BUFFER_TYPE_CODES] = "type codes",
        [PYR_BUFFER_UNION_OFFSETS] = "union offsets",
        [PYR_BUFFER_VIEWS] = "views",
        [PYR_BUFFER_LIST_OFFSETS32] = "list offsets",
        [PYR_BUFFER_LIST_OFFSETS64] = "list offsets",
        [PYR_BUFFER_SIZES32] = "list sizes",
        [PYR_BUFFER_SIZES64] = "list sizes",
    };
    return names[kind];
}

/* Bytes a buffer of this kind needs for slots > 0 values; false on overflow. */
static bool bytes_needed(const pyr_field *field, pyr_buffer_kind kind, int64_t slots,
                         int64_t *out) {
    int64_t bits;
    switch (kind) {
    case PYR_BUFFER_VALIDITY:
        *out = pyr_bits_size_bytes(slots);
        return true;
    case PYR_BUFFER_DATA:
        if (!pyr_mul_i64(slots, pyr_type_bit_width(field), &bits)) {
            return false;
        }
        *out = pyr_bits_size_bytes(bits);
        return true;
    case PYR_BUFFER_OFFSETS32:
        return pyr_mul_i64(slots, 4, out) && pyr_add_i64(*out, 4, out);
    case PYR_BUFFER_OFFSETS64:
        return pyr_mul_i64(slots, 8, out) && pyr_add_i64(*out, 8, out);
    case PYR_BUFFER_TYPE_CODES:
        *out = slots;
        return true;
    case PYR_BUFFER_UNION_OFFSETS:
    case PYR_BUFFER_LIST_OFFSETS32:
    case PYR_BUFFER_SIZES32:
        return pyr_mul_i64(slots, 4, out);
    case PYR_BUFFER_LIST_OFFSETS64:
    case PYR_BUFFER_SIZES64:
        return pyr_mul_i64(slots, 8, out);
    case PYR_BUFFER_VIEWS:
        return pyr_mul_i64(slots, PYR_VIEW_SIZE_BYTES, out);
    default:
        *out = 0; /* bytes: by the last offset */
        return true;
    }
}

static pyr_status check_buffers(const pyr_array *array, const validation_place *place,
                                pyr_error *error) {
    pyr_layout layout = pyr_type_layout(array->field->type);
    if (layout.variadic ? array->buffers_count < layout.buffers_count
                        : array->buffers_count != layout.buffers_count) {
        return pyr_validate_fail(place, array, -1, error, "has %d buffers, needs %d",
                                 array->buffers_count, layout.buffers_count);
    }
    for (int32_t i = 0; i < layout.buffers_count; ++i) {
        pyr_buffer_kind kind = layout.buffers[i];
        const uint8_t *data = array_data(array, i);
        int64_t needed;
        if (array->length == 0 || (kind == PYR_BUFFER_VALIDITY && data == NULL)) {
            continue; /* nothing reads it */
        }
        if (!bytes_needed(array->field, kind, array->offset + array->length, &needed)) {
            return pyr_validate_fail(place, array, -1, error, "%s buffer: its size overflows",
                                     buffer_name(kind));
        }
        size_t present = data != NULL ? array->buffers[i]->size_bytes : 0;
        if ((uint64_t)needed > present) {
            return pyr_validate_fail(place, array, -1, error,
                                     "%s buffer ends at %zu, needs %" PRId64, buffer_name(kind),
                                     present, needed);
        }
    }
    return PYR_OK;
}

/* First and last of the offsets used, against what they point into. */
static pyr_status check_ends(const pyr_array *array, int64_t limit, const validation_place *place,
                             pyr_error *error) {
    if (array->length == 0) {
        return PYR_OK;
    }
    bool is_64 = pyr_type_is_large(array->field->type);
    const uint8_t *offsets = array_data(array, 1);
    int64_t first = load_offset(offsets, array->offset, is_64);
    int64_t last = load_offset(offsets, array->offset + array->length, is_64);
    if (first < 0 || first > last || last > limit) {
        return pyr_validate_fail(place, array, -1, error,
                                 "offsets go from %" PRId64 " to %" PRId64 " of %" PRId64, first,
                                 last, limit);
    }
    return PYR_OK;
}

static pyr_status check_counts(const pyr_array *array, const validation_place *place,
                               pyr_error *error) {
    int64_t end, null_count = atomic_load_explicit(&array->null_count, memory_order_relaxed);
    const pyr_field *field = array->field;
    if (array->length < 0 || array->offset < 0 ||
        !pyr_add_i64(array->offset, array->length, &end) || end > INT64_MAX / 16) {
        return pyr_validate_fail(place, array, -1, error,
                                 "offset %" PRId64 " and length %" PRId64 " are out of range",
                                 array->offset, array->length);
    }
    if (null_count < -1 || null_count > array->length) {
        return pyr_validate_fail(place, array, -1, error, "null count %" PRId64 " of %" PRId64,
                                 null_count, array->length);
    }
    if (array->children_count != field->children_count) {
        return pyr_validate_fail(place, array, -1, error, "has %d children, needs %d",
                                 array->children_count, field->children_count);
    }
    if ((array->dictionary != NULL) != (field->type == PYR_TYPE_DICTIONARY)) {
        return pyr_validate_fail(place, array, -1, error, "%s dictionary",
                                 array->dictionary != NULL ? "has a" : "has no");
    }
    return PYR_OK;
}

/* ---- Children against their parent. ---- */

static pyr_status check_child_length(const pyr_array *array, int32_t child, int64_t needed,
                                     const validation_place *place, pyr_error *error) {
    if (array->children[child]->length < needed) {
        return pyr_validate_fail(place, array, -1, error,
                                 "child %d has %" PRId64 " values, needs %" PRId64, child,
                                 array->children[child]->length, needed);
    }
    return PYR_OK;
}

static pyr_status check_run_ends(const pyr_array *array, const validation_place *place,
                                 pyr_error *error) {
    const pyr_array *ends = array->children[0];
    PYR_TRY(check_child_length(array, 1, ends->length, place, error));
    if (array->length == 0) {
        return PYR_OK;
    }
    if (ends->length == 0 ||
        pyr_array_int64(ends, ends->length - 1) < array->offset + array->length) {
        return pyr_validate_fail(place, array, -1, error, "the last run ends before row %" PRId64,
                                 array->offset + array->length);
    }
    return PYR_OK;
}

static pyr_status check_nesting(const pyr_array *array, const validation_place *place,
                                pyr_error *error) {
    int64_t needed, end = array->offset + array->length;
    switch (array->field->type) {
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
        return check_ends(array,
                          array_data(array, 2) != NULL ? (int64_t)array->buffers[2]->size_bytes : 0,
                          place, error);
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_MAP:
        return check_ends(array, array->children[0]->length, place, error);
    case PYR_TYPE_FIXED_SIZE_LIST:
        if (!pyr_mul_i64(end, array->field->list_size, &needed)) {
            return pyr_validate_fail(place, array, -1, error, "the child's length overflows");
        }
        return check_child_length(array, 0, needed, place, error);
    case PYR_TYPE_STRUCT:
    case PYR_TYPE_SPARSE_UNION:
        for (int32_t i = 0; i < array->children_count; ++i) {
            PYR_TRY(check_child_length(array, i, end, place, error));
        }
        return PYR_OK;
    case PYR_TYPE_RUN_END_ENCODED:
        return check_run_ends(array, place, error);
    default:
        return PYR_OK;
    }
}

/* ---- The walk. ---- */

static pyr_status check_array(const pyr_array *array, pyr_validation level,
                              const validation_place *place, pyr_error *error);

static pyr_status check_child(const pyr_array *child, const pyr_field *field, const char *name,
                              pyr_validation level, const validation_place *parent,
                              pyr_error *error) {
    validation_place place = {parent, name, parent->depth + 1};
    if (child == NULL) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "child \"%s\" is missing", name);
    }
    if (!pyr_field_type_equal(child->field, field)) {
        return pyr_validate_fail(&place, child, -1, error, "the parent's type says %s",
                                 pyr_type_name(field->type));
    }
    return check_array(child, level, &place, error);
}

static pyr_status check_array(const pyr_array *array, pyr_validation level,
                              const validation_place *place, pyr_error *error) {
    if (place->depth > PYR_TYPE_DEPTH_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "arrays nest deeper than %d",
                             PYR_TYPE_DEPTH_MAX);
    }
    const pyr_field *field = array->field;
    PYR_TRY(check_counts(array, place, error));
    PYR_TRY(check_buffers(array, place, error));
    for (int32_t i = 0; i < array->children_count; ++i) {
        PYR_TRY(check_child(array->children[i], field->children[i], field->children[i]->name, level,
                            place, error));
    }
    if (field->type == PYR_TYPE_DICTIONARY) {
        PYR_TRY(
            check_child(array->dictionary, field->dictionary, "dictionary", level, place, error));
    }
    PYR_TRY(check_nesting(array, place, error));
    return level == PYR_VALIDATE_FULL ? pyr_validate_values(array, place, error) : PYR_OK;
}

pyr_status pyr_array_validate(const pyr_array *array, pyr_validation level, pyr_error *error) {
    validation_place top = {NULL, NULL, 1};
    return check_array(array, level, &top, error);
}
