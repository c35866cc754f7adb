/* flatbuf_build.h - building flatbuffers back to front, children before parents.
 *
 * A reference is the distance of an object from the buffer's end. After an allocation failure or
 * above INT32_MAX bytes `failed` is set and later calls do nothing: look once, in pyr_fbb_finish.
 * One table is open at a time. Source: "FlatBuffer Internals".
 */
#ifndef PYR_ARROW_IPC_FLATBUF_BUILD_H
#define PYR_ARROW_IPC_FLATBUF_BUILD_H

#include "base/buffer.h"

#define PYR_FBB_SLOTS_MAX 8 /* the largest table of Arrow's metadata has 7 */

typedef uint32_t pyr_fbb_ref; /* 0: none */

typedef struct pyr_fbb {
    uint8_t *data; /* the last used_bytes of capacity are filled */
    size_t capacity;
    size_t used_bytes;
    bool failed;
    size_t table_start;
    uint32_t slots[PYR_FBB_SLOTS_MAX]; /* used_bytes after each slot's value, 0: absent */
} pyr_fbb;

void pyr_fbb_init(pyr_fbb *builder);
void pyr_fbb_deinit(pyr_fbb *builder);

pyr_fbb_ref pyr_fbb_string(pyr_fbb *builder, const char *text, size_t length);
pyr_fbb_ref pyr_fbb_refs(pyr_fbb *builder, const pyr_fbb_ref *refs, size_t count);
/* count inline elements of element_bytes, aligned to alignment. */
pyr_fbb_ref pyr_fbb_vector(pyr_fbb *builder, const void *elements, size_t count,
                           size_t element_bytes, size_t alignment);

void pyr_fbb_table_begin(pyr_fbb *builder);
void pyr_fbb_add_bool(pyr_fbb *builder, int slot, bool value);
void pyr_fbb_add_u8(pyr_fbb *builder, int slot, uint8_t value);
void pyr_fbb_add_i16(pyr_fbb *builder, int slot, int16_t value);
void pyr_fbb_add_i32(pyr_fbb *builder, int slot, int32_t value);
void pyr_fbb_add_i64(pyr_fbb *builder, int slot, int64_t value);
void pyr_fbb_add_ref(pyr_fbb *builder, int slot, pyr_fbb_ref ref); /* 0: nothing */
pyr_fbb_ref pyr_fbb_table_end(pyr_fbb *builder);

/* The finished flatbuffer, a multiple of 8 bytes long, in a heap buffer. */
PYR_MUST_CHECK pyr_status pyr_fbb_finish(pyr_fbb *builder, pyr_fbb_ref root, pyr_buffer **out,
                                         pyr_error *error);

#endif
