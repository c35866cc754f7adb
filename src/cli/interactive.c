/* interactive.c - the loop of the shell: lines from a person become statements. */
#include "base/text.h"
#include "cli/completion.h"
#include "cli/shell.h"
#include "sql/statement.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PROMPT "pyralog> "
#define PROMPT_MORE "    ...> "

typedef struct session_text {
    pyr_shell *shell;
    pyr_line_editor *editor;
    pyr_text text;   /* lines typed since the last complete statement */
    bool one_line;   /* they may be joined by spaces */
    pyr_text joined; /* what of them is not in the history yet, as one line */
} session_text;

static bool is_blank(const char *line, size_t length) {
    for (size_t i = 0; i < length; ++i) {
        if (!isspace((unsigned char)line[i])) {
            return false;
        }
    }
    return true;
}

static bool is_word(const char *line, size_t length, const char *word) {
    while (length > 0 && (line[length - 1] == ';' || isspace((unsigned char)line[length - 1]))) {
        --length;
    }
    return strlen(word) == length && strncasecmp(line, word, length) == 0;
}

/* Where the comment to the end of the line begins, length where there is none. The line does not
 * begin within a string. */
static size_t find_comment(const char *line, size_t length) {
    char quote = '\0';
    for (size_t i = 0; i < length; ++i) {
        if (quote != '\0') {
            quote = line[i] == quote ? '\0' : quote;
        } else if (line[i] == '\'' || line[i] == '"') {
            quote = line[i];
        } else if (i + 1 < length && line[i] == '-' && line[i + 1] == '-') {
            return i;
        }
    }
    return length;
}

/* The line as a part of a longer one: its comment becomes one that ends. false: it has no such
 * form. */
static bool join_line(pyr_text *joined, const char *line, size_t length) {
    size_t comment = find_comment(line, length);
    if (comment < length &&
        (memmem(line, length, "*/", 2) != NULL || memmem(line, length, "/*", 2) != NULL ||
         memchr(line, '$', length) != NULL)) {
        return false; /* the "--" may stand within something else */
    }
    pyr_text_add(joined, joined->length > 0 ? " " : "");
    pyr_text_append(joined, line, comment);
    if (comment < length) {
        pyr_text_add(joined, "/*");
        pyr_text_append(joined, line + comment + 2, length - comment - 2);
        pyr_text_add(joined, " */");
    }
    return true;
}

/* A statement over several lines comes back from the history as one line where that changes nothing
 * of its meaning (no string across lines), else line by line. */
static void add_line(session_text *self, const char *line, size_t length) {
    pyr_text_append(&self->text, line, length);
    pyr_text_add_char(&self->text, '\n');
    pyr_span span;
    bool complete = false;
    bool open = false;
    size_t position = 0;
    bool some = pyr_sql_split(pyr_text_get(&self->text), self->text.length, &position, &span,
                              &complete, &open);
    if (self->one_line && (open || !join_line(&self->joined, line, length))) {
        self->one_line = false;
        if (self->joined.length > 0) {
            pyr_line_editor_remember(self->editor, pyr_text_get(&self->joined));
            pyr_text_clear(&self->joined);
        }
    }
    if (!self->one_line) {
        pyr_text_append(&self->joined, line, length);
    }
    if (complete || !some || !self->one_line) {
        pyr_line_editor_remember(self->editor, pyr_text_get(&self->joined));
        pyr_text_clear(&self->joined);
    }
}

static void forget(session_text *self) {
    pyr_text_clear(&self->text);
    pyr_text_clear(&self->joined);
    self->one_line = true;
}

/* Runs the statements that are complete; what is left waits for more lines. */
static void run_complete(session_text *self) {
    const char *text = pyr_text_get(&self->text);
    size_t length = self->text.length;
    size_t position = 0;
    for (;;) {
        pyr_span span;
        bool complete = false;
        bool open = false;
        size_t next = position;
        if (!pyr_sql_split(text, length, &next, &span, &complete, &open)) {
            forget(self);
            return;
        }
        if (!complete) {
            /* Nothing but what stands after the statements that ran. */
            memmove(self->text.data, text + position, length - position + 1);
            self->text.length = length - position;
            return;
        }
        position = next;
        const pyr_sql_place place = {text, length, span.offset};
        if (!pyr_shell_statement(self->shell, &place, span.text, span.length) &&
            self->shell->quit) {
            return;
        }
    }
}

static void take_line(session_text *self, const char *line, size_t length) {
    bool fresh = self->text.length == 0;
    if (fresh && is_blank(line, length)) {
        return;
    }
    size_t start = 0;
    while (start < length && isspace((unsigned char)line[start])) {
        ++start;
    }
    pyr_text copy; /* the editor's line is gone once a statement asks for another */
    pyr_text_init(&copy);
    pyr_text_append(&copy, line + start, length - start);
    const char *words = pyr_text_get(&copy);
    if (fresh && words[0] == '.') {
        pyr_line_editor_remember(self->editor, words);
        (void)pyr_shell_dot_command(self->shell, words, copy.length);
    } else if (fresh &&
               (is_word(words, copy.length, "quit") || is_word(words, copy.length, "exit"))) {
        self->shell->quit = true;
    } else if (fresh && is_word(words, copy.length, "help")) {
        (void)pyr_shell_dot_command(self->shell, ".help", 5);
    } else {
        add_line(self, line, length);
        run_complete(self);
    }
    pyr_text_deinit(&copy);
}

void pyr_shell_interactive(pyr_shell *shell) {
    pyr_error error;
    pyr_error_clear(&error);
    session_text self = {.shell = shell, .one_line = true};
    pyr_text_init(&self.text);
    pyr_text_init(&self.joined);
    if (pyr_line_editor_create(pyr_complete_sql, shell->connection, &self.editor, &error) !=
        PYR_OK) {
        shell->failed = true;
        pyr_error_report(&error, NULL);
        return;
    }
    fprintf(stderr, "pyralog %s on %s. Statements end with ';', .help lists commands.\n",
            pyr_version(), shell->database);
    while (!shell->quit) {
        const char *line;
        size_t length;
        const char *prompt = self.text.length == 0 ? PROMPT : PROMPT_MORE;
        pyr_line_outcome outcome = pyr_line_editor_read(self.editor, prompt, &line, &length);
        if (outcome == PYR_LINE_END) {
            fputc('\n', stderr);
            break;
        }
        if (outcome == PYR_LINE_INTERRUPTED) {
            forget(&self);
        } else {
            take_line(&self, line, length);
        }
    }
    pyr_line_editor_destroy(self.editor);
    pyr_text_deinit(&self.text);
    pyr_text_deinit(&self.joined);
    /* Every error was seen; leaving the shell is not a failure. */
    shell->failed = false;
}
