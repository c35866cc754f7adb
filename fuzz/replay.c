/* replay.c - runs a fuzzer's entry point over files and folders given as arguments, so that CTest
 * replays every corpus under the sanitizers without libFuzzer. Missing folders are reported. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    /* Exactly as long as the input, so that ASan sees a read behind it. */
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    size_t got = data == NULL ? 0 : fread(data, 1, (size_t)size, file);
    fclose(file);
    int result = data != NULL && got == (size_t)size ? 0 : -1;
    if (result == 0) {
        LLVMFuzzerTestOneInput(data, got);
    }
    free(data);
    return result;
}

static int replay(const char *path, long *count) {
    struct stat info;
    if (stat(path, &info) != 0) {
        fprintf(stderr, "replay: %s: not there, skipped\n", path);
        return 0;
    }
    if (!S_ISDIR(info.st_mode)) {
        ++*count;
        return replay_file(path);
    }
    DIR *folder = opendir(path);
    if (folder == NULL) {
        perror(path);
        return -1;
    }
    int result = 0;
    struct dirent *entry;
    while (result == 0 && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        size_t length = strlen(path) + strlen(entry->d_name) + 2;
        char *child = malloc(length);
        if (child == NULL) {
            result = -1;
            break;
        }
        snprintf(child, length, "%s/%s", path, entry->d_name);
        result = replay(child, count);
        free(child);
    }
    closedir(folder);
    return result;
}

int main(int argc, char **argv) {
    long count = 0;
    for (int i = 1; i < argc; ++i) {
        if (replay(argv[i], &count) != 0) {
            return 1;
        }
    }
    printf("replayed %ld inputs\n", count);
    return 0;
}
