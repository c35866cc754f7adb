/* models_internal.h - what the files of this folder share. */
#ifndef PYR_MODELS_MODELS_INTERNAL_H
#define PYR_MODELS_MODELS_INTERNAL_H

#include "models/model_file.h"

#include <sys/stat.h>

/* part's path is copied. */
PYR_MUST_CHECK pyr_status pyr_model_files_add(pyr_model_files *files, const pyr_model_part *part,
                                              pyr_error *error);
/* path is taken over as it stands. */
pyr_model_part pyr_model_part_of(const struct stat *info, char *path);

#endif
