/* The messages of a DoPut as they come from the network: FlightData parsed, its parts sliced out,
 * the batches decoded as the server does it. Input: messages, each after two bytes of length
 * (little- endian), the last one as long as it is. */
#include "flight/flight_data.h"
#include "fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DECODED_BYTES_MAX ((size_t)64 << 20)

static pyr_buffer *receive(const uint8_t *bytes, size_t size) {
    size_t capacity = (size + 63) & ~(size_t)63;
    pyr_buffer *whole = NULL;
    pyr_buffer *message = NULL;
    if (pyr_buffer_create_raw(capacity, NULL, &whole, NULL) != PYR_OK) {
        return NULL;
    }
    if (size > 0) {
        memcpy(pyr_buffer_mutable(whole) + capacity - size, bytes, size);
    }
    (void)!pyr_buffer_slice(whole, capacity - size, size, &message, NULL);
    pyr_buffer_release(whole);
    return message;
}

static pyr_buffer *part(pyr_buffer *message, const pyr_bytes *bytes) {
    pyr_buffer *out = NULL;
    if (bytes->data != NULL) {
        assert(bytes->data >= message->data);
        (void)!pyr_buffer_slice(message, (size_t)(bytes->data - message->data), bytes->size_bytes,
                                &out, NULL);
    }
    return out;
}

/* false: the stream would have ended with an error. */
static bool take(pyr_ipc_decoder *decoder, pyr_buffer *message) {
    pyr_flight_data parsed;
    pyr_error error;
    if (pyr_flight_data_parse(message->data, message->size_bytes, &parsed, &error) != PYR_OK) {
        return false;
    }
    if (parsed.header.size_bytes == 0) {
        return true;
    }
    pyr_buffer *header = part(message, &parsed.header);
    pyr_buffer *body = part(message, &parsed.body);
    pyr_batch *batch = NULL;
    pyr_status status = pyr_ipc_decode(decoder, header, body, &batch, &error);
    assert(status == PYR_OK || batch == NULL);
    if (batch != NULL) {
        assert(batch->rows >= 0 && pyr_batch_size_bytes(batch) >= 0);
    }
    pyr_batch_release(batch);
    pyr_buffer_release(header);
    pyr_buffer_release(body);
    return status == PYR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    pyr_budget *budget = pyr_budget_create(DECODED_BYTES_MAX);
    pyr_ipc_decoder *decoder = NULL;
    if (pyr_ipc_decoder_create(&limits, PYR_VALIDATE_FULL, NULL, budget, &decoder, NULL) ==
        PYR_OK) {
        bool goes_on = true;
        while (goes_on && size >= 2) {
            size_t length = data[0] | (size_t)data[1] << 8;
            data += 2;
            size -= 2;
            length = length < size ? length : size;
            pyr_buffer *message = receive(data, length);
            goes_on = message != NULL && take(decoder, message);
            pyr_buffer_release(message);
            data += length;
            size -= length;
        }
    }
    pyr_ipc_decoder_destroy(decoder);
    assert(pyr_budget_used(budget) == 0);
    pyr_budget_release(budget);
    return 0;
}
