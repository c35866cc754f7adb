/* suggest.c - "did you mean": the column whose name is fewest edits away. */
#include "base/text.h"
#include "engines/native/native_internal.h"

#include <string.h>

const char *pyr_native_suggest(const pyr_schema *schema, const char *name) {
    size_t length = strlen(name);
    size_t best = length / 3 + 1; /* more edits than this is another word */
    const char *found = NULL;
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        const char *candidate = schema->fields[i]->name;
        size_t edits = pyr_text_edits(name, length, candidate, strlen(candidate), true);
        if (edits <= best && (found == NULL || edits < best)) {
            best = edits;
            found = candidate;
        }
    }
    return found;
}
