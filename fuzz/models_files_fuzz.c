/* models_files_fuzz.c - what the registry keeps of a model's files: what is parsed prints as it was
 * read, but for leading zeros, and parses again. */
#include "fuzz.h"

#include "models/model_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char path[] = "/models/llama/model.safetensors.index.json";
    pyr_error error;
    pyr_model_files files;
    pyr_model_files again;
    pyr_text printed;
    char *text = malloc(size + 1);
    MUST(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (pyr_model_files_parse(text, path, &files, &error) != PYR_OK) {
        MUST(error.code == PYR_ERROR_CORRUPT);
        free(text);
        return 0;
    }
    MUST(pyr_model_files_size_bytes(&files) >= 0);
    for (size_t i = 0; i < files.count; ++i) {
        MUST(strncmp(files.items[i].path, "/models/llama/", 14) == 0);
        MUST(strchr(files.items[i].path + 14, '/') == NULL);
    }
    pyr_text_init(&printed);
    pyr_model_files_print(&files, &printed);
    MUST(pyr_model_files_parse(pyr_text_get(&printed), path, &again, &error) == PYR_OK);
    MUST(again.count == files.count);
    for (size_t i = 0; i < files.count; ++i) {
        MUST(strcmp(again.items[i].path, files.items[i].path) == 0);
        MUST(again.items[i].size_bytes == files.items[i].size_bytes);
        MUST(again.items[i].mtime_ns == files.items[i].mtime_ns);
        MUST(again.items[i].inode == files.items[i].inode);
    }
    pyr_model_files_deinit(&again);
    pyr_model_files_deinit(&files);
    pyr_text_deinit(&printed);
    free(text);
    return 0;
}
