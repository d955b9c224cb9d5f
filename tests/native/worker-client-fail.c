/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/native/worker-client-fail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/protocol/workload-list.h"

static uint64_t seconds_of(const char *text) {
        return text_equal(text, "clear") ? WORKLOAD_HOLD_UNTIL_CLEAR
                                         : (uint64_t) (strtod(text, NULL) * (double) USEC_PER_SEC);
}

/* "UNIT", "UNIT/CONTAINER" or "/CONTAINER". */
static int announce(WorkloadPlan *plan, char *value) {
        Workload workload = { .user = WORKLOAD_USER_NONE };
        char *slash = strchr(value, '/');
        int r;

        if (slash)
                *slash++ = 0;
        (void) text_copy(workload.unit, sizeof(workload.unit), value);
        (void) text_copy(workload.container, sizeof(workload.container), slash ?: "");
        r = workload_plan_add(plan, &(PlanUser) { .kind = USER_PROCESS, .name = "", .uses = USE_OPEN,
                                                  .workload = &workload });
        if (r >= 0 && plan->n_workloads > 0)
                plan->workloads[plan->n_workloads - 1].is_taken = true;
        return r;
}

static int take_word(char *word, WorkerFailRequest *request, WorkloadPlan *announced) {
        char *value = strchr(word, '=');
        WorkloadScope *scope = &request->scope;
        WorkloadWho who;
        WorkloadKey key;

        if (value)
                *value++ = 0;
        else
                value = word + strlen(word);

        if (text_equal(word, "announce"))
                return announce(announced, value);
        if (text_equal(word, "term"))
                scope->term_usec = seconds_of(value);
        else if (text_equal(word, "hold"))
                scope->hold_usec = seconds_of(value);
        else if (text_equal(word, "thaw"))
                scope->thaw_usec = seconds_of(value);
        else if (text_equal(word, "max"))
                scope->max = (uint32_t) strtoul(value, NULL, 10);
        else if (text_equal(word, "inode"))
                request->inode = strtoull(value, NULL, 10);
        else if (text_equal(word, "rule"))
                (void) text_copy(request->rule_id, sizeof(request->rule_id), value);
        else if (text_equal(word, "large"))
                scope->is_large_confirmed = 1;
        else if (text_equal(word, "unused"))
                scope->even_if_unused = 1;
        else if (text_equal(word, "who") && workload_who_from_name(value, &who) >= 0)
                scope->who = (uint8_t) who;
        else if (workload_key_from_name(word, &key) >= 0)
                return workload_scope_add_only(scope, key, value);
        else
                return -EINVAL;
        return 0;
}

int client_read_fail(char *words, WorkerFailRequest *request) {
        WorkloadPlan announced = {};
        WorkloadHow how;
        char *rest = NULL, *word = strtok_r(words, " ", &rest);
        int r, fd = -EBADF;

        if (!word || workload_how_from_name(word, &how) < 0)
                return -EINVAL;
        request->scope = workload_scope_default(how);
        r = 0;
        while (r >= 0 && (word = strtok_r(NULL, " ", &rest)))
                r = take_word(word, request, &announced);
        if (r >= 0 && announced.n_workloads > 0)
                r = workload_list_make(&announced, &fd);
        workload_plan_clear(&announced);
        return r < 0 ? r : fd;
}

void client_print_workload(const WorkerWorkload *workload) {
        printf("workload %" PRIu64 " %s unit=%s container=%s pod=%s name=%s processes=%u left=%u held=%u error=%d %s\n",
               workload->job_id, workload_fate_to_name((WorkloadFate) workload->fate), workload->unit,
               workload->container, workload->pod, workload->name, workload->n_processes, workload->n_left,
               workload->is_held, workload->error, workload->detail);
}

void client_print_hold(const WorkerHold *hold) {
        printf("hold %s %s job=%" PRIu64 " rule=%s left=%" PRId64 "\n", hold->unit, hold->is_over ? "over" : "held",
               hold->job_id, hold->rule_id,
               hold->until_boottime_usec == USEC_INFINITY
                       ? -1 : (int64_t) (hold->until_boottime_usec - clock_boottime_usec()) / (int64_t) USEC_PER_SEC);
}
