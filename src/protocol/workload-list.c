/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts in a row. What is read is made into a plan, so that there is one way of looking somebody up.
 */
#include "src/protocol/workload-list.h"

#include <errno.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/sealed-memory.h"
#include "src/basic/text.h"

#define LIST_MAX_BYTES ((size_t) WORKLOADS_MAX_LIMIT * (UNIT_NAME_SIZE + WORKLOAD_CONTAINER_SIZE))

int workload_list_make(const WorkloadPlan *plan, int *ret_fd) {
        _cleanup_(close_fd_at) int fd = sealed_memory_new("healerd-workloads");
        int r = 0;

        if (fd < 0)
                return fd;
        for (size_t i = 0; r >= 0 && i < plan->n_workloads; i++) {
                const Workload *workload = &plan->workloads[i].workload;

                if (!plan->workloads[i].is_taken)
                        continue;
                r = file_write_all(fd, workload->unit, strlen(workload->unit) + 1);
                if (r >= 0)
                        r = file_write_all(fd, workload->container, strlen(workload->container) + 1);
        }
        if (r >= 0)
                r = sealed_memory_seal(fd);
        if (r < 0)
                return r;

        *ret_fd = steal_fd(&fd);
        return 0;
}

/* One text, up to @end. Returns 0 or -EBADMSG. */
static int take_text(const char **at, const char *end, char *buffer, size_t size_bytes) {
        const char *nul = memchr(*at, 0, (size_t) (end - *at));

        if (!nul || text_copy(buffer, size_bytes, *at) < 0)
                return -EBADMSG;
        *at = nul + 1;
        return 0;
}

int workload_list_read(int fd, WorkloadPlan *ret_plan) {
        _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
        _cleanup_(free_at) char *bytes = NULL;
        const char *at, *end;
        size_t n_bytes;
        int r;

        r = sealed_memory_read(fd, LIST_MAX_BYTES, &bytes, &n_bytes);
        if (r < 0)
                return r;

        end = bytes + n_bytes;
        for (at = bytes; at < end;) {
                Workload workload = { .user = WORKLOAD_USER_NONE };

                r = take_text(&at, end, workload.unit, sizeof(workload.unit));
                if (r >= 0)
                        r = take_text(&at, end, workload.container, sizeof(workload.container));
                if (r >= 0 && !workload.unit[0] && !workload.container[0])
                        r = -EBADMSG;
                if (r >= 0)
                        r = workload_plan_add(&plan, &(PlanUser) { .kind = USER_PROCESS, .name = "",
                                                                   .uses = USE_OPEN, .workload = &workload });
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < plan.n_workloads; i++)
                plan.workloads[i].is_taken = true;
        plan.n_taken = plan.n_workloads;

        *ret_plan = plan;
        plan = (WorkloadPlan) {};
        return 0;
}
