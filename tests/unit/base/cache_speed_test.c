/* cache_speed_test.c - the shared cache is measured once, whoever asks first: ThreadSanitizer sees
 * it where two do. What is near is the machine's affair. */
#include "support_base.h"

#include "base/cache_speed.h"

#include <pthread.h>

static void *ask(void *out) {
    *(bool *)out = pyr_shared_cache_is_near();
    return NULL;
}

static void every_thread_has_the_same_answer(void **state) {
    pthread_t threads[8];
    bool answers[8];
    (void)state;
    for (int i = 0; i < 8; ++i) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &answers[i]), 0);
    }
    for (int i = 0; i < 8; ++i) {
        pthread_join(threads[i], NULL);
        assert_int_equal(answers[i], answers[0]);
    }
    assert_int_equal(pyr_shared_cache_is_near(), answers[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_thread_has_the_same_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
