/* support_storage.c - see support_storage.h. */
#include "support_storage.h"

#include "base/file.h"
#include "base/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

void assert_message_has(const pyr_error *error, const char *words) {
    if (strstr(error->message, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, error->message);
    }
}

/* ---- Files. ---- */

char *folder_create(void) {
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    assert_true(asprintf(&path, "%s/pyralog-test-XXXXXX", base != NULL ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(path));
    return path;
}

void folder_remove(char *folder) {
    check_ok(pyr_folder_remove(folder, error));
    free(folder);
}

int folder_set_up(void **state) {
    *state = folder_create();
    return 0;
}

int folder_tear_down(void **state) {
    folder_remove(*state);
    return 0;
}

const char *below(const char *folder, const char *name) {
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

void write_file(const char *path, const void *bytes, size_t size_bytes) {
    int fd;
    check_ok(pyr_file_create(path, false, &fd, error));
    check_ok(pyr_file_write(fd, path, bytes, size_bytes, error));
    check_ok(pyr_file_close(fd, path, error));
}

uint8_t *read_file(const char *path, size_t *size_bytes) {
    char *data = NULL;
    check_ok(pyr_file_read_all(path, (size_t)1 << 30, &data, size_bytes, error));
    return (uint8_t *)data;
}

bool file_exists(const char *path) {
    return access(path, F_OK) == 0;
}

bool small_disk_mount(const char *folder, size_t size_bytes) {
    char options[64];
    (void)snprintf(options, sizeof(options), "size=%zu", size_bytes);
    if (mount("tmpfs", folder, "tmpfs", 0, options) != 0) {
        print_message("skipped: a small disk cannot be mounted: %s\n", strerror(errno));
        return false;
    }
    return true;
}

void small_disk_unmount(const char *folder) {
    assert_int_equal(umount2(folder, MNT_DETACH), 0);
}

void small_disk_fill(const char *folder, const char *name) {
    static const char block[4096];
    int fd = open(below(folder, name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    while (write(fd, block, sizeof(block)) > 0) {
    }
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static struct sigaction sigbus_action;

void note_sigbus_handler(void) {
    pyr_buffer *program;
    check_ok(pyr_mapping_open("/proc/self/exe", &program, error));
    pyr_buffer_release(program);
    assert_int_equal(sigaction(SIGBUS, NULL, &sigbus_action), 0);
}

void restore_sigbus_handler(void) {
    assert_int_equal(sigaction(SIGBUS, &sigbus_action, NULL), 0);
}

/* ---- Arrays and batches. ---- */

static pyr_builder *builder_of(pyr_type_id type) {
    pyr_field *field;
    pyr_builder *builder;
    check_ok(pyr_field_create("", type, &field, error));
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    pyr_field_release(field);
    return builder;
}

static pyr_array *finish(pyr_builder *builder) {
    pyr_array *array;
    check_ok(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    return array;
}

pyr_array *numbers(int64_t first, int64_t count, int64_t null_every) {
    pyr_builder *builder = builder_of(PYR_TYPE_INT64);
    for (int64_t i = 0; i < count; ++i) {
        if (null_every > 0 && i % null_every == null_every - 1) {
            check_ok(pyr_builder_null(builder, error));
        } else {
            check_ok(pyr_builder_int64(builder, first + i, error));
        }
    }
    return finish(builder);
}

pyr_array *strings(pyr_type_id type, const char *const *values, int64_t count) {
    pyr_builder *builder = builder_of(type);
    for (int64_t i = 0; i < count; ++i) {
        if (values[i] == NULL) {
            check_ok(pyr_builder_null(builder, error));
        } else {
            check_ok(pyr_builder_bytes(builder, values[i], strlen(values[i]), error));
        }
    }
    return finish(builder);
}

pyr_array *long_strings(int64_t count, size_t size_bytes) {
    pyr_builder *builder = builder_of(PYR_TYPE_UTF8);
    char *text = malloc(size_bytes + 1);
    assert_non_null(text);
    memset(text, 'x', size_bytes);
    for (int64_t i = 0; i < count; ++i) {
        char digits[24];
        int length = snprintf(digits, sizeof(digits), "%08lld", (long long)i);
        memcpy(text, digits, (size_t)length < size_bytes ? (size_t)length : size_bytes);
        check_ok(pyr_builder_bytes(builder, text, size_bytes, error));
    }
    free(text);
    return finish(builder);
}

pyr_batch *rows_batch_of(pyr_array **columns, int32_t count) {
    pyr_field *fields[16];
    assert_true(count <= 16);
    for (int32_t i = 0; i < count; ++i) {
        char name[2] = {(char)('a' + i), '\0'};
        check_ok(pyr_field_with(columns[i]->field, name, true, NULL, &fields[i], error));
    }
    pyr_schema *schema;
    pyr_batch *batch;
    check_ok(pyr_schema_create(fields, count, NULL, &schema, error));
    check_ok(pyr_batch_create(schema, columns[0]->length, columns, count, NULL, &batch, error));
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
        pyr_array_release(columns[i]);
    }
    pyr_schema_release(schema);
    return batch;
}

pyr_batch *batch_of_one(pyr_array *column) {
    return rows_batch_of(&column, 1);
}

/* ---- Segments. ---- */

pyr_segment *write_segment(const char *path, pyr_batch *const *batches, size_t count,
                           pyr_ipc_compression compression, pyr_query_ledger *ledger) {
    pyr_segment_writer *writer;
    pyr_segment *segment;
    check_ok(
        pyr_segment_writer_create(path, batches[0]->schema, compression, ledger, &writer, error));
    for (size_t i = 0; i < count; ++i) {
        check_ok(pyr_segment_writer_append(writer, batches[i], error));
    }
    check_ok(pyr_segment_writer_finish(writer, false, &segment, error));
    pyr_segment_writer_destroy(writer);
    return segment;
}

static pyr_segment *open_at(const char *path, bool trusted) {
    char *copy = strdup(path);
    pyr_segment_info info = {.path = copy, .rows = -1, .size_bytes = -1, .batches = -1};
    pyr_segment *segment;
    check_ok(pyr_segment_create(&info, trusted, &segment, error));
    free(copy);
    return segment;
}

pyr_segment *open_foreign(const char *path) {
    return open_at(path, false);
}

pyr_segment *open_trusted(const char *path) {
    return open_at(path, true);
}

pyr_batch *read_batch(pyr_segment *segment, size_t index) {
    pyr_batch *batch;
    check_ok(pyr_segment_batch(segment, index, NULL, 0, NULL, NULL, &batch, error));
    return batch;
}
