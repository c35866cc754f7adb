/* registry_rows.c - the rows of model_registry in memory, and as batches; see registry.h. */
#include "arrow/builder.h"
#include "catalog/keyed.h"
#include "models/registry_internal.h"

#include <stdlib.h>
#include <string.h>

struct pyr_models {
    pyr_arena arena; /* the texts */
    size_t count, capacity;
    pyr_model *items; /* by name */
};

/* ---- Out of batches. ---- */

static pyr_status take_text(pyr_arena *arena, const pyr_array *column, int64_t row,
                            const char **out, pyr_error *error) {
    size_t size = 0;
    *out = NULL;
    if (pyr_array_is_null(column, row)) {
        return PYR_OK;
    }
    const uint8_t *bytes = pyr_array_bytes(column, row, &size);
    if (size > 0 && memchr(bytes, '\0', size) != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "column \"%s\" of model_registry: a zero byte in a text",
                                 column->field->name);
    }
    *out = pyr_arena_strndup(arena, (const char *)bytes, size);
    return *out != NULL ? PYR_OK : pyr_arena_error(arena, error);
}

static int64_t take_number(const pyr_array *column, int64_t row, int64_t none) {
    return pyr_array_is_null(column, row) ? none : pyr_array_int64(column, row);
}

pyr_status pyr_model_from_row(const pyr_batch *batch, int64_t row, pyr_arena *arena, pyr_model *out,
                              pyr_error *error) {
    pyr_array *const *columns = batch->columns;
    *out =
        (pyr_model){.size_bytes = take_number(columns[PYR_MODEL_SIZE_BYTES], row, -1),
                    .tensors = take_number(columns[PYR_MODEL_TENSORS], row, -1),
                    .parameters = take_number(columns[PYR_MODEL_PARAMETERS], row, -1),
                    .registered_us = take_number(columns[PYR_MODEL_REGISTERED_AT], row, INT64_MIN)};
    PYR_TRY(take_text(arena, columns[PYR_MODEL_NAME], row, &out->name, error));
    PYR_TRY(take_text(arena, columns[PYR_MODEL_PATH], row, &out->path, error));
    PYR_TRY(take_text(arena, columns[PYR_MODEL_FORMAT], row, &out->format, error));
    PYR_TRY(take_text(arena, columns[PYR_MODEL_FRAMEWORK], row, &out->framework, error));
    PYR_TRY(take_text(arena, columns[PYR_MODEL_DTYPE], row, &out->dtype, error));
    PYR_TRY(take_text(arena, columns[PYR_MODEL_BLAKE3], row, &out->blake3, error));
    PYR_TRY(take_text(arena, columns[PYR_MODEL_METADATA], row, &out->metadata, error));
    if (batch->columns_count > PYR_MODEL_FILES) {
        PYR_TRY(take_text(arena, columns[PYR_MODEL_FILES], row, &out->files, error));
    }
    return PYR_OK;
}

/* ---- The list. ---- */

static pyr_status reserve(pyr_models *models, size_t more, pyr_error *error) {
    if (models->count + more <= models->capacity) {
        return PYR_OK;
    }
    size_t wanted = models->capacity * 2 > models->count + more ? models->capacity * 2
                                                                : models->count + more + 8;
    pyr_model *grown = realloc(models->items, wanted * sizeof(*grown));
    if (grown == NULL) {
        return pyr_error_memory(error, wanted * sizeof(*grown));
    }
    models->items = grown;
    models->capacity = wanted;
    return PYR_OK;
}

/* Rows of a table with a key come in its order, which is that of the names' bytes. */
static pyr_status take_batch(pyr_models *models, const pyr_batch *batch, pyr_error *error) {
    PYR_TRY(reserve(models, (size_t)batch->rows, error));
    for (int64_t i = 0; i < batch->rows; ++i) {
        pyr_model *to = &models->items[models->count];
        PYR_TRY(pyr_model_from_row(batch, i, &models->arena, to, error));
        if (to->name == NULL || to->path == NULL) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT, "model_registry: a row has no name");
        }
        ++models->count;
    }
    return PYR_OK;
}

static pyr_status read_table(pyr_models *models, pyr_table *stored, pyr_query_ledger *ledger,
                             pyr_budget *budget, pyr_error *error) {
    const pyr_keyed_scan_options options = {.ledger = ledger, .budget = budget};
    pyr_keyed_scan *scan = NULL;
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_keyed_scan_create(stored, &options, &scan, error));
    pyr_status status = pyr_keyed_scan_next(scan, &batch, error);
    while (status == PYR_OK && batch != NULL) {
        status = take_batch(models, batch, error);
        pyr_batch_release(batch);
        batch = NULL;
        if (status == PYR_OK) {
            status = pyr_keyed_scan_next(scan, &batch, error);
        }
    }
    pyr_keyed_scan_destroy(scan);
    pyr_ledger_add_copy(ledger, PYR_COPY_CONVERT, (int64_t)models->arena.used_bytes);
    return status;
}

pyr_status pyr_models_read(pyr_table *stored, pyr_query_ledger *ledger, pyr_budget *budget,
                           pyr_models **out, pyr_error *error) {
    *out = NULL;
    pyr_models *models = calloc(1, sizeof(*models));
    if (models == NULL) {
        return pyr_error_memory(error, sizeof(*models));
    }
    pyr_arena_init(&models->arena, budget);
    pyr_status status = stored != NULL ? read_table(models, stored, ledger, budget, error) : PYR_OK;
    if (status != PYR_OK) {
        pyr_models_destroy(models);
        return status;
    }
    *out = models;
    return PYR_OK;
}

void pyr_models_destroy(pyr_models *models) {
    if (models != NULL) {
        pyr_arena_deinit(&models->arena);
        free(models->items);
        free(models);
    }
}

size_t pyr_models_count(const pyr_models *models) {
    return models->count;
}

const pyr_model *pyr_models_get(const pyr_models *models, size_t index) {
    return &models->items[index];
}

size_t pyr_models_seek(const pyr_models *models, const char *name) {
    size_t low = 0;
    size_t high = models->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(models->items[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const pyr_model *pyr_models_row(const pyr_models *models, const char *name) {
    size_t at = pyr_models_seek(models, name);
    return at < models->count && strcmp(models->items[at].name, name) == 0 ? &models->items[at]
                                                                           : NULL;
}

static bool copy_text(pyr_arena *arena, const char **text) {
    if (*text != NULL) {
        *text = pyr_arena_strdup(arena, *text);
        return *text != NULL;
    }
    return true;
}

pyr_status pyr_models_put(pyr_models *models, const pyr_model *model, pyr_error *error) {
    pyr_model copy = *model;
    pyr_arena *arena = &models->arena;
    PYR_TRY(reserve(models, 1, error));
    if (!copy_text(arena, &copy.name) || !copy_text(arena, &copy.path) ||
        !copy_text(arena, &copy.format) || !copy_text(arena, &copy.framework) ||
        !copy_text(arena, &copy.dtype) || !copy_text(arena, &copy.blake3) ||
        !copy_text(arena, &copy.metadata) || !copy_text(arena, &copy.files)) {
        return pyr_arena_error(arena, error);
    }
    size_t at = pyr_models_seek(models, copy.name);
    if (at == models->count || strcmp(models->items[at].name, copy.name) != 0) {
        memmove(&models->items[at + 1], &models->items[at],
                (models->count - at) * sizeof(*models->items));
        ++models->count;
    }
    models->items[at] = copy;
    return PYR_OK;
}

/* ---- Into batches. ---- */

static pyr_status add_text(pyr_builder *builder, const char *text, pyr_error *error) {
    return text != NULL ? pyr_builder_string(builder, text, error)
                        : pyr_builder_null(builder, error);
}

static pyr_status add_number(pyr_builder *builder, int64_t value, int64_t none, pyr_error *error) {
    return value != none ? pyr_builder_int64(builder, value, error)
                         : pyr_builder_null(builder, error);
}

pyr_status pyr_model_rows_init(pyr_model_rows *rows, pyr_schema *schema, pyr_budget *budget,
                               pyr_error *error) {
    memset(rows, 0, sizeof(*rows));
    rows->schema = schema;
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < schema->fields_count; ++i) {
        status = pyr_builder_create(schema->fields[i], budget, &rows->builders[i], error);
    }
    return status;
}

void pyr_model_rows_deinit(pyr_model_rows *rows) {
    for (int32_t i = 0; i < PYR_MODEL_COLUMNS_STORED; ++i) {
        pyr_builder_destroy(rows->builders[i]);
    }
}

pyr_status pyr_model_rows_add(pyr_model_rows *rows, const pyr_model *model, const char *state,
                              pyr_error *error) {
    pyr_builder **to = rows->builders;
    ++rows->count;
    PYR_TRY(add_text(to[PYR_MODEL_NAME], model->name, error));
    PYR_TRY(add_text(to[PYR_MODEL_PATH], model->path, error));
    PYR_TRY(add_text(to[PYR_MODEL_FORMAT], model->format, error));
    PYR_TRY(add_text(to[PYR_MODEL_FRAMEWORK], model->framework, error));
    PYR_TRY(add_number(to[PYR_MODEL_SIZE_BYTES], model->size_bytes, -1, error));
    PYR_TRY(add_number(to[PYR_MODEL_TENSORS], model->tensors, -1, error));
    PYR_TRY(add_number(to[PYR_MODEL_PARAMETERS], model->parameters, -1, error));
    PYR_TRY(add_text(to[PYR_MODEL_DTYPE], model->dtype, error));
    PYR_TRY(add_text(to[PYR_MODEL_BLAKE3], model->blake3, error));
    PYR_TRY(add_text(to[PYR_MODEL_METADATA], model->metadata, error));
    PYR_TRY(add_number(to[PYR_MODEL_REGISTERED_AT], model->registered_us, INT64_MIN, error));
    PYR_TRY(add_text(to[PYR_MODEL_STATE], state, error));
    return rows->schema->fields_count > PYR_MODEL_FILES
               ? add_text(to[PYR_MODEL_FILES], model->files, error)
               : PYR_OK;
}

pyr_status pyr_model_rows_finish(pyr_model_rows *rows, pyr_batch **out, pyr_error *error) {
    pyr_array *columns[PYR_MODEL_COLUMNS_STORED] = {NULL};
    int32_t count = rows->schema->fields_count;
    pyr_status status = PYR_OK;
    *out = NULL;
    for (int32_t i = 0; status == PYR_OK && i < count; ++i) {
        status = pyr_builder_finish(rows->builders[i], &columns[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(rows->schema, rows->count, columns, count, NULL, out, error);
    }
    for (int32_t i = 0; i < count; ++i) {
        pyr_array_release(columns[i]);
    }
    return status;
}

pyr_status pyr_model_state_of(const pyr_model *model, pyr_model_state *state, char **which,
                              pyr_error *error) {
    pyr_model_files files;
    const pyr_model_part *part = NULL;
    if (which != NULL) {
        *which = NULL;
    }
    PYR_TRY(pyr_model_files_parse(model->files != NULL ? model->files : "", model->path, &files,
                                  error));
    *state = files.count > 0 ? pyr_model_files_state(&files, &part) : PYR_MODEL_MISSING;
    if (which != NULL && part != NULL) {
        *which = strdup(part->path);
    }
    pyr_model_files_deinit(&files);
    return PYR_OK;
}

/* An alias has the facts of the model that it means, where there is one. */
pyr_status pyr_model_row_seen(const pyr_models *models, const pyr_model *model,
                              pyr_model_rows *rows, pyr_error *error) {
    pyr_model seen = *model;
    const pyr_model *meant = model;
    pyr_model_state state = PYR_MODEL_MISSING;
    if (pyr_model_is_alias(model)) {
        meant = pyr_models_resolve(models, model->path, &meant, NULL) == PYR_OK ? meant : NULL;
    }
    if (meant != NULL) {
        PYR_TRY(pyr_model_state_of(meant, &state, NULL, error));
        seen.format = meant->format;
        seen.size_bytes = meant->size_bytes;
        seen.tensors = meant->tensors;
        seen.parameters = meant->parameters;
        seen.dtype = meant->dtype;
        seen.blake3 = meant->blake3;
        seen.framework = seen.framework != NULL ? seen.framework : meant->framework;
        seen.metadata = seen.metadata != NULL ? seen.metadata : meant->metadata;
    }
    return pyr_model_rows_add(rows, &seen, pyr_model_state_name(state), error);
}

pyr_status pyr_model_stored_row(const pyr_model *model, pyr_schema *stored_schema, pyr_batch **out,
                                pyr_error *error) {
    pyr_model_rows rows;
    *out = NULL;
    pyr_status status = pyr_model_rows_init(&rows, stored_schema, NULL, error);
    if (status == PYR_OK) {
        status = pyr_model_rows_add(&rows, model, pyr_model_state_name(PYR_MODEL_OK), error);
    }
    if (status == PYR_OK) {
        status = pyr_model_rows_finish(&rows, out, error);
    }
    pyr_model_rows_deinit(&rows);
    return status;
}

pyr_status pyr_models_seen(const pyr_models *models, pyr_schema *schema, pyr_budget *budget,
                           pyr_batch **out, pyr_error *error) {
    pyr_model_rows rows;
    *out = NULL;
    pyr_status status = pyr_model_rows_init(&rows, schema, budget, error);
    for (size_t i = 0; status == PYR_OK && i < models->count; ++i) {
        status = pyr_model_row_seen(models, &models->items[i], &rows, error);
    }
    if (status == PYR_OK) {
        status = pyr_model_rows_finish(&rows, out, error);
    }
    pyr_model_rows_deinit(&rows);
    return status;
}
