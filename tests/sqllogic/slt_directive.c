/* slt_directive.c - directives that need nothing of the run but their own words. */
#include "slt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

const char *slt_word(const slt_record *record, size_t index) {
    return index < record->words_count ? record->words[index] : "";
}

bool slt_have(const slt_record *record) {
    /* The engine's library has these built in; the rest are properties that we have. */
    static const char *const there[] = {"64bit",
                                        "allow_unsigned_extensions",
                                        "core_functions",
                                        "exact_vector_size",
                                        "icu",
                                        "json",
                                        "longdouble",
                                        "no_alternative_verify",
                                        "no_extension_autoloading",
                                        "no_vector_verification",
                                        "noforcestorage",
                                        "notmusl",
                                        "notwindows",
                                        "parquet",
                                        "ram",
                                        "skip_reload",
                                        "vector_size"};
    const char *name = slt_word(record, 1);
    if (strcmp(slt_word(record, 0), "require-env") == 0) {
        const char *value = getenv(name);
        return value != NULL &&
               (record->words_count < 3 || strcmp(value, slt_word(record, 2)) == 0);
    }
    bool found = false;
    for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); ++i) {
        found |= strcmp(name, there[i]) == 0;
    }
    if (found && strstr(name, "vector_size") != NULL) {
        long size = strtol(slt_word(record, 2), NULL, 10);
        found = name[0] == 'e' ? size == 2048 : size <= 2048;
    }
    return found;
}

void slt_sleep(const slt_record *record) {
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"nano", 1e-9}, {"micro", 1e-6}, {"milli", 1e-3}, {"sec", 1}};
    double seconds = strtod(slt_word(record, 1), NULL);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); ++i) {
        if (strncmp(slt_word(record, 2), units[i].unit, strlen(units[i].unit)) == 0) {
            seconds *= units[i].seconds;
            break;
        }
    }
    struct timespec time = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

bool slt_unzip(const char *from, const char *to) {
    gzFile source = gzopen(from, "rb");
    FILE *target = fopen(to, "wb");
    char block[65536];
    int size = -1;
    while (source != NULL && target != NULL && (size = gzread(source, block, sizeof(block))) > 0) {
        if (fwrite(block, 1, (size_t)size, target) != (size_t)size) {
            size = -1;
            break;
        }
    }
    if (target != NULL && fclose(target) != 0) {
        size = -1;
    }
    if (source != NULL) {
        gzclose(source);
    }
    return size == 0;
}
