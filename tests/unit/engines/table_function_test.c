/* table_function_test.c - functions in FROM by themselves: their arguments, what a statement has
 * opened, models by name. tests/sql/tensors.test and tests/cli/test_tensors.py have what they give.
 */
#include "unit/engines/support_native.h"

#include "base/file.h"
#include "base/mapping.h"
#include "engines/functions/table_function.h"
#include "formats/safetensors/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct fixture {
    char *folder;
    char path[300];
    pyr_opened_tables opened;
    pyr_error error;
} fixture;

/* A Safetensors file of one tensor "w" of three bytes. */
static void write_model(const char *path) {
    static const char header[] =
        "{\"w\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}  ";
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    uint64_t length = sizeof(header) - 1;
    fwrite(&length, 8, 1, file);
    fwrite(header, 1, length, file);
    fwrite("\1\2\3", 1, 3, file);
    fclose(file);
}

static int setup(void **state) {
    fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->folder = native_temp_folder();
    snprintf(f->path, sizeof(f->path), "%s/m", f->folder);
    write_model(f->path);
    pyr_error_clear(&f->error);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    pyr_opened_tables_deinit(&f->opened);
    assert_int_equal(pyr_folder_remove(f->folder, NULL), PYR_OK);
    free(f->folder);
    free(f);
    return 0;
}

static const pyr_file_access everything = {.unrestricted = true};

static pyr_function_call call_of(fixture *f, const char *first, const char *second) {
    pyr_function_call call = {.files = &everything, .opened = &f->opened};
    const char *texts[] = {first, second};
    for (int i = 0; i < PYR_FUNCTION_PARAMETERS_MAX; ++i) {
        call.values[i].position = 10 * (i + 1);
        if (i < 2 && texts[i] != NULL) {
            call.values[i].given = true;
            call.values[i].text = texts[i];
        }
    }
    return call;
}

static void functions_are_found_by_any_case_of_their_names(void **state) {
    (void)state;
    for (size_t i = 0; i < pyr_table_functions(); ++i) {
        const pyr_table_function *function = pyr_table_function_at(i);
        assert_ptr_equal(pyr_table_function_find(function->name), function);
        assert_true(function->parameters_count <= PYR_FUNCTION_PARAMETERS_MAX);
        assert_true(function->columns_count <= PYR_FUNCTION_COLUMNS_MAX);
    }
    assert_string_equal(pyr_table_function_find("Read_Zarr")->name, "read_zarr");
    assert_null(pyr_table_function_find("read_zar"));
    assert_null(pyr_table_function_find(""));
}

static void arguments_go_to_their_places_and_names(void **state) {
    fixture *f = *state;
    const pyr_table_function *zarr = pyr_table_function_find("read_zarr");
    pyr_function_call call = call_of(f, NULL, NULL);
    int32_t parameter = -1;
    assert_true(pyr_table_function_place(zarr, &call, 0, NULL, &parameter));
    assert_int_equal(parameter, 0);
    assert_true(pyr_table_function_place(zarr, &call, 1, NULL, &parameter));
    assert_int_equal(parameter, 1);
    assert_false(pyr_table_function_place(zarr, &call, 2, NULL, &parameter)); /* by name alone */
    assert_true(pyr_table_function_place(zarr, &call, 5, "DECODE_CF", &parameter));
    assert_int_equal(parameter, 2);
    call.values[2].given = true;
    assert_false(pyr_table_function_place(zarr, &call, 5, "decode_cf", &parameter)); /* twice */
    assert_false(pyr_table_function_place(zarr, &call, 5, "decode", &parameter));
}

static void what_is_missing_is_named_and_errors_have_a_place(void **state) {
    fixture *f = *state;
    pyr_table *table = NULL;
    pyr_function_call call = call_of(f, f->path, NULL);
    assert_int_equal(
        pyr_table_function_open(pyr_table_function_find("tensor_values"), &call, &table, &f->error),
        PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "42883");
    assert_non_null(strstr(f->error.message, "\"name\""));
    call = call_of(f, f->path, "v");
    assert_int_equal(
        pyr_table_function_open(pyr_table_function_find("tensor_values"), &call, &table, &f->error),
        PYR_ERROR_SQL);
    assert_int_equal(f->error.position, 20);
    call = call_of(f, "/nowhere/at/all", NULL);
    assert_int_equal(
        pyr_table_function_open(pyr_table_function_find("tensor_stats"), &call, &table, &f->error),
        PYR_ERROR_NOT_FOUND);
    assert_int_equal(f->error.position, 10);
    assert_null(table);
    assert_int_equal(f->opened.count, 0);
}

static void a_statement_opens_the_same_once(void **state) {
    fixture *f = *state;
    const pyr_table_function *stats = pyr_table_function_find("tensor_stats");
    pyr_table *tables[4] = {NULL};
    pyr_function_call call = call_of(f, f->path, NULL);
    assert_int_equal(pyr_table_function_open(stats, &call, &tables[0], NULL), PYR_OK);
    write_model(f->path); /* whatever is there by now */
    assert_int_equal(pyr_table_function_open(stats, &call, &tables[1], NULL), PYR_OK);
    assert_ptr_equal(tables[0], tables[1]);
    assert_int_equal(pyr_table_function_open(pyr_table_function_find("read_safetensors"), &call,
                                             &tables[2], NULL),
                     PYR_OK);
    assert_ptr_not_equal(tables[0], tables[2]);
    call.opened = NULL;
    assert_int_equal(pyr_table_function_open(stats, &call, &tables[3], NULL), PYR_OK);
    assert_ptr_not_equal(tables[0], tables[3]);
    for (int i = 0; i < 4; ++i) {
        pyr_table_release(tables[i]);
    }
    assert_int_equal(f->opened.count, 2);
}

static void a_batch_of_values_is_cancelled_while_it_is_read(void **state) {
    static const char *const functions[] = {"tensor_stats", "tensor_diff"};
    fixture *f = *state;
    for (size_t i = 0; i < 2; ++i) {
        pyr_table *table = NULL;
        pyr_batch *batch = NULL;
        pyr_cancel_flag cancel;
        pyr_cancel_flag_init(&cancel);
        pyr_function_call call = call_of(f, f->path, f->path);
        call.opened = NULL;
        call.cancel = &cancel;
        assert_int_equal(
            pyr_table_function_open(pyr_table_function_find(functions[i]), &call, &table, NULL),
            PYR_OK);
        assert_int_equal(
            pyr_segment_batch(table->segments[0], 0, NULL, 0, NULL, NULL, &batch, NULL), PYR_OK);
        pyr_batch_release(batch);
        pyr_cancel_flag_raise(&cancel);
        assert_int_equal(
            pyr_segment_batch(table->segments[0], 0, NULL, 0, NULL, NULL, &batch, &f->error),
            PYR_ERROR_CANCELLED);
        pyr_table_release(table);
    }
}

/* ---- Models. ---- */

typedef struct registry {
    const char *path;
    int asked;
    char name[64];
} registry;

static pyr_status open_model(void *context, const char *name, pyr_safetensors **out,
                             pyr_error *error) {
    registry *self = context;
    ++self->asked;
    snprintf(self->name, sizeof(self->name), "%s", name);
    if (strcmp(name, "m@prod") != 0) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1, "no model \"%s\"", name);
    }
    pyr_buffer *bytes = NULL;
    PYR_TRY(pyr_mapping_open(self->path, &bytes, error));
    pyr_status status = pyr_safetensors_open(bytes, self->path, NULL, out, error);
    pyr_buffer_release(bytes);
    return status;
}

/* What is registered is read by grant, without a right to its path. */
static void a_model_is_opened_by_the_registry_and_needs_no_right(void **state) {
    fixture *f = *state;
    registry models = {.path = f->path};
    pyr_model_resolver resolver = {&models, open_model, NULL};
    pyr_file_access none = {0};
    pyr_table *table = NULL;
    const pyr_table_function *read = pyr_table_function_find("read_safetensors");
    pyr_function_call call = call_of(f, "model:m@prod", NULL);
    call.files = &none;
    assert_int_equal(pyr_table_function_open(read, &call, &table, &f->error), PYR_ERROR_NOT_FOUND);
    assert_string_equal(f->error.sqlstate, "42P01");
    call.models = &resolver;
    assert_int_equal(pyr_table_function_open(read, &call, &table, NULL), PYR_OK);
    assert_string_equal(models.name, "m@prod");
    assert_int_equal(table->rows, 1);
    pyr_table_release(table);
    call = call_of(f, f->path, NULL);
    call.files = &none;
    call.models = &resolver;
    assert_int_equal(pyr_table_function_open(read, &call, &table, &f->error), PYR_ERROR_PERMISSION);
    assert_int_equal(models.asked, 1);
    call = call_of(f, "model:other", NULL);
    call.models = &resolver;
    assert_int_equal(pyr_table_function_open(read, &call, &table, &f->error), PYR_ERROR_NOT_FOUND);
    assert_string_equal(f->error.message, "no model \"other\"");
    assert_int_equal(f->error.position, 10);
}

static void a_file_has_its_function_by_content(void **state) {
    fixture *f = *state;
    const pyr_table_function *function = NULL;
    char path[400];
    assert_int_equal(pyr_table_function_of_file(f->path, &everything, &function, NULL), PYR_OK);
    assert_string_equal(function->name, "read_safetensors");
    assert_int_equal(pyr_table_function_of_file(f->folder, &everything, &function, NULL), PYR_OK);
    assert_null(function);
    snprintf(path, sizeof(path), "%s/none.zarr", f->folder);
    assert_int_equal(pyr_table_function_of_file(path, &everything, &function, &f->error),
                     PYR_ERROR_NOT_FOUND);
    snprintf(path, sizeof(path), "%s/none.csv", f->folder);
    assert_int_equal(pyr_table_function_of_file(path, &everything, &function, NULL), PYR_OK);
    assert_null(function);
    pyr_file_access none = {0};
    assert_int_equal(pyr_table_function_of_file(path, &none, &function, NULL),
                     PYR_ERROR_PERMISSION);
    assert_int_equal(
        pyr_table_function_of_file("s3://b/m.safetensors", &everything, &function, NULL), PYR_OK);
    assert_null(function);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(functions_are_found_by_any_case_of_their_names),
        TEST(arguments_go_to_their_places_and_names),
        TEST(what_is_missing_is_named_and_errors_have_a_place),
        TEST(a_statement_opens_the_same_once),
        TEST(a_batch_of_values_is_cancelled_while_it_is_read),
        TEST(a_model_is_opened_by_the_registry_and_needs_no_right),
        TEST(a_file_has_its_function_by_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
