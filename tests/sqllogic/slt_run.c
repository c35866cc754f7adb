/* slt_run.c - one file from its first record to its last, or to the first that fails.
 *
 * Behind the first failure the file goes on in silence, only to find what else it uses that this
 * version does not support: outcome->missing. */
#include "slt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LABELS_MAX 4096

typedef struct label {
    char *name;
    char *hash;
} label;

typedef struct runner {
    const slt_options *options;
    slt_script script;
    slt_session session;
    slt_variables variables;
    pyr_arena arena; /* what one record needs */
    pyr_arena labels_arena;
    label *labels;
    size_t labels_count;
    int skipping; /* mode skip, nested */
    bool stop;    /* halt, require, or a failure nothing can follow */
    slt_outcome *outcome;
} runner;

/* ---- Failing. ---- */

static void fail(runner *self, const slt_record *record, const char *reason, const char *format,
                 ...) PYR_PRINTF(4, 5);
static void fail(runner *self, const slt_record *record, const char *reason, const char *format,
                 ...) {
    slt_outcome *outcome = self->outcome;
    if (outcome->state == SLT_FAILED) {
        return;
    }
    outcome->state = SLT_FAILED;
    outcome->line = record->line;
    snprintf(outcome->reason, sizeof(outcome->reason), "%s", reason);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(outcome->message, sizeof(outcome->message), format, arguments);
    va_end(arguments);
}

static void note_missing(slt_outcome *outcome, const char *reason) {
    for (int i = 0; i < outcome->missing_count; ++i) {
        if (strcmp(outcome->missing[i], reason) == 0) {
            return;
        }
    }
    if (outcome->missing_count < SLT_MISSING_MAX) {
        snprintf(outcome->missing[outcome->missing_count++], SLT_REASON_SIZE, "%s", reason);
    }
}

static void skip_file(runner *self, const char *reason) {
    if (self->outcome->state != SLT_FAILED) {
        self->outcome->state = SLT_SKIPPED;
        snprintf(self->outcome->reason, sizeof(self->outcome->reason), "%s", reason);
    }
    self->stop = true;
}

/* ---- Statements and queries. ---- */

/* A refusal of this version is no proof that the statement is wrong, unless DuckDB has no such
 * thing either. The corpora's texts are DuckDB's; our own files' are ours. */
static bool is_expected_error(const runner *self, const slt_record *record,
                              const pyr_error *error) {
    if (self->options->check_errors) {
        char text[sizeof(error->sqlstate) + sizeof(error->message) + 2];
        snprintf(text, sizeof(text), "%s: %s", error->sqlstate, error->message);
        return record->expected_count == 0 || strstr(text, record->expected[0]) != NULL;
    }
    if (!slt_is_unsupported(error)) {
        return true;
    }
    for (size_t i = 0; i < record->expected_count; ++i) {
        if (strstr(record->expected[i], "Not implemented") != NULL ||
            strstr(record->expected[i], "not supported") != NULL ||
            strstr(record->expected[i], "not implemented") != NULL) {
            return true;
        }
    }
    return false;
}

static void run_statement(runner *self, const slt_record *record) {
    slt_result result;
    pyr_error error = {0};
    const char *failed = "";
    slt_result_init(&result);
    pyr_status status = slt_session_run(&self->session, slt_word(record, 2), record->sql,
                                        self->options->dialect, "", &result, &failed, &error);
    char reason[SLT_REASON_SIZE];
    if (status != PYR_OK) {
        slt_reason_of_error(failed, &error, reason, sizeof(reason));
        if (slt_is_unsupported(&error)) {
            note_missing(self->outcome, reason);
        }
    }
    const char *wanted = slt_word(record, 1);
    if (strcmp(wanted, "ok") == 0 && status != PYR_OK) {
        fail(self, record, reason, "%s: %s: %s", error.sqlstate, error.message, failed);
    } else if (strcmp(wanted, "error") == 0 && status == PYR_OK) {
        char kind[64];
        slt_statement_kind(record->sql, kind, sizeof(kind));
        snprintf(reason, sizeof(reason), "no error: %s", kind);
        fail(self, record, reason, "no error came, expected: %s: %s",
             record->expected_count > 0 ? record->expected[0] : "one", record->sql);
    } else if (strcmp(wanted, "error") == 0 && !is_expected_error(self, record, &error)) {
        fail(self, record, reason, "another error was expected than %s: %s: %s", error.sqlstate,
             error.message, failed);
    }
    slt_result_deinit(&result);
}

static bool read_sort(const char *text, slt_sort *sort) {
    static const struct {
        const char *word;
        slt_sort sort;
    } sorts[] = {{"nosort", SLT_NOSORT},
                 {"rowsort", SLT_ROWSORT},
                 {"sort", SLT_ROWSORT},
                 {"valuesort", SLT_VALUESORT}};
    for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); ++i) {
        if (strcmp(text, sorts[i].word) == 0) {
            *sort = sorts[i].sort;
            return true;
        }
    }
    return false;
}

/* Equal labels must give equal results: the first query of a label is held against the others. */
static bool label_agrees(runner *self, const char *name, slt_result *result) {
    const char *hash = slt_result_hash(result);
    for (size_t i = 0; i < self->labels_count; ++i) {
        if (strcmp(self->labels[i].name, name) == 0) {
            return strcmp(self->labels[i].hash, hash) == 0;
        }
    }
    self->labels = slt_grow(&self->labels_arena, self->labels, self->labels_count, sizeof(label));
    self->labels[self->labels_count++] =
        (label){slt_strndup(&self->labels_arena, name, strlen(name)),
                slt_strndup(&self->labels_arena, hash, strlen(hash))};
    return true;
}

static void check_result(runner *self, const slt_record *record, slt_result *result, slt_sort sort,
                         const char *label_name) {
    size_t columns = strlen(slt_word(record, 1));
    if (result->columns_count != columns) {
        fail(self, record, "wrong result: number of columns", "%zu columns expected, %zu came: %s",
             columns, result->columns_count, record->sql);
        return;
    }
    slt_result_sort(result, sort);
    if (label_name[0] != '\0' && !label_agrees(self, label_name, result)) {
        fail(self, record, "wrong result: differs from one of the same label", "label %s: %s",
             label_name, record->sql);
        return;
    }
    /* A label without lines asks for no more than agreement; in sqlite's files it says "no row". */
    if (label_name[0] != '\0' && record->expected_count == 0 &&
        self->options->dialect == SLT_DUCKDB) {
        return;
    }
    pyr_text difference;
    pyr_text_init(&difference);
    if (!slt_compare(result, sort, record->expected, record->expected_count, &difference)) {
        char kind[64];
        char reason[SLT_REASON_SIZE];
        slt_statement_kind(record->sql, kind, sizeof(kind));
        snprintf(reason, sizeof(reason), "wrong result: %s", kind);
        fail(self, record, reason, "%s: %s", pyr_text_get(&difference), record->sql);
    }
    pyr_text_deinit(&difference);
}

static void run_query(runner *self, const slt_record *record) {
    slt_sort sort = SLT_NOSORT;
    /* query TYPES [sort] [label], or query TYPES connection. */
    const char *connection =
        record->words_count > 2 && !read_sort(record->words[2], &sort) ? record->words[2] : "";
    slt_result result;
    pyr_error error = {0};
    const char *failed = "";
    slt_result_init(&result);
    pyr_status status =
        slt_session_run(&self->session, connection, record->sql, self->options->dialect,
                        slt_word(record, 1), &result, &failed, &error);
    if (status != PYR_OK) {
        char reason[SLT_REASON_SIZE];
        slt_reason_of_error(failed, &error, reason, sizeof(reason));
        if (slt_is_unsupported(&error)) {
            note_missing(self->outcome, reason);
        }
        fail(self, record, reason, "%s: %s: %s", error.sqlstate, error.message, failed);
    } else {
        check_result(self, record, &result, sort, slt_word(record, 3));
    }
    slt_result_deinit(&result);
}

/* ---- Directives. ---- */

static void open_database(runner *self, const slt_record *record, const char *location,
                          bool readonly) {
    pyr_error error = {0};
    if (slt_session_open(&self->session, location, readonly, &error) != PYR_OK) {
        char reason[SLT_REASON_SIZE];
        snprintf(reason, sizeof(reason), "%s %s", error.sqlstate, slt_word(record, 0));
        fail(self, record, reason, "%s: %s", location, error.message);
        self->stop = true;
    }
}

static void require(runner *self, const slt_record *record) {
    if (!slt_have(record)) {
        char reason[SLT_REASON_SIZE];
        snprintf(reason, sizeof(reason), "require %s %s", slt_word(record, 1), slt_word(record, 2));
        skip_file(self, reason);
    }
}

static void run_mode(runner *self, const slt_record *record) {
    if (strcmp(slt_word(record, 1), "skip") == 0) {
        ++self->skipping;
    } else if (strcmp(slt_word(record, 1), "unskip") == 0 && self->skipping > 0) {
        --self->skipping;
    }
}

/* set seed X */
static void run_set(runner *self, const slt_record *record) {
    if (strcmp(slt_word(record, 1), "seed") != 0) {
        fail(self, record, "directive: set", "set %s is not known to the runner",
             slt_word(record, 1));
        return;
    }
    slt_result result;
    pyr_error error = {0};
    const char *failed;
    slt_result_init(&result);
    char *sql = slt_printf(&self->arena, "SELECT setseed(%s)", slt_word(record, 2));
    if (slt_session_run(&self->session, "", sql, self->options->dialect, "", &result, &failed,
                        &error) != PYR_OK) {
        fail(self, record, "directive: set seed", "%s", error.message);
    }
    slt_result_deinit(&result);
}

/* reset label X */
static void run_reset(runner *self, const slt_record *record) {
    if (strcmp(slt_word(record, 1), "label") != 0) {
        fail(self, record, "directive: reset", "reset %s is not known to the runner",
             slt_word(record, 1));
        return;
    }
    for (size_t i = 0; i < self->labels_count; ++i) {
        if (strcmp(self->labels[i].name, slt_word(record, 2)) == 0) {
            self->labels[i] = self->labels[--self->labels_count];
            return;
        }
    }
}

/* unzip FROM [TO] */
static void run_unzip(runner *self, const slt_record *record) {
    const char *from = slt_word(record, 1);
    size_t length = strlen(from);
    char *to = record->words_count > 2
                   ? record->words[2]
                   : slt_strndup(&self->arena, from, length > 3 ? length - 3 : 0);
    if (!slt_unzip(from, to)) {
        fail(self, record, "directive: unzip", "%s to %s", from, to);
    }
}

/* ---- Records. ---- */

static bool condition_holds(const slt_condition *condition, slt_dialect dialect) {
    /* Comparisons, as "i=2", have their variable replaced already: "2=2". */
    const char *equals = strchr(condition->text, '=');
    bool named;
    if (equals != NULL) {
        size_t length = (size_t)(equals - condition->text);
        named = strlen(equals + 1) == length && strncmp(condition->text, equals + 1, length) == 0;
    } else {
        named = strcmp(condition->text, dialect == SLT_SQLITE ? "postgresql" : "duckdb") == 0;
    }
    return named != condition->skip;
}

/* "i=2" with the value of i: what skipif and onlyif compare inside of loops. */
static const char *condition_text(const runner *self, const char *text, pyr_arena *arena) {
    const char *equals = strchr(text, '=');
    if (equals == NULL) {
        return text;
    }
    char *pattern = slt_printf(arena, "${%.*s}", (int)(equals - text), text);
    char *whole = slt_printf(arena, "%s%s", pattern, equals);
    return slt_substitute(&self->variables, whole, arena);
}

/* The record with its variables replaced, in the record's arena. */
static slt_record substituted(runner *self, const slt_record *record) {
    slt_record out = *record;
    out.words = pyr_arena_array(&self->arena, record->words_count + 1, sizeof(char *));
    out.expected = pyr_arena_array(&self->arena, record->expected_count + 1, sizeof(char *));
    if (out.words == NULL || out.expected == NULL) {
        slt_out_of_memory();
    }
    for (size_t i = 0; i < record->words_count; ++i) {
        out.words[i] = slt_substitute(&self->variables, record->words[i], &self->arena);
    }
    for (size_t i = 0; i < record->expected_count; ++i) {
        out.expected[i] = slt_substitute(&self->variables, record->expected[i], &self->arena);
    }
    if (record->sql != NULL) {
        out.sql = slt_substitute(&self->variables, record->sql, &self->arena);
    }
    return out;
}

static void run_record(runner *self, const slt_record *record) {
    switch (record->kind) {
    case SLT_STATEMENT:
    case SLT_QUERY:
        ++self->outcome->records;
        if (record->kind == SLT_QUERY) {
            run_query(self, record);
        } else if (strcmp(slt_word(record, 1), "error") == 0 || !slt_is_about_duckdb(record->sql)) {
            run_statement(self, record);
        }
        break;
    case SLT_HALT:
        self->stop = true;
        break;
    case SLT_REQUIRE:
        require(self, record);
        break;
    case SLT_LOAD:
        open_database(self, record, slt_word(record, 1),
                      strcmp(slt_word(record, 2), "readonly") == 0);
        break;
    case SLT_RESTART:
        open_database(self, record, self->session.location, self->session.readonly);
        break;
    case SLT_RECONNECT:
        slt_session_disconnect(&self->session, slt_word(record, 1));
        break;
    case SLT_SET:
        run_set(self, record);
        break;
    case SLT_RESET:
        run_reset(self, record);
        break;
    case SLT_SLEEP:
        slt_sleep(record);
        break;
    case SLT_UNZIP:
        run_unzip(self, record);
        break;
    case SLT_UNKNOWN:
    case SLT_LOOP: /* handled before, or without its end */
    case SLT_ENDLOOP:
        fail(self, record, "directive: unknown", "\"%s\" is not known to the runner",
             slt_word(record, 0));
        break;
    case SLT_MODE: /* handled before */
    case SLT_TEST_ENV:
    case SLT_HASH_THRESHOLD: /* a result given as a hash is compared as one, whatever its size */
    case SLT_IGNORED:
        break;
    }
}

static void run_records(runner *self, size_t from, size_t to);

static size_t end_of_loop(const runner *self, size_t start) {
    int depth = 0;
    for (size_t i = start; i < self->script.count; ++i) {
        depth += self->script.records[i].kind == SLT_LOOP;
        depth -= self->script.records[i].kind == SLT_ENDLOOP;
        if (depth == 0) {
            return i;
        }
    }
    return self->script.count;
}

/* foreach a,b 1,2 3,4: each value is divided as the names are. */
static void push_names(runner *self, const char *names, const char *value, pyr_arena *arena) {
    bool several = strchr(names, ',') != NULL;
    while (*names != '\0') {
        size_t name_length = several ? strcspn(names, ",") : strlen(names);
        size_t value_length = several ? strcspn(value, ",") : strlen(value);
        slt_variables_push(&self->variables, slt_printf(arena, "${%.*s}", (int)name_length, names),
                           slt_strndup(arena, value, value_length));
        names += name_length + (names[name_length] == ',');
        value += value_length + (value[value_length] == ',');
    }
}

/* Concurrent loops run one round after the other. */
static void run_loop(runner *self, size_t start, size_t end) {
    const slt_record *source = &self->script.records[start];
    pyr_arena arena;
    pyr_arena_init(&arena, NULL);
    slt_record record = substituted(self, source);
    char **values = NULL;
    size_t count = 0;
    const char *name = slt_strndup(&arena, slt_word(&record, 1), strlen(slt_word(&record, 1)));
    if (strstr(record.words[0], "foreach") != NULL) {
        for (size_t i = 2; i < record.words_count; ++i) {
            slt_foreach_values(record.words[i], &arena, &values, &count);
        }
    } else {
        long last = strtol(slt_word(&record, 3), NULL, 10);
        for (long i = strtol(slt_word(&record, 2), NULL, 10); i < last; ++i) {
            values = slt_grow(&arena, values, count, sizeof(char *));
            values[count++] = slt_printf(&arena, "%ld", i);
        }
    }
    for (size_t i = 0; i < count && !self->stop; ++i) {
        size_t depth = self->variables.count;
        push_names(self, name, values[i], &arena);
        run_records(self, start + 1, end);
        self->variables.count = depth;
    }
    pyr_arena_deinit(&arena);
}

static void run_records(runner *self, size_t from, size_t to) {
    for (size_t i = from; i < to && !self->stop; ++i) {
        const slt_record *record = &self->script.records[i];
        self->outcome->at_line = record->line;
        pyr_arena_reset(&self->arena);
        if (record->kind == SLT_MODE) {
            run_mode(self, record);
            continue;
        }
        if (record->kind == SLT_LOOP && end_of_loop(self, i) < self->script.count) {
            size_t end = end_of_loop(self, i);
            run_loop(self, i, end);
            i = end;
            continue;
        }
        bool runs = self->skipping == 0;
        for (size_t c = 0; runs && c < record->conditions_count; ++c) {
            slt_condition condition = record->conditions[c];
            condition.text = condition_text(self, condition.text, &self->arena);
            runs = condition_holds(&condition, self->options->dialect);
        }
        if (runs) {
            slt_record ready = substituted(self, record);
            run_record(self, &ready);
        }
    }
}

/* ---- The file. ---- */

/* The sqlite files divide integers as SQLite does. Where the façade has no such setting yet, the
 * files that divide fail by their results. */
static void divide_integers(runner *self) {
    slt_result result;
    pyr_error error = {0};
    const char *failed;
    slt_result_init(&result);
    if (slt_session_run(&self->session, "", "SET integer_division = true", SLT_SQLITE, "", &result,
                        &failed, &error) != PYR_OK) {
        char reason[SLT_REASON_SIZE];
        slt_reason_of_error(failed, &error, reason, sizeof(reason));
        note_missing(self->outcome, reason);
    }
    slt_result_deinit(&result);
}

void slt_run_file(const slt_options *options, slt_outcome *outcome) {
    struct timespec start;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    runner self = {.options = options, .outcome = outcome};
    pyr_arena_init(&self.arena, NULL);
    pyr_arena_init(&self.labels_arena, NULL);
    slt_variables_push(&self.variables, "__TEST_DIR__", options->scratch);
    slt_variables_push(&self.variables, "{TEST_DIR}", options->scratch);
    slt_variables_push(&self.variables, "{TEMP_DIR}", options->scratch);
    slt_variables_push(&self.variables, "{DATA_DIR}", "data");
    slt_variables_push(&self.variables, "__WORKING_DIRECTORY__", options->folder);
    slt_record none = {0};
    char message[512] = "";
    if (chdir(options->folder) != 0 ||
        !slt_script_load(options->path, &self.script, message, sizeof(message))) {
        /* The test's fault, not the database's: no outcome that may be expected. */
        fprintf(stderr, "ERROR: the file cannot be read: %s: %s\n", options->folder, message);
        exit(3);
    }
    open_database(&self, &none, ":memory:", false);
    if (!self.stop && options->dialect == SLT_SQLITE) {
        divide_integers(&self);
    }
    run_records(&self, 0, self.script.count);
    slt_session_close(&self.session);
    slt_script_deinit(&self.script);
    pyr_arena_deinit(&self.arena);
    pyr_arena_deinit(&self.labels_arena);
    clock_gettime(CLOCK_MONOTONIC, &end);
    outcome->elapsed_ms =
        (int64_t)(end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    outcome->cpu_ms = (int64_t)cpu.tv_sec * 1000 + cpu.tv_nsec / 1000000;
    outcome->finished = true;
}
