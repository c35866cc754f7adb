/* slt_main.c - the program: which files, how many at a time, and what comes of it. See README.md.
 */
#include "slt.h"

#include "base/file.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_SKIPPED 77 /* CTest's SKIP_RETURN_CODE */

typedef struct arguments {
    const char *corpora;  /* the folder that holds sqlite/ and duckdb/ */
    const char *list;     /* run these files only */
    const char *expect;   /* "passed", "failed": exit 1 unless every file ends so; or NULL */
    const char *skipped;  /* tab-separated: file, reason */
    const char *passing;  /* written: files that passed within file_ms */
    const char *outcomes; /* written: one line a file */
    long file_ms;
    unsigned jobs;
    unsigned timeout_s;
    size_t reasons;
    bool verbose;
} arguments;

typedef struct files {
    pyr_arena arena;
    slt_job *jobs;
    size_t count;
} files;

/* done() has no other way to know. */
static arguments given;

static void usage(FILE *out) {
    fputs("usage: sqllogictest [options] [FILE...]\n"
          "  FILE                 below the corpus: duckdb/test/sql/..., sqlite/test/...; else a\n"
          "                       path of the file system, run as duckdb's dialect. Default: all\n"
          "  --corpora DIR        holds sqlite/ and duckdb/ (PYRALOG_CORPORA/sqllogictest)\n"
          "  --list LIST          run the files that LIST names, one a line\n"
          "  --expect passed      exit 1 unless every file passes (or: failed)\n"
          "  --skipped TSV        files left out: file, tab, reason\n"
          "  --jobs N             files at a time (2)\n"
          "  --timeout SECONDS    of one file (600)\n"
          "  --reasons N          lines of the tables of reasons (40)\n"
          "  --verbose            every failure as it happens\n"
          "  --write-passing F    the files that passed within --file-ms of CPU each\n"
          "  --write-outcomes F   state, CPU milliseconds, file, line, reason of each\n",
          out);
}

/* ---- The files. ---- */

static void add_file(files *all, const char *name) {
    bool sqlite = strncmp(name, "sqlite/", 7) == 0;
    bool corpus = sqlite || strncmp(name, "duckdb/", 7) == 0;
    all->jobs = slt_grow(&all->arena, all->jobs, all->count, sizeof(slt_job));
    slt_job *job = &all->jobs[all->count++];
    memset(job, 0, sizeof(*job));
    job->name = slt_strndup(&all->arena, name, strlen(name));
    job->options.dialect = sqlite ? SLT_SQLITE : SLT_DUCKDB;
    job->options.folder =
        corpus ? slt_printf(&all->arena, "%s/%s", given.corpora, sqlite ? "sqlite" : "duckdb")
               : ".";
    job->options.path = corpus ? job->name + 7 : job->name;
    job->options.check_errors = !corpus;
}

/* The first column of every line but comments and the heading; visit gets the line's rest too. */
static bool read_table(const char *path, bool heading, const char *prefix,
                       void (*visit)(files *all, const char *name, const char *rest), files *all) {
    pyr_error error;
    char *text = NULL;
    size_t size;
    if (pyr_file_read_all(path, (size_t)64 << 20, &text, &size, &error) != PYR_OK) {
        fprintf(stderr, "sqllogictest: %s\n", error.message);
        return false;
    }
    char *state = NULL;
    for (char *line = strtok_r(text, "\n", &state); line != NULL;
         line = strtok_r(NULL, "\n", &state)) {
        if (heading || line[0] == '#') {
            heading = false;
            continue;
        }
        char *tab = strchr(line, '\t');
        if (tab != NULL) {
            *tab = '\0';
        }
        char *name = slt_printf(&all->arena, "%s%s", prefix, line);
        visit(all, name, tab != NULL ? tab + 1 : "");
    }
    free(text);
    return true;
}

static void visit_file(files *all, const char *name, const char *rest) {
    (void)rest;
    add_file(all, name);
}

static void visit_skipped(files *all, const char *name, const char *rest) {
    for (size_t i = 0; i < all->count; ++i) {
        if (strcmp(all->jobs[i].name, name) == 0) {
            slt_outcome *outcome = &all->jobs[i].outcome;
            outcome->state = SLT_SKIPPED;
            snprintf(outcome->reason, sizeof(outcome->reason), "%s", rest);
            return;
        }
    }
    fprintf(stderr, "sqllogictest: %s: there is no such file: %s\n", given.skipped, name);
}

static bool find_files(files *all, char **names, int count) {
    if (given.list != NULL) {
        return read_table(given.list, false, "", visit_file, all);
    }
    for (int i = 0; i < count; ++i) {
        char *path = strncmp(names[i], "sqlite/", 7) != 0 && strncmp(names[i], "duckdb/", 7) != 0
                         ? realpath(names[i], NULL)
                         : NULL;
        add_file(all, path != NULL ? path : names[i]);
        free(path);
    }
    if (count > 0) {
        return true;
    }
    /* The sqlite files are few and long: first, so that nobody waits for them alone at the end. */
    return read_table(slt_printf(&all->arena, "%s/sqlite/INDEX.tsv", given.corpora), true,
                      "sqlite/", visit_file, all) &&
           read_table(slt_printf(&all->arena, "%s/duckdb/INDEX.tsv", given.corpora), true,
                      "duckdb/", visit_file, all);
}

/* Files of the skip list go behind the others, where they are not run. */
static size_t order_skipped_last(files *all) {
    slt_job *ordered = pyr_arena_array(&all->arena, all->count + 1, sizeof(slt_job));
    if (ordered == NULL) {
        slt_out_of_memory();
    }
    size_t run = 0;
    for (size_t i = 0; i < all->count; ++i) {
        if (all->jobs[i].outcome.state != SLT_SKIPPED) {
            ordered[run++] = all->jobs[i];
        }
    }
    size_t next = run;
    for (size_t i = 0; i < all->count; ++i) {
        if (all->jobs[i].outcome.state == SLT_SKIPPED) {
            ordered[next++] = all->jobs[i];
        }
    }
    all->jobs = ordered;
    return run;
}

/* ---- What comes of it. ---- */

static const char *const state_names[] = {"passed", "failed", "skipped"};

/* A crash or a hang is no failure that a file may be written for. */
static bool is_expected(const slt_outcome *outcome) {
    return given.expect == NULL || (strcmp(state_names[outcome->state], given.expect) == 0 &&
                                    (outcome->finished || outcome->state == SLT_SKIPPED));
}

static void done(const slt_job *job) {
    const slt_outcome *outcome = &job->outcome;
    if (!is_expected(outcome) || (given.verbose && outcome->state == SLT_FAILED)) {
        printf("%s %s:%d: %s\n", state_names[outcome->state], job->name, outcome->line,
               outcome->state == SLT_FAILED ? outcome->message : outcome->reason);
    }
    fflush(stdout);
}

static int compare_names(const void *left, const void *right) {
    return strcmp(((const slt_job *)left)->name, ((const slt_job *)right)->name);
}

static void write_lists(files *all) {
    qsort(all->jobs, all->count, sizeof(slt_job), compare_names);
    FILE *passing = given.passing != NULL ? fopen(given.passing, "w") : NULL;
    FILE *outcomes = given.outcomes != NULL ? fopen(given.outcomes, "w") : NULL;
    for (size_t i = 0; i < all->count; ++i) {
        const slt_outcome *outcome = &all->jobs[i].outcome;
        if (passing != NULL && outcome->state == SLT_PASSED && outcome->cpu_ms <= given.file_ms) {
            fprintf(passing, "%s\n", all->jobs[i].name);
        }
        if (outcomes != NULL) {
            fprintf(outcomes, "%s\t%lld\t%s\t%d\t%s\t%s\n", state_names[outcome->state],
                    (long long)outcome->cpu_ms, all->jobs[i].name, outcome->line, outcome->reason,
                    outcome->message);
            for (int m = 0; m < outcome->missing_count; ++m) {
                fprintf(outcomes, "missing\t%d\t%s\t0\t%s\t\n", outcome->missing_count,
                        all->jobs[i].name, outcome->missing[m]);
            }
        }
    }
    if (passing != NULL) {
        fclose(passing);
    }
    if (outcomes != NULL) {
        fclose(outcomes);
    }
}

static int run(files *all, const char *scratch) {
    size_t count = order_skipped_last(all);
    slt_pool_run(all->jobs, count, given.jobs, given.timeout_s, scratch, done);
    slt_report_print(all->jobs, all->count, given.reasons);
    write_lists(all);
    int status = 0;
    for (size_t i = 0; i < all->count; ++i) {
        status |= !is_expected(&all->jobs[i].outcome);
    }
    return status;
}

static bool read_arguments(int argc, char **argv) {
    static const struct option options[] = {{"corpora", required_argument, NULL, 'c'},
                                            {"list", required_argument, NULL, 'l'},
                                            {"expect", required_argument, NULL, 'e'},
                                            {"skipped", required_argument, NULL, 's'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"reasons", required_argument, NULL, 'r'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {"write-passing", required_argument, NULL, 'p'},
                                            {"write-outcomes", required_argument, NULL, 'o'},
                                            {"file-ms", required_argument, NULL, 'm'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    given = (arguments){.file_ms = 1000, .jobs = 2, .timeout_s = 600, .reasons = 40};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        unsigned long number = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;
        switch (option) {
        case 'c':
            given.corpora = optarg;
            break;
        case 'l':
            given.list = optarg;
            break;
        case 'e':
            given.expect = optarg;
            break;
        case 's':
            given.skipped = optarg;
            break;
        case 'j':
            given.jobs = number > 0 ? (unsigned)number : 1;
            break;
        case 't':
            given.timeout_s = (unsigned)number;
            break;
        case 'r':
            given.reasons = number;
            break;
        case 'v':
            given.verbose = true;
            break;
        case 'p':
            given.passing = optarg;
            break;
        case 'o':
            given.outcomes = optarg;
            break;
        case 'm':
            given.file_ms = (long)number;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            return false;
        }
    }
    return true;
}

/* The corpus's folder, absolute, in the arena; NULL where it is not there. */
static const char *find_corpora(pyr_arena *arena) {
    const char *folder = given.corpora;
    const char *corpora = getenv("PYRALOG_CORPORA");
    if (folder == NULL && corpora != NULL) {
        folder = slt_printf(arena, "%s/sqllogictest", corpora);
    }
    char *path = folder != NULL ? realpath(folder, NULL) : NULL;
    if (path == NULL) {
        return NULL;
    }
    const char *copy = slt_strndup(arena, path, strlen(path));
    free(path);
    return copy;
}

static bool is_of_corpus(const char *name) {
    return strncmp(name, "sqlite/", 7) == 0 || strncmp(name, "duckdb/", 7) == 0;
}

static bool needs_corpora(char **names, int count) {
    bool needs = count == 0 || given.list != NULL;
    for (int i = 0; i < count; ++i) {
        needs |= is_of_corpus(names[i]);
    }
    return needs;
}

int main(int argc, char **argv) {
    files all = {0};
    pyr_arena_init(&all.arena, NULL);
    if (!read_arguments(argc, argv)) {
        return 2;
    }
    given.corpora = find_corpora(&all.arena);
    if (given.corpora == NULL && needs_corpora(argv + optind, argc - optind)) {
        printf("SKIPPED: no sqllogictest files: set PYRALOG_CORPORA\n");
        pyr_arena_deinit(&all.arena);
        return EXIT_SKIPPED;
    }
    char scratch[256];
    const char *temporary = getenv("TMPDIR");
    snprintf(scratch, sizeof(scratch), "%s/sqllogictest-XXXXXX",
             temporary != NULL ? temporary : "/tmp");
    if (!find_files(&all, argv + optind, argc - optind) ||
        (given.skipped != NULL && !read_table(given.skipped, false, "", visit_skipped, &all))) {
        return 2;
    }
    if (all.count == 0) {
        fputs("sqllogictest: there is no file to run\n", stderr);
        return 2;
    }
    if (mkdtemp(scratch) == NULL) {
        fprintf(stderr, "sqllogictest: %s: %s\n", scratch, strerror(errno));
        return 2;
    }
    int status = run(&all, scratch);
    pyr_error error;
    if (pyr_folder_remove(scratch, &error) != PYR_OK) {
        fprintf(stderr, "sqllogictest: %s\n", error.message);
    }
    pyr_arena_deinit(&all.arena);
    return status;
}
