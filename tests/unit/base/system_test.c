/* system_test.c - mappings that fault, files, the thread pool, cancelling. */
#include "base/clock.h"
#include "base/file.h"
#include "base/mapping.h"
#include "base/thread_pool.h"
#include "support_base.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/pyralog-base-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return pyr_folder_remove(folder, NULL) == PYR_OK ? 0 : -1;
}

static const char *path_of(const char *name) {
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int make_file(const char *name, size_t size, uint8_t value) {
    int fd = open(path_of(name), O_RDWR | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, value, size);
    assert_int_equal(pyr_file_write(fd, name, bytes, size, NULL), PYR_OK);
    free(bytes);
    return fd;
}

static void a_file_cut_while_mapped_gives_zeros_and_an_error(void **state) {
    (void)state;
    int fd = make_file("cut", 1 << 20, 7);
    pyr_buffer *buffer = NULL;
    pyr_error error;
    assert_int_equal(pyr_mapping_open(path_of("cut"), &buffer, &error), PYR_OK);
    assert_true(pyr_mapping_is_mapped(buffer->mapping));
    assert_true(pyr_mapping_covers(buffer->data + 5));
    assert_int_equal(buffer->data[500000], 7);
    pyr_status wrong = pyr_error_set(&error, PYR_ERROR_CORRUPT, "what was found");
    assert_int_equal(pyr_mapping_explain(buffer->mapping, wrong, &error), PYR_ERROR_CORRUPT);
    assert_string_equal(error.message, "what was found");
    assert_int_equal(pyr_mapping_explain(NULL, wrong, &error), PYR_ERROR_CORRUPT);
    assert_int_equal(ftruncate(fd, 4096), 0);
    volatile const uint8_t *bytes = buffer->data;
    assert_int_equal(bytes[900000], 0);
    assert_int_equal(bytes[10], 7);
    assert_int_equal(pyr_mapping_explain(buffer->mapping, wrong, &error), PYR_ERROR_IO);
    assert_non_null(strstr(error.message, "the file was cut"));
    assert_int_equal(pyr_mapping_explain(buffer->mapping, PYR_OK, NULL), PYR_ERROR_IO);
    assert_int_equal(pyr_mapping_check(buffer->mapping, &error), PYR_ERROR_IO);
    assert_string_equal(error.sqlstate, "58030");
    assert_non_null(strstr(error.message, "cut"));
    const uint8_t *address = buffer->data;
    pyr_buffer_release(buffer);
    assert_false(pyr_mapping_covers(address));
    close(fd);
}

static void writing_from_a_cut_mapping_is_an_error_not_a_crash(void **state) {
    (void)state;
    int fd = make_file("source", 1 << 20, 7);
    pyr_buffer *buffer = NULL;
    pyr_error error;
    assert_int_equal(pyr_mapping_open(path_of("source"), &buffer, &error), PYR_OK);
    assert_int_equal(ftruncate(fd, 0), 0);
    int out = open(path_of("target"), O_WRONLY | O_CREAT, 0644);
    assert_int_equal(pyr_file_write(out, "target", buffer->data, 1 << 20, &error), PYR_ERROR_IO);
    close(out);
    pyr_buffer_release(buffer);
    close(fd);
}

/* In a process of its own: cmocka catches signals in this one. */
static int fault_elsewhere(const char *path) {
    pyr_buffer *buffer = NULL;
    if (pyr_mapping_open(path, &buffer, NULL) != PYR_OK) { /* installs the handler */
        return 0;
    }
    int fd = open(path, O_RDWR);
    volatile uint8_t *bytes = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
    (void)!ftruncate(fd, 0);
    (void)bytes[5000];
    return 0;
}

static void a_fault_elsewhere_still_kills(void **state) {
    (void)state;
    close(make_file("foreign", 8192, 1));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        execl("/proc/self/exe", "system_test", "fault", path_of("foreign"), (char *)NULL);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void what_is_no_file_is_refused(void **state) {
    (void)state;
    pyr_buffer *buffer = NULL;
    pyr_error error;
    assert_int_equal(pyr_mapping_open(folder, &buffer, &error), PYR_ERROR_INVALID_ARGUMENT);
    assert_int_equal(pyr_mapping_open(path_of("none"), &buffer, &error), PYR_ERROR_NOT_FOUND);
    assert_int_equal(pyr_mapping_open("/dev/null", &buffer, &error), PYR_ERROR_INVALID_ARGUMENT);
    close(make_file("empty", 0, 0));
    assert_int_equal(pyr_mapping_open(path_of("empty"), &buffer, &error), PYR_OK);
    assert_int_equal(buffer->size_bytes, 0);
    pyr_buffer_release(buffer);
}

static void many_mappings_find_their_slots(void **state) {
    (void)state;
    enum { COUNT = 3000 }; /* more than one chunk of the registry */
    close(make_file("small", 100, 3));
    pyr_buffer **buffers = calloc(COUNT, sizeof(*buffers));
    assert_non_null(buffers);
    for (int i = 0; i < COUNT; ++i) {
        assert_int_equal(pyr_mapping_open(path_of("small"), &buffers[i], NULL), PYR_OK);
    }
    for (int i = 0; i < COUNT; ++i) {
        assert_true(pyr_mapping_covers(buffers[i]->data));
        pyr_buffer_release(buffers[i]);
    }
    free(buffers);
}

static void long_lists_of_spans_are_written_whole(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    struct iovec *spans = calloc(COUNT, sizeof(*spans));
    assert_non_null(spans);
    for (int i = 0; i < COUNT; ++i) {
        spans[i] = (struct iovec){(void *)"abcdefg", (size_t)(i % 8)};
    }
    int fd = -1;
    assert_int_equal(pyr_file_create(path_of("spans"), true, &fd, NULL), PYR_OK);
    assert_int_equal(pyr_file_writev(fd, "spans", spans, COUNT, NULL), PYR_OK);
    assert_int_equal(pyr_file_sync_data(fd, "spans", NULL), PYR_OK);
    assert_int_equal(pyr_file_close(fd, "spans", NULL), PYR_OK);
    pyr_error error;
    assert_int_equal(pyr_file_create(path_of("spans"), true, &fd, &error),
                     PYR_ERROR_ALREADY_EXISTS);
    char *data = NULL;
    size_t size = 0;
    assert_int_equal(pyr_file_read_all(path_of("spans"), 1 << 20, &data, &size, NULL), PYR_OK);
    assert_int_equal(size, COUNT / 8 * 28);
    assert_memory_equal(data, "aababcabcdabcdeabcdefabcdefga", 29);
    free(data);
    assert_int_equal(pyr_file_read_all(path_of("spans"), 100, &data, &size, &error),
                     PYR_ERROR_LIMIT);
    assert_null(data);
    free(spans);
}

static void folders_are_made_and_removed_whole(void **state) {
    (void)state;
    char deep[300];
    snprintf(deep, sizeof(deep), "%s/a/b/c", folder);
    assert_int_equal(pyr_folder_create(deep, NULL), PYR_OK);
    assert_int_equal(pyr_folder_create(deep, NULL), PYR_OK);
    close(make_file("a/b/c/file", 10, 1));
    close(make_file("kept", 10, 1));
    char link[300];
    snprintf(link, sizeof(link), "%s/a/link", folder);
    assert_int_equal(symlink(path_of("kept"), link), 0);
    assert_int_equal(pyr_folder_remove(path_of("a"), NULL), PYR_OK);
    assert_int_equal(access(path_of("a"), F_OK), -1);
    assert_int_equal(access(path_of("kept"), F_OK), 0);
}

static void count_up(void *argument) {
    atomic_fetch_add((atomic_int *)argument, 1);
}

static pyr_status add_index(void *context, size_t index, pyr_error *error) {
    if (index == 777) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "index %zu", index);
    }
    atomic_fetch_add((atomic_size_t *)context, index);
    return PYR_OK;
}

static pyr_status nested(void *context, size_t index, pyr_error *error) {
    (void)index;
    atomic_size_t sum = 0;
    PYR_TRY(pyr_thread_pool_for_each(context, 50, add_index, &sum, error));
    return atomic_load(&sum) == 49 * 25 ? PYR_OK : pyr_error_set(error, PYR_ERROR_INTERNAL, "sum");
}

static void the_pool_runs_every_task_and_index_once(void **state) {
    (void)state;
    pyr_thread_pool *pool = NULL;
    assert_int_equal(pyr_thread_pool_create(4, 8, &pool, NULL), PYR_OK);
    assert_int_equal(pyr_thread_pool_threads(pool), 4);
    atomic_int count = 0;
    for (int i = 0; i < 5000; ++i) {
        pyr_thread_pool_submit(pool, count_up, &count);
    }
    atomic_size_t sum = 0;
    for (int round = 0; round < 200; ++round) {
        atomic_store(&sum, 0);
        assert_int_equal(pyr_thread_pool_for_each(pool, 500, add_index, &sum, NULL), PYR_OK);
        assert_int_equal(atomic_load(&sum), 499 * 250);
    }
    pyr_error error;
    assert_int_equal(pyr_thread_pool_for_each(pool, 2000, add_index, &sum, &error),
                     PYR_ERROR_LIMIT);
    assert_string_equal(error.message, "index 777");
    assert_int_equal(pyr_thread_pool_for_each(pool, 20, nested, pool, &error), PYR_OK);
    assert_int_equal(pyr_thread_pool_for_each(pool, 0, add_index, &sum, &error), PYR_OK);
    pyr_thread_pool_destroy(pool);
    assert_int_equal(atomic_load(&count), 5000);
    assert_true(pyr_cpus_available() >= 1);
}

static void a_flag_tells_cancelling_from_a_deadline(void **state) {
    (void)state;
    pyr_cancel_flag flag;
    pyr_error error;
    pyr_cancel_flag_init(&flag);
    assert_int_equal(pyr_cancel_flag_check(&flag, &error), PYR_OK);
    assert_int_equal(pyr_cancel_flag_check(NULL, &error), PYR_OK);
    pyr_cancel_flag_raise(&flag);
    assert_int_equal(pyr_cancel_flag_check(&flag, &error), PYR_ERROR_CANCELLED);
    assert_string_equal(error.sqlstate, "57014");
    pyr_cancel_flag_init(&flag);
    atomic_store(&flag.deadline_ns, pyr_clock_monotonic_ns());
    assert_int_equal(pyr_cancel_flag_check(&flag, &error), PYR_ERROR_TIMEOUT);
    pyr_cancel_flag_raise(&flag);
    assert_int_equal(pyr_cancel_flag_check(&flag, &error), PYR_ERROR_TIMEOUT);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "fault") == 0) {
        return fault_elsewhere(argv[2]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_while_mapped_gives_zeros_and_an_error),
        cmocka_unit_test(writing_from_a_cut_mapping_is_an_error_not_a_crash),
        cmocka_unit_test(a_fault_elsewhere_still_kills),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(many_mappings_find_their_slots),
        cmocka_unit_test(long_lists_of_spans_are_written_whole),
        cmocka_unit_test(folders_are_made_and_removed_whole),
        cmocka_unit_test(the_pool_runs_every_task_and_index_once),
        cmocka_unit_test(a_flag_tells_cancelling_from_a_deadline),
    };
    return cmocka_run_group_tests_name("system", tests, make_folder, remove_folder);
}
