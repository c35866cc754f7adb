/* tensors.c - lists the tensors of a model and adds one up straight from the mapped file.
 *
 *     cc tensors.c $(pkg-config --cflags --libs pyralog) -o tensors
 *     ./tensors MODEL [TENSOR]
 *
 * MODEL is a name in model_registry, a .safetensors file, or the folder of a sharded model. Where a
 * file of that suffix is missing, the program first writes a small one there, so that it can be
 * tried out: the format is the length of a header, the header as JSON, and the tensors' bytes.
 */
#include <pyralog.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int fail(const pyr_error *error) {
    fprintf(stderr, "error: %s: %s\n", error->sqlstate, error->message);
    return 1;
}

static int write_sample(const char *path) {
    static const char header[] =
        "{\"layer.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]},"
        "\"layer.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}   ";
    static const float values[] = {1, 2, 3, 4, 5, 6, 0.5f, -0.5f};
    uint64_t length = sizeof(header) - 1;
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t written = fwrite(&length, sizeof(length), 1, file) + fwrite(header, length, 1, file) +
                     fwrite(values, sizeof(values), 1, file);
    return fclose(file) == 0 && written == 3 ? 0 : 1;
}

/* Anything else may be the name of a model that was mistyped. */
static int is_sample(const char *path) {
    static const char suffix[] = ".safetensors";
    size_t length = strlen(path), suffix_length = sizeof(suffix) - 1;
    return length > suffix_length && strcmp(path + length - suffix_length, suffix) == 0;
}

static void print_shape(const pyr_tensor *tensor) {
    printf("%s [", tensor->dtype);
    for (int32_t i = 0; i < tensor->rank; ++i) {
        printf(i > 0 ? ", %" PRId64 : "%" PRId64, tensor->shape[i]);
    }
    printf("]");
}

/* The values are where the file is mapped; nothing says that they are aligned. */
static double add_up(const pyr_tensor *tensor) {
    double sum = 0;
    for (int64_t at = 0; at < tensor->size_bytes; at += (int64_t)sizeof(float)) {
        float value;
        memcpy(&value, (const char *)tensor->data + at, sizeof(value));
        sum += (double)value;
    }
    return sum;
}

static int look(const pyr_tensors *tensors, const char *name) {
    int64_t count = pyr_tensors_count(tensors);
    for (int64_t i = 0; i < count; ++i) {
        pyr_tensor tensor;
        pyr_tensors_get(tensors, i, &tensor);
        printf("%-16s ", tensor.name);
        print_shape(&tensor);
        printf(", %" PRId64 " bytes at %" PRId64 " of %s\n", tensor.size_bytes, tensor.offset_bytes,
               tensor.file);
    }
    pyr_error error;
    pyr_tensor tensor;
    if (pyr_tensors_find(tensors, name, &tensor, &error) != PYR_OK) {
        return fail(&error);
    }
    if (strcmp(tensor.dtype, "F32") != 0) {
        printf("%s is %s: this program adds up F32\n", name, tensor.dtype);
        return 0;
    }
    double sum = add_up(&tensor);
    /* A page that could not be brought from the file has been read as zeros. */
    if (pyr_tensors_check(tensors, &error) != PYR_OK) {
        return fail(&error);
    }
    printf("sum of %s: %g\n", name, sum);
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s MODEL [TENSOR]\n", argv[0]);
        return 2;
    }
    const char *name = argc > 2 ? argv[2] : "layer.weight";
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    pyr_tensors *tensors = NULL;
    pyr_error error;
    pyr_status status = pyr_open(":memory:", NULL, &db, &error);
    if (status == PYR_OK) {
        status = pyr_connect(db, &connection, &error);
    }
    if (status == PYR_OK) {
        status = pyr_tensors_open(connection, argv[1], &tensors, &error);
        if (status == PYR_ERROR_NOT_FOUND && argc == 2 && is_sample(argv[1]) &&
            write_sample(argv[1]) == 0) {
            status = pyr_tensors_open(connection, argv[1], &tensors, &error);
        }
    }
    /* Tensors need neither any more. */
    pyr_disconnect(connection);
    pyr_close(db);
    int result = status == PYR_OK ? look(tensors, name) : fail(&error);
    pyr_tensors_close(tensors);
    return result;
}
