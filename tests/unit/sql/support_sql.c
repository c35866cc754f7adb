#include "unit/sql/support_sql.h"

#include <string.h>

parsed_text parse_sql(const char *sql) {
    parsed_text text;
    memset(&text, 0, sizeof(text));
    pyr_arena_init(&text.arena, NULL);
    text.status = pyr_sql_parse(sql, strlen(sql), &text.arena, &text.parsed, &text.error);
    return text;
}

void parsed_free(parsed_text *text) {
    pyr_parsed_deinit(text->parsed);
    pyr_arena_deinit(&text->arena);
}
