/* output.c - see output.h. */
#include "cli/output.h"

#include "base/file.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

pyr_status pyr_output_init(pyr_output *output, int fd, const char *name, pyr_error *error) {
    memset(output, 0, sizeof(*output));
    output->fd = fd;
    pyr_text_init(&output->buffer);
    output->path = strdup(name);
    if (output->path == NULL) {
        return pyr_error_memory(error, strlen(name));
    }
    output->terminal = isatty(fd) == 1;
    return PYR_OK;
}

pyr_status pyr_output_open(pyr_output *output, const char *path, pyr_error *error) {
    memset(output, 0, sizeof(*output));
    int fd = -1;
    PYR_TRY(pyr_file_create(path, false, &fd, error));
    pyr_status status = pyr_output_init(output, fd, path, error);
    if (status != PYR_OK) {
        close(fd);
        return status;
    }
    output->owned = true;
    return PYR_OK;
}

void pyr_output_note_failure(pyr_output *output) {
    /* A pipe or socket whose other end is closed reports it here whatever errno became since. */
    struct pollfd state = {.fd = output->fd, .events = POLLOUT};
    if (poll(&state, 1, 0) == 1 && (state.revents & (POLLERR | POLLHUP)) != 0) {
        output->broken = true;
    }
}

pyr_status pyr_output_flush(pyr_output *output, pyr_error *error) {
    PYR_TRY(pyr_text_check(&output->buffer, error));
    if (output->buffer.length == 0) {
        return PYR_OK;
    }
    pyr_status status =
        pyr_file_write(output->fd, output->path, output->buffer.data, output->buffer.length, error);
    if (status != PYR_OK) {
        pyr_output_note_failure(output);
    }
    output->bytes_written += (int64_t)output->buffer.length;
    pyr_text_clear(&output->buffer);
    return status;
}

pyr_status pyr_output_drain(pyr_output *output, pyr_error *error) {
    if (output->buffer.length < PYR_OUTPUT_BUFFER_BYTES) {
        return pyr_text_check(&output->buffer, error);
    }
    return pyr_output_flush(output, error);
}

pyr_status pyr_output_rewind(pyr_output *output, pyr_error *error) {
    pyr_text_clear(&output->buffer);
    struct stat info;
    if (fstat(output->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return PYR_OK;
    }
    if (ftruncate(output->fd, 0) != 0 || lseek(output->fd, 0, SEEK_SET) < 0) {
        return pyr_error_set_errno(error, errno, "truncate", output->path);
    }
    return PYR_OK;
}

int64_t pyr_output_bytes(const pyr_output *output) {
    return output->bytes_written + (int64_t)output->buffer.length;
}

pyr_status pyr_output_close(pyr_output *output, pyr_error *error) {
    if (output->path == NULL) {
        return PYR_OK;
    }
    pyr_status status = output->broken ? PYR_OK : pyr_output_flush(output, error);
    if (output->owned) {
        pyr_status closed =
            pyr_file_close(output->fd, output->path, status == PYR_OK ? error : NULL);
        status = status != PYR_OK ? status : closed;
    }
    pyr_text_deinit(&output->buffer);
    free(output->path);
    memset(output, 0, sizeof(*output));
    return status;
}

int pyr_output_width(const pyr_output *output) {
    struct winsize size;
    if (ioctl(output->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return 80;
}
