/* file.c - see file.h. */
#include "base/file.h"

#include "base/mapping.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef IOV_MAX
#define IOV_MAX 1024
#endif

pyr_status pyr_file_create(const char *path, bool exclusive, int *fd, pyr_error *error) {
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (exclusive ? O_EXCL : O_TRUNC);
    *fd = open(path, flags, 0666);
    return *fd >= 0 ? PYR_OK : pyr_error_set_errno(error, errno, "create", path);
}

/* EFAULT means that a source page could not be read: a mapping of ours whose file was cut. */
static pyr_status write_failed(int fault, const char *path, pyr_error *error) {
    if (fault == EFAULT) {
        return pyr_error_set(error, PYR_ERROR_IO,
                             "%s: write: a mapped source file was cut while it was read", path);
    }
    return pyr_error_set_errno(error, fault, "write", path);
}

pyr_status pyr_file_write(int fd, const char *path, const void *data, size_t size_bytes,
                          pyr_error *error) {
    struct iovec span = {(void *)data, size_bytes};
    return pyr_file_writev(fd, path, &span, 1, error);
}

pyr_status pyr_file_writev(int fd, const char *path, struct iovec *spans, size_t count,
                           pyr_error *error) {
    while (count > 0) {
        if (spans->iov_len == 0) {
            ++spans;
            --count;
            continue;
        }
        ssize_t written = writev(fd, spans, count < IOV_MAX ? (int)count : IOV_MAX);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return write_failed(errno, path, error);
        }
        size_t left = (size_t)written;
        while (count > 0 && left >= spans->iov_len) {
            left -= spans->iov_len;
            ++spans;
            --count;
        }
        if (left > 0) {
            assert(count > 0); /* no more is written than was asked for */
            spans->iov_base = (char *)spans->iov_base + left;
            spans->iov_len -= left;
        }
    }
    return PYR_OK;
}

pyr_status pyr_file_sync_data(int fd, const char *path, pyr_error *error) {
    while (fdatasync(fd) != 0) {
        if (errno != EINTR) {
            return pyr_error_set_errno(error, errno, "fdatasync", path);
        }
    }
    return PYR_OK;
}

void pyr_file_start_writing(int fd, int64_t offset, int64_t size_bytes) {
#ifdef SYNC_FILE_RANGE_WRITE
    (void)sync_file_range(fd, offset, size_bytes, SYNC_FILE_RANGE_WRITE);
#else
    (void)fd;
    (void)offset;
    (void)size_bytes;
#endif
}

pyr_status pyr_file_sync_folder(const char *path, pyr_error *error) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return pyr_error_set_errno(error, errno, "open", path);
    }
    pyr_status status = PYR_OK;
    if (fsync(fd) != 0) {
        status = pyr_error_set_errno(error, errno, "fsync", path);
    }
    close(fd);
    return status;
}

pyr_status pyr_file_close(int fd, const char *path, pyr_error *error) {
    /* EINTR: Linux has closed it. */
    if (close(fd) != 0 && errno != EINTR) {
        return pyr_error_set_errno(error, errno, "close", path);
    }
    return PYR_OK;
}

pyr_status pyr_file_rename(const char *from, const char *to, pyr_error *error) {
    return rename(from, to) == 0 ? PYR_OK : pyr_error_set_errno(error, errno, "rename", to);
}

static pyr_status copy_bytes(int from, const char *from_path, int to, const char *to_path,
                             int64_t *copied, pyr_error *error) {
    for (;;) {
        ssize_t size = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0);
        if (size == 0) {
            return pyr_file_sync_data(to, to_path, error);
        }
        if (size > 0) {
            *copied += size;
        } else if (errno != EINTR) {
            break;
        }
    }
    if (*copied > 0 || (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP)) {
        return pyr_error_set_errno(error, errno, "copy_file_range", from_path);
    }
    char buffer[64 << 10]; /* the kernel does not copy between these two */
    ssize_t size;
    while ((size = read(from, buffer, sizeof(buffer))) > 0) {
        PYR_TRY(pyr_file_write(to, to_path, buffer, (size_t)size, error));
        *copied += size;
    }
    return size == 0 ? pyr_file_sync_data(to, to_path, error)
                     : pyr_error_set_errno(error, errno, "read", from_path);
}

static pyr_status copy_file(const char *from, const char *to, int64_t *copied, pyr_error *error) {
    int source = open(from, O_RDONLY | O_CLOEXEC);
    int target = -1;
    if (source < 0) {
        return pyr_error_set_errno(error, errno, "open", from);
    }
    pyr_status status = pyr_file_create(to, true, &target, error);
    if (status == PYR_OK) {
        status = copy_bytes(source, from, target, to, copied, error);
        if (status == PYR_OK) {
            status = pyr_file_close(target, to, error);
        } else {
            close(target);
        }
        if (status != PYR_OK) {
            unlink(to);
        }
    }
    close(source);
    return status;
}

pyr_status pyr_file_link(const char *from, const char *to, int64_t *copied_bytes,
                         pyr_error *error) {
    int64_t copied = 0;
    pyr_status status = PYR_OK;
    if (link(from, to) != 0) {
        bool no_link = errno == EXDEV || errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP;
        status = no_link ? copy_file(from, to, &copied, error)
                         : pyr_error_set_errno(error, errno, "link", to);
    }
    if (copied_bytes != NULL) {
        *copied_bytes = copied;
    }
    return status;
}

pyr_status pyr_file_remove(const char *path, pyr_error *error) {
    if (unlink(path) != 0 && errno != ENOENT) {
        return pyr_error_set_errno(error, errno, "unlink", path);
    }
    return PYR_OK;
}

static pyr_status make_one(const char *path, pyr_error *error) {
    if (mkdir(path, 0777) == 0) {
        return PYR_OK;
    }
    int fault = errno;
    struct stat info;
    if (fault == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return PYR_OK;
    }
    return pyr_error_set_errno(error, fault, "mkdir", path);
}

pyr_status pyr_folder_create(const char *path, pyr_error *error) {
    char *copy = strdup(path);
    if (copy == NULL) {
        return pyr_error_memory(error, strlen(path));
    }
    pyr_status status = PYR_OK;
    for (char *c = copy + 1; status == PYR_OK && copy[0] != '\0' && *c != '\0'; ++c) {
        if (*c == '/') {
            *c = '\0';
            status = make_one(copy, error);
            *c = '/';
        }
    }
    if (status == PYR_OK) {
        status = make_one(copy, error);
    }
    free(copy);
    return status;
}

/* By descriptors, so that a folder swapped for a link meanwhile leads nowhere else. */
static int remove_tree(int parent, const char *name, int depth) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
        return 0;
    }
    if ((errno != EISDIR && errno != EPERM) || depth > 64) {
        return -1;
    }
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    int result = 0;
    struct dirent *entry;
    while (result == 0 && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            result = remove_tree(dirfd(folder), entry->d_name, depth + 1);
        }
    }
    closedir(folder);
    return result == 0 ? unlinkat(parent, name, AT_REMOVEDIR) : result;
}

pyr_status pyr_folder_remove(const char *path, pyr_error *error) {
    return remove_tree(AT_FDCWD, path, 0) == 0 ? PYR_OK
                                               : pyr_error_set_errno(error, errno, "remove", path);
}

static pyr_status read_fd(int fd, const char *path, size_t max_bytes, char **data,
                          size_t *size_bytes, pyr_error *error) {
    size_t capacity = 4096;
    size_t used = 0;
    char *buffer = malloc(capacity);
    while (buffer != NULL) {
        if (used + 1 == capacity) {
            if (capacity > max_bytes) {
                free(buffer);
                return pyr_error_set(error, PYR_ERROR_LIMIT, "%s: larger than %zu bytes", path,
                                     max_bytes);
            }
            char *larger = realloc(buffer, capacity * 2);
            if (larger == NULL) {
                break;
            }
            buffer = larger;
            capacity *= 2;
        }
        ssize_t got = read(fd, buffer + used, capacity - used - 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            int fault = errno;
            free(buffer);
            return pyr_error_set_errno(error, fault, "read", path);
        }
        if (got == 0) {
            if (used > max_bytes) {
                free(buffer);
                return pyr_error_set(error, PYR_ERROR_LIMIT, "%s: larger than %zu bytes", path,
                                     max_bytes);
            }
            buffer[used] = '\0';
            *data = buffer;
            *size_bytes = used;
            return PYR_OK;
        }
        used += (size_t)got;
    }
    free(buffer);
    return pyr_error_memory(error, capacity);
}

pyr_status pyr_file_read_all(const char *path, size_t max_bytes, char **data, size_t *size_bytes,
                             pyr_error *error) {
    *data = NULL;
    *size_bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return pyr_error_set_errno(error, errno, "open", path);
    }
    pyr_status status = read_fd(fd, path, max_bytes, data, size_bytes, error);
    close(fd);
    return status;
}
