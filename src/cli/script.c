/* script.c - texts of statements and dot commands: -c, -f, .read and stdin. */
#include "cli/shell.h"
#include "sql/statement.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 << 10)
#define TEXT_BYTES_MAX ((size_t)1 << 30) /* positions in errors are int32_t */
#define READ_DEPTH_MAX 16

/* Past white space, comments and semicolons: to where a statement or dot command begins. */
static size_t skip_blank(const char *text, size_t length, size_t position) {
    while (position < length) {
        const char *rest = text + position;
        size_t left = length - position;
        if (isspace((unsigned char)*rest) || *rest == ';') {
            ++position;
        } else if (left >= 2 && rest[0] == '-' && rest[1] == '-') {
            const char *end = memchr(rest, '\n', left);
            position = end != NULL ? (size_t)(end - text) + 1 : length;
        } else if (position == 0 && left >= 2 && rest[0] == '#' && rest[1] == '!') {
            const char *end = memchr(rest, '\n', left); /* a script's "#!" line */
            position = end != NULL ? (size_t)(end - text) + 1 : length;
        } else {
            break;
        }
    }
    return position;
}

/* Runs what is complete from *position on. at_end: the text has no more after it, so what stands
 * there without ';' is complete too. false: a statement failed and the rest is not to be run. */
static bool run_available(pyr_shell *shell, const char *text, size_t length, bool at_end,
                          size_t *position) {
    for (;;) {
        size_t start = skip_blank(text, length, *position);
        if (shell->quit) {
            shell->failed |= shell->reader_gone && start < length;
            return !shell->reader_gone;
        }
        if (start < length && text[start] == '.') {
            const char *end = memchr(text + start, '\n', length - start);
            if (end == NULL && !at_end) {
                return true;
            }
            size_t stop = end != NULL ? (size_t)(end - text) : length;
            *position = stop + (end != NULL);
            if (!pyr_shell_dot_command(shell, text + start, stop - start) && !shell->keep_going) {
                return false;
            }
            continue;
        }
        pyr_span span;
        bool complete = false;
        bool open = false;
        size_t next = start;
        if (!pyr_sql_split(text, length, &next, &span, &complete, &open)) {
            *position = at_end ? length : *position;
            return true;
        }
        if (!complete && !at_end) {
            return true;
        }
        *position = next;
        const pyr_sql_place place = {text, length, span.offset};
        if (!pyr_shell_statement(shell, &place, span.text, span.length) && !shell->keep_going &&
            !shell->reader_gone) {
            return false;
        }
    }
}

bool pyr_shell_text(pyr_shell *shell, const char *text, size_t length) {
    size_t position = 0;
    return run_available(shell, text, length, true, &position);
}

static bool report(pyr_shell *shell, const pyr_error *error) {
    shell->failed = true;
    pyr_error_report(error, NULL);
    return false;
}

pyr_status pyr_read_descriptor(int fd, char **text, size_t *length, pyr_error *error) {
    *text = NULL;
    *length = 0;
    size_t capacity = 0;
    for (;;) {
        if (capacity - *length < READ_BYTES) {
            capacity = capacity == 0 ? READ_BYTES * 2 : capacity * 2;
            char *data = capacity > TEXT_BYTES_MAX * 2 ? NULL : realloc(*text, capacity);
            if (data == NULL) {
                free(*text);
                *text = NULL;
                return capacity > TEXT_BYTES_MAX * 2
                           ? pyr_error_set(error, PYR_ERROR_LIMIT, "the text is above 1 GiB")
                           : pyr_error_memory(error, capacity);
            }
            *text = data;
        }
        ssize_t got = read(fd, *text + *length, READ_BYTES);
        if (got == 0) {
            return PYR_OK;
        }
        if (got < 0 && errno != EINTR) {
            free(*text);
            *text = NULL;
            return pyr_error_set_errno(error, errno, "read", "the statements");
        }
        *length += got > 0 ? (size_t)got : 0;
    }
}

bool pyr_shell_file(pyr_shell *shell, const char *path) {
    if (strcmp(path, "-") == 0 && !shell->last_only) {
        return pyr_shell_descriptor(shell, STDIN_FILENO);
    }
    pyr_error error;
    pyr_error_clear(&error);
    if (shell->depth >= READ_DEPTH_MAX) {
        pyr_error_set(&error, PYR_ERROR_LIMIT, "%s: .read is nested above %d levels", path,
                      READ_DEPTH_MAX);
        return report(shell, &error);
    }
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        pyr_error_set_errno(&error, errno, "open", path);
        return report(shell, &error);
    }
    char *text = NULL;
    size_t length = 0;
    pyr_status status = pyr_read_descriptor(fd, &text, &length, &error);
    close(fd);
    if (status != PYR_OK) {
        pyr_error_context(&error, status, "%s", path);
        return report(shell, &error);
    }
    bool well = pyr_shell_text(shell, text, length);
    free(text);
    return well;
}

/* Drops what was run from the front of the text. */
static void consume(char *text, size_t *length, size_t position) {
    memmove(text, text + position, *length - position);
    *length -= position;
}

bool pyr_shell_descriptor(pyr_shell *shell, int fd) {
    pyr_error error;
    pyr_error_clear(&error);
    char *text = NULL;
    size_t length = 0;
    size_t capacity = 0;
    bool well = true;
    bool at_end = false;
    while (well && !at_end && !shell->quit) {
        if (capacity - length < READ_BYTES) {
            capacity = capacity == 0 ? READ_BYTES * 2 : capacity * 2;
            char *data = capacity > TEXT_BYTES_MAX * 2 ? NULL : realloc(text, capacity);
            if (data == NULL) {
                pyr_error_set(&error, PYR_ERROR_LIMIT, "a statement on stdin is above 1 GiB");
                well = report(shell, &error);
                break;
            }
            text = data;
        }
        ssize_t got = read(fd, text + length, READ_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            pyr_error_set_errno(&error, errno, "read", "stdin");
            well = report(shell, &error);
            break;
        }
        const char *fresh = text + length;
        length += (size_t)got;
        at_end = got == 0;
        /* Only a ';' or the end of a dot command's line completes anything: a long INSERT is not
         * looked through again for every piece that arrives. */
        size_t start = skip_blank(text, length, 0);
        if (at_end || memchr(fresh, ';', (size_t)got) != NULL ||
            (start < length && text[start] == '.')) {
            size_t position = 0;
            well = run_available(shell, text, length, at_end, &position);
            consume(text, &length, position);
        }
    }
    free(text);
    return well;
}

/* ---- Which statement's result is the last. ---- */

static bool gives_rows(const pyr_span *span) {
    pyr_arena arena;
    pyr_arena_init(&arena, NULL);
    pyr_parsed *parsed = NULL;
    bool result = false;
    if (pyr_sql_parse(span->text, span->length, &arena, &parsed, NULL) == PYR_OK) {
        switch (parsed->kind) {
        case PYR_PARSED_QUERY:
        case PYR_PARSED_SHOW_TABLES:
        case PYR_PARSED_SHOW_CREATE_TABLE:
        case PYR_PARSED_SHOW_SETTING:
        case PYR_PARSED_DESCRIBE:
        case PYR_PARSED_EXPLAIN:
        case PYR_PARSED_EXECUTE:
            result = true;
            break;
        default:
            result = parsed->returning.text != NULL;
            break;
        }
    }
    pyr_parsed_deinit(parsed);
    pyr_arena_deinit(&arena);
    return result;
}

void pyr_shell_find_last_result(const char *text, size_t length, int64_t *statements,
                                int64_t *last) {
    size_t position = 0;
    for (;;) {
        position = skip_blank(text, length, position);
        if (position < length && text[position] == '.') {
            const char *end = memchr(text + position, '\n', length - position);
            position = end != NULL ? (size_t)(end - text) + 1 : length;
            continue;
        }
        pyr_span span;
        if (!pyr_sql_split(text, length, &position, &span, NULL, NULL)) {
            return;
        }
        if (gives_rows(&span)) {
            *last = *statements;
        }
        *statements += 1;
    }
}
