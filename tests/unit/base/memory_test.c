/* memory_test.c - arenas, budgets, buffers, the page pool, the ledger. */
#include "base/arena.h"
#include "base/buffer.h"
#include "base/checked.h"
#include "base/ledger.h"
#include "base/pages.h"
#include "support_base.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void checked_arithmetic_finds_overflow(void **state) {
    (void)state;
    int64_t i;
    size_t s;
    assert_true(pyr_add_i64(1, 2, &i) && i == 3);
    assert_false(pyr_add_i64(INT64_MAX, 1, &i));
    assert_false(pyr_mul_i64(INT64_MIN, -1, &i));
    assert_false(pyr_add_size(SIZE_MAX, 1, &s));
    assert_false(pyr_mul_size(SIZE_MAX / 2, 3, &s));
    assert_true(pyr_align_up_size(65, 64, &s) && s == 128);
    assert_false(pyr_align_up_size(SIZE_MAX - 3, 64, &s));
}

static void a_budget_refuses_what_passes_its_limit_and_keeps_the_peak(void **state) {
    (void)state;
    pyr_budget *budget = pyr_budget_create(100);
    assert_true(pyr_budget_take(budget, 60));
    assert_false(pyr_budget_take(budget, 41));
    assert_true(pyr_budget_take(budget, 40));
    assert_false(pyr_budget_take(budget, SIZE_MAX));
    pyr_budget_give(budget, 100);
    assert_int_equal(pyr_budget_used(budget), 0);
    assert_int_equal(pyr_budget_peak(budget), 100);
    pyr_budget_release(budget);
}

static void an_arena_gives_aligned_zeroed_memory_within_its_budget(void **state) {
    (void)state;
    pyr_budget *budget = pyr_budget_create(100000);
    pyr_arena arena;
    pyr_arena_init(&arena, budget);
    for (size_t size = 0; size < 300; ++size) {
        uint8_t *bytes = pyr_arena_alloc(&arena, size);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % 16, 0);
        for (size_t i = 0; i < size; ++i) {
            assert_int_equal(bytes[i], 0);
        }
        memset(bytes, 0xFF, size);
    }
    assert_null(pyr_arena_alloc(&arena, 100000));
    assert_null(pyr_arena_array(&arena, SIZE_MAX / 4, 8));
    pyr_error error;
    assert_int_equal(pyr_arena_error(&arena, &error), PYR_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "memory_limit"));
    pyr_arena_reset(&arena);
    assert_string_equal(pyr_arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    pyr_arena_deinit(&arena);
    assert_int_equal(pyr_budget_used(budget), 0);
    pyr_budget_release(budget);
}

static void an_arena_takes_what_it_was_lent_first(void **state) {
    (void)state;
    _Alignas(16) uint8_t lent[64];
    pyr_budget *budget = pyr_budget_create(0);
    pyr_arena arena;
    memset(lent, 7, sizeof(lent));
    pyr_arena_init_lent(&arena, budget, lent, sizeof(lent));
    for (int round = 0; round < 2; ++round) {
        uint8_t *first = pyr_arena_alloc(&arena, 40);
        assert_ptr_equal(first, lent);
        for (int i = 0; i < 40; ++i) {
            assert_int_equal(first[i], 0);
        }
        assert_int_equal(pyr_budget_used(budget), 0);
        pyr_arena_reset(&arena);
        assert_ptr_equal(pyr_arena_alloc(&arena, 64), lent);
        pyr_arena_reset(&arena);
    }
    assert_non_null(pyr_arena_alloc(&arena, 40));
    uint8_t *more = pyr_arena_alloc(&arena, 40); /* which lent has no room for */
    assert_true(more < lent || more >= lent + sizeof(lent));
    assert_true(pyr_budget_used(budget) > 0);
    pyr_arena_deinit(&arena);
    assert_int_equal(pyr_budget_used(budget), 0);
    pyr_budget_release(budget);
}

static void count_release(void *owner) {
    ++*(int *)owner;
}

static void slices_share_bytes_and_keep_their_parent(void **state) {
    (void)state;
    static const char bytes[] = "0123456789";
    int released = 0;
    pyr_buffer *root = NULL;
    pyr_buffer *slice = NULL;
    pyr_buffer *inner = NULL;
    assert_int_equal(pyr_buffer_wrap(bytes, 10, &released, count_release, &root, NULL), PYR_OK);
    assert_int_equal(pyr_buffer_slice(root, 2, 6, &slice, NULL), PYR_OK);
    assert_int_equal(pyr_buffer_slice(slice, 1, 3, &inner, NULL), PYR_OK);
    assert_ptr_equal(inner->data, bytes + 3);
    pyr_buffer_release(root);
    pyr_buffer_release(slice);
    assert_int_equal(released, 0);
    assert_memory_equal(inner->data, "345", 3);
    pyr_buffer_release(inner);
    assert_int_equal(released, 1);
}

static void heap_buffers_are_aligned_padded_and_charged(void **state) {
    (void)state;
    pyr_budget *budget = pyr_budget_create(8 << 20);
    static const size_t sizes[] = {0, 1, 63, 64, 65, 1000, 1 << 20, (3 << 20) + 5};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); ++i) {
        pyr_buffer *buffer = NULL;
        assert_int_equal(pyr_buffer_create(sizes[i], budget, &buffer, NULL), PYR_OK);
        assert_int_equal((uintptr_t)buffer->data % 64, 0);
        uint8_t *data = pyr_buffer_mutable(buffer);
        for (size_t j = 0; j < sizes[i]; j += 97) {
            assert_int_equal(data[j], 0);
        }
        memset(data, 0xAB, sizes[i]);
        assert_true(pyr_budget_used(budget) >= sizes[i]);
        pyr_buffer_release(buffer);
        assert_int_equal(pyr_budget_used(budget), 0);
        assert_int_equal(pyr_buffer_create_raw(sizes[i], budget, &buffer, NULL), PYR_OK);
        for (size_t j = sizes[i]; j % 64 != 0; ++j) {
            assert_int_equal(buffer->data[j], 0);
        }
        pyr_buffer_release(buffer);
    }
    pyr_buffer *none = NULL;
    pyr_error error;
    assert_int_equal(pyr_buffer_create(9 << 20, budget, &none, &error), PYR_ERROR_MEMORY);
    assert_null(none);
    assert_string_equal(error.sqlstate, "53200");
    assert_int_equal(pyr_buffer_create(SIZE_MAX - 10, NULL, &none, &error), PYR_ERROR_MEMORY);
    pyr_budget_release(budget);
}

static void the_page_pool_hands_the_same_block_out_again(void **state) {
    (void)state;
    size_t capacity = 0;
    void *block = pyr_pages_take(3 << 20, &capacity);
    assert_non_null(block);
    assert_int_equal(capacity, 4 << 20);
    assert_int_equal((uintptr_t)block % (2 << 20), 0);
    pyr_pages_give(block, capacity);
    void *again = pyr_pages_take(4 << 20, &capacity);
    assert_ptr_equal(block, again);
    pyr_pages_give(again, capacity);
    void *large = pyr_pages_take((size_t)100 << 20, &capacity);
    assert_non_null(large);
    assert_true(capacity >= (size_t)100 << 20);
    pyr_pages_give(large, capacity);
    pyr_pages_trim();
}

static void the_page_pool_keeps_large_blocks_while_somebody_watches(void **state) {
    const size_t size = (size_t)100 << 20;
    size_t capacity = 0;
    (void)state;
    pyr_pages_watch();
    uint8_t *block = pyr_pages_take(size, &capacity);
    assert_non_null(block);
    memset(block, 1, 1 << 20);
    pyr_pages_give(block, capacity);
    uint8_t *small = pyr_pages_take((size_t)70 << 20, &capacity); /* not out of the large one */
    assert_ptr_not_equal(small, block);
    assert_int_equal(capacity, (size_t)70 << 20);
    uint8_t *again = pyr_pages_take(((size_t)90 << 20) + 1, &capacity);
    assert_ptr_equal(again, block);
    assert_int_equal(capacity, size);
    assert_int_equal(again[0], 1); /* its pages are those of before */
    pyr_pages_give(again, capacity);
    pyr_pages_give(small, (size_t)70 << 20);
    pyr_pages_unwatch();
    pyr_pages_trim();
}

/* More than is kept as it is: the rest is lent to the kernel, and handed out again all the same. */
static void the_page_pool_keeps_what_the_kernel_may_take(void **state) {
    enum { BLOCKS = 10 };
    const size_t each = (size_t)64 << 20;
    uint8_t *blocks[BLOCKS];
    size_t capacity = 0;
    int known = 0;
    (void)state;
    if ((size_t)sysconf(_SC_PHYS_PAGES) / 4 * (size_t)sysconf(_SC_PAGESIZE) < BLOCKS * each) {
        print_message("too little memory in this machine\n");
        skip();
    }
    pyr_pages_trim();
    for (int i = 0; i < BLOCKS; ++i) {
        blocks[i] = pyr_pages_take(each, &capacity);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, 4 << 20);
        blocks[i][each - 1] = 1;
    }
    for (int i = 0; i < BLOCKS; ++i) {
        pyr_pages_give(blocks[i], each);
    }
    for (int i = 0; i < BLOCKS; ++i) {
        uint8_t *again = pyr_pages_take(each, &capacity);
        for (int j = 0; j < BLOCKS; ++j) {
            known += again == blocks[j];
        }
        memset(again, 2, 4 << 20);
        assert_int_equal(again[0], 2);
    }
    assert_int_equal(known, BLOCKS);
    for (int i = 0; i < BLOCKS; ++i) {
        pyr_pages_give(blocks[i], each);
    }
    pyr_pages_trim();
}

/* What the kernel may take of this process's memory. */
static long lazily_free_kib(void) {
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long kib = -1;
    while (file != NULL && kib < 0 && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "LazyFree: %ld kB", &kib) != 1) {
            kib = -1;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

static void the_page_pool_lends_nothing_while_somebody_watches(void **state) {
    enum { BLOCKS = 10, TOUCHED = 4 << 20 };
    const size_t each = (size_t)64 << 20;
    uint8_t *blocks[BLOCKS];
    size_t capacity = 0;
    (void)state;
    if ((size_t)sysconf(_SC_PHYS_PAGES) / 8 * (size_t)sysconf(_SC_PAGESIZE) < BLOCKS * each ||
        lazily_free_kib() < 0) {
        print_message("too little memory in this machine, or a kernel that does not say\n");
        skip();
    }
    pyr_pages_trim();
    pyr_pages_watch();
    for (int i = 0; i < BLOCKS; ++i) {
        blocks[i] = pyr_pages_take(each, &capacity);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, TOUCHED);
    }
    long before = lazily_free_kib();
    for (int i = 0; i < BLOCKS; ++i) {
        pyr_pages_give(blocks[i], each);
    }
    assert_in_range(lazily_free_kib(), 0, before);
    pyr_pages_lend_idle(INT64_MAX / 2); /* it was not for so long */
    assert_in_range(lazily_free_kib(), 0, before);
    pyr_pages_lend_idle(0); /* two of them: half a gigabyte stays whole */
    assert_in_range(lazily_free_kib(), before + 2 * TOUCHED / 1024, LONG_MAX);
    pyr_pages_unwatch();
    pyr_pages_trim();
}

static void the_ledger_adds_up_by_reason(void **state) {
    (void)state;
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    char to[8];
    pyr_ledger_copy(&ledger, PYR_COPY_GATHER, to, "12345678", 8);
    assert_memory_equal(to, "12345678", 8);
    pyr_ledger_copy(&ledger, PYR_COPY_GATHER, NULL, NULL, 0);
    pyr_ledger_add_copy(&ledger, PYR_COPY_ALIGN, 5);
    pyr_ledger_add_copy(NULL, PYR_COPY_ALIGN, 5);
    pyr_ledger_add_mapped(&ledger, 100);
    pyr_ledger_add_sent(&ledger, 3);
    pyr_ledger_add_rows(&ledger, 2);
    pyr_ledger_note_memory(&ledger, 50);
    pyr_ledger_note_memory(&ledger, 40);
    pyr_ledger_finish(&ledger);
    pyr_ledger_report report;
    pyr_ledger_report_fill(&ledger, &report);
    assert_int_equal(report.bytes_copied, 13);
    assert_int_equal(report.copies_count, 2);
    assert_string_equal(report.copies[0].reason, "gather");
    assert_int_equal(report.copies[0].bytes, 8);
    assert_string_equal(report.copies[1].reason, "alignment");
    assert_int_equal(report.bytes_mapped, 100);
    assert_int_equal(report.bytes_sent, 3);
    assert_int_equal(report.rows, 2);
    assert_int_equal(report.peak_memory_bytes, 50);
    assert_true(report.elapsed_ms >= 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checked_arithmetic_finds_overflow),
        cmocka_unit_test(a_budget_refuses_what_passes_its_limit_and_keeps_the_peak),
        cmocka_unit_test(an_arena_gives_aligned_zeroed_memory_within_its_budget),
        cmocka_unit_test(an_arena_takes_what_it_was_lent_first),
        cmocka_unit_test(slices_share_bytes_and_keep_their_parent),
        cmocka_unit_test(heap_buffers_are_aligned_padded_and_charged),
        cmocka_unit_test(the_page_pool_hands_the_same_block_out_again),
        cmocka_unit_test(the_page_pool_keeps_large_blocks_while_somebody_watches),
        cmocka_unit_test(the_page_pool_keeps_what_the_kernel_may_take),
        cmocka_unit_test(the_page_pool_lends_nothing_while_somebody_watches),
        cmocka_unit_test(the_ledger_adds_up_by_reason),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
