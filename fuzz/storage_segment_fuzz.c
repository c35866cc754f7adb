/* storage_segment_fuzz.c - bytes as a segment file, ours and a foreign one: schema, batches by one
 * column and whole, zones, CRCs. The file is a memfd, mapped as any other. */
#include "arrow_ipc_use.h"

#include "storage/storage_internal.h"

#include <sys/mman.h>
#include <unistd.h>

/* Inputs that say they decode to gigabytes are the limits' matter, see arrow_ipc_file_fuzz.c. */
static bool is_small(const uint8_t *data, size_t size) {
    pyr_error error;
    pyr_buffer *bytes;
    pyr_ipc_file *file;
    pyr_ipc_limits limits = fuzz_limits();
    bool small = true;
    MUST(pyr_buffer_wrap(data, size, NULL, NULL, &bytes, &error) == PYR_OK);
    if (pyr_ipc_file_open(bytes, "fuzz.arrow", &limits, &file, &error) == PYR_OK) {
        for (size_t i = 0; small && i < pyr_ipc_file_batches(file); ++i) {
            pyr_batch *batch;
            small = i < 16 && pyr_ipc_file_batch(file, i, NULL, 0, PYR_VALIDATE_STRUCTURE, NULL,
                                                 NULL, &batch, &error) != PYR_ERROR_LIMIT;
            pyr_batch_release(batch);
        }
        pyr_ipc_file_release(file);
    }
    pyr_buffer_release(bytes);
    return small;
}

static void check_zone(const pyr_zone *zone) {
    MUST(zone->known || (!zone->has_bounds && !zone->has_nan && zone->null_count == 0));
    MUST(zone->null_count >= 0);
}

/* Numbers that a batch brings are in range, whatever the file says. */
static void use_codes(const pyr_batch *batch, bool trusted) {
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        const pyr_codes *codes = batch->columns[i]->codes;
        MUST(trusted || codes == NULL);
        for (int64_t row = 0; codes != NULL && row < codes->rows; ++row) {
            uint32_t number = pyr_codes_get(codes, row);
            MUST(number < (uint32_t)codes->count && pyr_codes_first(codes, number) <= row);
        }
        MUST(codes == NULL || codes->rows == batch->rows);
    }
}

static void use_segment(pyr_segment *segment, bool trusted) {
    pyr_error error;
    pyr_schema *schema;
    size_t count;
    if (pyr_segment_schema(segment, NULL, &schema, &error) != PYR_OK) {
        MUST(strncmp(error.message, "segment ", 8) == 0);
        return;
    }
    MUST(pyr_segment_batches(segment, NULL, &count, &error) == PYR_OK);
    int32_t columns = schema->fields_count;
    for (size_t i = 0; i < count; ++i) {
        pyr_batch *batch;
        int64_t rows;
        for (int32_t column = 0; column < columns && column < 8; ++column) {
            pyr_zone zone;
            if (pyr_segment_zone(segment, i, column, &zone, &error) == PYR_OK) {
                check_zone(&zone);
                MUST(trusted || !zone.known);
            }
            if (pyr_segment_batch(segment, i, &column, 1, NULL, NULL, &batch, &error) == PYR_OK) {
                use_codes(batch, trusted);
                pyr_batch_release(batch);
            }
        }
        (void)!pyr_segment_batch_rows(segment, i, &rows, &error);
        if (pyr_segment_batch(segment, i, NULL, 0, NULL, NULL, &batch, &error) != PYR_OK) {
            MUST(strncmp(error.message, "segment ", 8) == 0);
            continue;
        }
        use_codes(batch, trusted);
        if (!trusted) { /* validated whole: every use is safe */
            use_batch(batch);
        }
        pyr_batch_release(batch);
    }
    if (pyr_segment_verify(segment, &error) != PYR_OK) {
        MUST(strncmp(error.message, "segment ", 8) == 0);
    }
    pyr_schema_release(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pyr_error error;
    if (!is_small(data, size)) {
        return 0;
    }
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    pyr_segment_info info = {.path = path, .rows = -1, .size_bytes = -1, .batches = -1};
    for (int trusted = 0; trusted < 2; ++trusted) {
        pyr_segment *segment;
        MUST(pyr_segment_create(&info, trusted == 1, &segment, &error) == PYR_OK);
        use_segment(segment, trusted == 1);
        pyr_segment_release(segment);
    }
    close(fd);
    return 0;
}
