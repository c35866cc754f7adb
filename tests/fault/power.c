/* power.c - see power.h.
 *
 *     SHADOW/kept/INODE      a link to each file that was made, so that no inode comes twice
 *     SHADOW/synced/INODE    the bytes of a file when it was synced
 *     SHADOW/names/INODE     of a folder: a line "INODE NAME" for each name when it was synced
 *
 * Only system calls that the shim does not count, or paths that it does not: it holds its lock.
 */
#include "power.h"

#include "fault_db.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, COPY_BYTES = 1 << 16 };

static const char *shadow_path(const char *shadow, const char *kind, ino_t inode,
                               char path[PATH_BYTES]) {
    (void)snprintf(path, PATH_BYTES, "%s/%s/%llu", shadow, kind, (unsigned long long)inode);
    return path;
}

static void make_folder(const char *path) {
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        fault_die("%s: %s", path, strerror(errno));
    }
}

void power_folders_make(power_folders *self, const char *name) {
    self->folder = fault_folder(name);
    self->disk = fault_join(self->folder, "disk");
    self->path = fault_join(self->disk, "db");
    self->shadow = fault_join(self->folder, "shadow");
    self->image = fault_join(self->folder, "image");
    self->image_path = fault_join(self->image, "db");
    make_folder(self->disk);
    power_begin(self->shadow);
}

void power_folders_free(power_folders *self, bool removes) {
    if (removes) {
        fault_remove(self->folder);
    }
    free(self->folder);
    free(self->disk);
    free(self->path);
    free(self->shadow);
    free(self->image);
    free(self->image_path);
}

void power_begin(const char *shadow) {
    static const char *const kinds[] = {"kept", "synced", "names"};
    char path[PATH_BYTES];
    make_folder(shadow);
    for (int i = 0; i < 3; ++i) {
        (void)snprintf(path, sizeof(path), "%s/%s", shadow, kinds[i]);
        make_folder(path);
    }
}

void power_made(const char *shadow, const char *path) {
    struct stat info;
    char kept[PATH_BYTES];
    if (stat(path, &info) != 0) {
        fault_die("%s: %s", path, strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) {
        (void)remove(shadow_path(shadow, "names", info.st_ino, kept));
    } else if (linkat(AT_FDCWD, path, AT_FDCWD, shadow_path(shadow, "kept", info.st_ino, kept),
                      0) != 0) {
        fault_die("%s: %s", kept, strerror(errno));
    }
}

/* size_max bytes, or all; a file that is not there is empty. */
static void copy_file(const char *from, const char *to, int64_t size_max) {
    static char bytes[COPY_BYTES];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    if (out == NULL) {
        fault_die("%s: %s", to, strerror(errno));
    }
    while (in != NULL && size_max > 0) {
        size_t got = fread(bytes, 1, size_max < COPY_BYTES ? (size_t)size_max : COPY_BYTES, in);
        if (got == 0) {
            break;
        }
        if (fwrite(bytes, 1, got, out) != got) {
            fault_die("%s: %s", to, strerror(errno));
        }
        size_max -= (int64_t)got;
    }
    if (in != NULL) {
        (void)fclose(in);
    }
    if (fclose(out) != 0) {
        fault_die("%s: %s", to, strerror(errno));
    }
}

static void note_names(const char *shadow, const char *folder, ino_t inode) {
    char path[PATH_BYTES];
    DIR *opened = opendir(folder);
    FILE *out = fopen(shadow_path(shadow, "names", inode, path), "w");
    struct dirent *entry;
    if (opened == NULL || out == NULL) {
        fault_die("%s: %s", folder, strerror(errno));
    }
    while ((entry = readdir(opened)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)fprintf(out, "%llu %s\n", (unsigned long long)entry->d_ino, entry->d_name);
        }
    }
    (void)closedir(opened);
    (void)fclose(out);
}

void power_synced(const char *shadow, int fd) {
    struct stat info;
    char from[64];
    char to[PATH_BYTES];
    (void)snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
    if (fstat(fd, &info) != 0) {
        fault_die("fstat: %s", strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) {
        note_names(shadow, from, info.st_ino);
    } else {
        copy_file(from, shadow_path(shadow, "synced", info.st_ino, to), INT64_MAX);
    }
}

/* ---- Putting the image together. ---- */

typedef struct restoring {
    const char *shadow;
    power_image image;
    fault_random random;
} restoring;

static int64_t size_of(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_size : 0;
}

/* now: the path where the file is, NULL where nobody knows. */
static void restore_file(restoring *self, ino_t inode, const char *now, const char *to) {
    char synced[PATH_BYTES];
    shadow_path(self->shadow, "synced", inode, synced);
    int64_t after = now != NULL ? size_of(now) - size_of(synced) : 0;
    if (self->image == POWER_TORN && after > 0) {
        copy_file(now, to, size_of(synced) + fault_below(&self->random, after + 1));
    } else {
        copy_file(synced, to, INT64_MAX);
    }
}

static void restore_now(restoring *self, const char *from, const char *to) {
    struct dirent *entry;
    struct stat info;
    DIR *opened = opendir(from);
    if (opened == NULL) {
        fault_die("%s: %s", from, strerror(errno));
    }
    make_folder(to);
    while ((entry = readdir(opened)) != NULL) {
        char inner[PATH_BYTES];
        char target[PATH_BYTES];
        (void)snprintf(inner, sizeof(inner), "%s/%s", from, entry->d_name);
        (void)snprintf(target, sizeof(target), "%s/%s", to, entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            stat(inner, &info) != 0) {
            continue;
        }
        if (S_ISDIR(info.st_mode)) {
            restore_now(self, inner, target);
        } else {
            restore_file(self, info.st_ino, inner, target);
        }
    }
    (void)closedir(opened);
}

/* A name leads to a file that was made, else to a folder. */
static void restore_synced(restoring *self, ino_t folder, const char *to) {
    char path[PATH_BYTES];
    char line[PATH_BYTES];
    make_folder(to);
    FILE *names = fopen(shadow_path(self->shadow, "names", folder, path), "r");
    while (names != NULL && fgets(line, sizeof(line), names) != NULL) {
        char target[PATH_BYTES];
        char *name = NULL;
        ino_t inode = (ino_t)strtoull(line, &name, 10);
        name[strcspn(name, "\n")] = '\0';
        (void)snprintf(target, sizeof(target), "%s/%s", to, name + 1);
        if (access(shadow_path(self->shadow, "kept", inode, path), F_OK) == 0) {
            restore_file(self, inode, NULL, target);
        } else {
            restore_synced(self, inode, target);
        }
    }
    if (names != NULL) {
        (void)fclose(names);
    }
}

void power_restore(const char *shadow, const char *root, const char *to, power_image image,
                   uint64_t seed) {
    restoring self = {shadow, image, {seed}};
    struct stat info;
    if (stat(root, &info) != 0) {
        fault_die("%s: %s", root, strerror(errno));
    }
    if (image == POWER_LAZY) {
        restore_synced(&self, info.st_ino, to);
    } else {
        restore_now(&self, root, to);
    }
}
