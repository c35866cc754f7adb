/* formats_safetensors_index_fuzz.c - indexes of sharded models: what opens agrees with the files,
 * of which there are three, called 1, 2 and 3. */
#include "base/buffer.h"
#include "formats/safetensors/safetensors.h"
#include "fuzz.h"

#include <string.h>

static const char *const headers[3] = {
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
    "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
    "\"c\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[1,1]}}",
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}",
};

static pyr_status open_file(void *context, const char *name, pyr_buffer **out, pyr_error *error) {
    (void)context;
    *out = NULL;
    MUST(strchr(name, '/') == NULL && strstr(name, "..") == NULL && name[0] != '\0');
    if (name[0] < '1' || name[0] > '3' || name[1] != '\0') {
        return pyr_error_set(error, PYR_ERROR_NOT_FOUND, "%s: not there", name);
    }
    const char *json = headers[name[0] - '1'];
    size_t length = strlen(json);
    PYR_TRY(pyr_buffer_create(8 + length + 1, NULL, out, error));
    uint8_t *to = pyr_buffer_mutable(*out);
    to[0] = (uint8_t)length;
    memcpy(to + 8, json, length);
    return PYR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const pyr_safetensors_opener opener = {open_file, NULL};
    pyr_error error;
    pyr_safetensors *file;
    bool detected = pyr_safetensors_index_detect(data, size);
    error.message[0] = '\0';
    if (pyr_safetensors_open_index(data, size, "i", &opener, NULL, &file, &error) != PYR_OK) {
        MUST(error.message[0] != '\0');
        return 0;
    }
    /* An escaped key is one all the same. */
    MUST(detected || memchr(data, '\\', size) != NULL);
    int64_t count = 0;
    for (int32_t i = 0; i < pyr_safetensors_shards(file); ++i) {
        count += pyr_safetensors_shard_name(file, i)[0] == '2' ? 2 : 1;
        MUST(pyr_safetensors_bytes(file, i) != NULL);
    }
    MUST(pyr_safetensors_count(file) == count);
    for (int64_t i = 0; i < count; ++i) {
        const pyr_safetensors_tensor *tensor = pyr_safetensors_get(file, i);
        const pyr_buffer *bytes = pyr_safetensors_bytes(file, tensor->shard);
        MUST(tensor->view.data == bytes->data + tensor->offset_bytes);
        MUST(pyr_safetensors_find(file, tensor->view.name, strlen(tensor->view.name)) == i);
    }
    pyr_safetensors_release(file);
    return 0;
}
