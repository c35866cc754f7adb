/* dlpack.c - a view handed to other libraries by reference (tensor.h).
 */
#include "formats/tensor/tensor.h"

#include "pyralog_dlpack.h"

#include <stdlib.h>
#include <string.h>

static uint8_t code_of(pyr_tensor_type type) {
    static const uint8_t codes[PYR_TENSOR_TYPES] = {
        [PYR_TENSOR_BOOL] = kDLBool,
        [PYR_TENSOR_F4] = kDLFloat4_e2m1fn,
        [PYR_TENSOR_F6_E2M3] = kDLFloat6_e2m3fn,
        [PYR_TENSOR_F6_E3M2] = kDLFloat6_e3m2fn,
        [PYR_TENSOR_U8] = kDLUInt,
        [PYR_TENSOR_I8] = kDLInt,
        [PYR_TENSOR_F8_E5M2] = kDLFloat8_e5m2,
        [PYR_TENSOR_F8_E4M3] = kDLFloat8_e4m3fn,
        [PYR_TENSOR_F8_E8M0] = kDLFloat8_e8m0fnu,
        [PYR_TENSOR_F8_E4M3FNUZ] = kDLFloat8_e4m3fnuz,
        [PYR_TENSOR_F8_E5M2FNUZ] = kDLFloat8_e5m2fnuz,
        [PYR_TENSOR_I16] = kDLInt,
        [PYR_TENSOR_U16] = kDLUInt,
        [PYR_TENSOR_F16] = kDLFloat,
        [PYR_TENSOR_BF16] = kDLBfloat,
        [PYR_TENSOR_I32] = kDLInt,
        [PYR_TENSOR_U32] = kDLUInt,
        [PYR_TENSOR_F32] = kDLFloat,
        [PYR_TENSOR_C64] = kDLComplex,
        [PYR_TENSOR_F64] = kDLFloat,
        [PYR_TENSOR_I64] = kDLInt,
        [PYR_TENSOR_U64] = kDLUInt,
    };
    return codes[type];
}

/* One piece of memory: the tensor, its owner, then its shape and strides. */
typedef struct exported {
    DLManagedTensorVersioned tensor; /* first: consumers know its address alone */
    pyr_buffer *holder;
    int64_t lengths[];
} exported;

static void delete_exported(DLManagedTensorVersioned *tensor) {
    exported *self = (exported *)(void *)tensor;
    if (self != NULL) {
        pyr_buffer_release(self->holder);
        free(self);
    }
}

/* Of C order, in values. Of an empty tensor a stride may count what is not there, but not overflow.
 */
static void fill_strides(const pyr_tensor_view *view, int64_t *strides) {
    int64_t stride = 1;
    for (int32_t i = view->rank - 1; i >= 0; --i) {
        strides[i] = stride;
        stride = view->count == 0 ? 1 : stride * view->shape[i];
    }
}

pyr_status pyr_tensor_to_dlpack(const pyr_tensor_view *view, pyr_buffer *holder,
                                struct DLManagedTensorVersioned **out, pyr_error *error) {
    size_t rank = (size_t)view->rank, size_bytes = sizeof(exported) + 2 * rank * sizeof(int64_t);
    *out = NULL;
    exported *self = calloc(1, size_bytes);
    if (self == NULL) {
        return pyr_error_memory(error, size_bytes);
    }
    int64_t *shape = self->lengths, *strides = self->lengths + rank;
    if (rank > 0) {
        memcpy(shape, view->shape, rank * sizeof *shape);
        fill_strides(view, strides);
    }
    /* The interface has no const; the flag says it. */
    void *data = NULL;
    if (view->count > 0) {
        memcpy(&data, &view->data, sizeof data);
    }
    self->holder = pyr_buffer_retain(holder);
    self->tensor = (DLManagedTensorVersioned){
        .version = {1, 1},
        .manager_ctx = self,
        .deleter = delete_exported,
        .flags = DLPACK_FLAG_BITMASK_READ_ONLY,
        .dl_tensor =
            {
                .data = data,
                .device = {kDLCPU, 0},
                .ndim = view->rank,
                .dtype = {code_of(view->type), (uint8_t)pyr_tensor_type_bits(view->type), 1},
                .shape = rank > 0 ? shape : NULL,
                .strides = rank > 0 ? strides : NULL,
            },
    };
    *out = &self->tensor;
    return PYR_OK;
}
