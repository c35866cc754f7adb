/* options.c - see options.h. */
#include "cli/options.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 64

/* ---- Did you mean. ---- */

const char *pyr_nearest_name(const char *word, const char *const *names) {
    const char *best = NULL;
    size_t length = strlen(word);
    size_t best_distance = length <= 3 ? 1 : length <= 6 ? 2 : 3;
    for (; *names != NULL; ++names) {
        size_t distance = pyr_text_edits(word, length, *names, strlen(*names), true);
        if (length >= 3 && strncasecmp(word, *names, length) == 0) {
            distance = 0; /* the beginning of a name */
        }
        if (distance < best_distance || (distance == best_distance && best == NULL)) {
            best_distance = distance;
            best = *names;
        }
    }
    return best;
}

static pyr_status unknown_option(const pyr_option *table, const char *given, const char *name,
                                 pyr_error *error) {
    const char *names[128];
    size_t count = 0;
    for (; table[count].name != NULL && count < 127; ++count) {
        names[count] = table[count].name;
    }
    names[count] = NULL;
    const char *nearest = pyr_nearest_name(name, names);
    if (nearest != NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "unknown option %s: did you mean --%s?", given, nearest);
    }
    return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                         "unknown option %s: \"pyralog help\" lists the options", given);
}

/* ---- Parsing. ---- */

static pyr_status add_item(pyr_options *self, const pyr_option *option, const char *value,
                           char *owned, pyr_error *error) {
    if (self->items_count == self->items_capacity) {
        size_t capacity = self->items_capacity == 0 ? 16 : self->items_capacity * 2;
        pyr_option_item *items = realloc(self->items, capacity * sizeof(*items));
        if (items == NULL) {
            free(owned);
            return pyr_error_memory(error, capacity * sizeof(*items));
        }
        self->items = items;
        self->items_capacity = capacity;
    }
    self->items[self->items_count++] = (pyr_option_item){option, value, owned};
    return PYR_OK;
}

static const pyr_option *find_long(const pyr_option *table, const char *name, size_t length) {
    for (; table->name != NULL; ++table) {
        if (strlen(table->name) == length && strncmp(table->name, name, length) == 0) {
            return table;
        }
    }
    return NULL;
}

static const pyr_option *find_letter(const pyr_option *table, char letter) {
    for (; table->name != NULL; ++table) {
        if (table->letter == letter) {
            return table;
        }
    }
    return NULL;
}

/* One option at argv[*index]; takes the next argument too where it is the value. */
static pyr_status parse_one(pyr_options *self, int argc, char *const *argv, int *index,
                            pyr_error *error) {
    const char *word = argv[*index];
    const pyr_option *option;
    const char *value = NULL;
    char shown[NAME_MAX_BYTES];
    if (word[1] == '-') {
        size_t length = strcspn(word + 2, "=");
        option = find_long(self->table, word + 2, length);
        value = word[2 + length] == '=' ? word + 3 + length : NULL;
        snprintf(shown, sizeof(shown), "%.*s", (int)(length + 2 < 60 ? length + 2 : 60), word);
    } else {
        option = find_letter(self->table, word[1]);
        value = word[2] != '\0' ? word + 2 : NULL;
        snprintf(shown, sizeof(shown), "%.60s", word);
        if (option == NULL) {
            /* -csv, -readonly: other shells write long options with one dash. */
            return unknown_option(self->table, shown, word + 1, error);
        }
    }
    if (option == NULL) {
        return unknown_option(self->table, shown, shown + 2, error);
    }
    if (option->value == NULL && value != NULL) {
        if (word[1] != '-') {
            return unknown_option(self->table, shown, word + 1, error);
        }
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "option --%s takes no value",
                             option->name);
    }
    if (option->value != NULL && value == NULL) {
        if (*index + 1 >= argc) {
            return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "option --%s needs a value: %s",
                                 option->name, option->value);
        }
        value = argv[++*index];
    }
    if (!option->repeat && option->value != NULL && pyr_options_has(self, option->name)) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "option --%s is given twice",
                             option->name);
    }
    return add_item(self, option, value, NULL, error);
}

static pyr_status parse_arguments(pyr_options *self, int argc, char *const *argv,
                                  pyr_error *error) {
    bool options_ended = false;
    for (int i = 1; i < argc; ++i) {
        const char *word = argv[i];
        if (!options_ended && strcmp(word, "--") == 0) {
            options_ended = true;
        } else if (!options_ended && word[0] == '-' && word[1] != '\0') {
            PYR_TRY(parse_one(self, argc, argv, &i, error));
        } else {
            self->arguments[self->arguments_count++] = word;
        }
    }
    return PYR_OK;
}

/* ---- The environment. ---- */

void pyr_option_environment_name(const char *name, char *out, size_t out_size) {
    size_t used = (size_t)snprintf(out, out_size, "PYRALOG_");
    for (; *name != '\0' && used + 1 < out_size; ++name, ++used) {
        out[used] = *name == '-' ? '_' : (char)toupper((unsigned char)*name);
    }
    out[used < out_size ? used : out_size - 1] = '\0';
}

static pyr_status environment_flag(pyr_options *self, const pyr_option *option,
                                   const char *variable, const char *value, pyr_error *error) {
    static const char *const on[] = {"1", "true", "on", "yes"};
    static const char *const off[] = {"", "0", "false", "off", "no"};
    for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); ++i) {
        if (strcasecmp(value, on[i]) == 0) {
            return add_item(self, option, NULL, NULL, error);
        }
    }
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); ++i) {
        if (strcasecmp(value, off[i]) == 0) {
            return PYR_OK;
        }
    }
    return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                         "environment variable %s: \"%s\" is neither true nor false", variable,
                         value);
}

static pyr_status environment_list(pyr_options *self, const pyr_option *option, const char *value,
                                   pyr_error *error) {
    const char separators[2] = {option->separator, '\0'};
    while (*value != '\0') {
        size_t length = strcspn(value, separators);
        if (length > 0) {
            char *part = strndup(value, length);
            if (part == NULL) {
                return pyr_error_memory(error, length);
            }
            PYR_TRY(add_item(self, option, part, part, error));
        }
        value += length + (value[length] != '\0');
    }
    return PYR_OK;
}

static pyr_status parse_environment(pyr_options *self, pyr_error *error) {
    for (const pyr_option *option = self->table; option->name != NULL; ++option) {
        char variable[NAME_MAX_BYTES];
        pyr_option_environment_name(option->name, variable, sizeof(variable));
        const char *value = option->command_only ? NULL : getenv(variable);
        if (value == NULL || pyr_options_has(self, option->name)) {
            continue;
        }
        if (option->value == NULL) {
            PYR_TRY(environment_flag(self, option, variable, value, error));
        } else if (option->separator != 0) {
            PYR_TRY(environment_list(self, option, value, error));
        } else if (*value != '\0') {
            PYR_TRY(add_item(self, option, value, NULL, error));
        }
    }
    return PYR_OK;
}

/* ---- The interface. ---- */

pyr_status pyr_options_parse(const pyr_option *table, int argc, char *const *argv, bool environment,
                             pyr_options *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    out->table = table;
    out->arguments = calloc((size_t)(argc > 0 ? argc : 1), sizeof(*out->arguments));
    if (out->arguments == NULL) {
        return pyr_error_memory(error, (size_t)argc * sizeof(*out->arguments));
    }
    pyr_status status = parse_arguments(out, argc, argv, error);
    if (status == PYR_OK && environment) {
        status = parse_environment(out, error);
    }
    if (status != PYR_OK) {
        pyr_options_deinit(out);
    }
    return status;
}

void pyr_options_deinit(pyr_options *options) {
    for (size_t i = 0; i < options->items_count; ++i) {
        free(options->items[i].owned);
    }
    free(options->items);
    free(options->arguments);
    memset(options, 0, sizeof(*options));
}

const char *pyr_options_get(const pyr_options *options, const char *name) {
    for (size_t i = options->items_count; i > 0; --i) {
        if (strcmp(options->items[i - 1].option->name, name) == 0) {
            return options->items[i - 1].value;
        }
    }
    return NULL;
}

bool pyr_options_has(const pyr_options *options, const char *name) {
    for (size_t i = 0; i < options->items_count; ++i) {
        if (strcmp(options->items[i].option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

const char **pyr_options_all(const pyr_options *options, const char *name, size_t *count) {
    *count = 0;
    const char **values = calloc(options->items_count + 1, sizeof(*values));
    for (size_t i = 0; values != NULL && i < options->items_count; ++i) {
        if (strcmp(options->items[i].option->name, name) == 0) {
            values[(*count)++] = options->items[i].value;
        }
    }
    return values;
}
