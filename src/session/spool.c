/* spool.c - a pipe's bytes in a file without a name. DuckDB opens what it reads when it binds and
 * again when it runs: of a pipe the second one would find nothing, and no error says so.
 *
 * A pipe is read once in a statement, however often texts that name it are bound. Names are looked
 * for where an engine takes them for files: behind FROM and JOIN, and as a reader's arguments.
 */
#include "base/file.h"
#include "session/session_internal.h"
#include "sql/lexer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the execution's arena. */
struct pyr_spooled {
    const char *path; /* of the pipe */
    const char *file; /* what is opened instead */
    int fd;
    size_t taken_bytes; /* of the memory limit, where the file lies in memory */
    struct pyr_spooled *next;
};

enum { PIECE_BYTES = 256 * 1024, LOOK_MS = 100 };

pyr_status pyr_spool_create(const pyr_execution *execution, int *fd, pyr_error *error) {
    const char *folder = execution->connection->db->temp_folder;
    *fd = -1;
    if (folder == NULL) {
        *fd = memfd_create("pyralog-spool", MFD_CLOEXEC);
        return *fd >= 0 ? PYR_OK : pyr_error_set_errno(error, errno, "memfd_create", "what waits");
    }
    PYR_TRY(pyr_folder_create(folder, error));
    pyr_text name;
    pyr_text_init(&name);
    pyr_text_printf(&name, "%s/spool-XXXXXX", folder);
    pyr_status status = pyr_text_check(&name, error);
    if (status == PYR_OK) {
        *fd = mkostemp(name.data, O_CLOEXEC);
        status = *fd >= 0 && unlink(name.data) == 0
                     ? PYR_OK
                     : pyr_error_set_errno(error, errno, "create", name.data);
    }
    pyr_text_deinit(&name);
    return status;
}

/* Waits for bytes, or for the end. */
static pyr_status wait_for(pyr_execution *execution, int fd, const char *path, pyr_error *error) {
    for (;;) {
        struct pollfd look = {.fd = fd, .events = POLLIN};
        PYR_TRY(pyr_cancel_flag_check(&execution->cancel, error));
        int ready = poll(&look, 1, LOOK_MS);
        if (ready > 0) {
            return PYR_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return pyr_error_set_errno(error, errno, "poll", path);
        }
    }
}

static pyr_status keep_piece(pyr_execution *execution, const char *path, const char *piece,
                             size_t size, pyr_spooled *to, pyr_error *error) {
    if (execution->connection->db->temp_folder == NULL) {
        if (!pyr_budget_take(execution->budget, size)) {
            return pyr_error_set(error, PYR_ERROR_MEMORY,
                                 "\"%s\": what the pipe holds is kept in memory, and the memory "
                                 "limit is reached; raise memory_limit",
                                 path);
        }
        to->taken_bytes += size;
    }
    return pyr_file_write(to->fd, path, piece, size, error);
}

static pyr_status copy_all(pyr_execution *execution, int from, const char *path, pyr_spooled *to,
                           pyr_error *error) {
    char *piece = malloc(PIECE_BYTES);
    if (piece == NULL) {
        return pyr_error_memory(error, PIECE_BYTES);
    }
    pyr_status status = PYR_OK;
    for (bool more = true; status == PYR_OK && more;) {
        status = wait_for(execution, from, path, error);
        ssize_t got = status == PYR_OK ? read(from, piece, PIECE_BYTES) : 0;
        if (got > 0) {
            status = keep_piece(execution, path, piece, (size_t)got, to, error);
        } else if (got < 0 && errno != EAGAIN && errno != EINTR) {
            status = pyr_error_set_errno(error, errno, "read", path);
        }
        more = got != 0;
    }
    free(piece);
    return status;
}

static void close_spooled(pyr_execution *execution, const pyr_spooled *spooled) {
    if (spooled->fd >= 0) {
        close(spooled->fd);
    }
    pyr_budget_give(execution->budget, spooled->taken_bytes);
}

static bool is_pipe(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISFIFO(info.st_mode);
}

static const pyr_spooled *find_spooled(const pyr_execution *execution, const char *path) {
    const pyr_spooled *found = execution->spooled;
    while (found != NULL && strcmp(found->path, path) != 0) {
        found = found->next;
    }
    return found;
}

static pyr_status spool(pyr_execution *execution, const char *path, pyr_spooled *to,
                        pyr_error *error) {
    int pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (pipe < 0) {
        return pyr_error_set_errno(error, errno, "open", path);
    }
    pyr_status status = pyr_spool_create(execution, &to->fd, error);
    if (status == PYR_OK) {
        status = copy_all(execution, pipe, path, to, error);
    }
    close(pipe);
    if (status == PYR_OK) {
        to->path = pyr_arena_strdup(&execution->arena, path);
        to->file = pyr_arena_printf(&execution->arena, "/dev/fd/%d", to->fd);
        status = to->path != NULL && to->file != NULL ? PYR_OK
                                                      : pyr_arena_error(&execution->arena, error);
    }
    return status;
}

pyr_status pyr_spool_pipe(pyr_execution *execution, const char *path, const char **out,
                          pyr_error *error) {
    const pyr_spooled *there = find_spooled(execution, path);
    *out = there != NULL ? there->file : path;
    if (there != NULL || !is_pipe(path)) {
        return PYR_OK;
    }
    const pyr_file_access *files = &execution->connection->files;
    if (!files->unrestricted) {
        PYR_TRY(pyr_file_access_check(files, path, error));
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", -1,
                                 "\"%s\" is a pipe, which a session that may read some folders "
                                 "only does not read",
                                 path);
    }
    pyr_spooled *made = pyr_arena_alloc(&execution->arena, sizeof(*made));
    if (made == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    *made = (pyr_spooled){.fd = -1};
    pyr_status status = spool(execution, path, made, error);
    if (status != PYR_OK) {
        close_spooled(execution, made);
        return status;
    }
    made->next = execution->spooled;
    execution->spooled = made;
    *out = made->file;
    return PYR_OK;
}

void pyr_spooled_close(pyr_execution *execution) {
    for (pyr_spooled *spooled = execution->spooled; spooled != NULL; spooled = spooled->next) {
        close_spooled(execution, spooled);
    }
    execution->spooled = NULL;
}

/* ---- Names in texts. ---- */

typedef struct walk {
    pyr_execution *execution;
    pyr_token before;
    size_t depth, reader; /* brackets; the depth inside of a reader's, 0: in none */
    const char *sql;
    size_t done; /* of the text, in out */
    pyr_text out;
} walk;

static bool is_reader(const pyr_token *name) {
    static const char scan[] = "_scan";
    size_t tail = sizeof(scan) - 1;
    return name->kind == PYR_TOKEN_WORD &&
           ((name->length > 5 && strncasecmp(name->text, "read_", 5) == 0) ||
            (name->length > tail &&
             strncasecmp(name->text + name->length - tail, scan, tail) == 0));
}

/* The path that a string is; false: it is too long for one. */
static bool path_of(const pyr_token *string, char path[PATH_MAX]) {
    size_t length = 0;
    for (size_t i = 1; i + 1 < string->length; ++i) {
        if (length + 1 == PATH_MAX) {
            return false;
        }
        path[length++] = string->text[i];
        i += string->text[i] == '\''; /* doubled */
    }
    path[length] = '\0';
    return true;
}

static bool is_compressed(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot != NULL && (strcasecmp(dot, ".gz") == 0 || strcasecmp(dot, ".zst") == 0);
}

/* Carets stay where they are, where the pipe's name is not the shorter one. */
static void replace(walk *self, const pyr_token *string, const char *file) {
    pyr_text_append(&self->out, self->sql + self->done, string->offset - self->done);
    size_t from = self->out.length;
    pyr_sql_quote_string(file, &self->out);
    while (self->out.length - from < string->length && !self->out.failed) {
        pyr_text_add_char(&self->out, ' ');
    }
    self->done = string->offset + string->length;
}

static pyr_status look_at_string(walk *self, const pyr_token *string, pyr_error *error) {
    char path[PATH_MAX];
    const char *file = NULL;
    bool is_source =
        pyr_token_is_word(&self->before, "FROM") || pyr_token_is_word(&self->before, "JOIN");
    if ((!is_source && self->reader == 0) || !path_of(string, path) || !is_pipe(path)) {
        return PYR_OK;
    }
    const pyr_file_access *files = &self->execution->connection->files;
    if (!files->unrestricted && pyr_file_access_check(files, path, NULL) != PYR_OK) {
        return PYR_OK; /* the engine refuses it */
    }
    if (is_source || is_compressed(path)) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", (int32_t)string->offset,
                                 "\"%s\" is a%s pipe: %s", path,
                                 is_compressed(path) ? " compressed" : "",
                                 is_source ? "a query reads one by read_csv() and its kin"
                                           : "COPY FROM reads one, a query does not");
    }
    PYR_TRY(pyr_spool_pipe(self->execution, path, &file, error));
    if (file != path) {
        replace(self, string, file);
    }
    return PYR_OK;
}

static pyr_status look_at_token(walk *self, const pyr_token *token, pyr_error *error) {
    if (pyr_token_is_char(token, '(')) {
        ++self->depth;
        self->reader = self->reader == 0 && is_reader(&self->before) ? self->depth : self->reader;
    } else if (pyr_token_is_char(token, ')') && self->depth > 0) {
        self->reader = self->reader == self->depth ? 0 : self->reader;
        --self->depth;
    } else if (token->kind == PYR_TOKEN_STRING) {
        return look_at_string(self, token, error);
    }
    return PYR_OK;
}

pyr_status pyr_spool_text(pyr_execution *execution, const char **sql, size_t *length,
                          pyr_error *error) {
    walk self = {.execution = execution, .before = {.kind = PYR_TOKEN_END}, .sql = *sql};
    if (memchr(*sql, '\'', *length) == NULL) {
        return PYR_OK;
    }
    pyr_text_init(&self.out);
    pyr_status status = PYR_OK;
    pyr_lexer lexer = pyr_lexer_over(*sql, *length);
    pyr_token token = pyr_lexer_next(&lexer);
    for (; status == PYR_OK && token.kind != PYR_TOKEN_END && token.kind != PYR_TOKEN_ERROR;
         token = pyr_lexer_next(&lexer)) {
        status = look_at_token(&self, &token, error);
        self.before = token;
    }
    if (status == PYR_OK && self.done > 0) {
        pyr_text_append(&self.out, *sql + self.done, *length - self.done);
        status = pyr_text_check(&self.out, error);
    }
    if (status == PYR_OK && self.done > 0) {
        *length = self.out.length;
        *sql = pyr_arena_strndup(&execution->arena, pyr_text_get(&self.out), self.out.length);
        status = *sql != NULL ? PYR_OK : pyr_arena_error(&execution->arena, error);
    }
    pyr_text_deinit(&self.out);
    return status;
}
