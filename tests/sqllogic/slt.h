/* slt.h - a runner for sqllogictest files over the façade (src/session/session.h): what its files
 * share. The two dialects and how the runner is used: README.md.
 *
 * A test program: where memory runs out it says so and leaves (slt_out_of_memory). One file runs in
 * one process of its own, on one thread. */
#ifndef PYR_TESTS_SQLLOGIC_SLT_H
#define PYR_TESTS_SQLLOGIC_SLT_H

#include "base/arena.h"
#include "base/text.h"
#include "session/session.h"

typedef enum slt_dialect { SLT_SQLITE, SLT_DUCKDB } slt_dialect;

_Noreturn void slt_out_of_memory(void);
/* From the arena, or the program ends. */
char *slt_strndup(pyr_arena *arena, const char *text, size_t length);
char *slt_printf(pyr_arena *arena, const char *format, ...) PYR_PRINTF(2, 3);
/* items, with room for one more after count of them. */
void *slt_grow(pyr_arena *arena, void *items, size_t count, size_t item_size);

/* ---- slt_script.c: a file as records. ---- */

typedef enum slt_kind {
    SLT_STATEMENT,
    SLT_QUERY,
    SLT_LOOP, /* loop, foreach, and their concurrent forms */
    SLT_ENDLOOP,
    SLT_HALT,
    SLT_HASH_THRESHOLD,
    SLT_MODE,
    SLT_REQUIRE, /* require, require-env */
    SLT_LOAD,
    SLT_RESTART,
    SLT_RECONNECT,
    SLT_SET,
    SLT_RESET,
    SLT_SLEEP,
    SLT_UNZIP,
    SLT_TEST_ENV,
    SLT_IGNORED, /* tags */
    SLT_UNKNOWN
} slt_kind;

/* skipif X, onlyif X: X names an engine, or is "variable=value" inside of a loop. */
typedef struct slt_condition {
    bool skip;
    const char *text;
} slt_condition;

typedef struct slt_record {
    slt_kind kind;
    int line;     /* of the command, from 1 */
    char **words; /* the command's line; words[0] is the command */
    size_t words_count;
    slt_condition *conditions;
    size_t conditions_count;
    char *sql;         /* STATEMENT, QUERY; lines divided by '\n' */
    bool has_expected; /* there was a "----" */
    char **expected;   /* the lines behind it */
    size_t expected_count;
} slt_record;

typedef struct slt_script {
    pyr_arena arena;
    slt_record *records;
    size_t count;
} slt_script;

/* Reads path, gzip-compressed or not. false with a message where it cannot be read. */
bool slt_script_load(const char *path, slt_script *out, char *message, size_t message_size);
void slt_script_deinit(slt_script *script);

/* ---- slt_directive.c ---- */

/* "" behind the last. */
const char *slt_word(const slt_record *record, size_t index);
/* Whether we have what a require or require-env asks for. */
bool slt_have(const slt_record *record);
void slt_sleep(const slt_record *record); /* sleep 1 second */
bool slt_unzip(const char *from, const char *to);

/* ---- slt_variables.c: ${x} of loops, and the words that stand for folders. ---- */

typedef struct slt_variable {
    const char *pattern; /* "${i}", "{TEST_DIR}" */
    const char *value;
} slt_variable;

#define SLT_VARIABLES_MAX 32
typedef struct slt_variables {
    slt_variable items[SLT_VARIABLES_MAX];
    size_t count;
} slt_variables;

void slt_variables_push(slt_variables *variables, const char *pattern, const char *value);
/* text with every pattern replaced, the innermost variable first. */
char *slt_substitute(const slt_variables *variables, const char *text, pyr_arena *arena);
/* The values that a word of foreach stands for: "<integral>" is nine types, another word itself. */
void slt_foreach_values(const char *word, pyr_arena *arena, char ***values, size_t *count);

/* ---- slt_result.c: rows as text. ---- */

/* What decides how two texts are compared. */
typedef enum slt_cell_kind {
    SLT_CELL_TEXT,
    SLT_CELL_BOOL,
    SLT_CELL_NUMBER,
    SLT_CELL_FLOAT
} slt_cell_kind;

typedef struct slt_result {
    pyr_arena arena;
    size_t columns_count;
    size_t rows_count;
    slt_cell_kind *kinds; /* one a column */
    char **cells;         /* row by row */
    size_t cells_count;   /* grows while rows come */
} slt_result;

void slt_result_init(slt_result *result);
void slt_result_deinit(slt_result *result);
/* Appends a batch's rows. types: the query's "IRT", which only the sqlite dialect goes by. */
void slt_result_add(slt_result *result, const pyr_batch *batch, slt_dialect dialect,
                    const char *types);
void slt_result_columns(slt_result *result, const pyr_schema *schema);
/* One whole-number column, and a row of it. */
void slt_result_count_column(slt_result *result);
void slt_result_count(slt_result *result, int64_t count);

/* ---- slt_compare.c: what is expected against what came. ---- */

typedef enum slt_sort { SLT_NOSORT, SLT_ROWSORT, SLT_VALUESORT } slt_sort;

void slt_result_sort(slt_result *result, slt_sort sort);
/* "30 values hashing to 3c13dee48d9356ae19af2515e05e6b54", in the result's arena. */
char *slt_result_hash(slt_result *result);
/* false with the first difference in words. result is sorted already, lines are not. */
bool slt_compare(slt_result *result, slt_sort sort, char *const *lines, size_t lines_count,
                 pyr_text *difference);

/* ---- slt_md5.c: RFC 1321. ---- */

typedef struct slt_md5 {
    uint32_t state[4];
    uint64_t length_bytes;
    uint8_t block[64];
} slt_md5;

void slt_md5_init(slt_md5 *md5);
void slt_md5_add(slt_md5 *md5, const void *bytes, size_t size_bytes);
void slt_md5_hex(slt_md5 *md5, char out[33]);

/* ---- slt_session.c: databases, connections by name, statements. ---- */

#define SLT_CONNECTIONS_MAX 64

typedef struct slt_session {
    pyr_database *db;
    char location[1024];
    bool readonly;
    size_t count;
    char names[SLT_CONNECTIONS_MAX][32];
    pyr_connection *connections[SLT_CONNECTIONS_MAX];
} slt_session;

/* Closes what is open, then opens location (":memory:" or a folder). */
pyr_status slt_session_open(slt_session *session, const char *location, bool readonly,
                            pyr_error *error);
void slt_session_close(slt_session *session);
/* Drops the connection of that name ("" is the one without); the next statement makes a new one. */
void slt_session_disconnect(slt_session *session, const char *name);
/* Runs every statement of sql to its end; result holds the last one's rows. failed: the statement
 * that failed, for the reason's sake, in result's arena. */
pyr_status slt_session_run(slt_session *session, const char *name, const char *sql,
                           slt_dialect dialect, const char *types, slt_result *result,
                           const char **failed, pyr_error *error);

/* ---- slt_reason.c: failures in words that many files share. ---- */

#define SLT_REASON_SIZE 112

/* "CREATE VIEW", "PRAGMA threads": what kind of statement sql is. */
void slt_statement_kind(const char *sql, char *out, size_t out_size);
/* "0A000 CREATE VIEW: CREATE VIEW is not supported ...": names and numbers are masked. */
void slt_reason_of_error(const char *sql, const pyr_error *error, char *out, size_t out_size);
/* What tunes or checks the inside of DuckDB and changes no result: its optimizer, its operators,
 * its storage file. The runner takes the statement as done, so that the file says something about
 * us. */
bool slt_is_about_duckdb(const char *sql);
/* Whether the façade says that it has no such thing yet, which is never the error that a file
 * expects. */
bool slt_is_unsupported(const pyr_error *error);

/* ---- slt_run.c: one file. ---- */

typedef enum slt_state { SLT_PASSED, SLT_FAILED, SLT_SKIPPED } slt_state;

#define SLT_MISSING_MAX 12

/* Written by the process that runs the file, in memory shared with the one that started it, so
 * that a crash leaves how far it came. */
typedef struct slt_outcome {
    slt_state state;
    bool finished; /* false after a crash or a hang */
    int64_t records;
    int line;    /* of the record that failed first */
    int at_line; /* of the record that runs */
    int64_t elapsed_ms;
    int64_t cpu_ms;               /* of the process, the engine's threads included */
    char reason[SLT_REASON_SIZE]; /* for the table */
    char message[1024];           /* for a reader */
    /* All reasons "not supported by this version" of the file, also those behind the first failure:
     * what must come before the file can pass. */
    int missing_count;
    char missing[SLT_MISSING_MAX][SLT_REASON_SIZE];
} slt_outcome;

typedef struct slt_options {
    slt_dialect dialect;
    const char *path;    /* of the file */
    const char *folder;  /* working directory */
    const char *scratch; /* {TEST_DIR}: exists, empty, absolute */
    bool check_errors;   /* our own files: an error must contain the text behind "----" */
} slt_options;

/* Runs the file in this process. */
void slt_run_file(const slt_options *options, slt_outcome *outcome);

/* ---- slt_pool.c: files in processes of their own. ---- */

typedef struct slt_job {
    const char *name; /* below the corpus, "duckdb/test/sql/..." */
    slt_options options;
    slt_outcome outcome;
} slt_job;

/* Runs all, `workers` at a time, each at most timeout_s; done is called as they end. scratch: a
 * folder that exists. */
void slt_pool_run(slt_job *jobs, size_t count, unsigned workers, unsigned timeout_s,
                  const char *scratch, void (*done)(const slt_job *job));

/* ---- slt_report.c ---- */

/* The score of each dialect and the reasons, most files first, reasons_max of them. */
void slt_report_print(const slt_job *jobs, size_t count, size_t reasons_max);

#endif
