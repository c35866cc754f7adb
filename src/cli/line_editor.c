/* line_editor.c - see line_editor.h. */
#include "cli/line_editor.h"

#include "base/file.h"
#include "cli/display.h"

#include <fcntl.h>
#include <histedit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HISTORY_LINES 2000
#define HISTORY_MARK "_HiStOrY_V2_\n"
#define CANDIDATES_SHOWN 200

struct pyr_line_editor {
    EditLine *edit;
    History *history;
    HistEvent event;
    char *history_path; /* NULL: nowhere to keep it */
    bool history_long;  /* the file has many more lines than are kept: it is written anew */
    FILE *terminal;
    char prompt[32];
    bool interrupted;
    pyr_complete complete;
    void *context;
};

/* ---- Candidates. ---- */

void pyr_completions_add(pyr_completions *self, const char *word, size_t length) {
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 64 : self->capacity * 2;
        char **words = realloc(self->words, capacity * sizeof(*words));
        if (words == NULL) {
            return;
        }
        self->words = words;
        self->capacity = capacity;
    }
    self->words[self->count] = strndup(word, length);
    self->count += self->words[self->count] != NULL;
}

void pyr_completions_deinit(pyr_completions *self) {
    for (size_t i = 0; i < self->count; ++i) {
        free(self->words[i]);
    }
    free(self->words);
    memset(self, 0, sizeof(*self));
}

static int compare_words(const void *a, const void *b) {
    const char *const *x = a;
    const char *const *y = b;
    int order = strcasecmp(*x, *y);
    return order != 0 ? order : strcmp(*x, *y);
}

size_t pyr_completions_settle(pyr_completions *self) {
    int (*compare)(const char *, const char *, size_t) = self->paths ? strncmp : strncasecmp;
    if (self->count == 0) {
        return 0;
    }
    qsort(self->words, self->count, sizeof(*self->words), compare_words);
    size_t kept = 1;
    size_t common = strlen(self->words[0]);
    for (size_t i = 1; i < self->count; ++i) {
        if (compare(self->words[i], self->words[kept - 1], SIZE_MAX) == 0) {
            free(self->words[i]);
            continue;
        }
        self->words[kept] = self->words[i];
        while (compare(self->words[0], self->words[kept], common) != 0) {
            --common;
        }
        ++kept;
    }
    self->count = kept;
    /* Never half a character. */
    while (common > 0 && ((unsigned char)self->words[0][common] & 0xC0) == 0x80) {
        --common;
    }
    return common;
}

static void list_candidates(pyr_line_editor *self, const pyr_completions *candidates) {
    size_t shown = candidates->count < CANDIDATES_SHOWN ? candidates->count : CANDIDATES_SHOWN;
    size_t widest = 1;
    for (size_t i = 0; i < shown; ++i) {
        size_t columns = pyr_display_columns(candidates->words[i], strlen(candidates->words[i]));
        widest = columns > widest ? columns : widest;
    }
    struct winsize size;
    size_t width =
        ioctl(fileno(self->terminal), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    size_t columns = width / (widest + 2) > 0 ? width / (widest + 2) : 1;
    size_t lines = (shown + columns - 1) / columns;
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add_char(&text, '\n');
    for (size_t line = 0; line < lines; ++line) {
        for (size_t i = line; i < shown; i += lines) {
            bool last = i + lines >= shown;
            const char *word = candidates->words[i];
            pyr_display_fit(word, strlen(word), last ? strlen(word) : widest + 2, false, &text);
        }
        pyr_text_add_char(&text, '\n');
    }
    if (shown < candidates->count) {
        pyr_text_printf(&text, "... and %zu more\n", candidates->count - shown);
    }
    fputs(pyr_text_get(&text), self->terminal);
    fflush(self->terminal);
    pyr_text_deinit(&text);
}

/* ---- Keys. ---- */

static pyr_line_editor *self_of(EditLine *edit) {
    void *self = NULL;
    el_get(edit, EL_CLIENTDATA, &self);
    return self;
}

/* Tab: inserts what all candidates share; lists them where that adds nothing. */
static unsigned char key_complete(EditLine *edit, wint_t key) {
    (void)key;
    pyr_line_editor *self = self_of(edit);
    if (self->complete == NULL) {
        return CC_ERROR;
    }
    const LineInfo *info = el_line(edit);
    size_t cursor = (size_t)(info->cursor - info->buffer);
    size_t length = (size_t)(info->lastchar - info->buffer);
    char *line = strndup(info->buffer, length);
    if (line == NULL) {
        return CC_ERROR;
    }
    pyr_completions candidates;
    memset(&candidates, 0, sizeof(candidates));
    self->complete(self->context, line, cursor, &candidates);
    free(line);
    size_t common = pyr_completions_settle(&candidates);
    unsigned char outcome = CC_ERROR;
    if (candidates.count == 1 || common > candidates.prefix_bytes) {
        pyr_text insert;
        pyr_text_init(&insert);
        pyr_text_append(&insert, candidates.words[0] + candidates.prefix_bytes,
                        common - candidates.prefix_bytes);
        if (candidates.count == 1 &&
            !(candidates.paths && candidates.words[0][common - 1] == '/')) {
            pyr_text_add(&insert, candidates.quoted ? "'" : " ");
        }
        outcome = el_insertstr(edit, pyr_text_get(&insert)) == 0 ? CC_REFRESH : CC_ERROR;
        pyr_text_deinit(&insert);
    } else if (candidates.count > 1) {
        list_candidates(self, &candidates);
        outcome = CC_REDISPLAY;
    }
    pyr_completions_deinit(&candidates);
    return outcome;
}

static unsigned char key_interrupt(EditLine *edit, wint_t key) {
    (void)key;
    pyr_line_editor *self = self_of(edit);
    self->interrupted = true;
    fputs("^C\n", self->terminal);
    return CC_EOF; /* ends the line without its text going anywhere */
}

static unsigned char key_suspend(EditLine *edit, wint_t key) {
    (void)key;
    el_set(edit, EL_PREP_TERM, 0);
    raise(SIGTSTP);
    el_set(edit, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
}

static char *prompt_of(EditLine *edit) {
    return self_of(edit)->prompt;
}

/* ---- History. ---- */

static char *history_path(void) {
    char *path = NULL;
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (state != NULL && state[0] == '/') {
        if (asprintf(&path, "%s/pyralog", state) < 0) {
            return NULL;
        }
        bool made = pyr_folder_create(path, NULL) == PYR_OK;
        free(path);
        if (!made || asprintf(&path, "%s/pyralog/history", state) < 0) {
            return NULL;
        }
        return path;
    }
    if (home == NULL || asprintf(&path, "%s/.pyralog_history", home) < 0) {
        return NULL;
    }
    return path;
}

/* As libedit writes and reads its files: a line an entry, white space and backslashes in octal. */
static void append_entry(const char *path, const char *line) {
    pyr_text entry;
    pyr_text_init(&entry);
    for (; *line != '\0'; ++line) {
        unsigned char byte = (unsigned char)*line;
        if (byte <= ' ' || byte == '\\' || byte == 0x7F) {
            pyr_text_printf(&entry, "\\%03o", byte);
        } else {
            pyr_text_add_char(&entry, *line);
        }
    }
    pyr_text_add_char(&entry, '\n');
    /* 0600: statements may hold what others must not read. */
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        return; /* a history that cannot be kept is no reason to stop anybody */
    }
    struct stat info;
    bool fresh = fstat(fd, &info) == 0 && info.st_size == 0;
    if (!fresh || write(fd, HISTORY_MARK, strlen(HISTORY_MARK)) > 0) {
        ssize_t written = write(fd, pyr_text_get(&entry), entry.length);
        (void)written;
    }
    close(fd);
    pyr_text_deinit(&entry);
}

/* Kept at once: a shell that is killed loses nothing, and shells side by side each add theirs. */
void pyr_line_editor_remember(pyr_line_editor *self, const char *line) {
    history(self->history, &self->event, H_ENTER, line);
    if (self->history_path != NULL) {
        append_entry(self->history_path, line);
    }
}

/* ---- The editor. ---- */

static pyr_status set_up(pyr_line_editor *self, pyr_error *error) {
    /* Prompts belong on the terminal even when results go elsewhere. */
    self->terminal = isatty(STDOUT_FILENO) == 1 ? stdout : stderr;
    self->history = history_init();
    self->edit = el_init("pyralog", stdin, self->terminal, stderr);
    if (self->history == NULL || self->edit == NULL) {
        return pyr_error_set(error, PYR_ERROR_IO, "the terminal: libedit cannot use it");
    }
    history(self->history, &self->event, H_SETSIZE, HISTORY_LINES);
    history(self->history, &self->event, H_SETUNIQUE, 1);
    self->history_path = history_path();
    if (self->history_path != NULL) {
        int loaded = history(self->history, &self->event, H_LOAD, self->history_path);
        self->history_long = loaded > 2 * HISTORY_LINES;
    }
    el_set(self->edit, EL_CLIENTDATA, self);
    el_set(self->edit, EL_PROMPT, prompt_of);
    el_set(self->edit, EL_EDITOR, "emacs");
    el_set(self->edit, EL_SIGNAL, 1);
    el_set(self->edit, EL_HIST, history, self->history);
    /* The narrow form of EL_ADDFN never frees what it widens. */
    el_wset(self->edit, EL_ADDFN, L"pyr-complete", L"complete a name", key_complete);
    el_set(self->edit, EL_BIND, "^I", "pyr-complete", NULL);
    el_set(self->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    /* While a line is edited Ctrl-C is a key, not a signal. */
    el_wset(self->edit, EL_ADDFN, L"pyr-interrupt", L"forget the line", key_interrupt);
    el_set(self->edit, EL_SETTY, "-d", "-isig", NULL);
    el_set(self->edit, EL_BIND, "^C", "pyr-interrupt", NULL);
    el_wset(self->edit, EL_ADDFN, L"pyr-suspend", L"suspend the program", key_suspend);
    el_set(self->edit, EL_BIND, "^Z", "pyr-suspend", NULL);
    el_source(self->edit, NULL);
    return PYR_OK;
}

pyr_status pyr_line_editor_create(pyr_complete complete, void *context, pyr_line_editor **out,
                                  pyr_error *error) {
    *out = NULL;
    pyr_line_editor *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->complete = complete;
    self->context = context;
    pyr_status status = set_up(self, error);
    if (status != PYR_OK) {
        pyr_line_editor_destroy(self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

void pyr_line_editor_destroy(pyr_line_editor *self) {
    if (self == NULL) {
        return;
    }
    if (self->history != NULL) {
        if (self->history_long) {
            mode_t before = umask(077);
            history(self->history, &self->event, H_SAVE, self->history_path);
            umask(before);
        }
        history_end(self->history);
    }
    if (self->edit != NULL) {
        el_end(self->edit);
    }
    free(self->history_path);
    free(self);
}

pyr_line_outcome pyr_line_editor_read(pyr_line_editor *self, const char *prompt, const char **line,
                                      size_t *length) {
    snprintf(self->prompt, sizeof(self->prompt), "%s", prompt);
    self->interrupted = false;
    int count = 0;
    /* libedit shows the prompt before it takes the terminal out of line mode, where the kernel eats
     * a Ctrl-D and makes a signal of Ctrl-C: who sees the prompt may press keys at once. */
    el_set(self->edit, EL_PREP_TERM, 1);
    *line = el_gets(self->edit, &count);
    *length = count > 0 ? (size_t)count : 0;
    if (self->interrupted) {
        return PYR_LINE_INTERRUPTED;
    }
    if (*line == NULL || count <= 0) {
        return PYR_LINE_END;
    }
    while (*length > 0 && ((*line)[*length - 1] == '\n' || (*line)[*length - 1] == '\r')) {
        --*length;
    }
    return PYR_LINE_READ;
}
