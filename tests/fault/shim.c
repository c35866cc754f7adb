/* shim.c - see shim.h. Every function here stands in for the C library's and makes the system call
 * itself. One lock is held over an operation and what is noted of it, so that what the power module
 * has is what was on disk at one moment. */
#include "shim.h"

#include "power.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SHIM __attribute__((visibility("default")))

static struct {
    pthread_mutex_t lock;
    const char *root;
    const char *shadow;
    shim_fault fault;
    int64_t n;
    int64_t power_n; /* 0: never */
    int64_t count;
    bool struck;
    bool half_written; /* SHIM_SHORT's second part is due */
} shim = {.lock = PTHREAD_MUTEX_INITIALIZER};

void shim_begin(const char *root, const char *shadow, shim_fault fault, int64_t n) {
    pthread_mutex_lock(&shim.lock);
    shim.root = root;
    shim.shadow = shadow;
    shim.fault = fault;
    shim.n = n;
    shim.power_n = fault == SHIM_POWER ? n : 0;
    shim.count = 0;
    shim.struck = false;
    shim.half_written = false;
    pthread_mutex_unlock(&shim.lock);
}

void shim_power_at(int64_t n) {
    pthread_mutex_lock(&shim.lock);
    shim.power_n = n;
    pthread_mutex_unlock(&shim.lock);
}

void shim_calm(void) {
    pthread_mutex_lock(&shim.lock);
    shim.fault = SHIM_NONE;
    pthread_mutex_unlock(&shim.lock);
}

bool shim_has_struck(void) {
    pthread_mutex_lock(&shim.lock);
    bool struck = shim.struck;
    pthread_mutex_unlock(&shim.lock);
    return struck;
}

int64_t shim_count(void) {
    pthread_mutex_lock(&shim.lock);
    int64_t count = shim.count;
    pthread_mutex_unlock(&shim.lock);
    return count;
}

/* ---- Which operations, and what becomes of them. ---- */

static bool is_below(const char *path) {
    size_t length = shim.root != NULL ? strlen(shim.root) : 0;
    return length > 0 && strncmp(path, shim.root, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

static bool is_fd_below(int fd) {
    char link[64];
    char path[4096];
    if (shim.root == NULL || fd < 0) {
        return false;
    }
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    long size = syscall(SYS_readlink, link, path, sizeof(path) - 1);
    path[size > 0 ? size : 0] = '\0';
    return is_below(path);
}

typedef enum outcome { GOES_ON, FAILS, IS_SHORT } outcome;

static outcome fail(int fault) {
    shim.struck = true;
    errno = fault;
    return FAILS;
}

/* With the lock held, of an operation below root. */
static outcome next(bool can_be_short) {
    shim.count += 1;
    if (shim.power_n > 0 && shim.count >= shim.power_n) {
        _exit(SHIM_POWER_EXIT);
    }
    if (shim.half_written) {
        shim.half_written = false;
        return fail(EIO);
    }
    if (shim.fault == SHIM_NONE || shim.count < shim.n) {
        return GOES_ON;
    }
    bool first = shim.count == shim.n;
    switch (shim.fault) {
    case SHIM_ENOSPC:
        return first ? fail(ENOSPC) : GOES_ON;
    case SHIM_EIO:
        return first ? fail(EIO) : GOES_ON;
    case SHIM_SHORT:
        shim.half_written = first && can_be_short;
        return !first ? GOES_ON : can_be_short ? IS_SHORT : fail(EIO);
    case SHIM_ENOSPC_STAYS:
        return fail(ENOSPC);
    case SHIM_EIO_STAYS:
        return fail(EIO);
    default:
        return GOES_ON;
    }
}

/* Takes the lock where it returns true: the operation is below root. */
static bool enter(bool below) {
    if (below) {
        pthread_mutex_lock(&shim.lock);
    }
    return below;
}

static void leave(void) {
    int fault = errno;
    pthread_mutex_unlock(&shim.lock);
    errno = fault;
}

/* ---- Writing. ---- */

SHIM ssize_t write(int fd, const void *data, size_t size) {
    if (!enter(is_fd_below(fd))) {
        return syscall(SYS_write, fd, data, size);
    }
    outcome how = next(size > 1);
    ssize_t result =
        how == FAILS ? -1 : syscall(SYS_write, fd, data, how == IS_SHORT ? size / 2 : size);
    leave();
    return result;
}

SHIM ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    if (!enter(is_fd_below(fd))) {
        return syscall(SYS_pwrite64, fd, data, size, offset);
    }
    outcome how = next(size > 1);
    ssize_t result =
        how == FAILS ? -1
                     : syscall(SYS_pwrite64, fd, data, how == IS_SHORT ? size / 2 : size, offset);
    leave();
    return result;
}

SHIM ssize_t writev(int fd, const struct iovec *spans, int count) {
    if (!enter(is_fd_below(fd))) {
        return syscall(SYS_writev, fd, spans, count);
    }
    bool can_be_short = count > 0 && spans[0].iov_len > 1;
    outcome how = next(can_be_short);
    ssize_t result = -1;
    if (how == IS_SHORT) {
        result = syscall(SYS_write, fd, spans[0].iov_base, spans[0].iov_len / 2);
    } else if (how == GOES_ON) {
        result = syscall(SYS_writev, fd, spans, count);
    }
    leave();
    return result;
}

SHIM int ftruncate(int fd, off_t size) {
    if (!enter(is_fd_below(fd))) {
        return (int)syscall(SYS_ftruncate, fd, size);
    }
    int result = next(false) == GOES_ON ? (int)syscall(SYS_ftruncate, fd, size) : -1;
    leave();
    return result;
}

SHIM int fallocate(int fd, int mode, off_t offset, off_t size) {
    if (!enter(is_fd_below(fd))) {
        return (int)syscall(SYS_fallocate, fd, mode, offset, size);
    }
    int result = next(false) == GOES_ON ? (int)syscall(SYS_fallocate, fd, mode, offset, size) : -1;
    leave();
    return result;
}

SHIM void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
    if ((flags & MAP_ANONYMOUS) != 0 || !enter(is_fd_below(fd))) {
        return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
    }
    void *result = MAP_FAILED;
    if (next(false) == GOES_ON) {
        result = (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
    } else {
        errno = ENOMEM; /* what mmap has for it */
    }
    leave();
    return result;
}

/* ---- Syncing. ---- */

static int sync_fd(int fd, long call) {
    if (!enter(is_fd_below(fd))) {
        return (int)syscall(call, fd);
    }
    int result = -1;
    if (next(false) == GOES_ON) {
        result = 0; /* nothing but our own image needs the real disk */
        if (shim.shadow != NULL) {
            power_synced(shim.shadow, fd);
        }
    }
    leave();
    return result;
}

SHIM int fsync(int fd) {
    return sync_fd(fd, SYS_fsync);
}

SHIM int fdatasync(int fd) {
    return sync_fd(fd, SYS_fdatasync);
}

/* ---- Names. ---- */

static int open_mode(const char *path, int flags, mode_t mode) {
    struct stat info;
    if ((flags & O_CREAT) == 0 || !enter(is_below(path))) {
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    }
    bool made = stat(path, &info) != 0;
    int fd = -1;
    if (next(false) == GOES_ON) {
        fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
        if (fd >= 0 && made && shim.shadow != NULL) {
            power_made(shim.shadow, path);
        }
    }
    leave();
    return fd;
}

SHIM int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return open_mode(path, flags, mode);
}

SHIM int rename(const char *from, const char *to) {
    if (!enter(is_below(from) || is_below(to))) {
        return (int)syscall(SYS_rename, from, to);
    }
    int result = next(false) == GOES_ON ? (int)syscall(SYS_rename, from, to) : -1;
    leave();
    return result;
}

SHIM int link(const char *from, const char *to) {
    if (!enter(is_below(from) || is_below(to))) {
        return (int)syscall(SYS_link, from, to);
    }
    int result = next(false) == GOES_ON ? (int)syscall(SYS_link, from, to) : -1;
    leave();
    return result;
}

SHIM int unlink(const char *path) {
    if (!enter(is_below(path))) {
        return (int)syscall(SYS_unlink, path);
    }
    int result = next(false) == GOES_ON ? (int)syscall(SYS_unlink, path) : -1;
    leave();
    return result;
}

SHIM int unlinkat(int folder, const char *name, int flags) {
    if (!enter(folder == AT_FDCWD ? is_below(name) : is_fd_below(folder))) {
        return (int)syscall(SYS_unlinkat, folder, name, flags);
    }
    int result = next(false) == GOES_ON ? (int)syscall(SYS_unlinkat, folder, name, flags) : -1;
    leave();
    return result;
}

SHIM int mkdir(const char *path, mode_t mode) {
    if (!enter(is_below(path))) {
        return (int)syscall(SYS_mkdir, path, mode);
    }
    int result = -1;
    if (next(false) == GOES_ON) {
        result = (int)syscall(SYS_mkdir, path, mode);
        if (result == 0 && shim.shadow != NULL) {
            power_made(shim.shadow, path);
        }
    }
    leave();
    return result;
}
