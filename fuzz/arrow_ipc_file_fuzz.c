/* arrow_ipc_file_fuzz.c - Arrow files: every batch whole and by its last column alone. */
#include "arrow_ipc_use.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pyr_error error;
    pyr_buffer *bytes;
    pyr_ipc_file *file;
    pyr_ipc_limits limits = fuzz_limits();
    MUST(pyr_buffer_wrap(data, size, NULL, NULL, &bytes, &error) == PYR_OK);
    (void)pyr_ipc_file_detect(data, size);
    if (pyr_ipc_file_open(bytes, "fuzz.arrow", &limits, &file, &error) != PYR_OK) {
        MUST(error.message[0] != '\0');
        pyr_buffer_release(bytes);
        return 0;
    }
    int32_t columns = pyr_ipc_file_schema(file)->fields_count;
    for (size_t i = 0; i < pyr_ipc_file_batches(file) && i < 16; ++i) {
        pyr_batch *batch;
        pyr_metadata *metadata;
        int64_t rows, offset, metadata_bytes, body_bytes;
        pyr_ipc_file_block(file, i, &offset, &metadata_bytes, &body_bytes);
        if (pyr_ipc_file_batch_head(file, i, &rows, &metadata, &error) == PYR_OK) {
            pyr_metadata_release(metadata);
        }
        if (columns > 0) {
            int32_t last = columns - 1;
            if (pyr_ipc_file_batch(file, i, &last, 1, PYR_VALIDATE_FULL, NULL, NULL, &batch,
                                   &error) == PYR_OK) {
                use_batch(batch);
                pyr_batch_release(batch);
            }
        }
        if (pyr_ipc_file_batch(file, i, NULL, 0, PYR_VALIDATE_STRUCTURE, NULL, NULL, &batch,
                               &error) == PYR_OK) {
            pyr_batch_release(batch);
        }
        if (pyr_ipc_file_batch(file, i, NULL, 0, PYR_VALIDATE_FULL, NULL, NULL, &batch, &error) ==
            PYR_OK) {
            use_batch(batch);
            pyr_batch_release(batch);
        }
    }
    pyr_ipc_file_release(file);
    pyr_buffer_release(bytes);
    return 0;
}
