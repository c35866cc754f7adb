/* mapping.c - see mapping.h. The root buffer owns the pyr_mapping; slices keep the root. */
#include "base/mapping.h"

#include "base/mapping_internal.h"
#include "base/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

struct pyr_mapping {
    char *path;
    void *data;
    size_t size_bytes;
    pyr_mapping_slot *slot; /* NULL where the file was read instead */
    pyr_buffer *read;       /* the bytes read, where there is no mapping */
    atomic_int faulted;     /* by a system call, or a read that came up short */
};

static void free_mapping(void *owner) {
    pyr_mapping *mapping = owner;
    if (mapping->slot != NULL) {
        pyr_mapping_unregister(mapping->slot);
        munmap(mapping->data, mapping->size_bytes);
    }
    pyr_buffer_release(mapping->read);
    free(mapping->path);
    free(mapping);
}

/* File systems whose pages may vanish with the network or a user's process, by the numbers that
 * statfs(2) lists. */
static bool is_remote(int fd) {
    struct statfs info;
    if (fstatfs(fd, &info) != 0) {
        return false;
    }
    switch ((unsigned long)info.f_type) {
    case 0x6969:     /* NFS */
    case 0x517B:     /* SMB */
    case 0xFF534D42: /* CIFS */
    case 0xFE534D42: /* SMB2 */
    case 0x65735546: /* FUSE */
    case 0x01021997: /* 9P */
    case 0x00C36400: /* Ceph */
        return true;
    default:
        return false;
    }
}

static pyr_status read_whole(pyr_mapping *mapping, int fd, pyr_error *error) {
    PYR_TRY(pyr_buffer_create_raw(mapping->size_bytes, NULL, &mapping->read, error));
    uint8_t *data = pyr_buffer_mutable(mapping->read);
    size_t done = 0;
    while (done < mapping->size_bytes) {
        ssize_t got = pread(fd, data + done, mapping->size_bytes - done, (off_t)done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return pyr_error_set_errno(error, errno, "read", mapping->path);
        }
        if (got == 0) {
            return pyr_error_set(error, PYR_ERROR_IO,
                                 "%s: the file ends at byte %zu of %zu: it was cut while it was "
                                 "read",
                                 mapping->path, done, mapping->size_bytes);
        }
        done += (size_t)got;
    }
    mapping->data = data;
    return PYR_OK;
}

static pyr_status map(pyr_mapping *mapping, int fd, pyr_error *error) {
    if (mapping->size_bytes == 0) {
        return PYR_OK;
    }
    if (!is_remote(fd)) {
        void *data = mmap(NULL, mapping->size_bytes, PROT_READ, MAP_SHARED, fd, 0);
        if (data != MAP_FAILED) {
            mapping->data = data;
            mapping->slot = pyr_mapping_register(data, mapping->size_bytes);
            if (mapping->slot == NULL) {
                munmap(data, mapping->size_bytes);
                return pyr_error_memory(error, sizeof(pyr_mapping_slot));
            }
            return PYR_OK;
        }
    }
    return read_whole(mapping, fd, error);
}

pyr_status pyr_mapping_open_fd(int fd, const char *name, pyr_buffer **out, pyr_error *error) {
    *out = NULL;
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return pyr_error_set_errno(error, errno, "fstat", name);
    }
    if (!S_ISREG(info.st_mode)) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "%s: %s, not a regular file", name,
                             S_ISDIR(info.st_mode) ? "a directory" : "a device or pipe");
    }
    pyr_mapping *mapping = calloc(1, sizeof(*mapping));
    if (mapping == NULL || (mapping->path = strdup(name)) == NULL) {
        free(mapping);
        return pyr_error_memory(error, sizeof(*mapping));
    }
    mapping->size_bytes = (size_t)info.st_size;
    pyr_status status = map(mapping, fd, error);
    if (status == PYR_OK) {
        status =
            pyr_buffer_wrap(mapping->data, mapping->size_bytes, mapping, free_mapping, out, error);
    }
    if (status != PYR_OK) {
        free_mapping(mapping);
        return status;
    }
    (*out)->mapping = mapping;
    return PYR_OK;
}

pyr_status pyr_mapping_open_file(const char *path, int *fd, pyr_error *error) {
    /* Not blocking on a pipe or device that stands where a file should. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return *fd >= 0 ? PYR_OK : pyr_error_set_errno(error, errno, "open", path);
}

pyr_status pyr_mapping_open(const char *path, pyr_buffer **out, pyr_error *error) {
    *out = NULL;
    int fd = -1;
    PYR_TRY(pyr_mapping_open_file(path, &fd, error));
    pyr_status status = pyr_mapping_open_fd(fd, path, out, error);
    close(fd);
    return status;
}

pyr_status pyr_mapping_check(const pyr_mapping *mapping, pyr_error *error) {
    if (mapping == NULL) {
        return PYR_OK;
    }
    bool faulted = (mapping->slot != NULL &&
                    atomic_load_explicit(&mapping->slot->faulted, memory_order_acquire) != 0) ||
                   atomic_load_explicit(&mapping->faulted, memory_order_acquire) != 0;
    if (faulted) {
        return pyr_error_set(error, PYR_ERROR_IO,
                             "%s: the file was cut, or could not be read, while it was mapped",
                             mapping->path);
    }
    return PYR_OK;
}

pyr_status pyr_mapping_explain(const pyr_mapping *mapping, pyr_status status, pyr_error *error) {
    pyr_status faulted = pyr_mapping_check(mapping, error);
    return faulted != PYR_OK ? faulted : status;
}

bool pyr_mapping_is_mapped(const pyr_mapping *mapping) {
    return mapping->slot != NULL;
}

const char *pyr_mapping_path(const pyr_mapping *mapping) {
    return mapping->path;
}

void pyr_mapping_set_faulted(pyr_mapping *mapping) {
    atomic_store_explicit(&mapping->faulted, 1, memory_order_release);
}
