/* settings.c - the session settings of SET, --set and pyr_open's options: one table. */
#include "session/session_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PYR_THREADS_MAX 1024

typedef struct pyr_setting {
    const char *name;
    const char *description;
    pyr_status (*set)(pyr_settings *settings, const char *value, pyr_error *error);
    void (*print)(const pyr_settings *settings, pyr_text *out);
    size_t offset, size_bytes; /* of the field in pyr_settings */
} pyr_setting;

#define FIELD(name) offsetof(pyr_settings, name), sizeof(((pyr_settings *)0)->name)

void pyr_settings_init(pyr_settings *settings) {
    memset(settings, 0, sizeof(*settings));
    memcpy(settings->engine, "auto", sizeof("auto"));
    memcpy(settings->time_unit, "ms", sizeof("ms"));
}

static pyr_status parse_number(const char *name, const char *value, int64_t low, int64_t high,
                               int64_t *out, pyr_error *error) {
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || number < low || number > high) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "%s: \"%s\" is not a whole number from %lld to %lld", name, value,
                                 (long long)low, (long long)high);
    }
    *out = number;
    return PYR_OK;
}

static pyr_status parse_choice(const char *name, const char *value, const char *const *choices,
                               char *out, size_t out_size, pyr_error *error) {
    pyr_text list;
    pyr_text_init(&list);
    for (size_t i = 0; choices[i] != NULL; ++i) {
        if (strcasecmp(value, choices[i]) == 0) {
            pyr_text_deinit(&list);
            snprintf(out, out_size, "%s", choices[i]);
            return PYR_OK;
        }
        pyr_text_printf(&list, "%s%s", i == 0 ? "" : ", ", choices[i]);
    }
    pyr_status status =
        pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1, "%s: \"%s\" is not one of %s", name,
                          value, pyr_text_get(&list));
    pyr_text_deinit(&list);
    return status;
}

/* "4GB", "512 MiB", "1000000": decimal units by 1000, binary ones by 1024, as DuckDB reads them. */
static pyr_status parse_size(const char *name, const char *value, size_t *out, pyr_error *error) {
    static const struct {
        const char *suffix;
        double factor;
    } units[] = {{"", 1},
                 {"b", 1},
                 {"kb", 1e3},
                 {"mb", 1e6},
                 {"gb", 1e9},
                 {"tb", 1e12},
                 {"kib", 1024.0},
                 {"mib", 1048576.0},
                 {"gib", 1073741824.0},
                 {"tib", 1099511627776.0}};
    char *rest = NULL;
    errno = 0;
    double number = strtod(value, &rest);
    const char *end = rest != NULL ? rest : value;
    while (isspace((unsigned char)*end)) {
        ++end;
    }
    for (size_t i = 0; end != value && errno == 0 && i < sizeof(units) / sizeof(units[0]); ++i) {
        double bytes = number * units[i].factor;
        if (strcasecmp(end, units[i].suffix) == 0 && bytes >= 0 && bytes < 1e18) {
            *out = (size_t)bytes;
            return PYR_OK;
        }
    }
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                             "%s: \"%s\" is not a size such as 4GB or 512MiB", name, value);
}

static pyr_status set_engine(pyr_settings *settings, const char *value, pyr_error *error) {
    static const char *const choices[] = {"auto", "native", "duckdb", NULL};
    if (strcasecmp(value, "spark") == 0) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "engine: this version has no Spark engine; use auto, native or "
                             "duckdb");
    }
    return parse_choice("engine", value, choices, settings->engine, sizeof(settings->engine),
                        error);
}

static void print_engine(const pyr_settings *settings, pyr_text *out) {
    pyr_text_add(out, settings->engine);
}

static pyr_status set_threads(pyr_settings *settings, const char *value, pyr_error *error) {
    int64_t number = 0;
    PYR_TRY(parse_number("threads", value, 1, PYR_THREADS_MAX, &number, error));
    settings->threads = (unsigned)number;
    return PYR_OK;
}

static void print_threads(const pyr_settings *settings, pyr_text *out) {
    pyr_text_printf(out, "%u", settings->threads != 0 ? settings->threads : pyr_cpus_available());
}

static pyr_status set_memory_limit(pyr_settings *settings, const char *value, pyr_error *error) {
    return parse_size("memory_limit", value, &settings->memory_limit_bytes, error);
}

static void print_memory_limit(const pyr_settings *settings, pyr_text *out) {
    if (settings->memory_limit_bytes == 0) {
        pyr_text_add(out, "none");
    } else {
        pyr_text_printf(out, "%zuB", settings->memory_limit_bytes);
    }
}

static pyr_status set_model_memory(pyr_settings *settings, const char *value, pyr_error *error) {
    return parse_size("model_memory", value, &settings->model_memory_bytes, error);
}

static void print_model_memory(const pyr_settings *settings, pyr_text *out) {
    if (settings->model_memory_bytes == 0) {
        pyr_text_add(out, "none");
    } else {
        pyr_text_printf(out, "%zuB", settings->model_memory_bytes);
    }
}

static pyr_status set_time_unit(pyr_settings *settings, const char *value, pyr_error *error) {
    static const char *const choices[] = {"s", "ms", "us", "ns", NULL};
    return parse_choice("time_unit", value, choices, settings->time_unit,
                        sizeof(settings->time_unit), error);
}

static void print_time_unit(const pyr_settings *settings, pyr_text *out) {
    pyr_text_add(out, settings->time_unit);
}

static pyr_status set_statement_timeout(pyr_settings *settings, const char *value,
                                        pyr_error *error) {
    char *end = NULL;
    errno = 0;
    double seconds = strtod(value, &end);
    if (errno != 0 || end == value || *end != '\0' || !(seconds >= 0) || seconds > 1e9) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "statement_timeout: \"%s\" is not a number of seconds (0: none)",
                                 value);
    }
    settings->statement_timeout_ms = (int64_t)(seconds * 1000);
    return PYR_OK;
}

static void print_statement_timeout(const pyr_settings *settings, pyr_text *out) {
    pyr_text_printf(out, "%g", (double)settings->statement_timeout_ms / 1000);
}

static const pyr_setting settings_table[] = {
    {"engine", "which engine runs queries: auto, native, duckdb", set_engine, print_engine,
     FIELD(engine)},
    {"memory_limit", "memory a query may take, for example 4GB", set_memory_limit,
     print_memory_limit, FIELD(memory_limit_bytes)},
    {"model_memory",
     "memory that pages of open models take in the process, for example 8GB; 0: any",
     set_model_memory, print_model_memory, FIELD(model_memory_bytes)},
    {"statement_timeout", "seconds after which a statement is cancelled; 0: never",
     set_statement_timeout, print_statement_timeout, FIELD(statement_timeout_ms)},
    {"threads", "threads a query may use", set_threads, print_threads, FIELD(threads)},
    {"time_unit", "unit of BIGINT epochs: s, ms, us, ns", set_time_unit, print_time_unit,
     FIELD(time_unit)},
};

/* Ours come first, then those of the dialect (engines/dialect.h). */
enum { OWN_COUNT = sizeof(settings_table) / sizeof(settings_table[0]) };

size_t pyr_settings_count(void) {
    return OWN_COUNT + PYR_DIALECT_SETTINGS;
}

const char *pyr_settings_name(size_t index) {
    return index < OWN_COUNT ? settings_table[index].name
                             : pyr_dialect_setting_at((int)(index - OWN_COUNT))->name;
}

bool pyr_settings_is(size_t index, const char *name) {
    return index < OWN_COUNT ? strcasecmp(name, settings_table[index].name) == 0
                             : pyr_dialect_find(name) == (int)(index - OWN_COUNT);
}

const char *pyr_settings_description(size_t index) {
    return index < OWN_COUNT ? settings_table[index].description
                             : pyr_dialect_setting_at((int)(index - OWN_COUNT))->description;
}

void pyr_settings_print(const pyr_settings *settings, size_t index, pyr_text *out) {
    if (index < OWN_COUNT) {
        settings_table[index].print(settings, out);
    } else {
        pyr_text_add(out, pyr_dialect_get(&settings->dialect, (int)(index - OWN_COUNT)));
    }
}

static const pyr_setting *find_setting(const char *name) {
    for (size_t i = 0; i < OWN_COUNT; ++i) {
        if (strcasecmp(name, settings_table[i].name) == 0) {
            return &settings_table[i];
        }
    }
    return NULL;
}

static pyr_status unknown_setting(const char *name, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "42704", -1,
                             "unknown setting \"%s\"; SHOW ALL lists the settings", name);
}

pyr_status pyr_settings_set(pyr_settings *settings, const char *name, const char *value,
                            pyr_error *error) {
    const pyr_setting *setting = find_setting(name);
    if (setting != NULL) {
        return setting->set(settings, value, error);
    }
    int of_dialect = pyr_dialect_find(name);
    return of_dialect >= 0 ? pyr_dialect_set(&settings->dialect, of_dialect, value, error)
                           : unknown_setting(name, error);
}

pyr_status pyr_settings_reset(pyr_settings *settings, const char *name,
                              const pyr_settings *defaults, pyr_error *error) {
    const pyr_setting *setting = find_setting(name);
    if (setting != NULL) {
        char *to = (char *)settings + setting->offset;
        memcpy(to, (const char *)defaults + setting->offset, setting->size_bytes);
        return PYR_OK;
    }
    int of_dialect = pyr_dialect_find(name);
    if (of_dialect < 0) {
        return unknown_setting(name, error);
    }
    memcpy(settings->dialect.values[of_dialect], defaults->dialect.values[of_dialect],
           PYR_DIALECT_VALUE_BYTES);
    return PYR_OK;
}
