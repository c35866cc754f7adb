/* fuzz.h - what every fuzzer has: its entry point, and the end of the process where what must hold
 * does not. Other than assert, MUST is there in every build.
 */
#ifndef PYR_FUZZ_FUZZ_H
#define PYR_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(condition)                                                     \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
