/* model.c - `pyralog model ...`: the registry of models from the command line.
 *
 * What a statement does is done by one, through the shell, so that formats and errors are the
 * shell's. `verify` and `serve-check` look at the files and print a list of what they found.
 */
#include "cli/commands.h"
#include "sql/statement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Through the shell. ---- */

/* The shell's own options for one statement; *count. The caller frees it. NULL: out of memory. */
static const char **shell_arguments(const char *location, const pyr_options *options,
                                    const char *sql, const char *const *params, size_t params_count,
                                    bool readonly, const char *format, int *count) {
    size_t sets = 0;
    const char **set = pyr_options_all(options, "set", &sets);
    const char **all = calloc(2 * sets + 2 * params_count + 12, sizeof(*all));
    const char *given = pyr_options_get(options, "format");
    *count = 0;
    for (size_t i = 0; all != NULL && i < sets; ++i) {
        all[3 + 2 * i] = "--set";
        all[4 + 2 * i] = set[i];
    }
    if (all != NULL) {
        all[0] = "pyralog";
        all[1] = "-c";
        all[2] = sql;
        *count = 3 + 2 * (int)sets;
        all[(*count)++] = "--format";
        all[(*count)++] = given != NULL ? given : format;
    }
    for (size_t i = 0; all != NULL && i < params_count; ++i) {
        all[(*count)++] = "--param";
        all[(*count)++] = params[i];
    }
    if (all != NULL && readonly) {
        all[(*count)++] = "--readonly";
    }
    if (all != NULL) {
        all[(*count)++] = "--";
        all[(*count)++] = location;
    }
    free(set);
    return all;
}

static int run_sql(const char *location, const pyr_options *options, const char *sql,
                   const char *const *params, size_t params_count, bool readonly,
                   const char *format) {
    int count = 0;
    int code = PYR_EXIT_USAGE;
    pyr_options shell;
    pyr_error error;
    pyr_error_clear(&error);
    const char **arguments =
        shell_arguments(location, options, sql, params, params_count, readonly, format, &count);
    pyr_status status = arguments != NULL
                            ? pyr_options_parse(pyr_commands[0].options, count,
                                                (char *const *)arguments, false, &shell, &error)
                            : pyr_error_memory(&error, strlen(sql));
    if (status == PYR_OK) {
        code = pyr_command_shell(&shell);
        pyr_options_deinit(&shell);
    } else {
        pyr_error_report(&error, NULL);
    }
    free(arguments);
    return code;
}

/* ---- What statements do. ---- */

static int register_model(const pyr_options *options, const char *location) {
    const char *framework = pyr_options_get(options, "framework");
    const char *params[] = {options->arguments[2], options->arguments[3], framework};
    const char *sql =
        framework != NULL
            ? "INSERT INTO model_registry (name, path, framework) VALUES ($1, $2, $3) RETURNING *"
            : "INSERT INTO model_registry (name, path) VALUES ($1, $2) RETURNING *";
    return run_sql(location, options, sql, params, framework != NULL ? 3 : 2, false, "line");
}

static int list_models(const pyr_options *options, const char *location) {
    return run_sql(location, options,
                   "SELECT name, format, framework, size_bytes, tensors, parameters, dtype, state, "
                   "path FROM model_registry ORDER BY name",
                   NULL, 0, true, "box");
}

static void note_pin(void) {
    fprintf(stderr, "note: a pin is that of a running process, and this one ends now; what was "
                    "read stays in the system's cache while there is room. In a server or a "
                    "program: SELECT model_pin('NAME')\n");
}

static int pin_model(const pyr_options *options, const char *location) {
    int code = run_sql(location, options, "SELECT model_pin($1) AS pin", &options->arguments[2], 1,
                       true, "box");
    if (code == PYR_EXIT_OK) {
        note_pin();
    }
    return code;
}

static int unpin_model(const pyr_options *options, const char *location) {
    int code = run_sql(location, options, "SELECT model_unpin($1) AS unpin", &options->arguments[2],
                       1, true, "box");
    if (code == PYR_EXIT_OK) {
        note_pin();
    }
    return code;
}

/* ---- What looks at the files. ---- */

typedef struct findings {
    pyr_text sql; /* "VALUES (...), (...)" */
    size_t count, bad;
    int64_t size_bytes, largest_bytes;
    char *found; /* name of the last one's row */
} findings;

static void add_string(pyr_text *to, const char *text) {
    if (text != NULL) {
        pyr_sql_quote_string(text, to);
    } else {
        pyr_text_add(to, "CAST(NULL AS VARCHAR)");
    }
}

static pyr_status add_finding(void *context, const pyr_model_finding *finding, pyr_error *error) {
    findings *self = context;
    bool alias = strncmp(finding->path, "model:", 6) == 0;
    pyr_text_printf(&self->sql, "%s(", self->count > 0 ? ", " : "");
    add_string(&self->sql, finding->name);
    pyr_text_add(&self->sql, ", ");
    add_string(&self->sql, finding->state);
    if (finding->size_bytes >= 0) {
        pyr_text_printf(&self->sql, ", CAST(%" PRId64 " AS BIGINT)", finding->size_bytes);
    } else {
        pyr_text_add(&self->sql, ", CAST(NULL AS BIGINT)");
    }
    pyr_text_printf(&self->sql, ", %s, ", finding->hashed ? "true" : "false");
    add_string(&self->sql, finding->message);
    pyr_text_add_char(&self->sql, ')');
    ++self->count;
    self->bad += finding->message != NULL;
    if (!alias && finding->size_bytes > 0) {
        self->size_bytes += finding->size_bytes;
        self->largest_bytes =
            finding->size_bytes > self->largest_bytes ? finding->size_bytes : self->largest_bytes;
    }
    free(self->found);
    self->found = strdup(finding->name);
    return pyr_text_check(&self->sql, error);
}

/* false: reported. */
static bool look(const pyr_options *options, const char *location, const char *name, bool opens,
                 findings *out, int *code) {
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    pyr_error error;
    memset(out, 0, sizeof(*out));
    pyr_text_init(&out->sql);
    pyr_error_clear(&error);
    if (!pyr_command_open(location, options, pyr_settings_readonly, &db, code)) {
        return false;
    }
    pyr_status status = pyr_connect(db, &connection, &error);
    if (status == PYR_OK) {
        status = pyr_session_check_models(connection, name, opens, add_finding, out, &error);
    }
    if (status != PYR_OK) {
        pyr_error_report(&error, NULL);
        *code = PYR_EXIT_FAILED;
    }
    pyr_disconnect(connection);
    pyr_close(db);
    return status == PYR_OK;
}

static void findings_deinit(findings *self) {
    pyr_text_deinit(&self->sql);
    free(self->found);
}

static int print_findings(const pyr_options *options, findings *self, const char *columns) {
    pyr_text sql;
    pyr_text_init(&sql);
    pyr_text_printf(&sql,
                    "SELECT %s FROM (VALUES %s) AS t(name, state, size_bytes, hashed, "
                    "message)%s",
                    columns,
                    self->count > 0 ? pyr_text_get(&self->sql)
                                    : "('', '', CAST(0 AS BIGINT), false, '')",
                    self->count > 0 ? "" : " WHERE false");
    int code = sql.failed ? PYR_EXIT_FAILED
                          : run_sql(":memory:", options, pyr_text_get(&sql), NULL, 0, false, "box");
    pyr_text_deinit(&sql);
    return code != PYR_EXIT_OK ? code : self->bad > 0 ? PYR_EXIT_FAILED : PYR_EXIT_OK;
}

static int verify_model(const pyr_options *options, const char *location) {
    findings found;
    int code = PYR_EXIT_FAILED;
    if (look(options, location, options->arguments[2], false, &found, &code)) {
        code = print_findings(options, &found, "name, state, size_bytes, hashed, message");
    }
    findings_deinit(&found);
    return code;
}

/* The row of that name, or the one that it means. */
static int show_model(const pyr_options *options, const char *location) {
    findings found;
    int code = PYR_EXIT_FAILED;
    if (look(options, location, options->arguments[2], true, &found, &code)) {
        const char *name = found.found;
        code = run_sql(location, options, "SELECT * FROM model_registry WHERE name = $1", &name, 1,
                       true, "line");
    }
    findings_deinit(&found);
    return code;
}

static int check_serving(const pyr_options *options, const char *location) {
    findings found;
    int code = PYR_EXIT_FAILED;
    if (look(options, location, NULL, true, &found, &code)) {
        code = print_findings(options, &found, "name, state, size_bytes, message");
        fprintf(stderr,
                "%zu models, %zu not ok; %" PRId64 " bytes, the largest %" PRId64
                ": a server with SET model_memory keeps no more of them in memory than that\n",
                found.count, found.bad, found.size_bytes, found.largest_bytes);
    }
    findings_deinit(&found);
    return code;
}

/* ---- The command. ---- */

typedef struct verb {
    const char *name, *arguments;
    size_t count; /* with the verb itself */
    int (*run)(const pyr_options *options, const char *location);
} verb;

static const verb verbs[] = {{"register", "DATABASE NAME PATH", 4, register_model},
                             {"list", "DATABASE", 2, list_models},
                             {"show", "DATABASE NAME", 3, show_model},
                             {"verify", "DATABASE NAME", 3, verify_model},
                             {"pin", "DATABASE NAME", 3, pin_model},
                             {"unpin", "DATABASE NAME", 3, unpin_model},
                             {"serve-check", "DATABASE", 2, check_serving}};
enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

int pyr_command_model(const pyr_options *options) {
    const char *names[VERBS + 1] = {NULL};
    const char *word = options->arguments[0];
    for (size_t i = 0; i < VERBS; ++i) {
        names[i] = verbs[i].name;
        if (strcmp(verbs[i].name, word) != 0) {
            continue;
        }
        if (options->arguments_count != verbs[i].count) {
            return pyr_usage_error("pyralog model %s %s", verbs[i].name, verbs[i].arguments);
        }
        return verbs[i].run(options, options->arguments[1]);
    }
    const char *nearest = pyr_nearest_name(word, names);
    return pyr_usage_error("model: no command \"%.100s\"%s%s%s", word,
                           nearest != NULL ? ": did you mean \"" : "",
                           nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}
