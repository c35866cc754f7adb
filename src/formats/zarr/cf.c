/* cf.c - CF conventions: packed values, missing values, times since a time.
 *
 * Attributes are the writer's remarks, not the format: what is not understood (a calendar of 360
 * days, a scale that is a text) is left out, and values stay as they are stored. The order is
 * xarray's: missing values are those of the stored type, then scale and offset, then times.
 */
#include "formats/zarr/zarr_internal.h"

#include "base/checked.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Attributes. ---- */

/* xarray writes fill values of floats in v3 as the base 64 of a double. */
static bool parse_base64_double(const json_t *json, double *out) {
    const char *text = json_string_value(json);
    size_t size;
    return text != NULL && strlen(text) == 12 &&
           pyr_zarr_base64_decode(text, (uint8_t *)out, sizeof(*out), &size) &&
           size == sizeof(*out);
}

static pyr_status add_missing(pyr_zarr_array *array, const json_t *json, pyr_arena *arena,
                              pyr_error *error) {
    zarr_cf *cf = &array->cf;
    double value;
    pyr_error ignored;
    if (json_is_array(json)) {
        json = json_array_size(json) == 1 ? json_array_get(json, 0) : NULL;
    }
    if (json == NULL || json_is_null(json)) {
        return PYR_OK;
    }
    zarr_fill *fill = &cf->missing[cf->missing_count];
    pyr_status status =
        array->type.kind == PYR_ZARR_FLOAT && parse_base64_double(json, &value)
            ? pyr_zarr_fill_float(value, &array->type, arena, fill, &ignored)
            : pyr_zarr_fill_parse(json, PYR_ZARR_V2, &array->type, arena, fill, &ignored);
    if (status == PYR_OK) {
        ++cf->missing_count;
    }
    return status == PYR_ERROR_MEMORY ? pyr_arena_error(arena, error) : PYR_OK;
}

static int64_t unit_us(const char *unit) {
    static const struct {
        const char *names; /* each between blanks */
        int64_t us;
    } units[] = {{" microseconds microsecond us ", 1},
                 {" milliseconds millisecond msecs msec ms ", 1000},
                 {" seconds second secs sec s ", 1000000},
                 {" minutes minute mins min ", 60000000},
                 {" hours hour hrs hr h ", 3600000000},
                 {" days day d ", 86400000000}};
    char word[40];
    snprintf(word, sizeof(word), " %.30s ", unit);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); ++i) {
        if (strstr(units[i].names, word) != NULL) {
            return units[i].us;
        }
    }
    return 0;
}

/* "Z", "UTC", "+01:00", "+1" or nothing; minutes to take off. */
static bool parse_zone(const char *text, int *minutes) {
    int hours = 0, rest = 0, used = 0;
    text += strspn(text, " ");
    *minutes = 0;
    if (*text == '\0' || strcmp(text, "Z") == 0 || strcmp(text, "UTC") == 0) {
        return true;
    }
    if (*text != '+' && *text != '-') {
        return false;
    }
    if ((sscanf(text + 1, "%2d:%2d%n", &hours, &rest, &used) != 2 &&
         sscanf(text + 1, "%2d%n", &hours, &used) != 1) ||
        text[1 + used] != '\0' || hours > 14 || rest > 59) {
        return false;
    }
    *minutes = (hours * 60 + rest) * (*text == '-' ? -1 : 1);
    return true;
}

/* "1900-1-1", "1900-01-01T00:00:00Z", "1900-01-01 00:00:0.0 +01:00", ... since 1970. */
static bool parse_epoch(const char *text, int64_t *us) {
    int year, month, day, used = 0, hour = 0, minute = 0, zone;
    double second = 0;
    if (sscanf(text, "%6d-%2d-%2d%n", &year, &month, &day, &used) != 3 || year < -9999 ||
        year > 99999 || month < 1 || month > 12 || day < 1 || day > 31) {
        return false;
    }
    text += used;
    if (*text == 'T' || (*text == ' ' && text[1] >= '0' && text[1] <= '9')) {
        ++text;
        used = 0;
        if (sscanf(text, "%2d%n", &hour, &used) != 1) {
            return false;
        }
        text += used;
        used = 0;
        if (sscanf(text, ":%2d%n", &minute, &used) == 1) {
            text += used;
            used = 0;
            if (sscanf(text, ":%9lf%n", &second, &used) == 1) {
                text += used;
            }
        }
    }
    if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || !(second >= 0 && second < 61) ||
        !parse_zone(text, &zone)) {
        return false;
    }
    *us = ((pyr_zarr_days_of_date(year, month, day) * 24 + hour) * 60 + minute - zone) * 60000000 +
          llround(second * 1e6);
    return true;
}

static bool calendar_known(const json_t *attributes) {
    const char *calendar = pyr_zarr_json_string(attributes, "calendar");
    return calendar == NULL || strcmp(calendar, "standard") == 0 ||
           strcmp(calendar, "gregorian") == 0 || strcmp(calendar, "proleptic_gregorian") == 0;
}

static void parse_time(zarr_cf *cf, const json_t *attributes) {
    const char *units = pyr_zarr_json_string(attributes, "units");
    const char *since = units != NULL ? strstr(units, " since ") : NULL;
    char unit[32];
    if (since == NULL || (size_t)(since - units) >= sizeof(unit) || !calendar_known(attributes)) {
        return;
    }
    snprintf(unit, sizeof(unit), "%.*s", (int)(since - units), units);
    for (char *c = unit; *c != '\0'; ++c) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    }
    since += sizeof(" since ") - 1;
    cf->unit_us = unit_us(unit);
    if (cf->unit_us != 0 && parse_epoch(since + strspn(since, " "), &cf->epoch_us)) {
        cf->time = true;
    }
}

static bool parse_number(const json_t *json, double otherwise, double *out) {
    if (json_is_array(json) && json_array_size(json) == 1) {
        json = json_array_get(json, 0);
    }
    *out = json_is_number(json) ? json_number_value(json) : otherwise;
    return json_is_number(json);
}

pyr_status pyr_zarr_cf_parse(pyr_zarr_array *array, const json_t *attributes, pyr_arena *arena,
                             pyr_error *error) {
    zarr_cf *cf = &array->cf;
    pyr_zarr_kind kind = array->type.kind;
    memset(cf, 0, sizeof(*cf));
    if (kind != PYR_ZARR_INT && kind != PYR_ZARR_UINT && kind != PYR_ZARR_FLOAT) {
        return PYR_OK;
    }
    bool scaled = parse_number(json_object_get(attributes, "scale_factor"), 1, &cf->scale);
    bool moved = parse_number(json_object_get(attributes, "add_offset"), 0, &cf->offset);
    cf->packed = scaled || moved;
    PYR_TRY(add_missing(array, json_object_get(attributes, "_FillValue"), arena, error));
    if (cf->missing_count == 0 && array->info.format == PYR_ZARR_V2 && array->fill.defined) {
        cf->missing[cf->missing_count++] = array->fill;
    }
    PYR_TRY(add_missing(array, json_object_get(attributes, "missing_value"), arena, error));
    parse_time(cf, attributes);
    return PYR_OK;
}

/* ---- Values. ---- */

/* Clears the bits of values that are equal to `missing`, both as raw bits or as numbers. */
#define CLEAR_EQUAL(ctype, equal)                                              \
    do {                                                                       \
        ctype missing, value;                                                  \
        memcpy(&missing, fill->bytes, sizeof(missing));                        \
        for (int64_t i = 0; i < count; ++i) {                                  \
            memcpy(&value, bytes + i * (int64_t)sizeof(value), sizeof(value)); \
            if (equal) {                                                       \
                pyr_bit_clear(bits, i);                                        \
            }                                                                  \
        }                                                                      \
    } while (0)

/* NaN is equal to NaN of any payload, and the zeros to each other, as in xarray. */
static void clear_missing(const zarr_type *type, const zarr_fill *fill, const uint8_t *bytes,
                          int64_t count, uint8_t *bits) {
    bool is_float = type->kind == PYR_ZARR_FLOAT;
    switch (type->item_bytes) {
    case 1:
        CLEAR_EQUAL(uint8_t, value == missing);
        break;
    case 2:
        if (is_float) {
            CLEAR_EQUAL(uint16_t, value == missing || ((value | missing) & 0x7fff) == 0 ||
                                      ((value & 0x7fff) > 0x7c00 && (missing & 0x7fff) > 0x7c00));
        } else {
            CLEAR_EQUAL(uint16_t, value == missing);
        }
        break;
    case 4:
        if (is_float) {
            CLEAR_EQUAL(float, value == missing || (value != value && missing != missing));
        } else {
            CLEAR_EQUAL(uint32_t, value == missing);
        }
        break;
    default:
        if (is_float) {
            CLEAR_EQUAL(double, value == missing || (value != value && missing != missing));
        } else {
            CLEAR_EQUAL(uint64_t, value == missing);
        }
        break;
    }
}

pyr_status pyr_zarr_cf_validity(const pyr_zarr_array *array, const uint8_t *bytes, int64_t count,
                                pyr_budget *budget, pyr_buffer **out, int64_t *nulls,
                                pyr_error *error) {
    const zarr_cf *cf = &array->cf;
    *nulls = 0;
    PYR_TRY(pyr_buffer_create((size_t)pyr_bits_size_bytes(count), budget, out, error));
    if (count == 0) {
        return PYR_OK;
    }
    uint8_t *bits = pyr_buffer_mutable(*out);
    pyr_bits_fill(bits, 0, count, true);
    for (int32_t m = 0; m < cf->missing_count; ++m) {
        clear_missing(&array->type, &cf->missing[m], bytes, count, bits);
    }
    *nulls = count - pyr_bits_count_set(bits, 0, count);
    return PYR_OK;
}

#define LOAD_DOUBLES(ctype)                                                \
    for (int64_t i = 0; i < count; ++i) {                                  \
        ctype value;                                                       \
        memcpy(&value, bytes + i * (int64_t)sizeof(value), sizeof(value)); \
        out[i] = (double)value;                                            \
    }                                                                      \
    return

/* A loop a type: what a compiler makes vectors of. */
static void load_doubles(const zarr_type *type, const uint8_t *bytes, int64_t count, double *out) {
    switch ((int)type->kind << 4 | type->item_bytes) {
    case PYR_ZARR_INT << 4 | 1:
        LOAD_DOUBLES(int8_t);
    case PYR_ZARR_INT << 4 | 2:
        LOAD_DOUBLES(int16_t);
    case PYR_ZARR_INT << 4 | 4:
        LOAD_DOUBLES(int32_t);
    case PYR_ZARR_INT << 4 | 8:
        LOAD_DOUBLES(int64_t);
    case PYR_ZARR_UINT << 4 | 1:
        LOAD_DOUBLES(uint8_t);
    case PYR_ZARR_UINT << 4 | 2:
        LOAD_DOUBLES(uint16_t);
    case PYR_ZARR_UINT << 4 | 4:
        LOAD_DOUBLES(uint32_t);
    case PYR_ZARR_UINT << 4 | 8:
        LOAD_DOUBLES(uint64_t);
    case PYR_ZARR_FLOAT << 4 | 4:
        LOAD_DOUBLES(float);
    case PYR_ZARR_FLOAT << 4 | 8:
        LOAD_DOUBLES(double);
    default:
        break;
    }
    for (int64_t i = 0; i < count; ++i) {
        uint16_t half;
        memcpy(&half, bytes + i * 2, sizeof(half));
        out[i] = pyr_half_to_double(half);
    }
}

static double load_double(const zarr_type *type, const uint8_t *value) {
    double out;
    load_doubles(type, value, 1, &out);
    return out;
}

/* Whole numbers stay whole: a nanosecond count of today has more digits than a double. */
static bool load_integer(const zarr_type *type, const uint8_t *value, int64_t *out) {
    uint64_t bits = 0;
    assert(type->item_bytes >= 1 && type->item_bytes <= 8);
    memcpy(&bits, value, (size_t)type->item_bytes);
    int shift = 64 - type->item_bytes * 8;
    *out = type->kind == PYR_ZARR_INT ? (int64_t)(bits << shift) >> shift : (int64_t)bits;
    return type->kind == PYR_ZARR_INT || bits <= INT64_MAX;
}

static bool time_of(const pyr_zarr_array *array, const uint8_t *value, int64_t *out, bool *null) {
    const zarr_cf *cf = &array->cf;
    int64_t whole;
    *null = false;
    if (array->type.kind != PYR_ZARR_FLOAT && !cf->packed) {
        return load_integer(&array->type, value, &whole) &&
               pyr_mul_i64(whole, cf->unit_us, &whole) && pyr_add_i64(whole, cf->epoch_us, out);
    }
    double number = load_double(&array->type, value);
    number = cf->packed ? number * cf->scale + cf->offset : number;
    *null = isnan(number);
    number = *null ? 0 : nearbyint(number * (double)cf->unit_us);
    *out = 0;
    return fabs(number) < 9.2e18 && pyr_add_i64((int64_t)number, cf->epoch_us, out);
}

static pyr_status decode_times(const pyr_zarr_array *array, const uint8_t *bytes, int64_t count,
                               uint8_t *validity, int64_t *values, int64_t *nulls,
                               pyr_error *error) {
    for (int64_t i = 0; i < count; ++i) {
        bool null = false;
        values[i] = 0;
        if (!pyr_bit_get(validity, i)) {
            continue;
        }
        if (!time_of(array, bytes + i * array->type.item_bytes, &values[i], &null)) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "22008", -1,
                                     "value %lld is no time that microseconds can tell",
                                     (long long)i);
        }
        if (null) {
            pyr_bit_clear(validity, i);
            ++*nulls;
        }
    }
    return PYR_OK;
}

pyr_status pyr_zarr_cf_decode(const pyr_zarr_array *array, pyr_field *field, const uint8_t *bytes,
                              int64_t count, pyr_query_ledger *ledger, pyr_budget *budget,
                              pyr_array **out, pyr_error *error) {
    const zarr_cf *cf = &array->cf;
    pyr_buffer *buffers[2] = {NULL, NULL};
    int64_t nulls;
    PYR_TRY(pyr_zarr_cf_validity(array, bytes, count, budget, &buffers[0], &nulls, error));
    pyr_status status = pyr_buffer_create_raw((size_t)count * 8, budget, &buffers[1], error);
    if (status == PYR_OK && count > 0) {
        void *values = pyr_buffer_mutable(buffers[1]);
        if (cf->time) {
            status = decode_times(array, bytes, count, pyr_buffer_mutable(buffers[0]), values,
                                  &nulls, error);
        } else {
            double *doubles = values;
            load_doubles(&array->type, bytes, count, doubles);
            for (int64_t i = 0; i < count; ++i) {
                doubles[i] = doubles[i] * cf->scale + cf->offset;
            }
        }
        pyr_ledger_add_copy(ledger, PYR_COPY_CONVERT, count * 8);
    }
    if (status == PYR_OK) {
        status = pyr_array_create(field, count, 0, nulls, buffers, 2, NULL, 0, NULL, out, error);
    }
    pyr_buffer_release(buffers[0]);
    pyr_buffer_release(buffers[1]);
    return status;
}
