/* arrow_ipc_stream_fuzz.c - Arrow streams, and the same bytes as a bare schema message. */
#include "arrow_ipc_use.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pyr_error error;
    pyr_buffer *bytes;
    pyr_stream *stream;
    pyr_schema *schema;
    pyr_ipc_limits limits = fuzz_limits();
    MUST(pyr_buffer_wrap(data, size, NULL, NULL, &bytes, &error) == PYR_OK);
    if (pyr_ipc_schema_deserialize(bytes, &schema, &error) == PYR_OK) {
        pyr_buffer *again;
        pyr_schema *same;
        pyr_error why;
        pyr_status status = pyr_ipc_schema_serialize(schema, &again, &why);
        MUST(status == PYR_OK);
        MUST(pyr_ipc_schema_deserialize(again, &same, &error) == PYR_OK);
        MUST(pyr_schema_equal(schema, same));
        pyr_schema_release(same);
        pyr_buffer_release(again);
        pyr_schema_release(schema);
    }
    if (pyr_ipc_stream_open(bytes, "fuzz.arrows", &limits, PYR_VALIDATE_FULL, NULL, NULL, &stream,
                            &error) == PYR_OK) {
        pyr_batch *batch;
        for (int i = 0; i < 16; ++i) {
            if (pyr_stream_next(stream, &batch, &error) != PYR_OK || batch == NULL) {
                break;
            }
            use_batch(batch);
            pyr_batch_release(batch);
        }
        pyr_stream_destroy(stream);
    }
    pyr_buffer_release(bytes);
    return 0;
}
