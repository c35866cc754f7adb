/* slt_variables.c - what stands for something else in a file: ${x} inside of loops, the words for
 * folders, and the names of type families in foreach. */
#include "slt.h"

#include <string.h>

void slt_variables_push(slt_variables *variables, const char *pattern, const char *value) {
    if (variables->count == SLT_VARIABLES_MAX) {
        slt_out_of_memory();
    }
    variables->items[variables->count++] = (slt_variable){pattern, value};
}

/* The variable whose pattern text begins with, the innermost first; NULL for none. */
static const slt_variable *find_at(const slt_variables *variables, const char *text) {
    for (size_t i = variables->count; i-- > 0;) {
        const char *pattern = variables->items[i].pattern;
        if (strncmp(text, pattern, strlen(pattern)) == 0) {
            return &variables->items[i];
        }
    }
    return NULL;
}

static char *substitute_once(const slt_variables *variables, const char *text, pyr_arena *arena,
                             bool *changed) {
    pyr_text out;
    pyr_text_init(&out);
    *changed = false;
    while (*text != '\0') {
        size_t plain = strcspn(text, "${_");
        pyr_text_append(&out, text, plain);
        text += plain;
        const slt_variable *variable = *text != '\0' ? find_at(variables, text) : NULL;
        if (variable != NULL) {
            pyr_text_add(&out, variable->value);
            text += strlen(variable->pattern);
            *changed = true;
        } else if (*text != '\0') {
            pyr_text_add_char(&out, *text++);
        }
    }
    if (out.failed) {
        slt_out_of_memory();
    }
    char *copy = slt_strndup(arena, pyr_text_get(&out), out.length);
    pyr_text_deinit(&out);
    return copy;
}

char *slt_substitute(const slt_variables *variables, const char *text, pyr_arena *arena) {
    /* A value may name a variable of an outer loop. The bound ends what would name itself. */
    bool changed = true;
    char *out = NULL;
    for (int depth = 0; changed && depth < 8; ++depth) {
        out = substitute_once(variables, out != NULL ? out : text, arena, &changed);
    }
    return out;
}

void slt_foreach_values(const char *word, pyr_arena *arena, char ***values, size_t *count) {
    enum { SIGNED = 1, UNSIGNED = 2, FLOATING = 4, OTHERS = 8 };
    static const struct {
        const char *word;
        int families;
    } collections[] = {
        {"<signed>", SIGNED},
        {"<unsigned>", UNSIGNED},
        {"<integral>", SIGNED | UNSIGNED},
        {"<numeric>", SIGNED | UNSIGNED | FLOATING},
        {"<alltypes>", SIGNED | UNSIGNED | FLOATING | OTHERS},
    };
    static const struct {
        const char *name;
        int family;
    } types[] = {
        {"tinyint", SIGNED},     {"smallint", SIGNED},   {"integer", SIGNED},
        {"bigint", SIGNED},      {"hugeint", SIGNED},    {"utinyint", UNSIGNED},
        {"usmallint", UNSIGNED}, {"uinteger", UNSIGNED}, {"ubigint", UNSIGNED},
        {"uhugeint", UNSIGNED},  {"float", FLOATING},    {"double", FLOATING},
        {"bool", OTHERS},        {"interval", OTHERS},   {"varchar", OTHERS},
    };
    int families = 0;
    for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); ++i) {
        if (strcmp(word, collections[i].word) == 0) {
            families = collections[i].families;
        }
    }
    if (families == 0) {
        *values = slt_grow(arena, *values, *count, sizeof(char *));
        (*values)[(*count)++] = slt_strndup(arena, word, strlen(word));
        return;
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); ++i) {
        if ((types[i].family & families) != 0) {
            *values = slt_grow(arena, *values, *count, sizeof(char *));
            (*values)[(*count)++] = slt_strndup(arena, types[i].name, strlen(types[i].name));
        }
    }
}
