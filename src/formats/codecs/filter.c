/* filter.c - numcodecs' filters over elements: delta and fixedscaleoffset. */
#include "formats/codecs/codecs.h"
#include "formats/codecs/element.h"

#include <string.h>

enum { BLOCK = 256 };

/* What is carried from one block to the next. */
typedef struct running {
    uint64_t whole;
    double fraction;
} running;

static void add_whole(running *sum, uint64_t *values, size_t count) {
    uint64_t whole = sum->whole;
    for (size_t i = 0; i < count; ++i) {
        whole += values[i];
        values[i] = whole;
    }
    sum->whole = whole;
}

/* The sum is rounded to the element's own width after each step, as numpy's is. */
static void add_fractions(running *sum, bool single, double *values, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        sum->fraction =
            single ? (double)((float)sum->fraction + (float)values[i]) : sum->fraction + values[i];
        values[i] = sum->fraction;
    }
}

/* bytes and out may be the same where the types are. */
static void add_up(const pyr_element *type, const pyr_element *stored, const uint8_t *bytes,
                   size_t count, uint8_t *out) {
    running sum = {0, 0};
    uint64_t whole[BLOCK];
    double fractions[BLOCK];
    for (size_t done = 0; done < count; done += BLOCK) {
        size_t step = count - done < BLOCK ? count - done : BLOCK;
        const uint8_t *from = bytes + done * (size_t)stored->bytes;
        uint8_t *to = out + done * (size_t)type->bytes;
        if (type->kind != 'f') {
            pyr_element_load_bits(stored, from, step, whole);
            add_whole(&sum, whole, step);
            pyr_element_store_bits(type, whole, step, to);
        } else {
            pyr_element_load_doubles(stored, from, step, fractions);
            add_fractions(&sum, type->bytes == 4, fractions, step);
            pyr_element_store_doubles(type, fractions, step, to);
        }
    }
}

pyr_status pyr_codec_delta(const char *type, uint8_t *bytes, size_t count, pyr_error *error) {
    pyr_element element;
    PYR_TRY(pyr_element_parse(type, &element, error));
    add_up(&element, &element, bytes, count, bytes);
    return PYR_OK;
}

pyr_status pyr_codec_delta_from(const char *type, const char *stored_type, const uint8_t *bytes,
                                size_t count, uint8_t *out, pyr_error *error) {
    pyr_element element, stored;
    PYR_TRY(pyr_element_parse(type, &element, error));
    PYR_TRY(pyr_element_parse(stored_type, &stored, error));
    if (element.kind != 'f' && stored.kind == 'f') {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "delta of type \"%.32s\" with differences of type \"%.32s\"", type,
                             stored_type);
    }
    add_up(&element, &stored, bytes, count, out);
    return PYR_OK;
}

pyr_status pyr_codec_fixed_scale_offset(const char *type, const char *stored_type, double scale,
                                        double offset, const uint8_t *bytes, size_t count,
                                        uint8_t *out, pyr_error *error) {
    pyr_element element, stored;
    double values[BLOCK];
    PYR_TRY(pyr_element_parse(type, &element, error));
    PYR_TRY(pyr_element_parse(stored_type, &stored, error));
    bool single = stored.kind == 'f' && stored.bytes == 4;
    for (size_t done = 0; done < count; done += BLOCK) {
        size_t step = count - done < BLOCK ? count - done : BLOCK;
        pyr_element_load_doubles(&stored, bytes + done * (size_t)stored.bytes, step, values);
        for (size_t i = 0; i < step; ++i) {
            values[i] = single ? (double)((float)values[i] / (float)scale + (float)offset)
                               : values[i] / scale + offset;
        }
        pyr_element_store_doubles(&element, values, step, out + done * (size_t)element.bytes);
    }
    return PYR_OK;
}
