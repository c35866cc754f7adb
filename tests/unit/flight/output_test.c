/* A connection's output: pieces in order, shared and copied, and what happens when the file under
 * one of them is cut. */
#include "base/mapping.h"
#include "flight/http2_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void pair(int fds[2]) {
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static size_t read_some(int fd, uint8_t *to, size_t size) {
    size_t got = 0;
    for (ssize_t n; got < size && (n = recv(fd, to + got, size - got, MSG_DONTWAIT)) > 0;) {
        got += (size_t)n;
    }
    return got;
}

static pyr_buffer *bytes_of(const char *text) {
    pyr_buffer *buffer = NULL;
    assert_int_equal(pyr_buffer_create(strlen(text), NULL, &buffer, NULL), PYR_OK);
    memcpy(pyr_buffer_mutable(buffer), text, strlen(text));
    return buffer;
}

static void share(pyr_http2_output *output, pyr_buffer *buffer, int32_t stream) {
    assert_true(pyr_http2_output_share(output, buffer, buffer->data, buffer->size_bytes, stream));
}

static void copy(pyr_http2_output *output, const char *text) {
    assert_true(pyr_http2_output_copy(output, (const uint8_t *)text, strlen(text)));
}

static void pieces_leave_in_order_and_by_reference(void **state) {
    (void)state;
    pyr_http2_output output = {0};
    pyr_buffer *shared = bytes_of("shared");
    copy(&output, "one ");
    copy(&output, "two ");
    assert_int_equal(output.count, 1); /* what follows on joins */
    share(&output, shared, 1);
    assert_int_equal(atomic_load(&shared->references), 2);
    copy(&output, " three");
    assert_true(pyr_http2_output_share(&output, shared, shared->data, 0, 1));
    assert_int_equal(output.count, 3); /* nothing is no piece */
    assert_int_equal(output.bytes, 20);
    int fds[2];
    pair(fds);
    assert_int_equal(pyr_http2_output_flush(&output, fds[0]), PYR_HTTP2_FLUSH_DONE);
    uint8_t got[64];
    assert_int_equal(read_some(fds[1], got, sizeof(got)), 20);
    assert_memory_equal(got, "one two shared three", 20);
    assert_int_equal(atomic_load(&shared->references), 1);
    assert_int_equal(output.bytes, 0);
    pyr_http2_output_deinit(&output);
    pyr_buffer_release(shared);
    close(fds[0]);
    close(fds[1]);
}

static void a_full_socket_blocks_and_goes_on_at_the_same_byte(void **state) {
    (void)state;
    pyr_http2_output output = {0};
    int fds[2];
    pair(fds);
    pyr_buffer *shared = NULL;
    assert_int_equal(pyr_buffer_create(70001, NULL, &shared, NULL), PYR_OK);
    for (size_t i = 0; i < 70001; ++i) {
        pyr_buffer_mutable(shared)[i] = (uint8_t)(i * 7);
    }
    for (int i = 0; i < 100; ++i) {
        share(&output, shared, 1);
        copy(&output, "|");
    }
    size_t total = output.bytes;
    uint8_t *got = malloc(total);
    assert_non_null(got);
    size_t at = 0;
    int blocked = 0;
    while (pyr_http2_output_flush(&output, fds[0]) == PYR_HTTP2_FLUSH_BLOCKED) {
        ++blocked;
        at += read_some(fds[1], got + at, 4099 < total - at ? 4099 : total - at);
        at += read_some(fds[1], got + at, total - at);
    }
    at += read_some(fds[1], got + at, total - at);
    assert_true(blocked > 0);
    assert_int_equal(at, total);
    for (int i = 0; i < 100; ++i) {
        assert_memory_equal(got + (size_t)i * 70002, shared->data, 70001);
        assert_int_equal(got[(size_t)i * 70002 + 70001], '|');
    }
    free(got);
    pyr_http2_output_deinit(&output);
    assert_int_equal(atomic_load(&shared->references), 1);
    pyr_buffer_release(shared);
    close(fds[0]);
    close(fds[1]);
}

static void small_bytes_outlive_the_block_they_are_packed_in(void **state) {
    (void)state;
    pyr_http2_output output = {0};
    int fds[2];
    pair(fds);
    char line[100];
    for (int i = 0; i < 1000; ++i) {
        snprintf(line, sizeof(line), "%05d:%090d", i, i);
        copy(&output, line);
    }
    assert_int_equal(output.bytes, 96000);
    uint8_t got[96000];
    size_t at = 0;
    while (at < sizeof(got)) {
        assert_int_not_equal(pyr_http2_output_flush(&output, fds[0]), PYR_HTTP2_FLUSH_FAILED);
        at += read_some(fds[1], got + at, sizeof(got) - at);
    }
    for (int i = 0; i < 1000; ++i) {
        snprintf(line, sizeof(line), "%05d:%090d", i, i);
        assert_memory_equal(got + (size_t)i * 96, line, 96);
    }
    pyr_http2_output_deinit(&output);
    close(fds[0]);
    close(fds[1]);
}

static void a_gone_client_fails_without_a_signal(void **state) {
    (void)state;
    pyr_http2_output output = {0};
    int fds[2];
    pair(fds);
    close(fds[1]);
    copy(&output, "anybody?");
    assert_int_equal(pyr_http2_output_flush(&output, fds[0]), PYR_HTTP2_FLUSH_FAILED);
    pyr_http2_output_deinit(&output);
    close(fds[0]);
}

/* ---- Cut files. ---- */

#define PAGE ((size_t)4096)

static pyr_buffer *map_file(int *fd, size_t size, uint8_t fill) {
    *fd = memfd_create("piece", MFD_CLOEXEC);
    assert_true(*fd >= 0);
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, fill, size);
    assert_int_equal(write(*fd, bytes, size), size);
    free(bytes);
    pyr_buffer *buffer = NULL;
    assert_int_equal(pyr_mapping_open_fd(*fd, fill == 'A' ? "healthy" : "cut", &buffer, NULL),
                     PYR_OK);
    return buffer;
}

typedef struct hits {
    int32_t streams[8];
    size_t count;
} hits;

static void note(void *context, const pyr_mapping *mapping, int32_t stream_id) {
    hits *self = context;
    assert_string_equal(pyr_mapping_path(mapping), "cut");
    assert_true(self->count < 8);
    self->streams[self->count++] = stream_id;
}

static void a_cut_file_becomes_zeros_and_names_its_streams_only(void **state) {
    (void)state;
    pyr_http2_output output = {0};
    int fds[2];
    int healthy_fd;
    int cut_fd;
    pair(fds);
    int size = 1 << 20;
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    pyr_buffer *healthy = map_file(&healthy_fd, PAGE, 'A');
    pyr_buffer *cut = map_file(&cut_fd, 4 * PAGE, 'B');
    /* Healthy bytes directly in front: one chunk of the kernel's holds both. */
    copy(&output, "head");
    share(&output, healthy, 1);
    copy(&output, "frame");
    share(&output, cut, 3);
    share(&output, healthy, 1);
    share(&output, cut, 5);
    copy(&output, "end");
    size_t total = output.bytes;
    assert_int_equal(ftruncate(cut_fd, (off_t)PAGE), 0);

    hits seen = {0};
    pyr_http2_flush result;
    int faults = 0;
    while ((result = pyr_http2_output_flush(&output, fds[0])) == PYR_HTTP2_FLUSH_FAULT) {
        assert_true(pyr_http2_output_replace_fault(&output, note, &seen));
        ++faults;
    }
    assert_int_equal(result, PYR_HTTP2_FLUSH_DONE);
    assert_int_equal(faults, 1);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.streams[0], 3);
    assert_int_equal(seen.streams[1], 5);
    assert_int_equal(pyr_mapping_check(healthy->mapping, NULL), PYR_OK);
    assert_int_equal(pyr_mapping_check(cut->mapping, NULL), PYR_ERROR_IO);

    uint8_t *got = malloc(total);
    assert_non_null(got);
    assert_int_equal(read_some(fds[1], got, total), total); /* frames stay whole */
    assert_memory_equal(got, "headAAAA", 8);
    const uint8_t *second = got + 4 + PAGE + 5 + 4 * PAGE;
    for (size_t i = 0; i < PAGE; ++i) {
        assert_int_equal(second[i], 'A');
    }
    for (size_t i = 0; i < 4 * PAGE; ++i) {
        assert_int_equal(second[PAGE + i], 0);
    }
    assert_memory_equal(got + total - 3, "end", 3);
    free(got);
    pyr_http2_output_deinit(&output);
    pyr_buffer_release(healthy);
    pyr_buffer_release(cut);
    close(healthy_fd);
    close(cut_fd);
    close(fds[0]);
    close(fds[1]);
}

static void never(void *context, const pyr_mapping *mapping, int32_t stream_id) {
    (void)context;
    (void)mapping;
    (void)stream_id;
    fail();
}

static void a_fault_outside_our_mappings_is_not_survived(void **state) {
    (void)state;
    pyr_http2_output output = {0};
    assert_false(pyr_http2_output_replace_fault(&output, never, NULL));
    copy(&output, "heap");
    assert_false(pyr_http2_output_replace_fault(&output, never, NULL));
    pyr_http2_output_deinit(&output);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_leave_in_order_and_by_reference),
        cmocka_unit_test(a_full_socket_blocks_and_goes_on_at_the_same_byte),
        cmocka_unit_test(small_bytes_outlive_the_block_they_are_packed_in),
        cmocka_unit_test(a_gone_client_fails_without_a_signal),
        cmocka_unit_test(a_cut_file_becomes_zeros_and_names_its_streams_only),
        cmocka_unit_test(a_fault_outside_our_mappings_is_not_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
