/* power.h - what a disk holds when the power goes: of a file what was there when it was synced, of
 * a folder the names it had when it was synced.
 *
 * While a database runs, the shim tells what is made and synced; a shadow folder keeps it, by
 * inode. When the process has ended the image is put together from it.
 */
#ifndef PYR_FAULT_POWER_H
#define PYR_FAULT_POWER_H

#include <stdbool.h>
#include <stdint.h>

typedef enum power_image {
    POWER_LAZY,  /* nothing that was not synced: neither bytes nor names */
    POWER_NAMES, /* every name as it is now, of bytes only what was synced */
    POWER_TORN,  /* every name, and of the bytes after what was synced a part */
    POWER_IMAGES
} power_image;

/* A fresh folder with all that a test of this needs; the texts are malloc'ed. */
typedef struct power_folders {
    char *folder;
    char *disk, *path;        /* what the shim looks at, and the database there, not made yet */
    char *shadow;             /* begun */
    char *image, *image_path; /* the same of the image, not made yet */
} power_folders;
void power_folders_make(power_folders *self, const char *name);
/* removes: the folder itself, too. */
void power_folders_free(power_folders *self, bool removes);

/* The empty shadow folder of a database whose own folder is there. */
void power_begin(const char *shadow);
/* A file or folder was made at path; a file's inode is kept from being used again. */
void power_made(const char *shadow, const char *path);
/* fsync or fdatasync of a file or folder. */
void power_synced(const char *shadow, int fd);
/* The image of root into a new folder, to. seed: where files are torn. */
void power_restore(const char *shadow, const char *root, const char *to, power_image image,
                   uint64_t seed);

#endif
