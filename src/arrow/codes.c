/* codes.c - see codes.h. */
#include "arrow/codes.h"

#include <stdlib.h>

/* The largest of numbers that lie beside each other. */
#define LARGEST(NAME, TYPE)                                        \
    static uint32_t NAME(const TYPE *numbers, int64_t count) {     \
        TYPE largest = 0;                                          \
        for (int64_t i = 0; i < count; ++i) {                      \
            largest = numbers[i] > largest ? numbers[i] : largest; \
        }                                                          \
        return largest;                                            \
    }
LARGEST(largest_u8, uint8_t)
LARGEST(largest_u16, uint16_t)

static bool are_below(const pyr_codes *codes) {
    const void *data = codes->numbers->data;
    uint32_t largest =
        codes->width_bytes == 1 ? largest_u8(data, codes->rows) : largest_u16(data, codes->rows);
    return largest < (uint32_t)codes->count;
}

static bool are_firsts(const pyr_codes *codes) {
    for (int32_t number = 0, last = -1; number < codes->count; ++number) {
        int32_t first = pyr_codes_first(codes, (uint32_t)number);
        if (first <= last || first >= codes->rows ||
            pyr_codes_get(codes, first) != (uint32_t)number) {
            return false;
        }
        last = first;
    }
    return true;
}

static bool fits(const pyr_buffer *buffer, int64_t count, size_t width_bytes) {
    return (uint64_t)count <= buffer->size_bytes / width_bytes &&
           ((uintptr_t)buffer->data & (width_bytes - 1)) == 0;
}

pyr_status pyr_codes_create(pyr_buffer *numbers, int64_t rows, int32_t width_bytes,
                            pyr_buffer *firsts, int32_t count, pyr_codes **out, pyr_error *error) {
    pyr_codes made = {.width_bytes = width_bytes,
                      .count = count,
                      .rows = rows,
                      .numbers = numbers,
                      .firsts = firsts};
    *out = NULL;
    if ((width_bytes != 1 && width_bytes != 2) || count < 1 || count > 1 << (8 * width_bytes) ||
        rows < 1 || !fits(numbers, rows, (size_t)width_bytes) ||
        !fits(firsts, count, sizeof(int32_t)) || !are_below(&made) || !are_firsts(&made)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "codes: %zu and %zu bytes are not %d numbers of %lld rows",
                             numbers->size_bytes, firsts->size_bytes, (int)count, (long long)rows);
    }
    pyr_codes *codes = malloc(sizeof(*codes));
    if (codes == NULL) {
        return pyr_error_memory(error, sizeof(*codes));
    }
    *codes = made;
    atomic_init(&codes->references, 1);
    (void)pyr_buffer_retain(numbers);
    (void)pyr_buffer_retain(firsts);
    *out = codes;
    return PYR_OK;
}

pyr_codes *pyr_codes_retain(pyr_codes *codes) {
    if (codes != NULL) {
        atomic_fetch_add_explicit(&codes->references, 1, memory_order_relaxed);
    }
    return codes;
}

void pyr_codes_release(pyr_codes *codes) {
    if (codes != NULL &&
        atomic_fetch_sub_explicit(&codes->references, 1, memory_order_acq_rel) == 1) {
        pyr_buffer_release(codes->numbers);
        pyr_buffer_release(codes->firsts);
        free(codes);
    }
}
