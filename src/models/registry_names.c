/* registry_names.c - which model a name means: versions and aliases; see registry.h. */
#include "models/registry_internal.h"

#include <string.h>

bool pyr_model_is_alias(const pyr_model *model) {
    return strncmp(model->path, PYR_MODEL_PREFIX, sizeof(PYR_MODEL_PREFIX) - 1) == 0;
}

/* "name@12": 12's digits; NULL where a row is no version of name. Leading zeros are none of a
 * version: two rows would have the same. */
static const char *version_digits(const char *row, const char *name, size_t length) {
    if (strncmp(row, name, length) != 0 || row[length] != '@') {
        return NULL;
    }
    const char *digits = row + length + 1;
    bool whole = digits[0] >= '1' && digits[0] <= '9';
    for (const char *c = digits; whole && *c != '\0'; ++c) {
        whole = *c >= '0' && *c <= '9';
    }
    return whole || strcmp(digits, "0") == 0 ? digits : NULL;
}

/* Numbers of any length. */
static bool is_higher(const char *digits, const char *than) {
    size_t a = strlen(digits);
    size_t b = strlen(than);
    return a != b ? a > b : strcmp(digits, than) > 0;
}

static const pyr_model *highest_version(const pyr_models *models, const char *name) {
    const pyr_model *highest = NULL;
    const char *of = NULL;
    size_t length = strlen(name);
    for (size_t i = pyr_models_seek(models, name); i < pyr_models_count(models); ++i) {
        const pyr_model *model = pyr_models_get(models, i);
        const char *digits = version_digits(model->name, name, length);
        if (strncmp(model->name, name, length) != 0) {
            break;
        }
        if (digits != NULL && (of == NULL || is_higher(digits, of))) {
            highest = model;
            of = digits;
        }
    }
    return highest;
}

pyr_status pyr_models_resolve(const pyr_models *models, const char *name, const pyr_model **out,
                              pyr_error *error) {
    const char *asked = name;
    *out = NULL;
    for (size_t steps = 0; steps <= pyr_models_count(models); ++steps) {
        if (strncmp(name, PYR_MODEL_PREFIX, sizeof(PYR_MODEL_PREFIX) - 1) == 0) {
            name += sizeof(PYR_MODEL_PREFIX) - 1;
        }
        const pyr_model *model = pyr_models_row(models, name);
        model = model != NULL ? model : highest_version(models, name);
        if (model == NULL) {
            return asked == name || name == asked + sizeof(PYR_MODEL_PREFIX) - 1
                       ? pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                                           "model \"%s\" is not in model_registry", name)
                       : pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                                           "model \"%s\" is an alias for \"%s\", which is not in "
                                           "model_registry",
                                           asked, name);
        }
        if (!pyr_model_is_alias(model)) {
            *out = model;
            return PYR_OK;
        }
        name = model->path;
    }
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                             "model \"%s\": aliases that go in a circle", asked);
}
