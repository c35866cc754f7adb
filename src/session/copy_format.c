/* copy_format.c - what kind of file a COPY statement means: its FORMAT option, or the file's name.
 */
#include "session/session_internal.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    pyr_copy_format format;
} names[] = {{"arrow", PYR_COPY_ARROW},
             {"feather", PYR_COPY_ARROW},
             {"ipc", PYR_COPY_ARROW},
             {"csv", PYR_COPY_CSV},
             {"tsv", PYR_COPY_CSV},
             {"txt", PYR_COPY_CSV},
             {"parquet", PYR_COPY_PARQUET},
             {"json", PYR_COPY_JSON},
             {"ndjson", PYR_COPY_JSON},
             {"jsonl", PYR_COPY_JSON},
             {"safetensors", PYR_COPY_SAFETENSORS}};

const char *pyr_copy_format_name(pyr_copy_format format) {
    static const char *const formats[] = {[PYR_COPY_ARROW] = "arrow",
                                          [PYR_COPY_CSV] = "csv",
                                          [PYR_COPY_PARQUET] = "parquet",
                                          [PYR_COPY_JSON] = "json",
                                          [PYR_COPY_SAFETENSORS] = "safetensors"};
    return formats[format];
}

const char *pyr_copy_option(const pyr_parsed *parsed, const char *name) {
    for (size_t i = 0; i < parsed->options_count; ++i) {
        if (strcmp(parsed->options[i].name, name) == 0) {
            return parsed->options[i].value != NULL ? parsed->options[i].value : "true";
        }
    }
    return NULL;
}

static bool find_name(const char *text, size_t length, pyr_copy_format *out) {
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strlen(names[i].name) == length && strncasecmp(text, names[i].name, length) == 0) {
            *out = names[i].format;
            return true;
        }
    }
    return false;
}

/* The last suffix of a file's name that says no compression: "csv" of "a/b.csv.gz". */
static const char *suffix_of(const char *path, size_t *length) {
    const char *slash = strrchr(path, '/');
    const char *file = slash != NULL ? slash + 1 : path;
    const char *end = file + strlen(file);
    for (;;) {
        const char *dot = end;
        while (dot > file && dot[-1] != '.') {
            --dot;
        }
        *length = (size_t)(end - dot);
        if (dot == file) {
            return NULL;
        }
        bool compressed = (*length == 2 && strncasecmp(dot, "gz", 2) == 0) ||
                          (*length == 3 && strncasecmp(dot, "zst", 3) == 0);
        if (!compressed) {
            return dot;
        }
        end = dot - 1;
    }
}

pyr_status pyr_copy_format_of(const pyr_parsed *parsed, pyr_copy_format *out, bool *tabs,
                              pyr_error *error) {
    const char *given = pyr_copy_option(parsed, "format");
    size_t length = 0;
    const char *suffix = suffix_of(parsed->path, &length);
    *tabs = suffix != NULL && length == 3 && strncasecmp(suffix, "tsv", 3) == 0;
    if (given != NULL) {
        *tabs = *tabs || strcasecmp(given, "tsv") == 0;
        if (find_name(given, strlen(given), out)) {
            return PYR_OK;
        }
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "COPY: format \"%s\" is not one of arrow, csv, parquet, json, "
                                 "safetensors",
                                 given);
    }
    if (suffix != NULL && find_name(suffix, length, out)) {
        return PYR_OK;
    }
    if (suffix == NULL && parsed->kind == PYR_PARSED_COPY_TO) {
        *out = PYR_COPY_CSV;
        return PYR_OK;
    }
    return pyr_error_set(error, PYR_ERROR_SQL,
                         "COPY: the format of \"%s\" cannot be told from its name: give (FORMAT "
                         "arrow | csv | parquet | json | safetensors)",
                         parsed->path);
}
