/* flatbuf_read.h - reading hostile flatbuffers.
 *
 * Nothing is verified ahead: every access is checked when it is made, and each number is loaded
 * once, so that bytes which change under us (a page of a mapping that turned to zeros) cannot lead
 * outside. A bad access gives the slot's default and leaves the reason in pyr_fb.fault, which the
 * caller looks at once at the end of what it reads. Loads need no alignment.
 * Source: "FlatBuffer Internals" (vtables, offsets, vectors).
 */
#ifndef PYR_ARROW_IPC_FLATBUF_READ_H
#define PYR_ARROW_IPC_FLATBUF_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pyr_fb {
    const uint8_t *data;
    size_t size_bytes;
    const char *fault; /* static text, NULL while all is well */
} pyr_fb;

/* position 0: no such table; every slot of it reads as absent. */
typedef struct pyr_fb_table {
    pyr_fb *input;
    uint32_t position;
    uint32_t vtable;
    uint32_t vtable_bytes;
} pyr_fb_table;

typedef struct pyr_fb_vector {
    pyr_fb *input;
    uint32_t position; /* of the first element */
    uint32_t count;    /* 0 for an absent vector */
} pyr_fb_vector;

pyr_fb pyr_fb_over(const uint8_t *data, size_t size_bytes);
pyr_fb_table pyr_fb_root(pyr_fb *input);

static inline bool pyr_fb_is_null(pyr_fb_table table) {
    return table.position == 0;
}

bool pyr_fb_bool(pyr_fb_table table, int slot, bool otherwise);
uint8_t pyr_fb_u8(pyr_fb_table table, int slot, uint8_t otherwise);
int16_t pyr_fb_i16(pyr_fb_table table, int slot, int16_t otherwise);
int32_t pyr_fb_i32(pyr_fb_table table, int slot, int32_t otherwise);
int64_t pyr_fb_i64(pyr_fb_table table, int slot, int64_t otherwise);
/* A table the slot points to. */
pyr_fb_table pyr_fb_child(pyr_fb_table table, int slot);
/* A string's bytes: not NUL-terminated as far as we know. false where absent. */
bool pyr_fb_string(pyr_fb_table table, int slot, const char **text, size_t *length);
/* The whole vector lies within the input; element_bytes: inline size of one. */
pyr_fb_vector pyr_fb_vector_of(pyr_fb_table table, int slot, uint32_t element_bytes);
/* Elements; index < count. */
pyr_fb_table pyr_fb_vector_table(pyr_fb_vector vector, uint32_t index);
int32_t pyr_fb_vector_i32(pyr_fb_vector vector, uint32_t index);
/* An int64 at a byte offset within the element of element_bytes; for scalars and structs. */
int64_t pyr_fb_vector_i64(pyr_fb_vector vector, uint32_t index, uint32_t element_bytes,
                          uint32_t offset);

#endif
