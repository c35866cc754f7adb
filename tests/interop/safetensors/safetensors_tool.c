/* safetensors_tool.c - reads and writes Safetensors files with our code alone, for the interop
 * tests.
 *
 *   safetensors_tool list IN         a JSON line a tensor: name, dtype, shape, its bytes in
 *                                    hexadecimal, file, statistics
 *   safetensors_tool metadata IN     a JSON line an entry
 *   safetensors_tool rewrite IN OUT  the same tensors under a header of ours
 *   safetensors_tool check IN...     a line a file: "ok", or what is wrong
 *
 * IN is a file, or the index of a sharded model. Statistics that are no numbers are null.
 */
#include "base/file.h"
#include "base/mapping.h"
#include "base/text.h"
#include "formats/safetensors/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pyr_status open_beside(void *context, const char *file, pyr_buffer **out, pyr_error *error) {
    const char *index = context, *slash = strrchr(index, '/');
    char path[4096];
    (void)snprintf(path, sizeof path, "%.*s%s", slash == NULL ? 0 : (int)(slash + 1 - index), index,
                   file);
    return pyr_mapping_open(path, out, error);
}
static pyr_status open_any(const char *path, pyr_safetensors **out, pyr_error *error) {
    pyr_buffer *bytes;
    PYR_TRY(pyr_mapping_open(path, &bytes, error));
    pyr_status status;
    if (pyr_safetensors_index_detect(bytes->data, bytes->size_bytes)) {
        pyr_safetensors_opener opener = {open_beside, (void *)(uintptr_t)path};
        status = pyr_safetensors_open_index(bytes->data, bytes->size_bytes, path, &opener, NULL,
                                            out, error);
    } else {
        status = pyr_safetensors_open(bytes, path, NULL, out, error);
    }
    pyr_buffer_release(bytes);
    return status;
}

static void add_number(pyr_text *line, const char *name, double value) {
    pyr_text_printf(line, ", \"%s\": ", name);
    if (isfinite(value)) {
        pyr_text_printf(line, "%.17g", value);
    } else {
        pyr_text_add(line, isnan(value) ? "\"nan\"" : value < 0 ? "\"-inf\"" : "\"inf\"");
    }
}
static void print_tensor(const pyr_safetensors *file, const pyr_safetensors_tensor *tensor,
                         const pyr_tensor_stats *stats) {
    const pyr_tensor_view *view = &tensor->view;
    pyr_text line;
    pyr_text_init(&line);
    pyr_text_add(&line, "{\"name\": ");
    pyr_text_add_json(&line, view->name, strlen(view->name));
    pyr_text_printf(&line, ", \"dtype\": \"%s\", \"shape\": [", pyr_tensor_type_name(view->type));
    for (int32_t i = 0; i < view->rank; ++i) {
        pyr_text_printf(&line, "%s%" PRId64, i > 0 ? ", " : "", view->shape[i]);
    }
    pyr_text_add(&line, "], \"file\": ");
    const char *name = pyr_safetensors_shard_name(file, tensor->shard);
    pyr_text_add_json(&line, name, strlen(name));
    pyr_text_add(&line, ", \"bytes\": \"");
    for (int64_t i = 0; i < view->size_bytes; ++i) {
        pyr_text_printf(&line, "%02x", view->data[i]);
    }
    pyr_text_printf(
        &line, "\", \"count\": %" PRId64 ", \"nan_count\": %" PRId64 ", \"zero_count\": %" PRId64,
        stats->count, stats->nan_count, stats->zero_count);
    add_number(&line, "min", stats->min);
    add_number(&line, "max", stats->max);
    add_number(&line, "mean", stats->mean);
    add_number(&line, "std", stats->std);
    printf("%s}\n", pyr_text_get(&line));
    pyr_text_deinit(&line);
}
static pyr_status list(const pyr_safetensors *file, pyr_error *error) {
    for (int64_t i = 0; i < pyr_safetensors_count(file); ++i) {
        const pyr_safetensors_tensor *tensor = pyr_safetensors_get(file, i);
        pyr_tensor_stats stats;
        PYR_TRY(pyr_tensor_stats_of(&tensor->view, NULL, NULL, &stats, error));
        print_tensor(file, tensor, &stats);
    }
    return PYR_OK;
}
static void print_metadata(const pyr_safetensors *file) {
    for (int64_t i = 0; i < pyr_safetensors_metadata_count(file); ++i) {
        const pyr_safetensors_metadata *entry = pyr_safetensors_metadata_get(file, i);
        pyr_text line;
        pyr_text_init(&line);
        pyr_text_add_char(&line, '[');
        pyr_text_add_json(&line, entry->key, strlen(entry->key));
        pyr_text_add(&line, ", ");
        pyr_text_add_json(&line, entry->value, strlen(entry->value));
        printf("%s]\n", pyr_text_get(&line));
        pyr_text_deinit(&line);
    }
}

static pyr_status rewrite(const pyr_safetensors *file, const char *path, pyr_error *error) {
    int64_t count = pyr_safetensors_count(file);
    int64_t metadata = pyr_safetensors_metadata_count(file);
    pyr_tensor_view *views = calloc((size_t)count + 1, sizeof *views);
    pyr_buffer *head = NULL;
    if (views == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof *views);
    }
    for (int64_t i = 0; i < count; ++i) {
        views[i] = pyr_safetensors_get(file, i)->view;
    }
    pyr_status status = pyr_safetensors_write_header(
        views, count, metadata > 0 ? pyr_safetensors_metadata_get(file, 0) : NULL, metadata, &head,
        error);
    FILE *to = status == PYR_OK ? fopen(path, "wb") : NULL;
    bool written = to != NULL && fwrite(head->data, head->size_bytes, 1, to) == 1;
    for (int64_t i = 0; written && i < count; ++i) {
        size_t size = (size_t)views[i].size_bytes;
        written = size == 0 || fwrite(views[i].data, size, 1, to) == 1;
    }
    if (to != NULL && fclose(to) != 0) {
        written = false;
    }
    if (status == PYR_OK && !written) {
        status = pyr_error_set(error, PYR_ERROR_IO, "%s: cannot be written", path);
    }
    pyr_buffer_release(head);
    free(views);
    return status;
}

static void check(int count, char **paths) {
    for (int i = 0; i < count; ++i) {
        pyr_safetensors *file;
        pyr_error error;
        if (open_any(paths[i], &file, &error) == PYR_OK) {
            puts("ok");
            pyr_safetensors_release(file);
        } else {
            printf("%s: %s\n", pyr_status_name(error.code), error.message);
        }
    }
}
static pyr_status run(const char *what, const char *path, const char *out, pyr_error *error) {
    pyr_safetensors *file;
    PYR_TRY(open_any(path, &file, error));
    pyr_status status = PYR_OK;
    if (out != NULL) {
        status = rewrite(file, out, error);
    } else if (strcmp(what, "list") == 0) {
        status = list(file, error);
    } else {
        print_metadata(file);
    }
    pyr_safetensors_release(file);
    return status;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    bool one = strcmp(what, "list") == 0 || strcmp(what, "metadata") == 0;
    bool two = strcmp(what, "rewrite") == 0;
    pyr_error error;
    if (strcmp(what, "check") == 0) {
        check(argc - 2, argv + 2);
        return 0;
    }
    if (!(one && argc == 3) && !(two && argc == 4)) {
        fputs("usage: safetensors_tool list|metadata IN\n"
              "       safetensors_tool rewrite IN OUT\n"
              "       safetensors_tool check IN...\n",
              stderr);
        return 2;
    }
    pyr_status status = run(what, argv[2], two ? argv[3] : NULL, &error);
    if (status != PYR_OK) {
        fprintf(stderr, "%s: %s\n", pyr_status_name(status), error.message);
        return 1;
    }
    return 0;
}
