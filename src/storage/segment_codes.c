/* segment_codes.c - numbers beside texts that repeat: made when a message is written, found again
 * when its column is read.
 *
 * A status, a city, a phone's model: of such a column's texts a message holds few. They are
 * numbered in the order they are met, and the numbers, a byte or two a row, stand in the message's
 * body behind its columns. The texts themselves stay where they are: who asks for the column gets
 * it by reference, and another Arrow reader sees nothing else.
 */
#include "kernels/kernels.h"
#include "storage/segment_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MIN = 1024, /* of a message: fewer are read as they are */
    SAMPLE_ROWS = 2048,
    SAMPLE_TEXTS_MAX = 1400, /* more different ones in the sample, and the rest is not looked at:
                                that many come of some 3,000 evenly drawn */
    ROWS_PER_TEXT = 8,       /* at least, on the whole: fewer save too little */
    TEXTS_MAX = 8192,
    PLACES_PER_TEXT = 4, /* of the table, at least */
    SPAN_ROWS = 1024,    /* hashed at a time */
    NARROW_TEXTS_MAX = 256
};

typedef struct place {
    uint32_t tag;    /* of the text's hash */
    uint32_t number; /* UINT32_MAX: free */
} place;

typedef struct numbering {
    const uint8_t *bytes;
    const int32_t *offsets; /* of the array's row 0 */
    place *places;
    uint64_t mask;   /* places - 1: a power of two of them */
    int32_t *firsts; /* of each number, the first row that has its text */
    uint32_t count;
    uint32_t null_number; /* UINT32_MAX: no null was met */
} numbering;

static inline int32_t length_of(const numbering *self, int64_t row) {
    return self->offsets[row + 1] - self->offsets[row];
}

static bool same_text(const numbering *self, int64_t a, int64_t b) {
    int32_t length = length_of(self, a);
    return length == length_of(self, b) &&
           (length <= 0 || memcmp(self->bytes + self->offsets[a], self->bytes + self->offsets[b],
                                  (size_t)length) == 0);
}

/* Offsets were validated, but of a source that was cut since some are zeros: whoever asked finds
 * that out before it believes what was made of them. */
static bool still_rise(const int32_t *offsets, int64_t rows) {
    bool rise = true;
    for (int64_t i = 0; i < rows; ++i) {
        rise &= offsets[i] <= offsets[i + 1];
    }
    return rise;
}

/* Its number, a new one where it is new; UINT32_MAX: there would be too many. */
static uint32_t number_of_text(numbering *self, int64_t row, uint64_t hash, uint32_t count_max) {
    uint32_t tag = (uint32_t)hash;
    for (uint64_t at = hash >> 32;; ++at) {
        place *p = &self->places[at & self->mask];
        if (p->number == UINT32_MAX) {
            if (self->count >= count_max) {
                return UINT32_MAX;
            }
            *p = (place){tag, self->count};
            self->firsts[self->count] = (int32_t)row;
            return self->count++;
        }
        if (p->tag == tag && same_text(self, self->firsts[p->number], row)) {
            return p->number;
        }
    }
}

static uint32_t number_of_null(numbering *self, int64_t row, uint32_t count_max) {
    if (self->null_number == UINT32_MAX && self->count < count_max) {
        self->firsts[self->count] = (int32_t)row;
        self->null_number = self->count++;
    }
    return self->null_number;
}

/* Rows [from, to) to numbers; false: there are too many texts. */
static bool number_rows(numbering *self, const pyr_array *array, int64_t from, int64_t to,
                        uint32_t count_max, uint16_t *numbers) {
    const pyr_kernels *kernels = pyr_kernels_get();
    uint64_t hashes[SPAN_ROWS];
    bool nulls = array->buffers[0] != NULL;
    for (int64_t first = from; first < to; first += SPAN_ROWS) {
        int64_t rows = to - first < SPAN_ROWS ? to - first : SPAN_ROWS;
        if (!still_rise(self->offsets + first, rows)) {
            return false;
        }
        kernels->hash_offsets(self->bytes, self->offsets + first, rows, hashes);
        for (int64_t i = 0; i < rows; ++i) {
            int64_t row = first + i;
            uint32_t number = nulls && pyr_array_is_null(array, row)
                                  ? number_of_null(self, row, count_max)
                                  : number_of_text(self, row, hashes[i], count_max);
            if (number == UINT32_MAX) {
                return false;
            }
            numbers[row] = (uint16_t)number;
        }
    }
    return true;
}

static uint32_t most_texts(int64_t rows) {
    return rows / ROWS_PER_TEXT < TEXTS_MAX ? (uint32_t)(rows / ROWS_PER_TEXT) : TEXTS_MAX;
}

static bool number_all(numbering *self, const pyr_array *array, uint16_t *numbers) {
    int64_t rows = array->length;
    int64_t sample = rows < SAMPLE_ROWS ? rows : SAMPLE_ROWS;
    uint32_t most = most_texts(rows);
    return number_rows(self, array, 0, sample, most < SAMPLE_TEXTS_MAX ? most : SAMPLE_TEXTS_MAX,
                       numbers) &&
           number_rows(self, array, sample, rows, most, numbers);
}

/* numbers as they are written. */
static pyr_status make_codes(const numbering *self, const uint16_t *numbers, int64_t rows,
                             pyr_codes **out, pyr_error *error) {
    int32_t width = self->count <= NARROW_TEXTS_MAX ? 1 : 2;
    pyr_buffer *buffer = NULL;
    PYR_TRY(pyr_buffer_create_raw((size_t)rows * (size_t)width, NULL, &buffer, error));
    uint8_t *bytes = pyr_buffer_mutable(buffer);
    if (width == 2) {
        memcpy(bytes, numbers, (size_t)rows * sizeof(*numbers));
    }
    for (int64_t i = 0; width == 1 && i < rows; ++i) {
        bytes[i] = (uint8_t)numbers[i];
    }
    pyr_buffer *firsts = NULL;
    size_t firsts_bytes = self->count * sizeof(*self->firsts);
    pyr_status status = pyr_buffer_create_raw(firsts_bytes, NULL, &firsts, error);
    if (status == PYR_OK) {
        memcpy(pyr_buffer_mutable(firsts), self->firsts, firsts_bytes);
        status = pyr_codes_create(buffer, rows, width, firsts, (int32_t)self->count, out, error);
    }
    pyr_buffer_release(buffer);
    pyr_buffer_release(firsts);
    return status;
}

static numbering numbering_of(const pyr_array *array) {
    numbering self = {.offsets =
                          (const int32_t *)(const void *)array->buffers[1]->data + array->offset,
                      .bytes = array->buffers[2] != NULL ? array->buffers[2]->data : NULL,
                      .null_number = UINT32_MAX};
    return self;
}

pyr_status pyr_segment_number_texts(const pyr_array *array, pyr_codes **out, pyr_error *error) {
    *out = NULL;
    if (array->field->type != PYR_TYPE_UTF8 || array->length < ROWS_MIN ||
        array->buffers[1] == NULL) {
        return PYR_OK;
    }
    numbering self = numbering_of(array);
    size_t places = 1;
    while (places < (size_t)PLACES_PER_TEXT * most_texts(array->length)) {
        places *= 2;
    }
    size_t places_bytes = places * sizeof(*self.places);
    size_t numbers_bytes = (size_t)array->length * sizeof(uint16_t);
    self.mask = places - 1;
    self.places = malloc(places_bytes);
    self.firsts = malloc(most_texts(array->length) * sizeof(*self.firsts));
    uint16_t *numbers = malloc(numbers_bytes);
    pyr_status status = PYR_OK;
    if (self.places == NULL || self.firsts == NULL || numbers == NULL) {
        status = pyr_error_memory(error, places_bytes + numbers_bytes);
    } else {
        memset(self.places, 0xff, places_bytes);
        if (number_all(&self, array, numbers)) {
            status = make_codes(&self, numbers, array->length, out, error);
        }
    }
    free(self.places);
    free(self.firsts);
    free(numbers);
    return status;
}

/* ---- In a message. ---- */

enum { CODED_COLUMNS_MAX = PYR_IPC_EXTRAS_MAX / 2 };

static size_t bytes_of(const pyr_codes *codes) {
    return pyr_ipc_extra_bytes(codes->numbers->size_bytes) +
           pyr_ipc_extra_bytes(codes->firsts->size_bytes);
}

/* "1", and of each column that has codes ";COLUMN,WIDTH,COUNT,BYTES": how many bytes of the body
 * follow from their beginning on. The firsts follow the numbers, at a multiple of 64. */
pyr_status pyr_codes_list_create(const pyr_batch *batch, pyr_codes_list *out, pyr_error *error) {
    int32_t columns[CODED_COLUMNS_MAX];
    pyr_codes *codes[CODED_COLUMNS_MAX];
    size_t count = 0;
    size_t before_end = 0;
    pyr_status status = PYR_OK;
    memset(out, 0, sizeof(*out));
    pyr_text_init(&out->text);
    for (int32_t i = 0; i < batch->columns_count && count < CODED_COLUMNS_MAX && status == PYR_OK;
         ++i) {
        columns[count] = i;
        status = pyr_segment_number_texts(batch->columns[i], &codes[count], error);
        if (status == PYR_OK && codes[count] != NULL) {
            before_end += bytes_of(codes[count]);
            ++count;
        }
    }
    if (status == PYR_OK && count > 0) {
        pyr_text_add_char(&out->text, '1');
    }
    for (size_t i = 0; i < count; ++i) {
        if (status == PYR_OK) {
            pyr_text_printf(&out->text, ";%d,%d,%d,%zu", (int)columns[i],
                            (int)codes[i]->width_bytes, (int)codes[i]->count, before_end);
            out->extras.buffers[out->extras.count++] = pyr_buffer_retain(codes[i]->numbers);
            out->extras.buffers[out->extras.count++] = pyr_buffer_retain(codes[i]->firsts);
            before_end -= bytes_of(codes[i]);
        }
        pyr_codes_release(codes[i]);
    }
    return status == PYR_OK ? pyr_text_check(&out->text, error) : status;
}

void pyr_codes_list_deinit(pyr_codes_list *list) {
    for (size_t i = 0; i < list->extras.count; ++i) {
        pyr_buffer_release(list->extras.buffers[i]);
    }
    pyr_text_deinit(&list->text);
}

typedef struct found {
    int64_t column, width, count, before_end;
} found;

/* A decimal number and the character behind it, which is `end` (or the text's end). */
static bool read_number(const char **at, const char *stop, char end, int64_t *out) {
    int64_t value = 0;
    const char *from = *at;
    for (; *at < stop && **at >= '0' && **at <= '9'; ++*at) {
        if (value > INT64_MAX / 10 - 1) {
            return false;
        }
        value = value * 10 + (**at - '0');
    }
    *out = value;
    if (*at == from || (*at == stop ? end != ';' : **at != end)) {
        return false;
    }
    *at += *at < stop;
    return true;
}

/* false: the text is not as it is written. out->column -1: the column has none. */
static bool find_column(const char *text, size_t length, int32_t column, found *out) {
    const char *at = text + 2;
    const char *stop = text + length;
    out->column = -1;
    if (length < 2 || text[0] != '1' || text[1] != ';') {
        return false;
    }
    while (at < stop) {
        found next;
        if (!read_number(&at, stop, ',', &next.column) ||
            !read_number(&at, stop, ',', &next.width) ||
            !read_number(&at, stop, ',', &next.count) ||
            !read_number(&at, stop, ';', &next.before_end)) {
            return false;
        }
        if (next.column == column) {
            *out = next;
            return true;
        }
    }
    return true;
}

/* What is written of a column; out->column -1: nothing. */
static pyr_status find_codes(const pyr_ipc_file *file, size_t batch, const pyr_metadata *metadata,
                             int64_t rows, int32_t column, found *out, pyr_error *error) {
    size_t length;
    const char *text = pyr_metadata_find(metadata, PYR_SEGMENT_CODES_KEY, &length);
    out->column = -1;
    if (text == NULL || pyr_ipc_file_schema(file)->fields[column]->type != PYR_TYPE_UTF8) {
        return PYR_OK;
    }
    return find_column(text, length, column, out) &&
                   (out->column < 0 ||
                    (out->width <= 2 && out->count <= 1 << 16 && rows <= INT32_MAX))
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_CORRUPT, "batch %zu: %s is not well-formed", batch,
                               PYR_SEGMENT_CODES_KEY);
}

static pyr_status codes_at(pyr_ipc_file *file, size_t batch, const found *at, int64_t rows,
                           pyr_codes **out, pyr_error *error) {
    int64_t numbers_bytes = at->width * rows;
    int64_t firsts_at = at->before_end - (int64_t)pyr_ipc_extra_bytes((size_t)numbers_bytes);
    pyr_buffer *numbers = NULL;
    pyr_buffer *firsts = NULL;
    PYR_TRY(pyr_ipc_file_tail(file, batch, at->before_end, numbers_bytes, &numbers, error));
    pyr_status status = pyr_ipc_file_tail(file, batch, firsts_at,
                                          at->count * (int64_t)sizeof(int32_t), &firsts, error);
    if (status == PYR_OK) {
        status = pyr_codes_create(numbers, rows, (int32_t)at->width, firsts, (int32_t)at->count,
                                  out, error);
    }
    pyr_buffer_release(numbers);
    pyr_buffer_release(firsts);
    return status;
}

pyr_status pyr_segment_read_codes(pyr_ipc_file *file, size_t batch, const pyr_metadata *metadata,
                                  int64_t rows, int32_t column, pyr_codes **out, pyr_error *error) {
    found at;
    *out = NULL;
    PYR_TRY(find_codes(file, batch, metadata, rows, column, &at, error));
    if (at.column < 0) {
        return PYR_OK;
    }
    pyr_status status = codes_at(file, batch, &at, rows, out, error);
    return status == PYR_OK ? PYR_OK
                            : pyr_error_context(error, status, "batch %zu: column \"%s\"", batch,
                                                pyr_ipc_file_schema(file)->fields[column]->name);
}

pyr_status pyr_segment_numbered_texts(pyr_segment *segment, size_t batch, int32_t column,
                                      int32_t *count, pyr_error *error) {
    pyr_opened_file *opened;
    pyr_metadata *metadata = NULL;
    int64_t rows = 0;
    found at = {.column = -1};
    *count = 0;
    if (segment->evolved != NULL || segment->source != NULL) {
        return PYR_OK;
    }
    PYR_TRY(pyr_segment_get_opened(segment, NULL, &opened, error));
    PYR_TRY(pyr_segment_check_index(segment, opened->batches, batch, error));
    PYR_TRY(pyr_segment_check_columns(segment, opened->columns, &column, 1, error));
    pyr_status status = pyr_ipc_file_batch_head(opened->file, batch, &rows, &metadata, error);
    if (status == PYR_OK) {
        status = find_codes(opened->file, batch, metadata, rows, column, &at, error);
    }
    pyr_metadata_release(metadata);
    *count = status == PYR_OK && at.column >= 0 ? (int32_t)at.count : 0;
    return pyr_segment_name_it(segment, status, error);
}

bool pyr_segment_codes_hold(const pyr_codes *codes, const pyr_array *array) {
    numbering self = numbering_of(array);
    for (int64_t row = 0; row < array->length; ++row) {
        int32_t first = pyr_codes_first(codes, pyr_codes_get(codes, row));
        bool null = pyr_array_is_null(array, row);
        if (null != pyr_array_is_null(array, first) || (!null && !same_text(&self, first, row))) {
            return false;
        }
    }
    return true;
}
