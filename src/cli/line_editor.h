/* line_editor.h - one line from a person at a terminal: editing, history, completion (libedit; this
 * is the only file that knows it).
 */
#ifndef PYR_CLI_LINE_EDITOR_H
#define PYR_CLI_LINE_EDITOR_H

#include "base/error.h"

typedef enum pyr_line_outcome {
    PYR_LINE_READ,
    PYR_LINE_END,        /* Ctrl-D on an empty line */
    PYR_LINE_INTERRUPTED /* Ctrl-C: what was typed is to be forgotten */
} pyr_line_outcome;

/* What may stand in place of the word that ends at the cursor. */
typedef struct pyr_completions {
    char **words; /* owned, as is the array */
    size_t count;
    size_t capacity;
    size_t prefix_bytes; /* of the line before the cursor that the words begin with */
    bool paths;          /* case tells them apart; a folder's end with '/' and go on */
    bool quoted;         /* a word stands between single quotes */
} pyr_completions;
/* Adds a copy; out of memory is silent: one candidate less. */
void pyr_completions_add(pyr_completions *self, const char *word, size_t length);
void pyr_completions_deinit(pyr_completions *self);
/* Sorts, drops duplicates (without case), gives the bytes that all words begin with. */
size_t pyr_completions_settle(pyr_completions *self);

typedef void (*pyr_complete)(void *context, const char *line, size_t cursor, pyr_completions *out);

typedef struct pyr_line_editor pyr_line_editor;
/* History is loaded from the user's file: $XDG_STATE_HOME/pyralog/history, else
 * ~/.pyralog_history. complete may be NULL. */
PYR_MUST_CHECK pyr_status pyr_line_editor_create(pyr_complete complete, void *context,
                                                 pyr_line_editor **out, pyr_error *error);
/* NULL allowed. */
void pyr_line_editor_destroy(pyr_line_editor *self);
/* *line is valid until the next call; its line break is not in *length. */
pyr_line_outcome pyr_line_editor_read(pyr_line_editor *self, const char *prompt, const char **line,
                                      size_t *length);
/* Adds to the history, and at once to its file. */
void pyr_line_editor_remember(pyr_line_editor *self, const char *line);

#endif
