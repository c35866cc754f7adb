/* data_type.c - data types of v2 (numpy's) and v3 metadata.
 *
 * Sources: Zarr v2 "Data type encoding"; Zarr v3 core "Data types"; the registered extensions
 * fixed_length_utf32, null_terminated_bytes, raw_bytes, variable_length_bytes, numpy.datetime64 and
 * numpy.timedelta64.
 */
#include "formats/zarr/zarr_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pyr_status unknown(const json_t *json, pyr_error *error) {
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    pyr_status status =
        pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED, "the data type %.200s is not supported",
                      text != NULL ? text : "of the metadata");
    free(text);
    return status;
}

static const char *const unit_names[] = {"Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"};

static bool find_unit(const char *name, size_t length, zarr_unit *out) {
    if (length == 3 && memcmp(name, "\xce\xbcs", 3) == 0) { /* the Greek letter */
        *out = ZARR_UNIT_MICROSECOND;
        return true;
    }
    for (size_t i = 0; i < sizeof(unit_names) / sizeof(unit_names[0]); ++i) {
        if (strlen(unit_names[i]) == length && memcmp(unit_names[i], name, length) == 0) {
            *out = (zarr_unit)i;
            return true;
        }
    }
    return false;
}

static bool is_time(zarr_type *type, pyr_zarr_kind kind, zarr_unit unit, int64_t multiple) {
    if (multiple < 1 || multiple > INT32_MAX) {
        return false;
    }
    type->kind = kind;
    type->item_bytes = 8;
    type->swap_bytes = 8;
    type->unit = unit;
    type->multiple = multiple;
    /* Years and months are no fixed time: there is no Arrow duration of them. */
    return kind == PYR_ZARR_DATETIME || unit > ZARR_UNIT_MONTH;
}

static bool is_number(zarr_type *type, pyr_zarr_kind kind, int64_t bytes) {
    bool fits;
    switch (kind) {
    case PYR_ZARR_BOOL:
        fits = bytes == 1;
        break;
    case PYR_ZARR_FLOAT:
        fits = bytes == 2 || bytes == 4 || bytes == 8;
        break;
    case PYR_ZARR_COMPLEX:
        fits = bytes == 8 || bytes == 16;
        break;
    default:
        fits = bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
        break;
    }
    type->kind = kind;
    type->item_bytes = (int32_t)bytes;
    type->swap_bytes = kind == PYR_ZARR_COMPLEX ? (int32_t)bytes / 2 : (int32_t)bytes;
    return fits;
}

/* Values of a fixed number of bytes that are no numbers. swap: of what they are made. */
static bool is_fixed(zarr_type *type, pyr_zarr_kind kind, int64_t bytes, int32_t swap) {
    if (bytes < 1 || bytes > ZARR_ITEM_BYTES_MAX || bytes % swap != 0) {
        return false;
    }
    type->kind = kind;
    type->item_bytes = (int32_t)bytes;
    type->swap_bytes = swap;
    return true;
}

static bool is_any_length(zarr_type *type, pyr_zarr_kind kind) {
    type->kind = kind;
    type->item_bytes = 0;
    type->swap_bytes = 1;
    return true;
}

/* "[10ms]" behind M8 and m8. */
static bool parse_time_v2(const char *text, pyr_zarr_kind kind, zarr_type *out) {
    size_t length = strlen(text);
    if (length < 3 || text[0] != '[' || text[length - 1] != ']') {
        return false;
    }
    const char *unit_at = text + 1;
    long long multiple = 1;
    if (text[1] >= '0' && text[1] <= '9') {
        char *end;
        errno = 0;
        multiple = strtoll(text + 1, &end, 10);
        if (errno != 0) {
            return false;
        }
        unit_at = end;
    }
    zarr_unit unit;
    return find_unit(unit_at, (size_t)(text + length - 1 - unit_at), &unit) &&
           is_time(out, kind, unit, multiple);
}

static bool parse_v2(const char *text, zarr_type *out) {
    if (text[0] == '\0' || text[1] == '\0' || strchr("<>|=", text[0]) == NULL) {
        return false;
    }
    if (strcmp(text + 1, "O") == 0) {
        out->object = true;
        return is_any_length(out, PYR_ZARR_JSON);
    }
    char *end;
    errno = 0;
    long bytes = text[2] >= '0' && text[2] <= '9' ? strtol(text + 2, &end, 10) : -1;
    if (bytes < 0 || errno != 0) {
        return false;
    }
    if (text[1] == 'M' || text[1] == 'm') {
        return bytes == 8 &&
               parse_time_v2(end, text[1] == 'M' ? PYR_ZARR_DATETIME : PYR_ZARR_TIMEDELTA, out);
    }
    if (*end != '\0') {
        return false;
    }
    switch (text[1]) {
    case 'b':
        return is_number(out, PYR_ZARR_BOOL, bytes);
    case 'i':
        return is_number(out, PYR_ZARR_INT, bytes);
    case 'u':
        return is_number(out, PYR_ZARR_UINT, bytes);
    case 'f':
        return is_number(out, PYR_ZARR_FLOAT, bytes);
    case 'c':
        return is_number(out, PYR_ZARR_COMPLEX, bytes);
    case 'S':
        return is_fixed(out, PYR_ZARR_BYTES, bytes, 1);
    case 'V':
        return is_fixed(out, PYR_ZARR_RAW, bytes, 1);
    case 'U':
        return bytes <= ZARR_ITEM_BYTES_MAX && is_fixed(out, PYR_ZARR_UTF32, bytes * 4, 4);
    default:
        return false;
    }
}

pyr_status pyr_zarr_type_parse_v2(const json_t *json, zarr_type *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    const char *text = json_string_value(json);
    if (text == NULL || !parse_v2(text, out)) {
        return unknown(json, error);
    }
    out->big_endian = text[0] == '>' && out->swap_bytes > 1;
    return PYR_OK;
}

typedef struct named_type {
    const char *name;
    pyr_zarr_kind kind;
    int32_t bytes;
} named_type;
static const named_type named_types[] = {
    {"bool", PYR_ZARR_BOOL, 1},
    {"int8", PYR_ZARR_INT, 1},
    {"int16", PYR_ZARR_INT, 2},
    {"int32", PYR_ZARR_INT, 4},
    {"int64", PYR_ZARR_INT, 8},
    {"uint8", PYR_ZARR_UINT, 1},
    {"uint16", PYR_ZARR_UINT, 2},
    {"uint32", PYR_ZARR_UINT, 4},
    {"uint64", PYR_ZARR_UINT, 8},
    {"float16", PYR_ZARR_FLOAT, 2},
    {"float32", PYR_ZARR_FLOAT, 4},
    {"float64", PYR_ZARR_FLOAT, 8},
    {"complex64", PYR_ZARR_COMPLEX, 8},
    {"complex128", PYR_ZARR_COMPLEX, 16},
    {"complex_float32", PYR_ZARR_COMPLEX, 8},
    {"complex_float64", PYR_ZARR_COMPLEX, 16},
};

static bool parse_raw_bits(const char *name, zarr_type *out) {
    char *end;
    if (name[0] != 'r' || name[1] < '1' || name[1] > '9') {
        return false;
    }
    errno = 0;
    long long bits = strtoll(name + 1, &end, 10);
    return errno == 0 && *end == '\0' && bits % 8 == 0 && is_fixed(out, PYR_ZARR_RAW, bits / 8, 1);
}

static bool parse_v3(const char *name, const json_t *configuration, zarr_type *out) {
    for (size_t i = 0; i < sizeof(named_types) / sizeof(named_types[0]); ++i) {
        if (strcmp(name, named_types[i].name) == 0) {
            return is_number(out, named_types[i].kind, named_types[i].bytes);
        }
    }
    if (strcmp(name, "string") == 0) {
        return is_any_length(out, PYR_ZARR_STRING);
    }
    if (strcmp(name, "bytes") == 0 || strcmp(name, "variable_length_bytes") == 0) {
        return is_any_length(out, PYR_ZARR_BINARY);
    }
    const json_t *length = json_object_get(configuration, "length_bytes");
    int64_t bytes = json_is_integer(length) ? json_integer_value(length) : -1;
    if (strcmp(name, "fixed_length_utf32") == 0) {
        return is_fixed(out, PYR_ZARR_UTF32, bytes, 4);
    }
    if (strcmp(name, "null_terminated_bytes") == 0) {
        return is_fixed(out, PYR_ZARR_BYTES, bytes, 1);
    }
    if (strcmp(name, "raw_bytes") == 0) {
        return is_fixed(out, PYR_ZARR_RAW, bytes, 1);
    }
    bool datetime = strcmp(name, "numpy.datetime64") == 0;
    if (datetime || strcmp(name, "numpy.timedelta64") == 0) {
        zarr_unit unit;
        const char *unit_name = pyr_zarr_json_string(configuration, "unit");
        const json_t *scale = json_object_get(configuration, "scale_factor");
        return unit_name != NULL && find_unit(unit_name, strlen(unit_name), &unit) &&
               is_time(out, datetime ? PYR_ZARR_DATETIME : PYR_ZARR_TIMEDELTA, unit,
                       json_is_integer(scale) ? json_integer_value(scale) : 1);
    }
    return parse_raw_bits(name, out);
}

pyr_status pyr_zarr_type_parse_v3(const json_t *json, zarr_type *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    const char *name =
        json_is_string(json) ? json_string_value(json) : pyr_zarr_json_string(json, "name");
    if (name == NULL || !parse_v3(name, json_object_get(json, "configuration"), out)) {
        return unknown(json, error);
    }
    return PYR_OK;
}

void pyr_zarr_type_numpy(const zarr_type *type, char *text) {
    char letter = type->kind == PYR_ZARR_INT ? 'i' : type->kind == PYR_ZARR_UINT ? 'u' : 'f';
    snprintf(text, 16, "%c%c%d", type->item_bytes > 1 ? '<' : '|', letter, type->item_bytes);
}
