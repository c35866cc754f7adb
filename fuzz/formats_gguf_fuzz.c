/* formats_gguf_fuzz.c - GGUF files: what opens is looked at from every side. */
#include "base/buffer.h"
#include "formats/gguf/gguf.h"
#include "fuzz.h"

#include <string.h>

static void use(const pyr_gguf *file, size_t size) {
    int64_t end = 0, sum = 0;
    for (int64_t i = 0; i < pyr_gguf_count(file); ++i) {
        const pyr_gguf_tensor *tensor = pyr_gguf_get(file, i);
        const pyr_tensor_view *view = &tensor->view;
        int64_t count = 0, size_bytes = 0;
        MUST(tensor->offset_bytes >= end && tensor->offset_bytes % pyr_gguf_alignment(file) == 0);
        end = tensor->offset_bytes + view->size_bytes;
        MUST((uint64_t)end <= size);
        MUST(pyr_tensor_count(view->shape, view->rank, &count) && count == view->count);
        MUST(strlen(view->name) <= size);
        for (int64_t j = 0; j < view->size_bytes; ++j) {
            sum += view->data[j];
        }
        if (!tensor->quantized) {
            pyr_tensor_stats stats;
            MUST(pyr_tensor_size(view->type, count, &size_bytes) && size_bytes == view->size_bytes);
            MUST(pyr_tensor_stats_of(view, NULL, NULL, &stats, NULL) == PYR_OK);
        }
    }
    MUST(sum >= 0);
    for (int64_t i = 0; i < pyr_gguf_metadata_count(file); ++i) {
        const pyr_gguf_metadata *entry = pyr_gguf_metadata_get(file, i);
        MUST(strlen(entry->key) <= size && strlen(entry->type) > 0);
        MUST(entry->value == NULL || strlen(entry->value) <= size + 400);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pyr_error error;
    pyr_buffer *bytes;
    pyr_gguf *file;
    MUST(pyr_buffer_wrap(size > 0 ? data : NULL, size, NULL, NULL, &bytes, &error) == PYR_OK);
    error.message[0] = '\0';
    if (pyr_gguf_open(bytes, "f", NULL, &file, &error) == PYR_OK) {
        MUST(pyr_gguf_detect(data, size));
        use(file, size);
        pyr_gguf_close(file);
    } else {
        MUST(error.message[0] != '\0');
    }
    pyr_buffer_release(bytes);
    return 0;
}
