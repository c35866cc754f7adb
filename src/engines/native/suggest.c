/* suggest.c - "did you mean": the column whose name is fewest edits away. */
#include "engines/native/native_internal.h"

#include <string.h>

#define NAME_BYTES_MAX 64

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Insertions, deletions and replacements of bytes, without case. Both are at most NAME_BYTES_MAX.
 */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t row[NAME_BYTES_MAX + 1];
    for (size_t j = 0; j <= b_length; ++j) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; ++j) {
            size_t best = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_length];
}

const char *pyr_native_suggest(const pyr_schema *schema, const char *name) {
    size_t length = strlen(name);
    size_t best = length / 3 + 1; /* more edits than this is another word */
    const char *found = NULL;
    if (length > NAME_BYTES_MAX) {
        return NULL;
    }
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        const char *candidate = schema->fields[i]->name;
        size_t candidate_length = strlen(candidate);
        if (candidate_length > NAME_BYTES_MAX) {
            continue;
        }
        size_t edits = distance(name, length, candidate, candidate_length);
        if (edits <= best && (found == NULL || edits < best)) {
            best = edits;
            found = candidate;
        }
    }
    return found;
}
