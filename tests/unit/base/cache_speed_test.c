/* cache_speed_test.c - the shared cache is measured by whoever asks first: ThreadSanitizer sees it
 * where two do. What is near is the machine's affair. */
#include "support_base.h"

#include "base/cache_speed.h"

#include <pthread.h>

static void *ask(void *out) {
    *(bool *)out = pyr_shared_cache_is_near();
    return NULL;
}

static void what_is_near_for_one_thread_is_so_for_all_later_on(void **state) {
    pthread_t threads[8];
    bool answers[8];
    (void)state;
    for (int i = 0; i < 8; ++i) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &answers[i]), 0);
    }
    for (int i = 0; i < 8; ++i) {
        pthread_join(threads[i], NULL);
    }
    bool last = pyr_shared_cache_is_near();
    for (int i = 0; i < 8; ++i) {
        assert_true(last || !answers[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_near_for_one_thread_is_so_for_all_later_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
