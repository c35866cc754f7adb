/* options.h - the one parser of command lines: each command has a table of its options.
 *
 * --name VALUE, --name=VALUE, -c VALUE and -cVALUE are the same; options and arguments mix; "--"
 * ends the options. What the command line does not give may come from the environment,
 * --memory-limit as PYRALOG_MEMORY_LIMIT. Values point into argv and the environment.
 */
#ifndef PYR_CLI_OPTIONS_H
#define PYR_CLI_OPTIONS_H

#include "base/error.h"

typedef struct pyr_option {
    const char *name;  /* without the dashes */
    char letter;       /* a short form, 0 for none */
    bool repeat;       /* may be given more than once */
    bool command_only; /* not from the environment: it says what to do, not how */
    char separator;    /* in the environment's value of a repeatable option; 0: one value */
    const char *value; /* what help calls its value; NULL: a flag */
    const char *help;
} pyr_option;

typedef struct pyr_option_item {
    const pyr_option *option;
    const char *value; /* NULL for a flag */
    char *owned;       /* value, where it was cut out of the environment */
} pyr_option_item;

typedef struct pyr_options {
    const pyr_option *table; /* ends with a name of NULL */
    pyr_option_item *items;  /* in the order given; then those of the environment */
    size_t items_count;
    size_t items_capacity;
    const char **arguments; /* what is not an option, in order */
    size_t arguments_count;
} pyr_options;

/* Parses argv[1 ..]; PYR_ERROR_INVALID_ARGUMENT names what is wrong and the nearest option that
 * exists. environment: false leaves it out (tests). */
PYR_MUST_CHECK pyr_status pyr_options_parse(const pyr_option *table, int argc, char *const *argv,
                                            bool environment, pyr_options *out, pyr_error *error);
void pyr_options_deinit(pyr_options *options);

/* The last value given, or NULL. */
const char *pyr_options_get(const pyr_options *options, const char *name);
bool pyr_options_has(const pyr_options *options, const char *name);
/* All values of a repeatable option as a NULL-terminated array the caller frees (the strings are
 * borrowed); NULL when out of memory. */
const char **pyr_options_all(const pyr_options *options, const char *name, size_t *count);

/* Of the names (NULL-terminated) the one nearest to word, or NULL when none is near: for "did you
 * mean". */
const char *pyr_nearest_name(const char *word, const char *const *names);
/* "PYRALOG_MEMORY_LIMIT" for "memory-limit". */
void pyr_option_environment_name(const char *name, char *out, size_t out_size);

#endif
