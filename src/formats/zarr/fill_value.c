/* fill_value.c - fill values, as bytes of one value in memory.
 *
 * Sources: Zarr v2 "Fill value encoding"; Zarr v3 core "Fill value", where floats may also be their
 * bits in hexadecimal.
 */
#include "formats/zarr/zarr_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static pyr_status refused(const json_t *json, pyr_error *error) {
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    pyr_status status =
        pyr_error_set(error, PYR_ERROR_CORRUPT, "the fill value %.100s does not fit the data type",
                      text != NULL ? text : "");
    free(text);
    return status;
}

/* An integer, an integral real, or (json.c makes such of what is beyond 64 bits) a decimal text. */
static bool parse_signed(const json_t *json, int64_t *out) {
    if (json_is_integer(json)) {
        *out = json_integer_value(json);
        return true;
    }
    if (json_is_real(json)) {
        double value = json_real_value(json);
        *out = fabs(value) < 9007199254740992.0 ? (int64_t)value : 0;
        return (double)*out == value;
    }
    const char *text = json_string_value(json);
    char *end;
    if (text == NULL || *text == '\0') {
        return false;
    }
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool parse_unsigned(const json_t *json, uint64_t *out) {
    int64_t value;
    if (parse_signed(json, &value)) {
        *out = (uint64_t)value;
        return value >= 0;
    }
    const char *text = json_string_value(json);
    char *end;
    if (text == NULL || *text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool put_signed(const json_t *json, int32_t bytes, uint8_t *out) {
    int64_t value;
    if (!parse_signed(json, &value)) {
        return false;
    }
    int shift = 64 - bytes * 8;
    if ((int64_t)((uint64_t)value << shift) >> shift != value) {
        return false;
    }
    memcpy(out, &value, (size_t)bytes);
    return true;
}

static bool put_unsigned(const json_t *json, int32_t bytes, uint8_t *out) {
    uint64_t value;
    if (!parse_unsigned(json, &value) || (bytes < 8 && value >> (bytes * 8) != 0)) {
        return false;
    }
    memcpy(out, &value, (size_t)bytes);
    return true;
}

/* To nearest, ties to even, as every writer of halves does. */
static uint16_t half_of(double value) {
    union {
        float f;
        uint32_t bits;
    } single = {(float)value};
    uint32_t sign = single.bits >> 16 & 0x8000, magnitude = single.bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
        return (uint16_t)(sign | 0x7e00);
    }
    if (magnitude >= 0x477ff000) { /* rounds to beyond 65504 */
        return (uint16_t)(sign | 0x7c00);
    }
    if (magnitude < 0x38800000) { /* subnormal: in units of 2^-24 */
        double units = nearbyint(fabs((double)single.f) * 16777216.0);
        return (uint16_t)(sign | (uint32_t)units);
    }
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | (rounded - 0x38000000) >> 13);
}

static void store_float(double value, int32_t bytes, uint8_t *out) {
    if (bytes == 8) {
        memcpy(out, &value, sizeof(value));
    } else if (bytes == 4) {
        float single = (float)value;
        memcpy(out, &single, sizeof(single));
    } else {
        uint16_t half = half_of(value);
        memcpy(out, &half, sizeof(half));
    }
}

static bool put_float(const json_t *json, int32_t bytes, uint8_t *out) {
    double value;
    const char *text = json_string_value(json);
    if (text != NULL && text[0] == '0' && text[1] == 'x') {
        char *end;
        errno = 0;
        uint64_t bits = strtoull(text + 2, &end, 16);
        if (errno != 0 || *end != '\0' || strlen(text) != 2 + (size_t)bytes * 2) {
            return false;
        }
        memcpy(out, &bits, (size_t)bytes);
        return true;
    }
    if (text != NULL) {
        if (strcmp(text, "NaN") == 0) {
            value = (double)NAN;
        } else if (strcmp(text, "Infinity") == 0) {
            value = (double)INFINITY;
        } else if (strcmp(text, "-Infinity") == 0) {
            value = -(double)INFINITY;
        } else {
            char *end;
            value = strtod(text, &end);
            if (*text == '\0' || *end != '\0') {
                return false;
            }
        }
    } else if (json_is_number(json)) {
        value = json_number_value(json);
    } else {
        return false;
    }
    store_float(value, bytes, out);
    return true;
}

static bool put_complex(const json_t *json, int32_t bytes, uint8_t *out) {
    int32_t half = bytes / 2;
    if (json_is_array(json)) {
        return json_array_size(json) == 2 && put_float(json_array_get(json, 0), half, out) &&
               put_float(json_array_get(json, 1), half, out + half);
    }
    return put_float(json, half, out); /* v2: a real number */
}

static bool put_bool(const json_t *json, uint8_t *out) {
    int64_t value;
    if (json_is_boolean(json)) {
        *out = json_is_true(json);
        return true;
    }
    if (!parse_signed(json, &value) || value < 0 || value > 1) {
        return false;
    }
    *out = (uint8_t)value;
    return true;
}

static bool put_time(const json_t *json, uint8_t *out) {
    const char *text = json_string_value(json);
    if (text != NULL && strcmp(text, "NaT") == 0) {
        int64_t value = INT64_MIN;
        memcpy(out, &value, sizeof(value));
        return true;
    }
    return put_signed(json, 8, out);
}

/* Base 64, a list of bytes (v3 r*), or v2's 0 and "": all zero. */
static bool put_raw(const json_t *json, int32_t bytes, uint8_t *out) {
    size_t size;
    if (json_is_integer(json)) {
        return json_integer_value(json) == 0;
    }
    if (json_is_array(json)) {
        bool right = json_array_size(json) == (size_t)bytes;
        for (int32_t i = 0; right && i < bytes; ++i) {
            right = put_unsigned(json_array_get(json, (size_t)i), 1, out + i);
        }
        return right;
    }
    const char *text = json_string_value(json);
    return text != NULL && pyr_zarr_base64_decode(text, out, (size_t)bytes, &size);
}

static bool put_utf32(const json_t *json, int32_t bytes, uint8_t *out) {
    const uint8_t *text = (const uint8_t *)json_string_value(json);
    int32_t at = 0;
    if (text == NULL) {
        return json_is_integer(json) && json_integer_value(json) == 0;
    }
    while (*text != 0) { /* jansson's texts are valid UTF-8 */
        int more = *text < 0x80 ? 0 : *text < 0xe0 ? 1 : *text < 0xf0 ? 2 : 3;
        uint32_t point = more == 0 ? *text : *text & (0x3fu >> more);
        for (++text; more > 0; --more) {
            point = point << 6 | (*text++ & 0x3fu);
        }
        if (at == bytes) {
            return false;
        }
        memcpy(out + at, &point, sizeof(point));
        at += 4;
    }
    return true;
}

static bool put(const json_t *json, const zarr_type *type, uint8_t *out) {
    switch (type->kind) {
    case PYR_ZARR_BOOL:
        return put_bool(json, out);
    case PYR_ZARR_INT:
        return put_signed(json, type->item_bytes, out);
    case PYR_ZARR_UINT:
        return put_unsigned(json, type->item_bytes, out);
    case PYR_ZARR_FLOAT:
        return put_float(json, type->item_bytes, out);
    case PYR_ZARR_COMPLEX:
        return put_complex(json, type->item_bytes, out);
    case PYR_ZARR_DATETIME:
    case PYR_ZARR_TIMEDELTA:
        return put_time(json, out);
    case PYR_ZARR_UTF32:
        return put_utf32(json, type->item_bytes, out);
    case PYR_ZARR_RAW:
    case PYR_ZARR_BYTES:
        return put_raw(json, type->item_bytes, out);
    default:
        return false;
    }
}

/* Values of any length: a text; bytes in base 64 or as a list; numpy's old fill value of objects,
 * 0, is the empty text. */
static pyr_status parse_any_length(const json_t *json, const zarr_type *type, pyr_arena *arena,
                                   zarr_fill *out, pyr_error *error) {
    const char *text = json_string_value(json);
    size_t size = text != NULL ? json_string_length(json) : json_array_size(json);
    uint8_t *bytes = pyr_arena_alloc(arena, size + 1);
    if (bytes == NULL) {
        return pyr_arena_error(arena, error);
    }
    out->bytes = bytes;
    out->size_bytes = size;
    if (json_is_integer(json) && json_integer_value(json) == 0) {
        return PYR_OK;
    }
    if (type->kind == PYR_ZARR_BINARY && text != NULL) {
        return pyr_zarr_base64_decode(text, bytes, size, &out->size_bytes) ? PYR_OK
                                                                           : refused(json, error);
    }
    if (type->kind == PYR_ZARR_BINARY && json_is_array(json)) {
        return put_raw(json, (int32_t)size, bytes) ? PYR_OK : refused(json, error);
    }
    if (text == NULL) {
        return refused(json, error);
    }
    memcpy(bytes, text, size);
    return PYR_OK;
}

pyr_status pyr_zarr_fill_parse(const json_t *json, pyr_zarr_format format, const zarr_type *type,
                               pyr_arena *arena, zarr_fill *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    out->defined = json != NULL && !json_is_null(json);
    if (!out->defined && format == PYR_ZARR_V3) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "the metadata has no fill value");
    }
    if (type->item_bytes == 0 && out->defined) {
        return parse_any_length(json, type, arena, out, error);
    }
    uint8_t *bytes = pyr_arena_alloc(arena, (size_t)type->item_bytes + 1);
    if (bytes == NULL) {
        return pyr_arena_error(arena, error);
    }
    out->bytes = bytes;
    out->size_bytes = (size_t)type->item_bytes;
    if (out->defined) {
        return put(json, type, bytes) ? PYR_OK : refused(json, error);
    }
    if (type->kind == PYR_ZARR_DATETIME || type->kind == PYR_ZARR_TIMEDELTA) {
        static const int64_t nat = INT64_MIN;
        memcpy(bytes, &nat, sizeof(nat));
    }
    return PYR_OK;
}

pyr_status pyr_zarr_fill_float(double value, const zarr_type *type, pyr_arena *arena,
                               zarr_fill *out, pyr_error *error) {
    uint8_t *bytes = pyr_arena_alloc(arena, (size_t)type->item_bytes);
    if (bytes == NULL) {
        return pyr_arena_error(arena, error);
    }
    store_float(value, type->item_bytes, bytes);
    *out = (zarr_fill){true, bytes, (size_t)type->item_bytes};
    return PYR_OK;
}
