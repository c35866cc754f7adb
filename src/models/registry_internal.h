/* registry_internal.h - what the files of the registry share. */
#ifndef PYR_MODELS_REGISTRY_INTERNAL_H
#define PYR_MODELS_REGISTRY_INTERNAL_H

#include "arrow/builder.h"
#include "base/arena.h"
#include "models/registry.h"

/* Row of a batch of either table; texts in the arena. 22023 for a zero byte in one. */
PYR_MUST_CHECK pyr_status pyr_model_from_row(const pyr_batch *batch, int64_t row, pyr_arena *arena,
                                             pyr_model *out, pyr_error *error);

/* The first row whose name is not below. */
size_t pyr_models_seek(const pyr_models *models, const char *name);

/* A batch of either table while it is made. deinit after a failed init, too. */
typedef struct pyr_model_rows {
    pyr_schema *schema; /* borrowed */
    pyr_builder *builders[PYR_MODEL_COLUMNS_STORED];
    int64_t count;
} pyr_model_rows;
PYR_MUST_CHECK pyr_status pyr_model_rows_init(pyr_model_rows *rows, pyr_schema *schema,
                                              pyr_budget *budget, pyr_error *error);
void pyr_model_rows_deinit(pyr_model_rows *rows);
PYR_MUST_CHECK pyr_status pyr_model_rows_add(pyr_model_rows *rows, const pyr_model *model,
                                             const char *state, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_model_rows_finish(pyr_model_rows *rows, pyr_batch **out,
                                                pyr_error *error);
/* Adds a row as statements see it. */
PYR_MUST_CHECK pyr_status pyr_model_row_seen(const pyr_models *models, const pyr_model *model,
                                             pyr_model_rows *rows, pyr_error *error);

#endif
