/* tensors_test.c - the C API of tensors, over files that are written here by hand: the format is a
 * length, a JSON text and the bytes.
 */
#include "support_session.h"

#include "base/file.h"
#include "pyralog_dlpack.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct place {
    fixture *f;
    char *folder;
    char path[256];
} place;

static const float weights[6] = {1.5f, -2.0f, 0.25f, 4.0f, 5.0f, 6.0f};
static const int64_t steps[2] = {7, -8};

static void write_file(const char *path, const void *data, size_t size_bytes) {
    int fd = -1;
    assert_int_equal(pyr_file_create(path, false, &fd, NULL), PYR_OK);
    assert_int_equal(pyr_file_write(fd, path, data, size_bytes, NULL), PYR_OK);
    assert_int_equal(pyr_file_close(fd, path, NULL), PYR_OK);
}

static void write_model(const char *path, const char *json, const void *data, size_t size_bytes) {
    uint8_t bytes[4096];
    uint64_t length = strlen(json);
    assert_true(8 + length + size_bytes <= sizeof(bytes));
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, json, length);
    memcpy(bytes + 8 + length, data, size_bytes);
    write_file(path, bytes, 8 + length + size_bytes);
}

/* Two tensors, the names against the order of the bytes. */
static void write_layer(const char *path) {
    uint8_t data[sizeof(weights) + sizeof(steps)];
    memcpy(data, weights, sizeof(weights));
    memcpy(data + sizeof(weights), steps, sizeof(steps));
    write_model(path,
                "{\"a.steps\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[24,40]},"
                "\"layer.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}  ",
                data, sizeof(data));
}

static int set_up(void **state) {
    void *f = NULL;
    assert_int_equal(fixture_setup(&f), 0);
    place *self = calloc(1, sizeof(*self));
    self->f = f;
    self->folder = make_folder();
    snprintf(self->path, sizeof(self->path), "%s/model.safetensors", self->folder);
    write_layer(self->path);
    *state = self;
    return 0;
}

static int tear_down(void **state) {
    place *self = *state;
    void *f = self->f;
    if (f != NULL) {
        assert_int_equal(fixture_teardown(&f), 0);
    }
    remove_folder(self->folder);
    free(self);
    return 0;
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static pyr_tensors *open_well(place *self, const char *path) {
    pyr_tensors *tensors = NULL;
    pyr_error_clear(&self->f->error);
    if (pyr_tensors_open(self->f->connection, path, &tensors, &self->f->error) != PYR_OK) {
        fail_msg("%s: %s", path, self->f->error.message);
    }
    return tensors;
}

static void open_fails(place *self, const char *path, pyr_status code, const char *words) {
    pyr_tensors *tensors = (pyr_tensors *)1;
    assert_int_equal(pyr_tensors_open(self->f->connection, path, &tensors, &self->f->error), code);
    assert_null(tensors);
    if (strstr(self->f->error.message, words) == NULL) {
        fail_msg("\"%s\" wanted in: %s", words, self->f->error.message);
    }
}

static void tensors_are_views_of_the_file(void **state) {
    place *self = *state;
    pyr_tensors *tensors = open_well(self, self->path);
    assert_int_equal(pyr_tensors_count(tensors), 2);
    pyr_tensor tensor;
    pyr_tensors_get(tensors, 0, &tensor); /* by offset, not by name */
    assert_string_equal(tensor.name, "layer.weight");
    assert_string_equal(tensor.dtype, "F32");
    assert_int_equal(tensor.rank, 2);
    assert_int_equal(tensor.shape[0], 2);
    assert_int_equal(tensor.shape[1], 3);
    assert_int_equal(tensor.size_bytes, sizeof(weights));
    assert_memory_equal(tensor.data, weights, sizeof(weights));
    assert_string_equal(tensor.file, self->path);
    assert_int_equal(tensor.index, 0);
    assert_ptr_equal(tensor.tensors, tensors);
    /* The offset is the file's: what is read there is what the view has. */
    uint8_t bytes[sizeof(weights)];
    int fd = open(self->path, O_RDONLY);
    assert_int_equal(pread(fd, bytes, sizeof(bytes), tensor.offset_bytes), sizeof(bytes));
    close(fd);
    assert_memory_equal(bytes, weights, sizeof(bytes));
    pyr_tensors_get(tensors, 1, &tensor);
    assert_string_equal(tensor.name, "a.steps");
    assert_string_equal(tensor.dtype, "I64");
    assert_memory_equal(tensor.data, steps, sizeof(steps));
    assert_int_equal(pyr_tensors_check(tensors, NULL), PYR_OK);
    pyr_tensors_close(tensors);
}

static void an_index_out_of_range_gives_nothing(void **state) {
    pyr_tensors *tensors = open_well(*state, ((place *)*state)->path);
    const int64_t outside[] = {-1, 2, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 4; ++i) {
        pyr_tensor tensor;
        memset(&tensor, 0xff, sizeof(tensor));
        pyr_tensors_get(tensors, outside[i], &tensor);
        assert_null(tensor.name);
        assert_null(tensor.data);
    }
    pyr_tensors_close(tensors);
    pyr_tensors_close(NULL);
}

static void names_are_found_and_the_nearest_is_named(void **state) {
    place *self = *state;
    pyr_tensors *tensors = open_well(self, self->path);
    pyr_tensor tensor;
    assert_int_equal(pyr_tensors_find(tensors, "a.steps", &tensor, NULL), PYR_OK);
    assert_int_equal(tensor.index, 1);
    pyr_error error;
    assert_int_equal(pyr_tensors_find(tensors, "layer.wieght", &tensor, &error),
                     PYR_ERROR_NOT_FOUND);
    assert_null(tensor.name);
    assert_non_null(strstr(error.message, "did you mean \"layer.weight\"?"));
    assert_int_equal(pyr_tensors_find(tensors, "Layer.weight", &tensor, &error),
                     PYR_ERROR_NOT_FOUND);
    /* Nothing is called like it. */
    assert_int_equal(pyr_tensors_find(tensors, "zzzzzzzzzzzz", &tensor, &error),
                     PYR_ERROR_NOT_FOUND);
    assert_null(strstr(error.message, "did you mean"));
    /* Longer than any name, and than the message. */
    char name[3000];
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(pyr_tensors_find(tensors, name, &tensor, &error), PYR_ERROR_NOT_FOUND);
    assert_int_equal(pyr_tensors_find(tensors, "", &tensor, NULL), PYR_ERROR_NOT_FOUND);
    pyr_tensors_close(tensors);
}

static void a_folder_and_an_index_are_the_model_in_it(void **state) {
    place *self = *state;
    pyr_tensors *tensors = open_well(self, self->folder);
    assert_int_equal(pyr_tensors_count(tensors), 2);
    pyr_tensors_close(tensors);

    char folder[300];
    char path[512];
    snprintf(folder, sizeof(folder), "%s/sharded", self->folder);
    assert_int_equal(pyr_folder_create(folder, NULL), PYR_OK);
    snprintf(path, sizeof(path), "%s/model-1.safetensors", folder);
    write_layer(path);
    snprintf(path, sizeof(path), "%s/model-2.safetensors", folder);
    static const uint8_t flags[3] = {1, 0, 1};
    write_model(path, "{\"mask\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]}}", flags,
                sizeof(flags));
    char index[512];
    snprintf(index, sizeof(index), "%s/model.safetensors.index.json", folder);
    const char *json = "{\"metadata\":{\"total_size\":43},\"weight_map\":{"
                       "\"a.steps\":\"model-1.safetensors\",\"mask\":\"model-2.safetensors\","
                       "\"layer.weight\":\"model-1.safetensors\"}}";
    write_file(index, json, strlen(json));
    /* The index comes first where there is one. */
    const char *const names[] = {folder, index};
    for (size_t i = 0; i < 2; ++i) {
        tensors = open_well(self, names[i]);
        assert_int_equal(pyr_tensors_count(tensors), 3);
        pyr_tensor tensor;
        assert_int_equal(pyr_tensors_find(tensors, "mask", &tensor, NULL), PYR_OK);
        assert_string_equal(tensor.file, path);
        assert_memory_equal(tensor.data, flags, sizeof(flags));
        assert_int_equal(pyr_tensors_find(tensors, "a.steps", &tensor, NULL), PYR_OK);
        assert_memory_equal(tensor.data, steps, sizeof(steps));
        pyr_tensors_close(tensors);
    }
    unlink(path);
    open_fails(self, index, PYR_ERROR_NOT_FOUND, "model-2.safetensors");
}

static void a_registered_model_is_opened_by_its_name(void **state) {
    place *self = *state;
    run_with(self->f, "INSERT INTO model_registry (name, path) VALUES ('m@1', '%s')", self->path);
    run(self->f, "INSERT INTO model_registry (name, path) VALUES ('alias', 'model:m@1')");
    const char *const names[] = {"m", "m@1", "model:m", "model:alias", "alias"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        pyr_tensors *tensors = open_well(self, names[i]);
        pyr_tensor tensor;
        assert_int_equal(pyr_tensors_find(tensors, "a.steps", &tensor, NULL), PYR_OK);
        assert_memory_equal(tensor.data, steps, sizeof(steps));
        assert_string_equal(tensor.file, self->path);
        pyr_tensors_close(tensors);
        assert_int_equal(pyr_notices(self->f->connection, NULL, 0), 0);
    }
    open_fails(self, "model:other", PYR_ERROR_NOT_FOUND, "other");
    assert_string_equal(self->f->error.sqlstate, "42P01");
    open_fails(self, "other", PYR_ERROR_NOT_FOUND, "other"); /* a path, then */
    /* Another file has its place: it is opened, and that is said. */
    unlink(self->path);
    write_model(self->path, "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                weights, 4);
    pyr_tensors *tensors = open_well(self, "m");
    assert_int_equal(pyr_tensors_count(tensors), 1);
    pyr_tensors_close(tensors);
    char notice[512];
    assert_true(pyr_notices(self->f->connection, notice, sizeof(notice)) > 0);
    assert_non_null(strstr(notice, "model.safetensors"));
    unlink(self->path);
    open_fails(self, "m", PYR_ERROR_NOT_FOUND, "model.safetensors");
}

static void what_cannot_be_opened_is_said(void **state) {
    place *self = *state;
    open_fails(self, "", PYR_ERROR_INVALID_ARGUMENT, "name or path");
    open_fails(self, "/nowhere/a.safetensors", PYR_ERROR_NOT_FOUND, "/nowhere/a.safetensors");
    char path[512];
    snprintf(path, sizeof(path), "%s/a.csv", self->folder);
    write_file(path, "a,b\n1,2\n", 8);
    open_fails(self, path, PYR_ERROR_SQL, "a.csv");
    /* Called as a model is: what is wrong with it is said. */
    snprintf(path, sizeof(path), "%s/b.safetensors", self->folder);
    write_file(path, "a,b\n1,2\n", 8);
    open_fails(self, path, PYR_ERROR_SQL, "b.safetensors");
    write_file(path, "", 0);
    open_fails(self, path, PYR_ERROR_SQL, "b.safetensors");
    write_model(path, "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", weights,
                4);
    open_fails(self, path, PYR_ERROR_SQL, "w");
    unlink(self->path);
    unlink(path);
    open_fails(self, self->folder, PYR_ERROR_SQL, "model.safetensors");
}

/* ---- DLPack. ---- */

static struct DLManagedTensorVersioned *dlpack_of(pyr_tensors *tensors, const char *name) {
    pyr_tensor tensor;
    pyr_error error;
    assert_int_equal(pyr_tensors_find(tensors, name, &tensor, &error), PYR_OK);
    struct DLManagedTensorVersioned *managed = NULL;
    if (pyr_tensor_dlpack(&tensor, &managed, &error) != PYR_OK) {
        fail_msg("%s", error.message);
    }
    const char *start = (const char *)managed->dl_tensor.data + managed->dl_tensor.byte_offset;
    assert_ptr_equal(start, tensor.data);
    return managed;
}

static void dlpack_outlives_tensors_connection_and_database(void **state) {
    place *self = *state;
    pyr_tensors *tensors = open_well(self, self->path);
    struct DLManagedTensorVersioned *managed = dlpack_of(tensors, "layer.weight");
    struct DLManagedTensorVersioned *other = dlpack_of(tensors, "a.steps");
    other->deleter(other);
    pyr_tensors_close(tensors);
    void *f = self->f;
    self->f = NULL;
    assert_int_equal(fixture_teardown(&f), 0);
    unlink(self->path);
    assert_int_equal(managed->version.major, 1);
    assert_int_equal(managed->flags & 1, 1); /* read-only */
    assert_int_equal(managed->dl_tensor.ndim, 2);
    assert_int_equal(managed->dl_tensor.shape[1], 3);
    assert_int_equal(managed->dl_tensor.device.device_type, 1);
    assert_int_equal(managed->dl_tensor.dtype.code, 2);
    assert_int_equal(managed->dl_tensor.dtype.bits, 32);
    const char *start = (const char *)managed->dl_tensor.data + managed->dl_tensor.byte_offset;
    assert_memory_equal(start, weights, sizeof(weights));
    managed->deleter(managed);
}

static void the_unversioned_form_is_the_same_tensor(void **state) {
    place *self = *state;
    pyr_tensors *tensors = open_well(self, self->path);
    pyr_tensor tensor;
    assert_int_equal(pyr_tensors_find(tensors, "a.steps", &tensor, NULL), PYR_OK);
    struct DLManagedTensor *managed = NULL;
    assert_int_equal(pyr_tensor_dlpack_unversioned(&tensor, &managed, NULL), PYR_OK);
    pyr_tensors_close(tensors);
    assert_int_equal(managed->dl_tensor.ndim, 1);
    assert_int_equal(managed->dl_tensor.shape[0], 2);
    assert_int_equal(managed->dl_tensor.dtype.code, 0);
    const char *start = (const char *)managed->dl_tensor.data + managed->dl_tensor.byte_offset;
    assert_memory_equal(start, steps, sizeof(steps));
    managed->deleter(managed);
}

static void types_below_a_byte_are_exported_packed(void **state) {
    place *self = *state;
    write_model(self->path, "{\"w\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,2]}}", "ab",
                2);
    pyr_tensors *tensors = open_well(self, self->path);
    struct DLManagedTensorVersioned *managed = dlpack_of(tensors, "w");
    assert_int_equal(managed->dl_tensor.dtype.code, kDLFloat4_e2m1fn);
    assert_int_equal(managed->dl_tensor.dtype.bits, 4);
    managed->deleter(managed);
    pyr_tensors_close(tensors);
}

/* ---- Threads. ---- */

enum { THREADS = 4, ROUNDS = 200 };

static void *export_often(void *context) {
    pyr_tensors *tensors = context;
    for (int i = 0; i < ROUNDS; ++i) {
        pyr_tensor tensor;
        struct DLManagedTensorVersioned *managed = NULL;
        if (pyr_tensors_find(tensors, i % 2 == 0 ? "a.steps" : "layer.weight", &tensor, NULL) !=
                PYR_OK ||
            pyr_tensor_dlpack(&tensor, &managed, NULL) != PYR_OK) {
            return "failed";
        }
        managed->deleter(managed);
    }
    return NULL;
}

static void threads_share_tensors(void **state) {
    pyr_tensors *tensors = open_well(*state, ((place *)*state)->path);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; ++i) {
        assert_int_equal(pthread_create(&threads[i], NULL, export_often, tensors), 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        void *failure = NULL;
        pthread_join(threads[i], &failure);
        assert_null(failure);
    }
    pyr_tensors_close(tensors);
}

/* The handler that mappings rely on; cmocka puts its own in its place before each test. */
static struct sigaction mapping_action;

static int note_mapping_action(void **state) {
    void *self = NULL;
    assert_int_equal(set_up(&self), 0);
    pyr_tensors_close(open_well(self, ((place *)self)->path));
    assert_int_equal(sigaction(SIGBUS, NULL, &mapping_action), 0);
    (void)state;
    return tear_down(&self);
}

/* A header of 100 bytes before 64 KiB: the tensor's last page is gone when the file is cut. */
static void a_file_that_is_cut_is_an_error_after_it_was_read(void **state) {
    place *self = *state;
    enum { SIZE = 1 << 16 };
    char json[128];
    int length =
        snprintf(json, sizeof(json),
                 "{\"w\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]}}", SIZE, SIZE);
    uint64_t header = (uint64_t)length;
    uint8_t *bytes = calloc(1, 8 + header + SIZE);
    memcpy(bytes, &header, 8);
    memcpy(bytes + 8, json, header);
    memset(bytes + 8 + header, 9, SIZE);
    write_file(self->path, bytes, 8 + header + SIZE);
    free(bytes);
    pyr_tensors *tensors = open_well(self, self->path);
    pyr_tensor tensor;
    pyr_tensors_get(tensors, 0, &tensor);
    assert_int_equal(sigaction(SIGBUS, &mapping_action, NULL), 0);
    assert_int_equal(truncate(self->path, 4096), 0);
    const uint8_t *data = tensor.data;
    assert_int_equal(data[SIZE - 1], 0);
    pyr_error error;
    assert_int_equal(pyr_tensors_check(tensors, &error), PYR_ERROR_IO);
    assert_non_null(strstr(error.message, "model.safetensors"));
    pyr_tensors_close(tensors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(tensors_are_views_of_the_file),
        TEST(an_index_out_of_range_gives_nothing),
        TEST(names_are_found_and_the_nearest_is_named),
        TEST(a_folder_and_an_index_are_the_model_in_it),
        TEST(a_registered_model_is_opened_by_its_name),
        TEST(what_cannot_be_opened_is_said),
        TEST(dlpack_outlives_tensors_connection_and_database),
        TEST(the_unversioned_form_is_the_same_tensor),
        TEST(types_below_a_byte_are_exported_packed),
        TEST(threads_share_tensors),
        TEST(a_file_that_is_cut_is_an_error_after_it_was_read),
    };
    return cmocka_run_group_tests(tests, note_mapping_action, NULL);
}
