/* index.c - a model in several files, by its model.safetensors.index.json.
 *
 * The map of the index and the headers of the files are two accounts of the same thing: they must
 * agree in every tensor, both ways.
 */
#include "formats/safetensors/safetensors_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct index_file {
    const char *name; /* first: name_table.h */
    int32_t rank;     /* among the names, sorted: the number of its shard */
} index_file;
typedef struct index_entry {
    const char *name; /* first: name_table.h */
    int32_t file;
} index_entry;
typedef struct model_index {
    const char *name; /* of the index, for messages */
    index_entry *entries;
    int64_t entries_count;
    pyr_name_table names;
    index_file *files;
    int32_t files_count;
    pyr_safetensors_metadata *metadata;
    int64_t metadata_count;
} model_index;

/* ---- Reading the JSON. ---- */

bool pyr_safetensors_index_detect(const uint8_t *bytes, size_t size_bytes) {
    json_reader reader = {.text = bytes, .size_bytes = size_bytes, .name = ""};
    bool first = true, more = false, found = false;
    if (pyr_json_peek(&reader) != '{' || pyr_json_begin(&reader, '{') != PYR_OK) {
        return false;
    }
    while (pyr_json_match_key(&reader, &first, "weight_map", &found, &more) == PYR_OK && more) {
        if (found) {
            return pyr_json_peek(&reader) == '{';
        }
        if (pyr_json_skip(&reader) != PYR_OK) {
            return false;
        }
    }
    return false;
}

/* The callback has its own rules of paths; these are the index's. */
static bool file_name_allowed(const char *name) {
    return name[0] != '\0' && strcmp(name, ".") != 0 && strchr(name, '/') == NULL &&
           strstr(name, "..") == NULL;
}
static pyr_status read_file(json_reader *reader, model_index *index, pyr_name_table *files,
                            int32_t *out) {
    json_text name;
    PYR_TRY(pyr_json_read_string(reader, &name));
    int64_t known = pyr_name_table_find(files, name.bytes, name.length);
    if (known >= 0) {
        *out = (int32_t)known;
        return PYR_OK;
    }
    if (!file_name_allowed(name.bytes)) {
        return pyr_error_set(reader->error, PYR_ERROR_CORRUPT,
                             "%s: weight_map names the file \"%s\": not one beside the index",
                             index->name, name.bytes);
    }
    if (index->files_count == SAFETENSORS_SHARDS_MAX) {
        return pyr_error_set(reader->error, PYR_ERROR_LIMIT, "%s: more than %d files", index->name,
                             SAFETENSORS_SHARDS_MAX);
    }
    *out = index->files_count;
    index->files[index->files_count] = (index_file){.name = name.bytes};
    (void)pyr_name_table_add(files, index->files_count);
    ++index->files_count;
    return PYR_OK;
}
static pyr_status read_weight_map(json_reader *reader, pyr_arena *arena, model_index *index) {
    int64_t count_max = 0;
    pyr_name_table files;
    bool first = true, more = false;
    PYR_TRY(pyr_json_count_members(reader, &count_max));
    int64_t files_max = count_max < SAFETENSORS_SHARDS_MAX ? count_max : SAFETENSORS_SHARDS_MAX;
    index->entries = pyr_arena_array(arena, (size_t)count_max, sizeof *index->entries);
    index->files = pyr_arena_array(arena, (size_t)files_max, sizeof *index->files);
    if (index->entries == NULL || index->files == NULL) {
        return pyr_arena_error(arena, reader->error);
    }
    PYR_TRY(pyr_name_table_init(&index->names, index->entries, sizeof *index->entries, count_max,
                                arena, reader->error));
    PYR_TRY(pyr_name_table_init(&files, index->files, sizeof *index->files, files_max, arena,
                                reader->error));
    PYR_TRY(pyr_json_begin(reader, '{'));
    for (;;) {
        json_text name;
        PYR_TRY(pyr_json_next_key(reader, &first, &name, &more));
        if (!more) {
            return PYR_OK;
        }
        assert(index->entries_count < count_max);
        index_entry *entry = &index->entries[index->entries_count];
        entry->name = name.bytes;
        PYR_TRY(read_file(reader, index, &files, &entry->file));
        if (pyr_name_table_add(&index->names, index->entries_count) != index->entries_count) {
            return pyr_error_set(reader->error, PYR_ERROR_CORRUPT,
                                 "%s: weight_map has the tensor \"%s\" twice", index->name,
                                 name.bytes);
        }
        ++index->entries_count;
    }
}
static pyr_status read_json(json_reader *reader, pyr_arena *arena, model_index *index) {
    bool first = true, more = false;
    PYR_TRY(pyr_json_begin(reader, '{'));
    for (;;) {
        json_text key;
        PYR_TRY(pyr_json_next_key(reader, &first, &key, &more));
        if (!more) {
            break;
        }
        bool map = strcmp(key.bytes, "weight_map") == 0;
        bool metadata = strcmp(key.bytes, "metadata") == 0;
        if ((map && index->entries != NULL) || (metadata && index->metadata != NULL)) {
            return pyr_error_set(reader->error, PYR_ERROR_CORRUPT, "%s: \"%s\" is there twice",
                                 index->name, key.bytes);
        }
        if (map) {
            PYR_TRY(read_weight_map(reader, arena, index));
        } else if (metadata && pyr_json_peek(reader) == '{') {
            PYR_TRY(pyr_safetensors_metadata_read(reader, false, arena, &index->metadata,
                                                  &index->metadata_count));
        } else {
            PYR_TRY(pyr_json_skip(reader));
        }
    }
    if (index->entries == NULL) {
        return pyr_error_set(reader->error, PYR_ERROR_CORRUPT, "%s: there is no weight_map",
                             index->name);
    }
    return pyr_json_end(reader);
}

/* ---- The files. ---- */

static int compare_files(const void *a, const void *b) {
    return strcmp((*(index_file *const *)a)->name, (*(index_file *const *)b)->name);
}
/* Shards go by their names, whatever the map's order: model-00001-of-00009 is the first. */
static pyr_status rank_files(model_index *index, pyr_arena *arena, index_file ***sorted,
                             pyr_error *error) {
    size_t count = (size_t)index->files_count;
    *sorted = pyr_arena_array(arena, count, sizeof **sorted);
    if (*sorted == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (size_t i = 0; i < count; ++i) {
        (*sorted)[i] = &index->files[i];
    }
    qsort((void *)*sorted, count, sizeof **sorted, compare_files);
    for (size_t i = 0; i < count; ++i) {
        (*sorted)[i]->rank = (int32_t)i;
    }
    return PYR_OK;
}

/* The tensors of one file, each where the map has it. */
static pyr_status check_header(const model_index *index, const safetensors_header *head,
                               const char *file, int32_t rank, pyr_error *error) {
    for (int64_t i = 0; i < head->count; ++i) {
        const char *name = head->tensors[i].view.name;
        int64_t entry = pyr_name_table_find(&index->names, name, strlen(name));
        if (entry < 0) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "%s: file %s has a tensor \"%s\" that weight_map has not",
                                 index->name, file, name);
        }
        const index_file *wanted = &index->files[index->entries[entry].file];
        if (wanted->rank != rank) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "%s: tensor \"%s\" lies in %s, weight_map says %s", index->name,
                                 name, file, wanted->name);
        }
    }
    return PYR_OK;
}
static pyr_status open_files(pyr_safetensors *file, const model_index *index,
                             index_file *const *sorted, const pyr_safetensors_opener *opener,
                             safetensors_header *heads, pyr_error *error) {
    for (int32_t i = 0; i < file->shards_count; ++i) {
        safetensors_shard *shard = &file->shards[i];
        shard->name = sorted[i]->name;
        pyr_status status = opener->open(opener->context, shard->name, &shard->bytes, error);
        if (status == PYR_OK) {
            status = pyr_safetensors_header_read(shard->bytes, shard->name, i, &file->arena,
                                                 &heads[i], error);
        }
        if (status != PYR_OK) {
            return pyr_error_context(error, status, "%s", index->name);
        }
        PYR_TRY(check_header(index, &heads[i], shard->name, i, error));
        file->count += heads[i].count;
    }
    return PYR_OK;
}
/* Shard after shard. */
static pyr_status join_headers(pyr_safetensors *file, const safetensors_header *heads,
                               pyr_error *error) {
    pyr_safetensors_tensor *next =
        pyr_arena_array(&file->arena, (size_t)file->count, sizeof *file->tensors);
    file->tensors = next;
    if (next == NULL) {
        return pyr_arena_error(&file->arena, error);
    }
    for (int32_t i = 0; i < file->shards_count; ++i) {
        if (heads[i].count > 0) {
            memcpy(next, heads[i].tensors, (size_t)heads[i].count * sizeof *next);
            next += heads[i].count;
        }
    }
    return PYR_OK;
}
static pyr_status check_map(const pyr_safetensors *file, const model_index *index,
                            pyr_error *error) {
    /* All that is in the files is in the map, once; so the counts say whether it is all of it. */
    for (int64_t i = 0; file->count != index->entries_count && i < index->entries_count; ++i) {
        const index_entry *entry = &index->entries[i];
        if (pyr_name_table_find(&file->names, entry->name, strlen(entry->name)) < 0) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "%s: tensor \"%s\" is not in %s, where weight_map has it",
                                 index->name, entry->name, index->files[entry->file].name);
        }
    }
    return PYR_OK;
}

static pyr_status open_index(pyr_safetensors *file, const uint8_t *json, size_t size_bytes,
                             const char *name, const pyr_safetensors_opener *opener,
                             pyr_error *error) {
    pyr_arena *arena = &file->arena;
    json_reader reader;
    model_index index = {.name = name};
    index_file **sorted;
    PYR_TRY(pyr_json_open(&reader, json, size_bytes, name, 0, arena, error));
    PYR_TRY(read_json(&reader, arena, &index));
    PYR_TRY(rank_files(&index, arena, &sorted, error));
    size_t count = (size_t)index.files_count;
    file->shards = pyr_arena_array(arena, count, sizeof *file->shards);
    safetensors_header *heads = pyr_arena_array(arena, count, sizeof *heads);
    if (file->shards == NULL || heads == NULL) {
        return pyr_arena_error(arena, error);
    }
    file->shards_count = index.files_count;
    PYR_TRY(open_files(file, &index, sorted, opener, heads, error));
    PYR_TRY(join_headers(file, heads, error));
    PYR_TRY(pyr_safetensors_finish(file, name, error));
    file->metadata = index.metadata;
    file->metadata_count = index.metadata_count;
    return check_map(file, &index, error);
}
pyr_status pyr_safetensors_open_index(const uint8_t *json, size_t size_bytes, const char *name,
                                      const pyr_safetensors_opener *opener, pyr_budget *budget,
                                      pyr_safetensors **out, pyr_error *error) {
    pyr_safetensors *file;
    *out = NULL;
    if (size_bytes > PYR_SAFETENSORS_HEADER_BYTES_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "%s: an index of %zu bytes, at most %d", name,
                             size_bytes, PYR_SAFETENSORS_HEADER_BYTES_MAX);
    }
    PYR_TRY(pyr_safetensors_create(budget, &file, error));
    pyr_status status = open_index(file, json, size_bytes, name, opener, error);
    if (status != PYR_OK) {
        pyr_safetensors_release(file);
        return status;
    }
    *out = file;
    return PYR_OK;
}
