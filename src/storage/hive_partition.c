/* hive_partition.c - partition values in paths; see hive_partition.h. */
#include "storage/hive_partition.h"

#include "base/cursor.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* malloc'ed; *length of the decoded bytes, which may hold zeros. */
static char *decode(const char *text, size_t size, size_t *length) {
    char *out = malloc(size + 1);
    *length = 0;
    for (size_t i = 0; out != NULL && i < size; ++i) {
        bool escaped = text[i] == '%' && i + 2 < size && hex_digit(text[i + 1]) >= 0 &&
                       hex_digit(text[i + 2]) >= 0;
        out[(*length)++] =
            escaped ? (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
        i += escaped ? 2 : 0;
    }
    if (out != NULL) {
        out[*length] = '\0';
    }
    return out;
}

static bool is_null(const char *value, size_t size) {
    static const char default_name[] = "__HIVE_DEFAULT_PARTITION__";
    return (size == 4 && strncasecmp(value, "NULL", 4) == 0) ||
           (size == sizeof(default_name) - 1 && memcmp(value, default_name, size) == 0);
}

static pyr_status refuse(const char *path, const char *key, const char *what, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_INVALID_ARGUMENT, "22023", -1,
                             "file \"%s\": the partition \"%s\" %s", path, key, what);
}

static pyr_status set_value(const char *path, pyr_hive_part *part, const char *value, size_t size,
                            pyr_error *error) {
    if (is_null(value, size)) {
        return PYR_OK;
    }
    if (memchr(value, '=', size) != NULL) {
        return refuse(path, part->key, "has a value with '='", error);
    }
    size_t length = 0;
    part->value = decode(value, size, &length);
    if (part->value == NULL) {
        return pyr_error_memory(error, size);
    }
    return strlen(part->value) == length && pyr_utf8_valid((const uint8_t *)part->value, length)
               ? PYR_OK
               : refuse(path, part->key, "has a value that is not UTF-8 text", error);
}

static pyr_status add_part(const char *path, const char *folder, size_t size, pyr_hive_path *out,
                           pyr_error *error) {
    const char *equals = memchr(folder, '=', size);
    if (equals == NULL || equals == folder) {
        return PYR_OK;
    }
    if (out->count == PYR_HIVE_PARTS_MAX) {
        return pyr_error_set_sql(error, PYR_ERROR_INVALID_ARGUMENT, "22023", -1,
                                 "file \"%s\": more than %d partition columns", path,
                                 PYR_HIVE_PARTS_MAX);
    }
    size_t key_size = (size_t)(equals - folder);
    pyr_hive_part *part = &out->parts[out->count];
    memset(part, 0, sizeof(*part));
    part->key = strndup(folder, key_size);
    if (part->key == NULL) {
        return pyr_error_memory(error, key_size);
    }
    if (pyr_hive_path_find(out, part->key) != NULL) {
        pyr_status status = refuse(path, part->key, "stands in it twice", error);
        free(part->key);
        return status;
    }
    ++out->count;
    return set_value(path, part, equals + 1, size - key_size - 1, error);
}

pyr_status pyr_hive_path_parse(const char *path, size_t from, pyr_hive_path *out,
                               pyr_error *error) {
    out->count = 0;
    out->parts = calloc(PYR_HIVE_PARTS_MAX, sizeof(*out->parts));
    pyr_status status = out->parts != NULL ? PYR_OK : pyr_error_memory(error, sizeof(*out->parts));
    const char *at = path + (from < strlen(path) ? from : strlen(path));
    for (const char *slash; status == PYR_OK && (slash = strchr(at, '/')) != NULL; at = slash + 1) {
        status = add_part(path, at, (size_t)(slash - at), out, error);
    }
    if (status != PYR_OK) {
        pyr_hive_path_deinit(out);
    }
    return status;
}

void pyr_hive_path_deinit(pyr_hive_path *path) {
    for (size_t i = 0; i < path->count; ++i) {
        free(path->parts[i].key);
        free(path->parts[i].value);
    }
    free(path->parts);
    memset(path, 0, sizeof(*path));
}

const pyr_hive_part *pyr_hive_path_find(const pyr_hive_path *path, const char *key) {
    for (size_t i = 0; i < path->count; ++i) {
        if (strcasecmp(path->parts[i].key, key) == 0) {
            return &path->parts[i];
        }
    }
    return NULL;
}
