/* byteswap.c - what each buffer is made of, and turning foreign numbers around.
 *
 * Source: "Columnar Format", "Byte Order (Endianness)": all buffers of a batch share the schema's
 * endianness; bitmaps, type codes and bytes have none.
 */
#include "arrow/ipc/ipc_internal.h"

#include "base/cursor.h"

#include <string.h>

static pyr_ipc_element element_of_bits(int32_t bits) {
    switch (bits) {
    case 16:
        return PYR_IPC_ELEMENT_2;
    case 32:
        return PYR_IPC_ELEMENT_4;
    case 64:
        return PYR_IPC_ELEMENT_8;
    case 128:
        return PYR_IPC_ELEMENT_16;
    case 256:
        return PYR_IPC_ELEMENT_32;
    default:
        return PYR_IPC_ELEMENT_BYTES;
    }
}

static pyr_ipc_element data_element(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_FIXED_SIZE_BINARY:
        return PYR_IPC_ELEMENT_BYTES;
    case PYR_TYPE_INTERVAL_DAY_TIME:
        return PYR_IPC_ELEMENT_DAY_TIME;
    case PYR_TYPE_INTERVAL_MONTH_DAY_NANO:
        return PYR_IPC_ELEMENT_MONTH_DAY_NANO;
    default:
        return element_of_bits(pyr_type_bit_width(field));
    }
}

pyr_ipc_element pyr_ipc_element_of(const pyr_field *field, pyr_buffer_kind kind) {
    switch (kind) {
    case PYR_BUFFER_VALIDITY:
    case PYR_BUFFER_BYTES:
    case PYR_BUFFER_TYPE_CODES:
        return PYR_IPC_ELEMENT_BYTES;
    case PYR_BUFFER_DATA:
        return data_element(field);
    case PYR_BUFFER_OFFSETS32:
    case PYR_BUFFER_UNION_OFFSETS:
    case PYR_BUFFER_LIST_OFFSETS32:
    case PYR_BUFFER_SIZES32:
        return PYR_IPC_ELEMENT_4;
    case PYR_BUFFER_OFFSETS64:
    case PYR_BUFFER_LIST_OFFSETS64:
    case PYR_BUFFER_SIZES64:
        return PYR_IPC_ELEMENT_8;
    case PYR_BUFFER_VIEWS:
        return PYR_IPC_ELEMENT_VIEW;
    }
    return PYR_IPC_ELEMENT_BYTES;
}

size_t pyr_ipc_element_alignment(pyr_ipc_element element) {
    switch (element) {
    case PYR_IPC_ELEMENT_BYTES:
        return 1;
    case PYR_IPC_ELEMENT_2:
        return 2;
    case PYR_IPC_ELEMENT_4:
    case PYR_IPC_ELEMENT_DAY_TIME:
        return 4;
    default:
        return 8;
    }
}

static void swap4(uint8_t *to, const uint8_t *from) {
    uint32_t value = __builtin_bswap32(pyr_load_u32(from));
    memcpy(to, &value, 4);
}

static void swap8(uint8_t *to, const uint8_t *from) {
    uint64_t value = __builtin_bswap64(pyr_load_u64(from));
    memcpy(to, &value, 8);
}

static void swap2(uint8_t *to, const uint8_t *from) {
    uint8_t low = from[1];
    to[1] = from[0];
    to[0] = low;
}

static void swap_wide(uint8_t *to, const uint8_t *from, size_t width) {
    for (size_t i = 0; i < width; i += 8) {
        swap8(to + i, from + width - 8 - i);
    }
}

/* length; up to 12 bytes inline, else 4 bytes of prefix, buffer index and offset. */
static void swap_view(uint8_t *to, const uint8_t *from) {
    swap4(to, from);
    if ((int32_t)pyr_load_u32(to) <= 12) {
        memcpy(to + 4, from + 4, 12);
        return;
    }
    memcpy(to + 4, from + 4, 4);
    swap4(to + 8, from + 8);
    swap4(to + 12, from + 12);
}

static void swap_one(pyr_ipc_element element, uint8_t *to, const uint8_t *from) {
    switch (element) {
    case PYR_IPC_ELEMENT_BYTES:
        to[0] = from[0];
        break;
    case PYR_IPC_ELEMENT_2:
        swap2(to, from);
        break;
    case PYR_IPC_ELEMENT_4:
        swap4(to, from);
        break;
    case PYR_IPC_ELEMENT_8:
        swap8(to, from);
        break;
    case PYR_IPC_ELEMENT_16:
        swap_wide(to, from, 16);
        break;
    case PYR_IPC_ELEMENT_32:
        swap_wide(to, from, 32);
        break;
    case PYR_IPC_ELEMENT_DAY_TIME:
        swap4(to, from);
        swap4(to + 4, from + 4);
        break;
    case PYR_IPC_ELEMENT_MONTH_DAY_NANO:
        swap4(to, from);
        swap4(to + 4, from + 4);
        swap8(to + 8, from + 8);
        break;
    case PYR_IPC_ELEMENT_VIEW:
        swap_view(to, from);
        break;
    }
}

void pyr_ipc_swap(pyr_ipc_element element, uint8_t *to, const uint8_t *from, size_t size_bytes) {
    static const size_t widths[] = {
        [PYR_IPC_ELEMENT_BYTES] = 1,    [PYR_IPC_ELEMENT_2] = 2,
        [PYR_IPC_ELEMENT_4] = 4,        [PYR_IPC_ELEMENT_8] = 8,
        [PYR_IPC_ELEMENT_16] = 16,      [PYR_IPC_ELEMENT_32] = 32,
        [PYR_IPC_ELEMENT_DAY_TIME] = 8, [PYR_IPC_ELEMENT_MONTH_DAY_NANO] = 16,
        [PYR_IPC_ELEMENT_VIEW] = 16};
    size_t width = widths[element];
    size_t whole = size_bytes - size_bytes % width;
    for (size_t i = 0; i < whole; i += width) {
        swap_one(element, to + i, from + i);
    }
    if (whole < size_bytes) {
        memcpy(to + whole, from + whole, size_bytes - whole);
    }
}
