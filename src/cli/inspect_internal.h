/* inspect_internal.h - what `pyralog inspect` knows of each format: shared by inspect*.c. */
#ifndef PYR_CLI_INSPECT_INTERNAL_H
#define PYR_CLI_INSPECT_INTERNAL_H

#include "base/buffer.h"
#include "base/text.h"
#include "cli/output.h"
#include "formats/tensor/tensor.h"

typedef struct pyr_inspection {
    const char *path;
    int64_t batches_shown; /* batches, tensors, arrays; 0: all */
    bool check;
    pyr_output output;
    pyr_buffer *bytes; /* of a file */
} pyr_inspection;

/* One line, escaped and cut. */
void pyr_inspect_add_value(const char *value, size_t length, pyr_text *out);
/* "size: 1.2 kB (1234 bytes)" */
void pyr_inspect_add_bytes(const char *label, int64_t bytes, pyr_text *out);
/* How many of count are to be listed. */
static inline int64_t pyr_inspect_shown(const pyr_inspection *self, int64_t count) {
    return self->batches_shown == 0 || self->batches_shown > count ? count : self->batches_shown;
}

/* Each looks whether it is its format (*found) and then says what is in it. inspect_tensors.c:
 * Safetensors files and indices of sharded models. */
PYR_MUST_CHECK pyr_status pyr_inspect_tensors(pyr_inspection *self, bool *found, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_inspect_tensor_folder(pyr_inspection *self, bool *found,
                                                    pyr_error *error);
/* "  w: F32 [2, 3], 24 bytes at 640", without the end of the line. */
void pyr_inspect_add_tensor(const pyr_tensor_view *view, const char *type, int64_t offset_bytes,
                            pyr_text *out);
/* "blake3: " and the hash of all bytes, without the end of the line. IO of the mapping. */
PYR_MUST_CHECK pyr_status pyr_inspect_add_hash(const pyr_buffer *bytes, pyr_text *out,
                                               pyr_error *error);
/* inspect_gguf.c */
PYR_MUST_CHECK pyr_status pyr_inspect_gguf(pyr_inspection *self, bool *found, pyr_error *error);
/* inspect_zarr.c */
PYR_MUST_CHECK pyr_status pyr_inspect_zarr_zip(pyr_inspection *self, bool *found, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_inspect_zarr_folder(pyr_inspection *self, bool *found,
                                                  pyr_error *error);

#endif
