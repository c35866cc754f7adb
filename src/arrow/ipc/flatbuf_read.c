/* flatbuf_read.c - see flatbuf_read.h. Offsets are 32-bit: inputs above INT32_MAX are refused, so
 * that sums of two offsets cannot overflow 64 bits.
 */
#include "arrow/ipc/flatbuf_read.h"

#include "base/cursor.h"

static void set_fault(pyr_fb *input, const char *fault) {
    if (input->fault == NULL) {
        input->fault = fault;
    }
}

static bool inside(const pyr_fb *input, uint64_t position, uint64_t size_bytes) {
    return position + size_bytes <= input->size_bytes;
}

pyr_fb pyr_fb_over(const uint8_t *data, size_t size_bytes) {
    pyr_fb input = {data, size_bytes, NULL};
    if (size_bytes > INT32_MAX) {
        input.size_bytes = 0;
        input.fault = "flatbuffer of 2 GiB or more";
    }
    return input;
}

static pyr_fb_table table_at(pyr_fb *input, uint64_t position) {
    pyr_fb_table none = {input, 0, 0, 0};
    if (position == 0 || !inside(input, position, 4)) {
        set_fault(input, "table outside of the flatbuffer");
        return none;
    }
    int64_t vtable = (int64_t)position - (int32_t)pyr_load_u32(input->data + position);
    if (vtable < 0 || !inside(input, (uint64_t)vtable, 4)) {
        set_fault(input, "vtable outside of the flatbuffer");
        return none;
    }
    uint32_t vtable_bytes = pyr_load_u16(input->data + vtable);
    if (vtable_bytes < 4 || !inside(input, (uint64_t)vtable, vtable_bytes)) {
        set_fault(input, "vtable of an impossible size");
        return none;
    }
    pyr_fb_table table = {input, (uint32_t)position, (uint32_t)vtable, vtable_bytes};
    return table;
}

pyr_fb_table pyr_fb_root(pyr_fb *input) {
    if (!inside(input, 0, 4)) {
        set_fault(input, "flatbuffer of less than 4 bytes");
        pyr_fb_table none = {input, 0, 0, 0};
        return none;
    }
    return table_at(input, pyr_load_u32(input->data));
}

/* Where the slot's value stands, 0 where it is absent or does not fit. */
static uint64_t slot_position(pyr_fb_table table, int slot, uint32_t size_bytes) {
    uint32_t entry = 4 + 2 * (uint32_t)slot;
    if (table.position == 0 || entry + 2 > table.vtable_bytes) {
        return 0;
    }
    uint32_t offset = pyr_load_u16(table.input->data + table.vtable + entry);
    if (offset == 0) {
        return 0;
    }
    uint64_t position = (uint64_t)table.position + offset;
    if (!inside(table.input, position, size_bytes)) {
        set_fault(table.input, "field outside of the flatbuffer");
        return 0;
    }
    return position;
}

uint8_t pyr_fb_u8(pyr_fb_table table, int slot, uint8_t otherwise) {
    uint64_t position = slot_position(table, slot, 1);
    return position == 0 ? otherwise : table.input->data[position];
}

bool pyr_fb_bool(pyr_fb_table table, int slot, bool otherwise) {
    return pyr_fb_u8(table, slot, otherwise) != 0;
}

int16_t pyr_fb_i16(pyr_fb_table table, int slot, int16_t otherwise) {
    uint64_t position = slot_position(table, slot, 2);
    return position == 0 ? otherwise : (int16_t)pyr_load_u16(table.input->data + position);
}

int32_t pyr_fb_i32(pyr_fb_table table, int slot, int32_t otherwise) {
    uint64_t position = slot_position(table, slot, 4);
    return position == 0 ? otherwise : (int32_t)pyr_load_u32(table.input->data + position);
}

int64_t pyr_fb_i64(pyr_fb_table table, int slot, int64_t otherwise) {
    uint64_t position = slot_position(table, slot, 8);
    return position == 0 ? otherwise : (int64_t)pyr_load_u64(table.input->data + position);
}

pyr_fb_table pyr_fb_child(pyr_fb_table table, int slot) {
    uint64_t position = slot_position(table, slot, 4);
    if (position == 0) {
        pyr_fb_table none = {table.input, 0, 0, 0};
        return none;
    }
    return table_at(table.input, position + pyr_load_u32(table.input->data + position));
}

pyr_fb_vector pyr_fb_vector_of(pyr_fb_table table, int slot, uint32_t element_bytes) {
    pyr_fb_vector none = {table.input, 0, 0};
    uint64_t position = slot_position(table, slot, 4);
    if (position == 0) {
        return none;
    }
    position += pyr_load_u32(table.input->data + position);
    if (!inside(table.input, position, 4)) {
        set_fault(table.input, "vector outside of the flatbuffer");
        return none;
    }
    uint32_t count = pyr_load_u32(table.input->data + position);
    if (!inside(table.input, position + 4, (uint64_t)count * element_bytes)) {
        set_fault(table.input, "vector ends behind the flatbuffer");
        return none;
    }
    pyr_fb_vector vector = {table.input, (uint32_t)position + 4, count};
    return vector;
}

bool pyr_fb_string(pyr_fb_table table, int slot, const char **text, size_t *length) {
    pyr_fb_vector bytes = pyr_fb_vector_of(table, slot, 1);
    *text = NULL;
    *length = 0;
    if (bytes.position == 0) {
        return false;
    }
    *text = (const char *)table.input->data + bytes.position;
    *length = bytes.count;
    return true;
}

pyr_fb_table pyr_fb_vector_table(pyr_fb_vector vector, uint32_t index) {
    uint64_t position = (uint64_t)vector.position + 4 * (uint64_t)index;
    return table_at(vector.input, position + pyr_load_u32(vector.input->data + position));
}

int32_t pyr_fb_vector_i32(pyr_fb_vector vector, uint32_t index) {
    return (int32_t)pyr_load_u32(vector.input->data + vector.position + 4 * (uint64_t)index);
}

int64_t pyr_fb_vector_i64(pyr_fb_vector vector, uint32_t index, uint32_t element_bytes,
                          uint32_t offset) {
    uint64_t position = (uint64_t)vector.position + (uint64_t)index * element_bytes + offset;
    return (int64_t)pyr_load_u64(vector.input->data + position);
}
