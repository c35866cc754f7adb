/* cache_test.c - one mapping a model, and how much of all of them stays in memory. */
#include "models/cache_internal.h"
#include "support_models.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB ((int64_t)1 << 20)

/* ---- Stand-ins. What is locked is counted here: the sanitizers' mlock does nothing. ---- */

static int locks_allowed = -1; /* any number */
static int locked;             /* mappings */
static bool refuses_mmap;
/* Once, on whichever thread comes first. */
static void (*_Atomic before_fadvise)(void *context);
static void *before_fadvise_context;

int __real_mlock(const void *data, size_t size_bytes);
int __real_munlock(const void *data, size_t size_bytes);
void *__real_mmap(void *at, size_t size_bytes, int protection, int flags, int fd, off_t offset);
int __real_posix_fadvise(int fd, off_t offset, off_t length, int advice);
int __wrap_mlock(const void *data, size_t size_bytes);
int __wrap_munlock(const void *data, size_t size_bytes);
void *__wrap_mmap(void *at, size_t size_bytes, int protection, int flags, int fd, off_t offset);
int __wrap_posix_fadvise(int fd, off_t offset, off_t length, int advice);

int __wrap_mlock(const void *data, size_t size_bytes) {
    if (locks_allowed == 0) {
        errno = ENOMEM;
        return -1;
    }
    locks_allowed -= locks_allowed > 0;
    ++locked;
    (void)__real_mlock(data, size_bytes); /* above a small limit it fails, which is no matter */
    return 0;
}

int __wrap_munlock(const void *data, size_t size_bytes) {
    --locked;
    return __real_munlock(data, size_bytes);
}

void *__wrap_mmap(void *at, size_t size_bytes, int protection, int flags, int fd, off_t offset) {
    if (refuses_mmap && fd >= 0) {
        errno = ENODEV;
        return MAP_FAILED;
    }
    return __real_mmap(at, size_bytes, protection, flags, fd, offset);
}

int __wrap_posix_fadvise(int fd, off_t offset, off_t length, int advice) {
    void (*call)(void *context) = atomic_exchange(&before_fadvise, NULL);
    if (call != NULL) {
        call(before_fadvise_context);
    }
    return __real_posix_fadvise(fd, offset, length, advice);
}

/* ---- The cache. ---- */

static pyr_model_cache *new_cache(void) {
    pyr_model_cache *cache = NULL;
    assert_int_equal(pyr_model_cache_create(&cache, NULL), PYR_OK);
    return cache;
}

static pyr_safetensors *open_well(models_fixture *f, pyr_model_cache *cache, const char *name) {
    pyr_safetensors *file = NULL;
    pyr_status status = pyr_model_cache_open(cache, path_of(f, name), NULL, NULL, &file, &f->error);
    if (status != PYR_OK) {
        fail_msg("%s: %s", name, f->error.message);
    }
    return file;
}

static int64_t resident(pyr_model_cache *cache) {
    pyr_model_cache_figures figures;
    pyr_model_cache_measure(cache, &figures);
    return figures.resident_bytes;
}

/* Resident bytes of one model's first mapping, as the kernel counts them. */
static int64_t own_pages(const pyr_safetensors *of) {
    char line[512];
    uintptr_t at = (uintptr_t)pyr_safetensors_bytes(of, 0)->data;
    bool inside = false;
    int64_t sum = -1;
    FILE *file = fopen("/proc/self/smaps", "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        unsigned long start;
        unsigned long end;
        long kilobytes;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
            inside = start == at;
        } else if (inside && sscanf(line, "Rss: %ld kB", &kilobytes) == 1) {
            sum = (int64_t)kilobytes * 1024;
        }
    }
    assert_int_equal(fclose(file), 0);
    assert_true(sum >= 0);
    return sum;
}

/* Two shards "a" and "b" of so many bytes, and an index "i". */
static void write_shards(models_fixture *f, int64_t size_bytes) {
    for (int i = 0; i < 2; ++i) {
        char name[2] = {(char)('a' + i)};
        char json[128];
        snprintf(json, sizeof(json),
                 "{\"%s\":{\"dtype\":\"U8\",\"shape\":[%lld],\"data_offsets\":[0,%lld]}}", name,
                 (long long)size_bytes, (long long)size_bytes);
        write_model(f, name, json, size_bytes);
    }
    write_text(f, "i", "{\"metadata\":{},\"weight_map\":{\"a\":\"a\",\"b\":\"b\"}}");
}

static void a_model_is_mapped_once_until_it_changes(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    write_bytes_model(f, "m", 100);
    pyr_safetensors *first = open_well(f, cache, "m");
    pyr_safetensors *second = open_well(f, cache, "m");
    assert_ptr_equal(first, second);
    write_bytes_model(f, "n", 200);
    char from[512];
    snprintf(from, sizeof(from), "%s/n", f->folder);
    assert_int_equal(rename(from, path_of(f, "m")), 0);
    pyr_safetensors *third = NULL;
    assert_int_equal(pyr_model_cache_open(cache, path_of(f, "m"), NULL, NULL, &third, &f->error),
                     PYR_OK);
    assert_ptr_not_equal(first, third);
    assert_int_equal(pyr_safetensors_parameters(first), 100); /* its file lives on */
    assert_int_equal(pyr_safetensors_parameters(third), 200);
    pyr_model_cache_figures figures;
    pyr_model_cache_measure(cache, &figures);
    assert_int_equal(figures.open_count, 1);
    pyr_model_cache_destroy(cache);
    read_pages(third); /* what was opened outlives the cache */
    pyr_safetensors_release(first);
    pyr_safetensors_release(second);
    pyr_safetensors_release(third);
}

/* A model of so many tensors of one byte. */
static void write_many(models_fixture *f, const char *name, int tensors) {
    pyr_text json;
    pyr_text_init(&json);
    for (int i = 0; i < tensors; ++i) {
        pyr_text_printf(&json,
                        "%s\"tensor-%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                        i == 0 ? "{" : ",", i, i, i + 1);
    }
    pyr_text_add_char(&json, '}');
    write_model(f, name, json.data, tensors);
    pyr_text_deinit(&json);
}

static size_t kept(pyr_model_cache *cache) {
    pyr_model_cache_figures figures;
    pyr_model_cache_measure(cache, &figures);
    return figures.open_count;
}

static void headers_are_kept_while_there_is_room(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    pyr_budget_release(cache->headers);
    cache->headers = pyr_budget_create(256 << 10);
    write_many(f, "small", 10);
    write_many(f, "small too", 10);
    write_many(f, "middle", 800);
    write_many(f, "large", 20000);
    for (int i = 0; i < 2; ++i) {
        pyr_safetensors_release(open_well(f, cache, "small"));
        pyr_safetensors_release(open_well(f, cache, "small too"));
        assert_int_equal(kept(cache), 2);
    }
    pyr_safetensors *middle = open_well(f, cache, "middle");
    pyr_safetensors *again = open_well(f, cache, "middle");
    assert_ptr_equal(middle, again);
    pyr_safetensors_release(again);
    pyr_safetensors *large = open_well(f, cache, "large"); /* others are forgotten in vain */
    assert_int_equal(pyr_safetensors_parameters(large), 20000);
    assert_int_equal(kept(cache), 0);
    pyr_safetensors_release(large);
    pyr_safetensors_release(middle);
    pyr_budget *little = pyr_budget_create(64 << 10); /* of the one who opens it, then */
    assert_int_equal(pyr_model_cache_open(cache, path_of(f, "large"), NULL, little, &large, NULL),
                     PYR_ERROR_MEMORY);
    pyr_budget_release(little);
    pyr_safetensors_release(open_well(f, cache, "small"));
    assert_int_equal(kept(cache), 1);
    pyr_model_cache_destroy(cache);
}

static void another_name_of_a_file_is_the_same_model(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    char link[512];
    write_bytes_model(f, "m", 100);
    snprintf(link, sizeof(link), "%s/m", f->folder);
    assert_int_equal(symlink(link, path_of(f, "link")), 0);
    pyr_safetensors *first = open_well(f, cache, "m");
    pyr_safetensors *second = open_well(f, cache, "link");
    assert_ptr_equal(first, second);
    /* And is another one once the link leads elsewhere. */
    write_bytes_model(f, "n", 200);
    snprintf(link, sizeof(link), "%s/n", f->folder);
    assert_int_equal(unlink(path_of(f, "link")), 0);
    assert_int_equal(symlink(link, path_of(f, "link")), 0);
    pyr_safetensors *third = open_well(f, cache, "link");
    assert_int_equal(pyr_safetensors_parameters(third), 200);
    pyr_safetensors_release(first);
    pyr_safetensors_release(second);
    pyr_safetensors_release(third);
    pyr_model_cache_destroy(cache);
}

static void pages_are_measured(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    write_bytes_model(f, "m", 8 * MIB);
    pyr_safetensors *file = open_well(f, cache, "m");
    assert_true(resident(cache) < MIB); /* the header and what the kernel reads around it */
    read_pages(file);
    assert_true(resident(cache) >= 8 * MIB);
    pyr_safetensors_release(file);
    pyr_model_cache_destroy(cache);
}

static void above_the_budget_pages_of_the_coldest_go(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    pyr_safetensors *files[4];
    for (int i = 0; i < 4; ++i) {
        char name[16];
        snprintf(name, sizeof(name), "m%d", i);
        write_bytes_model(f, name, 16 * MIB);
        files[i] = open_well(f, cache, name);
        read_pages(files[i]);
    }
    assert_true(resident(cache) >= 64 * MIB);
    pyr_safetensors_release(open_well(f, cache, "m0")); /* now m1 was opened longest ago */
    assert_int_equal(pyr_model_cache_set_budget(cache, (size_t)(60 * MIB), &f->error), PYR_OK);
    pyr_model_cache_stop(cache); /* it may have been faster */
    /* 45 MiB may stay: two of the four. */
    assert_true(own_pages(files[0]) >= 16 * MIB);
    assert_true(own_pages(files[1]) < MIB);
    assert_true(own_pages(files[2]) < MIB);
    assert_true(own_pages(files[3]) >= 16 * MIB);
    /* Nobody's view is worse for it. */
    for (int i = 0; i < 4; ++i) {
        const pyr_safetensors_tensor *tensor = pyr_safetensors_get(files[i], 0);
        assert_int_equal(tensor->view.data[16 * MIB - 1], 0);
    }
    /* The next to open one sees what is read later. */
    for (int i = 0; i < 4; ++i) {
        read_pages(files[i]);
    }
    pyr_safetensors_release(open_well(f, cache, "m3"));
    assert_true(resident(cache) <= 60 * MIB);
    for (int i = 0; i < 4; ++i) {
        pyr_safetensors_release(files[i]);
    }
    pyr_model_cache_destroy(cache);
}

static void the_thread_gives_pages_back_without_being_asked(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    assert_int_equal(pyr_model_cache_set_budget(cache, (size_t)(8 * MIB), &f->error), PYR_OK);
    write_bytes_model(f, "m", 32 * MIB);
    pyr_safetensors *file = open_well(f, cache, "m");
    read_pages(file);
    while (resident(cache) > 8 * MIB) { /* ends when it has; the test's own limit else */
        usleep(1000);
    }
    pyr_safetensors_release(file);
    pyr_model_cache_destroy(cache);
}

static void pinned_pages_stay_and_have_a_limit(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    pyr_model_pinned pinned;
    write_bytes_model(f, "a", 16 * MIB);
    write_bytes_model(f, "b", 16 * MIB);
    write_bytes_model(f, "c", 16 * MIB);
    assert_int_equal(pyr_model_cache_set_budget(cache, (size_t)(40 * MIB), &f->error), PYR_OK);
    assert_int_equal(pyr_model_cache_pin(cache, path_of(f, "a"), NULL, &pinned, &f->error), PYR_OK);
    assert_true(pinned.size_bytes > 16 * MIB);
    assert_true(resident(cache) >= 16 * MIB);
    assert_int_equal(pyr_model_cache_pin(cache, path_of(f, "a"), NULL, &pinned, &f->error), PYR_OK);
    assert_int_equal(pyr_model_cache_pin(cache, path_of(f, "b"), NULL, &pinned, &f->error), PYR_OK);
    assert_int_equal(pyr_model_cache_pin(cache, path_of(f, "c"), NULL, &pinned, &f->error),
                     PYR_ERROR_LIMIT);
    assert_string_equal(f->error.sqlstate, "53200");
    assert_non_null(strstr(f->error.message, "41943040"));
    assert_int_equal(pyr_model_cache_set_budget(cache, (size_t)MIB, &f->error), PYR_ERROR_LIMIT);

    /* Others go for them. */
    pyr_safetensors *cold = open_well(f, cache, "c");
    read_pages(cold);
    pyr_model_cache_trim(cache);
    pyr_model_cache_figures figures;
    pyr_model_cache_measure(cache, &figures);
    assert_int_equal(figures.pinned_count, 2);
    assert_true(figures.pinned_bytes > 32 * MIB);
    assert_true(figures.resident_bytes >= 32 * MIB && figures.resident_bytes <= 40 * MIB);
    assert_true(pyr_model_cache_unpin(cache, path_of(f, "a")));
    assert_false(pyr_model_cache_unpin(cache, path_of(f, "a")));
    assert_false(pyr_model_cache_unpin(cache, path_of(f, "c")));
    assert_int_equal(pyr_model_cache_pin(cache, path_of(f, "c"), NULL, &pinned, &f->error), PYR_OK);
    pyr_safetensors_release(cold);
    pyr_model_cache_destroy(cache);
}

static void of_a_model_that_cannot_be_locked_whole_nothing_is(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    pyr_model_pinned pinned;
    write_shards(f, 8192);
    locks_allowed = 1;
    assert_int_equal(pyr_model_cache_pin(cache, path_of(f, "i"), NULL, &pinned, &f->error), PYR_OK);
    assert_false(pinned.locked);
    assert_int_equal(locked, 0);
    assert_true(pyr_model_cache_unpin(cache, path_of(f, "i")));
    assert_int_equal(locked, 0);
    locks_allowed = -1;
    assert_int_equal(pyr_model_cache_pin(cache, path_of(f, "i"), NULL, &pinned, &f->error), PYR_OK);
    assert_true(pinned.locked);
    assert_int_equal(locked, 2);
    assert_true(pyr_model_cache_unpin(cache, path_of(f, "i")));
    assert_int_equal(locked, 0);
    pyr_model_cache_destroy(cache);
}

static void a_pin_goes_when_its_files_change(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    pyr_model_pinned pinned;
    pyr_model_cache_figures figures;
    write_bytes_model(f, "m", 8192);
    assert_int_equal(pyr_model_cache_pin(cache, path_of(f, "m"), NULL, &pinned, &f->error), PYR_OK);
    assert_int_equal(unlink(path_of(f, "m")), 0);
    write_bytes_model(f, "m", 100);
    pyr_safetensors_release(open_well(f, cache, "m"));
    pyr_model_cache_measure(cache, &figures);
    assert_int_equal(figures.open_count, 1);
    assert_int_equal(figures.pinned_count, 0);
    assert_int_equal(locked, 0);
    pyr_model_cache_destroy(cache);
}

typedef struct pinning {
    models_fixture *f;
    pyr_model_cache *cache;
} pinning;

static void pin_second(void *context) {
    pinning *self = context;
    pyr_model_pinned pinned;
    assert_int_equal(
        pyr_model_cache_pin(self->cache, path_of(self->f, "m1"), NULL, &pinned, &self->f->error),
        PYR_OK);
}

static void what_is_pinned_after_it_was_chosen_keeps_its_pages(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    pyr_safetensors *files[2];
    pinning self = {f, cache};
    for (int i = 0; i < 2; ++i) {
        char name[16];
        snprintf(name, sizeof(name), "m%d", i);
        write_bytes_model(f, name, 16 * MIB);
        files[i] = open_well(f, cache, name);
        read_pages(files[i]);
    }
    /* Both are chosen; the second is pinned when the first one's pages are gone. */
    before_fadvise_context = &self;
    atomic_store(&before_fadvise, pin_second);
    assert_int_equal(pyr_model_cache_set_budget(cache, (size_t)(17 * MIB), &f->error), PYR_OK);
    pyr_model_cache_stop(cache); /* it may have been faster */
    assert_null(atomic_load(&before_fadvise));
    assert_true(own_pages(files[0]) < MIB);
    assert_true(own_pages(files[1]) >= 16 * MIB);
    for (int i = 0; i < 2; ++i) {
        pyr_safetensors_release(files[i]);
    }
    pyr_model_cache_destroy(cache);
}

static void what_cannot_be_mapped_is_its_openers_alone(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    pyr_model_pinned pinned;
    pyr_model_cache_figures figures;
    write_bytes_model(f, "m", 100);
    refuses_mmap = true;
    pyr_safetensors *file = open_well(f, cache, "m");
    assert_int_equal(pyr_safetensors_parameters(file), 100);
    assert_int_equal(pyr_model_read_bytes(file), pyr_safetensors_bytes(file, 0)->size_bytes);
    pyr_status status = pyr_model_cache_pin(cache, path_of(f, "m"), NULL, &pinned, &f->error);
    refuses_mmap = false;
    assert_int_equal(status, PYR_ERROR_NOT_SUPPORTED);
    assert_string_equal(f->error.sqlstate, "0A000");
    pyr_model_cache_measure(cache, &figures);
    assert_int_equal(figures.open_count, 0);
    pyr_safetensors *mapped = open_well(f, cache, "m");
    assert_int_equal(pyr_model_read_bytes(mapped), 0);
    pyr_safetensors_release(file);
    pyr_safetensors_release(mapped);
    pyr_model_cache_destroy(cache);
}

static void what_is_beyond_the_number_of_models_is_forgotten(void **state) {
    models_fixture *f = *state;
    pyr_model_cache *cache = new_cache();
    for (int i = 0; i <= PYR_MODEL_CACHE_MAX; ++i) {
        char name[16];
        snprintf(name, sizeof(name), "m%d", i);
        write_bytes_model(f, name, 8);
        pyr_safetensors_release(open_well(f, cache, name));
    }
    pyr_model_cache_figures figures;
    pyr_model_cache_measure(cache, &figures);
    assert_int_equal(figures.open_count, PYR_MODEL_CACHE_MAX);
    pyr_safetensors *again = open_well(f, cache, "m0");
    assert_int_equal(pyr_safetensors_parameters(again), 8);
    pyr_safetensors_release(again);
    pyr_model_cache_destroy(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_model_is_mapped_once_until_it_changes, models_setup,
                                        models_teardown),
        cmocka_unit_test_setup_teardown(headers_are_kept_while_there_is_room, models_setup,
                                        models_teardown),
        cmocka_unit_test_setup_teardown(another_name_of_a_file_is_the_same_model, models_setup,
                                        models_teardown),
        cmocka_unit_test_setup_teardown(pages_are_measured, models_setup, models_teardown),
        cmocka_unit_test_setup_teardown(above_the_budget_pages_of_the_coldest_go, models_setup,
                                        models_teardown),
        cmocka_unit_test_setup_teardown(the_thread_gives_pages_back_without_being_asked,
                                        models_setup, models_teardown),
        cmocka_unit_test_setup_teardown(pinned_pages_stay_and_have_a_limit, models_setup,
                                        models_teardown),
        cmocka_unit_test_setup_teardown(of_a_model_that_cannot_be_locked_whole_nothing_is,
                                        models_setup, models_teardown),
        cmocka_unit_test_setup_teardown(a_pin_goes_when_its_files_change, models_setup,
                                        models_teardown),
        cmocka_unit_test_setup_teardown(what_is_pinned_after_it_was_chosen_keeps_its_pages,
                                        models_setup, models_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_mapped_is_its_openers_alone, models_setup,
                                        models_teardown),
        cmocka_unit_test_setup_teardown(what_is_beyond_the_number_of_models_is_forgotten,
                                        models_setup, models_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
