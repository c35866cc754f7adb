/* formats_safetensors_fuzz.c - Safetensors files: what opens is looked at from every side, and its
 * header, written again, opens to the same tensors. */
#include "base/buffer.h"
#include "formats/safetensors/safetensors.h"
#include "fuzz.h"

#include <string.h>

static int64_t total(const uint8_t *bytes, int64_t size_bytes) {
    int64_t sum = 0;
    for (int64_t i = 0; i < size_bytes; ++i) {
        sum += bytes[i];
    }
    return sum;
}

static void use(const pyr_safetensors *file, size_t size) {
    int64_t next = -1, sum = 0;
    for (int64_t i = 0; i < pyr_safetensors_count(file); ++i) {
        const pyr_safetensors_tensor *tensor = pyr_safetensors_get(file, i);
        const pyr_tensor_view *view = &tensor->view;
        int64_t count = 0, size_bytes = 0;
        pyr_tensor_stats stats;
        MUST(next < 0 || tensor->offset_bytes == next);
        next = tensor->offset_bytes + view->size_bytes;
        MUST((uint64_t)next <= size);
        MUST(pyr_tensor_count(view->shape, view->rank, &count) && count == view->count);
        MUST(pyr_tensor_size(view->type, count, &size_bytes) && size_bytes == view->size_bytes);
        MUST(pyr_safetensors_find(file, view->name, strlen(view->name)) == i);
        sum += total(view->data, view->size_bytes);
        MUST(pyr_tensor_stats_of(view, NULL, NULL, &stats, NULL) == PYR_OK);
    }
    MUST(next < 0 || (uint64_t)next == size);
    MUST(sum >= 0);
    for (int64_t i = 0; i < pyr_safetensors_metadata_count(file); ++i) {
        const pyr_safetensors_metadata *entry = pyr_safetensors_metadata_get(file, i);
        MUST(strlen(entry->key) + strlen(entry->value) <= size);
    }
}

/* The same header by our writer, before the same data. */
static void rewrite(const pyr_safetensors *file) {
    int64_t count = pyr_safetensors_count(file), data_bytes = pyr_safetensors_data_bytes(file);
    int64_t metadata_count = pyr_safetensors_metadata_count(file);
    pyr_tensor_view *views = calloc((size_t)count + 1, sizeof *views);
    pyr_buffer *head, *whole;
    pyr_safetensors *again;
    pyr_error error;
    MUST(views != NULL);
    for (int64_t i = 0; i < count; ++i) {
        views[i] = pyr_safetensors_get(file, i)->view;
    }
    MUST(pyr_safetensors_write_header(
             views, count, metadata_count > 0 ? pyr_safetensors_metadata_get(file, 0) : NULL,
             metadata_count, &head, &error) == PYR_OK);
    MUST(pyr_buffer_create(head->size_bytes + (size_t)data_bytes, NULL, &whole, &error) == PYR_OK);
    memcpy(pyr_buffer_mutable(whole), head->data, head->size_bytes);
    MUST(pyr_safetensors_open(whole, "again", NULL, &again, &error) == PYR_OK);
    MUST(pyr_safetensors_count(again) == count);
    MUST(pyr_safetensors_metadata_count(again) == metadata_count);
    MUST(pyr_safetensors_parameters(again) == pyr_safetensors_parameters(file));
    for (int64_t i = 0; i < count; ++i) {
        int64_t found = pyr_safetensors_find(again, views[i].name, strlen(views[i].name));
        MUST(found >= 0);
        const pyr_tensor_view *view = &pyr_safetensors_get(again, found)->view;
        MUST(view->type == views[i].type && view->count == views[i].count);
    }
    pyr_safetensors_release(again);
    pyr_buffer_release(whole);
    pyr_buffer_release(head);
    free(views);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pyr_error error;
    pyr_buffer *bytes;
    pyr_safetensors *file;
    MUST(pyr_buffer_wrap(size > 0 ? data : NULL, size, NULL, NULL, &bytes, &error) == PYR_OK);
    bool detected = pyr_safetensors_detect(data, size < 16 ? size : 16, (int64_t)size);
    error.message[0] = '\0';
    if (pyr_safetensors_open(bytes, "f", NULL, &file, &error) == PYR_OK) {
        /* White space in front may hide what is there from 16 bytes. */
        MUST(detected || data[8] != '{' || data[9] <= ' ');
        use(file, size);
        rewrite(file);
        pyr_safetensors_release(file);
    } else {
        MUST(error.message[0] != '\0');
    }
    pyr_buffer_release(bytes);
    return 0;
}
