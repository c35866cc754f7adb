/* builder_values.c - appending single values; see builder.h and builder.c. */
#include "arrow/builder_internal.h"

#include "base/cursor.h"

#include <math.h>

/* A variadic buffer of views is closed when the next value would pass this. */
#define VIEW_BUFFER_BYTES_MAX ((size_t)1 << 30)

static pyr_status wrong_kind(const pyr_builder *builder, const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "field \"%s\": %s does not take %s",
                         builder->field->name, pyr_type_name(builder->field->type), what);
}

static pyr_status out_of_range(const pyr_builder *builder, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "22003", -1,
                             "field \"%s\": the value is out of range for %s", builder->field->name,
                             pyr_type_name(builder->field->type));
}

static pyr_status append_fixed(pyr_builder *builder, const void *bytes, size_t size_bytes,
                               pyr_error *error) {
    uint8_t *place;
    PYR_TRY(pyr_builder_extend(builder, &builder->data, size_bytes, &place, error));
    if (size_bytes > 0) {
        memcpy(place, bytes, size_bytes);
    }
    return pyr_builder_slot(builder, true, error);
}

static pyr_status append_bool(pyr_builder *builder, bool value, pyr_error *error) {
    if ((builder->length & 7) == 0) {
        uint8_t *place;
        PYR_TRY(pyr_builder_extend(builder, &builder->data, 1, &place, error));
    }
    if (value) {
        pyr_bit_set(pyr_buffer_mutable(builder->data.buffer), builder->length);
    }
    return pyr_builder_slot(builder, true, error);
}

/* ---- Numbers. ---- */

static bool decimal_fits(const pyr_field *field, int64_t value) {
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    for (int32_t i = 0; i < field->precision && magnitude > 0; ++i) {
        magnitude /= 10;
    }
    return magnitude == 0;
}

/* Whether a signed value of bits bits, or an unsigned one, holds value. */
static bool integer_fits(int64_t value, int32_t bits, bool is_signed) {
    if (!is_signed) {
        return value >= 0 && (bits >= 64 || (uint64_t)value >> bits == 0);
    }
    return bits >= 64 || (value >= -(INT64_C(1) << (bits - 1)) && value < INT64_C(1) << (bits - 1));
}

static bool takes_int64(pyr_type_id type) {
    return pyr_type_is_integer(type) ||
           (type >= PYR_TYPE_DATE32 && type <= PYR_TYPE_INTERVAL_YEAR_MONTH) ||
           (type >= PYR_TYPE_DECIMAL32 && type <= PYR_TYPE_DECIMAL256);
}

pyr_status pyr_builder_int64(pyr_builder *builder, int64_t value, pyr_error *error) {
    const pyr_field *field = builder->field;
    if (field->type == PYR_TYPE_BOOL) {
        return value == 0 || value == 1 ? append_bool(builder, value == 1, error)
                                        : out_of_range(builder, error);
    }
    if (!takes_int64(field->type)) {
        return wrong_kind(builder, "an integer", error);
    }
    int32_t bits = pyr_type_bit_width(field);
    bool is_decimal = field->type >= PYR_TYPE_DECIMAL32 && field->type <= PYR_TYPE_DECIMAL256;
    bool is_signed = !pyr_type_is_integer(field->type) || pyr_type_is_signed(field->type);
    if (!integer_fits(value, bits, is_signed) || (is_decimal && !decimal_fits(field, value))) {
        return out_of_range(builder, error);
    }
    /* Sign-extended to the widest decimal; little-endian: the low bytes are the narrower value. */
    int64_t words[4] = {value, value >> 63, value >> 63, value >> 63};
    return append_fixed(builder, words, (size_t)bits / 8, error);
}

pyr_status pyr_builder_uint64(pyr_builder *builder, uint64_t value, pyr_error *error) {
    if (builder->field->type == PYR_TYPE_UINT64) {
        return append_fixed(builder, &value, sizeof(value), error);
    }
    return value <= INT64_MAX ? pyr_builder_int64(builder, (int64_t)value, error)
                              : out_of_range(builder, error);
}

/* IEEE 754 binary16, rounded to nearest, ties to even; too large a value gives infinity. */
static uint16_t half_of(double value) {
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double magnitude = fabs(value);
    if (isnan(value)) {
        return (uint16_t)(sign | 0x7e00);
    }
    if (magnitude >= 65520.0) { /* half way between the largest value and 2^16 */
        return (uint16_t)(sign | 0x7c00);
    }
    if (magnitude < 0x1p-14) { /* subnormal: units of 2^-24; 1024 of them are the first normal */
        return (uint16_t)(sign | (uint16_t)nearbyint(ldexp(magnitude, 24)));
    }
    int exponent;
    double fraction = frexp(magnitude, &exponent); /* [0.5, 1) */
    /* A mantissa that rounds up to 2048 carries into the exponent, as it should. */
    int mantissa = (int)nearbyint(ldexp(fraction, 11));
    return (uint16_t)(sign | (((exponent + 13) << 10) + mantissa));
}

pyr_status pyr_builder_double(pyr_builder *builder, double value, pyr_error *error) {
    switch (builder->field->type) {
    case PYR_TYPE_FLOAT64:
        return append_fixed(builder, &value, sizeof(value), error);
    case PYR_TYPE_FLOAT32: {
        if (isfinite(value) && fabs(value) >= 0x1.ffffffp127) {
            return out_of_range(builder, error);
        }
        float narrow = (float)value;
        return append_fixed(builder, &narrow, sizeof(narrow), error);
    }
    case PYR_TYPE_FLOAT16: {
        if (isfinite(value) && fabs(value) >= 65520.0) {
            return out_of_range(builder, error);
        }
        uint16_t half = half_of(value);
        return append_fixed(builder, &half, sizeof(half), error);
    }
    default:
        return wrong_kind(builder, "a floating-point number", error);
    }
}

/* ---- Text and bytes. ---- */

static pyr_status append_bytes(pyr_builder *builder, const void *bytes, size_t size_bytes,
                               pyr_error *error) {
    uint8_t *place;
    PYR_TRY(pyr_builder_extend(builder, &builder->bytes, size_bytes, &place, error));
    if (size_bytes > 0) {
        memcpy(place, bytes, size_bytes);
    }
    return PYR_OK;
}

static pyr_status append_by_offset(pyr_builder *builder, const void *bytes, size_t size_bytes,
                                   pyr_error *error) {
    if (builder->data.used_bytes == 0) {
        PYR_TRY(pyr_builder_offset(builder, &builder->data, 0, error));
    }
    PYR_TRY(append_bytes(builder, bytes, size_bytes, error));
    return pyr_builder_offset(builder, &builder->data, (int64_t)builder->bytes.used_bytes, error);
}

/* The variadic buffer being filled becomes an earlier one. */
static pyr_status close_variadic(pyr_builder *builder, pyr_error *error) {
    size_t count = (size_t)builder->variadic_count;
    pyr_buffer **variadic = realloc(builder->variadic, (count + 1) * sizeof(*variadic));
    if (variadic == NULL) {
        return pyr_error_memory(error, (count + 1) * sizeof(*variadic));
    }
    builder->variadic = variadic;
    pyr_buffer_set_size(builder->bytes.buffer, builder->bytes.used_bytes);
    variadic[count] = builder->bytes.buffer;
    builder->variadic_count += 1;
    builder->bytes = (growing){0};
    return PYR_OK;
}

static pyr_status append_view(pyr_builder *builder, const void *bytes, size_t size_bytes,
                              pyr_error *error) {
    if (size_bytes > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "field \"%s\": a value of %zu bytes",
                             builder->field->name, size_bytes);
    }
    pyr_view view = {.size_bytes = (int32_t)size_bytes};
    if (size_bytes > PYR_VIEW_INLINE_MAX) {
        if (builder->bytes.used_bytes > 0 &&
            builder->bytes.used_bytes + size_bytes > VIEW_BUFFER_BYTES_MAX) {
            PYR_TRY(close_variadic(builder, error));
        }
        memcpy(view.far.prefix, bytes, sizeof(view.far.prefix));
        view.far.buffer_index = builder->variadic_count;
        view.far.offset = (int32_t)builder->bytes.used_bytes;
        PYR_TRY(append_bytes(builder, bytes, size_bytes, error));
    } else if (size_bytes > 0) {
        memcpy(view.inlined, bytes, size_bytes);
    }
    uint8_t *place;
    PYR_TRY(pyr_builder_extend(builder, &builder->data, sizeof(view), &place, error));
    memcpy(place, &view, sizeof(view));
    return PYR_OK;
}

pyr_status pyr_builder_bytes(pyr_builder *builder, const void *bytes, size_t size_bytes,
                             pyr_error *error) {
    const pyr_field *field = builder->field;
    if (pyr_type_is_utf8(field->type) && !pyr_utf8_valid(bytes, size_bytes)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22021", -1,
                                 "field \"%s\": the text is not valid UTF-8", field->name);
    }
    if (pyr_type_is_utf8(field->type) || pyr_type_is_binary(field->type)) {
        PYR_TRY(pyr_type_is_view(field->type)
                    ? append_view(builder, bytes, size_bytes, error)
                    : append_by_offset(builder, bytes, size_bytes, error));
        return pyr_builder_slot(builder, true, error);
    }
    int32_t bits = pyr_type_bit_width(field);
    bool fixed = field->type == PYR_TYPE_FIXED_SIZE_BINARY || bits >= 8;
    if (!fixed || size_bytes != (size_t)bits / 8) {
        return wrong_kind(builder, "bytes of this size", error);
    }
    return append_fixed(builder, bytes, size_bytes, error);
}

pyr_status pyr_builder_string(pyr_builder *builder, const char *text, pyr_error *error) {
    return pyr_builder_bytes(builder, text, strlen(text), error);
}

pyr_status pyr_builder_empty_value(pyr_builder *builder, pyr_error *error) {
    uint8_t *place;
    const pyr_field *field = builder->field;
    if (pyr_type_is_view(field->type)) {
        return pyr_builder_extend(builder, &builder->data, PYR_VIEW_SIZE_BYTES, &place, error);
    }
    if (pyr_type_is_utf8(field->type) || pyr_type_is_binary(field->type)) {
        return append_by_offset(builder, NULL, 0, error);
    }
    if (field->type == PYR_TYPE_BOOL) {
        return (builder->length & 7) == 0
                   ? pyr_builder_extend(builder, &builder->data, 1, &place, error)
                   : PYR_OK;
    }
    return pyr_builder_extend(builder, &builder->data, (size_t)pyr_type_bit_width(field) / 8,
                              &place, error);
}
