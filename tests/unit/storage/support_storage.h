/* support_storage.h - small arrays, batches and folders for the tests of src/storage. Each function
 * fails the test when something goes wrong, and gives what the caller releases. */
#ifndef TESTS_STORAGE_SUPPORT_STORAGE_H
#define TESTS_STORAGE_SUPPORT_STORAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arrow/builder.h"
#include "storage/segment.h"

/* Fails the test with the message of error. */
#define check_ok(call)                                                                  \
    do {                                                                                \
        pyr_error check_error_ = {0};                                                   \
        pyr_error *error = &check_error_;                                               \
        if ((call) != PYR_OK) {                                                         \
            fail_msg("%s: %s: %s", #call, check_error_.sqlstate, check_error_.message); \
        }                                                                               \
    } while (0)

void assert_message_has(const pyr_error *error, const char *words);

/* A folder of the test's own, removed with what is in it; PATH below it (static, four at a time).
 */
char *folder_create(void);
void folder_remove(char *folder);
/* For tests whose state is that folder. */
int folder_set_up(void **state);
int folder_tear_down(void **state);
const char *below(const char *folder, const char *name);
void write_file(const char *path, const void *bytes, size_t size_bytes);
uint8_t *read_file(const char *path, size_t *size_bytes);
bool file_exists(const char *path);

/* A file system of size_bytes in memory, mounted at folder. false, with the reason printed, where
 * the test may not mount: it skips then. */
bool small_disk_mount(const char *folder, size_t size_bytes);
void small_disk_unmount(const char *folder);
/* Takes all the space that is left, in the file of this name. */
void small_disk_fill(const char *folder, const char *name);

/* cmocka puts its own handler of SIGBUS in the place of ours before each test. main calls note
 * (ours is installed with the first mapping), a test that needs it restore. */
void note_sigbus_handler(void);
void restore_sigbus_handler(void);

/* Values begin at first and grow by one; every null_every-th is null (0: none). */
pyr_array *numbers(int64_t first, int64_t count, int64_t null_every);
/* NULL is a null. */
pyr_array *strings(pyr_type_id type, const char *const *values, int64_t count);
/* Each value is size_bytes long and begins with its row's number. */
pyr_array *long_strings(int64_t count, size_t size_bytes);
/* Columns a, b, c, ...; the arrays are released. */
pyr_batch *rows_batch_of(pyr_array **columns, int32_t count);
pyr_batch *batch_of_one(pyr_array *column);

/* A sealed segment of these batches, which stay the caller's. path NULL: in memory. */
pyr_segment *write_segment(const char *path, pyr_batch *const *batches, size_t count,
                           pyr_ipc_compression compression, pyr_query_ledger *ledger);
/* What is at path, as a foreign file: nothing is known of it. */
pyr_segment *open_foreign(const char *path);
pyr_segment *open_trusted(const char *path);
pyr_batch *read_batch(pyr_segment *segment, size_t index);

#endif
