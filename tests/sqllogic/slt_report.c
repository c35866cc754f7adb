/* slt_report.c - the score, and why files fail.
 *
 * Two columns stand at each reason: in how many files it comes first, and how many files meet no
 * other "not supported by this version": those are the likely gain of removing it. */
#include "slt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reason {
    char text[SLT_REASON_SIZE];
    const char *example;
    int line;
    size_t first;
    size_t alone;
} reason;

typedef struct reasons {
    pyr_arena arena;
    reason *items;
    size_t count;
} reasons;

static reason *find_reason(reasons *all, const char *text) {
    for (size_t i = 0; i < all->count; ++i) {
        if (strcmp(all->items[i].text, text) == 0) {
            return &all->items[i];
        }
    }
    all->items = slt_grow(&all->arena, all->items, all->count, sizeof(reason));
    reason *item = &all->items[all->count++];
    memset(item, 0, sizeof(*item));
    snprintf(item->text, sizeof(item->text), "%s", text);
    return item;
}

static int compare_reasons(const void *left, const void *right) {
    const reason *a = left;
    const reason *b = right;
    if (a->first != b->first) {
        return a->first < b->first ? 1 : -1;
    }
    if (a->alone != b->alone) {
        return a->alone < b->alone ? 1 : -1;
    }
    return strcmp(a->text, b->text);
}

static void print_score(const slt_job *jobs, size_t count, slt_dialect dialect, const char *name) {
    size_t states[3] = {0};
    int64_t records = 0;
    for (size_t i = 0; i < count; ++i) {
        if (jobs[i].options.dialect == dialect) {
            ++states[jobs[i].outcome.state];
            records += jobs[i].outcome.records;
        }
    }
    printf("%s: %zu passed, %zu failed, %zu skipped of %zu files; %lld records run\n", name,
           states[SLT_PASSED], states[SLT_FAILED], states[SLT_SKIPPED],
           states[SLT_PASSED] + states[SLT_FAILED] + states[SLT_SKIPPED], (long long)records);
}

static void count_reasons(reasons *all, const slt_job *jobs, size_t count, slt_state state) {
    for (size_t i = 0; i < count; ++i) {
        const slt_outcome *outcome = &jobs[i].outcome;
        if (outcome->state != state) {
            continue;
        }
        reason *item = find_reason(all, outcome->reason);
        if (item->first++ == 0) {
            item->example = jobs[i].name;
            item->line = outcome->line;
        }
        if (outcome->missing_count == 0 ||
            (outcome->missing_count == 1 && strcmp(outcome->missing[0], outcome->reason) == 0)) {
            ++item->alone;
        }
    }
    if (all->count > 0) {
        qsort(all->items, all->count, sizeof(reason), compare_reasons);
    }
}

static void print_reasons(const slt_job *jobs, size_t count, slt_state state, const char *title,
                          size_t reasons_max) {
    reasons all = {0};
    pyr_arena_init(&all.arena, NULL);
    count_reasons(&all, jobs, count, state);
    if (all.count > 0) {
        printf("\n%s\n%6s %6s  %s\n", title, "first", "alone", "reason (an example)");
    }
    for (size_t i = 0; i < all.count && i < reasons_max; ++i) {
        const reason *item = &all.items[i];
        printf("%6zu %6zu  %s (%s:%d)\n", item->first, item->alone, item->text, item->example,
               item->line);
    }
    if (all.count > reasons_max) {
        size_t rest = 0;
        for (size_t i = reasons_max; i < all.count; ++i) {
            rest += all.items[i].first;
        }
        printf("%6zu         %zu more reasons\n", rest, all.count - reasons_max);
    }
    pyr_arena_deinit(&all.arena);
}

void slt_report_print(const slt_job *jobs, size_t count, size_t reasons_max) {
    print_reasons(jobs, count, SLT_SKIPPED, "skipped files by reason", reasons_max);
    print_reasons(jobs, count, SLT_FAILED, "failed files by their first failure", reasons_max);
    printf("\n");
    print_score(jobs, count, SLT_SQLITE, "sqlite");
    print_score(jobs, count, SLT_DUCKDB, "duckdb");
}
