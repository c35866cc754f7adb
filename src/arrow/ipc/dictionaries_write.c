/* dictionaries_write.c - which dictionaries a batch needs that the reader does not have yet.
 *
 * Dictionaries are sent innermost first (by descending ordinal), so that a reader which decodes at
 * once finds what is nested. A dictionary that begins with the values sent before is sent as a
 * delta, one that equals them not at all. Where a nested dictionary was replaced, the outer one is
 * sent again, because its indices mean other values now.
 */
#include "arrow/ipc/encoder_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int32_t count_dictionaries(const pyr_field *field) {
    int32_t count = 0;
    if (field->type == PYR_TYPE_DICTIONARY) {
        count = 1 + count_dictionaries(field->dictionary);
    }
    for (int32_t i = 0; i < field->children_count; ++i) {
        count += count_dictionaries(field->children[i]);
    }
    return count;
}

static void note_fields(pyr_ipc_encoder *encoder, const pyr_field *field, int32_t *ordinal) {
    if (field->type == PYR_TYPE_DICTIONARY) {
        pyr_ipc_sent *sent = &encoder->sent[(*ordinal)++];
        sent->field = field;
        note_fields(encoder, field->dictionary, ordinal);
        sent->end = *ordinal;
    }
    for (int32_t i = 0; i < field->children_count; ++i) {
        note_fields(encoder, field->children[i], ordinal);
    }
}

pyr_status pyr_ipc_sent_create(pyr_ipc_encoder *encoder, pyr_error *error) {
    int32_t count = 0;
    for (int32_t i = 0; i < encoder->schema->fields_count; ++i) {
        count += count_dictionaries(encoder->schema->fields[i]);
    }
    if (count == 0) {
        return PYR_OK;
    }
    encoder->sent = calloc((size_t)count, sizeof *encoder->sent);
    if (encoder->sent == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof *encoder->sent);
    }
    encoder->sent_count = count;
    int32_t ordinal = 0;
    for (int32_t i = 0; i < encoder->schema->fields_count; ++i) {
        note_fields(encoder, encoder->schema->fields[i], &ordinal);
    }
    return PYR_OK;
}

void pyr_ipc_sent_forget_batch(pyr_ipc_encoder *encoder) {
    for (int32_t i = 0; i < encoder->sent_count; ++i) {
        pyr_array_release(encoder->sent[i].wanted);
        encoder->sent[i].wanted = NULL;
        encoder->sent[i].replaced = false;
    }
    pyr_batch_release(encoder->batch);
    encoder->batch = NULL;
}

void pyr_ipc_sent_destroy(pyr_ipc_encoder *encoder) {
    pyr_ipc_sent_forget_batch(encoder);
    for (int32_t i = 0; i < encoder->sent_count; ++i) {
        pyr_array_release(encoder->sent[i].array);
    }
    free(encoder->sent);
}

/* The arrays of a column's dictionaries, in the order of note_fields. */
static void note_arrays(pyr_ipc_encoder *encoder, const pyr_array *array, int32_t *ordinal) {
    if (array->field->type == PYR_TYPE_DICTIONARY) {
        encoder->sent[(*ordinal)++].wanted = pyr_array_retain(array->dictionary);
        note_arrays(encoder, array->dictionary, ordinal);
    }
    for (int32_t i = 0; i < array->children_count; ++i) {
        note_arrays(encoder, array->children[i], ordinal);
    }
}

static void begin_batch(pyr_ipc_encoder *encoder, pyr_batch *batch) {
    pyr_ipc_sent_forget_batch(encoder);
    encoder->batch = pyr_batch_retain(batch);
    encoder->next = encoder->sent_count;
    int32_t ordinal = 0;
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        note_arrays(encoder, batch->columns[i], &ordinal);
    }
    assert(ordinal == encoder->sent_count); /* the batch has the encoder's schema */
}

/* The same values because the same memory: saves the comparison for dictionaries that are handed on
 * from batch to batch in arrays of their own. */
static bool same_memory(const pyr_array *a, const pyr_array *b) {
    if (a == b) {
        return true;
    }
    if (a->length != b->length || a->offset != b->offset || a->buffers_count != b->buffers_count ||
        a->children_count != b->children_count ||
        (a->dictionary == NULL) != (b->dictionary == NULL)) {
        return false;
    }
    for (int32_t i = 0; i < a->buffers_count; ++i) {
        const pyr_buffer *x = a->buffers[i], *y = b->buffers[i];
        if ((x == NULL) != (y == NULL) ||
            (x != NULL && (x->data != y->data || x->size_bytes != y->size_bytes))) {
            return false;
        }
    }
    for (int32_t i = 0; i < a->children_count; ++i) {
        if (!same_memory(a->children[i], b->children[i])) {
            return false;
        }
    }
    return a->dictionary == NULL || same_memory(a->dictionary, b->dictionary);
}

typedef enum change { SAME, GREW, OTHER } change;

static pyr_status compare(pyr_array *sent, pyr_array *wanted, change *out, pyr_error *error) {
    *out = OTHER;
    if (same_memory(sent, wanted)) {
        *out = SAME;
        return PYR_OK;
    }
    if (wanted->length < sent->length) {
        return PYR_OK;
    }
    pyr_array *start;
    PYR_TRY(pyr_array_slice(wanted, 0, sent->length, &start, error));
    if (pyr_array_equal(sent, start)) {
        *out = wanted->length == sent->length ? SAME : GREW;
    }
    pyr_array_release(start);
    return PYR_OK;
}

static bool nested_replaced(const pyr_ipc_encoder *encoder, int32_t ordinal) {
    for (int32_t i = ordinal + 1; i < encoder->sent[ordinal].end; ++i) {
        if (encoder->sent[i].replaced) {
            return true;
        }
    }
    return false;
}

static pyr_status send(pyr_ipc_encoder *encoder, int32_t ordinal, const pyr_array *array,
                       bool is_delta, pyr_ipc_message *out, pyr_error *error) {
    pyr_ipc_body body = pyr_ipc_encoder_body(encoder, encoder->options.ledger);
    body.crc_key = encoder->options.crc_key;
    pyr_ipc_dictionary_header header = {ordinal, is_delta};
    pyr_status status = pyr_ipc_body_add(&body, array, error);
    if (status == PYR_OK) {
        status = pyr_ipc_encoder_finish(&body, PYR_IPC_DICTIONARY_BATCH, array->length, &header,
                                        NULL, out, error);
    }
    pyr_ipc_body_deinit(&body);
    return status;
}

/* Sends what ordinal needs; out->type stays 0 where that is nothing. */
static pyr_status send_change(pyr_ipc_encoder *encoder, int32_t ordinal, pyr_ipc_message *out,
                              pyr_error *error) {
    pyr_ipc_sent *sent = &encoder->sent[ordinal];
    assert(sent->wanted != NULL); /* begin_batch noted an array for every dictionary */
    change kind = OTHER;
    bool first = sent->array == NULL;
    if (!first && !nested_replaced(encoder, ordinal)) {
        PYR_TRY(compare(sent->array, sent->wanted, &kind, error));
    }
    if (kind == SAME) {
        return PYR_OK;
    }
    if (kind == OTHER && !first && !encoder->options.allow_replacement) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "field \"%s\": its dictionary changed between batches, which an "
                             "Arrow file cannot hold: unify the dictionaries or write a stream",
                             sent->field->name);
    }
    if (kind == GREW) {
        pyr_array *delta;
        PYR_TRY(pyr_array_slice(sent->wanted, sent->array->length,
                                sent->wanted->length - sent->array->length, &delta, error));
        pyr_status status = send(encoder, ordinal, delta, true, out, error);
        pyr_array_release(delta);
        PYR_TRY(status);
    } else {
        PYR_TRY(send(encoder, ordinal, sent->wanted, false, out, error));
        sent->replaced = !first;
    }
    pyr_array_release(sent->array);
    sent->array = pyr_array_retain(sent->wanted);
    return PYR_OK;
}

pyr_status pyr_ipc_encode_dictionary(pyr_ipc_encoder *encoder, pyr_batch *batch,
                                     pyr_ipc_message *out, pyr_error *error) {
    memset(out, 0, sizeof *out);
    if (encoder->sent_count == 0) {
        return PYR_OK;
    }
    if (encoder->batch != batch) {
        begin_batch(encoder, batch);
    }
    while (encoder->next > 0 && out->type == 0) {
        --encoder->next;
        PYR_TRY(send_change(encoder, encoder->next, out, error));
    }
    return PYR_OK;
}
