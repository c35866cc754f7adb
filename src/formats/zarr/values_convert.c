/* values_convert.c - kinds whose Arrow layout is another: bits, texts of fixed width, times of
 * units that Arrow has not. All are copies, counted as PYR_COPY_CONVERT. */
#include "formats/zarr/zarr_internal.h"

#include "base/checked.h"

#include <string.h>

/* ---- Booleans. ---- */

static pyr_status convert_bool(pyr_field *field, const uint8_t *bytes, int64_t count,
                               pyr_query_ledger *ledger, pyr_budget *budget, pyr_array **out,
                               pyr_error *error) {
    pyr_buffer *buffers[2] = {NULL, NULL};
    size_t size = (size_t)pyr_bits_size_bytes(count);
    PYR_TRY(pyr_buffer_create(size, budget, &buffers[1], error));
    if (count > 0) {
        uint8_t *bits = pyr_buffer_mutable(buffers[1]);
        for (int64_t i = 0; i < count; ++i) {
            bits[i >> 3] = (uint8_t)(bits[i >> 3] | (bytes[i] != 0) << (i & 7));
        }
    }
    pyr_ledger_add_copy(ledger, PYR_COPY_CONVERT, (int64_t)size);
    pyr_status status = pyr_array_create(field, count, 0, 0, buffers, 2, NULL, 0, NULL, out, error);
    pyr_buffer_release(buffers[1]);
    return status;
}

/* ---- Texts and bytes of fixed width. ---- */

/* A value without the zeros that pad it. */
static size_t unpadded(const uint8_t *value, size_t size, size_t unit) {
    while (size >= unit && pyr_zarr_is_zero(value + size - unit, unit)) {
        size -= unit;
    }
    return size;
}

static size_t put_utf8(uint32_t point, uint8_t *to) {
    if (point < 0x80) {
        to[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (uint8_t)(0xc0 | point >> 6);
        to[1] = (uint8_t)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (uint8_t)(0xe0 | point >> 12);
        to[1] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (point & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | point >> 18);
    to[1] = (uint8_t)(0x80 | (point >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (point & 0x3f));
    return 4;
}

/* One value into room for item_bytes, which is enough: a code point takes 4 bytes there, and at
 * most 4 in UTF-8. false: no code point. */
static bool put_text(const zarr_type *type, const uint8_t *value, uint8_t *to, size_t *size) {
    size_t length = unpadded(value, (size_t)type->item_bytes, type->kind == PYR_ZARR_UTF32 ? 4 : 1);
    if (type->kind != PYR_ZARR_UTF32) {
        memcpy(to, value, length);
        *size = length;
        return true;
    }
    *size = 0;
    for (size_t at = 0; at < length; at += 4) {
        uint32_t point;
        memcpy(&point, value + at, sizeof(point));
        if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
            return false;
        }
        *size += put_utf8(point, to + *size);
    }
    return true;
}

static pyr_status convert_text(const zarr_type *type, pyr_field *field, const uint8_t *bytes,
                               int64_t count, pyr_query_ledger *ledger, pyr_budget *budget,
                               pyr_array **out, pyr_error *error) {
    pyr_buffer *buffers[3] = {NULL, NULL, NULL};
    size_t item = (size_t)type->item_bytes;
    if ((size_t)count > (size_t)INT32_MAX / item) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "%lld texts of %zu bytes at once",
                             (long long)count, item);
    }
    PYR_TRY(
        pyr_buffer_create_raw(((size_t)count + 1) * sizeof(int32_t), budget, &buffers[1], error));
    pyr_status status = pyr_buffer_create_raw((size_t)count * item, budget, &buffers[2], error);
    if (status == PYR_OK) {
        int32_t *offsets = (int32_t *)(void *)pyr_buffer_mutable(buffers[1]);
        uint8_t none, *to = count > 0 ? pyr_buffer_mutable(buffers[2]) : &none;
        size_t at = 0;
        offsets[0] = 0;
        for (int64_t i = 0; status == PYR_OK && i < count; ++i) {
            size_t size;
            if (!put_text(type, bytes + (size_t)i * item, to + at, &size)) {
                status = pyr_error_set(error, PYR_ERROR_CORRUPT, "value %lld is no UTF-32 text",
                                       (long long)i);
            }
            at += size;
            offsets[i + 1] = (int32_t)at;
        }
        pyr_buffer_set_size(buffers[2], at);
        pyr_ledger_add_copy(ledger, PYR_COPY_CONVERT, (int64_t)at + (count + 1) * 4);
    }
    if (status == PYR_OK) {
        status = pyr_array_create(field, count, 0, 0, buffers, 3, NULL, 0, NULL, out, error);
    }
    pyr_buffer_release(buffers[1]);
    pyr_buffer_release(buffers[2]);
    return status;
}

/* ---- Times. ---- */

/* By eras of 400 years. */
int64_t pyr_zarr_days_of_date(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* Days since 1970 of the first of a month, months since 1970. */
static bool month_to_days(int64_t months, int64_t *days) {
    if (months > INT64_MAX / 62 || months < INT64_MIN / 62) {
        return false;
    }
    int64_t year = 1970 + (months >= 0 ? months / 12 : -((11 - months) / 12));
    *days = pyr_zarr_days_of_date(year, ((months % 12) + 12) % 12 + 1, 1);
    return true;
}

/* In the field's unit. */
static bool convert_time(const zarr_type *type, int64_t value, int64_t *out) {
    static const int64_t seconds[] = {[ZARR_UNIT_WEEK] = 604800,
                                      [ZARR_UNIT_DAY] = 86400,
                                      [ZARR_UNIT_HOUR] = 3600,
                                      [ZARR_UNIT_MINUTE] = 60};
    if (!pyr_mul_i64(value, type->multiple, &value)) {
        return false;
    }
    switch (type->unit) {
    case ZARR_UNIT_YEAR:
        return pyr_mul_i64(value, 12, &value) && month_to_days(value, &value) &&
               pyr_mul_i64(value, 86400, out);
    case ZARR_UNIT_MONTH:
        return month_to_days(value, &value) && pyr_mul_i64(value, 86400, out);
    case ZARR_UNIT_WEEK:
    case ZARR_UNIT_DAY:
    case ZARR_UNIT_HOUR:
    case ZARR_UNIT_MINUTE:
        return pyr_mul_i64(value, seconds[type->unit], out);
    default:
        *out = value;
        return true;
    }
}

static pyr_status convert_times(const zarr_type *type, pyr_field *field, const uint8_t *bytes,
                                int64_t count, pyr_query_ledger *ledger, pyr_budget *budget,
                                pyr_array **out, pyr_error *error) {
    pyr_buffer *buffers[2] = {NULL, NULL};
    int64_t nulls = 0;
    PYR_TRY(pyr_buffer_create((size_t)pyr_bits_size_bytes(count), budget, &buffers[0], error));
    pyr_status status = pyr_buffer_create_raw((size_t)count * 8, budget, &buffers[1], error);
    if (status == PYR_OK && count > 0) {
        uint8_t *bits = pyr_buffer_mutable(buffers[0]);
        int64_t *values = (int64_t *)(void *)pyr_buffer_mutable(buffers[1]);
        for (int64_t i = 0; status == PYR_OK && i < count; ++i) {
            int64_t value;
            memcpy(&value, bytes + i * 8, sizeof(value));
            values[i] = 0;
            pyr_bit_put(bits, i, value != INT64_MIN);
            nulls += value == INT64_MIN;
            if (value != INT64_MIN && !convert_time(type, value, &values[i])) {
                status = pyr_error_set_sql(error, PYR_ERROR_SQL, "22008", -1,
                                           "the time %lld does not fit 64 bits in seconds",
                                           (long long)value);
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

bool pyr_zarr_values_need_converting(const zarr_type *type) {
    switch (type->kind) {
    case PYR_ZARR_BOOL:
    case PYR_ZARR_BYTES:
    case PYR_ZARR_UTF32:
        return true;
    case PYR_ZARR_DATETIME:
    case PYR_ZARR_TIMEDELTA:
        return type->multiple != 1 || type->unit < ZARR_UNIT_SECOND;
    default:
        return false;
    }
}

pyr_status pyr_zarr_values_convert(const pyr_zarr_array *array, pyr_field *field,
                                   const uint8_t *bytes, int64_t count, pyr_query_ledger *ledger,
                                   pyr_budget *budget, pyr_array **out, pyr_error *error) {
    switch (array->type.kind) {
    case PYR_ZARR_BOOL:
        return convert_bool(field, bytes, count, ledger, budget, out, error);
    case PYR_ZARR_BYTES:
    case PYR_ZARR_UTF32:
        return convert_text(&array->type, field, bytes, count, ledger, budget, out, error);
    default:
        return convert_times(&array->type, field, bytes, count, ledger, budget, out, error);
    }
}
