/* registry_fill.c - what a statement writes to model_registry becomes what is stored: facts are
 * read from the files, not believed. See registry.h.
 *
 * A row is registered anew where the statement gives it a path: an INSERT, an UPDATE that sets it,
 * a name that was not there. Else it is one that was read and written back with another framework
 * or metadata, and stays the registration that it was, however its files are by now.
 */
#include "base/clock.h"
#include "models/registry_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FORMAT "safetensors"

typedef struct filling {
    const pyr_registry_fill_options *options;
    pyr_arena arena;  /* texts of the rows */
    pyr_model *items; /* of the rows that are not left out */
    int64_t count;
    pyr_model_rows stored, seen;
} filling;

/* ---- What a file says. ---- */

/* By "format" of the file's metadata, which the libraries that write Safetensors set. */
static const char *framework_of(const pyr_safetensors *file) {
    static const struct {
        const char *format, *framework;
    } known[] = {{"pt", "pytorch"},  {"pytorch", "pytorch"}, {"tf", "tensorflow"},
                 {"flax", "flax"},   {"jax", "jax"},         {"np", "numpy"},
                 {"numpy", "numpy"}, {"mlx", "mlx"},         {"paddle", "paddle"}};
    for (int64_t i = 0; i < pyr_safetensors_metadata_count(file); ++i) {
        const pyr_safetensors_metadata *pair = pyr_safetensors_metadata_get(file, i);
        for (size_t j = 0; strcmp(pair->key, "format") == 0 && j < sizeof(known) / sizeof(known[0]);
             ++j) {
            if (strcmp(pair->value, known[j].format) == 0) {
                return known[j].framework;
            }
        }
    }
    return NULL;
}

/* The file's metadata as a JSON object; NULL: it has none. */
static pyr_status metadata_of(const pyr_safetensors *file, pyr_arena *arena, const char **out,
                              pyr_error *error) {
    int64_t count = pyr_safetensors_metadata_count(file);
    pyr_text text;
    *out = NULL;
    if (count == 0) {
        return PYR_OK;
    }
    pyr_text_init(&text);
    for (int64_t i = 0; i < count; ++i) {
        const pyr_safetensors_metadata *pair = pyr_safetensors_metadata_get(file, i);
        pyr_text_add(&text, i == 0 ? "{" : ", ");
        pyr_text_add_json(&text, pair->key, strlen(pair->key));
        pyr_text_add(&text, ": ");
        pyr_text_add_json(&text, pair->value, strlen(pair->value));
    }
    pyr_text_add_char(&text, '}');
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        *out = pyr_arena_strdup(arena, pyr_text_get(&text));
        status = *out != NULL ? PYR_OK : pyr_arena_error(arena, error);
    }
    pyr_text_deinit(&text);
    return status;
}

static pyr_status keep_files(const pyr_model_files *files, pyr_arena *arena, pyr_model *out,
                             pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_model_files_print(files, &text);
    pyr_status status = pyr_text_check(&text, error);
    out->size_bytes = pyr_model_files_size_bytes(files);
    out->path = pyr_arena_strdup(arena, files->items[0].path);
    out->files = pyr_arena_strdup(arena, pyr_text_get(&text));
    pyr_text_deinit(&text);
    PYR_TRY(status);
    return out->path != NULL && out->files != NULL ? PYR_OK : pyr_arena_error(arena, error);
}

static pyr_status read_facts(filling *self, const char *path, pyr_model *out, pyr_error *error) {
    const pyr_registry_fill_options *options = self->options;
    pyr_safetensors *file = NULL;
    pyr_model_files files;
    *out = (pyr_model){.format = FORMAT};
    PYR_TRY(pyr_model_open(path, options->access, options->budget, &file, &files, error));
    pyr_ledger_add_copy(options->ledger, PYR_COPY_NO_MAPPING, pyr_model_read_bytes(file));
    out->framework = framework_of(file);
    out->tensors = pyr_safetensors_count(file);
    out->parameters = pyr_safetensors_parameters(file);
    out->dtype = out->tensors > 0 ? pyr_tensor_type_name(pyr_safetensors_main_type(file)) : NULL;
    out->registered_us = pyr_clock_wall_us();
    pyr_status status = metadata_of(file, &self->arena, &out->metadata, error);
    if (status == PYR_OK) {
        status = keep_files(&files, &self->arena, out, error);
    }
    pyr_model_files_deinit(&files);
    pyr_safetensors_release(file);
    return status;
}

/* ---- What was given. ---- */

static pyr_status check_name(const pyr_model *row, pyr_error *error) {
    size_t length = strlen(row->name);
    bool prefixed = strncmp(row->name, PYR_MODEL_PREFIX, sizeof(PYR_MODEL_PREFIX) - 1) == 0;
    bool control = false;
    for (size_t i = 0; i < length; ++i) {
        control = control || (unsigned char)row->name[i] < ' ';
    }
    if (length > 0 && length <= PYR_MODEL_NAME_BYTES_MAX && !prefixed && !control) {
        return PYR_OK;
    }
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1, "a model's name %s",
                             length == 0 ? "has at least one character"
                             : prefixed  ? "does not begin with \"" PYR_MODEL_PREFIX "\""
                             : control   ? "has no control characters"
                                         : "has at most 1024 bytes");
}

static pyr_status check_number(const char *name, const char *column, int64_t given, int64_t found,
                               pyr_error *error) {
    return given < 0 || given == found
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                   "model \"%s\": %s is given as %lld, its files say %lld", name,
                                   column, (long long)given, (long long)found);
}

static pyr_status check_text(const char *name, const char *column, const char *given,
                             const char *found, pyr_error *error) {
    return given == NULL || (found != NULL && strcasecmp(given, found) == 0)
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                   "model \"%s\": %s is given as \"%s\", its files say \"%s\"",
                                   name, column, given, found != NULL ? found : "");
}

static pyr_status check_given(const pyr_model *row, const pyr_model *facts, pyr_error *error) {
    PYR_TRY(check_text(row->name, "format", row->format, facts->format, error));
    PYR_TRY(check_text(row->name, "dtype", row->dtype, facts->dtype, error));
    PYR_TRY(check_number(row->name, "size_bytes", row->size_bytes, facts->size_bytes, error));
    PYR_TRY(check_number(row->name, "tensors", row->tensors, facts->tensors, error));
    return check_number(row->name, "parameters", row->parameters, facts->parameters, error);
}

/* A hash that is known beforehand is kept: `verify` holds the files to it. */
static pyr_status check_hash(pyr_model *row, pyr_arena *arena, pyr_error *error) {
    if (row->blake3 == NULL) {
        return PYR_OK;
    }
    char *lower = pyr_arena_strdup(arena, row->blake3);
    if (lower == NULL) {
        return pyr_arena_error(arena, error);
    }
    size_t length = 0;
    for (char *c = lower; *c != '\0'; ++c, ++length) {
        *c = *c >= 'A' && *c <= 'F' ? (char)(*c - 'A' + 'a') : *c;
    }
    if (length != PYR_MODEL_HASH_CHARS || strspn(lower, "0123456789abcdef") != length) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "model \"%s\": blake3 is 64 hexadecimal digits", row->name);
    }
    row->blake3 = lower;
    return PYR_OK;
}

/* ---- One row. ---- */

static bool same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Whether a row is one that a statement read and writes back. */
static bool is_carried(const pyr_model *row, const pyr_model *old) {
    return old != NULL && row->registered_us != INT64_MIN &&
           row->registered_us == old->registered_us;
}

/* What a statement sets of a row; the rest is read. */
static pyr_model bare_row(const pyr_model *row) {
    return (pyr_model){.name = row->name,
                       .path = row->path,
                       .framework = row->framework,
                       .metadata = row->metadata,
                       .size_bytes = -1,
                       .tensors = -1,
                       .parameters = -1,
                       .registered_us = INT64_MIN};
}

/* What is as the old files said goes with them. */
static void drop_same(pyr_model *row, const pyr_model *old) {
    row->framework = same_text(row->framework, old->framework) ? NULL : row->framework;
    row->metadata = same_text(row->metadata, old->metadata) ? NULL : row->metadata;
}

/* A framework that was set, or that the old files said, stays where the new ones say none. */
static pyr_status register_files(filling *self, const pyr_model *old, pyr_model *row,
                                 pyr_error *error) {
    pyr_model facts;
    const char *framework = row->framework;
    if (row->registered_us != INT64_MIN) {
        const char *hash = old == NULL ? row->blake3 : NULL;
        *row = bare_row(row);
        row->blake3 = hash;
    }
    if (old != NULL) {
        drop_same(row, old);
    }
    PYR_TRY(check_hash(row, &self->arena, error));
    PYR_TRY(read_facts(self, row->path, &facts, error));
    PYR_TRY(check_given(row, &facts, error));
    facts.name = row->name;
    facts.blake3 = row->blake3;
    facts.framework = row->framework != NULL    ? row->framework
                      : facts.framework != NULL ? facts.framework
                                                : framework;
    facts.metadata = row->metadata != NULL ? row->metadata : facts.metadata;
    *row = facts;
    return PYR_OK;
}

/* Its facts are those of what it means, at any time. */
static void register_alias(const pyr_model *old, pyr_model *row) {
    *row = bare_row(row);
    row->registered_us = pyr_clock_wall_us();
    if (old != NULL && !pyr_model_is_alias(old)) {
        drop_same(row, old);
    }
}

/* An alias was read with the framework and metadata of what it means: those are not its own. */
static void drop_borrowed(const pyr_models *models, const pyr_model *old, pyr_model *row) {
    const pyr_model *meant = NULL;
    if (old != NULL && pyr_model_is_alias(old) &&
        pyr_models_resolve(models, old->path, &meant, NULL) == PYR_OK) {
        bool framework = old->framework == NULL && same_text(row->framework, meant->framework);
        bool metadata = old->metadata == NULL && same_text(row->metadata, meant->metadata);
        row->framework = framework ? NULL : row->framework;
        row->metadata = metadata ? NULL : row->metadata;
    }
}

static pyr_status fill_row(filling *self, pyr_model *row, pyr_error *error) {
    const pyr_model *old = pyr_models_row(self->options->models, row->name);
    old = is_carried(row, old) ? old : NULL;
    PYR_TRY(check_name(row, error));
    drop_borrowed(self->options->models, old, row);
    if (old != NULL && !self->options->anew && strcmp(row->path, old->path) == 0) {
        const pyr_model carried = *row;
        *row = *old;
        row->framework = carried.framework;
        row->metadata = carried.metadata;
        return PYR_OK;
    }
    if (pyr_model_is_alias(row)) {
        register_alias(old, row);
        return PYR_OK;
    }
    return register_files(self, old, row, error);
}

/* ---- The batch. ---- */

/* Rows of a name that is new are put among the models at once where a second one is left out. */
static pyr_status fill_rows(filling *self, const pyr_batch *rows, pyr_error *error) {
    pyr_models *models = self->options->models;
    bool new_only = self->options->new_only;
    for (int64_t i = 0; i < rows->rows; ++i) {
        pyr_model *row = &self->items[self->count];
        PYR_TRY(pyr_model_from_row(rows, i, &self->arena, row, error));
        if (row->name == NULL || row->path == NULL) {
            return pyr_error_set_sql(error, PYR_ERROR_CONSTRAINT, "23502", -1,
                                     "table \"" PYR_REGISTRY_TABLE "\", column \"%s\" is NOT "
                                     "NULL, row %lld has none",
                                     row->name == NULL ? "name" : "path", (long long)i);
        }
        if (new_only && pyr_models_row(models, row->name) != NULL) {
            continue;
        }
        PYR_TRY(fill_row(self, row, error));
        PYR_TRY(new_only ? pyr_models_put(models, row, error) : PYR_OK);
        ++self->count;
    }
    for (int64_t i = 0; !new_only && i < self->count; ++i) {
        PYR_TRY(pyr_models_put(models, &self->items[i], error));
    }
    return PYR_OK;
}

/* Aliases are looked up when all rows are there: they may name each other. */
static pyr_status add_rows(filling *self, pyr_error *error) {
    const char *ok = pyr_model_state_name(PYR_MODEL_OK);
    for (int64_t i = 0; i < self->count; ++i) {
        const pyr_model *row = &self->items[i];
        const pyr_model *meant = NULL;
        if (pyr_model_is_alias(row)) {
            PYR_TRY(pyr_models_resolve(self->options->models, row->name, &meant, error));
        }
        PYR_TRY(pyr_model_rows_add(&self->stored, row, ok, error));
        PYR_TRY(pyr_model_row_seen(self->options->models, row, &self->seen, error));
    }
    return PYR_OK;
}

pyr_status pyr_registry_fill(pyr_batch *rows, pyr_schema *seen_schema, pyr_schema *stored_schema,
                             const pyr_registry_fill_options *options, pyr_batch **out,
                             pyr_batch **seen, pyr_error *error) {
    filling self = {.options = options};
    *out = NULL;
    *seen = NULL;
    pyr_arena_init(&self.arena, options->budget);
    pyr_status status = pyr_model_rows_init(&self.stored, stored_schema, options->budget, error);
    if (status == PYR_OK) {
        status = pyr_model_rows_init(&self.seen, seen_schema, options->budget, error);
    }
    if (status == PYR_OK) {
        self.items = pyr_arena_array(&self.arena, (size_t)rows->rows + 1, sizeof(*self.items));
        status = self.items != NULL ? fill_rows(&self, rows, error)
                                    : pyr_arena_error(&self.arena, error);
    }
    if (status == PYR_OK) {
        status = add_rows(&self, error);
    }
    if (status == PYR_OK) {
        status = pyr_model_rows_finish(&self.stored, out, error);
    }
    if (status == PYR_OK) {
        status = pyr_model_rows_finish(&self.seen, seen, error);
    }
    if (status != PYR_OK) {
        pyr_batch_release(*out);
        *out = NULL;
    } else {
        pyr_ledger_add_copy(options->ledger, PYR_COPY_CONVERT,
                            pyr_batch_size_bytes(*out) + pyr_batch_size_bytes(*seen));
    }
    pyr_model_rows_deinit(&self.stored);
    pyr_model_rows_deinit(&self.seen);
    pyr_arena_deinit(&self.arena);
    return status;
}
