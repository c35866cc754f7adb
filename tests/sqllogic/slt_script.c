/* slt_script.c - the text of a sqllogictest file as records.
 *
 * A record begins with a command's line. Behind `statement` and `query` come the lines of the SQL,
 * up to an empty line, a comment or "----"; behind "----" what is expected, up to an empty line.
 * Lines that begin with '#' are comments between records. */
#include "slt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void slt_out_of_memory(void) {
    fputs("sqllogictest: out of memory\n", stderr);
    _Exit(2);
}

char *slt_strndup(pyr_arena *arena, const char *text, size_t length) {
    char *copy = pyr_arena_strndup(arena, text, length);
    if (copy == NULL) {
        slt_out_of_memory();
    }
    return copy;
}

char *slt_printf(pyr_arena *arena, const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        slt_out_of_memory();
    }
    char *copy = slt_strndup(arena, text, (size_t)length);
    free(text);
    return copy;
}

void *slt_grow(pyr_arena *arena, void *items, size_t count, size_t item_size) {
    /* Doubled at powers of two; what was there stays behind in the arena. */
    if ((count & (count - 1)) != 0) {
        return items;
    }
    void *grown = pyr_arena_array(arena, count == 0 ? 1 : count * 2, item_size);
    if (grown == NULL) {
        slt_out_of_memory();
    }
    if (count > 0) {
        memcpy(grown, items, count * item_size);
    }
    return grown;
}

/* ---- Lines. ---- */

typedef struct line_reader {
    pyr_arena *arena;
    char **lines;
    size_t count;
    size_t next;
} line_reader;

static bool read_file(const char *path, pyr_text *text, char *message, size_t message_size) {
    gzFile file = gzopen(path, "rb"); /* reads plain files as they are */
    if (file == NULL) {
        snprintf(message, message_size, "%s: %s", path, strerror(errno));
        return false;
    }
    char block[65536];
    int size;
    while ((size = gzread(file, block, sizeof(block))) > 0) {
        pyr_text_append(text, block, (size_t)size);
    }
    if (size < 0) {
        int code;
        snprintf(message, message_size, "%s: %s", path, gzerror(file, &code));
    }
    gzclose(file);
    if (text->failed) {
        slt_out_of_memory();
    }
    return size == 0;
}

static void split_lines(line_reader *reader, const char *text, size_t length) {
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t size = end != NULL ? (size_t)(end - (text + at)) : length - at;
        size_t kept = size > 0 && text[at + size - 1] == '\r' ? size - 1 : size;
        reader->lines = slt_grow(reader->arena, reader->lines, reader->count, sizeof(char *));
        reader->lines[reader->count++] = slt_strndup(reader->arena, text + at, kept);
        at += size + 1;
    }
}

static bool at_end_of_sql(const line_reader *reader) {
    const char *line = reader->next < reader->count ? reader->lines[reader->next] : "";
    return line[0] == '\0' || line[0] == '#' || strcmp(line, "----") == 0;
}

/* ---- Records. ---- */

static const struct {
    const char *word;
    slt_kind kind;
} commands[] = {
    {"statement", SLT_STATEMENT},
    {"query", SLT_QUERY},
    {"loop", SLT_LOOP},
    {"foreach", SLT_LOOP},
    {"concurrentloop", SLT_LOOP},
    {"concurrentforeach", SLT_LOOP},
    {"endloop", SLT_ENDLOOP},
    {"halt", SLT_HALT},
    {"hash-threshold", SLT_HASH_THRESHOLD},
    {"mode", SLT_MODE},
    {"require", SLT_REQUIRE},
    {"require-env", SLT_REQUIRE},
    {"load", SLT_LOAD},
    {"restart", SLT_RESTART},
    {"reconnect", SLT_RECONNECT},
    {"set", SLT_SET},
    {"reset", SLT_RESET},
    {"sleep", SLT_SLEEP},
    {"unzip", SLT_UNZIP},
    {"test-env", SLT_TEST_ENV},
    {"tags", SLT_IGNORED},
};

static slt_kind kind_of(const char *word) {
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); ++i) {
        if (strcmp(word, commands[i].word) == 0) {
            return commands[i].kind;
        }
    }
    return SLT_UNKNOWN;
}

static void split_words(slt_record *record, const char *line, pyr_arena *arena) {
    while (*line != '\0') {
        size_t size = strcspn(line, " \t");
        if (size > 0) {
            record->words = slt_grow(arena, record->words, record->words_count, sizeof(char *));
            record->words[record->words_count++] = slt_strndup(arena, line, size);
        }
        line += size + (line[size] != '\0');
    }
}

static void read_body(slt_record *record, line_reader *reader) {
    pyr_text sql;
    pyr_text_init(&sql);
    while (!at_end_of_sql(reader)) {
        pyr_text_add(&sql, sql.length > 0 ? "\n" : "");
        pyr_text_add(&sql, reader->lines[reader->next++]);
    }
    if (sql.failed) {
        slt_out_of_memory();
    }
    record->sql = slt_strndup(reader->arena, pyr_text_get(&sql), sql.length);
    pyr_text_deinit(&sql);
    if (reader->next >= reader->count || strcmp(reader->lines[reader->next], "----") != 0) {
        return;
    }
    record->has_expected = true;
    for (++reader->next; reader->next < reader->count && reader->lines[reader->next][0] != '\0';
         ++reader->next) {
        record->expected =
            slt_grow(reader->arena, record->expected, record->expected_count, sizeof(char *));
        record->expected[record->expected_count++] = reader->lines[reader->next];
    }
}

static void add_condition(slt_record *record, const slt_record *command, pyr_arena *arena) {
    record->conditions =
        slt_grow(arena, record->conditions, record->conditions_count, sizeof(*record->conditions));
    record->conditions[record->conditions_count++] =
        (slt_condition){.skip = strcmp(command->words[0], "skipif") == 0,
                        .text = command->words_count > 1 ? command->words[1] : ""};
}

static void read_records(slt_script *script, line_reader *reader) {
    slt_record next = {0};
    while (reader->next < reader->count) {
        const char *line = reader->lines[reader->next++];
        slt_record command = {.line = (int)reader->next};
        split_words(&command, line, reader->arena);
        if (command.words_count == 0 || line[0] == '#') {
            continue;
        }
        if (strcmp(command.words[0], "skipif") == 0 || strcmp(command.words[0], "onlyif") == 0) {
            add_condition(&next, &command, reader->arena);
            continue;
        }
        command.conditions = next.conditions;
        command.conditions_count = next.conditions_count;
        next = (slt_record){0};
        command.kind = kind_of(command.words[0]);
        if (command.kind == SLT_STATEMENT || command.kind == SLT_QUERY) {
            read_body(&command, reader);
        }
        script->records =
            slt_grow(reader->arena, script->records, script->count, sizeof(*script->records));
        script->records[script->count++] = command;
    }
}

bool slt_script_load(const char *path, slt_script *out, char *message, size_t message_size) {
    memset(out, 0, sizeof(*out));
    pyr_arena_init(&out->arena, NULL);
    pyr_text text;
    pyr_text_init(&text);
    bool read = read_file(path, &text, message, message_size);
    if (read) {
        line_reader reader = {.arena = &out->arena};
        split_lines(&reader, pyr_text_get(&text), text.length);
        read_records(out, &reader);
    }
    pyr_text_deinit(&text);
    return read;
}

void slt_script_deinit(slt_script *script) {
    pyr_arena_deinit(&script->arena);
    memset(script, 0, sizeof(*script));
}
