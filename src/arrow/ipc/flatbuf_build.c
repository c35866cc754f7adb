/* flatbuf_build.c - see flatbuf_build.h. Numbers are stored in host order, which is little-endian
 * (asserted in ipc_internal.h). Vtables are not shared: metadata is small.
 */
#include "arrow/ipc/flatbuf_build.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void pyr_fbb_init(pyr_fbb *builder) {
    memset(builder, 0, sizeof *builder);
}

void pyr_fbb_deinit(pyr_fbb *builder) {
    free(builder->data);
    memset(builder, 0, sizeof *builder);
}

static bool reserve(pyr_fbb *builder, size_t more) {
    if (builder->failed) {
        return false;
    }
    if (more > INT32_MAX || builder->used_bytes + more > INT32_MAX) {
        builder->failed = true;
        return false;
    }
    size_t needed = builder->used_bytes + more;
    if (needed <= builder->capacity) {
        return true;
    }
    size_t capacity = builder->capacity < 512 ? 1024 : builder->capacity * 2;
    while (capacity < needed) {
        capacity *= 2;
    }
    uint8_t *data = malloc(capacity);
    if (data == NULL) {
        builder->failed = true;
        return false;
    }
    if (builder->used_bytes > 0) {
        memcpy(data + capacity - builder->used_bytes,
               builder->data + builder->capacity - builder->used_bytes, builder->used_bytes);
    }
    free(builder->data);
    builder->data = data;
    builder->capacity = capacity;
    return true;
}

static void push(pyr_fbb *builder, const void *bytes, size_t size_bytes) {
    if (!reserve(builder, size_bytes) || size_bytes == 0) {
        return;
    }
    builder->used_bytes += size_bytes;
    memcpy(builder->data + builder->capacity - builder->used_bytes, bytes, size_bytes);
}

/* Pads so that an object of alignment stands right once `following` more bytes are pushed. */
static void align(pyr_fbb *builder, size_t following, size_t alignment) {
    static const uint8_t zeros[8];
    size_t over = (builder->used_bytes + following) & (alignment - 1);
    if (over != 0) {
        push(builder, zeros, alignment - over);
    }
}

static void push_scalar(pyr_fbb *builder, const void *value, size_t size_bytes) {
    align(builder, size_bytes, size_bytes);
    push(builder, value, size_bytes);
}

/* An offset counts from where it stands forward to its target. */
static void push_ref(pyr_fbb *builder, pyr_fbb_ref ref) {
    align(builder, 4, 4);
    uint32_t distance = (uint32_t)builder->used_bytes + 4 - ref;
    push(builder, &distance, 4);
}

static pyr_fbb_ref here(const pyr_fbb *builder) {
    return builder->failed ? 0 : (pyr_fbb_ref)builder->used_bytes;
}

pyr_fbb_ref pyr_fbb_vector(pyr_fbb *builder, const void *elements, size_t count,
                           size_t element_bytes, size_t alignment) {
    if (count > INT32_MAX / element_bytes) {
        builder->failed = true;
        return 0;
    }
    align(builder, count * element_bytes, alignment < 4 ? 4 : alignment);
    push(builder, elements, count * element_bytes);
    uint32_t length = (uint32_t)count;
    push(builder, &length, 4);
    return here(builder);
}

pyr_fbb_ref pyr_fbb_string(pyr_fbb *builder, const char *text, size_t length) {
    if (length >= INT32_MAX) {
        builder->failed = true;
        return 0;
    }
    align(builder, length + 1, 4);
    push(builder, "", 1);
    push(builder, text, length);
    uint32_t count = (uint32_t)length;
    push(builder, &count, 4);
    return here(builder);
}

pyr_fbb_ref pyr_fbb_refs(pyr_fbb *builder, const pyr_fbb_ref *refs, size_t count) {
    align(builder, 0, 4);
    for (size_t i = count; i > 0; --i) {
        push_ref(builder, refs[i - 1]);
    }
    uint32_t length = (uint32_t)count;
    push(builder, &length, 4);
    return here(builder);
}

void pyr_fbb_table_begin(pyr_fbb *builder) {
    memset(builder->slots, 0, sizeof builder->slots);
    builder->table_start = builder->used_bytes;
}

static void add(pyr_fbb *builder, int slot, const void *value, size_t size_bytes) {
    assert(slot >= 0 && slot < PYR_FBB_SLOTS_MAX);
    push_scalar(builder, value, size_bytes);
    builder->slots[slot] = here(builder);
}

void pyr_fbb_add_u8(pyr_fbb *builder, int slot, uint8_t value) {
    add(builder, slot, &value, 1);
}

void pyr_fbb_add_bool(pyr_fbb *builder, int slot, bool value) {
    pyr_fbb_add_u8(builder, slot, value ? 1 : 0);
}

void pyr_fbb_add_i16(pyr_fbb *builder, int slot, int16_t value) {
    add(builder, slot, &value, 2);
}

void pyr_fbb_add_i32(pyr_fbb *builder, int slot, int32_t value) {
    add(builder, slot, &value, 4);
}

void pyr_fbb_add_i64(pyr_fbb *builder, int slot, int64_t value) {
    add(builder, slot, &value, 8);
}

void pyr_fbb_add_ref(pyr_fbb *builder, int slot, pyr_fbb_ref ref) {
    assert(slot >= 0 && slot < PYR_FBB_SLOTS_MAX);
    if (ref != 0) {
        push_ref(builder, ref);
        builder->slots[slot] = here(builder);
    }
}

pyr_fbb_ref pyr_fbb_table_end(pyr_fbb *builder) {
    int32_t vtable_distance = 0; /* patched below */
    push_scalar(builder, &vtable_distance, 4);
    pyr_fbb_ref table = here(builder);
    int slots = PYR_FBB_SLOTS_MAX;
    while (slots > 0 && builder->slots[slots - 1] == 0) {
        --slots;
    }
    uint16_t vtable[2 + PYR_FBB_SLOTS_MAX];
    vtable[0] = (uint16_t)(4 + 2 * slots);
    vtable[1] = (uint16_t)(builder->used_bytes - builder->table_start);
    for (int i = 0; i < slots; ++i) {
        uint32_t slot = builder->slots[i];
        vtable[2 + i] = slot == 0 ? 0 : (uint16_t)(table - slot);
    }
    push(builder, vtable, vtable[0]);
    if (builder->failed) {
        return 0;
    }
    /* The vtable ends where the table begins. */
    vtable_distance = vtable[0];
    memcpy(builder->data + builder->capacity - table, &vtable_distance, 4);
    return table;
}

pyr_status pyr_fbb_finish(pyr_fbb *builder, pyr_fbb_ref root, pyr_buffer **out, pyr_error *error) {
    *out = NULL;
    /* All alignments count from the end, so the whole must be a multiple of the largest, 8. */
    align(builder, 4, 8);
    push_ref(builder, root);
    if (builder->failed) {
        return pyr_error_set(error, PYR_ERROR_MEMORY,
                             "Arrow IPC metadata: out of memory, or 2 GiB or more");
    }
    pyr_buffer *buffer;
    PYR_TRY(pyr_buffer_create_raw(builder->used_bytes, NULL, &buffer, error));
    memcpy(pyr_buffer_mutable(buffer), builder->data + builder->capacity - builder->used_bytes,
           builder->used_bytes);
    *out = buffer;
    return PYR_OK;
}
