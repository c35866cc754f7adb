/* shell.h - what runs statements and shows results: `pyralog [DATABASE]`, with -c, -f, a pipe on
 * stdin, or a person at a terminal.
 */
#ifndef PYR_CLI_SHELL_H
#define PYR_CLI_SHELL_H

#include "cli/errors.h"
#include "cli/format.h"
#include "cli/interrupts.h"
#include "session/session.h"

typedef struct pyr_shell {
    pyr_connection *connection;
    pyr_interrupts *interrupts; /* NULL: none */
    const char *database;       /* its location, for people */
    pyr_output standard;        /* stdout */
    pyr_output file;            /* of --output or .output; path NULL: none */
    bool file_keeps_last;       /* --output: a result replaces the one before */
    bool format_given;          /* else a file's suffix decides */
    pyr_format_kind kind;
    pyr_batch *params; /* one row of text: --param; NULL: none */
    bool timer, ledger, keep_going, interactive;
    bool failed;      /* some statement did */
    bool quit;        /* .quit, or nobody reads our output any more */
    bool reader_gone; /* the latter: statements that were not run count as failed */
    int depth;        /* of .read */
    /* With --format arrow on stdout only the last result is shown: the ordinal of its statement. */
    bool last_only;
    int64_t statement; /* ordinal of the next statement */
    int64_t last_result;
} pyr_shell;

/* One statement: run, print, say time and ledger. place: where it stands, for the caret. false: it
 * failed, which was reported. */
bool pyr_shell_statement(pyr_shell *shell, const pyr_sql_place *place, const char *sql,
                         size_t length);
/* A result made of a statement of our own (dot commands). */
bool pyr_shell_query(pyr_shell *shell, const char *sql);

/* Every statement and dot command of a text; false: one failed and the rest was not run (with
 * keep_going it was). */
bool pyr_shell_text(pyr_shell *shell, const char *text, size_t length);
/* The same from a file; "-" is stdin. */
bool pyr_shell_file(pyr_shell *shell, const char *path);
/* Statements from a descriptor, each run as soon as it is complete. */
bool pyr_shell_descriptor(pyr_shell *shell, int fd);
/* Everything that can be read, for the caller to free. */
PYR_MUST_CHECK pyr_status pyr_read_descriptor(int fd, char **text, size_t *length,
                                              pyr_error *error);
/* Ordinals of statements in text: adds to *statements, notes the last that gives rows in *last. */
void pyr_shell_find_last_result(const char *text, size_t length, int64_t *statements,
                                int64_t *last);

/* One dot command, without its line break. */
bool pyr_shell_dot_command(pyr_shell *shell, const char *line, size_t length);
/* Names of the dot commands with their dot, NULL-terminated. */
const char *const *pyr_dot_command_names(void);

/* Reads from the terminal until .quit or the end of input. */
void pyr_shell_interactive(pyr_shell *shell);

/* Sends what follows to path (NULL: stdout again). */
PYR_MUST_CHECK pyr_status pyr_shell_redirect(pyr_shell *shell, const char *path, bool keeps_last,
                                             pyr_error *error);

#endif
