/* segment_verify.c - every byte of a segment against its CRCs, its zone maps and what the catalog
 * says. */
#include "base/crc32c.h"
#include "base/mapping.h"
#include "storage/segment_internal.h"

#include <stdlib.h>
#include <string.h>

static bool parse_crc(const char *text, size_t length, uint32_t *out) {
    if (length != 8 || strspn(text, "0123456789abcdef") != 8) {
        return false;
    }
    *out = (uint32_t)strtoul(text, NULL, 16);
    return true;
}

/* One message of the file, for messages about it: "batch" or "dictionary", and its number. */
typedef struct message_place {
    const char *kind;
    size_t index;
    int64_t offset;
    int64_t head_bytes;
    int64_t body_bytes;
} message_place;

/* What the catalog names was written with CRCs: a missing one is damage too. */
static pyr_status check_crc(pyr_segment *segment, const pyr_opened_file *opened,
                            const message_place *place, const pyr_metadata *metadata,
                            pyr_error *error) {
    size_t length = 0;
    const char *text = pyr_metadata_find(metadata, PYR_SEGMENT_CRC_KEY, &length);
    if (text == NULL) {
        return segment->info.batches < 0
                   ? PYR_OK
                   : pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: %s %zu: its CRC-32C is missing",
                                   segment->title, place->kind, place->index);
    }
    uint32_t wanted;
    if (!parse_crc(text, length, &wanted)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "%s: %s %zu: its CRC-32C is not 8 hex digits", segment->title,
                             place->kind, place->index);
    }
    uint32_t found = pyr_crc32c(0, opened->bytes->data + place->offset + place->head_bytes,
                                (size_t)place->body_bytes);
    PYR_TRY(pyr_segment_name_it(segment, pyr_mapping_check(opened->bytes->mapping, error), error));
    return found == wanted
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_CORRUPT,
                               "%s: %s %zu: CRC-32C is %08x, %08x was written", segment->title,
                               place->kind, place->index, found, wanted);
}

static pyr_status verify_dictionary(pyr_segment *segment, const pyr_opened_file *opened,
                                    size_t index, pyr_error *error) {
    message_place place = {.kind = "dictionary", .index = index};
    pyr_ipc_file_dictionary_block(opened->file, index, &place.offset, &place.head_bytes,
                                  &place.body_bytes);
    pyr_metadata *metadata = NULL;
    PYR_TRY(pyr_segment_name_it(
        segment, pyr_ipc_file_dictionary_head(opened->file, index, &metadata, error), error));
    pyr_status status = check_crc(segment, opened, &place, metadata, error);
    pyr_metadata_release(metadata);
    return status;
}

/* The CRC covers the body alone; a zone that lost a bit would hide rows. */
static pyr_status check_zones(pyr_segment *segment, const pyr_opened_file *opened, size_t index,
                              const pyr_batch *batch, const pyr_metadata *metadata,
                              pyr_error *error) {
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        pyr_zone zone;
        pyr_segment_read_zone(opened->file, metadata, batch->rows, i, &zone);
        if (!pyr_zone_holds(&zone, batch->columns[i])) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "%s: batch %zu: the zone map of column \"%s\" is not that of its "
                                 "values",
                                 segment->title, index, batch->schema->fields[i]->name);
        }
    }
    return PYR_OK;
}

static pyr_status check_codes(pyr_segment *segment, const pyr_opened_file *opened, size_t index,
                              const pyr_batch *batch, const pyr_metadata *metadata,
                              pyr_error *error) {
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        pyr_codes *codes = NULL;
        pyr_status status =
            pyr_segment_read_codes(opened->file, index, metadata, batch->rows, i, &codes, error);
        bool hold = codes == NULL || pyr_segment_codes_hold(codes, batch->columns[i]);
        pyr_codes_release(codes);
        PYR_TRY(
            pyr_segment_name_it(segment, pyr_mapping_check(opened->bytes->mapping, error), error));
        PYR_TRY(pyr_segment_name_it(segment, status, error));
        if (!hold) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "%s: batch %zu: the codes of column \"%s\" are not those of its "
                                 "values",
                                 segment->title, index, batch->schema->fields[i]->name);
        }
    }
    return PYR_OK;
}

/* *metadata is retained for the caller. */
static pyr_status read_head(pyr_segment *segment, const pyr_opened_file *opened, size_t index,
                            int64_t *rows, pyr_metadata **metadata, pyr_error *error) {
    return pyr_segment_name_it(
        segment, pyr_ipc_file_batch_head(opened->file, index, rows, metadata, error), error);
}

static pyr_status verify_batch(pyr_segment *segment, const pyr_opened_file *opened, size_t index,
                               int64_t *rows, pyr_error *error) {
    int64_t head_rows;
    pyr_metadata *metadata = NULL;
    PYR_TRY(read_head(segment, opened, index, &head_rows, &metadata, error));
    message_place place = {.kind = "batch", .index = index};
    pyr_ipc_file_block(opened->file, index, &place.offset, &place.head_bytes, &place.body_bytes);
    pyr_status status = check_crc(segment, opened, &place, metadata, error);
    pyr_batch *batch = NULL;
    if (status == PYR_OK) {
        status =
            pyr_segment_name_it(segment,
                                pyr_ipc_file_batch(opened->file, index, NULL, 0, PYR_VALIDATE_FULL,
                                                   NULL, NULL, &batch, error),
                                error);
    }
    if (status == PYR_OK) {
        status = check_zones(segment, opened, index, batch, metadata, error);
        *rows += batch->rows;
    }
    if (status == PYR_OK) {
        status = check_codes(segment, opened, index, batch, metadata, error);
    }
    pyr_batch_release(batch);
    pyr_metadata_release(metadata);
    return status;
}

pyr_status pyr_segment_verify(pyr_segment *segment, pyr_error *error) {
    pyr_opened_file *opened;
    if (segment->evolved != NULL) {
        return pyr_segment_verify(pyr_evolved_base(segment->evolved), error);
    }
    if (segment->source != NULL) {
        return pyr_segment_name_it(segment, pyr_source_verify(segment->source, error), error);
    }
    PYR_TRY(pyr_segment_get_opened(segment, NULL, &opened, error));
    int64_t rows = 0;
    for (size_t i = 0; i < pyr_ipc_file_dictionaries(opened->file); ++i) {
        PYR_TRY(verify_dictionary(segment, opened, i, error));
    }
    for (size_t i = 0; i < opened->batches; ++i) {
        PYR_TRY(verify_batch(segment, opened, i, &rows, error));
    }
    /* Before what was counted is believed. */
    PYR_TRY(pyr_segment_name_it(segment, pyr_mapping_check(opened->bytes->mapping, error), error));
    if (segment->info.rows >= 0 && rows != segment->info.rows) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: %lld rows, the catalog says %lld",
                             segment->title, (long long)rows, (long long)segment->info.rows);
    }
    return PYR_OK;
}
