/* spool.c - a pipe's bytes in a file without a name. DuckDB opens what it reads when it binds and
 * again when it runs: of a pipe the second one would find nothing, and no error says so.
 */
#include "base/file.h"
#include "session/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 256 * 1024, LOOK_MS = 100 };

/* In memory where the database is. */
static pyr_status create_file(const pyr_execution *execution, int *fd, pyr_error *error) {
    const char *folder = execution->connection->db->temp_folder;
    if (folder == NULL) {
        *fd = memfd_create("pyralog-spool", MFD_CLOEXEC);
        return *fd >= 0 ? PYR_OK : pyr_error_set_errno(error, errno, "memfd_create", "a pipe");
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

static pyr_status copy_all(pyr_execution *execution, int from, const char *path, int to,
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
            status = pyr_file_write(to, path, piece, (size_t)got, error);
        } else if (got < 0 && errno != EAGAIN && errno != EINTR) {
            status = pyr_error_set_errno(error, errno, "read", path);
        }
        more = got != 0;
    }
    free(piece);
    return status;
}

pyr_status pyr_spool_pipe(pyr_execution *execution, const char *path, const char **out, int *fd,
                          pyr_error *error) {
    struct stat info;
    *out = path;
    *fd = -1;
    if (stat(path, &info) != 0 || !S_ISFIFO(info.st_mode)) {
        return PYR_OK; /* also what is not there, which is for the reader to say */
    }
    if (!execution->connection->files.unrestricted) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", -1,
                                 "\"%s\" is a pipe, which a session that may read some folders "
                                 "only does not read",
                                 path);
    }
    int pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (pipe < 0) {
        return pyr_error_set_errno(error, errno, "open", path);
    }
    pyr_status status = create_file(execution, fd, error);
    if (status == PYR_OK) {
        status = copy_all(execution, pipe, path, *fd, error);
    }
    close(pipe);
    if (status == PYR_OK) {
        *out = pyr_arena_printf(&execution->arena, "/proc/self/fd/%d", *fd);
        status = *out != NULL ? PYR_OK : pyr_arena_error(&execution->arena, error);
    }
    if (status != PYR_OK && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return status;
}
