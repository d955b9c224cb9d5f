/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of what differs, made once, so that a test of a rule only walks them.
 */
#include "src/model/workload-facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"

void workload_facts_clear(WorkloadFacts *facts) {
        for (size_t i = 0; i < N_WORKLOAD_TEXTS; i++)
                free(facts->texts[i].items);
        free(facts->users);
        free(facts->items);
        *facts = (WorkloadFacts) {};
}

static bool fact_equal(const WorkloadFact *a, const WorkloadFact *b) {
        return text_equal(a->workload.unit, b->workload.unit) && text_equal(a->workload.slice, b->workload.slice) &&
               text_equal(a->workload.container, b->workload.container) &&
               text_equal(a->workload.pod, b->workload.pod) && text_equal(a->cgroup, b->cgroup) &&
               a->user_state == b->user_state && a->user == b->user && a->account_state == b->account_state &&
               text_equal(a->account, b->account);
}

int workload_facts_add(WorkloadFacts *facts, const WorkloadFact *fact) {
        for (size_t i = 0; i < facts->n_items; i++)
                if (fact_equal(&facts->items[i], fact))
                        return 0;
        if (facts->n_items == WORKLOAD_FACTS_MAX) {
                facts->is_partial = true;
                return 0;
        }
        if (facts->n_items == facts->n_allocated) {
                size_t n = facts->n_allocated ? facts->n_allocated * 2 : 4;
                WorkloadFact *larger = reallocarray(facts->items, n, sizeof(*larger));

                if (!larger)
                        return -ENOMEM;
                facts->items = larger;
                facts->n_allocated = n;
        }
        facts->items[facts->n_items++] = *fact;
        return 0;
}

static const char *text_of(const WorkloadFact *fact, WorkloadText which) {
        switch (which) {
        case WORKLOAD_TEXT_UNIT:
                return fact->workload.unit;
        case WORKLOAD_TEXT_SLICE:
                return fact->workload.slice;
        case WORKLOAD_TEXT_CGROUP:
                return fact->cgroup;
        case WORKLOAD_TEXT_CONTAINER:
                return fact->workload.container;
        case WORKLOAD_TEXT_POD:
                return fact->workload.pod;
        case WORKLOAD_TEXT_ACCOUNT:
                return fact->account_state == FACT_KNOWN ? fact->account : "";
        }
        return "";
}

/* It has one, perhaps, and nobody knows which. */
static bool is_missing(const WorkloadFact *fact, WorkloadText which) {
        if (which == WORKLOAD_TEXT_CGROUP)
                return !fact->cgroup[0];
        return which == WORKLOAD_TEXT_ACCOUNT &&
               (fact->user_state == FACT_UNKNOWN || fact->account_state == FACT_UNKNOWN);
}

static int settle_texts(WorkloadFacts *facts, WorkloadText which) {
        WorkloadTexts *texts = &facts->texts[which];

        texts->items = calloc(facts->n_items + 1, sizeof(*texts->items));
        if (!texts->items)
                return -ENOMEM;
        texts->is_partial = facts->is_partial;
        for (size_t i = 0; i < facts->n_items; i++) {
                const char *text = text_of(&facts->items[i], which);
                size_t k = 0;

                texts->is_partial |= is_missing(&facts->items[i], which);
                while (k < texts->n_items && !text_equal(texts->items[k], text))
                        k++;
                if (text[0] && k == texts->n_items)
                        texts->items[texts->n_items++] = text;
        }
        return 0;
}

int workload_facts_settle(WorkloadFacts *facts) {
        int r = 0;

        for (unsigned i = 0; i < N_WORKLOAD_TEXTS && r >= 0; i++)
                r = settle_texts(facts, (WorkloadText) i);
        facts->users = calloc(facts->n_items + 1, sizeof(*facts->users));
        if (r < 0 || !facts->users)
                return -ENOMEM;
        facts->are_users_partial = facts->is_partial;
        for (size_t i = 0; i < facts->n_items; i++) {
                const WorkloadFact *fact = &facts->items[i];
                size_t k = 0;

                facts->are_users_partial |= fact->user_state != FACT_KNOWN;
                while (k < facts->n_users && facts->users[k] != fact->user)
                        k++;
                if (fact->user_state == FACT_KNOWN && k == facts->n_users)
                        facts->users[facts->n_users++] = fact->user;
        }
        return 0;
}

static const char *unit_name(const WorkloadFact *fact) {
        return fact->workload.unit[0] ? fact->workload.unit : fact->workload.container;
}

/* By name; a container is not the unit that is called the same. */
static int compare_units(const void *a, const void *b) {
        const WorkloadFact *left = *(const WorkloadFact *const *) a, *right = *(const WorkloadFact *const *) b;

        return strcmp(unit_name(left), unit_name(right)) ?:
               (int) !left->workload.unit[0] - (int) !right->workload.unit[0];
}

/* It becomes part of keys that stand in lines. */
static void unit_key(const WorkloadFact *fact, char buffer[static WORKLOAD_UNIT_KEY_SIZE]) {
        const char *name = unit_name(fact);
        bool is_whole;
        char *at;

        is_whole = snprintf(buffer, WORKLOAD_UNIT_KEY_SIZE, "%s=%s", fact->workload.unit[0] ? "unit" : "container",
                            name) < WORKLOAD_UNIT_KEY_SIZE;
        for (at = buffer; *at; at++)
                if (*at <= ' ' || *at > '~') {
                        *at = '?';
                        is_whole = false;
                }
        if (!is_whole) {
                at = min_of(at, buffer + WORKLOAD_UNIT_KEY_SIZE - 10);
                (void) snprintf(at, 10, "~%08x", text_hash(name));
        }
}

void workload_facts_units(const WorkloadFacts *facts, WorkloadUnits *ret_units) {
        const WorkloadFact *sorted[WORKLOAD_FACTS_MAX];
        size_t n = 0;

        for (size_t i = 0; i < facts->n_items; i++)
                if (unit_name(&facts->items[i])[0])
                        sorted[n++] = &facts->items[i];
        qsort(sorted, n, sizeof(*sorted), compare_units);

        ret_units->n_items = ret_units->n_left_out = 0;
        for (size_t i = 0; i < n; i++) {
                if (i > 0 && compare_units(&sorted[i - 1], &sorted[i]) == 0)
                        continue;
                if (ret_units->n_items < WORKLOAD_UNITS_MAX)
                        unit_key(sorted[i], ret_units->items[ret_units->n_items++]);
                else
                        ret_units->n_left_out++;
        }
}
