/* differ_main.c - the test's program: so many statements of a seed, or statements until somebody
 * stops it; or one statement that is given.
 *
 * differential [--seed N] [--first N] [--statements N] [--seconds N] [--failures N] [--no-reduce]
 *              [--trace] [--sql STATEMENT]
 *
 * Exit codes: 0, 1 (something differs, or of 1,000 statements and more less than half is native), 2
 * (usage), 3 (the tables cannot be made), 77 (no DuckDB).
 */
#include "base/clock.h"
#include "differ.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    uint64_t seed, first, statements, failures;
    int64_t seconds;
    bool reduce, trace;
    const char *sql;
} options;

enum { REASONS_MAX = 200 };
typedef struct reason {
    char text[120];
    uint64_t count;
} reason;

typedef struct state {
    differ_db db;
    uint64_t run, covered, failed, erred;
    reason reasons[REASONS_MAX];
    size_t reasons_count;
} state;

/* ---- One statement. ---- */

/* Which comparison failed, and how: for the reducer, which must not wander to another failure. */
typedef struct failure {
    bool failed;
    const char *what; /* "DuckDB", "another way" */
    char kind[48];
} failure;

static void note(failure *out, const char *what, differ_result *a, differ_result *b) {
    out->failed = true;
    out->what = what;
    bool errors = a->error.code != PYR_OK || b->error.code != PYR_OK;
    snprintf(out->kind, sizeof(out->kind), "%s %s %s", errors ? "errors" : "rows",
             a->error.code == PYR_OK ? "-" : a->error.sqlstate,
             b->error.code == PYR_OK ? "-" : b->error.sqlstate);
    if (!errors && strcmp(a->schema, b->schema) != 0) {
        snprintf(out->kind, sizeof(out->kind), "schema");
    }
}

static differ_way pick_way(differ_random *random) {
    static const int64_t morsels[] = {0, 1, 100, 2048, 5000};
    differ_way way = {.layout = differ_below(random, DIFFER_LAYOUTS),
                      .threads = 1 + differ_below(random, 4),
                      .morsel_rows = DIFFER_PICK(random, morsels),
                      .all_batches = differ_below(random, 2) == 0};
    return way;
}

/* true: the native engine covers it. */
static bool check(state *self, const char *sql, bool ordered, const differ_way *other, failure *out,
                  pyr_text *difference, pyr_error *native_error) {
    static const differ_way plain = {0, 1, 0, false};
    differ_result native;
    differ_result second;
    memset(out, 0, sizeof(*out));
    differ_run_native(&self->db, sql, &plain, &native);
    *native_error = native.error;
    if (native.error.code == PYR_ERROR_NOT_SUPPORTED) {
        differ_result_deinit(&native);
        return false;
    }
    differ_run_duckdb(&self->db, sql, &second);
    if (!differ_result_same(&native, &second, ordered, difference)) {
        note(out, "DuckDB", &native, &second);
    }
    differ_result_deinit(&second);
    if (!out->failed) {
        differ_run_native(&self->db, sql, other, &second);
        if (!differ_result_same(&native, &second, ordered, difference)) {
            note(out, "another way", &native, &second);
        }
        differ_result_deinit(&second);
    }
    differ_result_deinit(&native);
    return true;
}

/* ---- Small failures. ---- */

typedef struct reduction {
    state *self;
    const failure *wanted;
    const differ_way *way;
    bool ordered;
} reduction;

static bool still_fails(void *context, const char *sql) {
    const reduction *of = context;
    failure found;
    pyr_error error;
    pyr_text difference;
    /* What has no order any more differs in its order alone. */
    bool ordered = of->ordered && strstr(sql, "ORDER BY") != NULL;
    if (strstr(sql, "LIMIT") != NULL && strstr(sql, "ORDER BY") == NULL) {
        return false;
    }
    pyr_text_init(&difference);
    (void)check(of->self, sql, ordered, of->way, &found, &difference, &error);
    pyr_text_deinit(&difference);
    return found.failed && found.what == of->wanted->what &&
           strcmp(found.kind, of->wanted->kind) == 0;
}

static void print_failure(state *self, const options *given, const char *sql, bool ordered,
                          const differ_way *way, const failure *found, const char *difference) {
    printf("%s: %s\n  %s\n%s", found->what, found->kind, sql, difference);
    if (found->what[0] == 'a') {
        printf("  layout %u, threads %u, morsels of %" PRId64 ", %s batches\n", way->layout,
               way->threads, way->morsel_rows, way->all_batches ? "all" : "needed");
    }
    if (given->reduce) {
        reduction of = {self, found, way, ordered};
        failure again;
        pyr_error error;
        pyr_text text;
        char *small = differ_reduce(sql, still_fails, &of);
        pyr_text_init(&text);
        (void)check(self, small, ordered && strstr(small, "ORDER BY") != NULL, way, &again, &text,
                    &error);
        printf("  reduced: %s\n%s", small, pyr_text_get(&text));
        pyr_text_deinit(&text);
        free(small);
    }
    fflush(stdout);
}

/* ---- Many. ---- */

/* What was not covered, without the place and what stands in quotes. */
static void note_reason(state *self, const char *message) {
    char text[sizeof(self->reasons[0].text)];
    const char *place = strstr(message, " (at byte");
    int length = place != NULL ? (int)(place - message) : (int)strlen(message);
    snprintf(text, sizeof(text), "%.*s", length, message);
    for (size_t i = 0; i < self->reasons_count; ++i) {
        if (strcmp(self->reasons[i].text, text) == 0) {
            ++self->reasons[i].count;
            return;
        }
    }
    if (self->reasons_count < REASONS_MAX) {
        memcpy(self->reasons[self->reasons_count].text, text, sizeof(text));
        self->reasons[self->reasons_count++].count = 1;
    }
}

static int compare_reasons(const void *a, const void *b) {
    const reason *left = a;
    const reason *right = b;
    return (left->count < right->count) - (left->count > right->count);
}

static void print_summary(state *self) {
    qsort(self->reasons, self->reasons_count, sizeof(reason), compare_reasons);
    for (size_t i = 0; i < self->reasons_count; ++i) {
        printf("  not covered %5" PRIu64 ": %s\n", self->reasons[i].count, self->reasons[i].text);
    }
    printf("%" PRIu64 " statements, %" PRIu64 " (%.1f %%) native, of which %" PRIu64
           " end in an error; %" PRIu64 " differ\n",
           self->run, self->covered,
           self->run > 0 ? 100.0 * (double)self->covered / (double)self->run : 0, self->erred,
           self->failed);
    fflush(stdout); /* before LeakSanitizer may end the process */
}

static void run_one(state *self, const options *given, uint64_t number) {
    differ_statement statement;
    differ_random random = {given->seed ^ (number * 77)};
    failure found;
    pyr_error error;
    pyr_text difference;
    pyr_text_init(&difference);
    differ_make(given->seed, number, &statement);
    const char *sql = pyr_text_get(&statement.sql);
    differ_way way = pick_way(&random);
    if (given->trace) {
        fprintf(stderr, "%" PRIu64 ": %s\n", number, sql);
    }
    ++self->run;
    if (check(self, sql, statement.ordered, &way, &found, &difference, &error)) {
        ++self->covered;
        self->erred += error.code != PYR_OK ? 1 : 0;
    } else {
        note_reason(self, error.message);
    }
    if (found.failed) {
        ++self->failed;
        printf("seed %" PRIu64 ", statement %" PRIu64 ", ", given->seed, number);
        print_failure(self, given, sql, statement.ordered, &way, &found, pyr_text_get(&difference));
    }
    pyr_text_deinit(&difference);
    pyr_text_deinit(&statement.sql);
}

static int run_given(state *self, const options *given) {
    static const differ_way ways[] = {{0, 4, 1, true}, {1, 2, 100, false}, {2, 2, 0, false}};
    int code = 0;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); ++i) {
        failure found;
        pyr_error error;
        pyr_text difference;
        pyr_text_init(&difference);
        if (!check(self, given->sql, strstr(given->sql, "ORDER BY") != NULL, &ways[i], &found,
                   &difference, &error)) {
            printf("not covered: %s\n", error.message);
        } else if (found.failed) {
            print_failure(self, given, given->sql, false, &ways[i], &found,
                          pyr_text_get(&difference));
            code = 1;
        }
        pyr_text_deinit(&difference);
    }
    return code;
}

static bool parse(int count, char **words, options *out) {
    *out = (options){.seed = 1, .statements = 10000, .failures = 20, .reduce = true};
    for (int i = 1; i < count; ++i) {
        uint64_t *number = strcmp(words[i], "--seed") == 0         ? &out->seed
                           : strcmp(words[i], "--first") == 0      ? &out->first
                           : strcmp(words[i], "--statements") == 0 ? &out->statements
                           : strcmp(words[i], "--failures") == 0   ? &out->failures
                                                                   : NULL;
        if (strcmp(words[i], "--no-reduce") == 0) {
            out->reduce = false;
        } else if (strcmp(words[i], "--trace") == 0) {
            out->trace = true;
        } else if (i + 1 == count) {
            return false;
        } else if (strcmp(words[i], "--sql") == 0) {
            out->sql = words[++i];
        } else if (strcmp(words[i], "--seconds") == 0) {
            out->seconds = strtoll(words[++i], NULL, 10);
            out->statements = UINT64_MAX;
        } else if (number != NULL) {
            *number = strtoull(words[++i], NULL, 10);
        } else {
            return false;
        }
    }
    return true;
}

int main(int count, char **words) {
    options given;
    if (!parse(count, words, &given)) {
        fprintf(stderr, "usage: differential [--seed N] [--first N] [--statements N] "
                        "[--seconds N] [--failures N] [--no-reduce] [--trace] [--sql STATEMENT]\n");
        return 2;
    }
    state *self = calloc(1, sizeof(*self));
    differ_db_open(&self->db);
    int code = 0;
    if (given.sql != NULL) {
        code = run_given(self, &given);
    } else {
        int64_t end = given.seconds > 0
                          ? pyr_clock_monotonic_ns() + given.seconds * INT64_C(1000000000)
                          : INT64_MAX;
        printf("seed %" PRIu64 "\n", given.seed);
        for (uint64_t i = 0; i < given.statements && self->failed < given.failures &&
                             pyr_clock_monotonic_ns() < end;
             ++i) {
            run_one(self, &given, given.first + i);
        }
        print_summary(self);
        /* A run that the native engine refuses would compare nothing. */
        bool refused = self->run >= 1000 && self->covered * 2 < self->run;
        printf("%s", refused ? "the native engine covers less than half\n" : "");
        code = self->failed > 0 || refused ? 1 : 0;
    }
    differ_db_close(&self->db);
    free(self);
    return code;
}
