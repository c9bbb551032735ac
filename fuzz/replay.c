/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target on files, without a fuzzer: each argument is a file or a
 * folder of them. So a corpus is a test wherever gev builds.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MAX_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int n_run;

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rbe");
    uint8_t *data = f ? malloc(MAX_BYTES) : NULL;

    if (!data) {
        perror(path);
        exit(1);
    }
    size_t size = fread(data, 1, MAX_BYTES, f);
    (void)fclose(f);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return ++n_run;
}

static void replay_folder(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        char file[4096];
        int len =
            snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && len < (int)sizeof file) {
            (void)replay_file(file);
        }
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            replay_folder(argv[i]);
        } else {
            (void)replay_file(argv[i]);
        }
    }
    (void)printf("%d inputs\n", n_run);
    return n_run > 0 ? 0 : 1;
}
